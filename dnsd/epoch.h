/*
 * epoch.h -- the pointer that changes the answers while queries run.
 *
 * One publisher stores a snapshot and raises the epoch; each answering thread has a slot.  An object that was
 * retired at epoch e is freed when every slot shows 0 (its thread is blocked) or at least e: a blocked worker
 * neither keeps memory nor uses old answers.
 */
#ifndef DNSD_EPOCH_H
#define DNSD_EPOCH_H

#include "zones/answer/snapshot.h"

#include <stdatomic.h>

enum { EPOCH_SLOTS_MAX = 1024 };

/* The slot of a thread, in its own cache line. */
struct epoch_slot {
	_Alignas(64) _Atomic uint64_t epoch;
};

struct epochs;

struct epochs *epochs_new(void);
/* Free it when no thread answers any more. */
void epochs_free(struct epochs *epochs);

/* A slot for the calling thread; NULL if all are in use.  It is never released. */
struct epoch_slot *epochs_slot(struct epochs *epochs);

/*
 * Call this after a thread received queries: returns the snapshot for them, valid until epoch_leave.  NULL
 * before the first publication.
 */
const struct snapshot *epoch_enter(struct epochs *epochs, struct epoch_slot *slot);
/* Call this before the thread blocks. */
void epoch_leave(struct epoch_slot *slot);

/* For the publisher: publish snapshot (NULL: the present one, with changed tables in its slots).  Returns
 * the new epoch. */
uint64_t epochs_publish(struct epochs *epochs, const struct snapshot *snapshot);
uint64_t epochs_now(const struct epochs *epochs);
/*
 * Any thread that does not answer: wait until no answering thread uses anything that it could reach before
 * this call.  A batch lasts microseconds, and so does this.
 */
void epochs_synchronize(struct epochs *epochs);

/* For the publisher, after epochs_publish: retire the replaced objects.  For compiler_retire. */
struct retire epochs_retire(struct epochs *epochs);
/* For the publisher, regularly: free the objects that no slot can hold.  Returns how many still wait. */
size_t epochs_reclaim(struct epochs *epochs);

#endif
