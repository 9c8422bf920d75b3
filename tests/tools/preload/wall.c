/* The wall clock is WALL_AHEAD seconds ahead of that of the machine (or behind it); all other clocks are as
 * they are. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t
ahead(void)
{
	const char *seconds = getenv("WALL_AHEAD");

	return seconds != NULL ? (time_t)atoll(seconds) : 0;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	static int (*next)(clockid_t, struct timespec *);
	int result;

	if (next == NULL)
		next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	result = next(clock, now);
	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += ahead();
	return result;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &precise);
	*now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	if (out != NULL)
		*out = precise.tv_sec;
	return precise.tv_sec;
}
