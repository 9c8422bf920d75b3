/* admin/api/connections.h: a client that takes nothing, one that goes, and what a reply in parts is. */
#include "admin/api/connections.h"
#include "zones/base/util.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct event_base *base;
static struct connections *connections;
static struct exchange *exchange; /* the one that came last */
static uint16_t port;
static bool gone, moved;

static void
on_request(void *arg, struct exchange *came)
{
	(void)arg;
	exchange = came;
}

static char *
fault(void *arg, int status)
{
	(void)arg;
	return xasprintf("{\"status\":%d}", status);
}

static void
on_gone(void *arg)
{
	(void)arg;
	gone = true;
}

static void
on_moved(void *arg)
{
	(void)arg;
	moved = true;
}

static int
start(void **unused)
{
	const struct connections_use use = {.most = 4,
	    .head_max = 4096,
	    .body_max = 4096,
	    .timeout_s = 1,
	    .request = on_request,
	    .fault = fault};
	struct address loopback;

	(void)unused;
	address_from_text(&loopback, "127.0.0.1");
	base = event_base_new();
	connections = connections_new(base, &use, NULL);
	port = connections_listen(connections, &loopback, 0);
	exchange = NULL;
	gone = moved = false;
	return port == 0;
}

static int
end(void **unused)
{
	(void)unused;
	connections_free(connections);
	event_base_free(base);
	return 0;
}

static int
client(const char *request)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	return fd;
}

static void
run_until(const bool *what)
{
	while (!*what)
		event_base_loop(base, EVLOOP_ONCE);
}

static void
run_until_request(void)
{
	while (exchange == NULL)
		event_base_loop(base, EVLOOP_ONCE);
}

/* Everything that comes until the end. */
static char *
read_all(int fd)
{
	char *text = xcalloc(1, 65536);
	size_t len = 0;
	ssize_t got;

	while (len < 65535 && (got = recv(fd, text + len, 65535 - len, MSG_DONTWAIT)) != 0) {
		if (got > 0)
			len += (size_t)got;
		else
			event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
	return text;
}

static void
a_client_that_takes_nothing_is_closed(void **unused)
{
	int fd = client("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	char *much = xcalloc(1, 32 << 20);

	(void)unused;
	run_until_request();
	exchange_begin(exchange, 200, -1, on_moved, on_gone, NULL);
	exchange_send(exchange, much, 32 << 20);
	assert_true(exchange_untaken(exchange) > 0);
	run_until(&gone);
	assert_false(moved);
	exchange_end(exchange, false);
	assert_int_equal(connections_count(connections), 0);
	free(much);
	close(fd);
}

static void
a_reply_to_a_client_that_has_gone_is_dropped(void **unused)
{
	const struct linger at_once = {1, 0};
	int fd = client("GET / HTTP/1.1\r\nHost: x\r\n\r\n");

	(void)unused;
	run_until_request();
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
	while (connections_count(connections) > 0)
		event_base_loop(base, EVLOOP_ONCE);
	exchange_header(exchange, "X", "y");
	exchange_reply(exchange, 200, "late", 4);
}

/* Send a request, and begin the reply to it with "one"; returns the client. */
static int
begin_in_parts(const char *request)
{
	int fd = client(request);

	run_until_request();
	exchange_begin(exchange, 200, -1, on_moved, on_gone, NULL);
	exchange_send(exchange, "one", 3);
	return fd;
}

static char *
read_to_the_end(int fd)
{
	char *text = read_all(fd);

	close(fd);
	return text;
}

static void
a_reply_in_parts_is_in_chunks(void **unused)
{
	int fd = begin_in_parts("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	char *text;

	(void)unused;
	run_until(&moved);
	exchange_send(exchange, "twenty", 6);
	exchange_end(exchange, true);
	text = read_to_the_end(fd);
	assert_non_null(strstr(text, "Transfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(text, "\r\n\r\n3\r\none\r\n6\r\ntwenty\r\n0\r\n\r\n"));
	assert_false(gone);
	free(text);
}

static void
an_older_client_gets_a_reply_in_parts_until_the_end(void **unused)
{
	int fd = begin_in_parts("GET / HTTP/1.0\r\n\r\n");
	char *text;

	(void)unused;
	exchange_end(exchange, true);
	text = read_to_the_end(fd);
	assert_non_null(strstr(text, "Connection: close\r\n\r\none"));
	assert_null(strstr(text, "chunked"));
	free(text);
}

static void
a_reply_that_is_cut_off_has_no_last_chunk(void **unused)
{
	int fd = begin_in_parts("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	char *text;

	(void)unused;
	run_until(&moved);
	exchange_end(exchange, false);
	text = read_to_the_end(fd);
	assert_non_null(strstr(text, "3\r\none\r\n"));
	assert_null(strstr(text, "0\r\n\r\n"));
	free(text);
}

static void
a_request_that_does_not_come_is_not_awaited(void **unused)
{
	int fd = client("GET / HTT");

	(void)unused;
	while (connections_count(connections) == 0)
		event_base_loop(base, EVLOOP_ONCE);
	while (connections_count(connections) > 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_null(exchange);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_client_that_takes_nothing_is_closed, start, end),
	    cmocka_unit_test_setup_teardown(a_reply_to_a_client_that_has_gone_is_dropped, start, end),
	    cmocka_unit_test_setup_teardown(a_reply_in_parts_is_in_chunks, start, end),
	    cmocka_unit_test_setup_teardown(an_older_client_gets_a_reply_in_parts_until_the_end, start, end),
	    cmocka_unit_test_setup_teardown(a_reply_that_is_cut_off_has_no_last_chunk, start, end),
	    cmocka_unit_test_setup_teardown(a_request_that_does_not_come_is_not_awaited, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
