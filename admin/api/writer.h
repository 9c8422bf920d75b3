/*
 * writer.h -- a thread that does one call after the other, because the loop must not wait: for the lock of
 * the store and the disk (changes), or for what takes long (lists of objects, dry runs, whatif, doctor,
 * backup). The text of a reply that was read is written here, too.
 *
 * A call is given to the writer and comes back through done, on the loop, with its reply. All functions are
 * for the thread of the loop.
 */
#ifndef API_WRITER_H
#define API_WRITER_H

#include "admin/api/options.h"
#include "admin/api/route.h"

enum { WRITER_WAITING_MAX = 64 };

struct event_base;
struct writer;

typedef void writer_done_fn(void *arg, struct call *call);

/*
 * The thread runs, and is sealed by seal (if it is not NULL), when this returns. options must outlive it.
 */
struct writer *writer_new(
    struct event_base *base, const struct options *options, void (*seal)(void), writer_done_fn *done);
/* Wait for the call in progress, and drop those that wait. Accepts NULL. */
void writer_free(struct writer *writer);

/* Hand a call over; arg is for done. False if too many wait: the call stays the caller's. */
bool writer_take(struct writer *writer, struct call *call, const struct route *route,
    const struct change_stores *stores, void *arg);
/* How many calls wait or are in progress. */
unsigned writer_waiting(const struct writer *writer);

#endif
