#include "zones/answer/segment.h"

#include <assert.h>
#include <stdlib.h>

enum {
	OUTSIDE = UINT32_C(1) << 31,
	LEN_BITS = 20,
	LEN_MASK = (1 << LEN_BITS) - 1,
	RR_HEAD = 12,
	ROOM_MORE = 512
};

struct slot {
	uint16_t tag;
	uint16_t at; /* offset in units of 8 octets; 0: free */
};

struct segment {
	uint32_t octets; /* used octets, with this header */
	uint32_t room;   /* allocated octets */
	uint16_t nslots;
	uint16_t names;
	uint8_t depth;
	uint8_t unused[3];
	uint64_t apex_hash;
	uint64_t number;
	struct slot slots[];
};

static void free_outside(void *arg, void *outside);

struct head {
	uint16_t type;
	uint16_t count;
	uint32_t len; /* OUTSIDE if the fragment is outside of the segment; octets of its signatures (11
			 bits); octets of its records (20 bits: an RRset fits into a message) */
};

static const struct head *
heads(const struct node *node)
{
	return (const struct head *)(node + 1);
}

static const uint8_t *
after_heads(const struct node *node)
{
	return (const uint8_t *)(heads(node) + node->nrrsets);
}

static uint32_t
signed_len(const struct head *head)
{
	return head->len >> LEN_BITS & FRAGMENT_SIGNED_MAX;
}

static size_t
round8(size_t octets)
{
	return (octets + 7) & ~(size_t)7;
}

/*
 * Bits 0 to 15 of the hash are the tag, bits 16 to 31 choose the slot, the highest bits choose the segment.
 */
static unsigned
first_slot(const struct segment *segment, uint64_t hash)
{
	return (unsigned)((hash >> 16 & 0xffff) * segment->nslots >> 16);
}

static unsigned
next_slot(const struct segment *segment, unsigned i)
{
	return i + 1 == segment->nslots ? 0 : i + 1;
}

/* The offset of the first node, in units of 8 octets. */
static size_t
first_node(const struct segment *segment)
{
	return round8(sizeof *segment + segment->nslots * sizeof(struct slot)) / 8;
}

static const struct node *
node_at(const struct segment *segment, unsigned at)
{
	return (const struct node *)((const uint8_t *)segment + (size_t)at * 8);
}

const uint8_t *
node_name(const struct node *node)
{
	return after_heads(node) + (node->flags & NODE_LB ? sizeof(void *) : 0);
}

const struct steer_lb *
node_lb(const struct node *node)
{
	const struct steer_lb *lb = NULL;

	if (node->flags & NODE_LB)
		memcpy(&lb, after_heads(node), sizeof lb);
	return lb;
}

const struct node *
segment_find(const struct segment *segment, uint64_t hash, const uint8_t *name, size_t name_len)
{
	uint16_t tag = (uint16_t)hash;

	for (unsigned i = first_slot(segment, hash); segment->slots[i].at != 0; i = next_slot(segment, i)) {
		const struct node *node;

		if (segment->slots[i].tag != tag)
			continue;
		node = node_at(segment, segment->slots[i].at);
		if (node->name_len == name_len && memcmp(node_name(node), name, name_len) == 0)
			return node;
	}
	return NULL;
}

const void *
segment_index_line(const struct segment *segment, uint64_t hash)
{
	return &segment->slots[first_slot(segment, hash)];
}

const void *
segment_node_line(const struct segment *segment, uint64_t hash)
{
	for (unsigned i = first_slot(segment, hash); segment->slots[i].at != 0; i = next_slot(segment, i))
		if (segment->slots[i].tag == (uint16_t)hash)
			return node_at(segment, segment->slots[i].at);
	return segment;
}

/* Set the fragment of a head. at is its place in the node: the octets, or a pointer to octets outside. */
static void
fragment_of(const struct head *head, const uint8_t *at, struct fragment *fragment)
{
	*fragment = (struct fragment){.type = head->type,
	    .count = head->count,
	    .len = head->len & LEN_MASK,
	    .wire = at,
	    .signed_len = signed_len(head)};
	if (head->len & OUTSIDE)
		memcpy(&fragment->wire, at, sizeof fragment->wire);
}

static size_t
place_len(const struct head *head)
{
	return head->len & OUTSIDE ? sizeof(void *) : (head->len & LEN_MASK) + signed_len(head);
}

bool
node_rrset(const struct node *node, uint16_t type, struct fragment *fragment)
{
	const struct head *head = heads(node);
	const uint8_t *at = node_name(node) + node->name_len;

	for (unsigned i = 0; i < node->nrrsets; i++) {
		if (head[i].type == type) {
			fragment_of(&head[i], at, fragment);
			return true;
		}
		at += place_len(&head[i]);
	}
	return false;
}

void
node_rrset_at(const struct node *node, unsigned index, struct fragment *fragment)
{
	const struct head *head = heads(node);
	const uint8_t *at = node_name(node) + node->name_len;

	for (unsigned i = 0; i < index; i++)
		at += place_len(&head[i]);
	fragment_of(&head[index], at, fragment);
}

unsigned
node_data(const struct node *node)
{
	if (!(node->flags & NODE_NSEC))
		return node->nrrsets;
	return node->nrrsets - (node->flags & NODE_LB ? NODE_NSECS_LB : NODE_NSECS);
}

bool
node_nsec(const struct node *node, enum node_nsec which, struct fragment *fragment)
{
	if (!(node->flags & NODE_NSEC))
		return false;
	node_rrset_at(node, node_data(node) + (node->flags & NODE_LB ? which : NSEC_WHOLE), fragment);
	return true;
}

/* The octets of the records, and of their signatures. */
static size_t
records_size(const struct rrset *rrset)
{
	/* In the store each rdata follows two octets of length; on the wire, twelve of head. */
	return rrset->len + (size_t)rrset->count * (RR_HEAD - 2);
}

static size_t
signatures_size(const struct node_source *source, unsigned i)
{
	return source->signatures != NULL ? source->signatures[i].len : 0;
}

static size_t
fragment_size(const struct node_source *source, unsigned i)
{
	return records_size(&source->rrsets[i]) + signatures_size(source, i);
}

static void
fragment_write(uint8_t *out, const struct node_source *source, unsigned position)
{
	const struct rrset *rrset = &source->rrsets[position];
	const uint8_t *at = rrset->records;

	for (unsigned i = 0; i < rrset->count; i++) {
		uint16_t rdlen;
		const uint8_t *rdata = rrset_next(&at, &rdlen);

		put16(out, 0xC00C);
		put16(out + 2, rrset->type);
		put16(out + 4, CLASS_IN);
		put32(out + 6, rrset->ttl);
		put16(out + 10, rdlen);
		memcpy(out + RR_HEAD, rdata, rdlen);
		out += RR_HEAD + rdlen;
	}
	if (signatures_size(source, position) > 0)
		memcpy(out, source->signatures[position].data, source->signatures[position].len);
}

size_t
node_size(const struct node_source *source)
{
	size_t size = sizeof(struct node) + source->nrrsets * sizeof(struct head) + source->name_len;

	if (source->lb != NULL)
		size += sizeof(void *);
	for (unsigned i = 0; i < source->nrrsets; i++) {
		size_t len = fragment_size(source, i);

		size += len > SEGMENT_OUTSIDE ? sizeof(void *) : len;
	}
	return round8(size);
}

struct segment *
segment_new(unsigned names, size_t node_octets, unsigned depth, uint64_t apex_hash)
{
	/* At most three quarters full, and at least one slot is free to end a search. */
	size_t nslots = (size_t)names + names / 3 + 2;
	size_t start = round8(sizeof(struct segment) + nslots * sizeof(struct slot));
	struct segment *segment;

	if (start + node_octets > SEGMENT_MAX || nslots > UINT16_MAX)
		return NULL;
	segment = xmalloc(start + node_octets);
	memset(segment, 0, start);
	segment->octets = (uint32_t)start;
	segment->room = (uint32_t)(start + node_octets);
	segment->nslots = (uint16_t)nslots;
	segment->depth = (uint8_t)depth;
	segment->apex_hash = apex_hash;
	return segment;
}

void
segment_prefetch_place(const struct segment *segment, uint64_t hash)
{
	const uint8_t *place = (const uint8_t *)segment + segment->octets;

	__builtin_prefetch(segment_index_line(segment, hash), 1);
	__builtin_prefetch(place, 1);
	__builtin_prefetch(place + 64, 1);
	__builtin_prefetch(place + 128, 1);
}

bool
segment_has_room(const struct segment *segment, size_t node_octets)
{
	return segment->octets + node_octets <= segment->room;
}

struct segment *
segment_grow(struct segment *segment, size_t node_octets)
{
	size_t room = segment->octets + node_octets + ROOM_MORE;
	struct segment *grown;

	if (room > SEGMENT_MAX)
		return NULL;
	grown = xmalloc(room);
	memcpy(grown, segment, segment->octets);
	grown->room = (uint32_t)room;
	free(segment);
	return grown;
}

/* Add the node that begins at segment->octets to the index. */
static void
enter(struct segment *segment, uint64_t hash, size_t size)
{
	unsigned i = first_slot(segment, hash);

	while (segment->slots[i].at != 0)
		i = next_slot(segment, i);
	segment->slots[i] = (struct slot){.tag = (uint16_t)hash, .at = (uint16_t)(segment->octets / 8)};
	segment->octets += (uint32_t)size;
	segment->names++;
}

/* Write the fragments after the name. */
static void
write_fragments(struct head *head, uint8_t *at, const struct node_source *source)
{
	for (unsigned i = 0; i < source->nrrsets; i++) {
		const struct rrset *rrset = &source->rrsets[i];
		size_t len = fragment_size(source, i);

		head[i] = (struct head){.type = rrset->type,
		    .count = rrset->count,
		    .len = (uint32_t)(records_size(rrset) | signatures_size(source, i) << LEN_BITS)};
		if (len <= SEGMENT_OUTSIDE) {
			fragment_write(at, source, i);
			at += len;
			continue;
		}
		uint8_t *outside = xmalloc(len);

		memcpy(at, &outside, sizeof outside);
		head[i].len |= OUTSIDE;
		at += sizeof outside;
		fragment_write(outside, source, i);
	}
}

void
node_write(void *out, const struct node_source *source)
{
	struct node *node = out;
	uint8_t *at = (uint8_t *)(node + 1) + source->nrrsets * sizeof(struct head);

	*node = (struct node){.flags = source->flags & (uint16_t)~NODE_LB,
	    .name_len = source->name_len,
	    .nrrsets = (uint8_t)source->nrrsets,
	    .children = source->children};
	if (source->lb != NULL) {
		node->flags |= NODE_LB;
		memcpy(at, &source->lb, sizeof source->lb);
		at += sizeof source->lb;
	}
	memcpy(at, source->name, source->name_len);
	write_fragments((struct head *)(node + 1), at + source->name_len, source);
}

struct node *
segment_put(struct segment *segment, uint64_t hash, const struct node *made, size_t size)
{
	struct node *node = (struct node *)((uint8_t *)segment + segment->octets);

	assert(segment->octets + size <= segment->room);
	memcpy(node, made, size);
	enter(segment, hash, size);
	return node;
}

/* Add a node; there is room for it. */
static void
add(struct segment *segment, const struct node_source *source)
{
	size_t size = node_size(source);

	assert(segment->octets + size <= segment->room);
	node_write((uint8_t *)segment + segment->octets, source);
	enter(segment, source->hash, size);
}

static size_t
placed_size(const struct node *node)
{
	size_t size = (size_t)(node_name(node) - (const uint8_t *)node) + node->name_len;

	for (unsigned i = 0; i < node->nrrsets; i++)
		size += place_len(&heads(node)[i]);
	return round8(size);
}

/* Copy a node unchanged. Fragments outside are then shared. */
static void
adopt(struct segment *segment, const struct node *node)
{
	segment_put(segment, segment_hash_of(segment, node), node, placed_size(node));
}

uint64_t
segment_hash_of(const struct segment *segment, const struct node *node)
{
	uint8_t name[NAME_MAX_LEN + 8]; /* segment_hash reads whole words */
	const uint8_t *labels[NAME_MAX_LABELS];
	unsigned count = 0;
	uint64_t hash = segment->apex_hash;

	memcpy(name, node_name(node), node->name_len);
	for (unsigned at = 0; at < node->name_len; at += name[at] + 1u)
		labels[count++] = &name[at];
	while (count-- > 0)
		hash = segment_hash(hash, labels[count]);
	return hash;
}

struct segment *
segment_edit(const struct segment *old, uint64_t hash, const uint8_t *name, size_t name_len,
    const struct node_source *source)
{
	const struct node *gone = segment_find(old, hash, name, name_len);
	unsigned names = old->names - (gone != NULL) + (source != NULL);
	size_t octets = old->octets - first_node(old) * 8 - (gone ? placed_size(gone) : 0) +
	    (source ? node_size(source) : 0);
	struct segment *new = segment_new(names, octets, old->depth, old->apex_hash);

	if (new == NULL)
		return NULL;
	for (unsigned i = 0; i < old->nslots; i++)
		if (old->slots[i].at != 0 && node_at(old, old->slots[i].at) != gone)
			adopt(new, node_at(old, old->slots[i].at));
	if (source != NULL)
		add(new, source);
	return new;
}

struct segment *
segment_half(const struct segment *old, unsigned bit)
{
	unsigned names = 0, shift = 63 - old->depth;
	size_t octets = 0;
	struct segment *new = NULL;

	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1 && (new = segment_new(names, octets, old->depth + 1u, old->apex_hash)) == NULL)
			return NULL;
		for (unsigned i = 0; i < old->nslots; i++) {
			const struct node *node = node_at(old, old->slots[i].at);

			if (old->slots[i].at == 0 || (segment_hash_of(old, node) >> shift & 1) != bit)
				continue;
			if (pass == 1)
				adopt(new, node);
			names++;
			octets += placed_size(node);
		}
	}
	return new;
}

struct segment *
segment_clone(const struct segment *old)
{
	return xmemdup(old, old->octets);
}

uint64_t
segment_number(const struct segment *segment)
{
	return segment->number;
}

void
segment_set_number(struct segment *segment, uint64_t number)
{
	segment->number = number;
}

unsigned
segment_depth(const struct segment *segment)
{
	return segment->depth;
}

unsigned
segment_names(const struct segment *segment)
{
	return segment->names;
}

size_t
segment_octets(const struct segment *segment)
{
	return segment->octets;
}

void
segment_each(const struct segment *segment, segment_node_fn *fn, void *arg)
{
	for (unsigned i = 0; i < segment->nslots; i++)
		if (segment->slots[i].at != 0)
			fn(arg, node_at(segment, segment->slots[i].at));
}

void
node_each_outside(const struct node *node, void (*fn)(void *arg, void *outside), void *arg)
{
	const uint8_t *at = node_name(node) + node->name_len;

	for (unsigned i = 0; i < node->nrrsets; i++) {
		const struct head *head = &heads(node)[i];
		void *outside;

		if (head->len & OUTSIDE) {
			memcpy(&outside, at, sizeof outside);
			fn(arg, outside);
		}
		at += place_len(head);
	}
}

static void
free_outside(void *arg, void *outside)
{
	(void)arg;
	free(outside);
}

static void
free_node(void *arg, const struct node *node)
{
	node_each_outside(node, free_outside, arg);
}

void
segment_free(struct segment *segment)
{
	if (segment == NULL)
		return;
	segment_each(segment, free_node, NULL);
	free(segment);
}

void
segment_free_shell(void *segment)
{
	free(segment);
}
