/*
 * slept.h -- a clock for tests of what a machine does that has slept: set slept_s.  For one file of a
 * program.
 */
#ifndef SLEPT_H
#define SLEPT_H

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* For so long this machine has slept: CLOCK_BOOTTIME went on, CLOCK_MONOTONIC and all timers did not. */
static _Atomic time_t slept_s;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	long rc = syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_BOOTTIME)
		now->tv_sec += slept_s;
	return (int)rc;
}

#endif
