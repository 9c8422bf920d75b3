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
 * All that a picture has, also what is not probed now: a flip of it may stand in the feed.  Points into the
 * picture, which is to live as long; freed by probed_free.
 */
struct probed_table probed_of(const struct picture *picture);
void probed_free(struct probed_table *table);

/* The *count first of the table that an entry stands for, and those behind it; one that nobody probes has
 * none. */
const struct probed *probed_find(
    const struct probed_table *table, const struct endpoint *endpoint, size_t *count);

/* Why: the words of a check's reason, or of what resolvers said; NULL where nothing failed. */
const char *probed_flip_failure(const struct health_flip *flip);

/* "origin eu 192.0.2.1: up -> down: TCP timeout".  Freed by the caller. */
char *probed_flip_text(const struct probed *probed, const struct health_flip *flip);

#endif
