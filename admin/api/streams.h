/*
 * streams.h -- clients that follow events: text/event-stream, as the browsers' EventSource reads it.
 *
 * Each client has a cursor of its own in the feeds of the stores (timeline.h), and its id is in each event,
 * so that a client that comes again with Last-Event-ID has lost nothing. A client gets the next events when
 * it has taken the last ones; one that takes nothing for a while is closed. One thread: that of the loop.
 */
#ifndef API_STREAMS_H
#define API_STREAMS_H

#include "admin/look/picture.h"

enum { STREAMS_MAX = 64, STREAMS_BEAT_S = 15 };

struct event_base;
struct exchange;
struct streams;

/* valid: is the token of this name still a good one? */
struct streams *streams_new(
    struct event_base *base, struct viewer *viewer, bool (*valid)(void *arg, const char *token), void *arg);
/* End all. Accepts NULL. */
void streams_free(struct streams *streams);

/*
 * Follow events from after an id; NULL or "": from now on. Takes the exchange. False if there are too many
 * clients: the exchange stays the caller's.
 */
bool streams_add(struct streams *streams, struct exchange *exchange, const char *id, const char *token);
unsigned streams_count(const struct streams *streams);

#endif
