/*
 * surroundings.h -- a name among the zones: the records that matter to a load balancer at it (S7, S9).
 */
#ifndef SURROUNDINGS_H
#define SURROUNDINGS_H

#include "zones/state/config.h"

struct surroundings {
	struct zone_info zone; /* the deepest that encloses the name */
	/* TYPE_NS: the name is at or below a delegation; TYPE_DNAME: below a DNAME; 0: nothing hides it. */
	uint16_t hidden_by;
	uint8_t hidden_at[NAME_MAX_LEN + 1]; /* the owner of that NS or DNAME */
	uint16_t
	    replaced[3]; /* types at the name that a load balancer answers itself: A, AAAA, CNAME; 0: none */
	bool hints;      /* an HTTPS or SVCB record at the name has address hints (S9) */
};

/* Returns false if no zone encloses the name; name is in wire form. */
bool surroundings_find(struct store_txn *txn, const uint8_t *name, struct surroundings *place);

/*
 * Does an NS record of the zone point to the name?  The first question walks the whole zone; the answers for
 * the other names of the same zone come from cache, which starts as {0} and is good for one edit whose zones
 * are loaded.
 */
struct surroundings_nameservers {
	uint32_t zone;                  /* numbers begin with 1 */
	uint8_t (*names)[NAME_MAX_LEN]; /* sorted, lower case, filled up with zeros */
	size_t count;
};
bool surroundings_is_nameserver(struct store_txn *txn, const struct zone_info *zone, const uint8_t *name,
    struct surroundings_nameservers *cache);
void surroundings_nameservers_free(struct surroundings_nameservers *cache);

/* All load balancers of zones for which wanted returns true, by name.  Stops if fn returns false.
 */
typedef bool surroundings_lb_fn(void *arg, const char *name, const struct surroundings *place);
void surroundings_each_lb(struct store_txn *txn, bool (*wanted)(void *arg, const struct zone_info *zone),
    surroundings_lb_fn *fn, void *arg);

#endif
