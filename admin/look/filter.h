/*
 * filter.h -- the requested part of `status`, `log` and `events`: pools, load balancers,
 * origins and times.
 *
 * Names are patterns of the shell ("eu*"), in any case.  An origin is its address, its host name or its name;
 * a pattern that is an address is only compared with addresses.
 */
#ifndef FILTER_H
#define FILTER_H

#include "admin/cli/args.h"
#include "admin/look/picture.h"

/* The options, for the table of main.c: after them FILTER_TIMES, if the command has times. */
#define FILTER_OPTIONS "pool lb origin"
#define FILTER_TIMES "since until"

struct filter {
	const char *pool, *lb, *origin; /* patterns, or NULL */
	const char *text;               /* typed while watching, or NULL: see filter_picture */
	int64_t since, until;           /* wall clock, milliseconds: from since on, before until */
};

/* EXIT_USAGE after a sentence if an option has no meaning. */
enum exit_code filter_read(const struct args *args, struct filter *filter);

/*
 * The objects that it names by their whole name, for the viewer; an empty scope if it has only patterns. room
 * takes the address; the scope points into it and into the filter.
 */
struct plan_scope filter_scope(const struct filter *filter, char room[46]);

/* Does it ask for some objects only? */
bool filter_names(const struct filter *filter);
bool filter_time(const struct filter *filter, int64_t wall);

/*
 * Hide objects that the filter excludes; the picture keeps filter.  A pool is shown if it fits, if a load
 * balancer that fits uses it, and if it has an origin that fits; a load balancer if it fits and uses a pool
 * that is shown; only the origins that fit are shown. A time asks for origins whose state began then.  A text
 * fits, in any case, if it is part of the name or the status of a pool or a load balancer, or of the address,
 * name, state or reason of an origin.
 */
void filter_picture(const struct filter *filter, struct picture *picture);

/* Does an origin of a pool fit?  filter_picture has filtered the picture. */
bool filter_origin(const struct filter *filter, const struct picture *picture, const struct pool *pool,
    const struct origin *origin);

/* Has text the text that is asked for? */
bool filter_text(const struct filter *filter, const char *text);

/* Does the filter include this intervention? */
bool filter_intervention(const struct picture *picture, const struct intervention *one);

/* Did the command of this sequence change a load balancer, a pool or an origin that fits? */
bool filter_command(const struct filter *filter, struct store_txn *txn, uint64_t sequence);

#endif
