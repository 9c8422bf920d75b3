/* one_store.h -- a store in a directory of its own, for units that read and write rows. */
#ifndef TESTS_ONE_STORE_H
#define TESTS_ONE_STORE_H

#include "zones/store/store.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/graycloud-store-XXXXXX";
static struct store *store;

/* Open it for writing; returns 0, or -1 with a message. */
static inline int
open_one(enum store_kind kind)
{
	struct problems problems = {0};

	assert_non_null(mkdtemp(directory));
	store = store_open(directory, kind, STORE_WRITE, &problems);
	problems_print(&problems, "test", stderr);
	problems_free(&problems);
	return store == NULL ? -1 : 0;
}

static inline int
remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

/* Close it, and remove its directory. A teardown of cmocka. */
static inline int
close_store(void **state)
{
	(void)state;
	store_close(store);
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct store_txn *
begin(enum store_access access)
{
	struct store_txn *txn;

	assert_int_equal(store_begin(store, access, &txn), 0);
	return txn;
}

#endif
