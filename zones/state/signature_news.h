/*
 * signature_news.h -- the feed of signatures of zone data that changed, in signatures/: only of zones that
 * have nodes without keys (S109), so that these get what is new and not all.
 *
 * signer: "news", sequence (8) -> zone (4), type (2), owner key; type 0: all of the zone may have changed.
 * The newest NEWS_MAX rows are kept. "shipped", zone (4): the zone has the feed. graycloud-signer writes
 * them.
 */
#ifndef SIGNATURE_NEWS_H
#define SIGNATURE_NEWS_H

#include "zones/store/store.h"

enum {
	NEWS_MAX = 65536,
	NEWS_OF_A_PASS = 4096 /* if more signatures of a zone change at once, one row stands for all */
};

/* From now on the feed has a zone, or no longer. Returns 1 if that is new, 0, or a negative errno. */
int signature_news_begin(struct store_txn *txn, uint32_t zone);
int signature_news_end(struct store_txn *txn, uint32_t zone);
bool signature_news_has(struct store_txn *txn, uint32_t zone);

int signature_news_add(struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type);
int signature_news_add_all(struct store_txn *txn, uint32_t zone);
/* Delete the oldest rows if there are too many. */
int signature_news_trim(struct store_txn *txn);

/* The last sequence; 0: there is none. */
uint64_t signature_news_last(struct store_txn *txn);
/*
 * Call fn with each row of a zone after a sequence. Returns false if they are not all there any more, or if
 * one stands for all: then everything may have changed.
 */
typedef void signature_news_fn(void *arg, const struct bytes *owner_key, uint16_t type);
bool signature_news_each(
    struct store_txn *txn, uint32_t zone, uint64_t after, signature_news_fn *fn, void *arg);

#endif
