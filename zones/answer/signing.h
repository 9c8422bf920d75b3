/*
 * signing.h -- the signed parts of a zone while it is built: its chain of names, and NSECs and signatures of
 * each owner. zone_build.c uses it.
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
	/* Only find signatures: the zone gets its name and an empty chain, and cannot answer. */
	bool only;
	uint64_t version; /* of its signatures; rises when a zone must be built again because of them */
};

/* The owners whose data this zone does not answer with: those below a zone cut or a DNAME. */
struct occlusion {
	uint8_t key[NAME_MAX_KEY];
	size_t len; /* 0: none yet */
};
/* Is an owner occluded? Call it for each owner in the order of the keys. source: what its node is made of. */
bool occlusion_pass(struct occlusion *occlusion, const struct bytes *key, const struct node_source *source);

/* The names of the chain, relative, in order. */
struct chain_names {
	uint8_t *octets; /* length (1 octet), then the name without the root label */
	size_t len, room;
	size_t *starts;
	size_t count;
};
void chain_names_add(struct chain_names *names, const uint8_t *name, size_t len);
void chain_names_free(struct chain_names *names);
/* The name after the one at position i; after the last one comes the apex, which is the first. */
const uint8_t *chain_names_next(const struct chain_names *names, size_t i, size_t *len);

struct owner_signing;
struct owner_signing *owner_signing_new(const struct zone_signing *signing, const uint8_t *apex);
void owner_signing_free(struct owner_signing *owner);
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
/* How many RRsets had no signature. */
size_t owner_signing_missing(const struct owner_signing *owner);
bool owner_signing_only(const struct owner_signing *owner);
uint64_t owner_signing_version(const struct owner_signing *owner);
/* The keys that sign the data of the zone. Returns how many. */
unsigned owner_signing_keys(const struct owner_signing *owner, struct key_id out[DATA_KEYS_MAX]);

#endif
