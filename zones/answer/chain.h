/*
 * chain.h -- the names of a signed zone in canonical order, to find the NSEC that proves a name's absence.
 *
 * The chain (S104) has every owner of authoritative data and every delegation; no empty non-terminal, no name
 * below a zone cut or a DNAME. Its order is that of name_to_key, which is RFC 4034 6.1.
 *
 *     tops: the first octets of the first key of each chunk
 *     chunk: 256 entries; of each, the 8 octets of its key after those that all keys of the chunk share
 *
 * So a search touches the tops, one chunk, and a node only if keys share more octets than that. Immutable;
 * any thread may read.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include "zones/answer/segment.h"

struct chain;

/* A chain for at most this many names of the zone at apex, which must outlive it. */
struct chain *chain_new(size_t names, const uint8_t *apex);
/* Append a node that has an NSEC, in the order of the keys. */
void chain_add(struct chain *chain, const struct node *node);
/* Call it after the last node, before any search. */
void chain_seal(struct chain *chain);
void chain_free(struct chain *chain);

/* The last node whose name is not after this one, which is within the zone: its NSEC matches or covers it. */
const struct node *chain_cover(const struct chain *chain, const uint8_t *name);

size_t chain_count(const struct chain *chain);
size_t chain_octets(const struct chain *chain);
const struct node *chain_at(const struct chain *chain, size_t i);

#endif
