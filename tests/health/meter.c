/* meter.c: what libcurl reads from a peer is bounded, in a turn and in all. */
#include "monitor/check/meter.h"

#include "zones/base/util.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct meters meters;
static struct meter meter;
static int ours, peers;

static int
connect_both(void **state)
{
	int ends[2], room = 1 << 20;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	ours = ends[0];
	peers = ends[1];
	setsockopt(peers, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	meter = (struct meter){0};
	meters_attach(&meters, ours, &meter);
	return 0;
}

static int
close_both(void **state)
{
	(void)state;
	meters_leave();
	close(ours);
	if (peers >= 0)
		close(peers);
	meters_free(&meters);
	return 0;
}

/* As much as the peer can say now. */
static void
fill(void)
{
	static const char octets[4096];

	while (write(peers, octets, sizeof octets) > 0)
		continue;
}

/* Read until it is empty; how many octets. */
static size_t
drain(void)
{
	char octets[1000];
	size_t all = 0;
	ssize_t got;

	while ((got = recv(ours, octets, sizeof octets, 0)) > 0)
		all += (size_t)got;
	assert_int_equal(got, -1);
	return all;
}

static void
libcurl_calls_our_functions(void **state)
{
	(void)state;
	/* What the dynamic linker finds first is what it binds a library's calls to. */
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "recv"), (void *)(uintptr_t)recv);
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "send"), (void *)(uintptr_t)send);
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "connect"), (void *)(uintptr_t)connect);
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "getsockopt"), (void *)(uintptr_t)getsockopt);
	assert_ptr_not_equal(dlsym(RTLD_NEXT, "recv"), (void *)(uintptr_t)recv);
}

static void
a_turn_reads_so_much_and_the_next_goes_on(void **state)
{
	(void)state;
	for (int turn = 0; turn < 3; turn++) {
		fill();
		meters_enter(&meters);
		assert_int_equal(drain(), METER_TURN);
		assert_int_equal(errno, EAGAIN);
		meters_leave();
	}
}

static void
a_peer_is_read_so_far_and_no_further(void **state)
{
	size_t all = 0;

	(void)state;
	do {
		fill();
		meters_enter(&meters);
		all += drain();
	} while (errno == EAGAIN && all < 2 * METER_ALL);
	assert_int_equal(errno, ECONNABORTED);
	assert_int_equal(all, METER_ALL);
	assert_true(meter.exceeded);
}

static void
outside_of_a_turn_nothing_is_bounded(void **state)
{
	size_t len;

	(void)state;
	fill();
	len = drain();
	assert_true(len > METER_TURN);
	assert_int_equal(meter.all, 0);
	meters_enter(&meters);
	meters_detach(&meters, ours);
	fill();
	assert_int_equal(drain(), len);
}

static void
a_reader_gets_the_octets_before_the_end(void **state)
{
	char octets[8];

	(void)state;
	assert_int_equal(write(peers, "ok", 2), 2);
	close(peers);
	peers = -1;
	meters_enter(&meters);
	assert_int_equal(send(ours, "hello", 5, MSG_NOSIGNAL), 5);
	assert_int_equal(recv(ours, octets, sizeof octets, 0), 2);
	assert_int_equal(recv(ours, octets, sizeof octets, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void
a_caller_that_reads_by_itself_is_asked_to_pause(void **state)
{
	(void)state;
	assert_int_equal(meter_grant(&meter, 1 << 20), METER_TURN);
	meter_took(&meter, METER_TURN);
	assert_int_equal(meter_grant(&meter, 1), 0);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(meter_grant(&meter, 1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(libcurl_calls_our_functions),
	    cmocka_unit_test_setup_teardown(
		a_turn_reads_so_much_and_the_next_goes_on, connect_both, close_both),
	    cmocka_unit_test_setup_teardown(a_peer_is_read_so_far_and_no_further, connect_both, close_both),
	    cmocka_unit_test_setup_teardown(outside_of_a_turn_nothing_is_bounded, connect_both, close_both),
	    cmocka_unit_test_setup_teardown(
		a_reader_gets_the_octets_before_the_end, connect_both, close_both),
	    cmocka_unit_test_setup_teardown(
		a_caller_that_reads_by_itself_is_asked_to_pause, connect_both, close_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
