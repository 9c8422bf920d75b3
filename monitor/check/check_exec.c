/*
 * S37: exec is good if a command exits with status 0.
 *
 * The helper of exec_helper.h runs at most the number of commands that the operator permitted; the others
 * wait in a queue, where their time does not run. A place becomes free when the helper reports the end of its
 * command, also of a killed one.
 */
#include "monitor/check/check.h"
#include "monitor/check/exec_helper.h"

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/wait.h>

/* A check's place in the queue, or among those that run. */
struct command {
	struct check *check;
	struct exec *exec;
	uint32_t number; /* of its place; `most` if it is in the queue */
	TAILQ_ENTRY(command) queue;
};

struct slot {
	bool taken;
	struct command
	    *command; /* NULL in a place in use: the check gave up, and the command is being killed */
};

/* A lost helper is started again after one second. If the new one lives for less than a minute, the next one
 * is started after two seconds, then four, ... */
enum { RESTART_LEAST_MS = 1000, RESTART_MOST_MS = 60000 };

struct exec {
	struct event_base *base;
	struct event *replies; /* NULL: not permitted, or the helper is lost */
	struct event *restart;
	uint64_t began_ms; /* of the helper */
	unsigned wait_ms;  /* before the next restart */
	unsigned most;     /* maximum at once; 0: not permitted */
	struct slot *places;
	TAILQ_HEAD(, command) queue;
};

/* --- environment --- */

enum { ENVIRONMENT_MAX = 8 };

/* The environment of a command, the same for all pools; freed with environment_free. */
static void
environment_fill(char *environment[ENVIRONMENT_MAX + 1], const struct check_subject *subject)
{
	const struct monitor *monitor = subject->monitor;
	const char *host = check_host(subject);
	char address[46];
	size_t n = 0;

	address_to_text(&subject->address, address);
	environment[n++] = xstrdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	environment[n++] = xstrdup("LANG=C");
	environment[n++] = xasprintf("GRAYCLOUD_ADDRESS=%s", address);
	environment[n++] = xasprintf("GRAYCLOUD_PORT=%u", monitor->port);
	environment[n++] = xasprintf("GRAYCLOUD_HOST=%s", host == NULL ? address : host);
	environment[n++] = xasprintf("GRAYCLOUD_MONITOR=%s", monitor->name);
	environment[n++] = xasprintf("GRAYCLOUD_TIMEOUT=%g", monitor->timeout_ms / 1000.0);
	environment[n] = NULL;
}

static int
run(const struct check_subject *subject, uint32_t number)
{
	char *environment[ENVIRONMENT_MAX + 1] = {NULL};
	int error;

	environment_fill(environment, subject);
	error = commands_run(commands_of_checks, number, subject->monitor->command, environment, NULL);
	for (size_t i = 0; environment[i] != NULL; i++)
		free(environment[i]);
	return error;
}

/* --- places --- */

static bool
find_place(const struct exec *exec, uint32_t *number)
{
	for (*number = 0; *number < exec->most; (*number)++)
		if (!exec->places[*number].taken)
			return true;
	return false;
}

/* Run it in a free place, if there is one. */
static int
take_place(struct command *command, uint32_t number)
{
	int error = run(&command->check->subject, number);

	if (error != 0)
		return error;
	command->number = number;
	command->exec->places[number] = (struct slot){.taken = true, .command = command};
	return 0;
}

/* Start waiting commands while there are free places. */
static void
serve_queue(struct exec *exec)
{
	struct command *command;
	uint32_t number;
	int error;

	while ((command = TAILQ_FIRST(&exec->queue)) != NULL && find_place(exec, &number)) {
		struct check *check = command->check;

		TAILQ_REMOVE(&exec->queue, command, queue);
		error = take_place(command, number);
		if (error != 0) {
			command->number = UINT32_MAX; /* nowhere */
			check_finish_errno(check, -error);
		} else
			check_resume(check);
	}
}

/* --- how it ended --- */

static void
conclude(struct check *check, const struct command_reply *reply)
{
	if (reply->error != 0) { /* S26: for example, the program does not exist on this machine */
		check_detail(check, "%s: %s", check->subject.monitor->command[0], strerror(reply->error));
		check->result.reason = REASON_MONITOR_CONFIG_ERROR;
		check_finish_errno(check, EPERM);
		return;
	}
	check_detail(check, "%s", reply->line);
	if (WIFEXITED(reply->status) && WEXITSTATUS(reply->status) == 0) {
		check_finish(check, REASON_NONE);
		return;
	}
	check->result.code = WIFEXITED(reply->status) ? (uint32_t)WEXITSTATUS(reply->status) : 0;
	if (WIFSIGNALED(reply->status))
		check_detail(check, "killed by SIG%s", sigabbrev_np(WTERMSIG(reply->status)));
	else if (reply->line[0] == '\0')
		check_detail(check, "exit status %u", check->result.code);
	check_finish(check, REASON_COMMAND_FAILED);
}

static void
tell_lost(struct check *check)
{
	check_detail(check, "the helper that runs commands died");
	check->result.reason = REASON_MONITOR_CONFIG_ERROR;
}

static void
finish_lost(struct check *check)
{
	tell_lost(check);
	check_finish_errno(check, EPERM);
}

static void on_reply(evutil_socket_t fd, short what, void *arg);

static bool
watch_replies(struct exec *exec)
{
	exec->began_ms = boot_ms();
	exec->replies =
	    event_new(exec->base, commands_fd(commands_of_checks), EV_READ | EV_PERSIST, on_reply, exec);
	return exec->replies != NULL && event_add(exec->replies, NULL) == 0;
}

static void
restart_later(struct exec *exec)
{
	struct timeval wait = {exec->wait_ms / 1000, exec->wait_ms % 1000 * 1000};

	evtimer_add(exec->restart, &wait);
	exec->wait_ms = MIN(2 * exec->wait_ms, RESTART_MOST_MS);
}

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct exec *exec = arg;

	(void)fd, (void)what;
	if (!commands_restart(commands_of_checks)) {
		warn(errno == EPIPE ? "cannot start the helper that runs commands: restart "
				      "graycloud-monitor"
				    : "cannot start the helper that runs commands");
		restart_later(exec);
	} else if (!watch_replies(exec))
		memory_exhausted(0);
}

/* The helper was killed: its commands give no verdict (S26). */
static void
helper_lost(struct exec *exec)
{
	if (boot_ms() - exec->began_ms >= RESTART_MOST_MS)
		exec->wait_ms = RESTART_LEAST_MS;
	warnx("the helper that runs commands died: exec monitors give no verdict until its restart "
	      "in %u s",
	    exec->wait_ms / 1000);
	event_free(exec->replies);
	exec->replies = NULL;
	restart_later(exec);
	for (uint32_t i = 0; i < exec->most; i++) {
		struct command *command = exec->places[i].command;

		exec->places[i] = (struct slot){0};
		if (command != NULL)
			finish_lost(command->check);
	}
	while (!TAILQ_EMPTY(&exec->queue))
		finish_lost(TAILQ_FIRST(&exec->queue)->check);
}

static void
on_reply(evutil_socket_t fd, short what, void *arg)
{
	struct exec *exec = arg;
	struct command_reply reply;
	struct command *command;
	unsigned left = COMMANDS_MAX; /* others may end while these are handled */
	int got = 0;

	(void)fd, (void)what;
	while (left-- > 0 && (got = commands_reply(commands_of_checks, &reply)) > 0) {
		if (reply.number >= exec->most)
			continue;
		command = exec->places[reply.number].command;
		exec->places[reply.number] = (struct slot){0};
		if (command != NULL)
			conclude(command->check, &reply);
		serve_queue(exec);
	}
	if (got < 0)
		helper_lost(exec);
}

/* --- one check --- */

static void
stop(struct check *check)
{
	struct command *command = check->talk;
	struct exec *exec = check->shared;

	check->talk = NULL;
	if (command == NULL)
		return;
	if (command->number == exec->most)
		TAILQ_REMOVE(&exec->queue, command, queue);
	else if (command->number < exec->most && exec->places[command->number].command == command) {
		exec->places[command->number].command = NULL;
		commands_kill(commands_of_checks, command->number);
	}
	free(command);
}

static int
talk(struct check *check)
{
	struct exec *exec = check->shared;
	struct command *command;
	uint32_t number;
	int error;

	if (exec->replies == NULL) {
		check->result.reason = REASON_COMMAND_NOT_PERMITTED;
		if (exec->most > 0)
			tell_lost(check);
		return -EPERM;
	}
	command = xcalloc(1, sizeof *command);
	*command = (struct command){.check = check, .exec = exec, .number = exec->most};
	if (find_place(exec, &number)) {
		error = take_place(command, number);
		if (error != 0) {
			free(command);
			return error;
		}
	} else {
		TAILQ_INSERT_TAIL(&exec->queue, command, queue);
		check_pause(check);
	}
	check->talk = command;
	return 0;
}

static void
exec_close(void *shared)
{
	struct exec *exec = shared;

	if (exec->replies != NULL)
		event_free(exec->replies);
	if (exec->restart != NULL)
		event_free(exec->restart);
	free(exec->places);
	free(exec);
}

static void *
exec_open(struct event_base *base)
{
	struct exec *exec = xcalloc(1, sizeof *exec);

	TAILQ_INIT(&exec->queue);
	exec->base = base;
	exec->wait_ms = RESTART_LEAST_MS;
	exec->most = commands_most(commands_of_checks);
	if (exec->most == 0)
		return exec;
	exec->places = xcalloc(exec->most, sizeof *exec->places);
	exec->restart = evtimer_new(base, on_restart, exec);
	if (exec->restart == NULL || !watch_replies(exec)) {
		exec_close(exec);
		return NULL;
	}
	return exec;
}

const struct check_type check_exec = {
    .open = exec_open,
    .close = exec_close,
    .talk = talk,
    .stop = stop,
    .timeout = REASON_COMMAND_TIMEOUT,
    .alone = true,
};
