/*
 * referral.h -- the answers of nameservers about a zone: the delegation at its parent, its SOA at its own
 * nameservers, and names and addresses at a resolver.
 *
 * Pure: octets in, facts out.  The messages come from strangers.
 */
#ifndef REFERRAL_H
#define REFERRAL_H

#include "zones/base/address.h"
#include "zones/dns/name.h"
#include "zones/dns/rrset.h"

/* Names with addresses, of nameservers. */
struct nameserver {
	uint8_t name[NAME_MAX_LEN]; /* lower case */
	struct address *addresses;
	size_t naddresses;
};
struct nameservers {
	struct nameserver *list;
	size_t count;
	uint32_t ttl; /* of the NS records of a delegation, in seconds */
};
/* The one with this name, or NULL; and the same, which is added if it does not exist. */
struct nameserver *nameservers_find(const struct nameservers *all, const uint8_t *name);
struct nameserver *nameservers_add(struct nameservers *all, const uint8_t *name);
/* Once each. */
void nameserver_add_address(struct nameserver *nameserver, const struct address *address);
bool nameserver_has(const struct nameserver *nameserver, const struct address *address);
/*
 * RRsets of a zone that is stored here (config_row_fn): arg is a struct nameservers, which gets the names of
 * NS records, or a struct nameserver, which gets the addresses of A and AAAA.
 */
bool nameservers_add_ns(void *arg, struct bytes owner_key, const struct rrset *rrset);
bool nameserver_add_data(void *arg, struct bytes owner_key, const struct rrset *rrset);
void nameservers_free(struct nameservers *all);

enum delegation_kind {
	DELEGATION_UNKNOWN,  /* not readable, or an rcode without information */
	DELEGATION_ABSENT,   /* the parent has no such delegation */
	DELEGATION_REFERRAL, /* RFC 1034 4.2.1, 4.3.2: NS records in the authority section, no AA */
	DELEGATION_HIDDEN    /* the server has the zone itself, and answers from that */
};

/* The answer of one of the parent's nameservers to the NS of a zone; referral is filled with names and glue.
 */
enum delegation_kind delegation_read(
    const uint8_t *octets, size_t len, const uint8_t *zone, struct nameservers *referral);

/* The data of each DS record of the zone. False, without a call, if the answer says nothing about them. */
typedef void ds_fn(void *arg, struct bytes data);
bool ds_read(const uint8_t *octets, size_t len, const uint8_t *zone, ds_fn *fn, void *arg);

/* NS records that a resolver answers for exactly this name; false if there are none. */
bool ns_read(const uint8_t *octets, size_t len, const uint8_t *name, struct nameservers *found);

/* Addresses (A or AAAA) in an answer, after any CNAMEs. */
void addresses_read(const uint8_t *octets, size_t len, struct nameserver *nameserver);

struct soa_answer {
	bool readable, authoritative, opt;
	bool soa;        /* of this zone, in the answer section */
	unsigned rcode;  /* without the part in the OPT record */
	uint32_t serial; /* if soa */
};
void soa_read(const uint8_t *octets, size_t len, const uint8_t *zone, struct soa_answer *answer);

/* RFC 1982 3.2: below 0 if a is older than b, above 0 if it is newer, 0 if they are equal; serials that are
 * half of the circle apart count as older. */
int serial_compare(uint32_t a, uint32_t b);

#endif
