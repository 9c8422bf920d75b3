/* following.h -- a store that the publisher follows, and whether there is something new in it. Its thread. */
#ifndef DNSD_FOLLOWING_H
#define DNSD_FOLLOWING_H

#include "zones/store/store.h"

struct followed {
	enum store_kind kind;
	struct store *store;
	bool anew;         /* read it completely: it was opened or replaced */
	bool again;        /* the newest transaction was not visible yet: read again in 1 ms */
	bool lost;         /* it is gone or damaged: nothing can be read */
	bool said;         /* its failure was logged */
	bool asked;        /* read it although it did not change: the configuration has new endpoints */
	uint64_t retry_ms; /* not before this time, because the last compile failed */
};

/* Is there something to read?  Opens the store of a state directory if it is new or was replaced. */
bool following_news(struct followed *followed, const char *state);
/* Look for a store that was not there the last time at once, and not after a second. */
void following_hurry(struct followed *followed);
/* Call this after a transaction was read. */
void following_look_again(struct followed *followed);

#endif
