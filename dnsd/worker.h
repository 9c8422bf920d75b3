/*
 * worker.h -- the threads that answer: one UDP thread for each socket, one TCP thread for each listener.
 */
#ifndef DNSD_WORKER_H
#define DNSD_WORKER_H

#include "dnsd/listen.h"
#include "dnsd/serve.h"
#include "dnsd/view.h"

struct workers;

/* Start all threads.  NULL with problems filled.  The listeners, views and settings stay the caller's. */
struct workers *workers_start(struct listener *listeners, size_t count, const struct serve_settings *settings, struct views *views,
    struct problems *problems);

/* What the threads counted, one tally each. */
size_t workers_count(const struct workers *workers);
const struct tally *workers_tally(const struct workers *workers, size_t i);

/* Let every thread answer what is queued, and wait for it to end. */
void workers_stop(struct workers *workers);
void workers_free(struct workers *workers);

#endif
