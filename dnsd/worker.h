/*
 * worker.h -- the threads that answer: one UDP thread for each socket, one TCP thread for each listener.
 */
#ifndef DNSD_WORKER_H
#define DNSD_WORKER_H

#include "dnsd/listen.h"
#include "dnsd/serve.h"
#include "dnsd/tcp.h"
#include "dnsd/view.h"

struct workers;
struct tls;

/* Start all threads, with room to count so many pairs of load balancer and origin.  NULL with problems
 * filled.  tls is for listeners that want it.  All of these stay the
 * caller's. */
struct workers *workers_start(struct listener *listeners, size_t count, const struct tcp_limits *limits,
    const struct serve_settings *settings, struct tls *tls, struct views *views, size_t pairs,
    struct problems *problems);

/* What the threads counted, one tally each. */
size_t workers_count(const struct workers *workers);
const struct tally *workers_tally(const struct workers *workers, size_t i);

/* Make room in the tallies for so many pairs of load balancer and origin; a thread that answers may run.  One
 * thread.  False if memory is exhausted. */
bool workers_make_room(struct workers *workers, size_t pairs);

/*
 * Another process reads the sockets by now.  UDP threads end between two batches, and what waits is left to
 * the other one; TCP threads act as tcp_leave() says.  notify is a descriptor of eventfd(2), written when
 * there is a parcel to fetch and when the last thread has given away what it could at once.
 */
void workers_leave(struct workers *workers, int notify);
/* A connection that was given away, to be freed by the caller; NULL: none. */
struct parcel *workers_fetch(struct workers *workers);
bool workers_have_left(struct workers *workers);
/* How many connections are open. */
unsigned workers_connections(const struct workers *workers);
/* Serve a connection that another process gave away.  The parcel belongs to the workers from now on. */
void workers_adopt(struct workers *workers, struct parcel *parcel);

/* Let every thread answer what is queued, and wait for it to end. */
void workers_stop(struct workers *workers);
void workers_free(struct workers *workers);

#endif
