/*
 * flood -- send bad messages: flood PORT COUNT [tcp], to 127.0.0.1.
 *
 * Each is a query with a cookie of which some octets are changed, and every eighth is cut off.  Over TCP the
 * frames are whole: their content is not.  Responses are read and counted, never awaited; prints "sent
 * N, answered N" (datagrams, or octets of TCP).
 */
#include "zones/base/util.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BATCH = 64, MESSAGE_MAX = 128, ROOM = 1 << 16 };

static const uint8_t query[] = "\0\0\1\0\0\1\0\0\0\0\0\1\3www\7example\3com\0\0\1\0\1"
			       "\0\0\51\4\320\0\0\0\0\0\14\0\12\0\10abcdefgh";

static uint64_t
draw(void)
{
	static uint64_t state;

	return mix64(state += UINT64_C(0x9e3779b97f4a7c15));
}

static size_t
make_message(uint8_t out[MESSAGE_MAX])
{
	size_t len = sizeof query - 1;

	memcpy(out, query, len);
	for (uint64_t changes = 1 + draw() % 4; changes > 0; changes--) /* the header rather often */
		out[draw() % 2 ? 2 + draw() % 10 : draw() % len] = (uint8_t)draw();
	out[2] &= 0x7f; /* a response would only get silence */
	return draw() % 8 == 0 ? draw() % len : len;
}

static long
flood_datagrams(int fd, long count)
{
	static uint8_t out[MESSAGE_MAX], in[ROOM];
	long answered = 0;

	for (long i = 0; i < count; i++) {
		send(fd, out, make_message(out), 0);
		while (i % BATCH == 0 && recv(fd, in, sizeof in, MSG_DONTWAIT) >= 0)
			answered++;
	}
	return answered;
}

static long
flood_stream(int fd, long count)
{
	static uint8_t out[BATCH * (2 + MESSAGE_MAX)], in[ROOM];
	long answered = 0;

	for (long i = 0; i < count; i += BATCH) {
		size_t len = 0, sent = 0;

		for (unsigned n = 0; n < BATCH; n++) {
			size_t one = make_message(out + len + 2);

			put16(out + len, (uint16_t)one);
			len += 2 + one;
		}
		while (sent < len) {
			ssize_t put = send(fd, out + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
			ssize_t got = recv(fd, in, sizeof in, put > 0 ? MSG_DONTWAIT : 0);

			if (got == 0 || (got < 0 && errno != EAGAIN) || (put < 0 && errno != EAGAIN))
				errx(1, "the connection was closed");
			sent += put > 0 ? (size_t)put : 0;
			answered += got > 0 ? got : 0;
		}
	}
	return answered;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	bool tcp = argc == 4 && strcmp(argv[3], "tcp") == 0;
	long count, answered;
	int fd;

	if (argc != 3 && !tcp)
		errx(2, "usage: flood PORT COUNT [tcp]");
	to.sin_port = htons((uint16_t)atoi(argv[1]));
	count = atol(argv[2]);
	fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		err(1, "port %s", argv[1]);
	answered = tcp ? flood_stream(fd, count) : flood_datagrams(fd, count);
	printf("sent %ld, answered %ld\n", count, answered);
	return 0;
}
