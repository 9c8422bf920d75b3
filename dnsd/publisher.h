/*
 * publisher.h -- the thread that follows the stores: it compiles changes, publishes them, and writes the
 * state of the nameserver to the serving store.
 *
 * From a commit to the answers of all workers: at most 10 ms (p99).
 */
#ifndef DNSD_PUBLISHER_H
#define DNSD_PUBLISHER_H

#include "dnsd/epoch.h"
#include "dnsd/publisher_options.h"
#include "zones/base/problem.h"
#include "zones/compile/compile.h"

struct publisher;

/*
 * Open the serving store, unless quiet (refused if another nameserver holds it), and start the thread.
 * Returns NULL with problems filled.  The caller keeps epochs.
 */
struct publisher *publisher_start(
    const struct publisher_options *options, struct epochs *epochs, struct problems *problems);

/* S99: take the sticky pins of other nodes into this table, which must outlive the thread. */
void publisher_share_pins(struct publisher *publisher, struct pins *pins);

/* Open the serving store and write it from now on.  Returns false with problems filled. */
bool publisher_announce(struct publisher *publisher, struct problems *problems);
/*
 * Stop writing the serving store and close it unchanged: another process continues.  The snapshots are still
 * kept up to date.  Returns the lowest generation that is answered.
 */
uint64_t publisher_yield(struct publisher *publisher);
/* The descriptor of the serving store's lock, or -1; the publisher still owns it. */
int publisher_lock(struct publisher *publisher);

/*
 * S100: the name of a zone whose signatures are lost, so that it has none; NULL: there is none. The caller
 * frees it.
 */
char *publisher_bare_zone(struct publisher *publisher);

/* End the thread; epochs keeps the last snapshot. */
void publisher_stop(struct publisher *publisher);
/* Free it, after all readers of its snapshots have ended. */
void publisher_free(struct publisher *publisher);

/* Fill the data for the metrics page. Any thread. */
void publisher_report(struct publisher *publisher, struct publisher_report *report);

/* Set the contents of the geography databases in use (GEOGRAPHY_*), for the serving store.  Any thread. */
void publisher_set_geography(struct publisher *publisher, unsigned bits);
/* Set the end of the TLS certificate in use, milliseconds since 1970, for the serving store.  Any thread. */
void publisher_set_certificate(struct publisher *publisher, int64_t until);

/* The number of pairs of load balancer and origin to count, if the configuration is newer than *generation,
 * which is then updated; 0 if it is the same, or none is known yet.  Any thread. */
size_t publisher_pairs(struct publisher *publisher, uint64_t *generation);

/* S28 (compile.h), under the publisher's lock; any thread. */
void publisher_status(struct publisher *publisher, const struct compiled_status *status);

/* Names behind the numbers of tallies (compile.h); any thread. */
bool publisher_lb_name(struct publisher *publisher, uint32_t number, const char **name);
bool publisher_origin_name(
    struct publisher *publisher, uint32_t number, const char **pool, const char **address);

#endif
