/*
 * worker.h -- the threads that answer: one UDP thread for each socket, one TCP thread for each listener.
 */
#ifndef DNSD_WORKER_H
#define DNSD_WORKER_H

#include "dnsd/epoch.h"
#include "dnsd/listen.h"
#include "dnsd/serve.h"
#include "dnsd/tcp.h"

struct workers;
struct tls;

/* Start all threads, with room to count that many pairs of load balancer and origin.  tls is for listeners
 * that need it.  The caller keeps all arguments. Returns NULL with problems filled. */
struct workers *workers_start(struct listener *listeners, size_t count, const struct tcp_limits *limits,
    const struct serve_settings *settings, struct tls *tls, struct epochs *epochs, size_t pairs,
    struct problems *problems);

/* The counters of the threads, one tally each. */
size_t workers_count(const struct workers *workers);
const struct tally *workers_tally(const struct workers *workers, size_t i);

/* Make room in the tallies for that many pairs of load balancer and origin, while threads answer.  Only one
 * thread may call it.  Returns false if memory is exhausted. */
bool workers_make_room(struct workers *workers, size_t pairs);

/*
 * Another process already reads the sockets.  UDP threads end between two batches, and the other process
 * handles the queue; for TCP threads see tcp_leave().  notify is a descriptor of eventfd(2), written when
 * there is a parcel to fetch and when the last thread has handed over all connections that it could at once.
 */
void workers_leave(struct workers *workers, int notify);
/* A connection to hand over, which the caller frees, or NULL. */
struct parcel *workers_fetch(struct workers *workers);
bool workers_have_left(struct workers *workers);
/* The number of open connections. */
unsigned workers_connections(const struct workers *workers);
/* Serve a connection of another process.  The workers own the parcel from now on. */
void workers_adopt(struct workers *workers, struct parcel *parcel);

/* Let every thread answer the queued queries, and wait for its end. */
void workers_stop(struct workers *workers);
void workers_free(struct workers *workers);

#endif
