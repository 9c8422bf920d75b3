/*
 * record_edit.h -- change records of one zone: any number of them in one transaction, with one new serial.
 *
 * Additions and deletions are checked at once against the zone and the changes before them, and written
 * together by record_edit_end. For `record` and for the API.
 */
#ifndef RECORD_EDIT_H
#define RECORD_EDIT_H

#include "admin/edit/record_check.h"

enum { RECORD_TTL_DEFAULT = 3600 };

/*
 * Find the place of owner in the zone. The name is in full without a final dot, as commands and the API name
 * hosts, or relative to the zone, as zone files do: if it lies in the zone when read in full, it is in full.
 * False with an error in problems.
 */
bool record_place_find(
    struct record_place *place, const struct zone_info *zone, const char *owner, struct problems *problems);

/* The serial that follows. RECORD_SERIAL_DATE is YYYYMMDDnn (RFC 1912 2.2). */
enum record_serial {
	RECORD_SERIAL_INCREMENT,
	RECORD_SERIAL_KEEP,
	RECORD_SERIAL_DATE,
	RECORD_SERIAL_UNIXTIME
};

/* A record to create. */
struct record_wish {
	uint16_t type;
	const uint8_t *rdata;
	uint16_t len;
	bool ttl_given; /* false: that of the RRset, or an hour */
	uint32_t ttl;
	bool automatic; /* the API chose the TTL (RRSET_AUTOMATIC) */
};

struct record_edit;
struct record_edit *record_edit_new(struct change *change, const struct zone_info *zone);
void record_edit_free(struct record_edit *edit);

/* The RRsets of an owner, with the changes so far; free them with owner_rrsets_free. */
void record_edit_rrsets(struct record_edit *edit, const struct bytes *owner_key, struct owner_rrsets *rrsets);

enum record_done { RECORD_REFUSED, RECORD_PRESENT, RECORD_TTL_CHANGED, RECORD_ADDED };
/*
 * Add a record, or change the TTL of its RRset. RECORD_REFUSED with errors in change->problems; warns if
 * other records get another TTL (RFC 2181 5.2). The caller has made the checks of record_check.h.
 */
enum record_done record_edit_add(
    struct record_edit *edit, const struct record_place *place, const struct record_wish *wish);
/*
 * Delete one record, or with rdata NULL all of the type, or with type 0 all of the owner but its SOA. Returns
 * the number of RRsets that change; 0: there is no such record.
 */
size_t record_edit_delete(struct record_edit *edit, const struct record_place *place, uint16_t type,
    const uint8_t *rdata, uint16_t len);

/*
 * Write the changes, and warn of unwise ones (record_check.h). *serial is that of the zone
 * afterwards. Returns true if something changed.
 */
bool record_edit_end(struct record_edit *edit, enum record_serial rule, uint32_t *serial);

#endif
