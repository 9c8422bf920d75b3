#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

bool
when_read(const char *text, int64_t *wall)
{
	static const struct {
		char unit;
		int seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct tm when = {0};
	char *end;
	long long number = strtoll(text, &end, 10);
	const char *rest;

	if (end != text && *end == '\0') {
		*wall = number * 1000;
		return true;
	}
	for (size_t i = 0; i < NITEMS(units); i++)
		if (end != text && end[0] == units[i].unit && end[1] == '\0') {
			*wall = wall_ms() - number * units[i].seconds * 1000;
			return true;
		}
	if ((rest = strptime(text, "%Y-%m-%d", &when)) == NULL)
		return false;
	if ((*rest == 'T' || *rest == ' ') && (rest = strptime(rest + 1, "%H:%M:%S", &when)) == NULL)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	*wall = (int64_t)timegm(&when) * 1000;
	return *rest == '\0' || strcmp(rest, "Z") == 0;
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
