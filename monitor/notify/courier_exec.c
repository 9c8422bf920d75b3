/* Programs that are run for each event, one at a time, in a process group of their own that their time-out
 * kills. */
#include "monitor/notify/courier_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAM_MS = 10000, LOOK_MS = 200 };

static const char scheme[] = "exec:";

static char *
exec_fault(const char *url)
{
	const char *path = url + strlen(scheme);
	struct stat found;

	if (path[0] != '/')
		return xstrdup("names no program by its whole path, as in exec:/usr/local/bin/page");
	if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
		return xstrdup("is a directory");
	return access(path, X_OK) == 0 ? NULL : xasprintf("cannot be run: %s", strerror(errno));
}

static void *
exec_open(const char *url, struct problems *problems)
{
	(void)problems;
	return xstrdup(url + strlen(scheme));
}

/* In a group of its own, with input from a pipe, output to standard error, and nothing else of ours. */
static int
start(const char *path, char **environment, int input, pid_t *pid)
{
	char *const words[] = {(char *)(uintptr_t)path, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, pipes;
	int error;

	sigemptyset(&none);
	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(
	    &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &pipes);
	error = posix_spawn(pid, path, &actions, &attributes, words, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

/* False where it is still running at the end of its time. */
static bool
wait_for_end(pid_t pid, const struct parcel *parcel, int *status)
{
	uint64_t end = boot_ms() + PROGRAM_MS;
	struct pollfd process = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	bool ended = false;

	while (!ended && boot_ms() < end && !parcel->too_late(parcel->arg)) {
		poll(&process, process.fd >= 0 ? 1 : 0, LOOK_MS);
		ended = waitpid(pid, status, WNOHANG) == pid;
	}
	if (process.fd >= 0)
		close(process.fd);
	return ended;
}

static enum delivery
run(const char *path, char **environment, const struct parcel *parcel, const char *text, char why[256])
{
	int pipes[2] = {-1, -1}, status = 0, error;
	bool ended;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0) {
		snprintf(why, 256, "cannot be run: %s", strerror(errno));
		return DELIVERY_FAILED;
	}
	error = start(path, environment, pipes[0], &pid);
	close(pipes[0]);
	if (error != 0) {
		close(pipes[1]);
		snprintf(why, 256, "cannot be run: %s", strerror(-error));
		return DELIVERY_FAILED;
	}
	/* An event fits into the pipe: this cannot block, and whoever does not read it need not. */
	fcntl(pipes[1], F_SETFL, O_NONBLOCK);
	(void)!write(pipes[1], text, strlen(text));
	close(pipes[1]);
	ended = wait_for_end(pid, parcel, &status);
	if (!ended) {
		kill(-pid, SIGKILL);
		waitpid(pid, &status, 0);
		snprintf(why, 256, "did not end within %d s and was killed", PROGRAM_MS / 1000);
	} else if (WIFSIGNALED(status)) {
		snprintf(why, 256, "died of signal %d", WTERMSIG(status));
	} else if (status != 0) {
		snprintf(why, 256, "ended with status %d", WEXITSTATUS(status));
	}
	return ended && status == 0 ? DELIVERED : DELIVERY_FAILED;
}

static enum delivery
exec_deliver(void *open, const struct parcel *parcel, char why[256])
{
	struct json *json = notice_json(parcel->notices[0]);
	char **environment = notice_environment(parcel->notices[0], environ), *text = json_write(json, false);
	enum delivery delivery = run(open, environment, parcel, text, why);

	for (char **one = environment; *one != NULL; one++)
		free(*one);
	free(environment);
	free(text);
	json_drop(json);
	return delivery;
}

static const char *const schemes[] = {scheme, NULL};

const struct carrier carrier_exec = {schemes, 1, false, exec_fault, exec_open, free, exec_deliver};
