/*
 * parent_time.h -- the time from outside (S106): a look at the servers of a zone's parent shows from when to
 * when their signatures over its DS hold, and so whether the clock of this machine can be right.
 *
 * Rows of graycloud-signer in the store sets/, which ends with the boot, in the table of the signer:
 * "parent", zone (4)
 * -> struct parent_time; "trusted" -> the id of the boot in which a person said that the clock is right.
 *
 * Use the functions on the thread of the transaction.
 */
#ifndef PARENT_TIME_H
#define PARENT_TIME_H

#include "zones/store/store.h"

/* In the order in which answers of several servers are joined: the last one that was seen is the result. */
enum parent_says {
	PARENT_SILENT,  /* no server of the parent answered */
	PARENT_NOTHING, /* they have no DS of a key of the zone, or no signature over it */
	PARENT_OFF,     /* they have signatures over it, and none holds now */
	PARENT_HOLDS    /* one of these holds now */
};

enum { PARENT_TIME_NAME = 32 };

struct parent_time {
	int64_t at_ms; /* the wall clock at the look */
	uint32_t from,
	    until;    /* the first of these signatures begins, the last one ends: seconds since 1970 */
	uint8_t says; /* enum parent_says */
	char zone[PARENT_TIME_NAME]; /* the name of the zone for people, perhaps cut off */
};

typedef void parent_time_fn(void *arg, uint32_t zone, const struct parent_time *time);
void parent_times_each(struct store_txn *sets, parent_time_fn *fn, void *arg);
int parent_time_put(struct store_txn *sets, uint32_t zone, const struct parent_time *in);
int parent_time_delete(struct store_txn *sets, uint32_t zone);

/* Did a person say in this boot that the clock is right? */
bool clock_trust_get(struct store_txn *sets);
int clock_trust_put(struct store_txn *sets);

#endif
