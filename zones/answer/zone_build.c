/* zone_build.c -- build a zone from the store's rows, and edit one owner of it (snapshot.h). */
#include "zones/answer/snapshot.h"
#include "zones/base/array.h"

#include <assert.h>
#include <stdlib.h>

enum { BITS_MAX = 24, HIDDEN_ROOM = NODE_RRSETS_MAX };

static void
depths_add(struct depths *depths, unsigned depth)
{
	depths->words[depth / 64] |= UINT64_C(1) << depth % 64;
}

/* S6: a load balancer hides zone data of the types that it owns. */
static bool
hidden_by_lb(uint16_t type)
{
	return type == TYPE_A || type == TYPE_AAAA || type == TYPE_CNAME;
}

/* Convert an owner to the source of its node. kept has room for its RRsets. */
static void
source_of(
    struct node_source *source, const struct zone_owner *owner, struct rrset kept[HIDDEN_ROOM], bool apex)
{
	*source = (struct node_source){.lb = owner->lb, .rrsets = kept, .flags = apex ? NODE_APEX : 0};
	for (unsigned i = 0; i < owner->nrrsets && source->nrrsets < HIDDEN_ROOM; i++) {
		uint16_t type = owner->rrsets[i].type;

		if (owner->lb != NULL && hidden_by_lb(type))
			continue;
		kept[source->nrrsets++] = owner->rrsets[i];
		if (type == TYPE_NS && !apex)
			source->flags |= NODE_CUT;
		else if (type == TYPE_DNAME)
			source->flags |= NODE_DNAME;
		else if (type == TYPE_CNAME)
			source->flags |= NODE_CNAME;
	}
}

static void
note_depths(struct zone *zone, const struct node_source *source, unsigned depth)
{
	if (source->flags & NODE_CUT)
		depths_add(&zone->cuts, depth);
	if (source->flags & NODE_DNAME)
		depths_add(&zone->dnames, depth);
	if (depth > 0 && source->name[0] == 1 && source->name[1] == '*')
		depths_add(&zone->wilds, depth);
}

/* RFC 2308 5: the SOA of a negative answer has the minimum of its own TTL and its MINIMUM field. */
static bool
note_soa(struct zone *zone, const struct node_source *source, uint8_t **soa)
{
	*soa = NULL;
	for (unsigned i = 0; i < source->nrrsets; i++) {
		const struct rrset *rrset = &source->rrsets[i];
		const uint8_t *at = rrset->records, *rdata;
		uint16_t rdlen;

		if (rrset->type != TYPE_SOA)
			continue;
		rdata = rrset_next(&at, &rdlen);
		const struct bytes *signature = source->signatures != NULL ? &source->signatures[i] : NULL;

		if (rdlen < 22)
			return false;
		*soa = xmalloc(12u + rdlen + (signature != NULL ? signature->len : 0));
		zone->negative_ttl = MIN(rrset->ttl, get32(rdata + rdlen - 4));
		zone->soa_len = 12u + rdlen;
		zone->soa_signed_len = 0;
		if (signature != NULL) {
			zone->soa_signed_len = (uint32_t)signature->len;
			memcpy(*soa + zone->soa_len, signature->data, signature->len);
		}
		put16(*soa, 0xC00C);
		put16(*soa + 2, TYPE_SOA);
		put16(*soa + 4, CLASS_IN);
		put32(*soa + 6, zone->negative_ttl);
		put16(*soa + 10, rdlen);
		memcpy(*soa + 12, rdata, rdlen);
		return true;
	}
	return false;
}

static struct zone *
zone_new(uint32_t number, const uint8_t *apex)
{
	struct zone *zone = xcalloc(1, sizeof *zone);
	struct path path;

	if (zone == NULL)
		return NULL;
	path_init(&path, apex);
	zone->number = number;
	zone->labels = path.labels;
	zone->apex_len = path.len;
	memcpy(zone->apex, path.name, path.len);
	zone->apex_hash = path.hash[path.labels];
	return zone;
}

/* The position of a walk over the owners: the chain of nodes from the apex to the last owner. */
struct walk {
	struct zone *zone;
	bool filling;                   /* the second pass */
	uint8_t name[NAME_MAX_LEN + 8]; /* relative name of the last owner */
	uint8_t starts[NAME_MAX_LABELS];
	unsigned depth;
	uint64_t hash[NAME_MAX_LABELS + 1]; /* of the last owner's ancestors, [0] is the apex */
	struct node *nodes[NAME_MAX_LABELS + 1];
	/* the sizes from the first pass */
	struct measure {
		uint64_t hash;
		size_t size;
	} * measures;
	size_t count;
	/* of a signed zone */
	struct owner_signing *signing;
	struct chain_names *names;
	struct occlusion occlusion;
	size_t position; /* in names */
};

static bool
measure_node(struct walk *walk, const struct node_source *source)
{
	walk->measures = array_grow(walk->measures, walk->count, sizeof *walk->measures);
	walk->measures[walk->count++] = (struct measure){source->hash, node_size(source)};
	return true;
}

static bool
fill_node(struct walk *walk, const struct node_source *source, unsigned depth)
{
	struct zone *zone = walk->zone;
	struct node *node = segment_add(zone->directory[source->hash >> (64 - zone->bits)], source);

	if (node == NULL)
		return false;
	walk->nodes[depth] = node;
	note_depths(zone, source, depth);
	if (depth == 0)
		return note_soa(zone, source, &zone->soa);
	walk->nodes[depth - 1]->children++;
	if (source->name[0] == 1 && source->name[1] == '*')
		walk->nodes[depth - 1]->flags |= NODE_WILD;
	return true;
}

static bool
walk_node(struct walk *walk, struct node_source *source, const uint8_t *name, size_t name_len, unsigned depth)
{
	source->name = name;
	source->name_len = (uint8_t)name_len;
	walk->hash[depth] = depth == 0 ? walk->zone->apex_hash : segment_hash(walk->hash[depth - 1], name);
	source->hash = walk->hash[depth];
	return walk->filling ? fill_node(walk, source, depth) : measure_node(walk, source);
}

/* Find the start of each label of a relative name. Returns the number of labels. */
static unsigned
label_starts(const uint8_t *name, size_t len, uint8_t starts[NAME_MAX_LABELS])
{
	unsigned count = 0;

	for (size_t at = 0; at < len; at += name[at] + 1u)
		starts[count++] = (uint8_t)at;
	return count;
}

/* The number of labels, counted from the apex, that two relative names share. */
static unsigned
shared_labels(const uint8_t *a, const uint8_t *a_starts, unsigned a_count, const uint8_t *b,
    const uint8_t *b_starts, unsigned b_count)
{
	unsigned shared = 0;

	while (shared < a_count && shared < b_count) {
		const uint8_t *x = a + a_starts[a_count - shared - 1],
			      *y = b + b_starts[b_count - shared - 1];

		if (memcmp(x, y, *x + 1u) != 0)
			break;
		shared++;
	}
	return shared;
}

/* The first walk over a signed zone: the names of its chain. */
static bool
gather_owner(void *arg, const struct zone_owner *owner)
{
	struct walk *walk = arg;
	uint8_t name[NAME_MAX_LEN + 8];
	int len = name_from_key(name, owner->key.data, owner->key.len);
	struct rrset kept[HIDDEN_ROOM];
	struct node_source source;

	if (len < 0)
		return true; /* skip a damaged row */
	source_of(&source, owner, kept, len == 0);
	if (!occlusion_pass(&walk->occlusion, &owner->key, &source))
		chain_names_add(walk->names, name, (size_t)len);
	return true;
}

static void
sign_owner(struct walk *walk, const struct bytes *key, struct node_source *source, struct rrset *kept)
{
	const uint8_t *next;
	size_t len;

	if (occlusion_pass(&walk->occlusion, key, source))
		return;
	next = chain_names_next(walk->names, walk->position++, &len);
	if (source->flags & NODE_APEX)
		owner_signing_apex(walk->signing, source, kept);
	owner_signing_add(walk->signing, key, source, kept, next, len);
}

/* Add one owner, in the order of the keys: first the empty non-terminals above it, then its node. */
static bool
walk_owner(void *arg, const struct zone_owner *owner)
{
	struct walk *walk = arg;
	uint8_t name[NAME_MAX_LEN + 8] = {0}; /* segment_hash reads whole words */
	uint8_t starts[NAME_MAX_LABELS];
	int len = name_from_key(name, owner->key.data, owner->key.len);
	struct rrset kept[HIDDEN_ROOM];
	struct node_source source;
	unsigned depth, shared;

	if (len < 0)
		return true; /* skip a damaged row */
	depth = label_starts(name, (size_t)len, starts);
	shared = shared_labels(name, starts, depth, walk->name, walk->starts, walk->depth);
	for (unsigned d = shared + 1; d < depth; d++) {
		unsigned at = starts[depth - d];

		source = (struct node_source){0};
		if (!walk_node(walk, &source, name + at, (size_t)len - at, d))
			return false;
	}
	source_of(&source, owner, kept, depth == 0);
	source.name = name;
	source.name_len = (uint8_t)len;
	if (walk->signing != NULL)
		sign_owner(walk, &owner->key, &source, kept);
	if (!walk_node(walk, &source, name, (size_t)len, depth))
		return false;
	if (walk->filling && source.flags & NODE_NSEC)
		chain_add(walk->zone->chain, walk->nodes[depth]);
	memcpy(walk->name, name, sizeof name);
	memcpy(walk->starts, starts, sizeof starts);
	walk->depth = depth;
	return true;
}

/*
 * Give each entry of the directory a segment of exactly the measured size. Returns false if one would be too
 * large.
 */
static bool
make_directory(struct zone *zone, const struct measure *measures, size_t count)
{
	size_t entries = (size_t)1 << zone->bits;
	struct {
		unsigned names;
		size_t octets;
	} *totals = xcalloc(entries, sizeof *totals);
	bool made = totals != NULL && (zone->directory = xcalloc(entries, sizeof(struct segment *))) != NULL;

	for (size_t i = 0; made && i < count; i++) {
		totals[measures[i].hash >> (64 - zone->bits)].names++;
		totals[measures[i].hash >> (64 - zone->bits)].octets += measures[i].size;
	}
	for (size_t i = 0; made && i < entries; i++) {
		zone->directory[i] =
		    segment_new(totals[i].names, totals[i].octets, zone->bits, zone->apex_hash);
		made = zone->directory[i] != NULL;
	}
	free(totals);
	return made;
}

static void
drop_directory(struct zone *zone)
{
	for (size_t i = 0, next; zone->directory != NULL && i < (size_t)1 << zone->bits; i = next) {
		/* Entries that share a segment are adjacent. */
		next = zone->directory[i] == NULL
		    ? i + 1
		    : i + ((size_t)1 << (zone->bits - segment_depth(zone->directory[i])));
		segment_free(zone->directory[i]);
	}
	free(zone->directory);
	zone->directory = NULL;
}

/* Give the zone segments for the measured nodes. */
static bool
make_segments(struct zone *zone, const struct walk *measured)
{
	bool made;

	zone->bits = 1;
	while (zone->bits < BITS_MAX && measured->count >> zone->bits > SEGMENT_NAMES)
		zone->bits++;
	while (!(made = make_directory(zone, measured->measures, measured->count)) && zone->bits < BITS_MAX) {
		drop_directory(zone);
		zone->bits++;
	}
	return made;
}

/* Fill the segments, and the chain of a signed zone. */
static bool
fill(struct zone *zone, struct owner_signing *signing, struct chain_names *names, zone_each_fn *each,
    void *arg)
{
	struct walk walk = {.zone = zone, .filling = true, .signing = signing, .names = names};
	size_t missing = signing != NULL ? owner_signing_missing(signing) : 0;

	if (!each(arg, walk_owner, &walk) || zone->soa == NULL)
		return false;
	if (signing != NULL) {
		chain_seal(zone->chain);
		zone->missing = owner_signing_missing(signing) - missing;
	}
	return true;
}

/* Measure, then fill; in a signed zone after the names of its chain are known. */
static bool
build(struct zone *zone, struct owner_signing *signing, zone_each_fn *each, void *arg)
{
	struct chain_names names = {0};
	struct walk gather = {.zone = zone, .names = &names},
		    measure = {.zone = zone, .signing = signing, .names = &names};
	bool only = signing != NULL && owner_signing_only(signing);
	bool built = (signing == NULL || each(arg, gather_owner, &gather)) &&
	    each(arg, walk_owner, &measure) && measure.count > 0;

	if (only)
		measure.count = 0; /* one empty segment */
	built = built && make_segments(zone, &measure);
	free(measure.measures);
	if (built && signing != NULL) {
		zone->chain = chain_new(only ? 0 : names.count, zone->apex);
		zone->version = owner_signing_version(signing);
		zone->nkeys = owner_signing_keys(signing, zone->key_ids);
		for (unsigned i = 0; i < zone->nkeys; i++)
			zone->keys[i] = content_of_key(
			    zone->number, zone->key_ids[i].algorithm, zone->key_ids[i].key_tag);
	}
	built = built && (only || fill(zone, signing, &names, each, arg));
	chain_names_free(&names);
	return built;
}

struct zone *
zone_build(
    uint32_t number, const uint8_t *apex, const struct zone_signing *signing, zone_each_fn *each, void *arg)
{
	struct zone *zone = zone_new(number, apex);
	struct owner_signing *owner = signing != NULL ? owner_signing_new(signing, zone->apex) : NULL;

	if (!build(zone, owner, each, arg)) {
		zone_free(zone);
		zone = NULL;
	}
	owner_signing_free(owner);
	return zone;
}

void
zone_free(void *memory)
{
	struct zone *zone = memory;

	if (zone == NULL)
		return;
	drop_directory(zone);
	chain_free(zone->chain);
	free(zone->soa);
	free(zone);
}

static void
measure_segment(void *arg, const struct node *node)
{
	uint64_t *octets = arg;
	struct fragment fragment;

	for (unsigned i = 0; i < node->nrrsets; i++) {
		node_rrset_at(node, i, &fragment);
		if (fragment.len + fragment.signed_len > SEGMENT_OUTSIDE)
			*octets += fragment.len + fragment.signed_len;
	}
}

void
zone_measure(const struct zone *zone, uint64_t *names, uint64_t *octets)
{
	*names = 0;
	*octets = sizeof *zone + zone->soa_len + zone->soa_signed_len + (sizeof(void *) << zone->bits);
	if (zone->chain != NULL)
		*octets += chain_octets(zone->chain);
	for (size_t i = 0; i < (size_t)1 << zone->bits;) {
		const struct segment *segment = zone->directory[i];

		*names += segment_names(segment);
		*octets += segment_octets(segment);
		segment_each(segment, measure_segment, octets);
		i += (size_t)1 << (zone->bits - segment_depth(segment));
	}
}

/* Editing */

static void *
copy_of(const void *from, size_t len)
{
	void *copy = xmalloc(len);

	if (copy != NULL)
		memcpy(copy, from, len);
	return copy;
}

struct zone *
zone_edit_begin(const struct zone *old)
{
	struct zone *zone = copy_of(old, sizeof *old);

	if (zone == NULL)
		return NULL;
	zone->directory = copy_of(old->directory, sizeof(struct segment *) << old->bits);
	if (zone->directory == NULL) {
		free(zone);
		return NULL;
	}
	return zone;
}

void
zone_edit_done(const struct zone *old, const struct retire *retire)
{
	retire->add(retire->arg, free, old->directory);
	retire->add(retire->arg, free, (void *)(uintptr_t)old);
}

void
zone_edit_drop(struct zone *zone)
{
	free(zone->directory);
	free(zone);
}

static struct segment **
entry_of(struct zone *zone, uint64_t hash)
{
	return &zone->directory[hash >> (64 - zone->bits)];
}

/* Put a segment into all directory entries that its depth and a hash of it select. */
static void
set_entries(struct zone *zone, struct segment *segment, uint64_t hash)
{
	unsigned shared = zone->bits - segment_depth(segment);
	size_t first = (size_t)(hash >> (64 - zone->bits)) >> shared << shared;

	for (size_t i = 0; i < (size_t)1 << shared; i++)
		zone->directory[first + i] = segment;
}

static bool
double_directory(struct zone *zone)
{
	size_t entries = (size_t)1 << zone->bits;
	struct segment **grown;

	if (zone->bits == BITS_MAX || (grown = xmalloc(2 * entries * sizeof *grown)) == NULL)
		return false;
	for (size_t i = 0; i < entries; i++)
		grown[2 * i] = grown[2 * i + 1] = zone->directory[i];
	free(zone->directory); /* private to this edit */
	zone->directory = grown;
	zone->bits++;
	return true;
}

static bool
split(struct zone *zone, uint64_t hash, const struct retire *retire)
{
	struct segment *old = *entry_of(zone, hash), *halves[2];
	unsigned depth = segment_depth(old);
	uint64_t bit = UINT64_C(1) << (63 - depth);

	if (depth == zone->bits && !double_directory(zone))
		return false;
	halves[0] = segment_half(old, 0);
	halves[1] = segment_half(old, 1);
	if (halves[0] == NULL || halves[1] == NULL) {
		segment_free_shell(halves[0]);
		segment_free_shell(halves[1]);
		return false;
	}
	set_entries(zone, halves[0], hash & ~bit);
	set_entries(zone, halves[1], hash | bit);
	retire->add(retire->arg, segment_free_shell, old);
	return true;
}

static void
retire_outside(void *arg, void *outside)
{
	const struct retire *retire = arg;

	retire->add(retire->arg, free, outside);
}

/* Replace, add or (source NULL) remove one node. */
static bool
put_node(struct zone *zone, uint64_t hash, const uint8_t *name, size_t name_len,
    const struct node_source *source, const struct retire *retire)
{
	size_t size = source != NULL ? node_size(source) : 0;
	const struct node *old_node;
	struct segment *old, *new;

	for (;;) {
		old = *entry_of(zone, hash);
		if (segment_names(old) < 2 * SEGMENT_NAMES && segment_octets(old) + size + 64 < SEGMENT_MAX)
			break;
		if (!split(zone, hash, retire))
			return false;
	}
	if ((new = segment_edit(old, hash, name, name_len, source)) == NULL)
		return false;
	old_node = segment_find(old, hash, name, name_len);
	if (old_node != NULL)
		node_each_outside(old_node, retire_outside, (void *)(uintptr_t)retire);
	set_entries(zone, new, hash);
	retire->add(retire->arg, segment_free_shell, old);
	return true;
}

/* The name that is edited: relative, with the hash of each of its ancestors. */
struct walked_path {
	uint8_t name[NAME_MAX_LEN + 8];
	size_t len;
	unsigned depth;
	uint8_t starts[NAME_MAX_LABELS];
	uint64_t hash[NAME_MAX_LABELS + 1]; /* [d]: of the last d labels and the apex */
};

static const uint8_t *
place_name(const struct walked_path *place, unsigned depth, size_t *len)
{
	size_t at = depth == 0 ? place->len : place->starts[place->depth - depth];

	*len = place->len - at;
	return place->name + at;
}

static const struct node *
place_node(struct zone *zone, const struct walked_path *place, unsigned depth)
{
	size_t len;
	const uint8_t *name = place_name(place, depth, &len);

	return segment_find(*entry_of(zone, place->hash[depth]), place->hash[depth], name, len);
}

static bool
place_is_wild(const struct walked_path *place, unsigned depth)
{
	size_t len;
	const uint8_t *name = place_name(place, depth, &len);

	return len >= 2 && name[0] == 1 && name[1] == '*';
}

/* Add a child to the count of an existing node, or subtract it. */
static bool
count_child(
    struct zone *zone, const struct walked_path *place, unsigned depth, int by, const struct retire *retire)
{
	struct segment *old = *entry_of(zone, place->hash[depth]), *new = segment_clone(old);
	bool wild = place_is_wild(place, depth + 1);
	struct node *node;
	size_t len;
	const uint8_t *name = place_name(place, depth, &len);

	if (new == NULL)
		return false;
	/* Private until the edit is published. */
	node = (struct node *)(uintptr_t)segment_find(new, place->hash[depth], name, len);
	node->children += (uint32_t)by;
	if (wild)
		node->flags = by > 0 ? node->flags | NODE_WILD : node->flags & (uint16_t)~NODE_WILD;
	set_entries(zone, new, place->hash[depth]);
	retire->add(retire->arg, segment_free_shell, old);
	return true;
}

/* Create the node's missing parents, and add it to the count of its parent. */
static bool
link_to_parent(
    struct zone *zone, const struct walked_path *place, unsigned depth, const struct retire *retire)
{
	if (depth == 0)
		return true;
	if (place_node(zone, place, depth - 1) == NULL) {
		struct node_source empty = {.hash = place->hash[depth - 1]};
		size_t len;

		empty.name = place_name(place, depth - 1, &len);
		empty.name_len = (uint8_t)len;
		note_depths(zone, &empty, depth - 1); /* an empty "*" is a source of synthesis, too */
		if (!put_node(zone, empty.hash, empty.name, len, &empty, retire) ||
		    !link_to_parent(zone, place, depth - 1, retire))
			return false;
	}
	return count_child(zone, place, depth - 1, 1, retire);
}

/* Remove the node, and every empty non-terminal that then has no children. */
static bool
unlink_node(struct zone *zone, const struct walked_path *place, unsigned depth, const struct retire *retire)
{
	size_t len;
	const uint8_t *name = place_name(place, depth, &len);
	const struct node *parent;

	if (!put_node(zone, place->hash[depth], name, len, NULL, retire))
		return false;
	if (depth == 0)
		return true;
	if (!count_child(zone, place, depth - 1, -1, retire))
		return false;
	parent = place_node(zone, place, depth - 1);
	if (parent->children > 0 || parent->nrrsets > 0 || parent->flags & (NODE_LB | NODE_APEX))
		return true;
	return unlink_node(zone, place, depth - 1, retire);
}

static bool
place_init(struct walked_path *place, const struct zone *zone, const struct bytes *key)
{
	int len = name_from_key(place->name, key->data, key->len);

	if (len < 0)
		return false;
	memset(place->name + len, 0, 8);
	place->len = (size_t)len;
	place->depth = label_starts(place->name, place->len, place->starts);
	place->hash[0] = zone->apex_hash;
	for (unsigned d = 1; d <= place->depth; d++)
		place->hash[d] =
		    segment_hash(place->hash[d - 1], place->name + place->starts[place->depth - d]);
	return true;
}

bool
zone_edit_owner(struct zone *zone, const struct zone_owner *owner, const struct retire *retire)
{
	struct rrset kept[HIDDEN_ROOM];
	struct node_source source;
	const struct node *old;
	struct walked_path place;
	uint8_t *soa = NULL;
	size_t len;

	if (!place_init(&place, zone, &owner->key))
		return true; /* skip a damaged row */
	source_of(&source, owner, kept, place.depth == 0);
	source.name = place_name(&place, place.depth, &len);
	source.name_len = (uint8_t)len;
	source.hash = place.hash[place.depth];
	/* A zone without its SOA cannot answer: the caller keeps the old one. */
	if (place.depth == 0 && (!note_soa(zone, &source, &soa) || soa == NULL))
		return false;
	old = place_node(zone, &place, place.depth);
	if (old == NULL && source.nrrsets == 0 && source.lb == NULL)
		return true;
	if (old != NULL) {
		source.children = old->children;
		source.flags |= old->flags & NODE_WILD;
		if (source.nrrsets == 0 && source.lb == NULL && source.children == 0)
			return unlink_node(zone, &place, place.depth, retire);
	}
	if (place.depth == 0) {
		retire->add(retire->arg, free, zone->soa);
		zone->soa = soa;
	}
	note_depths(zone, &source, place.depth);
	if (!put_node(zone, source.hash, source.name, len, &source, retire))
		return false;
	return old != NULL || link_to_parent(zone, &place, place.depth, retire);
}
