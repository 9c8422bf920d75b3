#include "monitor/check/exec_helper.h"

#include "zones/base/text.h"
#include "zones/base/util.h"
#include "zones/daemon/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	REQUEST_MAX = 160 * 1024, /* 64 arguments of 1024 octets, the environment, and input */
	WORDS_MAX = 128,
	READS_A_TURN = 16, /* of one command's output in a turn: endless output must not block the helper */
	HELPER_SOCKET = 3,
	STARTER_WAIT_S = 5
};

/*
 * A request of the monitor, followed by the arguments, the environment and the input, each text ended by NUL.
 */
struct request {
	uint32_t number;
	uint32_t narguments; /* 0: kill it */
	uint32_t ntexts;     /* arguments and environment */
	uint32_t has_input;
};

/* A request of the monitor to the starter, with one end of a socket pair for the helper. */
struct start_request {
	uint32_t most;
	uint32_t purpose;
};

struct commands {
	int socket;
	pid_t helper;
	unsigned most;
	enum commands_for purpose;
};

struct commands *commands_of_checks;

static const char starter_name[] = "graycloud-start", helper_name[] = "graycloud-exec";

/* Data of the helper. */
static unsigned most;
static enum commands_for purpose;

/* Data of the monitor. */
static int starter_socket = -1;
static pthread_mutex_t starter_mutex = PTHREAD_MUTEX_INITIALIZER;

/* --- in the helper --- */

/* A running command. */
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

/* Read the output of a command. Only the first line is kept; the rest is read and dropped, because the
 * command would otherwise block.
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

/* input is -1 if the command has no input. */
static int
spawn(pid_t *pid, int input, int output, char *argv[], char *environment[])
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
	if (input >= 0)
		posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
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

/* Create a pipe that holds the text. Returns the descriptor to read from, or -1. */
static int
pipe_with(const char *text)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	fcntl(pipes[0], F_SETFL, 0); /* only the program's descriptor blocks */
	(void)!write(pipes[1], text, strlen(text));
	close(pipes[1]);
	return pipes[0];
}

/* Connect the output to a pipe to this process, or to the standard error of this process. Returns 0 or an
 * errno. */
static int
make_output(int *ours, int *its)
{
	int pipes[2];

	*ours = -1;
	*its = STDERR_FILENO;
	if (purpose == COMMANDS_NOTIFY)
		return 0;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return errno;
	fcntl(pipes[0], F_SETFL, O_NONBLOCK); /* only for this end */
	*ours = pipes[0];
	*its = pipes[1];
	return 0;
}

static void
start(uint32_t number, char *argv[], char *environment[], const char *text)
{
	struct command_reply reply = {.number = number};
	struct running *command = &running[nrunning];
	int input = text != NULL ? pipe_with(text) : -1, output = -1;

	*command = (struct running){.number = number, .output = -1};
	reply.error = nrunning == most ? EAGAIN : make_output(&command->output, &output);
	if (reply.error == 0)
		reply.error = spawn(&command->pid, input, output, argv, environment);
	if (input >= 0)
		close(input);
	if (output > STDERR_FILENO)
		close(output);
	if (reply.error == 0) {
		nrunning++;
		return;
	}
	if (command->output >= 0)
		close(command->output);
	answer(&reply);
}

static void
kill_number(uint32_t number)
{
	for (unsigned i = 0; i < nrunning; i++)
		if (running[i].number == number)
			kill(-running[i].pid, SIGKILL);
}

/* Make a list that ends with NULL: the given variables, and for a receiver of notifications also those of
 * this process. */
static char **
environment_of(char **own, size_t count)
{
	size_t more = 0;
	char **list;

	while (purpose == COMMANDS_NOTIFY && environ[more] != NULL)
		more++;
	list = xcalloc(more + count + 1, sizeof *list);
	if (more > 0)
		memcpy(list, environ, more * sizeof *list);
	if (count > 0)
		memcpy(list + more, own, count * sizeof *list);
	return list;
}

static void
take_request(char *octets, size_t len)
{
	char *words[WORDS_MAX + 1], *at = octets + sizeof(struct request), *end = octets + len, **environment;
	struct request request;
	size_t count = 0;

	memcpy(&request, octets, sizeof request);
	if (request.narguments == 0) {
		kill_number(request.number);
		return;
	}
	for (; at < end && count < request.ntexts && count < WORDS_MAX; at += strlen(at) + 1)
		words[count++] = at;
	if (count != request.ntexts || request.narguments > count)
		return; /* the monitor never sends this */
	environment = environment_of(words + request.narguments, count - request.narguments);
	words[request.narguments] = NULL; /* the environment has a copy of it */
	start(request.number, words, environment, request.has_input && at < end ? at : NULL);
	free(environment);
}

/* The leader has ended. Kill the group before the leader is reaped: until then no other group can have that
 * number. */
static void
end(struct running *command)
{
	struct command_reply reply = {.number = command->number};

	if (purpose == COMMANDS_CHECK)
		kill(-command->pid, SIGKILL);
	while (waitpid(command->pid, &reply.status, 0) < 0 && errno == EINTR)
		continue;
	take_output(command);
	if (command->output >= 0) /* a process that left the group still has it open */
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

/* --- the starter --- */

/* Receive a request with its descriptor. Returns false if the monitor has ended. */
static bool
take_start(struct start_request *request, int *socket)
{
	size_t count = 1;

	return channel_receive(HELPER_SOCKET, request, sizeof *request, socket, &count) == sizeof *request &&
	    count == 1;
}

static _Noreturn void
become_helper(const struct start_request *request, int socket)
{
	prctl(PR_SET_NAME, helper_name);
	most = request->most;
	purpose = (enum commands_for)request->purpose;
	if (dup2(socket, HELPER_SOCKET) < 0 || (purpose == COMMANDS_CHECK && chdir("/") < 0))
		_exit(1);
	fcntl(HELPER_SOCKET, F_SETFD, FD_CLOEXEC);
	closefrom(HELPER_SOCKET + 1);
	helper_main();
}

/* The helper becomes a child of the monitor, which waits for it. */
static _Noreturn void
starter_main(void)
{
	struct start_request request;
	int socket;

	while (take_start(&request, &socket)) {
		int32_t pid = (int32_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

		if (pid == 0)
			become_helper(&request, socket);
		close(socket);
		if (pid < 0)
			pid = -errno;
		if (send(HELPER_SOCKET, &pid, sizeof pid, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* Keep only the socket and standard error of the monitor; the programs get no terminal. */
void
commands_helper(int argc, char *argv[])
{
	int null;

	if (argc != 1 || strcmp(argv[0], starter_name) != 0)
		return;
	prctl(PR_SET_NAME, starter_name);
	/* Ignore Ctrl-C in the terminal: it is for the daemon, and this process ends with the daemon. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(1);
	fcntl(HELPER_SOCKET, F_SETFD, FD_CLOEXEC);
	closefrom(HELPER_SOCKET + 1);
	starter_main();
}

/* --- in the monitor --- */

/* This program, even if its file on the disk was replaced. */
static int
execute_starter(int socket)
{
	char *const argv[] = {(char *)(uintptr_t)starter_name, NULL};
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);
	pid_t pid;

	if (error == 0) {
		posix_spawn_file_actions_adddup2(&actions, socket,
		    HELPER_SOCKET); /* also if both are the same: the descriptor stays open */
		error = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	return error;
}

bool
commands_prepare(void)
{
	const struct timeval patience = {.tv_sec = STARTER_WAIT_S};
	int ends[2], error;

	if (starter_socket >= 0)
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	error = execute_starter(ends[1]);
	close(ends[1]);
	if (error != 0) {
		close(ends[0]);
		errno = error;
		return false;
	}
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	starter_socket = ends[0];
	return true;
}

/* Send the starter a socket for a new helper. Returns the helper's pid, or a negative errno. */
static pid_t
ask_starter(const struct commands *commands, int socket)
{
	struct start_request request = {commands->most, (uint32_t)commands->purpose};
	int32_t pid = 0;
	ssize_t got = -1;

	pthread_mutex_lock(&starter_mutex);
	if (channel_send(starter_socket, &request, sizeof request, &socket, 1) == 0)
		while ((got = recv(starter_socket, &pid, sizeof pid, 0)) < 0 && errno == EINTR)
			continue;
	pthread_mutex_unlock(&starter_mutex);
	return got == sizeof pid ? pid : -EPIPE;
}

bool
commands_restart(struct commands *commands)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	pid = ask_starter(commands, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		errno = -pid;
		return false;
	}
	commands->helper = pid;
	commands->socket = ends[0];
	return true;
}

struct commands *
commands_start(unsigned at_once, enum commands_for what)
{
	struct commands *commands = xcalloc(1, sizeof *commands);

	*commands = (struct commands){.socket = -1, .most = at_once, .purpose = what};
	if (commands_restart(commands))
		return commands;
	free(commands);
	return NULL;
}

static void
end_helper(struct commands *commands)
{
	close(commands->socket);
	commands->socket = -1;
	kill(commands->helper, SIGKILL); /* in every case, so that there are never two helpers */
	while (waitpid(commands->helper, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* The helper kills the running commands when the socket is closed. */
void
commands_stop(struct commands *commands)
{
	if (commands == NULL)
		return;
	if (commands->socket >= 0) {
		close(commands->socket);
		while (waitpid(commands->helper, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	free(commands);
}

unsigned
commands_most(const struct commands *commands)
{
	return commands != NULL ? commands->most : 0;
}

int
commands_fd(const struct commands *commands)
{
	return commands->socket;
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
commands_run(struct commands *commands, uint32_t number, char *const argv[], char *const environment[],
    const char *input)
{
	struct request request = {.number = number, .has_input = input != NULL};
	char *octets = NULL;
	size_t len = 0;
	FILE *out = text_stream(&octets, &len);
	int error = 0;

	fwrite(&request, sizeof request, 1, out);
	request.narguments = put_texts(out, argv);
	request.ntexts = request.narguments + put_texts(out, environment);
	if (input != NULL)
		fwrite(input, 1, strlen(input) + 1, out);
	if (fclose(out) != 0)
		error = -ENOMEM;
	else {
		memcpy(octets, &request, sizeof request);
		if (send(commands->socket, octets, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			error = -ENOBUFS; /* S26: also if it has died and this was not noticed yet */
	}
	free(octets);
	return error;
}

void
commands_kill(struct commands *commands, uint32_t number)
{
	struct request request = {.number = number};

	/* The helper never waits for the monitor (COMMANDS_MAX), so it soon empties a full socket. */
	while (send(commands->socket, &request, sizeof request, MSG_NOSIGNAL) < 0 && errno == EINTR)
		continue;
}

int
commands_reply(struct commands *commands, struct command_reply *reply)
{
	ssize_t got = recv(commands->socket, reply, sizeof *reply, MSG_DONTWAIT);

	if (got == sizeof *reply) {
		reply->line[COMMAND_LINE_MAX - 1] = '\0';
		return 1;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	end_helper(commands);
	return -1;
}
