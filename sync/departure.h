/*
 * departure.h -- S96: a node that was detached deletes its beat, its votes and its sticky pins from the
 * engine, so that the others do not keep them.
 *
 * Another machine may have joined under its name meanwhile. So the rows are deleted only if no beat under
 * that name came for three seconds, and none between (leavers.h). While the engine cannot be reached it is
 * tried again, at another member each time. One thread.
 */
#ifndef DEPARTURE_H
#define DEPARTURE_H

#include "sync/options.h"
#include "zones/state/membership.h"

struct event_base;
struct departure;

/* options must outlive the result; it names an engine. NULL if libcurl cannot start. */
struct departure *departure_new(
    struct event_base *base, const struct options *options, const struct membership *detached);
/* Accepts NULL. */
void departure_free(struct departure *departure);
/* Call it each second. */
void departure_look(struct departure *departure);

#endif
