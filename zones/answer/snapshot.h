/*
 * snapshot.h -- zones that are ready for queries: find a name, its zone cut, its wildcard, in O(labels).
 *
 * A snapshot is immutable; any thread may read it. An edit creates a new zone that shares all segments but
 * the changed ones. The replaced memory is passed to the caller's retire function, and freed when no reader
 * can use it any more. Functions that build return NULL or false if the data is damaged; then nothing has
 * changed. Exhausted memory ends the program (util.h).
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "zones/answer/chain.h"
#include "zones/answer/signing.h"
#include "zones/steer/content.h"

/* A name to look up: lower case, with the hash of each of its suffixes. */
struct path {
	const uint8_t *spelt; /* the name as the caller passed it, which owns it; valid as long as that is */
	uint64_t hash[NAME_MAX_LABELS + 1]; /* [n]: of the last n labels */
	uint8_t at[NAME_MAX_LABELS + 1];    /* [n]: offset in name of the last n labels */
	uint8_t labels;
	uint8_t len;
	uint8_t name[NAME_MAX_LEN + 9];
};

/* name is a whole wire name, in any case. */
void path_init(struct path *path, const uint8_t *name);

/* The depths below the apex that have such a name: bit d of 128. */
struct depths {
	uint64_t words[2];
};

struct zone {
	uint32_t number;
	uint8_t labels; /* labels of the apex */
	uint8_t apex_len;
	uint8_t bits; /* the directory has 2^bits entries; at least 1 */
	uint8_t apex[NAME_MAX_LEN];
	uint64_t apex_hash;
	struct segment **directory;
	struct depths cuts, dnames,
	    wilds;    /* a bit may stay set after its last name was deleted; that costs a probe */
	uint8_t *soa; /* the SOA as a fragment with the negative TTL (RFC 2308 5), for authority sections */
	uint32_t soa_len;
	uint32_t soa_signed_len; /* octets of the RRSIG records that follow it */
	uint32_t negative_ttl;
	struct chain *chain; /* of a signed zone; NULL: it is not signed */
	bool only;           /* the signer's: it has its name and the chain, and no nodes (signing.h) */
	uint64_t edits;      /* how often it was edited since it was built */
	size_t missing;      /* number of its RRsets that have no signature */
	unsigned nkeys;      /* that sign its data: during a rollover of the algorithm two */
	struct key_id key_ids[DATA_KEYS_MAX];
	struct content keys[DATA_KEYS_MAX]; /* the same keys (content.h) */
	uint64_t version; /* of the signatures that it was built with; 0: it is not signed */
};

enum found {
	FOUND_NOTHING,  /* the name does not exist and no wildcard matches it */
	FOUND_NAME,     /* node is that of the name */
	FOUND_WILDCARD, /* node is the source of synthesis (RFC 4592) */
	FOUND_CUT,      /* node is a delegation at or above the name */
	FOUND_DNAME     /* node has a DNAME and is above the name */
};

struct hit {
	enum found found;
	const struct node *node;
	unsigned labels; /* of the absolute name of the node, or of the closest encloser of a wildcard */
};

/* Find a name that is within the zone. */
void zone_find(const struct zone *zone, const struct path *path, struct hit *hit);

/* The node whose NSEC matches or covers a name within the zone, which is signed. */
const struct node *zone_cover(const struct zone *zone, const uint8_t *name);

/* The node of the path's last labels, or NULL. Also finds nodes below cuts (glue). */
const struct node *zone_node(const struct zone *zone, const struct path *path, unsigned labels);

/* All zones, by name. */
struct side;
struct zone_table;

struct pool_slots;
struct signature_table;

struct snapshot {
	const struct zone_table *zones;
	const struct pool_slots *pools;
	const struct signature_table *signatures; /* of steered RRsets; NULL: there are none */
	const struct signature_table *kept;       /* those that a store that was lost had; NULL: none */
	uint64_t generation;
};

/*
 * The deepest zone that encloses the path; if parent is true, the deepest one strictly above it (RFC 4035
 * 3.1.4.1). NULL if there is none.
 */
const struct zone *snapshot_zone(const struct snapshot *snapshot, const struct path *path, bool parent);

/*
 * The load balancer of a whole wire name, in any case; with wildcard set, also one at the wildcard that
 * matches the name. NULL if no load balancer answers for it.
 */
const struct steer_lb *snapshot_lb(const struct snapshot *snapshot, const uint8_t *name, bool wildcard);

/*
 * Prefetch the memory that zone_find will read. Stages 0, 1, 2: directory entry, line of the index, node. Run
 * each stage over a whole batch before the next, so that the loads overlap. Stage 2 returns true if the name
 * is absent in a signed zone that is so large that zone_prefetch_cover helps.
 */
bool zone_prefetch(const struct zone *zone, const struct path *path, unsigned stage);

/*
 * The same for the NSEC that proves the absence of the name, after these stages. Stages 0 to 3: chunk of the
 * chain, directory entry, line of the index, node; hash is kept from one stage to the next. Only if
 * zone_prefetch returned true.
 */
void zone_prefetch_cover(const struct zone *zone, const struct path *path, unsigned stage, uint64_t *hash);

/* The data of a zone at one owner. */
struct zone_owner {
	struct bytes key; /* name_to_key of the owner */
	const struct rrset *rrsets;
	unsigned nrrsets;
	const struct steer_lb *lb; /* an enabled load balancer, or NULL: hides A, AAAA and CNAME (S6) */
};

typedef bool zone_owner_fn(void *arg, const struct zone_owner *owner);

/*
 * Build a zone. each(arg, sink, sink_arg) is called twice. It calls sink for every owner in the order of the
 * keys, and returns false if sink did.
 */
typedef bool zone_each_fn(void *arg, zone_owner_fn *sink, void *sink_arg);
/*
 * signing is NULL for a zone that is not signed. side: a thread that does a part of the work if the zone is
 * large; NULL: none.
 */
struct zone *zone_build(uint32_t number, const uint8_t *apex, const struct zone_signing *signing,
    struct side *side, zone_each_fn *each, void *arg);

/*
 * Edit a zone: begin with a private copy, set owners (an owner without RRsets and load balancer is deleted,
 * or stays as an empty non-terminal), publish the copy, then call zone_edit_done with the old zone. Memory
 * that is retired meanwhile is in use until then: after a failure the caller must discard its list of retired
 * memory and call zone_edit_drop with the old zone, too.
 */
struct zone *zone_edit_begin(const struct zone *old);
/* Set an owner of a zone that is not signed. */
bool zone_edit_owner(struct zone *zone, const struct zone_owner *owner, const struct retire *retire);
/* Retire the shell of the replaced zone. */
void zone_edit_done(const struct zone *old, const struct retire *retire);
void zone_edit_drop(struct zone *zone, const struct zone *old);

/* The rows of a zone, as they are after a change. */
typedef void zone_key_fn(void *arg, const struct bytes *key);
struct zone_rows {
	void *arg;
	/* Call the sink with this owner; if it has no data, without RRsets and load balancer. */
	bool (*owner)(void *arg, const struct bytes *key, zone_owner_fn *sink, void *sink_arg);
	/*
	 * Call fn with the key of each owner below this one, in their order; at least one more than maximum
	 * if there are more.
	 */
	void (*below)(void *arg, const struct bytes *key, size_t maximum, zone_key_fn *fn, void *fn_arg);
};
/*
 * Set the owners of a signed zone whose rows changed; keys are in order. The chain changes with them, and the
 * NSECs of the names before. Returns false if the zone must be built again: too much changes, as if the TTL
 * of all NSECs does.
 */
bool zone_edit_signed(struct zone *zone, const struct zone_signing *signing, const struct zone_rows *rows,
    const struct bytes *keys, size_t count, const struct retire *retire);

/*
 * Pass each RRset of an owner that is to be signed to the find of signing, as a build does, with its NSECs by
 * the chain. Nothing changes. A zone that is not signed has no chain: then its NSECs lead to the apex.
 */
void zone_each_signed(
    const struct zone *zone, const struct zone_owner *owner, const struct zone_signing *signing);

/* Free a zone with all its segments. */
void zone_free(void *zone);

/* The number of names and octets of a zone. */
void zone_measure(const struct zone *zone, uint64_t *names, uint64_t *octets);

/* Create a table of these zones. Free it with free(); that does not free the zones. */
struct zone_table *zone_table_new(const struct zone *const *zones, size_t count);

#endif
