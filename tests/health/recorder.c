/* recorder.c on a real store: the records that are written, their time, and the records of the last run. */
#include "monitor/probe/recorder.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* What LMDB writes with: pages, and two at the front that say which of them are the newest. */
enum { DISK_GOOD, DISK_READ_ONLY, DISK_LOSES_HEADS };
static _Atomic int disk;

ssize_t
pwrite(int fd, const void *octets, size_t len, off_t at)
{
	if (disk == DISK_GOOD || (disk == DISK_LOSES_HEADS && at >= 2 * sysconf(_SC_PAGESIZE)))
		return syscall(SYS_pwrite64, fd, octets, len, at);
	errno = disk == DISK_READ_ONLY ? EROFS : EIO;
	return -1;
}

static char directory[64];
static unsigned woken;

static int
make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/graycloud-recorder-XXXXXX");
	woken = 0;
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int
remove_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static int
remove_directory(void **state)
{
	(void)state;
	return nftw(directory, remove_file, 8, FTW_DEPTH | FTW_PHYS);
}

static void
wake(void *arg)
{
	(void)arg;
	woken++;
}

static struct recorder *
open_recorder(void)
{
	struct problems problems = {0};
	struct recorder *recorder = recorder_open(directory, wake, NULL, &problems);

	problems_print(&problems, "recorder", stderr);
	problems_free(&problems);
	assert_non_null(recorder);
	return recorder;
}

static struct recorded
recorded_of(uint8_t number, enum health_state state)
{
	struct recorded recorded = {.endpoint.key = {number}};

	recorded.record = (struct health_record){.version = HEALTH_RECORD_VERSION, .state = (uint8_t)state};
	return recorded;
}

static struct store *
open_store(enum store_access access)
{
	struct problems problems = {0};
	struct store *store = store_open(directory, STORE_HEALTH, access, &problems);

	problems_print(&problems, "store", stderr);
	problems_free(&problems);
	assert_non_null(store);
	return store;
}

/* An endpoint as readers see it: its state, or -1 if there is no record. */
static int
seen(const struct recorded *recorded, struct health_record *record)
{
	struct store *store = open_store(STORE_READ);
	struct health_record ignored;
	struct store_txn *txn;
	int state = -1;

	assert_int_equal(store_begin(store, STORE_READ, &txn), 0);
	if (record == NULL)
		record = &ignored;
	if (health_get(txn, &recorded->endpoint, record))
		state = record->state;
	store_abort(txn);
	store_close(store);
	return state;
}

static uint64_t
flips_seen(void)
{
	struct store *store = open_store(STORE_READ);
	struct store_txn *txn;
	uint64_t last;

	assert_int_equal(store_begin(store, STORE_READ, &txn), 0);
	last = health_flip_last(txn);
	store_abort(txn);
	store_close(store);
	return last;
}

static void
flips_are_written_at_the_next_commit_and_other_news_with_the_beat(void **state)
{
	struct recorder *recorder = open_recorder();
	struct recorded flipped = recorded_of(1, HEALTH_UP), checked = recorded_of(2, HEALTH_UP),
			unknown = recorded_of(3, HEALTH_UNKNOWN);

	(void)state;
	assert_false(recorder_add(recorder, &flipped));
	assert_false(recorder_add(recorder, &checked));
	assert_false(recorder_add(recorder, &unknown));
	recorder_checked(recorder, &checked);
	recorder_checked(recorder, &unknown);
	assert_int_equal(woken, 0);
	recorder_flipped(recorder, &flipped, HEALTH_UNKNOWN, false);
	recorder_flipped(recorder, &flipped, HEALTH_DOWN, false);
	assert_int_equal(woken, 1); /* one commit will do for all that wait */
	assert_true(recorder_wait_ms(recorder) <= RECORDER_PACE_MS);
	assert_int_equal(seen(&flipped, NULL), -1);
	recorder_commit(recorder);
	assert_int_equal(seen(&flipped, NULL), HEALTH_UP);
	assert_int_equal(seen(&checked, NULL), -1);
	assert_int_equal(flips_seen(), 2);
	recorder_beat(recorder, 3, 0);
	assert_int_equal(seen(&checked, NULL), HEALTH_UP);
	assert_int_equal(
	    seen(&unknown, NULL), -1); /* no record reads as unknown, or as what the pool remembers */
	assert_int_equal(flips_seen(), 2);
	recorder_close(recorder);
}

static void
isolation_is_a_flip_of_no_endpoint_and_stands_in_the_heartbeat(void **state)
{
	struct recorder *recorder = open_recorder();
	struct store *store;
	struct store_txn *txn;
	struct health_beat beat;

	(void)state;
	recorder_isolated(recorder, 7);
	assert_int_equal(woken, 1);
	recorder_commit(recorder);
	assert_int_equal(flips_seen(), 1);
	recorder_beat(recorder, 0, 0);
	assert_int_equal(flips_seen(), 1);
	store = open_store(STORE_READ);
	assert_int_equal(store_begin(store, STORE_READ, &txn), 0);
	assert_true(health_beat_get(txn, &beat));
	assert_int_equal(beat.isolated_ms, 7);
	store_abort(txn);
	store_close(store);
	recorder_isolated(recorder, 0);
	recorder_commit(recorder);
	assert_int_equal(flips_seen(), 2);
	recorder_close(recorder);
}

static void
an_endpoint_that_goes_takes_its_record_along_and_is_a_flip(void **state)
{
	struct recorder *recorder = open_recorder();
	struct recorded gone = recorded_of(1, HEALTH_DOWN), never = recorded_of(2, HEALTH_UNKNOWN);

	(void)state;
	recorder_add(recorder, &gone);
	recorder_add(recorder, &never);
	recorder_flipped(recorder, &gone, HEALTH_UNKNOWN, false);
	recorder_commit(recorder);
	recorder_remove(recorder, &gone);
	recorder_remove(recorder, &never); /* no reader has seen it */
	recorder_commit(recorder);
	assert_int_equal(seen(&gone, NULL), -1);
	assert_int_equal(flips_seen(), 2);

	/* Enabled again before the commit: the record of the second life stays. */
	gone = recorded_of(1, HEALTH_UP);
	recorder_add(recorder, &gone);
	recorder_flipped(recorder, &gone, HEALTH_UNKNOWN, false);
	recorder_remove(recorder, &gone);
	recorder_add(recorder, &gone);
	recorder_flipped(recorder, &gone, HEALTH_UNKNOWN, false);
	recorder_commit(recorder);
	assert_int_equal(seen(&gone, NULL), HEALTH_UP);
	recorder_close(recorder);
}

static void
a_restart_takes_over_the_records_and_forgets_those_that_nobody_claims(void **state)
{
	struct recorder *recorder = open_recorder();
	struct recorded kept = recorded_of(1, HEALTH_SUSPECT), orphan = recorded_of(2, HEALTH_DOWN);

	(void)state;
	kept.record.streak_down = 2;
	kept.record.last_ms = boot_ms();
	recorder_add(recorder, &kept);
	recorder_add(recorder, &orphan);
	recorder_flipped(recorder, &kept, HEALTH_UP, false);
	recorder_flipped(recorder, &orphan, HEALTH_UP, false);
	recorder_close(recorder); /* writes what waits */

	recorder = open_recorder();
	kept = recorded_of(1, HEALTH_UNKNOWN);
	assert_true(recorder_add(recorder, &kept));
	assert_int_equal(kept.record.state, HEALTH_SUSPECT);
	assert_int_equal(kept.record.streak_down, 2);
	assert_int_not_equal(kept.record.last_ms, 0);
	assert_int_equal(seen(&orphan, NULL), HEALTH_DOWN);
	recorder_forget_rest(recorder);
	recorder_commit(recorder);
	assert_int_equal(seen(&orphan, NULL), -1);
	assert_int_equal(seen(&kept, NULL), HEALTH_SUSPECT);
	recorder_close(recorder);
}

static void
records_of_another_boot_are_last_known_and_stale(void **state)
{
	struct store *store = open_store(STORE_WRITE);
	struct recorded kept = recorded_of(1, HEALTH_UP);
	struct health_beat beat = {.at_ms = 5, .boot = "another"};
	struct health_record record;
	struct recorder *recorder;
	struct store_txn *txn;

	(void)state;
	kept.record.last_ms = boot_ms() + 1000000; /* that boot was longer */
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_int_equal(health_put(txn, &kept.endpoint, &kept.record), 0);
	assert_int_equal(health_beat_put(txn, &beat), 0);
	assert_int_equal(store_commit(txn), 0);
	store_close(store);

	recorder = open_recorder();
	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	assert_int_equal(seen(&kept, &record), HEALTH_UP);
	assert_int_equal(record.last_ms, 0);
	assert_true(health_stale(&record, &beat, boot_ms()));
	assert_true(recorder_add(recorder, &kept));
	assert_int_equal(kept.record.state, HEALTH_UP);
	recorder_close(recorder);
}

/* A hostname as readers see it: the number of addresses, or -1 if there is no record. */
static int
addresses_seen(const char *name, struct name_record *record)
{
	struct store *store = open_store(STORE_READ);
	struct store_txn *txn;
	int count = -1;

	assert_int_equal(store_begin(store, STORE_READ, &txn), 0);
	if (name_get(txn, name, record))
		count = record->count;
	store_abort(txn);
	store_close(store);
	return count;
}

static void
hostnames_are_kept_over_a_restart_and_go_with_their_last_user(void **state)
{
	struct recorder *recorder = open_recorder();
	struct recorded_name recorded = {.name = (char *)(uintptr_t) "api.example"},
			     again = {.name = recorded.name};
	struct name_record record, before = {.version = 0};

	(void)state;
	assert_false(recorder_add_name(recorder, &recorded));
	recorded.record = (struct name_record){
	    .version = NAME_RECORD_VERSION, .count = 2, .resolved_ms = 7, .resolved_wall = 8};
	assert_true(address_from_text(&recorded.record.addresses[0], "192.0.2.1"));
	assert_true(address_from_text(&recorded.record.addresses[1], "2001:db8::1"));
	recorder_name_changed(recorder, &recorded, &before);
	assert_int_equal(woken, 1);
	recorder_commit(recorder); /* with the flips, not with the beat */
	assert_int_equal(addresses_seen("api.example", &record), 2);
	assert_int_equal(flips_seen(), 1);
	recorded.record.resolved_ms = 9;
	recorder_name_refreshed(recorder, &recorded); /* no flip */
	recorder_commit(recorder);
	addresses_seen("api.example", &record);
	assert_int_equal(record.resolved_ms, 7);
	recorder_beat(recorder, 0, 0);
	addresses_seen("api.example", &record);
	assert_int_equal(record.resolved_ms, 9);
	assert_int_equal(flips_seen(), 1);
	recorder_close(recorder);

	recorder = open_recorder();
	assert_true(recorder_add_name(recorder, &again));
	assert_true(name_same_addresses(&again.record, &recorded.record));
	recorder_forget_rest(recorder);
	assert_int_equal(addresses_seen("api.example", &record), 2);
	recorder_remove_name(recorder, &again);
	recorder_commit(recorder);
	assert_int_equal(addresses_seen("api.example", &record), -1);
	recorder_close(recorder);
}

/* Verdicts of the time in which the disk took nothing are there afterwards, and so is what was written
 * before. */
static void
records_that_waited_are_written_when_the_store_can_be(void **state)
{
	struct recorder *recorder = open_recorder();
	struct recorded recorded = recorded_of(1, HEALTH_UP);

	(void)state;
	assert_false(recorder_add(recorder, &recorded));
	recorder_flipped(recorder, &recorded, HEALTH_UNKNOWN, false);
	recorder_commit(recorder);
	assert_int_equal(recorder_failing_since(recorder), 0);
	for (disk = DISK_READ_ONLY; disk <= DISK_LOSES_HEADS; disk++) {
		uint64_t flips = flips_seen(), failures = recorder_failures(recorder);
		int was = disk, before = recorded.record.state,
		    now = before == HEALTH_UP ? HEALTH_DOWN : HEALTH_UP;

		recorded.record.state = (uint8_t)now;
		recorder_flipped(recorder, &recorded, before, false);
		recorder_commit(recorder);
		recorder_beat(recorder, 1, 0);
		recorder_commit(recorder);
		assert_int_not_equal(recorder_failing_since(recorder), 0);
		assert_int_equal(recorder_failures(recorder), failures + 3);
		disk = DISK_GOOD;
		assert_int_equal(seen(&recorded, NULL), before);
		/* A copy that is just being saved can hold it up. */
		for (int beat = 0; beat < 1000 && recorder_failing_since(recorder) != 0; beat++) {
			usleep(1000);
			recorder_beat(recorder, 1, 0);
		}
		assert_int_equal(recorder_failing_since(recorder), 0);
		assert_int_equal(seen(&recorded, NULL), now);
		assert_int_equal(flips_seen(), flips + 1);
		disk = was;
	}
	disk = DISK_GOOD;
	recorder_close(recorder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		records_that_waited_are_written_when_the_store_can_be, make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(flips_are_written_at_the_next_commit_and_other_news_with_the_beat,
		make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(isolation_is_a_flip_of_no_endpoint_and_stands_in_the_heartbeat,
		make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(
		an_endpoint_that_goes_takes_its_record_along_and_is_a_flip, make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(
		a_restart_takes_over_the_records_and_forgets_those_that_nobody_claims, make_directory,
		remove_directory),
	    cmocka_unit_test_setup_teardown(hostnames_are_kept_over_a_restart_and_go_with_their_last_user,
		make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(
		records_of_another_boot_are_last_known_and_stale, make_directory, remove_directory),
	};

	store_guard_start(NULL); /* as a daemon does, while it has one thread */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
