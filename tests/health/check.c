/* check_run.c: a process that was paused does not judge endpoints for it. */
#include "monitor/check/check.h"

#include "tests/health/slept.h"

#include <event2/event.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* An impatient web server: it answers a request that comes in time, else it resets the connection. */
struct server {
	int fd;
	uint16_t port;
	int patience_ms; /* 0: none; below 0: it resets after this time in any case */
	unsigned connections, resets;
	pthread_t thread;
};

static void *
serve(void *arg)
{
	static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
	struct server *server = arg;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		struct pollfd poller = {fd, POLLIN, 0};
		char request[4096];

		server->connections++;
		if (server->patience_ms < 0)
			usleep((useconds_t)-server->patience_ms * 1000);
		if (server->patience_ms > 0 && poll(&poller, 1, server->patience_ms) > 0 &&
		    read(fd, request, sizeof request) > 0) {
			(void)!write(fd, answer, sizeof answer - 1);
		} else {
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
			server->resets++;
		}
		close(fd);
	}
	return NULL;
}

static int
listener(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void
server_start(struct server *server, int patience_ms)
{
	*server = (struct server){.patience_ms = patience_ms};
	server->fd = listener(&server->port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void
server_stop(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
}

enum { STALLS_MAX = 20 };

struct fixture {
	struct event_base *base;
	unsigned stall_ms, stalls;
	time_t sleep_s;
	struct check_result result;
};

static void
on_done(void *arg, const struct check_result *result)
{
	struct fixture *fixture = arg;

	fixture->result = *result;
	event_base_loopbreak(fixture->base);
}

/* Keep the loop from everything else, as a commit to a slow disk would. */
static void
on_stall(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *fixture = arg;

	(void)fd, (void)what;
	if (++fixture->stalls == STALLS_MAX)
		event_base_loopbreak(fixture->base); /* a check without an end */
	usleep(fixture->stall_ms * 1000);
	slept_s += fixture->sleep_s;
}

/* A monitor of http, in memory of the caller's. */
struct asked {
	char method[8], path[2], body[8], name[2];
	struct monitor monitor;
	struct check_subject subject;
};

static void
ask(struct asked *asked, uint16_t port, const char *body)
{
	*asked = (struct asked){.method = "GET",
	    .path = "/",
	    .name = "m",
	    .monitor = {.type = MONITOR_HTTP, .port = port, .interval_s = 10, .timeout_ms = 400}};
	snprintf(asked->body, sizeof asked->body, "%s", body);
	asked->monitor.name = asked->name;
	asked->monitor.method = asked->method;
	asked->monitor.path = asked->path;
	asked->monitor.expected_body = asked->body;
	for (size_t i = 0; i < NITEMS(asked->monitor.expected_codes); i++)
		asked->monitor.expected_codes[i] = UINT64_MAX;
	asked->subject.monitor = &asked->monitor;
	assert_true(address_from_text(&asked->subject.address, "127.0.0.1"));
}

static struct check_result run_check(const struct server *server, struct fixture fixture, bool again);

/* One check of a server; the loop is blocked once, or again and again. */
static struct check_result
check_with_stalls(const struct server *server, unsigned stall_ms, bool again)
{
	return run_check(server, (struct fixture){.stall_ms = stall_ms}, again);
}

static struct check_result
run_check(const struct server *server, struct fixture fixture, bool again)
{
	struct asked asked;
	struct timeval soon = {0, again ? 1000 : 0}; /* one of no time would not come again */
	struct checks *checks;
	struct event *stall;
	bool stalls = fixture.stall_ms > 0 || fixture.sleep_s > 0;

	fixture.base = event_base_new();
	ask(&asked, server->port, "");
	assert_int_equal(event_base_priority_init(fixture.base, 2), 0);
	checks = checks_new(fixture.base, check_types);
	assert_non_null(checks);
	assert_non_null(check_start(checks, &asked.subject, on_done, &fixture));
	stall = event_new(fixture.base, -1, again ? EV_PERSIST : 0, on_stall, &fixture);
	event_priority_set(stall, again ? 1 : 0); /* once: before the connection is seen to be there */
	if (stalls)
		event_add(stall, &soon);
	event_base_dispatch(fixture.base);
	assert_true(!stalls || fixture.stalls > (again ? 1 : 0));
	assert_true(fixture.stalls < STALLS_MAX);
	event_free(stall);
	checks_free(checks);
	event_base_free(fixture.base);
	return fixture.result;
}

/* Take the connection, answer without a look at the request, and reset it. */
static void
answer_and_reset(int listening)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nneedle";
	int fd = accept(listening, NULL, NULL), left = 1;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, answer, sizeof answer - 1), sizeof answer - 1);
	while (left > 0) /* a reset drops what the other side does not have yet */
		assert_int_equal(ioctl(fd, SIOCOUTQ, &left), 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	close(fd);
}

/* S46.  Before libcurl has even seen the connection: a connect() or SO_ERROR of its own would lose the
 * answer.
 */
static void
an_answer_that_was_reset_before_we_asked_counts(void **state)
{
	static const char *const bodies[] = {"", "needle"};

	(void)state;
	for (size_t i = 0; i < NITEMS(bodies); i++) {
		struct fixture fixture = {.base = event_base_new()};
		struct checks *checks = checks_new(fixture.base, check_types);
		struct asked asked;
		uint16_t port;
		int listening = listener(&port);

		ask(&asked, port, bodies[i]);
		assert_non_null(check_start(checks, &asked.subject, on_done, &fixture));
		answer_and_reset(listening);
		event_base_dispatch(fixture.base);
		assert_true(fixture.result.conclusive);
		assert_int_equal(fixture.result.reason, REASON_NONE);
		assert_int_equal(fixture.result.code, 200);
		close(listening);
		checks_free(checks);
		event_base_free(fixture.base);
	}
}

static void
a_check_that_failed_while_the_process_was_stopped_is_tried_again(void **state)
{
	struct server server;
	struct check_result result;

	(void)state;
	server_start(&server, 100);
	result = check_with_stalls(&server, 700, false);
	assert_true(result.conclusive);
	assert_int_equal(result.reason, REASON_NONE);
	server_stop(&server);
	assert_int_equal(server.resets, 1);
	assert_int_equal(server.connections, 2);
}

/* Nothing is late by the clock of timers: what the sleep broke is seen before a tick is. */
static void
a_check_that_failed_while_the_machine_slept_is_tried_again(void **state)
{
	struct server server;
	struct check_result result;

	(void)state;
	server_start(&server, -20);
	result = run_check(&server, (struct fixture){.sleep_s = 3600}, false);
	server_stop(&server);
	assert_true(result.conclusive);
	assert_int_equal(server.connections, 2);
}

static void
time_that_was_slept_is_no_round_trip_time(void **state)
{
	struct server server;
	struct check_result result;

	(void)state;
	server_start(&server, 300);
	result = run_check(&server, (struct fixture){.sleep_s = 3600}, false);
	assert_int_equal(result.reason, REASON_NONE);
	assert_int_equal(result.rtt_us, 0);
	result = run_check(&server, (struct fixture){0}, false);
	assert_int_equal(result.reason, REASON_NONE);
	assert_in_range(result.rtt_us, 1, 300000);
	server_stop(&server);
	assert_int_equal(server.connections, 2);
}

static void
a_failure_of_the_peer_counts_at_once(void **state)
{
	struct server server;
	struct check_result result;

	(void)state;
	server_start(&server, 0);
	result = check_with_stalls(&server, 0, false);
	assert_true(result.conclusive);
	assert_int_not_equal(result.reason, REASON_NONE);
	server_stop(&server);
	assert_int_equal(server.connections, 1);
}

static void
standing_still_again_and_again_is_no_way_to_stay_up(void **state)
{
	struct server server;
	struct check_result result;

	(void)state;
	server_start(&server, -100);
	result = check_with_stalls(&server, 250, true);
	assert_true(result.conclusive);
	assert_int_not_equal(result.reason, REASON_NONE);
	server_stop(&server);
	assert_int_equal(server.connections, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_that_was_reset_before_we_asked_counts),
	    cmocka_unit_test(a_check_that_failed_while_the_process_was_stopped_is_tried_again),
	    cmocka_unit_test(a_check_that_failed_while_the_machine_slept_is_tried_again),
	    cmocka_unit_test(time_that_was_slept_is_no_round_trip_time),
	    cmocka_unit_test(a_failure_of_the_peer_counts_at_once),
	    cmocka_unit_test(standing_still_again_and_again_is_no_way_to_stay_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
