#include "zones/store/page_trees.h"

#include "zones/store/store_tables.h"

#include <sys/mman.h>

enum { FIRST_PAGE = 2 /* after the meta pages */ };

/* A walk over all leaves of a tree. */
struct walk {
	enum page_kind kind;
	const struct page_root *root;
	struct bytes before; /* the last key */
	uint64_t rows;
};

/* ---- one bit for each page ---- */

static size_t
bits_octets(const struct page_trees *trees)
{
	return (size_t)(trees->pages / 64 + 1) * sizeof(uint64_t);
}

static bool
bit_get(const uint64_t *bits, uint64_t at)
{
	return (bits[at / 64] >> at % 64 & 1) != 0;
}

static void
bit_set(uint64_t *bits, uint64_t at)
{
	bits[at / 64] |= UINT64_C(1) << at % 64;
}

/* Returns false if a page of the run is outside of the file, or already used or free. */
static bool
mark(const struct page_trees *trees, uint64_t *bits, uint64_t first, uint64_t pages)
{
	if (first < FIRST_PAGE || first >= trees->pages || pages > trees->pages - first)
		return false;
	for (uint64_t at = first; at < first + pages; at++) {
		if (bit_get(trees->used, at) || bit_get(trees->free, at))
			return false;
		bit_set(bits, at);
	}
	return true;
}

/* ---- pages ---- */

static struct page
page_of(const struct page_trees *trees, uint64_t number)
{
	return (struct page){trees->map + number * trees->page_size, trees->page_size};
}

/* A page of a tree. fresh: it was not checked before. Returns false if it is damaged. */
static bool
get_page(
    struct page_trees *trees, enum page_kind kind, uint64_t number, bool leaf, struct page *page, bool *fresh)
{
	if (number < FIRST_PAGE || number >= trees->pages)
		return false;
	*page = page_of(trees, number);
	*fresh = !bit_get(trees->used, number);
	if (!*fresh)
		return page_is(page, leaf);
	return page_is_sound(page, number, leaf, kind) && mark(trees, trees->used, number, 1);
}

/* Read each page of a run: a page that the disk cannot read faults here, in the helper process. */
static void
read_run(const struct page *page, uint32_t pages)
{
	const volatile uint8_t *octets = page->octets;

	for (uint32_t i = 1; i < pages; i++)
		(void)octets[(size_t)i * page->size];
}

/* The data of a node that are in a run of pages. whole: no other node may have them, and all are read. */
static bool
get_run(struct page_trees *trees, const struct page_node *node, bool whole, struct bytes *data)
{
	struct page page;
	uint32_t pages;

	if (node->child < FIRST_PAGE || node->child >= trees->pages)
		return false;
	page = page_of(trees, node->child);
	pages = page_run(&page, node->child, node->len);
	*data = (struct bytes){page.octets + PAGE_HEAD, node->len};
	if (pages == 0 || pages > trees->pages - node->child)
		return false;
	if (!whole)
		return true;
	read_run(&page, pages);
	return mark(trees, trees->used, node->child, pages);
}

/* ---- all leaves of a tree ---- */

static bool walk_tree(struct page_trees *trees, enum page_kind kind, const struct page_root *root);

/* The pages that a transaction freed: their count, and their numbers, which fall. */
static bool
check_free_pages(struct page_trees *trees, const struct page_node *node, struct bytes data)
{
	const uint8_t *octets = data.data;
	uint64_t transaction, count, number, before = UINT64_MAX;

	memcpy(&transaction, node->key.data, sizeof transaction);
	if (transaction == 0 || transaction > trees->transaction || data.len < sizeof count)
		return false;
	memcpy(&count, octets, sizeof count);
	if (count > data.len / sizeof count - 1)
		return false;
	for (uint64_t i = 1; i <= count; i++) {
		memcpy(&number, octets + i * sizeof number, sizeof number);
		if (number >= before || !mark(trees, trees->free, number, 1))
			return false;
		before = number;
	}
	return true;
}

static bool
root_is_sound(const struct page_trees *trees, const struct page_root *root)
{
	return root->root == UINT64_MAX ? root->depth == 0
					: root->root >= FIRST_PAGE && root->root < trees->pages &&
		root->depth > 0 && root->depth < PAGE_DEPTH_MAX;
}

static bool
check_table(struct page_trees *trees, const struct page_node *node)
{
	struct page_root root;
	enum store_table table;

	memcpy(&root, node->data.data, sizeof root);
	if (!root_is_sound(trees, &root) || root.flags != 0)
		return false;
	if (store_table_find(node->key, &table))
		trees->rows[table] = root;
	return trees->scope != PAGE_TREES_ALL || walk_tree(trees, PAGE_ROWS, &root);
}

/* first: of its leaf, within which the keys are known to rise. */
static bool
check_node(struct page_trees *trees, struct walk *walk, const struct page_node *node, bool first)
{
	struct bytes data = node->data;

	if (first && walk->before.len > 0 && page_compare(walk->kind, walk->before, node->key) >= 0)
		return false;
	walk->before = node->key;
	walk->rows++;
	if (walk->kind == PAGE_NAMES)
		return check_table(trees, node);
	if ((node->flags & NODE_IN_RUN) != 0 && !get_run(trees, node, true, &data))
		return false;
	return walk->kind != PAGE_FREE_LIST || check_free_pages(trees, node, data);
}

static bool
walk_page(struct page_trees *trees, struct walk *walk, uint64_t number, unsigned depth)
{
	bool leaf = depth == walk->root->depth, fresh;
	struct page page;

	if (!get_page(trees, walk->kind, number, leaf, &page, &fresh) || !fresh)
		return false;
	for (unsigned i = 0; i < page_nodes(&page); i++) {
		struct page_node node = page_node(&page, i);

		if (leaf ? !check_node(trees, walk, &node, i == 0)
			 : !walk_page(trees, walk, node.child, depth + 1))
			return false;
	}
	return true;
}

static bool
walk_tree(struct page_trees *trees, enum page_kind kind, const struct page_root *root)
{
	struct walk walk = {.kind = kind, .root = root};

	if (root->root != UINT64_MAX && !walk_page(trees, &walk, root->root, 1))
		return false;
	return walk.rows == root->rows;
}

/* ---- the pages of one row ---- */

/*
 * If a page loses most of its nodes, LMDB joins it with one beside it below the same branch. Each row that is
 * deleted joins at most one page, so each time check the next page on both sides that was not yet checked.
 */
static bool
check_beside(struct page_trees *trees, const struct page *branch, unsigned at, unsigned depth, bool leaves)
{
	struct page_run_checked *run = &trees->checked[depth];
	unsigned last = page_nodes(branch) - 1;
	struct page page;
	bool fresh = false;

	if (run->branch != branch->octets || at < run->first || at > run->last)
		*run = (struct page_run_checked){branch->octets, at, at};
	while (run->first > 0 && !fresh)
		if (!get_page(trees, PAGE_ROWS, page_node(branch, --run->first).child, leaves, &page, &fresh))
			return false;
	fresh = false;
	while (run->last < last && !fresh)
		if (!get_page(trees, PAGE_ROWS, page_node(branch, ++run->last).child, leaves, &page, &fresh))
			return false;
	return true;
}

bool
page_trees_check_row(struct page_trees *trees, enum store_table table, struct bytes key, bool deleted)
{
	const struct page_root *root = &trees->rows[table];
	uint64_t number = root->root;
	struct page_node node;
	struct bytes data;
	struct page page;
	unsigned at;
	bool fresh;

	if (root->depth == 0)
		return true;
	for (unsigned depth = 1; depth < root->depth; depth++) {
		if (!get_page(trees, PAGE_ROWS, number, false, &page, &fresh))
			return false;
		at = page_child(&page, PAGE_ROWS, key);
		if (deleted && !check_beside(trees, &page, at, depth, depth + 1 == root->depth))
			return false;
		number = page_node(&page, at).child;
	}
	if (!get_page(trees, PAGE_ROWS, number, true, &page, &fresh))
		return false;
	return !page_find(&page, key, &node) || (node.flags & NODE_IN_RUN) == 0 ||
	    get_run(trees, &node, false, &data);
}

/* ---- the whole ---- */

uint64_t
page_trees_newest(const uint8_t *map, size_t octets)
{
	struct page_meta first, second;

	if (octets < sizeof first)
		return 0;
	memcpy(&first, map, sizeof first);
	if (!page_meta_is_sound(&first) || octets < 2 * (size_t)first.free_list.page_size)
		return 0;
	memcpy(&second, map + first.free_list.page_size, sizeof second);
	return MAX(first.transaction, second.transaction);
}

/* LMDB keeps flags of the file beside those of the free list: whether it was made without a directory. */
static bool
flags_are_sound(const struct page_trees *trees)
{
	enum { KEYS_ARE_NUMBERS = 8, WITHOUT_DIRECTORY = 0x4000 };

	return (trees->free_list.flags & ~WITHOUT_DIRECTORY) == KEYS_ARE_NUMBERS && trees->names.flags == 0;
}

static bool
check(struct page_trees *trees)
{
	return root_is_sound(trees, &trees->free_list) && root_is_sound(trees, &trees->names) &&
	    flags_are_sound(trees) &&
	    (trees->scope == PAGE_TREES_NAMES || walk_tree(trees, PAGE_FREE_LIST, &trees->free_list)) &&
	    walk_tree(trees, PAGE_NAMES, &trees->names);
}

enum page_trees_state
page_trees_begin(struct page_trees *trees, const uint8_t *map, size_t octets, uint64_t transaction,
    enum page_trees_scope scope)
{
	struct page_meta meta;
	uint8_t *bits;

	*trees = (struct page_trees){.map = map, .transaction = transaction, .scope = scope};
	for (int i = 0; i < TABLE_COUNT; i++)
		trees->rows[i].root = UINT64_MAX;
	if (octets < sizeof meta)
		return PAGE_TREES_DAMAGED;
	memcpy(&meta, map, sizeof meta);
	if (!page_meta_is_sound(&meta) || octets < 2 * (size_t)meta.free_list.page_size)
		return PAGE_TREES_DAMAGED;
	trees->page_size = meta.free_list.page_size;
	/* A transaction writes the meta page of its parity. */
	memcpy(&meta, map + transaction % 2 * trees->page_size, sizeof meta);
	if (!page_meta_is_sound(&meta) || meta.last_page >= octets / trees->page_size)
		return PAGE_TREES_DAMAGED;
	if (meta.transaction != transaction)
		return PAGE_TREES_OTHER;
	trees->pages = meta.last_page + 1;
	trees->free_list = meta.free_list;
	trees->names = meta.names;
	bits = mmap(NULL, 2 * bits_octets(trees), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bits == MAP_FAILED)
		return PAGE_TREES_OTHER;
	trees->used = (uint64_t *)(void *)bits;
	trees->free = (uint64_t *)(void *)(bits + bits_octets(trees));
	return check(trees) ? PAGE_TREES_SOUND : PAGE_TREES_DAMAGED;
}

void
page_trees_end(struct page_trees *trees)
{
	if (trees->used != NULL)
		munmap(trees->used, 2 * bits_octets(trees));
	trees->used = trees->free = NULL;
}
