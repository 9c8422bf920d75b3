/*
 * imported.h -- what graycloud-signer took of a zone whose keys are on another node (S109).
 *
 * signer, in signatures/: "imported", zone (4) -> struct imported; in sets/: the same -> struct
 * imported_sets. Each store has what it has taken, so that one that was lost is known to lack it. A zone
 * without the row in signatures/ has its keys here, or waits for them.
 */
#ifndef IMPORTED_H
#define IMPORTED_H

#include "zones/state/shipment.h"

/* How a fault begins that stays if the sender begins again. */
#define IMPORTED_OTHER_KEYS "a shipment from another node without any of the keys that are known here"

struct imported {
	uint64_t identity, news, singles;
	int64_t made_ms;  /* when the newest shipment was made there; 0: none came yet */
	int64_t taken_ms; /* when the newest one that had something new was taken, wall clock */
	char fault[200];  /* why the last one was refused; "": it was not */
};

struct imported_sets {
	uint64_t identity, sets;
	int64_t
	    taken_ms; /* when the newest shipment was taken, wall clock; 0: none since this store exists */
	int64_t due, end; /* when the first signature should have been renewed, and ends: seconds since 1970;
			     0: none */
	uint64_t lacking; /* signatures that the newest configuration needs and that are not here */
};

/* False, and empty, if there is no row. */
bool imported_get(struct store_txn *signatures, uint32_t zone, struct imported *out);
int imported_put(struct store_txn *signatures, uint32_t zone, const struct imported *in);
bool imported_sets_get(struct store_txn *sets, uint32_t zone, struct imported_sets *out);
int imported_sets_put(struct store_txn *sets, uint32_t zone, const struct imported_sets *in);
/* Forget the row, of either store. Returns 1 if there was one, or a negative errno. */
int imported_delete(struct store_txn *txn, uint32_t zone);

/* The state of both rows together. */
struct shipment_state imported_state(const struct imported *imported, const struct imported_sets *sets);

#endif
