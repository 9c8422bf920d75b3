/*
 * arrivals.h -- states of keys that came from other nodes (key_state.h), until the signer that runs takes
 * them over: a file for each zone, STATE/keys/.arrived/ZONE. Only `graycloud-signer --take-keys` writes them.
 */
#ifndef SIGNER_ARRIVALS_H
#define SIGNER_ARRIVALS_H

#include "signer/rollover/key_state.h"

/* Write the file of a zone, in place of an older one. False with a problem. */
bool arrival_put(const char *state, const struct key_state *key_state, struct problems *problems);
/* Is it there still? */
bool arrival_waits(const char *state, const uint8_t *apex);

/* The files that are there. */
struct arrivals;

struct arrivals *arrivals_new(const char *state);
void arrivals_free(struct arrivals *arrivals);
/* Read the directory. Returns true if a file came since the last time. */
bool arrivals_look(struct arrivals *arrivals);
/* The state of a zone that was found then; NULL: none. It is to be taken over, or logged, now. */
const struct key_state *arrivals_take(struct arrivals *arrivals, const uint8_t *apex);
/* After the commit: delete the files of those. After a failed pass: take them again. */
void arrivals_done(struct arrivals *arrivals);
void arrivals_again(struct arrivals *arrivals);

#endif
