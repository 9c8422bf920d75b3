/*
 * segment.h -- the packed, immutable memory of a zone: nodes in segments of about 256 names.
 *
 *     directory (2^bits pointers, by the high bits of the name's hash)
 *        |
 *        v
 *     segment: header | index of 4-byte entries: tag, offset | node node node ...
 *
 *     node: flags, name length, RRset count, children | RRset heads | [load balancer] |
 *         relative name | fragments
 *
 * A fragment is an RRset in wire form: each record has 0xC00C (the question's name) as its owner. In a signed
 * zone its RRSIG records follow it, in the same form. A fragment over 1 KiB with them is outside of the
 * segment, which has a pointer to it. Offsets are in units of 8 octets, so a
 * segment has at most 512 KiB. One that would exceed that is split in two by the next bit of the hash
 * (extendible hashing: several directory entries may share one segment).
 *
 * A segment is never changed after a reader can see it: an edit copies one segment. Any thread may read.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "zones/dns/name.h"
#include "zones/dns/rrset.h"

struct steer_lb;

enum node_flag {
	NODE_CUT = 1, /* NS, and not the apex: a delegation */
	NODE_DNAME = 2,
	NODE_CNAME = 4,
	NODE_LB = 8,    /* a load balancer owns A, AAAA and CNAME here (S6) */
	NODE_WILD = 16, /* a child "*" exists: the source of synthesis of RFC 4592 */
	NODE_APEX = 32,
	NODE_NSEC = 64 /* its last RRsets are NSECs: NODE_NSECS, or NODE_NSECS_LB at a load balancer */
};

/*
 * S104: a load balancer's node has three NSECs: with both A and AAAA in the bitmap, without A, without AAAA.
 */
enum node_nsec { NSEC_WHOLE, NSEC_WITHOUT_A, NSEC_WITHOUT_AAAA };
enum { NODE_NSECS = 1, NODE_NSECS_LB = 3 };

struct node {
	uint16_t flags;
	uint8_t name_len; /* length of the relative name: labels without the root */
	uint8_t nrrsets;
	uint32_t children; /* number of nodes one label below; an empty non-terminal exists while it has
			      children */
};

/* One RRset of a node. */
struct fragment {
	uint16_t type;
	uint16_t count;      /* number of records */
	uint32_t len;        /* length in octets */
	const uint8_t *wire; /* count records, owner 0xC00C */
	uint32_t signed_len; /* octets of the RRSIG records that follow them; 0: none */
};

struct segment;

/*
 * The parts of a new node. Build fragments of wire form with segment_fragment_size and
 * segment_fragment_write.
 */
struct node_source {
	const uint8_t *name; /* relative, lower case, without the root */
	uint8_t name_len;
	uint16_t flags;
	uint32_t children;
	uint64_t hash; /* of the absolute name */
	const struct steer_lb *lb;
	unsigned nrrsets; /* at most 255 */
	const struct rrset *rrsets;
	const struct bytes *signatures; /* RRSIG records of each RRset, owner 0xC00C; NULL: none is signed */
};

enum {
	SEGMENT_NAMES = 256,
	SEGMENT_OUTSIDE = 1024,
	SEGMENT_MAX = 0xffff * 8,
	NODE_RRSETS_MAX = 255,
	FRAGMENT_SIGNED_MAX = 0x7ff /* octets of the RRSIG records of one RRset */
};

/*
 * The hash of a name is computed label by label from the root: hash of a child = segment_hash(hash of the
 * parent, label). label points to its length octet; it is in lower case, with 8 readable octets after it.
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
/* The line of the index that segment_find reads first, to prefetch; and, when that has arrived, the node. */
const void *segment_index_line(const struct segment *segment, uint64_t hash);
const void *segment_node_line(const struct segment *segment, uint64_t hash);

/* The parts of a node. */
const struct steer_lb *node_lb(const struct node *node);
const uint8_t *node_name(const struct node *node);
/* The RRset of a type. Returns false if the node has none. */
bool node_rrset(const struct node *node, uint16_t type, struct fragment *fragment);
/* The RRset at position i, in the order of the store. */
void node_rrset_at(const struct node *node, unsigned i, struct fragment *fragment);
/* The number of its RRsets without NSECs. */
unsigned node_data(const struct node *node);
/* An NSEC of a node; one that is not a load balancer's has only the whole one. False if it has none. */
bool node_nsec(const struct node *node, enum node_nsec which, struct fragment *fragment);

/*
 * Building. A builder collects nodes whose total size is known, then it is sealed. The functions that make a
 * segment, and segment_grow, return NULL if it would exceed SEGMENT_MAX.
 */
size_t node_size(const struct node_source *source); /* octets in the segment, with outside pointers */
struct segment *segment_new(unsigned names, size_t node_octets, unsigned depth, uint64_t apex_hash);
/* Write a node of node_size octets, at a multiple of 8. */
void node_write(void *out, const struct node_source *source);
/*
 * Add a copy of a node that was written; there must be room for it. Returns the copy (its children may be
 * increased until readers see it). Fragments outside belong to the segment then.
 */
struct node *segment_put(struct segment *segment, uint64_t hash, const struct node *made, size_t node_octets);
/* Fetch the lines that segment_put will write first. */
void segment_prefetch_place(const struct segment *segment, uint64_t hash);
/* Is there room for a node of this size? */
bool segment_has_room(const struct segment *segment, size_t node_octets);
/* Make room for it, and for some more: the segment may move. */
struct segment *segment_grow(struct segment *segment, size_t node_octets);

/* A copy without the node of that name; if source is not NULL, with a node made from it. */
struct segment *segment_edit(const struct segment *old, uint64_t hash, const uint8_t *name, size_t name_len,
    const struct node_source *source);
/* An exact copy, private to the caller until it is published. */
struct segment *segment_clone(const struct segment *old);
/* One half of a split: the nodes whose hash has this value in the bit after the segment's depth. */
struct segment *segment_half(const struct segment *old, unsigned bit);

/* The hash of a node's absolute name. */
uint64_t segment_hash_of(const struct segment *segment, const struct node *node);

/* The number of the edit that made a segment, until which no reader sees it; 0: the build of its zone. */
uint64_t segment_number(const struct segment *segment);
void segment_set_number(struct segment *segment, uint64_t number);

/* The depth of the directory at which this segment is one entry. */
unsigned segment_depth(const struct segment *segment);
unsigned segment_names(const struct segment *segment);
size_t segment_octets(const struct segment *segment);

/* Call fn for each node, in no order. */
typedef void segment_node_fn(void *arg, const struct node *node);
void segment_each(const struct segment *segment, segment_node_fn *fn, void *arg);

/* Call fn for each fragment of a node that is outside; fn may free it. */
void node_each_outside(const struct node *node, void (*fn)(void *arg, void *outside), void *arg);

/*
 * Free a segment with all its fragments outside, or the segment only (its fragments stay in use by a copy).
 */
void segment_free(struct segment *segment);
void segment_free_shell(void *segment);

#endif
