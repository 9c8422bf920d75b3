/*
 * view.h -- the pointer that changes the answers while queries run.
 *
 * One publisher stores a snapshot and raises the epoch; each answering thread has a slot.  An object that was
 * retired at epoch e is freed when every slot shows 0 (its thread is blocked) or at least e: a blocked worker
 * neither keeps memory nor uses old answers.
 */
#ifndef DNSD_VIEW_H
#define DNSD_VIEW_H

#include "zones/answer/snapshot.h"

#include <stdatomic.h>

enum { VIEW_SLOTS_MAX = 1024 };

/* The slot of a thread, in its own cache line. */
struct view_slot {
	_Alignas(64) _Atomic uint64_t epoch;
};

struct views;

struct views *views_new(void);
/* Free it when no thread answers any more. */
void views_free(struct views *views);

/* A slot for the calling thread; NULL if all are in use.  It is never released. */
struct view_slot *views_slot(struct views *views);

/*
 * Call this after a thread received queries: returns the view for them, valid until view_leave.  NULL before
 * the first publication.
 */
const struct snapshot *view_enter(struct views *views, struct view_slot *slot);
/* Call this before the thread blocks. */
void view_leave(struct view_slot *slot);

/* For the publisher: make snapshot the view (NULL: the same one, with changed tables in its slots).  Returns
 * the new epoch. */
uint64_t views_publish(struct views *views, const struct snapshot *snapshot);
uint64_t views_epoch(const struct views *views);
/*
 * Any thread that does not answer: wait until no answering thread uses anything that it could reach before
 * this call.  A batch lasts microseconds, and so does this.
 */
void views_synchronize(struct views *views);

/* For the publisher, after views_publish: retire the replaced objects.  For compiler_retire. */
struct retire views_retire(struct views *views);
/* For the publisher, regularly: free the objects that no slot can hold.  Returns how many still wait. */
size_t views_reclaim(struct views *views);

#endif
