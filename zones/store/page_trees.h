/*
 * page_trees.h -- the trees and the list of free pages of an LMDB 0.9 file, checked without LMDB.
 *
 * A transaction that writes needs few pages: the list of free pages and the tree of names wholly, and of a
 * table the pages from the root to each row that it changes; if it deletes, LMDB may join a page with one
 * beside it. Only those are checked, each once (LMDB rule 8). A copy of the store reads all pages: then all
 * are checked, and that no page is used twice, or used and free.
 *
 * The check sees the pages as the last commit left them; it does not need to see what the transaction
 * changes, because LMDB changes copies of pages that were checked.
 */
#ifndef PAGE_TREES_H
#define PAGE_TREES_H

#include "zones/store/page.h"
#include "zones/store/store.h"

enum { PAGE_DEPTH_MAX = 32 };

/* The pages that page_trees_begin checks. */
enum page_trees_scope {
	PAGE_TREES_NAMES,   /* the names of the tables */
	PAGE_TREES_CHANGES, /* they and the free list: what each change uses */
	PAGE_TREES_ALL
};

struct page_trees {
	const uint8_t *map;
	uint32_t page_size;
	uint64_t pages; /* the number of pages of the file */
	uint64_t transaction;
	struct page_root free_list, names, rows[TABLE_COUNT];
	uint64_t *used, *free; /* bits: pages that were checked, and those of the free list */
	/* By depth, for deletions one after the other: below this branch, the pages of these nodes were
	 * checked. */
	struct page_run_checked {
		const uint8_t *branch;
		unsigned first, last;
	} checked[PAGE_DEPTH_MAX];
	enum page_trees_scope scope;
};

enum page_trees_state {
	PAGE_TREES_SOUND,
	PAGE_TREES_DAMAGED,
	PAGE_TREES_OTHER /* no meta page has this transaction: the file was overwritten, or written since */
};

/*
 * Check the meta page of this transaction and the pages of the scope. The map must stay while trees is used:
 * call page_trees_end in every case. Memory comes from mmap, so this may be called in a signal handler.
 */
enum page_trees_state page_trees_begin(struct page_trees *trees, const uint8_t *map, size_t octets,
    uint64_t transaction, enum page_trees_scope scope);
void page_trees_end(struct page_trees *trees);
/* Check the pages that a change of this row uses. Returns false if they are damaged. */
bool page_trees_check_row(struct page_trees *trees, enum store_table table, struct bytes key, bool deleted);
/* The newest transaction of the file; 0 if its meta pages are damaged. */
uint64_t page_trees_newest(const uint8_t *map, size_t octets);

#endif
