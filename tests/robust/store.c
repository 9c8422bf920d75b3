/* store.h: transactions, news, damage and copies of a store. */
#include "zones/base/util.h"
#include "zones/store/store_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A state directory of its own for each test. */
static int
make_state(void **state)
{
	*state = xstrdup("/tmp/graycloud-store-XXXXXX");
	return mkdtemp(*state) ? 0 : -1;
}

static int
remove_state(void **state)
{
	char *command = xasprintf("rm -rf %s", (char *)*state);
	int rc = system(command);

	free(command);
	free(*state);
	unsetenv("GRAYCLOUD_MAP_MIB");
	return rc;
}

static struct store *
open_store(const char *state, enum store_kind kind, enum store_access access)
{
	struct problems problems = {0};
	struct store *store = store_open(state, kind, access, &problems);

	if (store == NULL)
		problems_print(&problems, "# store_open", stderr);
	problems_free(&problems);
	return store;
}

/* The first sentence of a refusal; the store must not open. */
static char *
refusal(const char *state, enum store_kind kind, enum store_access access)
{
	struct problems problems = {0};
	struct store *store = store_open(state, kind, access, &problems);
	char *text = xstrdup(problems.count ? problems.items[0].text : "");

	assert_null(store);
	problems_free(&problems);
	return text;
}

static struct bytes
text_bytes(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

static int
put_text(struct store *store, enum store_table table, const char *key, const char *value)
{
	struct store_txn *txn;
	int rc = store_begin(store, STORE_WRITE, &txn);

	if (rc == 0 && (rc = store_put(txn, table, text_bytes(key), text_bytes(value))) == 0)
		return store_commit(txn);
	store_abort(txn);
	return rc;
}

static bool
has_text(struct store *store, enum store_table table, const char *key, const char *value)
{
	struct store_txn *txn;
	struct bytes found;
	bool same;

	if (store_begin(store, STORE_READ, &txn) != 0)
		return false;
	same = store_get(txn, table, text_bytes(key), &found) && found.len == strlen(value) &&
	    memcmp(found.data, value, found.len) == 0;
	store_abort(txn);
	return same;
}

/* Write rows until the table has at least octets; restarts if the map was full, and returns how often it was.
 */
static int
fill(struct store *store, size_t octets)
{
	static char value[2000];
	int grown = 0;

	for (;;) {
		struct store_txn *txn;
		int rc = 0;

		assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
		for (size_t i = 0; i * sizeof value < octets; i++) {
			uint8_t key[8];

			put64(key, i);
			rc = store_put(
			    txn, TABLE_ZONES, (struct bytes){key, 8}, (struct bytes){value, sizeof value});
			if (rc != 0)
				break;
		}
		if (rc == 0 && (rc = store_commit(txn)) == 0)
			return grown;
		if (rc != 0 && rc != -ENOSPC)
			fail_msg("write: %s", strerror(-rc));
		if (store_full(store))
			grown++;
		store_abort(txn);
	}
}

static int
child_status(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
a_reader_finds_no_store_before_its_writer_made_one(void **state)
{
	char *sentence = refusal(*state, STORE_CONFIG, STORE_READ);
	struct store *store;
	char *path = xasprintf("%s/config", (char *)*state);
	struct stat st;
	bool shared;

	assert_string_equal(sentence, "");
	free(sentence);
	store = open_store(*state, STORE_CONFIG, STORE_WRITE);
	assert_non_null(store);
	assert_int_equal(stat(path, &st), 0);
	/* The group graycloud, if there is one, may write the configuration. */
	shared = getgrnam("graycloud") != NULL && st.st_gid == getgrnam("graycloud")->gr_gid;
	assert_int_equal(st.st_mode & 07777, shared ? 02770 : 02750);
	free(path);
	path = xasprintf("%s/config/data.mdb", (char *)*state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, shared ? 0660 : 0640);
	free(path);
	path = xasprintf("%s/config/lock.mdb", (char *)*state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	free(path);
	store_close(store);
	store = open_store(*state, STORE_CONFIG, STORE_READ);
	assert_non_null(store);
	store_close(store);
}

static void
rows_are_walked_in_the_order_of_their_keys(void **state)
{
	struct store *store = open_store(*state, STORE_CONFIG, STORE_WRITE);
	struct store_txn *txn;
	struct store_cursor *cursor;
	struct bytes key, value;

	assert_int_equal(put_text(store, TABLE_META, "b", "2"), 0);
	assert_int_equal(put_text(store, TABLE_META, "a", "1"), 0);
	assert_int_equal(put_text(store, TABLE_META, "c", "3"), 0);
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_int_equal(store_count(txn, TABLE_META), 3);
	cursor = store_cursor_open(txn, TABLE_META);
	assert_true(store_cursor_seek(cursor, text_bytes("aa"), &key, &value));
	assert_memory_equal(value.data, "2", 1);
	assert_int_equal(store_cursor_delete(cursor), 0);
	assert_true(store_cursor_next(cursor, &key, &value));
	assert_memory_equal(key.data, "c", 1);
	assert_false(store_cursor_next(cursor, &key, &value));
	assert_true(store_cursor_first(cursor, &key, &value));
	assert_memory_equal(key.data, "a", 1);
	assert_true(store_cursor_last(cursor, &key, &value));
	assert_true(store_cursor_previous(cursor, &key, &value));
	assert_memory_equal(key.data, "a", 1);
	store_cursor_close(cursor);
	assert_int_equal(store_delete(txn, TABLE_META, text_bytes("nothing")), 0);
	store_abort(txn);
	assert_true(has_text(store, TABLE_META, "b", "2"));
	store_close(store);
}

/* Number i of the rows of random_walk: the number of its key, or -1. */
static int
row_of(bool there, struct bytes key, struct bytes value)
{
	char text[16] = "";

	if (!there)
		return -1;
	assert_true(key.len < sizeof text && value.len == key.len);
	assert_memory_equal(key.data, value.data, key.len);
	memcpy(text, key.data, key.len);
	return atoi(text);
}

static int
random_move(struct store_cursor *cursor, unsigned move, unsigned to)
{
	struct bytes key, value;
	char text[16];

	snprintf(text, sizeof text, "%04u", to);
	switch (move) {
	case 0:
		return row_of(store_cursor_seek(cursor, text_bytes(text), &key, &value), key, value);
	case 1:
		return row_of(store_cursor_first(cursor, &key, &value), key, value);
	case 2:
		return row_of(store_cursor_last(cursor, &key, &value), key, value);
	case 3:
		return row_of(store_cursor_previous(cursor, &key, &value), key, value);
	default:
		return row_of(store_cursor_next(cursor, &key, &value), key, value);
	}
}

/* A store that is only read reads rows ahead; one that is written does not. */
static void
a_cursor_that_reads_ahead_moves_like_one_that_does_not(void **state)
{
	struct store *writer = open_store(*state, STORE_CONFIG, STORE_WRITE), *reader;
	struct store_cursor *ahead, *plain;
	struct store_txn *txn, *other;
	uint64_t random = 1;

	assert_int_equal(store_begin(writer, STORE_WRITE, &txn), 0);
	for (unsigned i = 0; i < 700; i += 2) {
		char text[16];

		snprintf(text, sizeof text, "%04u", i);
		assert_int_equal(store_put(txn, TABLE_META, text_bytes(text), text_bytes(text)), 0);
	}
	assert_int_equal(store_commit(txn), 0);
	reader = open_store(*state, STORE_CONFIG, STORE_READ);
	assert_int_equal(store_begin(writer, STORE_READ, &txn), 0);
	assert_int_equal(store_begin(reader, STORE_READ, &other), 0);
	plain = store_cursor_open(txn, TABLE_META);
	ahead = store_cursor_open(other, TABLE_META);
	for (unsigned walk = 0; walk < 2000; walk++) {
		unsigned move = (unsigned)(mix64(++random) % 3), to = (unsigned)(mix64(++random) % 720);

		int row = 0;

		/* A walk ends at the first missing row, and the next one begins elsewhere. */
		for (uint64_t left = mix64(++random) % (walk % 20 == 0 ? 400 : 70); left > 0 && row >= 0;
		     left--) {
			row = random_move(plain, move, to);
			assert_int_equal(random_move(ahead, move, to), row);
			move = left % 50 == 1 ? 3 : 4;
		}
	}
	assert_false(store_torn(reader));
	store_cursor_close(ahead);
	store_cursor_close(plain);
	store_abort(txn);
	store_abort(other);
	store_close(reader);
	store_close(writer);
}

static void
news_lasts_until_it_was_read(void **state)
{
	struct store *writer = open_store(*state, STORE_CONFIG, STORE_WRITE);
	struct problems problems = {0};
	pid_t child;
	int ready[2], go[2];
	char octet;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	store_close(writer);
	child = fork();
	if (child == 0) {
		struct store *reader = open_store(*state, STORE_CONFIG, STORE_READ);
		struct store_txn *txn;

		if (store_poll(reader, &problems) != STORE_CHANGED)
			_exit(10);
		has_text(reader, TABLE_META, "k", "v");
		if (store_poll(reader, &problems) != STORE_SAME)
			_exit(11);
		store_watch_clear(reader);
		if (write(ready[1], "x", 1) != 1 || read(go[0], &octet, 1) != 1)
			_exit(12);
		if (read(store_watch_fd(reader), (char[4096]){0}, 4096) <= 0)
			_exit(13);
		store_begin(reader, STORE_PEEK, &txn);
		store_abort(txn);
		if (store_poll(reader, &problems) != STORE_CHANGED)
			_exit(14);
		if (!has_text(reader, TABLE_META, "k", "v") || store_poll(reader, &problems) != STORE_SAME)
			_exit(15);
		store_close(reader);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &octet, 1), 1);
	writer = open_store(*state, STORE_CONFIG, STORE_WRITE);
	assert_int_equal(put_text(writer, TABLE_META, "k", "v"), 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(child_status(child), 0);
	store_close(writer);
	close(ready[0]), close(ready[1]), close(go[0]), close(go[1]);
}

static void
the_map_grows_while_another_process_reads(void **state)
{
	struct store *writer;
	int ready[2], go[2];
	char octet;
	pid_t child;

	setenv("GRAYCLOUD_MAP_MIB", "1", 1);
	store_close(open_store(*state, STORE_CONFIG, STORE_WRITE));
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		struct store *reader = open_store(*state, STORE_CONFIG, STORE_READ);
		struct store_txn *txn, *second;

		if (store_begin(reader, STORE_READ, &txn) != 0)
			_exit(10);
		if (write(ready[1], "x", 1) != 1 || read(go[0], &octet, 1) != 1)
			_exit(11);
		/* The map is too small now, and may not be changed under the feet of txn. */
		if (store_begin(reader, STORE_READ, &second) != -EAGAIN)
			_exit(12);
		store_abort(txn);
		if (store_begin(reader, STORE_READ, &txn) != 0)
			_exit(13);
		if (store_count(txn, TABLE_ZONES) != 3000)
			_exit(14);
		store_abort(txn);
		store_close(reader);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &octet, 1), 1);
	writer = open_store(*state, STORE_CONFIG, STORE_WRITE);
	assert_true(fill(writer, 6000000) >= 2);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(child_status(child), 0);
	store_close(writer);
	close(ready[0]), close(ready[1]), close(go[0]), close(go[1]);
}

static void
a_killed_reader_does_not_let_the_file_grow_for_ever(void **state)
{
	struct store *writer;
	char *path = xasprintf("%s/config/data.mdb", (char *)*state), octet;
	struct stat before, after;
	int ready[2];
	pid_t child;

	store_close(open_store(*state, STORE_CONFIG, STORE_WRITE));
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct store *reader = open_store(*state, STORE_CONFIG, STORE_READ);
		struct store_txn *txn;

		if (store_begin(reader, STORE_READ, &txn) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &octet, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(child_status(child), 128 + SIGKILL);
	writer = open_store(*state, STORE_CONFIG, STORE_WRITE);
	store_check_readers(writer);
	for (int i = 0; i < 3; i++)
		fill(writer, 400000);
	assert_int_equal(stat(path, &before), 0);
	for (int i = 0; i < 20; i++)
		fill(writer, 400000);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_size < before.st_size * 3 / 2);
	store_close(writer);
	close(ready[0]), close(ready[1]);
	free(path);
}

static enum store_news
poll_until_not(struct store *store, enum store_news news, struct problems *problems)
{
	uint64_t end = boot_ms() + 5000;
	enum store_news got;

	while ((got = store_poll(store, problems)) == news && boot_ms() < end)
		usleep(10000);
	return got;
}

static void
a_replaced_store_is_opened_anew(void **state)
{
	char *here = *state, *other = xasprintf("%s/other", here);
	char *command = xasprintf("mv %s/config %s/gone && mv %s/config %s/config", here, here, other, here);
	struct problems problems = {0};
	struct store *store, *reader;

	store = open_store(here, STORE_CONFIG, STORE_WRITE);
	assert_int_equal(put_text(store, TABLE_META, "who", "first"), 0);
	store_close(store);
	store = open_store(other, STORE_CONFIG, STORE_WRITE);
	assert_int_equal(put_text(store, TABLE_META, "who", "second"), 0);
	store_close(store);
	reader = open_store(here, STORE_CONFIG, STORE_READ);
	assert_true(has_text(reader, TABLE_META, "who", "first"));
	assert_int_equal(system(command), 0);
	assert_int_equal(poll_until_not(reader, STORE_SAME, &problems), STORE_REPLACED);
	assert_int_equal(problems.count, 0);
	assert_int_equal(store_poll(reader, &problems), STORE_CHANGED);
	assert_true(has_text(reader, TABLE_META, "who", "second"));
	store_close(reader);
	free(command);
	free(other);
}

static void
a_vanished_store_is_told_once_and_comes_back(void **state)
{
	char *here = *state;
	char *hide = xasprintf("mv %s/config %s/gone", here, here),
	     *show = xasprintf("mv %s/gone %s/config", here, here);
	struct problems problems = {0};
	struct store *reader;

	store_close(open_store(here, STORE_CONFIG, STORE_WRITE));
	reader = open_store(here, STORE_CONFIG, STORE_READ);
	assert_false(has_text(reader, TABLE_META, "a", "b"));
	assert_int_equal(system(hide), 0);
	assert_int_equal(poll_until_not(reader, STORE_SAME, &problems), STORE_LOST);
	assert_int_equal(problems.count, 1);
	assert_non_null(strstr(problems.items[0].text, "has vanished"));
	/* Its file is still open, but it is lost until it is back, and then at once. */
	for (unsigned looks = 0; looks < 3; looks++) {
		reader->next_look = UINT64_MAX;
		assert_int_equal(store_poll(reader, &problems), STORE_LOST);
	}
	assert_int_equal(problems.count, 1);
	assert_int_equal(system(show), 0);
	reader->next_look = UINT64_MAX;
	assert_int_not_equal(store_poll(reader, &problems), STORE_LOST);
	assert_int_equal(problems.count, 1);
	problems_free(&problems);
	store_close(reader);
	free(hide);
	free(show);
}

static void
overwrite(const char *state, const char *kind, off_t at, const char *text, size_t len)
{
	char *path = xasprintf("%s/%s/data.mdb", state, kind);
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, len, at), len);
	close(fd);
	free(path);
}

static void
a_foreign_file_is_refused_with_a_sentence(void **state)
{
	char *sentence;

	store_close(open_store(*state, STORE_CONFIG, STORE_WRITE));
	overwrite(*state, "config", 0, "This is no database, but a text.", 32);
	sentence = refusal(*state, STORE_CONFIG, STORE_READ);
	assert_non_null(strstr(sentence, "is not a store of graycloud, or its head is damaged"));
	free(sentence);
	sentence = refusal(*state, STORE_CONFIG, STORE_WRITE);
	assert_non_null(strstr(sentence, "put a backup in its place"));
	free(sentence);
}

static void
a_file_that_was_cut_off_is_refused(void **state)
{
	struct store *store = open_store(*state, STORE_CONFIG, STORE_WRITE);
	char *path = xasprintf("%s/config/data.mdb", (char *)*state), *sentence;

	fill(store, 400000);
	store_close(store);
	assert_int_equal(truncate(path, 100000), 0);
	sentence = refusal(*state, STORE_CONFIG, STORE_READ);
	assert_non_null(strstr(sentence, "is damaged"));
	free(sentence);
	free(path);
}

static void
the_guard_finds_damage_before_a_daemon_opens_the_store(void **state)
{
	struct store *store = open_store(*state, STORE_CONFIG, STORE_WRITE);
	char noise[4096];
	pid_t child;

	fill(store, 400000);
	store_close(store);
	child = fork();
	if (child == 0) {
		struct problems problems = {0};

		store_guard_start(NULL);
		store = open_store(*state, STORE_CONFIG, STORE_READ);
		if (store == NULL)
			_exit(10);
		store_close(store);
		memset(noise, 0xa5, sizeof noise);
		for (off_t page = 20; page < 40; page++)
			overwrite(*state, "config", page * 4096, noise, sizeof noise);
		store = store_open(*state, STORE_CONFIG, STORE_READ, &problems);
		_exit(store == NULL && problems.count == 1 && strstr(problems.items[0].text, "is damaged")
			? 0
			: 11);
	}
	assert_int_equal(child_status(child), 0);
}

/* A process that dies of a page prints one sentence and exits with 1. */
static void
death_by_damage_is_a_sentence(void **state)
{
	struct store *store = open_store(*state, STORE_CONFIG, STORE_WRITE);
	char *path = xasprintf("%s/config/data.mdb", (char *)*state), text[1024] = "";
	int output[2];
	pid_t child;

	fill(store, 400000);
	store_close(store);
	assert_int_equal(pipe(output), 0);
	child = fork();
	if (child == 0) {
		struct store_txn *txn;
		struct bytes value;
		uint8_t key[8];

		dup2(output[1], STDERR_FILENO);
		store_catch_faults(false);
		store = open_store(*state, STORE_CONFIG, STORE_READ);
		if (truncate(path, 8192) != 0 || store_begin(store, STORE_READ, &txn) != 0)
			_exit(10);
		put64(key, 7);
		store_get(txn, TABLE_ZONES, (struct bytes){key, 8}, &value);
		_exit(11);
	}
	close(output[1]);
	assert_int_equal(child_status(child), 1);
	assert_true(read(output[0], text, sizeof text - 1) > 0);
	assert_non_null(strstr(text, "config/data.mdb is damaged, or its disk fails"));
	assert_null(strchr(strchr(text, '\n') + 1, '\n'));
	close(output[0]);
	free(path);
}

static void
health_has_one_writer(void **state)
{
	struct store *store = open_store(*state, STORE_HEALTH, STORE_WRITE);
	char *sentence, *pid = xasprintf("process %ld", (long)getpid());

	assert_non_null(store);
	/* flock is the open file's, so that a second open in the same process meets it too. */
	sentence = refusal(*state, STORE_HEALTH, STORE_WRITE);
	assert_non_null(strstr(sentence, "another graycloud-monitor already writes"));
	assert_non_null(strstr(sentence, pid));
	store_close(store);
	store = open_store(*state, STORE_HEALTH, STORE_WRITE);
	assert_non_null(store);
	store_close(store);
	free(sentence);
	free(pid);
}

static void
after_another_boot_the_saved_copy_takes_the_place(void **state)
{
	struct store *store = open_store(*state, STORE_HEALTH, STORE_WRITE);
	char *boot = xasprintf("%s/health/boot", (char *)*state), *sentence;
	FILE *file;

	assert_int_equal(put_text(store, TABLE_BEAT, "k", "saved"), 0);
	assert_int_equal(store_save(store), 0);
	assert_int_equal(put_text(store, TABLE_BEAT, "k", "later"), 0);
	store_close(store);
	store = open_store(*state, STORE_HEALTH, STORE_WRITE);
	assert_true(has_text(store, TABLE_BEAT, "k", "later"));
	store_close(store);
	file = fopen(boot, "w");
	fputs("00000000-0000-0000-0000-000000000000", file);
	fclose(file);
	sentence = refusal(*state, STORE_HEALTH, STORE_READ);
	assert_string_equal(sentence, "");
	free(sentence);
	store = open_store(*state, STORE_HEALTH, STORE_WRITE);
	assert_true(has_text(store, TABLE_BEAT, "k", "saved"));
	store_close(store);
	free(boot);
}

static void
the_writer_of_health_begins_anew_after_damage(void **state)
{
	struct problems problems = {0};
	struct store *store;

	store_close(open_store(*state, STORE_HEALTH, STORE_WRITE));
	overwrite(*state, "health", 0, "This is no database, but a text.", 32);
	store = store_open(*state, STORE_HEALTH, STORE_WRITE, &problems);
	assert_non_null(store);
	assert_int_equal(problems.errors, 0);
	assert_int_equal(problems.count, 1);
	assert_int_equal(put_text(store, TABLE_BEAT, "k", "v"), 0);
	store_close(store);
	problems_free(&problems);
}

static void
a_lock_file_that_cannot_be_written_refuses(void **state)
{
	char *lock = xasprintf("%s/config/lock.mdb", (char *)*state);
	char *opened = xasprintf("chmod 755 %s %s/config && chmod 644 %s/config/data.mdb", (char *)*state,
	    (char *)*state, (char *)*state);
	pid_t child;

	store_close(open_store(*state, STORE_CONFIG, STORE_WRITE));
	assert_int_equal(system(opened), 0);
	assert_int_equal(chmod(lock, 0444), 0);
	child = fork();
	if (child == 0) {
		struct problems problems = {0};

		/* root writes what it likes */
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(10);
		if (store_open(*state, STORE_CONFIG, STORE_READ, &problems) != NULL || problems.count != 1)
			_exit(11);
		_exit(strstr(problems.items[0].text, "lock.mdb is written by readers too") ? 0 : 12);
	}
	assert_int_equal(child_status(child), 0);
	free(opened);
	free(lock);
}

/* Called once before the next read of a head. */
static void (*before_pread)(void);

/* In place of the C library's. */
ssize_t
pread(int fd, void *buffer, size_t len, off_t at)
{
	void (*before)(void) = before_pread;

	before_pread = NULL;
	if (before != NULL)
		before();
	return syscall(SYS_pread64, fd, buffer, len, at);
}

static int growing[2];

/* Let the writer commit a large row, and wait until it has. */
static void
grow(void)
{
	char octet = 0;

	if (write(growing[0], &octet, 1) != 1 || read(growing[0], &octet, 1) != 1)
		fail_msg("the writer has ended");
}

static void __attribute__((noreturn)) write_when_told(const char *state)
{
	struct store *store = open_store(state, STORE_HEALTH, STORE_WRITE);
	char octet = 0, *value = xcalloc(1, 100001);

	memset(value, 'x', 100000);
	while (store != NULL && write(growing[1], &octet, 1) == 1 && read(growing[1], &octet, 1) == 1)
		if (put_text(store, TABLE_STATE, "row", value) != 0)
			break;
	_exit(0);
}

static void
a_file_that_grows_while_it_is_looked_at_is_not_damaged(void **state)
{
	struct problems problems = {0};
	struct store *store;
	pid_t child;
	char octet;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, growing), 0);
	child = fork();
	if (child == 0) {
		close(growing[0]);
		write_when_told(*state);
	}
	close(growing[1]);
	assert_int_equal(read(growing[0], &octet, 1), 1);
	store = open_store(*state, STORE_HEALTH, STORE_READ);
	assert_non_null(store);
	assert_false(has_text(store, TABLE_STATE, "row", ""));
	before_pread = grow;
	assert_int_equal(store_poll(store, &problems), STORE_CHANGED);
	assert_int_equal(problems.count, 0);
	store_close(store);
	close(growing[0]);
	assert_int_equal(child_status(child), 0);
}

static void
a_configuration_that_lacks_a_table_is_neither_read_nor_written(void **state)
{
	struct store *store = open_store(*state, STORE_CONFIG, STORE_WRITE);
	static const enum store_access accesses[] = {STORE_READ, STORE_WRITE};
	MDB_txn *txn;

	assert_int_equal(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_drop(txn, store->dbi[TABLE_TOKENS], 1), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	store_close(store);
	for (size_t i = 0; i < NITEMS(accesses); i++) {
		char *text = refusal(*state, STORE_CONFIG, accesses[i]);

		assert_non_null(strstr(text, "/config/data.mdb is damaged or of another kind: "));
		free(text);
	}
}

int
main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, make_state, remove_state)
	const struct CMUnitTest tests[] = {
	    ROW(a_reader_finds_no_store_before_its_writer_made_one),
	    ROW(rows_are_walked_in_the_order_of_their_keys),
	    ROW(a_cursor_that_reads_ahead_moves_like_one_that_does_not),
	    ROW(news_lasts_until_it_was_read),
	    ROW(the_map_grows_while_another_process_reads),
	    ROW(a_killed_reader_does_not_let_the_file_grow_for_ever),
	    ROW(a_replaced_store_is_opened_anew),
	    ROW(a_vanished_store_is_told_once_and_comes_back),
	    ROW(a_foreign_file_is_refused_with_a_sentence),
	    ROW(a_file_that_was_cut_off_is_refused),
	    ROW(a_file_that_grows_while_it_is_looked_at_is_not_damaged),
	    ROW(a_configuration_that_lacks_a_table_is_neither_read_nor_written),
	    ROW(the_guard_finds_damage_before_a_daemon_opens_the_store),
	    ROW(death_by_damage_is_a_sentence),
	    ROW(health_has_one_writer),
	    ROW(after_another_boot_the_saved_copy_takes_the_place),
	    ROW(the_writer_of_health_begins_anew_after_damage),
	    ROW(a_lock_file_that_cannot_be_written_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
