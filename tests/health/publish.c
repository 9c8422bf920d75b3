/* publish.c on a real store: the records that are written, their time, and the records of the last run. */
#include "monitor/probe/publish.h"

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
	snprintf(directory, sizeof directory, "/tmp/graycloud-publish-XXXXXX");
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

static struct publish *
open_publish(void)
{
	struct problems problems = {0};
	struct publish *publish = publish_open(directory, wake, NULL, &problems);

	problems_print(&problems, "publish", stderr);
	problems_free(&problems);
	assert_non_null(publish);
	return publish;
}

static struct published
published_of(uint8_t number, enum health_state state)
{
	struct published published = {.endpoint.key = {number}};

	published.record = (struct health_record){.version = HEALTH_RECORD_VERSION, .state = (uint8_t)state};
	return published;
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
seen(const struct published *published, struct health_record *record)
{
	struct store *store = open_store(STORE_READ);
	struct health_record ignored;
	struct store_txn *txn;
	int state = -1;

	assert_int_equal(store_begin(store, STORE_READ, &txn), 0);
	if (record == NULL)
		record = &ignored;
	if (health_get(txn, &published->endpoint, record))
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
	struct publish *publish = open_publish();
	struct published flipped = published_of(1, HEALTH_UP), checked = published_of(2, HEALTH_UP),
			 unknown = published_of(3, HEALTH_UNKNOWN);

	(void)state;
	assert_false(publish_add(publish, &flipped));
	assert_false(publish_add(publish, &checked));
	assert_false(publish_add(publish, &unknown));
	publish_checked(publish, &checked);
	publish_checked(publish, &unknown);
	assert_int_equal(woken, 0);
	publish_flipped(publish, &flipped, HEALTH_UNKNOWN, false);
	publish_flipped(publish, &flipped, HEALTH_DOWN, false);
	assert_int_equal(woken, 1); /* one commit will do for all that wait */
	assert_true(publish_wait_ms(publish) <= PUBLISH_PACE_MS);
	assert_int_equal(seen(&flipped, NULL), -1);
	publish_commit(publish);
	assert_int_equal(seen(&flipped, NULL), HEALTH_UP);
	assert_int_equal(seen(&checked, NULL), -1);
	assert_int_equal(flips_seen(), 2);
	publish_beat(publish, 3, 0);
	assert_int_equal(seen(&checked, NULL), HEALTH_UP);
	assert_int_equal(
	    seen(&unknown, NULL), -1); /* no record reads as unknown, or as what the pool remembers */
	assert_int_equal(flips_seen(), 2);
	publish_close(publish);
}

static void
isolation_is_a_flip_of_no_endpoint_and_stands_in_the_heartbeat(void **state)
{
	struct publish *publish = open_publish();
	struct store *store;
	struct store_txn *txn;
	struct health_beat beat;

	(void)state;
	publish_isolated(publish, 7);
	assert_int_equal(woken, 1);
	publish_commit(publish);
	assert_int_equal(flips_seen(), 1);
	publish_beat(publish, 0, 0);
	assert_int_equal(flips_seen(), 1);
	store = open_store(STORE_READ);
	assert_int_equal(store_begin(store, STORE_READ, &txn), 0);
	assert_true(health_beat_get(txn, &beat));
	assert_int_equal(beat.isolated_ms, 7);
	store_abort(txn);
	store_close(store);
	publish_isolated(publish, 0);
	publish_commit(publish);
	assert_int_equal(flips_seen(), 2);
	publish_close(publish);
}

static void
an_endpoint_that_goes_takes_its_record_along_and_is_a_flip(void **state)
{
	struct publish *publish = open_publish();
	struct published gone = published_of(1, HEALTH_DOWN), never = published_of(2, HEALTH_UNKNOWN);

	(void)state;
	publish_add(publish, &gone);
	publish_add(publish, &never);
	publish_flipped(publish, &gone, HEALTH_UNKNOWN, false);
	publish_commit(publish);
	publish_remove(publish, &gone);
	publish_remove(publish, &never); /* no reader has seen it */
	publish_commit(publish);
	assert_int_equal(seen(&gone, NULL), -1);
	assert_int_equal(flips_seen(), 2);

	/* Enabled again before the commit: the record of the second life stays. */
	gone = published_of(1, HEALTH_UP);
	publish_add(publish, &gone);
	publish_flipped(publish, &gone, HEALTH_UNKNOWN, false);
	publish_remove(publish, &gone);
	publish_add(publish, &gone);
	publish_flipped(publish, &gone, HEALTH_UNKNOWN, false);
	publish_commit(publish);
	assert_int_equal(seen(&gone, NULL), HEALTH_UP);
	publish_close(publish);
}

static void
a_restart_takes_over_the_records_and_forgets_those_that_nobody_claims(void **state)
{
	struct publish *publish = open_publish();
	struct published kept = published_of(1, HEALTH_SUSPECT), orphan = published_of(2, HEALTH_DOWN);

	(void)state;
	kept.record.streak_down = 2;
	kept.record.last_ms = boot_ms();
	publish_add(publish, &kept);
	publish_add(publish, &orphan);
	publish_flipped(publish, &kept, HEALTH_UP, false);
	publish_flipped(publish, &orphan, HEALTH_UP, false);
	publish_close(publish); /* writes what waits */

	publish = open_publish();
	kept = published_of(1, HEALTH_UNKNOWN);
	assert_true(publish_add(publish, &kept));
	assert_int_equal(kept.record.state, HEALTH_SUSPECT);
	assert_int_equal(kept.record.streak_down, 2);
	assert_int_not_equal(kept.record.last_ms, 0);
	assert_int_equal(seen(&orphan, NULL), HEALTH_DOWN);
	publish_forget_rest(publish);
	publish_commit(publish);
	assert_int_equal(seen(&orphan, NULL), -1);
	assert_int_equal(seen(&kept, NULL), HEALTH_SUSPECT);
	publish_close(publish);
}

static void
records_of_another_boot_are_last_known_and_stale(void **state)
{
	struct store *store = open_store(STORE_WRITE);
	struct published kept = published_of(1, HEALTH_UP);
	struct health_beat beat = {.at_ms = 5, .boot = "another"};
	struct health_record record;
	struct publish *publish;
	struct store_txn *txn;

	(void)state;
	kept.record.last_ms = boot_ms() + 1000000; /* that boot was longer */
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_int_equal(health_put(txn, &kept.endpoint, &kept.record), 0);
	assert_int_equal(health_beat_put(txn, &beat), 0);
	assert_int_equal(store_commit(txn), 0);
	store_close(store);

	publish = open_publish();
	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	assert_int_equal(seen(&kept, &record), HEALTH_UP);
	assert_int_equal(record.last_ms, 0);
	assert_true(health_stale(&record, &beat, boot_ms()));
	assert_true(publish_add(publish, &kept));
	assert_int_equal(kept.record.state, HEALTH_UP);
	publish_close(publish);
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
	struct publish *publish = open_publish();
	struct published_name published = {.name = (char *)(uintptr_t) "api.example"},
			      again = {.name = published.name};
	struct name_record record, before = {.version = 0};

	(void)state;
	assert_false(publish_add_name(publish, &published));
	published.record = (struct name_record){
	    .version = NAME_RECORD_VERSION, .count = 2, .resolved_ms = 7, .resolved_wall = 8};
	assert_true(address_from_text(&published.record.addresses[0], "192.0.2.1"));
	assert_true(address_from_text(&published.record.addresses[1], "2001:db8::1"));
	publish_name_changed(publish, &published, &before);
	assert_int_equal(woken, 1);
	publish_commit(publish); /* with the flips, not with the beat */
	assert_int_equal(addresses_seen("api.example", &record), 2);
	assert_int_equal(flips_seen(), 1);
	published.record.resolved_ms = 9;
	publish_name_refreshed(publish, &published); /* no flip */
	publish_commit(publish);
	addresses_seen("api.example", &record);
	assert_int_equal(record.resolved_ms, 7);
	publish_beat(publish, 0, 0);
	addresses_seen("api.example", &record);
	assert_int_equal(record.resolved_ms, 9);
	assert_int_equal(flips_seen(), 1);
	publish_close(publish);

	publish = open_publish();
	assert_true(publish_add_name(publish, &again));
	assert_true(name_same_addresses(&again.record, &published.record));
	publish_forget_rest(publish);
	assert_int_equal(addresses_seen("api.example", &record), 2);
	publish_remove_name(publish, &again);
	publish_commit(publish);
	assert_int_equal(addresses_seen("api.example", &record), -1);
	publish_close(publish);
}

/* Verdicts of the time in which the disk took nothing are there afterwards, and so is what was written
 * before. */
static void
records_that_waited_are_written_when_the_store_can_be(void **state)
{
	struct publish *publish = open_publish();
	struct published published = published_of(1, HEALTH_UP);

	(void)state;
	assert_false(publish_add(publish, &published));
	publish_flipped(publish, &published, HEALTH_UNKNOWN, false);
	publish_commit(publish);
	assert_int_equal(publish_failing_since(publish), 0);
	for (disk = DISK_READ_ONLY; disk <= DISK_LOSES_HEADS; disk++) {
		uint64_t flips = flips_seen(), failures = publish_failures(publish);
		int was = disk, before = published.record.state,
		    now = before == HEALTH_UP ? HEALTH_DOWN : HEALTH_UP;

		published.record.state = (uint8_t)now;
		publish_flipped(publish, &published, before, false);
		publish_commit(publish);
		publish_beat(publish, 1, 0);
		publish_commit(publish);
		assert_int_not_equal(publish_failing_since(publish), 0);
		assert_int_equal(publish_failures(publish), failures + 3);
		disk = DISK_GOOD;
		assert_int_equal(seen(&published, NULL), before);
		/* A copy that is just being saved can hold it up. */
		for (int beat = 0; beat < 1000 && publish_failing_since(publish) != 0; beat++) {
			usleep(1000);
			publish_beat(publish, 1, 0);
		}
		assert_int_equal(publish_failing_since(publish), 0);
		assert_int_equal(seen(&published, NULL), now);
		assert_int_equal(flips_seen(), flips + 1);
		disk = was;
	}
	disk = DISK_GOOD;
	publish_close(publish);
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
