#include "monitor/check/exec_helper.h"

#include "zones/base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	REQUEST_MAX = 96 * 1024, /* 64 arguments of 1024 octets, and the environment */
	WORDS_MAX = 128,
	READS_A_TURN = 16, /* of one command's output: one that writes without end must not keep the helper */
	HELPER_SOCKET = 3
};

/* What the monitor asks; after it come the arguments and then the environment, each text ended by NUL. */
struct request {
	uint32_t number;
	uint32_t narguments; /* 0: kill it */
};

static const char helper_name[] = "graycloud-exec";
static unsigned most;
/* of the monitor */
static int monitor_socket = -1;
static pid_t helper;
static struct rlimit files_given; /* before it took all that it may have */

/* --- in the helper --- */

/* A command that runs. */
struct running {
	uint32_t number;
	pid_t pid;
	int output;
	size_t len;
	bool line_ended;
	char line[COMMAND_LINE_MAX];
};

static struct running *running;
static unsigned nrunning;

static void
answer(const struct command_reply *reply)
{
	while (send(HELPER_SOCKET, reply, sizeof *reply, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			_exit(1);
}

/* Take what it has written; beyond the first line nothing is kept, but it is read, or the command would wait.
 */
static void
take_output(struct running *command)
{
	char octets[4096];
	ssize_t got = 1;

	for (unsigned i = 0; got != 0; i++) {
		if (command->output < 0 || i == READS_A_TURN)
			return;
		got = read(command->output, octets, sizeof octets);
		if (got < 0 && errno != EINTR)
			return;
		for (ssize_t at = 0; at < got && !command->line_ended; at++) {
			command->line_ended = octets[at] == '\n' || command->len == sizeof command->line - 1;
			if (!command->line_ended)
				command->line[command->len++] = octets[at];
		}
	}
	close(command->output);
	command->output = -1;
}

static int
spawn(pid_t *pid, int output, char *argv[], char *environment[])
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	if ((error = posix_spawn_file_actions_init(&files)) != 0)
		return error;
	if ((error = posix_spawnattr_init(&attributes)) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return error;
	}
	posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(
	    &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn(pid, argv[0], &files, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

static void
start(uint32_t number, char *argv[], char *environment[])
{
	struct command_reply reply = {.number = number};
	struct running *command = &running[nrunning];
	int pipes[2];

	*command = (struct running){.number = number};
	if (nrunning == most || pipe2(pipes, O_CLOEXEC) < 0) {
		reply.error = nrunning == most ? EAGAIN : errno;
		answer(&reply);
		return;
	}
	fcntl(pipes[0], F_SETFL, O_NONBLOCK); /* ours alone */
	reply.error = spawn(&command->pid, pipes[1], argv, environment);
	close(pipes[1]);
	command->output = pipes[0];
	if (reply.error == 0) {
		nrunning++;
		return;
	}
	close(pipes[0]);
	answer(&reply);
}

static void
kill_number(uint32_t number)
{
	for (unsigned i = 0; i < nrunning; i++)
		if (running[i].number == number)
			kill(-running[i].pid, SIGKILL);
}

static void
take_request(char *octets, size_t len)
{
	char *words[WORDS_MAX + 2], *at = octets + sizeof(struct request), *end = octets + len;
	struct request request;
	unsigned count = 0;

	memcpy(&request, octets, sizeof request);
	if (request.narguments == 0) {
		kill_number(request.number);
		return;
	}
	/* argv, NULL, environment, NULL */
	for (; at < end && count < WORDS_MAX; at += strlen(at) + 1) {
		if (count == request.narguments)
			words[count++] = NULL;
		words[count++] = at;
	}
	words[count] = NULL;
	start(request.number, words, words + request.narguments + 1);
}

/* Its leader has ended.  The group goes before the leader is reaped: until then no other group has that
 * number. */
static void
end(struct running *command)
{
	struct command_reply reply = {.number = command->number};

	kill(-command->pid, SIGKILL);
	while (waitpid(command->pid, &reply.status, 0) < 0 && errno == EINTR)
		continue;
	take_output(command);
	if (command->output >= 0) /* somebody who left the group holds it */
		close(command->output);
	memcpy(reply.line, command->line, sizeof reply.line);
	*command = running[--nrunning];
	answer(&reply);
}

static void
reap(void)
{
	for (unsigned i = nrunning; i-- > 0;) {
		siginfo_t info = {.si_pid = 0};

		if (waitid(P_PID, (id_t)running[i].pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid != 0)
			end(&running[i]);
	}
}

static _Noreturn void
die(void)
{
	for (unsigned i = 0; i < nrunning; i++)
		kill(-running[i].pid, SIGKILL);
	_exit(0);
}

static void
wait_for_news(int signals, struct pollfd *polled)
{
	polled[0] = (struct pollfd){.fd = HELPER_SOCKET, .events = POLLIN};
	polled[1] = (struct pollfd){.fd = signals, .events = POLLIN};
	for (unsigned i = 0; i < nrunning; i++)
		polled[2 + i] = (struct pollfd){.fd = running[i].output, .events = POLLIN};
	if (poll(polled, 2 + nrunning, -1) < 0 && errno != EINTR)
		die();
}

static _Noreturn void
helper_main(void)
{
	struct pollfd *polled = xcalloc(2 + most, sizeof *polled);
	char *octets = xmalloc(REQUEST_MAX + 1);
	struct signalfd_siginfo news;
	sigset_t child;
	int signals;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	running = xcalloc(most + 1, sizeof *running);
	for (;;) {
		ssize_t len;

		wait_for_news(signals, polled);
		for (unsigned i = 0; i < nrunning; i++)
			if (polled[2 + i].revents != 0)
				take_output(&running[i]);
		if (polled[1].revents != 0 && read(signals, &news, sizeof news) > 0)
			reap();
		if (polled[0].revents == 0)
			continue;
		len = recv(HELPER_SOCKET, octets, REQUEST_MAX, 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < (ssize_t)sizeof(struct request))
			die(); /* the monitor has ended */
		octets[len] = '\0';
		take_request(octets, (size_t)len);
	}
}

/* Nothing of the monitor's is left but the socket and standard error; the commands get no terminal and no
 * directory. */
void
commands_helper(int argc, char *argv[])
{
	struct rlimit files;
	int null;

	if (argc != 3 || strcmp(argv[0], helper_name) != 0)
		return;
	prctl(PR_SET_NAME, helper_name);
	/* The terminal's Ctrl-C is for the daemon: when it ends, so do we. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	most = (unsigned)strtoul(argv[1], NULL, 10);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = strtoull(argv[2], NULL, 10);
		setrlimit(RLIMIT_NOFILE, &files);
	}
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || chdir("/") < 0)
		_exit(1);
	fcntl(HELPER_SOCKET, F_SETFD, FD_CLOEXEC);
	closefrom(HELPER_SOCKET + 1);
	helper_main();
}

/* --- in the monitor --- */

/* Our own program, even where another one has taken its place on the disk by now. */
static int
execute_helper(int socket)
{
	char *places = xasprintf("%u", most),
	     *files = xasprintf("%llu", (unsigned long long)files_given.rlim_cur);
	char *const argv[] = {(char *)(uintptr_t)helper_name, places, files, NULL};
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error == 0) {
		posix_spawn_file_actions_adddup2(
		    &actions, socket, HELPER_SOCKET); /* also where they are the same: it stays open */
		error = posix_spawn(&helper, "/proc/self/exe", &actions, NULL, argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	free(places);
	free(files);
	return error;
}

bool
commands_restart(void)
{
	int ends[2], error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	error = execute_helper(ends[1]);
	close(ends[1]);
	if (error != 0) {
		close(ends[0]);
		errno = error;
		return false;
	}
	monitor_socket = ends[0];
	return true;
}

bool
commands_start(unsigned at_once)
{
	if (getrlimit(RLIMIT_NOFILE, &files_given) < 0)
		return false;
	most = at_once;
	return commands_restart();
}

unsigned
commands_most(void)
{
	return most;
}

int
commands_fd(void)
{
	return monitor_socket;
}

static uint32_t
put_texts(FILE *out, char *const texts[])
{
	uint32_t count = 0;

	for (; texts[count] != NULL; count++)
		fwrite(texts[count], 1, strlen(texts[count]) + 1, out);
	return count;
}

int
commands_run(uint32_t number, char *const argv[], char *const environment[])
{
	struct request request = {.number = number};
	char *octets = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&octets, &len);
	int error = 0;

	if (out == NULL)
		return -ENOMEM;
	fwrite(&request, sizeof request, 1, out);
	request.narguments = put_texts(out, argv);
	put_texts(out, environment);
	if (fclose(out) != 0)
		error = -ENOMEM;
	else {
		memcpy(octets, &request, sizeof request);
		if (send(monitor_socket, octets, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			error = -ENOBUFS; /* S26: also where it is lost and nobody has noticed yet */
	}
	free(octets);
	return error;
}

void
commands_kill(uint32_t number)
{
	struct request request = {.number = number};

	/* The helper never waits for us (COMMANDS_MAX): a full socket is soon empty. */
	while (send(monitor_socket, &request, sizeof request, MSG_NOSIGNAL) < 0 && errno == EINTR)
		continue;
}

int
commands_reply(struct command_reply *reply)
{
	ssize_t got = recv(monitor_socket, reply, sizeof *reply, MSG_DONTWAIT);

	if (got == sizeof *reply) {
		reply->line[COMMAND_LINE_MAX - 1] = '\0';
		return 1;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	close(monitor_socket);
	monitor_socket = -1;
	kill(helper, SIGKILL); /* whatever became of it: it is never two */
	while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
		continue;
	return -1;
}
