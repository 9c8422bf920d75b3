/*
 * manager -- what systemd does with a unit of Type=notify, NotifyAccess=exec and a store of descriptors, in
 * small: manager SOCKET
 *
 * Reads lines from standard input and prints lines, the last of each is "done" (or "error: TEXT"):
 *
 *     start COMMAND...   run it as the main process, with the descriptors of the store; wait for READY=1
 *     restart            end the main process with SIGTERM, and do the last start again
 *     crash              the same with SIGKILL
 *     reload COMMAND...  run it and print "exit STATUS" when it has ended
 *     end                end the main process with SIGTERM
 *     stop               end the main process and close the store
 *     main               print "main PID"
 *     store              print a line "NAME COUNT" for each name in the store
 *     others             print "others COUNT": processes of the unit that are not the main one
 */
#include "zones/base/util.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STORE_MAX = 1100, TEXT = 4096, WORDS = 64, PATIENCE_MS = 60000 };

static struct kept {
	char name[256];
	int fd;
	ino_t inode;
} store[STORE_MAX];
static size_t kept;
static int notify_fd = -1;
static const char *notify_path;
static char last_start[TEXT];
static pid_t main_pid, control_pid;
static int main_status, control_status;
static bool main_ended, control_ended, ready;

static void
keep(const char *name, int fd)
{
	struct stat info;

	fstat(fd, &info);
	for (size_t i = 0; i < kept; i++)
		if (store[i].inode == info.st_ino) {
			close(fd);
			return;
		}
	if (kept == STORE_MAX)
		errx(1, "the store is full");
	snprintf(store[kept].name, sizeof store[kept].name, "%s", name);
	store[kept].inode = info.st_ino;
	store[kept++].fd = fd;
}

static void
forget(const char *name)
{
	size_t left = 0;

	for (size_t i = 0; i < kept; i++) {
		if (name == NULL || strcmp(store[i].name, name) == 0)
			close(store[i].fd);
		else
			store[left++] = store[i];
	}
	kept = left;
}

/* One datagram of sd_notify(3). */
static void
take_message(char *text, pid_t sender, const int *fds, size_t count)
{
	const char *name = "stored";
	bool keeps = false, forgets = false;

	if (sender != main_pid && sender != control_pid) { /* NotifyAccess=exec */
		while (count > 0)
			close(fds[--count]);
		return;
	}
	for (char *save, *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strcmp(line, "READY=1") == 0 && sender == main_pid)
			ready = true;
		else if (strncmp(line, "MAINPID=", 8) == 0) {
			main_pid = (pid_t)atol(line + 8);
			main_ended = false;
		} else if (strcmp(line, "FDSTORE=1") == 0)
			keeps = true;
		else if (strcmp(line, "FDSTOREREMOVE=1") == 0)
			forgets = true;
		else if (strncmp(line, "FDNAME=", 7) == 0)
			name = line + 7;
	}
	for (size_t i = 0; i < count; i++)
		if (keeps)
			keep(name, fds[i]);
		else
			close(fds[i]);
	if (forgets)
		forget(name);
}

/* All messages that wait; they count before the end of a process. */
static void
read_messages(void)
{
	char text[TEXT];
	_Alignas(
	    struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];

	for (;;) {
		struct iovec iov = {text, sizeof text - 1};
		struct msghdr message = {.msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = control,
		    .msg_controllen = sizeof control};
		ssize_t len = recvmsg(notify_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		int fds[253];
		size_t count = 0;
		struct ucred sender = {0};

		if (len < 0)
			return;
		text[len] = '\0';
		for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL;
		     head = CMSG_NXTHDR(&message, head)) {
			if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
				count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
				memcpy(fds, CMSG_DATA(head), count * sizeof(int));
			} else if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_CREDENTIALS) {
				memcpy(&sender, CMSG_DATA(head), sizeof sender);
			}
		}
		take_message(text, sender.pid, fds, count);
	}
}

static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		read_messages();
		if (pid == main_pid) {
			main_ended = true;
			main_status = status;
		} else if (pid == control_pid) {
			control_ended = true;
			control_status = status;
		}
	}
}

/* Until *what is true or the patience ends. */
static bool
wait_until(const bool *what)
{
	uint64_t end = awake_ms() + PATIENCE_MS;
	struct pollfd fd = {notify_fd, POLLIN, 0};

	while (!*what && awake_ms() < end) {
		poll(&fd, 1, 5);
		read_messages();
		reap();
		if (main_ended && what == &ready)
			return false;
	}
	return *what;
}

static void
give_store(void)
{
	char text[STORE_MAX * 64] = "", number[24];
	size_t len = 0;

	for (size_t i = 0; i < kept; i++) /* out of the way first */
		if ((store[i].fd = fcntl(store[i].fd, F_DUPFD, (int)(3 + kept))) < 0)
			err(1, "dup");
	for (size_t i = 0; i < kept; i++) {
		dup2(store[i].fd, (int)(3 + i));
		close(store[i].fd);
		len +=
		    (size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? ":" : "", store[i].name);
	}
	snprintf(number, sizeof number, "%zu", kept);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", text, 1);
	snprintf(number, sizeof number, "%ld", (long)getpid());
	setenv("LISTEN_PID", number, 1);
}

static pid_t
run(const char *line, bool with_store)
{
	static char copy[TEXT];
	char *words[WORDS], *save;
	size_t count = 0;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word != NULL && count < WORDS - 1;
	     word = strtok_r(NULL, " ", &save))
		words[count++] = word;
	words[count] = NULL;
	setenv("NOTIFY_SOCKET", notify_path, 1);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	if (with_store && kept > 0)
		give_store();
	execv(words[0], words);
	_exit(127);
}

static const char *
start(const char *line)
{
	main_ended = ready = false;
	if (line != last_start)
		snprintf(last_start, sizeof last_start, "%s", line);
	main_pid = run(last_start, true);
	return wait_until(&ready) ? NULL : "the main process did not become ready";
}

static const char *
end_main(int signal)
{
	kill(main_pid, signal);
	if (!wait_until(&main_ended))
		return "the main process does not end";
	if (signal == SIGTERM && main_status != 0)
		return "the main process did not end with 0";
	return NULL;
}

static const char *
reload(const char *line)
{
	control_ended = false;
	control_pid = run(line, false);
	if (!wait_until(&control_ended))
		return "the reload does not end";
	read_messages();
	control_pid = 0;
	printf("exit %d\n",
	    WIFEXITED(control_status) ? WEXITSTATUS(control_status) : 128 + WTERMSIG(control_status));
	return NULL;
}

static const char *
show_store(void)
{
	for (size_t i = 0; i < kept; i++) {
		unsigned count = 0;
		bool first = true;

		for (size_t j = 0; j < kept; j++)
			if (strcmp(store[i].name, store[j].name) == 0) {
				first &= j >= i;
				count++;
			}
		if (first)
			printf("%s %u\n", store[i].name, count);
	}
	return NULL;
}

/* Children of this process beside the main one. */
static const char *
show_others(void)
{
	char path[64], text[TEXT] = "", *save;
	unsigned count = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
	if ((file = fopen(path, "re")) == NULL || fgets(text, sizeof text, file) == NULL)
		text[0] = '\0';
	if (file != NULL)
		fclose(file);
	for (char *word = strtok_r(text, " \n", &save); word != NULL; word = strtok_r(NULL, " \n", &save))
		count += atol(word) != main_pid;
	printf("others %u\n", count);
	return NULL;
}

static volatile sig_atomic_t told_to_end;

static void
on_end(int number)
{
	(void)number;
	told_to_end = 1;
}

static const char *
obey(char *line)
{
	const char *fault;
	char *rest = strchr(line, ' ');

	if (rest != NULL)
		*rest++ = '\0';
	if (strcmp(line, "start") == 0 && rest != NULL)
		return start(rest);
	if (strcmp(line, "restart") == 0 || strcmp(line, "crash") == 0) {
		fault = end_main(line[0] == 'r' ? SIGTERM : SIGKILL);
		return fault != NULL ? fault : start(last_start);
	}
	if (strcmp(line, "reload") == 0 && rest != NULL)
		return reload(rest);
	if (strcmp(line, "stop") == 0) {
		fault = end_main(SIGTERM);
		forget(NULL);
		return fault;
	}
	if (strcmp(line, "end") == 0)
		return end_main(SIGTERM);
	if (strcmp(line, "store") == 0)
		return show_store();
	if (strcmp(line, "others") == 0)
		return show_others();
	if (strcmp(line, "main") == 0) {
		printf("main %ld\n", (long)main_pid);
		return NULL;
	}
	return "unknown command";
}

int
main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char line[TEXT];
	size_t len = 0;
	int on = 1;

	if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path)
		errx(2, "usage: manager SOCKET");
	notify_path = argv[1];
	strcpy(address.sun_path, notify_path);
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify_fd < 0 || bind(notify_fd, (struct sockaddr *)&address, sizeof address) < 0)
		err(1, "%s", notify_path);
	setsockopt(notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
	chmod(notify_path, 0777);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	signal(SIGTERM, on_end);
	while (!told_to_end) {
		struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {notify_fd, POLLIN, 0}};
		char *end;
		ssize_t got;

		poll(fds, 2, 50);
		read_messages();
		reap();
		if (fds[0].revents == 0)
			continue;
		if ((got = read(STDIN_FILENO, line + len, sizeof line - len - 1)) <= 0)
			break;
		len += (size_t)got;
		line[len] = '\0';
		while ((end = strchr(line, '\n')) != NULL) {
			const char *fault;

			*end = '\0';
			fault = obey(line);
			printf(fault != NULL ? "error: %s\n" : "done\n", fault);
			len -= (size_t)(end + 1 - line);
			memmove(line, end + 1, len + 1);
		}
	}
	if (main_pid > 0 && !main_ended)
		end_main(SIGTERM);
	_exit(0); /* what it keeps is no leak */
}
