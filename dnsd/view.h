/*
 * view.h -- the one pointer by which answers change while queries run.
 *
 * One publisher stores a snapshot and raises the epoch; threads that answer hold a slot each.  What was
 * retired at epoch e is freed when every slot shows 0 (its thread is blocked) or at least e: a blocked worker
 * neither pins memory nor answers from the past.
 */
#ifndef DNSD_VIEW_H
#define DNSD_VIEW_H

#include "zones/answer/snapshot.h"

#include <stdatomic.h>

enum { VIEW_SLOTS_MAX = 1024 };

/* A thread's place, in a cache line of its own. */
struct view_slot {
	_Alignas(64) _Atomic uint64_t epoch;
};

struct views;

struct views *views_new(void);
/* When no thread answers any more. */
void views_free(struct views *views);

/* A slot for the calling thread; NULL when all are taken.  It is never given back. */
struct view_slot *views_slot(struct views *views);

/*
 * After a thread received something: the view to answer it from, good until view_leave.  NULL before the
 * first publication.
 */
const struct snapshot *view_enter(struct views *views, struct view_slot *slot);
/* Before the thread blocks. */
void view_leave(struct view_slot *slot);

/* The publisher: make snapshot the view (NULL: the same one, but tables in its slots changed).  Returns the
 * new epoch. */
uint64_t views_publish(struct views *views, const struct snapshot *snapshot);
uint64_t views_epoch(const struct views *views);
/*
 * Any thread but one that answers: wait until no thread that answers holds anything that it could reach
 * before this call.  Batches last microseconds, and so does this.
 */
void views_synchronize(struct views *views);

/* The publisher, after views_publish: what that replaced.  For compiler_retire. */
struct retire views_retire(struct views *views);
/* The publisher, now and then: free what no slot can hold.  Returns how many things still wait. */
size_t views_reclaim(struct views *views);

#endif
