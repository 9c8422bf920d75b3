/* courier.c: a dead receiver costs a bounded queue, counts the lost events, and gets the others when it comes
 * back. */
#include "monitor/notify/courier.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SENT = 10000, DEADLINE_MS = 20000 };

/* A socket of the loopback that is bound, and refuses until it listens. */
static int
bound(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

/* Take one POST and answer 200; its body. */
static struct json *
take(int listener)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct pollfd poller = {listener, POLLIN, 0};
	char *text = NULL, *body;
	size_t len = 0, room = 0, wanted = SIZE_MAX;
	struct json *json;
	int fd;

	assert_int_equal(poll(&poller, 1, DEADLINE_MS), 1);
	fd = accept(listener, NULL, NULL);
	while (len < wanted) {
		ssize_t got;

		if (room < len + 65536)
			text = xrealloc(text, (room = len + 131072) + 1);
		got = read(fd, text + len, 65536);
		assert_true(got > 0);
		text[len += (size_t)got] = '\0';
		if (strcasestr(text, "\r\nExpect: 100-continue") != NULL && wanted == SIZE_MAX)
			assert_true(write(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25) == 25);
		if (wanted == SIZE_MAX && (body = strstr(text, "\r\n\r\n")) != NULL)
			wanted = (size_t)(body + 4 - text) +
			    strtoul(strcasestr(text, "\r\nContent-Length:") + 17, NULL, 10);
	}
	body = strstr(text, "\r\n\r\n") + 4;
	json = json_read_quietly((struct bytes){body, (size_t)(text + len - body)});
	assert_non_null(json);
	assert_true(write(fd, answer, sizeof answer - 1) > 0);
	close(fd);
	free(text);
	return json;
}

static void
send_some(struct courier *courier, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct notice *notice = notice_new(NOTICE_ORIGIN, i);

		notice->pool_id = xstrdup("id");
		notice->pool = xstrdup("eu");
		notice->address = xasprintf("%u", i);
		notice->name = xstrdup("");
		notice->before = "up";
		notice->after = "down";
		courier_send(courier, &notice, 1);
		notice_drop(notice);
	}
}

static void
end(struct courier *courier)
{
	courier_hurry(courier);
	courier_stop(courier);
}

static void
a_dead_receiver_costs_a_bounded_queue_and_gets_the_number_of_lost_events(void **state)
{
	struct problems problems = {0};
	struct courier_counters counters;
	struct courier *courier;
	uint16_t port;
	int fd = bound(&port);
	char *url = xasprintf("http://127.0.0.1:%u/", port);
	uint64_t began = boot_ms(), lost = 0;
	size_t taken = 0;

	(void)state;
	assert_null(courier_fault(url));
	courier = courier_start(url, &problems);
	assert_non_null(courier);
	send_some(courier, SENT);
	assert_true(boot_ms() - began < 5000); /* nobody waited for the receiver */
	while (courier_counters(courier).failed == 0 && boot_ms() < began + DEADLINE_MS)
		poll(NULL, 0, 5);
	counters = courier_counters(courier);
	assert_true(counters.failed > 0);
	assert_true(counters.waiting >= COURIER_QUEUE && counters.waiting <= COURIER_QUEUE + COURIER_BATCH);
	assert_int_equal(counters.lost + counters.waiting, SENT);

	/* It comes back: all waiting events arrive, the newest last, and the number of the lost ones is
	 * reported once. */
	assert_int_equal(listen(fd, 8), 0);
	while (taken < counters.waiting) {
		struct json *json = take(fd);
		const struct json *events = json_member(json, "events");
		const char *last = json_text(
		    json_member(json_member(json_item(events, json_count(events) - 1), "origin"), "address"));

		assert_in_range(json_count(events), 1, COURIER_BATCH);
		taken += json_count(events);
		lost += (uint64_t)json_integer_of(json_member(json, "lost"));
		if (taken == counters.waiting)
			assert_string_equal(last, "9999");
		json_drop(json);
	}
	assert_int_equal(taken, counters.waiting);
	assert_int_equal(lost, counters.lost);
	while (courier_counters(courier).waiting > 0 && boot_ms() < began + 2 * DEADLINE_MS)
		poll(NULL, 0, 5);
	assert_int_equal(courier_counters(courier).sent, counters.waiting);
	end(courier);
	free(url);
	close(fd);
}

static void
an_end_waits_two_seconds_for_a_receiver_and_no_longer(void **state)
{
	struct problems problems = {0};
	uint16_t port;
	int fd = bound(&port); /* listens, and never answers */
	char *url = xasprintf("http://127.0.0.1:%u/", port);
	struct courier *courier = courier_start(url, &problems);
	uint64_t began;

	(void)state;
	assert_int_equal(listen(fd, 8), 0);
	send_some(courier, 3);
	began = boot_ms();
	end(courier);
	assert_in_range(boot_ms() - began, 1900, 2900);
	free(url);
	close(fd);
}

static void
labels_hold_no_secrets(void **state)
{
	static const struct {
		const char *url, *label;
	} rows[] = {
	    {"https://user:pa@ss@hooks.example.com:8443/T0/secret?token=x", "https://hooks.example.com:8443"},
	    {"http://hooks.example.com?token=x@y", "http://hooks.example.com"},
	    {"smtps://u:p@[2001:db8::1]:465/?from=a&to=b", "smtps://[2001:db8::1]:465"},
	    {"exec:/bin/true", "exec:/bin/true"},
	};
	struct problems problems = {0};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct courier *courier = courier_start(rows[i].url, &problems);

		assert_string_equal(courier_label(courier), rows[i].label);
		end(courier);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dead_receiver_costs_a_bounded_queue_and_gets_the_number_of_lost_events),
	    cmocka_unit_test(an_end_waits_two_seconds_for_a_receiver_and_no_longer),
	    cmocka_unit_test(labels_hold_no_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
