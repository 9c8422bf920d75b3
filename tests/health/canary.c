/* canary.c: a machine that sleeps is not cut off. */
#include "monitor/probe/canary.h"

#include "tests/health/slept.h"
#include "zones/base/util.h"

#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { CLIENTS = 8 };

/* A server whose queue is full: who connects hears nothing. */
struct silent {
	int fd, clients[CLIENTS];
	struct canary canary;
};

static void
silent_start(struct silent *silent)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	silent->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(silent->fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(silent->fd, 0), 0);
	assert_int_equal(getsockname(silent->fd, (struct sockaddr *)&address, &len), 0);
	for (int i = 0; i < CLIENTS; i++) {
		silent->clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(silent->clients[i], (struct sockaddr *)&address, sizeof address);
	}
	assert_true(address_from_text(&silent->canary.address, "127.0.0.1"));
	silent->canary.port = ntohs(address.sin_port);
}

static void
silent_stop(struct silent *silent)
{
	for (int i = 0; i < CLIENTS; i++)
		close(silent->clients[i]);
	close(silent->fd);
}

struct fixture {
	struct event_base *base;
	unsigned heard;
	uint64_t heard_ms; /* by awake_ms */
	uint64_t turned_ms, late_ms;
};

/* A round during which the loop itself was late is asked again, too (S23): then nothing is known of its time.
 */
enum { TURN_MS = 20, DISTURBED_MS = 50 };

/* How late the loop is, in sum. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *fixture = arg;
	uint64_t now_ms = awake_ms();

	(void)fd, (void)what;
	if (now_ms > fixture->turned_ms + TURN_MS)
		fixture->late_ms += now_ms - fixture->turned_ms - TURN_MS;
	fixture->turned_ms = now_ms;
}

static void
on_heard(void *arg, bool changed)
{
	struct fixture *fixture = arg;

	fixture->heard += changed;
	fixture->heard_ms = awake_ms();
	event_base_loopbreak(fixture->base);
}

static void
on_sleep(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	slept_s += 3600;
}

/* How long it takes until isolation is found, in which the machine sleeps in the middle of the first round,
 * or does not. late_ms: how late the loop was. */
static uint64_t
isolated_after_ms(bool sleeps, uint64_t *late_ms)
{
	static const struct timeval middle = {0, 300000}, turn = {0, TURN_MS * 1000};
	struct problems problems = {0};
	struct fixture fixture = {.base = event_base_new()};
	struct silent silent;
	struct canaries *canaries;
	struct event *turning = event_new(fixture.base, -1, EV_PERSIST, on_turn, &fixture);
	uint64_t began = fixture.turned_ms = awake_ms();

	silent_start(&silent);
	event_add(turning, &turn);
	canaries = canaries_new(fixture.base, &silent.canary, 1, on_heard, &fixture, &problems);
	assert_non_null(canaries);
	if (sleeps)
		event_base_once(fixture.base, -1, EV_TIMEOUT, on_sleep, NULL, &middle);
	event_base_dispatch(fixture.base);
	on_turn(-1, 0, &fixture);
	event_free(turning);
	*late_ms = fixture.late_ms;
	assert_int_equal(fixture.heard, 1);
	assert_true(canaries_isolation(canaries)->isolated);
	canaries_free(canaries);
	silent_stop(&silent);
	event_base_free(fixture.base);
	return fixture.heard_ms - began;
}

static void
a_round_that_nobody_answers_is_isolation(void **state)
{
	uint64_t late_ms, took_ms = isolated_after_ms(false, &late_ms);

	(void)state;
	assert_true(took_ms >= 900);
	if (late_ms < DISTURBED_MS)
		assert_true(took_ms <= 1900);
}

static void
a_round_in_which_the_machine_slept_is_asked_again(void **state)
{
	uint64_t late_ms, took_ms = isolated_after_ms(true, &late_ms);

	(void)state;
	assert_true(took_ms >= 1950);
	if (late_ms < DISTURBED_MS)
		assert_true(took_ms <= 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_round_that_nobody_answers_is_isolation),
	    cmocka_unit_test(a_round_in_which_the_machine_slept_is_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
