/*
 * node.h -- the nameserver of this state directory: its inputs besides the stores.
 */
#ifndef NODE_H
#define NODE_H

#include "zones/steer/steer.h"
#include "zones/store/store.h"

/*
 * Its geography, read from the files that it reads (NULL: none), and its own place. Free it with geo_free. A
 * process that keeps the serving store open passes it, because LMDB forbids to open a store twice in one
 * process; NULL: there is none.
 */
struct geo *node_place(const char *state, struct steer_site *site);
struct geo *node_place_of(struct store *serving, struct steer_site *site);

/* The contents of the running nameserver's geography databases (GEOGRAPHY_* of lists.h); all if none runs. */
unsigned node_geography(const char *state);
unsigned node_geography_of(struct store *serving);

/* Read the store of the verdicts (S90: by config, a transaction or NULL); NULL if there is none. End it with
 * store_abort and store_close, which take NULL. */
struct store_txn *node_verdicts(const char *state, struct store_txn *config, struct store **store);

/* The same of the serving store. */
struct store_txn *node_serving(const char *state, struct store **store);

/*
 * The signatures of this node (S100). Both transactions are NULL if there are none. A second reader of the
 * process waits until the first one closes, because LMDB forbids to open a store twice.
 */
struct node_signatures {
	bool open; /* starts as {0}: then closing does nothing */
	struct store *stores[2];
	struct store_txn *signatures, *sets;
};
void node_signatures_read(const char *state, struct node_signatures *out);
void node_signatures_close(struct node_signatures *all);

#endif
