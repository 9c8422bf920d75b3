/*
 * Receivers that are programs: one run for each event, one at a time. Each run has a process group of its
 * own, which is killed at its time-out. A helper process runs them, because a sealed monitor cannot.
 */
#include "monitor/check/exec_helper.h"
#include "monitor/notify/courier_inner.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAM_MS = 10000, KILLED_MS = 2000, LOOK_MS = 200 };

struct program {
	char *path;
	struct commands *helper;
	uint32_t number; /* of the last run */
};

static const char scheme[] = "exec:";

static char *
exec_fault(const char *url)
{
	const char *path = url + strlen(scheme);
	struct stat found;

	if (path[0] != '/')
		return xstrdup("must have the absolute path of a program, as in exec:/usr/local/bin/page");
	if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
		return xstrdup("is a directory");
	return access(path, X_OK) == 0 ? NULL : xasprintf("cannot be run: %s", strerror(errno));
}

static void
exec_close(void *open)
{
	struct program *program = open;

	commands_stop(program->helper);
	free(program->path);
	free(program);
}

static void *
exec_open(const char *url, struct problems *problems)
{
	struct program *program = xcalloc(1, sizeof *program);

	(void)problems;
	program->path = xstrdup(url + strlen(scheme));
	return program;
}

/* Make sure that there is a helper; starts one if necessary */
static bool
has_helper(struct program *program)
{
	if (program->helper == NULL)
		program->helper = commands_start(1, COMMANDS_NOTIFY);
	else if (commands_fd(program->helper) < 0)
		return commands_restart(program->helper);
	return program->helper != NULL;
}

/* Wait for the reply to the last run. Returns 1, 0 at the end of the time, or -1: the helper is lost. */
static int
wait_for_reply(
    struct program *program, uint64_t end_ms, const struct parcel *parcel, struct command_reply *reply)
{
	while (boot_ms() < end_ms && (parcel == NULL || !parcel->too_late(parcel->arg))) {
		struct pollfd socket = {.fd = commands_fd(program->helper), .events = POLLIN};
		int got;

		poll(&socket, 1, LOOK_MS);
		got = commands_reply(program->helper, reply);
		if (got < 0 || (got > 0 && reply->number == program->number))
			return got;
	}
	return 0;
}

/* Describe the result.  Returns true if it is good. */
static bool
delivery_of(const struct command_reply *reply, char why[256])
{
	if (reply->error != 0)
		snprintf(why, 256, "cannot be run: %s", strerror(reply->error));
	else if (WIFSIGNALED(reply->status))
		snprintf(why, 256, "was killed by signal %d", WTERMSIG(reply->status));
	else if (reply->status != 0)
		snprintf(why, 256, "exited with status %d", WEXITSTATUS(reply->status));
	return reply->error == 0 && reply->status == 0;
}

static enum delivery
run(struct program *program, char **environment, const struct parcel *parcel, const char *text, char why[256])
{
	char *const words[] = {program->path, NULL};
	struct command_reply reply;
	int error = 0, got;

	if (!has_helper(program))
		error = -errno;
	if (error == 0)
		error = commands_run(program->helper, ++program->number, words, environment, text);
	if (error != 0) {
		snprintf(why, 256, "cannot be run: %s", strerror(-error));
		return DELIVERY_FAILED;
	}
	got = wait_for_reply(program, boot_ms() + PROGRAM_MS, parcel, &reply);
	if (got > 0)
		return delivery_of(&reply, why) ? DELIVERED : DELIVERY_FAILED;
	if (got < 0) {
		snprintf(why, 256, "the helper that runs it died");
		return DELIVERY_FAILED;
	}
	commands_kill(program->helper, program->number);
	wait_for_reply(program, boot_ms() + KILLED_MS, NULL, &reply);
	snprintf(why, 256, "did not end within %d s and was killed", PROGRAM_MS / 1000);
	return DELIVERY_FAILED;
}

static enum delivery
exec_deliver(void *open, const struct parcel *parcel, char why[256])
{
	char *none = NULL;
	struct json *json = notice_json(parcel->notices[0]);
	char **environment = notice_environment(parcel->notices[0], &none), *text = json_write(json, false);
	enum delivery delivery = run(open, environment, parcel, text, why);

	for (char **one = environment; *one != NULL; one++)
		free(*one);
	free(environment);
	free(text);
	json_drop(json);
	return delivery;
}

static const char *const schemes[] = {scheme, NULL};

const struct carrier carrier_exec = {schemes, 1, false, exec_fault, exec_open, exec_close, exec_deliver};
