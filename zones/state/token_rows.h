/*
 * token_rows.h -- S77, S96: the rows of the tokens of the API as nodes share them, without reading their
 * rights (admin/edit/token.h).
 *
 * A row is JSON. On a node of a cluster each change raises its member "version", and a token that was deleted
 * stays as a row with "deleted": of two rows of a name the higher version counts, in any order of asking, and
 * however long a node was away. A row without a version has version 1. Tokens are not part of the
 * configuration; a counter in `meta` shows graycloud-sync that one has changed.
 *
 * Rows of deleted tokens stay for TOKEN_DELETED_KEPT_MS. A node that was away for that long takes the tokens
 * of the others; `meta` has the time when its own were last as in the engine.
 */
#ifndef TOKEN_ROWS_H
#define TOKEN_ROWS_H

#include "zones/store/store.h"

enum { TOKEN_ROW_NAME_MAX = 64, TOKEN_ROW_MAX = 64 * 1024 /* octets */ };
#define TOKEN_DELETED_KEPT_MS (INT64_C(30) * 86400 * 1000)

struct token_row {
	uint64_t version; /* 0: it is damaged */
	bool deleted;
	/* Milliseconds since 1970; 0: not known. */
	int64_t deleted_wall, created_wall;
};
struct token_row token_row_read(struct bytes row);
/* It was deleted so long ago that it need not stay. */
bool token_row_ended(const struct token_row *row, int64_t now_wall);

typedef bool token_row_fn(void *arg, const char *name, struct bytes row);
/* All rows, by name, deleted ones, too. */
void token_rows_each(struct store_txn *config, token_row_fn *fn, void *arg);
bool token_row_get(struct store_txn *config, const char *name, struct bytes *row);
/* Write a row and raise the counter. Returns 0 or a negative errno. */
int token_row_put(struct store_txn *config, const char *name, struct bytes row);
int token_row_delete(struct store_txn *config, const char *name);
uint64_t token_rows_counter(struct store_txn *config);
/* When the rows were last as those of the engine, and the counter then. False: never. */
bool token_rows_seen(struct store_txn *config, int64_t *wall, uint64_t *counter);
int token_rows_seen_put(struct store_txn *config, int64_t wall, uint64_t counter);
/* Is this a node of a cluster, or one that was detached? Then rows of deleted tokens stay. */
bool token_rows_shared(struct store_txn *config);

#endif
