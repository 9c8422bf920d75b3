/*
 * publisher.h -- the thread that follows the stores: it compiles what changed, publishes it, and says in the
 * serving store what is answered.
 *
 * From a commit to the answers of all workers: p99 10 ms at most.
 */
#ifndef DNSD_PUBLISHER_H
#define DNSD_PUBLISHER_H

#include "dnsd/view.h"
#include "zones/base/problem.h"
#include "zones/compile/compile.h"

struct publisher;

struct publisher_options {
	const char *state;     /* directory */
	const char *listeners; /* for the serving store, and these: */
	const char *geoip;     /* paths, one a line */
	const struct steer_site *site;
	unsigned wait_health_ms; /* S29 */
	int ready_fd;            /* one octet is written here when answering may begin */
	bool quiet;              /* do not say what is answered before publisher_announce() */
};

/*
 * Open the serving store, unless quiet (refused where another nameserver holds it), and start the thread.
 * NULL with problems filled.  The views stay the caller's.
 */
struct publisher *publisher_start(
    const struct publisher_options *options, struct views *views, struct problems *problems);

/* Open the serving store and say from now on what is answered.  False with problems filled. */
bool publisher_announce(struct publisher *publisher, struct problems *problems);
/*
 * Say no more of what is answered, and close the serving store as it is: another process will go on.  The
 * views are still kept new.  Returns the generation that is answered at least.
 */
uint64_t publisher_yield(struct publisher *publisher);
/* The descriptor of the serving store's lock, which stays the publisher's; -1: there is none. */
int publisher_lock(struct publisher *publisher);

/* End the thread; the views keep what was published last. */
void publisher_stop(struct publisher *publisher);
/* After all readers of the views are gone. */
void publisher_free(struct publisher *publisher);

/* What the metrics page shows of it; any thread. */
struct publisher_report {
	uint64_t generation, epoch;
	uint64_t compiles, errors; /* of the configuration */
	uint64_t health_publications;
	uint64_t compile_ns_last, compile_ns_max;
	size_t unknown; /* endpoints */
	size_t waiting; /* things retired and not yet free */
	bool config_seen, health_seen;
	bool monitor_dead;            /* S25 */
	uint64_t monitor_beat_age_ms; /* where health_seen */
	struct compiled_counts counts;
};
void publisher_report(struct publisher *publisher, struct publisher_report *report);

/* What the databases of places that are in use know (GEOGRAPHY_*), for the serving store.  Any thread. */
void publisher_set_geography(struct publisher *publisher, unsigned bits);

/* How many pairs of load balancer and origin there are to count, as long as the configuration is not of
 * *generation (which becomes that of the configuration); 0: it is, or none is known yet.  Any thread. */
size_t publisher_pairs(struct publisher *publisher, uint64_t *generation);

/* S28 (compile.h), under the publisher's lock; any thread. */
void publisher_status(struct publisher *publisher, const struct compiled_status *status);

/* Names behind the numbers of tallies (compile.h); any thread. */
bool publisher_lb_name(struct publisher *publisher, uint32_t number, const char **name);
bool publisher_origin_name(
    struct publisher *publisher, uint32_t number, const char **pool, const char **address);

#endif
