/*
 * config_feed.h -- follow the configuration: read the changes since the last reading, or everything.
 *
 * A follower reads everything the first time, if the store or its history is another one, if a temporary
 * setting has ended (disabled_until, forced_until), and if the feed of changes does not reach back to the
 * last reading.
 *
 * One thread for each follower.
 */
#ifndef CONFIG_FEED_H
#define CONFIG_FEED_H

#include "zones/base/deadline.h"
#include "zones/state/config.h"

struct config_feed {
	bool is_begun;
	uint64_t store;      /* the number of the store that was read */
	uint64_t history;    /* config_history() then */
	uint64_t generation; /* up to which it was read */
	/* The first end of a temporary setting. The callbacks add each one that they meet. */
	struct deadline next_end;
};

struct config_reader {
	/* One change. Returns false if everything is to be read. */
	config_change_fn *change;
	/* Read everything. */
	void (*all)(void *arg);
	void *arg;
};

/*
 * Read the changes. store is a number that the caller changes whenever it opens another store. Returns false
 * if nothing is new.
 */
bool config_feed_read(
    struct config_feed *feed, struct store_txn *txn, uint64_t store, const struct config_reader *reader);
/* The last reading failed, or cannot be trusted: read everything the next time. */
void config_feed_forget(struct config_feed *feed);

#endif
