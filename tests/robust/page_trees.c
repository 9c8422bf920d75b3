/* page_trees.h, store_check.c: damaged pages are found before LMDB changes or copies them; sound ones never
 * are. */
#include "zones/store/page_trees.h"
#include "zones/base/util.h"
#include "zones/store/store_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 20000, LARGE = 10000, PAGE = 4096 };

static int
make_state(void **state)
{
	*state = xstrdup("/tmp/graycloud-pages-XXXXXX");
	return mkdtemp(*state) ? 0 : -1;
}

static int
remove_state(void **state)
{
	char *command = xasprintf("rm -rf %s", (char *)*state);
	int rc = system(command);

	free(command);
	free(*state);
	return rc;
}

static struct store *
open_store(const char *state, enum store_access access)
{
	struct problems problems = {0};
	struct store *store = store_open(state, STORE_CONFIG, access, &problems);

	problems_print(&problems, "# store_open", stderr);
	problems_free(&problems);
	return store;
}

static struct bytes
key_of(unsigned number)
{
	static char text[32];

	return (struct bytes){text, (size_t)snprintf(text, sizeof text, "row %06u", number)};
}

static int
put_row(struct store_txn *txn, unsigned number, size_t len)
{
	static const uint8_t zeros[3 * LARGE];

	return store_put(txn, TABLE_ZONES, key_of(number), (struct bytes){zeros, len});
}

/* Three levels of pages, data in runs of pages, and a free list. */
static void
fill(const char *state)
{
	struct store *store = open_store(state, STORE_WRITE);

	for (unsigned pass = 0; pass < 3; pass++) {
		struct store_txn *txn;

		assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
		for (unsigned i = 0; i < ROWS; i++)
			if (pass == 0)
				assert_int_equal(put_row(txn, i, i % 100 == 7 ? LARGE : 40 + i % 50), 0);
			else if (i / 500 % 10 == pass)
				assert_int_equal(store_delete(txn, TABLE_ZONES, key_of(i)), 0);
		assert_int_equal(store_commit(txn), 0);
	}
	store_close(store);
}

/* ---- the file, to look at and to damage ---- */

struct image {
	uint8_t *octets;
	size_t len;
	struct page_trees trees;
};

static char *
data_path(const char *state)
{
	return xasprintf("%s/config/data.mdb", state);
}

static void
image_read(const char *state, struct image *image)
{
	char *path = data_path(state);
	int fd = open(path, O_RDONLY);
	struct stat file;

	assert_int_equal(fstat(fd, &file), 0);
	image->len = (size_t)file.st_size;
	image->octets = xmalloc(image->len);
	assert_int_equal(read(fd, image->octets, image->len), (ssize_t)image->len);
	close(fd);
	free(path);
	assert_int_equal(page_trees_begin(&image->trees, image->octets, image->len,
			     page_trees_newest(image->octets, image->len), PAGE_TREES_ALL),
	    PAGE_TREES_SOUND);
}

static void
image_free(struct image *image)
{
	page_trees_end(&image->trees);
	free(image->octets);
}

static void
image_write(const char *state, const struct image *image)
{
	char *path = data_path(state);
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_int_equal(write(fd, image->octets, image->len), (ssize_t)image->len);
	close(fd);
	free(path);
}

/* The page of the tree where this key is, or this number of levels above its leaf; NULL key: the first. */
static uint8_t *
page_with(
    struct image *image, const struct page_root *root, enum page_kind kind, struct bytes key, unsigned above)
{
	uint64_t number = root->root;

	for (unsigned depth = 1;; depth++) {
		struct page page = {image->octets + number * PAGE, PAGE};

		if (depth + above == root->depth)
			return image->octets + number * PAGE;
		number = page_node(&page, key.len == 0 ? 0 : page_child(&page, kind, key)).child;
	}
}

/* The row that all damages are about. */
enum { ROW_NUMBER = 10007 };

static uint8_t *
leaf(struct image *image)
{
	return page_with(image, &image->trees.rows[TABLE_ZONES], PAGE_ROWS, key_of(ROW_NUMBER), 0);
}

static uint8_t *
branch(struct image *image)
{
	return page_with(image, &image->trees.rows[TABLE_ZONES], PAGE_ROWS, key_of(ROW_NUMBER), 1);
}

static void
store16(uint8_t *at, unsigned value)
{
	uint16_t number = (uint16_t)value;

	memcpy(at, &number, sizeof number);
}

static unsigned
load16(const uint8_t *at)
{
	uint16_t number;

	memcpy(&number, at, sizeof number);
	return number;
}

static void
store64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof value);
}

static uint64_t
load64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

static uint8_t *
node(uint8_t *page, unsigned at)
{
	return page + load16(page + PAGE_HEAD + 2 * at);
}

/* The row's own node within its leaf. */
static uint8_t *
own_node(struct image *image)
{
	struct page page = {leaf(image), PAGE};

	return node(leaf(image), page_child(&page, PAGE_ROWS, key_of(ROW_NUMBER)));
}

static uint8_t *
own_run(struct image *image)
{
	uint8_t *at = own_node(image);

	assert_int_equal(load16(at + 4), NODE_IN_RUN);
	return image->octets + load64(at + 8 + load16(at + 6)) * PAGE;
}

/* A leaf beside that of the row; deleting all rows of the leaf joins them. */
static uint8_t *
leaf_beside(struct image *image, int side)
{
	struct page page = {branch(image), PAGE};
	unsigned at = page_child(&page, PAGE_ROWS, key_of(ROW_NUMBER));

	assert_true(at > 0 && at + 1 < page_nodes(&page));
	return image->octets + page_node(&page, (unsigned)((int)at + side)).child * PAGE;
}

/* The numbers of free pages of the first transaction that has some: their count, then they. */
static uint8_t *
free_pages(struct image *image)
{
	uint8_t *page = page_with(image, &image->trees.free_list, PAGE_FREE_LIST, (struct bytes){0}, 0);
	struct page_node first = page_node(&(struct page){page, PAGE}, 0);

	if ((first.flags & NODE_IN_RUN) != 0)
		return image->octets + first.child * PAGE + PAGE_HEAD;
	return node(page, 0) + 8 + first.key.len;
}

static uint8_t *
names_leaf(struct image *image)
{
	return page_with(image, &image->trees.names, PAGE_NAMES, (struct bytes){0}, 0);
}

/* struct page_root of the table. */
static uint8_t *
table_root(struct image *image)
{
	uint8_t *page = names_leaf(image);
	struct page_node at;

	assert_true(page_find(&(struct page){page, PAGE}, (struct bytes){"zones", 5}, &at));
	return page + ((const uint8_t *)at.data.data - page);
}

/* A damage that is one statement. */
#define DAMAGE(name, statement) \
	static void name(struct image *i) \
	{ \
		statement; \
	}
DAMAGE(leaf_upper_too_large, store16(leaf(i) + 14, 60000))
DAMAGE(leaf_lower_too_large, store16(leaf(i) + 12, 50000))
DAMAGE(leaf_lower_above_upper, store16(leaf(i) + 12, load16(leaf(i) + 14) + 2))
DAMAGE(leaf_lower_within_the_head, store16(leaf(i) + 12, 14))
DAMAGE(leaf_upper_too_small, store16(leaf(i) + 14, load16(leaf(i) + 14) - 2))
DAMAGE(leaf_that_is_a_branch, store16(leaf(i) + 10, PAGE_BRANCH))
DAMAGE(leaf_that_is_dirty, store16(leaf(i) + 10, PAGE_LEAF | 16))
DAMAGE(leaf_with_another_number, store64(leaf(i), load64(leaf(i)) + 1))
DAMAGE(offset_beyond_the_page, store16(leaf(i) + PAGE_HEAD + 2, 5000))
DAMAGE(offset_in_the_last_octets, store16(leaf(i) + PAGE_HEAD + 2, PAGE - 4))
DAMAGE(offset_that_is_odd, store16(leaf(i) + PAGE_HEAD, load16(leaf(i) + PAGE_HEAD) + 1))
DAMAGE(two_nodes_in_one_place, store16(leaf(i) + PAGE_HEAD, load16(leaf(i) + PAGE_HEAD + 2)))
DAMAGE(key_beyond_the_page, store16(own_node(i) + 6, 0xffff))
DAMAGE(key_that_is_a_little_longer, store16(node(leaf(i), 0) + 6, 30))
DAMAGE(key_without_octets, store16(node(leaf(i), 0) + 6, 0))
DAMAGE(key_out_of_order, memset(node(leaf(i), 1) + 8, 'a', 4))
DAMAGE(data_beyond_the_page, store16(node(leaf(i), 0), 5000))
DAMAGE(data_that_reach_the_next_node, store16(node(leaf(i), 0), load16(node(leaf(i), 0)) + 40))
DAMAGE(data_of_gigabytes, store16(node(leaf(i), 0) + 2, 0xff00))
DAMAGE(row_that_is_a_tree, store16(node(leaf(i), 0) + 4, NODE_IS_TREE))
DAMAGE(row_with_several_data, store16(node(leaf(i), 0) + 4, 4))
DAMAGE(run_beyond_the_file, store64(own_node(i) + 8 + load16(own_node(i) + 6), 1 << 30))
DAMAGE(run_of_too_many_pages, memset(own_run(i) + 12, 0xff, 3))
DAMAGE(run_of_too_few_pages, store16(own_run(i) + 12, 1))
DAMAGE(run_that_is_a_leaf, store16(own_run(i) + 10, PAGE_LEAF))
DAMAGE(branch_upper_too_large, store16(branch(i) + 14, 60000))
static void
branch_child_beyond_the_file(struct image *i)
{
	uint8_t *page = branch(i);

	for (unsigned at = 0; at < (load16(page + 12) - PAGE_HEAD) / 2U; at++)
		store16(node(page, at) + 2, 0x7fff);
}
static void
branch_child_is_a_meta_page(struct image *i)
{
	uint8_t *page = branch(i);

	for (unsigned at = 0; at < (load16(page + 12) - PAGE_HEAD) / 2U; at++)
		store16(node(page, at), 1);
}
DAMAGE(left_leaf_upper_too_large, store16(leaf_beside(i, -1) + 14, 60000))
DAMAGE(right_leaf_key_beyond_the_page, store16(node(leaf_beside(i, 1), 0) + 6, 0xffff))
DAMAGE(free_list_upper_too_large,
    store16(page_with(i, &i->trees.free_list, PAGE_FREE_LIST, (struct bytes){0}, 0) + 14, 60000))
DAMAGE(free_list_key_of_wrong_size,
    store16(node(page_with(i, &i->trees.free_list, PAGE_FREE_LIST, (struct bytes){0}, 0), 0) + 6, 9))
static void
free_list_of_the_future(struct image *i)
{
	store64(
	    node(page_with(i, &i->trees.free_list, PAGE_FREE_LIST, (struct bytes){0}, 0), 0) + 8, 1 << 20);
}
DAMAGE(free_pages_more_than_are_there, store64(free_pages(i), load64(free_pages(i)) + 4096))
DAMAGE(free_page_beyond_the_file, store64(free_pages(i) + 8, 1 << 30))
DAMAGE(free_page_that_is_a_meta_page, store64(free_pages(i) + 8 * load64(free_pages(i)), 1))
DAMAGE(free_page_twice, store64(free_pages(i) + 8, load64(free_pages(i) + 16)))
static void
free_page_in_use(struct image *i)
{
	/* The numbers fall: it takes the place of the first smaller one. */
	uint64_t used = load64(leaf(i));
	uint8_t *list = free_pages(i);

	for (uint64_t n = 1; n <= load64(list); n++)
		if (load64(list + 8 * n) < used) {
			store64(list + 8 * n, used);
			return;
		}
	fail();
}
/* Both meta pages: the newest counts. */
static void
free_list_with_several_data(struct image *i)
{
	store16(i->octets + offsetof(struct page_meta, free_list.flags), 8 | 4);
	store16(i->octets + PAGE + offsetof(struct page_meta, free_list.flags), 8 | 4);
}
DAMAGE(names_upper_too_large, store16(names_leaf(i) + 14, 60000))
DAMAGE(name_with_several_data, store16(table_root(i) - 5 - 4, NODE_IS_TREE | 4))
DAMAGE(name_that_is_a_row, store16(node(names_leaf(i), 0) + 4, 0))
DAMAGE(table_with_several_data_for_a_key, store16(table_root(i) + 4, 4))
DAMAGE(table_of_another_depth, store16(table_root(i) + 6, load16(table_root(i) + 6) + 1))
DAMAGE(table_of_great_depth, store16(table_root(i) + 6, 4000))
DAMAGE(table_without_depth, store16(table_root(i) + 6, 0))
DAMAGE(table_root_beyond_the_file, store64(table_root(i) + 40, 1 << 30))
#define ROW(damage) \
	{ \
#damage, damage \
	}
static const struct damage {
	const char *name;
	void (*make)(struct image *image);
} damages[] = {ROW(leaf_upper_too_large), ROW(leaf_lower_too_large), ROW(leaf_lower_above_upper),
    ROW(leaf_lower_within_the_head), ROW(leaf_upper_too_small), ROW(leaf_that_is_a_branch),
    ROW(leaf_that_is_dirty), ROW(leaf_with_another_number), ROW(offset_beyond_the_page),
    ROW(offset_in_the_last_octets), ROW(offset_that_is_odd), ROW(two_nodes_in_one_place),
    ROW(key_beyond_the_page), ROW(key_that_is_a_little_longer), ROW(key_without_octets),
    ROW(key_out_of_order), ROW(data_beyond_the_page), ROW(data_that_reach_the_next_node),
    ROW(data_of_gigabytes), ROW(row_that_is_a_tree), ROW(row_with_several_data), ROW(run_beyond_the_file),
    ROW(run_of_too_many_pages), ROW(run_of_too_few_pages), ROW(run_that_is_a_leaf),
    ROW(branch_upper_too_large), ROW(branch_child_beyond_the_file), ROW(branch_child_is_a_meta_page),
    ROW(left_leaf_upper_too_large), ROW(right_leaf_key_beyond_the_page), ROW(free_list_upper_too_large),
    ROW(free_list_key_of_wrong_size), ROW(free_list_of_the_future), ROW(free_pages_more_than_are_there),
    ROW(free_page_beyond_the_file), ROW(free_page_that_is_a_meta_page), ROW(free_page_twice),
    ROW(free_page_in_use), ROW(free_list_with_several_data), ROW(names_upper_too_large),
    ROW(name_that_is_a_row), ROW(name_with_several_data), ROW(table_with_several_data_for_a_key),
    ROW(table_of_another_depth), ROW(table_of_great_depth), ROW(table_without_depth),
    ROW(table_root_beyond_the_file)};
#undef ROW

/* Run work in a process of its own; returns its exit status, or 128 and the signal that ended it. */
static int
in_child(int (*work)(const char *state), const char *state, char *said, size_t size)
{
	struct rlimit none = {0, 0};
	int output[2], status;
	ssize_t got = 0;
	pid_t child;

	assert_int_equal(pipe(output), 0);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		dup2(output[1], STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &none);
		alarm(60);
		_exit(work(state));
	}
	close(output[1]);
	if (said != NULL) {
		got = read(output[0], said, size - 1);
		said[MAX(got, 0)] = '\0';
	}
	close(output[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- what a program does with a store ---- */

enum { REFUSED = 3, DONE = 0, FAILED = 4 };

static int
end_as(int rc)
{
	return rc == 0 ? DONE : rc == -EBADMSG ? REFUSED : FAILED;
}

/* Change the row and delete all others of its leaf, as a daemon does. */
static int
change_rows(const char *state)
{
	struct store_txn *txn;
	struct store *store;
	int rc;

	store = open_store(state, STORE_WRITE);
	if (store == NULL)
		return REFUSED;
	if ((rc = store_begin(store, STORE_WRITE, &txn)) != 0)
		return end_as(rc);
	rc = put_row(txn, ROW_NUMBER, 10);
	for (unsigned i = ROW_NUMBER - 60; i < ROW_NUMBER + 60 && rc == 0; i++)
		rc = store_delete(txn, TABLE_ZONES, key_of(i));
	if (rc == 0)
		return end_as(store_commit(txn));
	store_abort(txn);
	return end_as(rc);
}

static int
change_rows_and_live(const char *state)
{
	store_catch_faults(true);
	return change_rows(state);
}

static int
change_rows_or_die(const char *state)
{
	store_catch_faults(false);
	return change_rows(state) == REFUSED; /* with the sentence of store_open, or else it ended before */
}

static int
copy(const char *state)
{
	struct store *store;
	int fd = open("/dev/null", O_WRONLY);

	store_catch_faults(true);
	store = open_store(state, STORE_READ);
	return store == NULL ? REFUSED : end_as(store_copy_to(store, fd));
}

static int
guard(const char *state)
{
	char *request = xasprintf("walk %s/config", state);

	return store_guarded(request) == 0 ? DONE : REFUSED;
}

static void
each_damage_is_found_before_it_does_harm(void **state)
{
	char said[1024];

	fill(*state);
	for (size_t i = 0; i < NITEMS(damages); i++) {
		struct image image;
		int written, died, copied, walked;

		image_read(*state, &image);
		struct image before = {xmalloc(image.len), image.len, {0}};

		memcpy(before.octets, image.octets, image.len);
		damages[i].make(&image);
		image_write(*state, &image);
		copied = in_child(copy, *state, NULL, 0);
		walked = in_child(guard, *state, NULL, 0);
		written = in_child(change_rows_and_live, *state, NULL, 0);
		died = in_child(change_rows_or_die, *state, said, sizeof said);
		if (written != REFUSED || copied != REFUSED || walked != REFUSED || died != 1 ||
		    strstr(said, "config/data.mdb is damaged") == NULL)
			fail_msg("%s: written %d copied %d walked %d died %d: %s", damages[i].name, written,
			    copied, walked, died, said);
		image_write(*state, &before);
		free(before.octets);
		image_free(&image);
	}
	assert_int_equal(in_child(copy, *state, NULL, 0), DONE);
	assert_int_equal(in_child(guard, *state, NULL, 0), DONE);
	assert_int_equal(in_child(change_rows_and_live, *state, NULL, 0), DONE);
}

/* Damage elsewhere hinders no change: it needs few pages. */
static void
damage_in_other_pages_does_not_hinder_a_change(void **state)
{
	struct image image;

	fill(*state);
	image_read(*state, &image);
	memset(page_with(&image, &image.trees.rows[TABLE_ZONES], PAGE_ROWS, key_of(19000), 0), 0xff, PAGE);
	image_write(*state, &image);
	image_free(&image);
	assert_int_equal(in_child(change_rows_and_live, *state, NULL, 0), DONE);
	assert_int_equal(in_child(copy, *state, NULL, 0), REFUSED);
	assert_int_equal(in_child(guard, *state, NULL, 0), REFUSED);
}

/* A copy would have the rows in this order, and a search would not find them. */
static void
last_key_after_the_next_leaf(struct image *image)
{
	struct page page = {leaf(image), PAGE};

	memset(node(leaf(image), page_nodes(&page) - 1) + 8, 'z', 4);
}
DAMAGE(table_with_other_rows, store64(table_root(i) + offsetof(struct page_root, rows), 17))

static void
all_pages_belong_together(void **state)
{
	void (*const makes[])(struct image *) = {last_key_after_the_next_leaf, table_with_other_rows};

	fill(*state);
	for (size_t i = 0; i < NITEMS(makes); i++) {
		struct image image;

		image_read(*state, &image);
		struct image before = {xmemdup(image.octets, image.len), image.len, {0}};

		makes[i](&image);
		image_write(*state, &image);
		assert_int_equal(in_child(copy, *state, NULL, 0), REFUSED);
		assert_int_equal(in_child(guard, *state, NULL, 0), REFUSED);
		image_write(*state, &before);
		free(before.octets);
		image_free(&image);
	}
}

static uint64_t image_rows;

/* As a daemon walks that has no helper: with false, or not all, rows, and the store is known to be damaged.
 */
static int
walk_rows(const char *state)
{
	struct store *store;
	struct store_cursor *cursor;
	struct store_txn *txn;
	struct bytes key, value;
	unsigned rows = 0;

	store_catch_faults(true);
	store = open_store(state, STORE_READ);
	if (store_begin(store, STORE_READ, &txn) != 0)
		return FAILED;
	cursor = store_cursor_open(txn, TABLE_ZONES);
	for (bool more = store_cursor_first(cursor, &key, &value); more;
	     more = store_cursor_next(cursor, &key, &value))
		rows++;
	return store_torn(store) ? REFUSED : rows == image_rows ? DONE : FAILED;
}

static void
a_walk_notices_damaged_rows(void **state)
{
	void (*const makes[])(struct image *) = {last_key_after_the_next_leaf, data_of_gigabytes};

	fill(*state);
	setenv("GRAYCLOUD_MAP_MIB", "64", 1); /* data of gigabytes are not within it */
	for (size_t i = 0; i < NITEMS(makes); i++) {
		struct image image;

		image_read(*state, &image);
		struct image before = {xmemdup(image.octets, image.len), image.len, {0}};

		image_rows = image.trees.rows[TABLE_ZONES].rows;
		assert_int_equal(in_child(walk_rows, *state, NULL, 0), DONE);
		makes[i](&image);
		image_write(*state, &image);
		assert_int_equal(in_child(walk_rows, *state, NULL, 0), REFUSED);
		image_write(*state, &before);
		free(before.octets);
		image_free(&image);
	}
	unsetenv("GRAYCLOUD_MAP_MIB");
}

/* What follows the first page of a run has no head: only reading it shows that the disk cannot. */
static int
check_with_a_page_that_cannot_be_read(const char *state)
{
	struct image image;
	uint8_t *map;

	signal(SIGSEGV, SIG_DFL); /* in place of cmocka's */
	image_read(state, &image);
	map = mmap(NULL, image.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(map, image.octets, image.len);
	mprotect(map + (own_run(&image) - image.octets) + PAGE, PAGE, PROT_NONE);
	return page_trees_begin(
	    &image.trees, map, image.len, page_trees_newest(map, image.len), PAGE_TREES_ALL);
}

static void
all_pages_are_read(void **state)
{
	fill(*state);
	assert_int_equal(in_child(check_with_a_page_that_cannot_be_read, *state, NULL, 0), 128 + SIGSEGV);
}

/* ---- no false alarm ---- */

static uint32_t
draw(uint32_t *random)
{
	*random = *random * 1664525 + 1013904223;
	return *random >> 8;
}

static void
check_all(const char *state, struct store *store)
{
	struct image image; /* asserts that all pages are sound */

	image_read(state, &image);
	image_free(&image);
	assert_true(store_check_whole(store));
}

/* Changes of all sizes, orders and amounts: ascending, random, deletions by key and by cursor, rolled back.
 */
static void
change_randomly(struct store_txn *txn, uint32_t *random)
{
	unsigned count = draw(random) % 8 == 0 ? 6000 : draw(random) % 60, way = draw(random) % 4;
	unsigned start = draw(random) % ROWS;
	struct bytes key, value;

	for (unsigned i = 0; i < count; i++) {
		unsigned number = way < 2 ? (start + i) % ROWS : draw(random) % ROWS;
		size_t len = draw(random) % 100 == 0 ? draw(random) % (3 * LARGE) : draw(random) % 300;

		if (way % 2 == 0)
			assert_int_equal(put_row(txn, number, len), 0);
		else
			assert_int_equal(store_delete(txn, TABLE_ZONES, key_of(number)), 0);
	}
	if (draw(random) % 10 == 0) {
		struct store_cursor *cursor = store_cursor_open(txn, TABLE_ZONES);
		bool there = store_cursor_seek(cursor, key_of(start), &key, &value);

		for (unsigned i = 0; i < 3000 && there; i++) {
			assert_int_equal(store_cursor_delete(cursor), 0);
			there = store_cursor_next(cursor, &key, &value);
		}
		store_cursor_close(cursor);
	}
}

static void
sound_pages_are_never_taken_for_damaged(void **state)
{
	struct store *store = open_store(*state, STORE_WRITE), *reader = open_store(*state, STORE_READ);
	struct store_txn *txn, *held = NULL;
	uint32_t random = 4711;

	for (unsigned round = 0; round < 200; round++) {
		assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
		assert_non_null(txn->trees);
		change_randomly(txn, &random);
		if (draw(&random) % 10 == 0)
			store_abort(txn);
		else
			assert_int_equal(store_commit(txn), 0);
		if (round % 10 == 0)
			check_all(*state, store);
		if (draw(&random) % 20 == 0) { /* a reader that keeps pages from becoming free */
			store_abort(held);
			assert_int_equal(store_begin(reader, STORE_READ, &held), 0);
		}
	}
	check_all(*state, store);
	store_abort(held);
	store_close(reader);
	store_close(store);
}

/* ---- the last resort ---- */

static int
abort_with_a_store(const char *state)
{
	store_catch_faults(false);
	if (open_store(state, STORE_READ) == NULL)
		return FAILED;
	abort();
}

static int
abort_as_a_daemon(const char *state)
{
	store_catch_faults(true);
	if (open_store(state, STORE_READ) == NULL)
		return FAILED;
	abort();
}

static void
an_abort_is_laid_to_damage_only_if_there_is_some(void **state)
{
	struct image image;
	char said[1024];

	fill(*state);
	assert_int_equal(in_child(abort_with_a_store, *state, said, sizeof said), 128 + SIGABRT);
	assert_string_equal(said, "");
	image_read(*state, &image);
	leaf_upper_too_large(&image);
	image_write(*state, &image);
	image_free(&image);
	assert_int_equal(in_child(abort_with_a_store, *state, said, sizeof said), 1);
	assert_non_null(
	    strstr(said, "config/data.mdb is damaged, or its disk fails: move its directory away"));
	assert_int_equal(in_child(abort_as_a_daemon, *state, NULL, 0), 128 + SIGABRT);
}

int
main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, make_state, remove_state)
	const struct CMUnitTest tests[] = {
	    ROW(each_damage_is_found_before_it_does_harm),
	    ROW(damage_in_other_pages_does_not_hinder_a_change),
	    ROW(all_pages_belong_together),
	    ROW(a_walk_notices_damaged_rows),
	    ROW(all_pages_are_read),
	    ROW(sound_pages_are_never_taken_for_damaged),
	    ROW(an_abort_is_laid_to_damage_only_if_there_is_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
