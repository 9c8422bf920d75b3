/*
 * signing.h -- the signed parts of a zone while it is built or edited: NSECs and signatures of each owner.
 * zone_build.c and zone_edit.c use it.
 *
 * The caller that builds a signed zone passes a source of signatures. The nameserver's source finds them in
 * the store signatures/ (zones/state/signatures.h), the signer's makes those that are missing.
 */
#ifndef SIGNING_H
#define SIGNING_H

#include "zones/answer/segment.h"
#include "zones/dns/dnssec.h"
#include "zones/steer/content.h"

struct zone_signing {
	void *arg;
	/*
	 * Write the RRSIG records of a set to out, with the owner 0xC00C, at most FRAGMENT_SIGNED_MAX octets.
	 * key is name_to_key of the owner. Returns the octets; 0: there is no signature yet.
	 */
	size_t (*find)(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out);
	const struct rrset *keys; /* RRsets of the apex that are made from its keys: DNSKEY, CDS, CDNSKEY */
	unsigned nkeys;
	unsigned ndata;
	struct key_id data[DATA_KEYS_MAX]; /* that sign the zone's data */
	/* Only find signatures: the zone gets its name and its chain, and cannot answer. */
	bool only;
	uint64_t version; /* of its signatures; rises when a zone must be built again because of them */
};

struct owner_signing;
struct owner_signing *owner_signing_new(const struct zone_signing *signing, const uint8_t *apex);
void owner_signing_free(struct owner_signing *owner);
/* The TTL of all NSECs; owner_signing_apex sets it, too. */
void owner_signing_set_ttl(struct owner_signing *owner, uint32_t ttl);
uint32_t owner_signing_ttl(const struct owner_signing *owner);
/*
 * Add its keys to the apex. rrsets is the array of source->rrsets, with room for NODE_RRSETS_MAX. Sets the
 * TTL of all NSECs (RFC 9077: the minimum of the SOA's TTL and its MINIMUM field).
 */
void owner_signing_apex(struct owner_signing *owner, struct node_source *source, struct rrset *rrsets);
/*
 * Add NSECs (next is the next name of the chain) and signatures to the source of a node whose name is set.
 * The octets that source then points to are valid until the next call. An occluded owner needs no call.
 */
void owner_signing_add(struct owner_signing *owner, const struct bytes *key, struct node_source *source,
    struct rrset *rrsets, const uint8_t *next, size_t next_len);
/*
 * The same as far as node_size needs it, and without looking for signatures: the next name is taken to be as
 * long as this one. A guess.
 */
void owner_signing_guess(struct owner_signing *owner, struct node_source *source, struct rrset *rrsets);
/* How many RRsets had no signature. */
size_t owner_signing_missing(const struct owner_signing *owner);
/* How many RRsets of a node have no signature and should have one. */
size_t node_missing(const struct node *node);
bool owner_signing_only(const struct owner_signing *owner);
uint64_t owner_signing_version(const struct owner_signing *owner);
/* The keys that sign the data of the zone. Returns how many. */
unsigned owner_signing_keys(const struct owner_signing *owner, struct key_id out[DATA_KEYS_MAX]);

#endif
