/* followed.h -- a store that the signer reads, and whether there is something new in it. */
#ifndef SIGNER_FOLLOWED_H
#define SIGNER_FOLLOWED_H

#include "zones/store/store.h"

struct followed {
	enum store_kind kind;
	struct store *store; /* NULL: it does not exist yet */
	bool anew;           /* it was opened or replaced: read all of it */
	bool again;          /* look at it in 1 ms */
	uint64_t retry_ms;
};

/* Open the store of a state directory if it is not open. Is there something to read? */
bool followed_news(struct followed *followed, const char *state);
/* After a read: did it change meanwhile? */
void followed_look_again(struct followed *followed);

#endif
