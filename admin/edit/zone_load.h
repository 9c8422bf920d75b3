/*
 * zone_load.h -- zones into the configuration and out of it, for `zone` and for `apply` and `export`.
 */
#ifndef ZONE_LOAD_H
#define ZONE_LOAD_H

#include "admin/edit/change.h"

/* The result of loading one zone. */
struct zone_loaded {
	struct zone_info zone; /* as it is now */
	bool existed;
	size_t rrsets;
	struct zone_difference difference;
};

/*
 * Make the zone of data's name equal to data.  Warns if data changed and the serial did not rise (S33), and
 * of records that were added by `record` and are not in file, which only names the data's origin.
 */
void zone_load_put(
    struct change *change, const struct zone_data *data, const char *file, struct zone_loaded *loaded);

/*
 * After all zones: warn of load balancers that a delegation or DNAME of these zones hides (S7), and of
 * address hints at the names of load balancers (S9).
 */
void zone_load_warn(struct change *change, const struct zone_loaded *loaded, size_t count);

/*
 * Write a zone as a master file, the SOA first. False if out cannot be written, with errno.
 */
bool zone_load_write(FILE *out, struct store_txn *txn, const struct zone_info *zone);
/* The same as text; freed by the caller. */
char *zone_load_text(struct store_txn *txn, const struct zone_info *zone);

/* Find a zone by its name: text with or without the final dot.  False with an error in
 * problems. */
bool zone_load_find(
    struct store_txn *txn, const char *name, struct zone_info *zone, struct problems *problems);

#endif
