/*
 * records.h -- Cloudflare's routes for DNS records: those that read, and the search for a record by its id.
 */
#ifndef API_RECORDS_H
#define API_RECORDS_H

#include "admin/api/record_shape.h"
#include "admin/api/route.h"

enum {
	RECORDS_PAGE = 100,
	RECORDS_PAGE_MAX = 5000,
	RECORDS_ORDER_MAX = 100000 /* more records than this are not sorted by ?order= */
};

route_read_fn records_list, records_get, records_export;
change_fn records_create, records_replace, records_patch, records_delete, records_batch, records_import;

/* Does a list look at one name only, and not at the whole zone? */
bool records_list_is_short(const struct call *call);

/*
 * Find the record of a zone that has this id. Its octets point into the transaction; free its note. The zone
 * must live as long.
 */
bool records_find(struct store_txn *txn, const struct zone_info *zone, const char *id, struct record *record);

#endif
