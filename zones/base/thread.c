#include "zones/base/thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

const char *
thread_start(pthread_t *thread, int signal, void *(*run)(void *), void *arg)
{
	sigset_t blocked, before;
	int rc;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGSEGV);
	sigdelset(&blocked, SIGBUS);
	sigdelset(&blocked, SIGSYS);
	if (signal != 0)
		sigdelset(&blocked, signal);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	rc = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == EAGAIN)
		return "memory or the number of threads is exhausted (RLIMIT_NPROC, pids.max)";
	return rc == 0 ? NULL : strerror(rc);
}

void
thread_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}
