/*
 * rrset.h -- an RRset as the store keeps it, and the DNS constants that several rooms need.
 *
 * The value of a row of `zones`: flags (1 octet), TTL (4), count (2), then length (2) and rdata of
 * each record.  The records are unique and in canonical order (RFC 4034 6.3: sorted by their octets), so
 * equal RRsets have equal values.  Names inside rdata are uncompressed and keep their case.
 */
#ifndef RRSET_H
#define RRSET_H

#include "zones/base/arena.h"
#include "zones/base/util.h"

enum rr_type {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_HINFO = 13,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_DNAME = 39,
	TYPE_OPT = 41,
	TYPE_APL = 42,
	TYPE_DS = 43,
	TYPE_RRSIG = 46,
	TYPE_NSEC = 47,
	TYPE_DNSKEY = 48,
	TYPE_NSEC3 = 50,
	TYPE_NSEC3PARAM = 51,
	TYPE_CDS = 59,
	TYPE_CDNSKEY = 60,
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	TYPE_TKEY = 249,
	TYPE_TSIG = 250,
	TYPE_IXFR = 251,
	TYPE_AXFR = 252,
	TYPE_MAILB = 253,
	TYPE_MAILA = 254,
	TYPE_ANY = 255
};

enum rr_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };

enum {
	RRSET_BY_RECORD = 1,        /* flag: written by `graycloud record` or the API */
	RRSET_AUTOMATIC = 2,        /* flag: the API chose the TTL */
	RRSET_HEAD = 7,             /* octets of a value before its first record */
	RRSET_TTL_MAX = 2147483647, /* RFC 2181 8 */
	RRSET_ANSWER_MAX =
	    64512 /* maximum octets of an RRset in a message; leaves room for header, question and OPT */
};

/* How many octets the records of a value take in a message: each has a compressed owner, type, class, TTL and
 * length. */
static inline size_t
rrset_answer_len(size_t value_len, unsigned count)
{
	return value_len - RRSET_HEAD + 10u * count;
}

/* A decoded view of a value; points into it. */
struct rrset {
	uint16_t type;
	uint8_t flags;
	uint16_t count;
	uint32_t ttl;
	const uint8_t *records; /* count times length (2 octets) and rdata */
	size_t len;             /* of records, in octets */
};

/* Decode a value.  Returns false if it is damaged; do not use rrset then. */
bool rrset_decode(struct rrset *rrset, uint16_t type, const void *value, size_t len);

/* Iterate over the records: start with *at = rrset->records.  Returns the rdata and its length. */
static inline const uint8_t *
rrset_next(const uint8_t **at, uint16_t *rdlen)
{
	const uint8_t *rdata = *at + 2;

	*rdlen = get16(*at);
	*at = rdata + *rdlen;
	return rdata;
}

/*
 * One line of a zone: owner in lower case, type, and the value above.  A zone is an array of lines
 * in the order of the store's keys.
 */
struct zone_row {
	uint8_t *key; /* name_to_key of the owner, then type (2 octets) */
	size_t key_len;
	uint8_t *value;
	size_t value_len;
};

/* A whole zone outside the store, as zonefile builds it from a master file. */
struct zone_data {
	uint8_t apex[256]; /* lower case */
	uint32_t serial;
	struct zone_row *rows;
	size_t count;
	struct arena arena; /* holds the keys and values of the rows */
};

void zone_data_free(struct zone_data *data);

#endif
