/*
 * replacer -- one of the two sides of a replacement (dnsd/replace.h) that behaves badly:
 *
 *     replacer predecessor STATE HOW
 *         silent      sends nothing
 *         version     refuses as one of another version does
 *         rubbish     answers with an invalid message
 *         break       ends the connection, and lives on
 *         ahead       offers no sockets, and answers a generation that nobody has
 *         linger      offers no sockets, and does not leave
 *     replacer successor STATE HOW
 *         silent      sends nothing
 *         rubbish     sends an invalid message
 *         yield       makes the nameserver yield, and then sends nothing
 *         early       sends LEAVE first
 *         version     sends HELLO of another version, and prints the reason of the refusal
 *         end         has the nameserver yield, and ends
 *
 * A predecessor holds the lock of the serving store. Prints `ready` when it listens, or has sent its
 * messages, and ends at the end of standard input, or at the end of its connection after it prints `end`.
 */
#include "dnsd/replace.h"
#include "zones/base/util.h"
#include "zones/daemon/channel.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void
say(int fd, enum replace_kind kind, uint64_t number)
{
	struct replace_message message = {
	    .magic = REPLACE_MAGIC, .version = REPLACE_VERSION, .kind = kind, .number = number};

	if (channel_send(fd, &message, sizeof message, NULL, 0) < 0)
		warnx("the other side is gone");
}

static void
hear(int fd, struct replace_message *message)
{
	int fds[CHANNEL_DESCRIPTORS];
	size_t count = NITEMS(fds);

	if (channel_receive(fd, message, sizeof *message, fds, &count) <= 0) {
		puts("end");
		exit(0);
	}
	while (count > 0)
		close(fds[--count]);
}

static void
ready(void)
{
	puts("ready");
	fflush(stdout);
}

/* Until the end of standard input or of the connection. */
static void
stay(int fd)
{
	struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {fd, POLLIN, 0}};
	char octet;

	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents && read(STDIN_FILENO, &octet, 1) <= 0)
			exit(0);
		if (fds[1].revents) {
			struct replace_message message;

			hear(fd, &message);
		}
	}
}

static void
predecessor(const char *directory, const char *how)
{
	struct replace_message message;
	char path[4096];
	int lock, listening, peer;
	pid_t pid;
	struct pollfd fd;

	snprintf(path, sizeof path, "%s/writer", directory);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (lock < 0 || flock(lock, LOCK_EX) < 0 || dprintf(lock, "%ld\n", (long)getpid()) < 0)
		err(1, "%s", path);
	if ((listening = channel_listen(directory, REPLACE_SOCKET)) < 0)
		errx(1, "cannot listen");
	ready();
	fd = (struct pollfd){listening, POLLIN, 0};
	poll(&fd, 1, -1);
	if ((peer = channel_accept(listening, &pid)) < 0)
		errx(1, "cannot accept");
	if (strcmp(how, "silent") != 0)
		say(peer, REPLACE_WELCOME, 0);
	hear(peer, &message);
	if (strcmp(how, "version") == 0)
		say(peer, REPLACE_REFUSED, REPLACE_OTHER_VERSION);
	else if (strcmp(how, "rubbish") == 0)
		channel_send(peer, "rubbish", 7, NULL, 0);
	else if (strcmp(how, "break") == 0)
		close(peer);
	else if (strcmp(how, "silent") != 0) {
		say(peer, REPLACE_OFFERED, 0);
		hear(peer, &message); /* YIELD */
		say(peer, REPLACE_YIELDED, strcmp(how, "ahead") == 0 ? 1000000 : 0);
	}
	for (;;)
		pause();
}

static void
successor(const char *directory, const char *how)
{
	struct replace_message message,
	    other = {.kind = REPLACE_HELLO, .magic = REPLACE_MAGIC, .version = 1000};
	pid_t pid;
	int fd = channel_connect(directory, REPLACE_SOCKET, 10000, &pid);

	if (fd < 0)
		errx(1, "cannot connect: %s", strerror(-fd));
	hear(fd, &message);
	if (strcmp(how, "rubbish") == 0)
		channel_send(fd, "rubbish", 7, NULL, 0);
	else if (strcmp(how, "early") == 0)
		say(fd, REPLACE_LEAVE, 0);
	else if (strcmp(how, "version") == 0) {
		channel_send(fd, &other, sizeof other, NULL, 0);
		hear(fd, &message);
		printf("%u %ju\n", message.kind, (uintmax_t)message.number);
	} else if (strcmp(how, "silent") != 0) {
		say(fd, REPLACE_HELLO, 0);
		do
			hear(fd, &message);
		while (message.kind != REPLACE_OFFERED && message.kind != REPLACE_REFUSED);
		say(fd, REPLACE_YIELD, 0);
		hear(fd, &message);
		printf("%u\n", message.kind);
	}
	ready();
	if (strcmp(how, "end") != 0)
		stay(fd);
}

int
main(int argc, char **argv)
{
	char *directory;

	if (argc != 4)
		errx(2, "usage: replacer predecessor|successor STATE HOW");
	directory = xasprintf("%s/serving", argv[2]);
	mkdir(argv[2], 0755);
	mkdir(directory, 0755);
	if (strcmp(argv[1], "predecessor") == 0)
		predecessor(directory, argv[3]);
	else
		successor(directory, argv[3]);
	return 0;
}
