/*
 * chain.h -- the names of a signed zone in canonical order, to find the NSEC that proves a name's absence.
 *
 * The chain (S104) has every owner of authoritative data and every delegation; no empty non-terminal, no name
 * below a zone cut or a DNAME. Its order is that of name_to_key, which is RFC 4034 6.1.
 *
 *     tops: of each chunk the first octets of its first key, how many octets its keys share, and its memory
 *     chunk: about 256 names; parts (8 octets of each key after those that all share), then the rest of keys
 *
 * So a search touches the tops and one chunk. A chain has keys and no nodes, so that graycloud-signer can
 * have one, too. Readers see a chain that never changes: an edit copies the tops and one chunk for each
 * change. Any thread may read.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include "zones/answer/retire.h"
#include "zones/base/util.h"
#include "zones/dns/name.h"

struct chain;

/* The key of a name in the chain, as name_to_key makes it, with zeros behind it. */
struct chain_key {
	size_t len;
	uint8_t octets[NAME_MAX_KEY + 32];
};

/* An empty chain of the zone at apex. */
struct chain *chain_new(const uint8_t *apex);
/* Append a name, in the order of the keys. covers: names below it do not belong to the chain. */
void chain_add(struct chain *chain, const struct bytes *key, bool covers);
/* Call it after the last name, before any search. */
void chain_seal(struct chain *chain);
void chain_free(struct chain *chain);

/* The last name that is not after this one, which is within the zone: its NSEC matches or covers it. */
void chain_cover(const struct chain *chain, const uint8_t *name, struct chain_key *owner);

/* Is it so large that caches may not hold it? */
bool chain_is_large(const struct chain *chain);
/* Prefetch the chunk of a large chain that chain_cover will search. */
void chain_prefetch(const struct chain *chain, const uint8_t *name);

/* Is a name in the chain? covers may be NULL. */
bool chain_has(const struct chain *chain, const struct bytes *key, bool *covers);
/* Is a name below one that covers? */
bool chain_covered(const struct chain *chain, const struct bytes *key);
/* The name after a key or before it, which itself may be missing. False if there is none. */
bool chain_after(const struct chain *chain, const struct bytes *key, struct chain_key *found);
bool chain_before(const struct chain *chain, const struct bytes *key, struct chain_key *found);

/*
 * A walk over all names: for keys in order, is this one in the chain? Then next is the name after it; after
 * the last one comes the apex. Begin with zeros and the chain.
 */
struct chain_walk {
	const struct chain *chain;
	size_t top, entry;
};
bool chain_walk_has(struct chain_walk *walk, const struct bytes *key, struct chain_key *next);

size_t chain_count(const struct chain *chain);
size_t chain_octets(const struct chain *chain);

/*
 * Editing: chain_edit returns a copy that shares all chunks; its number, above that of all edits before,
 * marks the memory that is private to it. Replaced memory that is not private is retired. chain_edit_drop
 * frees a copy that no reader has seen.
 */
struct chain *chain_edit(const struct chain *old, uint64_t number, const struct retire *retire);
uint64_t chain_number(const struct chain *chain);
/* Add a name, or change whether it covers. */
void chain_put(struct chain *chain, const struct bytes *key, bool covers, const struct retire *retire);
/* Remove a name, if it is there. */
void chain_remove(struct chain *chain, const struct bytes *key, const struct retire *retire);
void chain_edit_drop(struct chain *chain);

#endif
