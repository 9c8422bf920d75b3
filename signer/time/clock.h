/*
 * clock.h -- does the clock of this machine tell the time? (S106)
 *
 * Signatures of a clock that is wrong end too early, or have not begun yet: everybody who validates refuses
 * them. So nothing is signed while the clock is behind the newest signature, or after it was moved beside the
 * clock that counts since the boot, until it is right again or a person says that it is.
 *
 * One thread.
 */
#ifndef SIGNER_CLOCK_H
#define SIGNER_CLOCK_H

#include "zones/store/store.h"

enum { CLOCK_TEXT = 200 };

/* Starts as {0}. */
struct clock_watch {
	bool begun, known;
	int64_t ahead_ms;   /* of the clock, before that since the boot, at the last look that was good */
	int64_t written_ms; /* that of the row */
	bool written;
	int64_t told; /* by how many minutes it was moved, as the last sentence has it */
};

/* Read what an earlier signer knew in this boot; trust: forget it, because a person said that the clock is
 * right. */
void clock_watch_begin(struct clock_watch *watch, struct store_txn *sets, bool trust);
/*
 * Returns NULL, or why nothing may be signed now, written to text. newest: when the newest signature was
 * made, seconds since 1970; 0: there is none, or it proves nothing. If something is signed then, call
 * clock_watch_accept.
 */
const char *clock_watch_look(struct clock_watch *watch, uint32_t newest, char text[CLOCK_TEXT]);
/* From now on the clock may not be moved. */
void clock_watch_accept(struct clock_watch *watch);
/* The clock is wrong: it may be moved. */
void clock_watch_forget(struct clock_watch *watch);
/*
 * In a boot in which the clock was not accepted yet: returns by how many days it is ahead of the last time
 * that is known, seconds since 1970; 0: it is not.
 */
int64_t clock_watch_ahead(const struct clock_watch *watch, uint32_t last);
/* Once a second: follow small corrections, and write the row when it has changed. */
int clock_watch_write(struct clock_watch *watch, struct store_txn *sets);

#endif
