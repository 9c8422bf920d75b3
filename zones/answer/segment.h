/*
 * segment.h -- the packed, immutable memory of a zone: nodes in segments of about 256 names.
 *
 *     directory (2^bits pointers, by the high bits of the name's hash)
 *        |
 *        v
 *     segment: header | index of 4-byte entries: tag, offset | node node node ...
 *
 *     node: flags, name length, RRset count, children | RRset heads | [load balancer] | relative name |
 * fragments
 *
 * A fragment is an RRset as it goes onto the wire: each record with 0xC00C (the question's name) for its
 * owner. One over 1 KiB lies outside of the segment, which has its pointer.  Offsets count units of 8 octets,
 * so a segment holds 512 KiB at most; one that would pass it is split in two by the next bit of the hash
 * (extendible hashing: several directory entries may share one segment).
 *
 * Nothing here is changed once a reader can see it: an edit copies one segment.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "zones/dns/name.h"
#include "zones/dns/rrset.h"

struct steer_lb;

enum node_flag {
	NODE_CUT = 1, /* NS and not the apex: a delegation */
	NODE_DNAME = 2,
	NODE_CNAME = 4,
	NODE_LB = 8,    /* a load balancer owns A, AAAA and CNAME here (S6) */
	NODE_WILD = 16, /* a child "*" exists: the source of synthesis of RFC 4592 */
	NODE_APEX = 32
};

struct node {
	uint16_t flags;
	uint8_t name_len; /* of the relative name: labels without the root */
	uint8_t nrrsets;
	uint32_t children; /* nodes one label below; an empty non-terminal lives by them */
};

/* One RRset of a node. */
struct fragment {
	uint16_t type;
	uint16_t count;      /* records */
	uint32_t len;        /* octets */
	const uint8_t *wire; /* count records, owner 0xC00C */
};

struct segment;

/* What a node is to be made of.  fragments of wire form are built by segment_fragment_size and _write. */
struct node_source {
	const uint8_t *name; /* relative, lower case, without the root */
	uint8_t name_len;
	uint16_t flags;
	uint32_t children;
	uint64_t hash; /* of the absolute name */
	const struct steer_lb *lb;
	unsigned nrrsets; /* at most 255 */
	const struct rrset *rrsets;
};

enum { SEGMENT_NAMES = 256, SEGMENT_OUTSIDE = 1024, SEGMENT_MAX = 0xffff * 8, NODE_RRSETS_MAX = 255 };

/*
 * The hash of a name goes label by label from the root: hash of a child = segment_hash(hash of the parent,
 * label). label points to its length octet, lower case, with 8 readable octets after it.
 */
static inline uint64_t
segment_hash(uint64_t parent, const uint8_t *label)
{
	unsigned left = *label + 1u;
	uint64_t word;

	for (;; label += 8, left -= 8) {
		memcpy(&word, label, 8);
		if (left < 8)
			word &= (UINT64_C(1) << left * 8) - 1;
		__uint128_t product = (__uint128_t)(parent ^ word) * UINT64_C(0x9fb21c651e98df25);

		parent = (uint64_t)product ^ (uint64_t)(product >> 64);
		if (left <= 8)
			break;
	}
	return parent ^ parent >> 32;
}
#define SEGMENT_HASH_ROOT UINT64_C(0x243f6a8885a308d3)

/* The node of a name in its segment, or NULL. */
const struct node *segment_find(
    const struct segment *segment, uint64_t hash, const uint8_t *name, size_t name_len);
/* The line of the index that segment_find reads first, to prefetch; and, once that is here, the node. */
const void *segment_index_line(const struct segment *segment, uint64_t hash);
const void *segment_node_line(const struct segment *segment, uint64_t hash);

/* The parts of a node. */
const struct steer_lb *node_lb(const struct node *node);
const uint8_t *node_name(const struct node *node);
/* The RRset of a type; false where the node has none. */
bool node_rrset(const struct node *node, uint16_t type, struct fragment *fragment);
/* The RRset at position i, in the order of the store. */
void node_rrset_at(const struct node *node, unsigned i, struct fragment *fragment);

/*
 * Building.  A builder collects nodes of known total size, then is sealed.  All return NULL or false
 * if the segment would pass SEGMENT_MAX.
 */
size_t node_size(const struct node_source *source); /* octets in the segment, with outside pointers */
struct segment *segment_new(unsigned names, size_t node_octets, unsigned depth, uint64_t apex_hash);
/* Add a node; the room was counted for it.  Returns it (its children may be counted up until readers see it).
 */
struct node *segment_add(struct segment *segment, const struct node_source *source);

/* A copy without the node of that name and, where source is not NULL, with a node made of it. */
struct segment *segment_edit(const struct segment *old, uint64_t hash, const uint8_t *name, size_t name_len,
    const struct node_source *source);
/* An exact copy, private to the caller until it is published. */
struct segment *segment_clone(const struct segment *old);
/* One half of a split: the nodes whose hash has that bit next after the segment's depth. */
struct segment *segment_half(const struct segment *old, unsigned bit);

/* The hash of a node's absolute name. */
uint64_t segment_hash_of(const struct segment *segment, const struct node *node);

/* The depth of the directory at which this segment is one entry. */
unsigned segment_depth(const struct segment *segment);
unsigned segment_names(const struct segment *segment);
size_t segment_octets(const struct segment *segment);

/* Each node, in no order. */
typedef void segment_node_fn(void *arg, const struct node *node);
void segment_each(const struct segment *segment, segment_node_fn *fn, void *arg);

/* The fragments of a node that lie outside: handed to fn, which may free them. */
void node_each_outside(const struct node *node, void (*fn)(void *arg, void *outside), void *arg);

/* Free with all fragments outside, or the segment alone (its fragments live on in a copy). */
void segment_free(struct segment *segment);
void segment_free_shell(void *segment);

#endif
