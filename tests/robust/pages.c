/* pages.c over real connections: whole pages, slow readers, readers that hang up, and one too many. */
#include "zones/daemon/pages.h"

#include "zones/base/util.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 2, DEADLINE_S = 30 };

static const struct pages_limits patient = {MOST, DEADLINE_S * 1000, DEADLINE_S * 1000};

/* The sent slices, every third of them empty. */
struct source {
	unsigned slices, written, ended;
};

struct server {
	struct event_base *base;
	struct evhttp *http;
	struct pages *pages;
	uint16_t port;
	struct source source; /* of the next page */
	struct source *sources[8];
	size_t nsources;
};

static bool
write_slice(void *arg, FILE *page)
{
	struct source *source = arg;

	if (source->written % 3 != 2)
		fprintf(page, "%*u\n", PAGES_SLICE, source->written);
	return ++source->written < source->slices;
}

static void
count_end(void *arg)
{
	((struct source *)arg)->ended++;
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct server *server = arg;
	struct source *source = xmemdup(&server->source, sizeof server->source);

	assert_true(server->nsources < NITEMS(server->sources));
	server->sources[server->nsources++] = source;
	pages_send(server->pages, request, write_slice, count_end, source);
}

static void
server_start(struct server *server, unsigned slices, const struct pages_limits *limits)
{
	struct sockaddr_in at;
	socklen_t len = sizeof at;
	struct evhttp_bound_socket *bound;

	*server = (struct server){.base = event_base_new(), .source.slices = slices};
	server->http = evhttp_new(server->base);
	server->pages = pages_new(server->base, limits);
	evhttp_set_gencb(server->http, on_request, server);
	bound = evhttp_bind_socket_with_handle(server->http, "127.0.0.1", 0);
	assert_non_null(bound);
	assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at, &len), 0);
	server->port = ntohs(at.sin_port);
}

static void
server_stop(struct server *server)
{
	pages_free(server->pages);
	evhttp_free(server->http);
	event_base_free(server->base);
	for (size_t i = 0; i < server->nsources; i++) {
		assert_int_equal(server->sources[i]->ended, 1);
		free(server->sources[i]);
	}
}

/* A reader with small buffers. */
static int
ask(const struct server *server, const char *request)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(server->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void
turn(struct server *server)
{
	struct timeval wait = {0, 1000};

	event_base_loopexit(server->base, &wait);
	event_base_loop(server->base, EVLOOP_ONCE);
}

/* What a reader gets until the end, or until it has so much; its length.  The end must come within the
 * deadline. */
static size_t
read_some(struct server *server, int fd, char **text, size_t most)
{
	uint64_t end = boot_ms() + DEADLINE_S * 1000;
	size_t len = 0, room = 1 << 16;

	*text = xmalloc(room + 1);
	while (len < most) {
		ssize_t got;

		assert_true(boot_ms() < end);
		if (len == room)
			*text = xrealloc(*text, (room *= 2) + 1);
		got = read(fd, *text + len, MIN(room, most) - len);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		if (got > 0)
			len += (size_t)got;
		else
			turn(server);
	}
	(*text)[len] = '\0';
	return len;
}

static size_t
read_all(struct server *server, int fd, char **text)
{
	return read_some(server, fd, text, SIZE_MAX);
}

/* Until no more is written for a while. */
static void
until_still(struct server *server, const struct source *source)
{
	unsigned before;
	int still = 0;

	do {
		before = source->written;
		turn(server);
		still = source->written == before ? still + 1 : 0;
	} while (still < 50);
}

static void
until_ended(struct server *server, const struct source *source)
{
	uint64_t end = boot_ms() + DEADLINE_S * 1000;

	while (source->ended == 0) {
		assert_true(boot_ms() < end);
		turn(server);
	}
}

static void
until_asked(struct server *server, size_t count)
{
	uint64_t end = boot_ms() + DEADLINE_S * 1000;

	while (server->nsources < count) {
		assert_true(boot_ms() < end);
		turn(server);
	}
}

/* The lines of slices in order; returns how many there are. */
static unsigned
count_lines(const char *at, unsigned slices)
{
	unsigned count = 0;

	for (unsigned i = 0; i < slices; i++) {
		if (i % 3 == 2)
			continue;
		at = strstr(at, "  "); /* chunk sizes have no blanks before them */
		assert_non_null(at);
		assert_int_equal(strtoul(at, (char **)&at, 10), i);
		assert_int_equal(*at, '\n');
		count++;
	}
	return count;
}

static void
a_page_arrives_whole(void **state)
{
	static const char *const requests[] = {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < NITEMS(requests); i++)
		for (unsigned slices = 1; slices < 12; slices++) {
			struct server server;
			bool chunked = strstr(requests[i], "1.1") != NULL;
			char *text;
			size_t len;
			int fd;

			server_start(&server, slices, &patient);
			fd = ask(&server, requests[i]);
			len = read_all(&server, fd, &text);
			assert_memory_equal(text + strlen("HTTP/1.x "), "200 OK", 6);
			assert_non_null(strstr(text, "Connection: close\r\n"));
			assert_int_equal(count_lines(text, slices), slices - slices / 3);
			if (chunked)
				assert_string_equal(text + len - 7, "\r\n0\r\n\r\n");
			close(fd);
			free(text);
			server_stop(&server);
		}
}

static void
a_head_gets_no_page(void **state)
{
	struct server server;
	char *text;
	size_t len;
	int fd;

	(void)state;
	server_start(&server, 5, &patient);
	fd = ask(&server, "HEAD / HTTP/1.0\r\n\r\n");
	len = read_all(&server, fd, &text);
	assert_memory_equal(text + strlen("HTTP/1.x "), "200 OK", 6);
	assert_string_equal(text + len - 4, "\r\n\r\n");
	assert_int_equal(server.sources[0]->written, 0);
	close(fd);
	free(text);
	server_stop(&server);
}

enum { MANY = 6000 /* slices: more than any socket buffer has room for */ };

static void
a_slow_reader_gets_slices_as_it_takes_them(void **state)
{
	struct server server;
	unsigned before;
	char *text;
	size_t len;
	int fd;

	(void)state;
	server_start(&server, MANY, &patient);
	fd = ask(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	until_asked(&server, 1);
	until_still(&server, server.sources[0]);
	before = server.sources[0]->written;
	assert_true(before < MANY / 4);
	len = read_some(&server, fd, &text, 1 << 23);
	free(text);
	until_still(&server, server.sources[0]);
	assert_true(server.sources[0]->written > before);
	assert_true(server.sources[0]->written < before + 2 * len / PAGES_SLICE);
	len = read_all(&server, fd, &text);
	assert_string_equal(text + len - 7, "\r\n0\r\n\r\n");
	assert_int_equal(server.sources[0]->written, MANY);
	assert_int_equal(server.sources[0]->ended, 1);
	close(fd);
	free(text);
	server_stop(&server);
}

static void
a_reader_that_hangs_up_is_forgotten(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct server server;
		char *text;
		int fd;

		server_start(&server, MANY, &patient);
		fd = ask(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		until_asked(&server, 1);
		if (how == 0) { /* having read some, and with more to read */
			read_some(&server, fd, &text, 1 << 20);
			free(text);
		}
		if (how == 1) /* while nothing can be written */
			until_still(&server, server.sources[0]);
		if (how == 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
		close(fd);
		until_ended(&server, server.sources[0]);
		assert_true(server.sources[0]->written < MANY);
		server_stop(&server);
	}
}

static void
one_too_many_is_told_so(void **state)
{
	struct server server;
	int fds[MOST], fd;
	char *text;

	(void)state;
	server_start(&server, MANY, &patient);
	for (size_t i = 0; i < MOST; i++) {
		fds[i] = ask(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		until_asked(&server, i + 1);
	}
	fd = ask(&server, "GET / HTTP/1.0\r\n\r\n");
	read_all(&server, fd, &text);
	assert_memory_equal(text + strlen("HTTP/1.x "), "503", 3);
	assert_int_equal(server.sources[MOST]->ended, 1);
	assert_int_equal(server.sources[MOST]->written, 0);
	close(fd);
	free(text);
	close(fds[0]);
	until_ended(&server, server.sources[0]);
	fd = ask(&server, "GET / HTTP/1.0\r\n\r\n");
	read_some(&server, fd, &text, 1000);
	assert_memory_equal(text + strlen("HTTP/1.x "), "200", 3);
	close(fd);
	free(text);
	close(fds[1]);
	server_stop(&server); /* with pages under way */
}

static void
a_reader_that_takes_nothing_is_cut_off(void **state)
{
	struct server server;
	int fd;

	(void)state;
	server_start(&server, MANY, &(struct pages_limits){MOST, 300, 2 * DEADLINE_S * 1000});
	fd = ask(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	until_asked(&server, 1);
	until_ended(&server, server.sources[0]);
	assert_true(server.sources[0]->written < MANY);
	close(fd);
	server_stop(&server);
}

/* However steadily it is read. */
static void
at_its_deadline_a_page_is_broken_off(void **state)
{
	struct server server;
	char *text, *rest;
	size_t len;
	int fd;

	(void)state;
	server_start(&server, MANY, &(struct pages_limits){MOST, DEADLINE_S * 1000, 300});
	fd = ask(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	until_asked(&server, 1);
	for (uint64_t end = boot_ms() + DEADLINE_S * 1000; server.sources[0]->ended == 0; turn(&server)) {
		assert_true(boot_ms() < end);
		assert_true(read_some(&server, fd, &text, 1000) > 0);
		free(text);
	}
	len = read_all(&server, fd, &rest);
	assert_true(server.sources[0]->written < MANY);
	assert_true(len < 7 || strcmp(rest + len - 7, "\r\n0\r\n\r\n") != 0);
	close(fd);
	free(rest);
	server_stop(&server);
}

static void
octets_from_a_reader_are_not_kept(void **state)
{
	enum { TOO_MUCH = 1 << 20 };
	static const char noise[65536];
	struct server server;
	uint64_t end;
	size_t sent = 0;
	ssize_t got;
	int fd, stuck = 0;

	(void)state;
	server_start(&server, MANY, &patient);
	fd = ask(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	until_asked(&server, 1);
	end = boot_ms() + DEADLINE_S * 1000;
	while (stuck < 50 && sent < TOO_MUCH && boot_ms() < end) {
		got = write(fd, noise, sizeof noise);
		sent += got > 0 ? (size_t)got : 0;
		stuck = got > 0 ? 0 : stuck + 1;
		turn(&server);
	}
	assert_true(stuck == 50); /* the kernel's buffers are full, and nobody takes more out of them */
	close(fd);
	server_stop(&server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_page_arrives_whole),
	    cmocka_unit_test(a_head_gets_no_page),
	    cmocka_unit_test(a_slow_reader_gets_slices_as_it_takes_them),
	    cmocka_unit_test(a_reader_that_hangs_up_is_forgotten),
	    cmocka_unit_test(one_too_many_is_told_so),
	    cmocka_unit_test(a_reader_that_takes_nothing_is_cut_off),
	    cmocka_unit_test(at_its_deadline_a_page_is_broken_off),
	    cmocka_unit_test(octets_from_a_reader_are_not_kept),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
