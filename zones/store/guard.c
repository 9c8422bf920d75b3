#include "zones/store/guard.h"
#include "zones/base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELPER_SOCKET = 3 };

static int guard_socket = -1;
static pthread_mutex_t guard_mutex = PTHREAD_MUTEX_INITIALIZER;

/* A crash in the child must neither print nor dump core: its exit status is the result. */
static void
run_quietly(guard_work_fn *work, const char *path)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	_exit(work(path) == 0 ? 0 : 1);
}

static bool
run_in_child(guard_work_fn *work, const char *path)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		run_quietly(work, path);
	if (child < 0)
		return false;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/*
 * Close all descriptors except the standard ones and the socket. Otherwise a helper that hangs on a disk
 * would keep the daemon's listening sockets open: the next daemon could not bind them, or would share their
 * queries.
 */
static void
keep_socket(int socket)
{
	if (dup2(socket, HELPER_SOCKET) < 0)
		_exit(1);
	closefrom(HELPER_SOCKET + 1);
}

static void
helper_main(guard_work_fn *work)
{
	char path[PATH_MAX];
	ssize_t len;

	prctl(PR_SET_NAME, "graycloud-guard");
	/* Ignore Ctrl-C in the terminal: it is for the daemon, and the helper ends with the daemon. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	while ((len = recv(HELPER_SOCKET, path, sizeof path - 1, 0)) > 0 || (len < 0 && errno == EINTR)) {
		if (len < 0)
			continue;
		path[len] = '\0';

		uint8_t sound = run_in_child(work, path);

		if (send(HELPER_SOCKET, &sound, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	_exit(0);
}

void
guard_start(guard_work_fn *work, void (*begin)(void))
{
	int ends[2];
	pid_t child;

	if (guard_socket >= 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return;
	child = fork();
	if (child == 0) {
		keep_socket(ends[1]);
		if (begin != NULL)
			begin();
		helper_main(work);
	}
	close(ends[1]);
	if (child > 0)
		guard_socket = ends[0];
	else
		close(ends[0]);
}

bool
guard_running(void)
{
	return guard_socket >= 0;
}

bool
guard_ask(guard_work_fn *work, const char *path)
{
	uint8_t sound = 0;
	ssize_t got = -1;

	if (!guard_running())
		return run_in_child(work, path);
	pthread_mutex_lock(&guard_mutex);
	if (send(guard_socket, path, strlen(path), MSG_NOSIGNAL) >= 0)
		while ((got = recv(guard_socket, &sound, 1, 0)) < 0 && errno == EINTR)
			continue;
	pthread_mutex_unlock(&guard_mutex);
	/* If there is no result, the helper was killed: that does not show that the store is damaged. */
	return got == 1 ? sound == 1 : true;
}
