/*
 * steady -- a steady stream of queries whose answers are known: steady UDP TCP RATE WINDOW CONNECTIONS
 * NAME...
 *
 * UDP and TCP are ADDRESS:PORT. First each name is asked once (type A) and the response kept; then `ready` is
 * printed. From then on RATE datagrams a second (0: as many as possible) are sent, at most WINDOW of them
 * unanswered, and on each connection one query after the other, 5 ms apart. Every second connection is closed
 * after each answer and opened again. A response counts as wrong if it is not the kept one, and a query as
 * lost if it has no response within 5 s, or if its connection ends. At the line `stop`, or the end of
 * standard input, it waits for open queries and prints
 *
 *     udp sent N answered N lost N wrong N slowest MS
 *     tcp sent N answered N lost N wrong N reopened N
 */
#include "zones/base/address.h"
#include "zones/base/util.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SOCKETS = 16,
	NAMES = 64,
	MESSAGE = 1232,
	CONNECTIONS = 64,
	LOST_NS = 1000000000,
	LOST_AFTER = 5,
	PACE_NS = 5000000
};

static struct question {
	uint8_t ask[MESSAGE], answer[MESSAGE];
	size_t ask_len, answer_len;
} questions[NAMES];
static size_t nquestions;

/* The queries of a socket without a response: a ring of its ids. */
static struct socket {
	int fd;
	unsigned open;
	uint16_t next;
	uint64_t sent_ns[1 << 16]; /* 0: not open */
	uint8_t asked[1 << 16];
} sockets[SOCKETS];

static struct connection {
	int fd;
	bool brief, open, begun; /* closed after each answer; a query is open; one was answered */
	uint16_t id;
	size_t asked, got;
	uint64_t sent_ns, next_ns;
	uint8_t in[2 + MESSAGE];
} connections[CONNECTIONS];
static size_t nconnections;

static struct counts {
	uint64_t sent, answered, lost, wrong, reopened, slowest_ns;
} udp, tcp;
static struct sockaddr_storage udp_address, tcp_address;
static socklen_t udp_len, tcp_len;

static socklen_t
parse(const char *text, struct sockaddr_storage *out)
{
	struct address address;
	uint16_t port;

	if (!address_port_from_text(&address, &port, text, 53))
		errx(2, "%s: not ADDRESS:PORT", text);
	if (address.family == FAMILY_V4) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)out;

		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&v4->sin_addr, address.bytes, 4);
		return sizeof *v4;
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	memcpy(&v6->sin6_addr, address.bytes, 16);
	return sizeof *v6;
}

static void
add_question(const char *name)
{
	struct question *question = &questions[nquestions++];
	static const uint8_t head[12] = {0, 0, 0, 0, 0, 1};

	memcpy(question->ask, head, sizeof head);
	question->ask_len = sizeof head;
	for (size_t len; *name != '\0'; name += len + (name[len] == '.')) {
		len = strcspn(name, ".");
		question->ask[question->ask_len++] = (uint8_t)len;
		memcpy(question->ask + question->ask_len, name, len);
		question->ask_len += len;
	}
	memcpy(question->ask + question->ask_len, "\0\0\1\0\1", 5);
	question->ask_len += 5;
}

static int
udp_socket(void)
{
	int fd = socket(udp_address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 4 << 20;

	if (fd < 0 || connect(fd, (struct sockaddr *)&udp_address, udp_len) < 0)
		err(1, "UDP");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	return fd;
}

static void
learn(void)
{
	int fd = udp_socket();
	struct timeval patience = {.tv_sec = LOST_AFTER};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	for (size_t i = 0; i < nquestions; i++) {
		struct question *question = &questions[i];
		ssize_t len;

		if (send(fd, question->ask, question->ask_len, 0) < 0 ||
		    (len = recv(fd, question->answer, MESSAGE, 0)) < 12)
			err(1, "no answer");
		question->answer_len = (size_t)len;
	}
	close(fd);
}

static bool
is_right(const struct question *question, const uint8_t *answer, size_t len)
{
	return len == question->answer_len && memcmp(answer + 2, question->answer + 2, len - 2) == 0;
}

static bool
receive_datagrams(struct socket *socket, uint64_t now)
{
	uint8_t in[MESSAGE];
	ssize_t len;
	bool any = false;

	while ((len = recv(socket->fd, in, sizeof in, MSG_DONTWAIT)) >= 0) {
		uint16_t id = len >= 12 ? get16(in) : 0;

		any = true;
		if (len < 12 || socket->sent_ns[id] == 0) {
			udp.wrong++;
			continue;
		}
		if (is_right(&questions[socket->asked[id]], in, (size_t)len))
			udp.answered++;
		else
			udp.wrong++;
		udp.slowest_ns = now - socket->sent_ns[id] > udp.slowest_ns && now > socket->sent_ns[id]
		    ? now - socket->sent_ns[id]
		    : udp.slowest_ns;
		socket->sent_ns[id] = 0;
		socket->open--;
	}
	return any;
}

static void
send_datagram(struct socket *socket, uint64_t now)
{
	uint16_t id = socket->next;
	size_t which = udp.sent % nquestions;

	if (socket->sent_ns[id] != 0)
		return; /* one of long ago is still open */
	put16(questions[which].ask, id);
	if (send(socket->fd, questions[which].ask, questions[which].ask_len, MSG_DONTWAIT) < 0)
		return;
	socket->next++;
	socket->sent_ns[id] = now;
	socket->asked[id] = (uint8_t)which;
	socket->open++;
	udp.sent++;
}

static void
give_up_datagrams(uint64_t now)
{
	for (size_t i = 0; i < SOCKETS; i++)
		for (size_t id = 0; id < 1 << 16 && sockets[i].open > 0; id++)
			if (sockets[i].sent_ns[id] != 0 &&
			    now > sockets[i].sent_ns[id] + (uint64_t)LOST_AFTER * LOST_NS) {
				sockets[i].sent_ns[id] = 0;
				sockets[i].open--;
				udp.lost++;
			}
}

static void
end_connection(struct connection *connection)
{
	tcp.lost += connection->open;
	tcp.reopened += !connection->brief;
	close(connection->fd);
	connection->fd = -1;
	connection->open = false;
	connection->got = 0;
}

static void
ask(struct connection *connection, uint64_t now)
{
	uint8_t out[2 + MESSAGE];
	const struct question *question;

	if (connection->fd < 0) {
		connection->fd = socket(tcp_address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		connection->begun = false;
		if (connection->fd < 0 ||
		    connect(connection->fd, (struct sockaddr *)&tcp_address, tcp_len) < 0) {
			tcp.sent++;
			tcp.lost++;
			warn("connect");
			close(connection->fd);
			connection->fd = -1;
			connection->next_ns = now + PACE_NS;
			return;
		}
	}
	connection->asked = tcp.sent % nquestions;
	question = &questions[connection->asked];
	put16(out, (uint16_t)question->ask_len);
	memcpy(out + 2, question->ask, question->ask_len);
	put16(out + 2, ++connection->id);
	tcp.sent++;
	connection->open = true;
	connection->sent_ns = now;
	if (send(connection->fd, out, 2 + question->ask_len, MSG_NOSIGNAL) < 0)
		end_connection(connection);
}

static void
read_connection(struct connection *connection, uint64_t now)
{
	ssize_t got = recv(connection->fd, connection->in + connection->got,
	    sizeof connection->in - connection->got, MSG_DONTWAIT);
	size_t len;

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		end_connection(connection);
		return;
	}
	connection->got += got > 0 ? (size_t)got : 0;
	if (connection->got < 2 || connection->got < 2u + get16(connection->in))
		return;
	len = get16(connection->in);
	if (connection->open && len >= 12 && get16(connection->in + 2) == connection->id &&
	    is_right(&questions[connection->asked], connection->in + 2, len))
		tcp.answered++;
	else
		tcp.wrong++;
	connection->open = false;
	connection->got = 0;
	connection->next_ns = now + PACE_NS;
	if (connection->brief)
		end_connection(connection);
}

/* One look at everything; returns how many queries are open. */
static size_t
turn(double rate, unsigned window, bool stop)
{
	static uint64_t began, last_look;
	static double allowance;
	uint64_t now = boot_ns();
	size_t open = 0;
	bool any = false;
	static uint64_t before;

	began = began == 0 ? now : began;
	allowance += rate * (double)(now - (before ? before : now)) / 1e9;
	allowance = allowance > rate / 50 + 1 ? rate / 50 + 1
					      : allowance; /* what could not be sent is not made up for */
	before = now;
	for (size_t i = 0; i < SOCKETS; i++) {
		any |= receive_datagrams(&sockets[i], now);
		while (!stop && sockets[i].open < window / SOCKETS && (rate == 0 || allowance >= 1)) {
			send_datagram(&sockets[i], now);
			allowance -= rate > 0;
			if (rate > 0 && sockets[i].open > (unsigned)(window / SOCKETS / 4))
				break; /* turn about */
		}
		open += sockets[i].open;
	}
	for (size_t i = 0; i < nconnections; i++) {
		if (connections[i].fd >= 0)
			read_connection(&connections[i], now);
		if (connections[i].open && now > connections[i].sent_ns + (uint64_t)LOST_AFTER * LOST_NS)
			end_connection(&connections[i]);
		if (!stop && !connections[i].open && now >= connections[i].next_ns)
			ask(&connections[i], now);
		open += connections[i].open;
	}
	if (now > last_look + LOST_NS) {
		give_up_datagrams(now);
		last_look = now;
	}
	if (!any)
		poll(NULL, 0, rate > 0 && rate < 20000 ? 1 : 0);
	return open;
}

int
main(int argc, char **argv)
{
	struct pollfd in = {STDIN_FILENO, POLLIN, 0};
	double rate;
	unsigned window;
	size_t open;

	if (argc < 7 || argc - 6 > NAMES)
		errx(2, "usage: steady UDP TCP RATE WINDOW CONNECTIONS NAME...");
	signal(SIGPIPE, SIG_IGN);
	udp_len = parse(argv[1], &udp_address);
	tcp_len = parse(argv[2], &tcp_address);
	rate = strtod(argv[3], NULL);
	window = (unsigned)strtoul(argv[4], NULL, 10);
	nconnections = MIN(strtoul(argv[5], NULL, 10), CONNECTIONS);
	for (int i = 6; i < argc; i++)
		add_question(argv[i]);
	learn();
	for (size_t i = 0; i < SOCKETS; i++)
		sockets[i].fd = udp_socket();
	for (size_t i = 0; i < nconnections; i++)
		connections[i] = (struct connection){.fd = -1, .brief = i % 2 == 1};
	puts("ready");
	fflush(stdout);
	for (unsigned n = 0; n % 64 != 0 || poll(&in, 1, 0) == 0; n++)
		turn(rate, window, false);
	do
		open = turn(rate, window, true);
	while (open > 0);
	printf("udp sent %ju answered %ju lost %ju wrong %ju slowest %.1f\n", (uintmax_t)udp.sent,
	    (uintmax_t)udp.answered, (uintmax_t)udp.lost, (uintmax_t)udp.wrong, (double)udp.slowest_ns / 1e6);
	printf("tcp sent %ju answered %ju lost %ju wrong %ju reopened %ju\n", (uintmax_t)tcp.sent,
	    (uintmax_t)tcp.answered, (uintmax_t)tcp.lost, (uintmax_t)tcp.wrong, (uintmax_t)tcp.reopened);
	return 0;
}
