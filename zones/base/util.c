#include "zones/base/util.h"

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void
memory_exhausted(size_t size)
{
	/*
	 * Format on the stack, because memory is exhausted. Do not flush: another thread may hold the lock of
	 * a stream.
	 */
	char text[160];
	int len = snprintf(text, sizeof text, "%s: out of memory: %zu bytes were asked for\n",
	    program_invocation_short_name, size);

	if (size == 0)
		len = snprintf(text, sizeof text, "%s: out of memory\n", program_invocation_short_name);
	if (write(STDERR_FILENO, text, (size_t)len) < 0)
		_exit(1);
	_exit(1);
}

void *
xmalloc(size_t size)
{
	return xrealloc(NULL, size);
}

void *
xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);

	if (memory == NULL)
		memory_exhausted(size > 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size);
	return memory;
}

void *
xrealloc(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);

	if (memory == NULL)
		memory_exhausted(size);
	return memory;
}

void *
xmemdup(const void *from, size_t len)
{
	void *copy = xmalloc(len);

	if (len > 0)
		memcpy(copy, from, len);
	return copy;
}

char *
xstrdup(const char *text)
{
	return xmemdup(text, strlen(text) + 1);
}

char *
xasprintf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		memory_exhausted(0);
	va_end(args);
	return text;
}

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t
boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

bool
whole_at(const char **at, uint64_t most, uint64_t *number)
{
	uint64_t sum = 0;
	const char *text = *at;

	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (digit > most || sum > (most - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	if (text == *at)
		return false;
	*at = text;
	*number = sum;
	return true;
}

bool
whole_from_text(const char *text, uint64_t most, uint64_t *number)
{
	uint64_t found;

	if (!whole_at(&text, most, &found) || *text != '\0')
		return false;
	*number = found;
	return true;
}

bool
number_from_text(const char *text, double *number)
{
	char *end;

	/* strtod also accepts blanks, "0x1p3" and "inf". */
	if (*text == '\0' || *text == '+' || strspn(text, "0123456789.-+eE") != strlen(text))
		return false;
	errno = 0;
	*number = strtod(text, &end);
	return *end == '\0' && errno == 0;
}

uint64_t
boot_ms(void)
{
	return boot_ns() / 1000000;
}

uint64_t
awake_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

uint64_t
slept_ms(void)
{
	/* Read CLOCK_BOOTTIME first: preemption between the two reads can only make the result too small. */
	uint64_t boot = boot_ms(), awake = awake_ms();

	return boot > awake ? boot - awake : 0;
}

int64_t
wall_ms(void)
{
	return (int64_t)(clock_ns(CLOCK_REALTIME) / 1000000);
}

const char *
boot_id(void)
{
	static char id[37];
	FILE *file;

	if (id[0] != '\0' || (file = fopen("/proc/sys/kernel/random/boot_id", "re")) == NULL)
		return id;
	if (fread(id, 1, 36, file) != 36)
		id[0] = '\0';
	fclose(file);
	return id;
}

void
wall_text(int64_t wall, char out[32])
{
	time_t seconds = (time_t)(wall / 1000);
	struct tm when;
	char day[24];

	gmtime_r(&seconds, &when);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &when);
	snprintf(out, 32, "%s.%06uZ", day, (unsigned)(wall % 1000) * 1000 % 1000000);
}

bool
wall_from_text(const char *text, int64_t *wall)
{
	struct tm when = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &when);

	if (rest != NULL && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (rest == NULL || strcmp(rest, "Z") != 0)
		return false;
	*wall = (int64_t)timegm(&when) * 1000;
	return true;
}

void
random_bytes(void *out, size_t len)
{
	uint8_t *at = out;

	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			err(1, "getrandom");
		at += got;
		len -= (size_t)got;
	}
}

void
hex_from_octets(char *hex, const void *octets, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = octets;

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[from[i] >> 4];
		hex[2 * i + 1] = digits[from[i] & 15];
	}
	hex[2 * len] = '\0';
}

int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0'
	    : c >= 'a' && c <= 'f'  ? c - 'a' + 10
	    : c >= 'A' && c <= 'F'  ? c - 'A' + 10
				    : -1;
}

bool
octets_from_hex(void *octets, const char *hex, size_t len)
{
	uint8_t *out = octets;

	if (strlen(hex) != 2 * len || strspn(hex, "0123456789abcdef") != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
