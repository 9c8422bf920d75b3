/*
 * dnssec.h -- the octets of DNSSEC: what a signature covers, RRSIG, NSEC and DNSKEY records (RFC 4034).
 *
 * Nothing here knows a key or makes a signature; signer/ does. Signatures are found by content: signed_hash()
 * is equal for equal RRsets, so that an answer and its signature cannot disagree (S100). Pure functions, any
 * thread, no allocation except in signed_data().
 */
#ifndef DNSSEC_H
#define DNSSEC_H

#include "zones/dns/name.h"
#include "zones/dns/rrset.h"

enum dnssec_algorithm { ALGORITHM_RSASHA256 = 8, ALGORITHM_ECDSAP256 = 13, ALGORITHM_ED25519 = 15 };

enum {
	RRSIG_FIXED = 18,                  /* octets of RDATA before the signer's name */
	RR_FIXED = 12,                     /* a record's owner 0xC00C, type, class, TTL and length */
	SIGNATURE_OCTETS = 64,             /* of ECDSA P-256 (RFC 6605 4) and of Ed25519 (RFC 8080 4) */
	SIGNATURES_MAX = 4,                /* of one RRset at once; a rollover needs two */
	DATA_KEYS_MAX = 3,                 /* keys that sign the data of a zone at once */
	PROVIDER_KEYS_MAX = 8,             /* keys of other providers (S110) */
	DNSKEY_SEP = 1,                    /* flag: a key that a DS refers to (RFC 4034 2.1.1) */
	DNSKEY_REVOKE = 0x80,              /* flag (RFC 5011) */
	DNSKEY_ZONE = 0x100,               /* flag: a key of a zone */
	DNSKEY_MAX = 4 + 64,               /* octets of RDATA */
	DS_OCTETS = 4 + 32,                /* of RDATA with a SHA-256 digest (RFC 4509) */
	NSEC_MAX = NAME_MAX_LEN + 256 * 34 /* octets of RDATA */
};

/* The name of a key in its zone. */
struct key_id {
	uint8_t algorithm; /* 0: no key */
	uint16_t key_tag;
};

static inline bool
key_id_same(const struct key_id *a, const struct key_id *b)
{
	return a->algorithm == b->algorithm && a->key_tag == b->key_tag;
}

/* RDATA of the DNSKEY of a key that another provider signs with (RFC 8901). */
struct public_key {
	uint16_t len;
	uint8_t dnskey[DNSKEY_MAX];
};

/* One signature without the parts that follow from the RRset (type, labels, TTL, signer's name). */
struct signature {
	uint8_t algorithm;
	uint16_t key_tag;
	uint32_t inception, expiration; /* seconds since 1970, modulo 2^32 (RFC 4034 3.1.5) */
	uint8_t octets[SIGNATURE_OCTETS];
};

/* An RRset as a signature covers it. */
struct signed_set {
	const uint8_t *owner; /* absolute, lower case; a wildcard as it is in the zone */
	const uint8_t *apex;  /* lower case */
	struct rrset rrset;   /* its records as the store has them */
};

/* A hash of the owner, type, TTL and records. For rows of the store only: its key is known to everybody. */
uint64_t signed_hash(const struct signed_set *set);

/* RFC 4034 3.1.3: labels of an owner, without the root and without "*". */
uint8_t signed_labels(const uint8_t *owner);

/* Octets of one RRSIG record with the owner 0xC00C. */
static inline size_t
rrsig_octets(size_t apex_len)
{
	return RR_FIXED + RRSIG_FIXED + apex_len + SIGNATURE_OCTETS;
}

/* The parts of an RRset that an RRSIG repeats. */
struct rrsig_covers {
	const uint8_t *apex;
	size_t apex_len;
	uint16_t type;
	uint8_t labels;
	uint32_t ttl; /* original TTL, and that of the record */
};

/* Write a whole record with the owner 0xC00C. Returns its octets. */
size_t rrsig_write(uint8_t *out, const struct rrsig_covers *covers, const struct signature *signature);
/* The same from the type on, after an owner that the caller writes, and with another TTL of the record. */
void rrsig_write_after_owner(
    uint8_t *out, const struct rrsig_covers *covers, uint32_t ttl, const struct signature *signature);

/*
 * The octets that are signed (RFC 4034 3.1.8.1): RDATA of the RRSIG without the signature, then the RRset in
 * canonical form and order (6.2, 6.3). The caller frees the result. *len is its length.
 */
uint8_t *signed_data(const struct signed_set *set, const struct signature *signature, size_t *len);

/* RFC 4034 appendix B. */
uint16_t dnskey_tag(const uint8_t *rdata, size_t len);

/* The types of a node, for the bitmap of its NSEC. */
struct type_set {
	uint8_t bits[8192];
	uint16_t last; /* the largest window that is not empty */
};
void type_set_clear(struct type_set *types);
void type_set_add(struct type_set *types, uint16_t type);
void type_set_remove(struct type_set *types, uint16_t type);

/*
 * RFC 4034 4.1: RDATA of an NSEC. next is relative to the apex, in lower case, without the root label.
 * Returns the octets written to out (at most NSEC_MAX).
 */
size_t nsec_write(
    uint8_t *out, const uint8_t *next, size_t next_len, const uint8_t *apex, const struct type_set *types);

#endif
