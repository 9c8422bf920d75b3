#include "admin/cli/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DURATION_MOST (INT64_C(100000) * 86400 * 1000)

/* "90s" at *text, which moves on; the unit must be smaller than the last one, *rank. */
static bool
read_part(const char **text, size_t *rank, int64_t *ms)
{
	static const struct {
		char unit;
		int seconds;
	} units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
	size_t digits = strspn(*text, "0123456789");
	char number[12];
	uint64_t count;

	if (digits >= sizeof number)
		return false;
	memcpy(number, *text, digits);
	number[digits] = '\0';
	if (!whole_from_text(number, UINT64_MAX, &count) || (*text)[digits] == '\0')
		return false;
	while (*rank < NITEMS(units) && units[*rank].unit != (*text)[digits])
		(*rank)++;
	if (*rank == NITEMS(units))
		return false;
	*ms += (int64_t)count * units[(*rank)++].seconds * 1000;
	*text += digits + 1;
	return *ms <= DURATION_MOST;
}

bool
when_duration(const char *text, int64_t *ms)
{
	size_t rank = 0;

	*ms = 0;
	do
		if (!read_part(&text, &rank, ms))
			return false;
	while (*text != '\0');
	return true;
}

/* "2026-11-20", "2026-11-20T12:00:00.5Z" */
static bool
read_date(const char *text, int64_t *wall)
{
	struct tm when = {0}, there;
	const char *rest = strptime(text, "%Y-%m-%d", &when);
	size_t digits;
	int64_t ms = 0;
	time_t time;

	if (text[0] < '0' || text[0] > '9' || rest == NULL)
		return false;
	if ((*rest == 'T' || *rest == ' ') && (rest = strptime(rest + 1, "%H:%M", &when)) == NULL)
		return false;
	if (*rest == ':' && (rest = strptime(rest + 1, "%S", &when)) == NULL)
		return false;
	if (*rest == '.') {
		digits = strspn(rest + 1, "0123456789");
		if (digits == 0)
			return false;
		for (size_t i = 0, unit = 100; i < MIN(digits, 3u); i++, unit /= 10)
			ms += (int64_t)unit * (rest[1 + i] - '0');
		rest += 1 + digits;
	}
	there = when;
	time = timegm(&there);
	if (there.tm_mday != when.tm_mday) /* 31 February */
		return false;
	*wall = (int64_t)time * 1000 + ms;
	return *rest == '\0' || strcmp(rest, "Z") == 0;
}

bool
when_read(const char *text, int64_t *wall)
{
	uint64_t seconds;
	int64_t ago;

	if (whole_from_text(text, INT64_MAX / 1000, &seconds))
		*wall = (int64_t)seconds * 1000;
	else if (when_duration(text, &ago))
		*wall = wall_ms() - ago;
	else
		return read_date(text, wall);
	return true;
}

const char *
when_age(int64_t ms, char out[16])
{
	long long seconds = MAX(0, ms) / 1000;

	if (seconds < 120)
		snprintf(out, 16, "%llds", seconds);
	else if (seconds < 7200)
		snprintf(out, 16, "%lldm", seconds / 60);
	else if (seconds < 172800)
		snprintf(out, 16, "%lldh", seconds / 3600);
	else
		snprintf(out, 16, "%lldd", seconds / 86400);
	return out;
}
