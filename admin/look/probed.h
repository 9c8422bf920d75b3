/*
 * probed.h -- describes an entry of the feed of flips: the origins of pools, the address, and the
 * monitor; and its text.
 */
#ifndef PROBED_H
#define PROBED_H

#include "admin/look/picture.h"

/* An origin's address as one monitor probes it, or a hostname as it is resolved. */
struct probed {
	struct endpoint endpoint; /* or name_key() */
	const struct pool *pool;
	const struct origin *origin;
	struct address address; /* of the endpoint; none for the hostname itself */
	const char *monitor;    /* the monitor, if it is one of a group; else NULL */
};

struct probed_table {
	struct probed *list; /* by endpoint; those of one endpoint by pool and origin */
	size_t count;
};

/*
 * All endpoints of a picture, also those that are not probed now: the feed may have flips of them.  Points
 * into the picture, which must live as long; freed by probed_free.
 */
struct probed_table probed_of(const struct picture *picture);
void probed_free(struct probed_table *table);

/* The first of the *count rows of the table that an entry is about; an endpoint that no monitor probes has
 * none. */
const struct probed *probed_find(
    const struct probed_table *table, const struct endpoint *endpoint, size_t *count);

/* The words of a check's reason, or of a resolver's failure; NULL if nothing failed. */
const char *probed_flip_failure(const struct health_flip *flip);

/* "origin eu 192.0.2.1: up -> down: TCP timeout".  Freed by the caller. */
char *probed_flip_text(const struct probed *probed, const struct health_flip *flip);

#endif
