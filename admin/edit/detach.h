/*
 * detach.h -- S96: a node leaves its cluster for a time, to stand alone, and returns to it.
 *
 * Detached, a node commits its commands itself and goes by its own monitor. A copy of the configuration of
 * that moment is kept beside the store, because the way back begins there: what both sides did since is a
 * fork. To return, the node takes the copy back and becomes a member again, and graycloud-sync brings the
 * entries of the others. Commands that were given here meanwhile are dropped, or replayed: each is given
 * again as a change that finds what it changed as it was, or is refused.
 */
#ifndef DETACH_H
#define DETACH_H

#include "admin/edit/change.h"
#include "zones/state/membership.h"

/* Stand alone. False with problems filled. */
bool detach_leave(const char *state, struct membership *membership, struct problems *problems);

/* The commands that were given here since, as history.h has them; NULL with problems filled. */
struct json *detach_commands(const char *state, struct problems *problems);
/*
 * Become a member again. If there are commands since, refuse them unless drop or keep is true; with keep they
 * stay in a file for detach_replay.
 */
bool detach_return(
    const char *state, bool drop, bool keep, struct membership *membership, struct problems *problems);

/* The commands that wait for a replay, as history.h has them; an empty list if there are none. */
struct json *detach_waiting(const char *state, struct problems *problems);
/*
 * The change that gives one of them again; arg points to its sequence. It refuses if anything that it changed
 * is not as it was before it.
 */
struct detach_replay {
	struct store_txn *kept; /* of the kept file */
	uint64_t sequence;
};
change_fn detach_replay_one;
/* Open the kept file, for detach_replay_one; NULL: there is none, or problems are filled. */
struct store *detach_open_kept(const char *state, struct problems *problems);
void detach_forget_kept(const char *state);

#endif
