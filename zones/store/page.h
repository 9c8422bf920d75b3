/*
 * page.h -- one page of LMDB 0.9, checked without LMDB.
 *
 * LMDB copies and moves the octets of a page by the offsets and sizes that the page itself names. On a
 * damaged page it writes beyond its memory (LMDB rule 8), so what it is going to change is checked before.
 *
 *   0        8     10      12      14      16                    lower    upper                page size
 *   | number | pad | flags | lower | upper | offsets of the nodes | unused | the nodes, no gaps |
 *
 * A node begins with the size of its data, or in a branch with the number of the child (both 4 octets), its
 * flags, or the rest of that number (2), and the size of the key (2); key and data follow. Data that are too
 * large are elsewhere, in a run of pages, of which only the first has a head: number, pad, flags, and how
 * many pages they are (4). All numbers are in the byte order of the machine.
 *
 * Pure functions that only read the page, also in a signal handler.
 */
#ifndef PAGE_H
#define PAGE_H

#include "zones/base/util.h"

enum { PAGE_HEAD = 16, PAGE_KEY_MAX = 511 };
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_RUN = 4, PAGE_META = 8 };
enum { NODE_IN_RUN = 1, NODE_IS_TREE = 2 }; /* flags of a node of a leaf */

/* The contents of the leaves of a tree. */
enum page_kind {
	PAGE_FREE_LIST, /* transaction (8 octets) -> numbers of the pages that it freed */
	PAGE_NAMES,     /* name of a table -> struct page_root */
	PAGE_ROWS
};

/* A tree, as LMDB's meta pages and the tree of names have it. */
struct page_root {
	uint32_t page_size; /* of the free list: the size of all pages */
	uint16_t flags, depth;
	uint64_t branches, leaves, runs, rows;
	uint64_t root; /* UINT64_MAX: an empty tree */
};

/* The start of each of the two meta pages. */
struct page_meta {
	uint64_t number;
	uint16_t pad, flags;
	uint32_t bounds;
	uint32_t magic, version;
	uint64_t address, map_size;
	struct page_root free_list, names;
	uint64_t last_page;
	uint64_t transaction;
};

/* True if it is a meta page of LMDB 0.9. */
bool page_meta_is_sound(const struct page_meta *meta);

struct page {
	const uint8_t *octets;
	uint32_t size;
};

struct page_node {
	struct bytes key;
	struct bytes data; /* the octets within the page: empty in a branch, 8 octets of NODE_IN_RUN */
	uint32_t len;      /* the size of the data, wherever they are */
	uint16_t flags;    /* 0 in a branch */
	uint64_t child; /* the page below a node of a branch, or the first page of the data of NODE_IN_RUN */
};

/*
 * True if the page has this number and is a branch or leaf as expected, and all its offsets and sizes are
 * within it, do not overlap, and its keys rise. The functions below need such a page.
 */
bool page_is_sound(const struct page *page, uint64_t number, bool leaf, enum page_kind kind);
/* True if the page has the flags of a leaf, or else of a branch. */
bool page_is(const struct page *page, bool leaf);
unsigned page_nodes(const struct page *page);
struct page_node page_node(const struct page *page, unsigned at);
/* The order of two keys: less than 0, 0 or more. */
int page_compare(enum page_kind kind, struct bytes a, struct bytes b);
/* The node of a branch below which the key is. */
unsigned page_child(const struct page *page, enum page_kind kind, struct bytes key);
/* Find the node of a leaf with this key. */
bool page_find(const struct page *page, struct bytes key, struct page_node *node);
/* How many pages the run has that begins here; 0 if it is none, or has less than len octets of data. */
uint32_t page_run(const struct page *page, uint64_t number, uint32_t len);

#endif
