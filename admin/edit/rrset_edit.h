/*
 * rrset_edit.h -- the RRsets of one owner, and the value of an RRset with a record more or less.
 */
#ifndef RRSET_EDIT_H
#define RRSET_EDIT_H

#include "zones/state/config.h"

/* All RRsets of one owner; they point into the transaction and are good until it is written to. */
struct owner_rrsets {
	struct rrset *items;
	size_t count;
};
void owner_rrsets_read(
    struct owner_rrsets *rrsets, struct store_txn *txn, uint32_t zone, const struct bytes *owner_key);
void owner_rrsets_free(struct owner_rrsets *rrsets);
const struct rrset *owner_rrsets_find(const struct owner_rrsets *rrsets, uint16_t type);

/* A value of rrset.h in the making: room for any RRset and one record more.  Starts with value_begin. */
struct value {
	uint8_t *octets; /* the caller frees */
	size_t len;      /* 0 after value_end without records: an RRset without records is none */
	uint16_t count;
};
void value_begin(struct value *value);
void value_add(struct value *value, const uint8_t *rdata, uint16_t len);
void value_end(struct value *value, uint8_t flags, uint32_t ttl);

/* The records of rrset (or NULL) and this one, in order.  Returns false if it exists already: then value has
 * them unchanged. */
bool value_with(
    struct value *value, const struct rrset *rrset, uint16_t type, const uint8_t *rdata, uint16_t len);
/* The records of rrset without this one.  Returns false if it did not exist. */
bool value_without(struct value *value, const struct rrset *rrset, const uint8_t *rdata, uint16_t len);

/* Has the RRset the record? */
bool rrset_has(const struct rrset *rrset, const uint8_t *rdata, uint16_t len);

/* The data of one record in presentation form; freed by the caller. */
char *rdata_text(uint16_t type, const uint8_t *rdata, uint16_t len);
/* "www.example.com A 192.0.2.1"; likewise. */
char *record_text(const uint8_t *owner, uint16_t type, const uint8_t *rdata, uint16_t len);

#endif
