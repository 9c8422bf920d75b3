/*
 * record_check.h -- the errors and warnings of one record: the checks of a master file
 * for `record`.
 */
#ifndef RECORD_CHECK_H
#define RECORD_CHECK_H

#include "admin/edit/change.h"
#include "admin/edit/rrset_edit.h"

/* The place of a record. */
struct record_place {
	struct zone_info zone;
	uint8_t name[NAME_MAX_LEN]; /* lower case */
	char host[NAME_MAX_TEXT];   /* the same as text */
	uint8_t key_octets[NAME_MAX_KEY];
	size_t key_len;
};

/* May a record of this type be written here at all (S33)?  Errors in change->problems. */
void record_check_type(struct change *change, uint16_t type);
/* May it be added beside what the owner has (RFC 1034 3.6.2, RFC 2181 10.1, RFC 6672 2.4)? */
void record_check_beside(struct change *change, const struct record_place *place, uint16_t type,
    const struct owner_rrsets *rrsets);

/* Warnings, after the edit: the record is hidden, hides others, or lacks something (S6, S7, S9). */
void record_warn_added(
    struct change *change, const struct record_place *place, uint16_t type, bool first, const uint8_t *rdata);
void record_warn_deleted(struct change *change, const struct record_place *place);

#endif
