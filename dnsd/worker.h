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

/* Let every thread answer what is queued, and wait for it to end. */
void workers_stop(struct workers *workers);
void workers_free(struct workers *workers);

#endif
