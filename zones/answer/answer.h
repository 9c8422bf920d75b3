/*
 * answer.h -- find the answer to a question: look it up, follow chains, steer. The answer refers to a
 * snapshot.
 *
 * An answer owns no memory: it points into its snapshot and is valid as long as that is. Only the response
 * writer handles octets, compression and truncation. Pure functions: any thread, no I/O, no allocation.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "zones/answer/snapshot.h"
#include "zones/steer/steer.h"

enum rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_YXDOMAIN = 6,
	RCODE_BADVERS = 16,
	RCODE_BADCOOKIE = 23
};

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

enum { ANSWER_ITEMS_MAX = 254, ANSWER_NAMES_MAX = 254, ANSWER_CHAIN_MAX = 16 };

struct question {
	struct path path;
	uint16_t type;
	uint16_t class;
	bool dnssec_ok; /* the client wants signatures and proofs (RFC 3225) */
};

/* One RRset of an answer. */
struct answer_item {
	uint8_t section;
	uint8_t name;        /* its owner: one of names, ... */
	uint8_t skip;        /* ... without this many octets at its front */
	bool optional;       /* may be left out if it does not fit (RFC 2181 9) */
	bool steered;        /* the records are the addresses of choice, or ... */
	bool cname;          /* ... the CNAME of its origin (S16), which is in wire */
	uint8_t signatures;  /* number of RRSIG records that follow the records */
	uint16_t count;      /* number of records, without them */
	uint32_t len;        /* octets, with them */
	const uint8_t *wire; /* a fragment (segment.h) */
	uint32_t ttl;        /* of every record */
	/* Of an NSEC: its owner is this node of this zone, and no name of the message. */
	const struct node *owner;
	const struct zone *zone;
};

/* An NSEC to add: that of a name for which a wildcard stood. */
struct answer_wildcard {
	const struct zone *zone;
	const struct node *covers;
	uint32_t ttl;
};

/* S100: the signatures of the addresses, or of the CNAME, that a load balancer chose: one by each key. */
struct answer_signature {
	const struct zone *zone; /* NULL: none; the zone is not signed, or the client did not ask */
	struct signature signatures[DATA_KEYS_MAX];
	uint16_t type; /* of the records */
	uint8_t labels;
	uint32_t ttl; /* original TTL */
};

/* A name that is whole in the message: that of the question (item 255), or in the wire of an item. */
struct answer_name {
	uint8_t item;
	uint32_t offset;
};

struct answer {
	uint16_t rcode;
	bool authoritative;
	bool truncated;                 /* set TC and send no records (RRL's slip) */
	bool lacks_glue;                /* no room for some glue that a referral needs: TC (RFC 9471 3.1) */
	bool dnssec_ok;                 /* as the question has it */
	bool lacks_signature;           /* an RRset of a signed zone has no signature yet: SERVFAIL (S102) */
	const struct steer_lb *lacking; /* S102: its RRset has no signature yet; NULL: none */
	uint32_t first_end; /* of the signatures of zone data in it, seconds since 1970; 0: there are none */
	uint8_t nitems, nnames;
	uint8_t scope; /* ECS (S4) */
	struct answer_item items[ANSWER_ITEMS_MAX];
	struct answer_name names[ANSWER_NAMES_MAX];
	uint64_t bucket; /* hash of zone and owner for rate limiting: of the name that answers, not of the
			    question */
	bool has_choice; /* a load balancer decided, even if nothing was left */
	struct steer_choice choice;
	struct answer_signature steered;
	unsigned nwildcards;
	struct answer_wildcard wildcards[ANSWER_CHAIN_MAX + 1];
	unsigned nsynthesised;
	uint8_t synthesised[ANSWER_CHAIN_MAX][12 + NAME_MAX_LEN]; /* CNAMEs made from DNAMEs */
};

/* Initialise an answer without records. */
void answer_init(struct answer *answer, uint16_t rcode);

/* Answer a question of class IN. Call answer_init first. */
void answer_find(struct answer *answer, const struct snapshot *snapshot, const struct question *question,
    const struct steering *steering);

/* The owner of an item, as a wire name that points into the question or the snapshot. */
const uint8_t *answer_owner(
    const struct answer *answer, const struct question *question, const struct answer_item *item);

/* Add an RRset whose owner is the question's name. */
void answer_add_own(struct answer *answer, const uint8_t *wire, size_t len, uint16_t count, uint32_t ttl);

#endif
