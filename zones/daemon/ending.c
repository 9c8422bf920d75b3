#include "zones/daemon/ending.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { PATIENCE_S = 30 }; /* the leak check runs at the end */
#else
enum { PATIENCE_S = 2 };
#endif

static int ending_fd = -1;
static char sentence[128];

static void
on_signal(int number)
{
	int saved = errno;
	const unsigned long long one = 1;

	(void)number;
	alarm(PATIENCE_S);
	if (write(ending_fd, &one, sizeof one) < 0) {
		/* The descriptor is readable already. */
	}
	errno = saved;
}

static void
on_alarm(int number)
{
	(void)number;
	if (write(STDERR_FILENO, sentence, strlen(sentence)) < 0)
		_exit(1);
	_exit(0);
}

int
ending_start(void)
{
	struct sigaction ask = {.sa_handler = on_signal, .sa_flags = SA_RESTART},
			 force = {.sa_handler = on_alarm};

	ending_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ending_fd < 0)
		return -1;
	snprintf(sentence, sizeof sentence,
	    "%s: hung for %d s after the request to end: ended without closing its stores\n",
	    program_invocation_short_name, PATIENCE_S);
	sigaction(SIGALRM, &force, NULL);
	sigaction(SIGTERM, &ask, NULL);
	sigaction(SIGINT, &ask, NULL);
	return ending_fd;
}
