/* zone_edit.c -- edit owners of a zone (snapshot.h). */
#include "zones/answer/zone_source.h"

#include <stdlib.h>

struct zone *
zone_edit_begin(const struct zone *old)
{
	struct zone *zone = xmemdup(old, sizeof *old);

	zone->directory = xmemdup(old->directory, sizeof(struct segment *) << old->bits);
	zone->edits++;
	return zone;
}

void
zone_edit_done(const struct zone *old, const struct retire *retire)
{
	retire->add(retire->arg, free, old->directory);
	retire->add(retire->arg, free, (void *)(uintptr_t)old);
}

/* Retire a segment that was replaced, or free it if this edit made it. */
static void
drop_segment(const struct zone *zone, struct segment *segment, const struct retire *retire)
{
	if (segment_number(segment) == zone->edits)
		segment_free_shell(segment);
	else
		retire->add(retire->arg, segment_free_shell, segment);
}

void
zone_edit_drop(struct zone *zone, const struct zone *old)
{
	for (size_t i = 0, next; i < (size_t)1 << zone->bits; i = next) {
		struct segment *segment = zone->directory[i];

		next = i + ((size_t)1 << (zone->bits - segment_depth(segment)));
		if (segment_number(segment) == zone->edits)
			segment_free_shell(segment);
	}
	if (zone->chain != NULL && chain_number(zone->chain) == zone->edits)
		chain_edit_drop(zone->chain);
	if (zone->soa != old->soa)
		free(zone->soa);
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

	segment_set_number(segment, zone->edits);
	for (size_t i = 0; i < (size_t)1 << shared; i++)
		zone->directory[first + i] = segment;
}

static bool
double_directory(struct zone *zone)
{
	size_t entries = (size_t)1 << zone->bits;
	struct segment **grown;

	if (zone->bits == ZONE_BITS_MAX)
		return false;
	grown = xmalloc(2 * entries * sizeof *grown);
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
	drop_segment(zone, old, retire);
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
	drop_segment(zone, old, retire);
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
static void
count_child(
    struct zone *zone, const struct walked_path *place, unsigned depth, int by, const struct retire *retire)
{
	struct segment *old = *entry_of(zone, place->hash[depth]), *new = segment_clone(old);
	bool wild = place_is_wild(place, depth + 1);
	struct node *node;
	size_t len;
	const uint8_t *name = place_name(place, depth, &len);

	/* Private until the edit is published. */
	node = (struct node *)(uintptr_t)segment_find(new, place->hash[depth], name, len);
	node->children += (uint32_t)by;
	if (wild)
		node->flags = by > 0 ? node->flags | NODE_WILD : node->flags & (uint16_t)~NODE_WILD;
	set_entries(zone, new, place->hash[depth]);
	drop_segment(zone, old, retire);
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
		zone_note_depths(zone, &empty, depth - 1); /* an empty "*" is a source of synthesis, too */
		if (!put_node(zone, empty.hash, empty.name, len, &empty, retire) ||
		    !link_to_parent(zone, place, depth - 1, retire))
			return false;
	}
	count_child(zone, place, depth - 1, 1, retire);
	return true;
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
	count_child(zone, place, depth - 1, -1, retire);
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
	place->depth = zone_label_starts(place->name, place->len, place->starts);
	place->hash[0] = zone->apex_hash;
	for (unsigned d = 1; d <= place->depth; d++)
		place->hash[d] =
		    segment_hash(place->hash[d - 1], place->name + place->starts[place->depth - d]);
	return true;
}

/* The name after one of the chain; after the last one comes the apex. */
static struct chain_key
next_of(const struct chain *chain, const struct bytes *key)
{
	struct chain_key next;

	return chain_after(chain, key, &next) ? next : (struct chain_key){.len = 1};
}

/* Set the NSECs and signatures of an owner of a signed zone. */
static void
sign(struct zone *zone, const struct bytes *key, struct owner_signing *signing, const struct node *old,
    struct node_source *source, struct rrset *kept)
{
	size_t missing = owner_signing_missing(signing);
	struct chain_key next;

	if (old != NULL)
		zone->missing -= node_missing(old);
	if (!chain_has(zone->chain, key, NULL))
		return;
	next = next_of(zone->chain, key);
	zone_sign(key, &next, signing, source, kept);
	zone->missing += owner_signing_missing(signing) - missing;
}

void
zone_each_signed(const struct zone *zone, const struct zone_owner *owner, const struct zone_signing *signing)
{
	uint8_t name[2 * NAME_MAX_LEN];
	int len = name_from_key(name, owner->key.data, owner->key.len);
	struct chain_key next = {.len = 1};
	struct rrset kept[NODE_RRSETS_MAX];
	struct owner_signing *parts;
	struct node_source source;

	if (len < 0 || (zone->chain != NULL && !chain_has(zone->chain, &owner->key, NULL)))
		return;
	if (zone->chain != NULL)
		next = next_of(zone->chain, &owner->key);
	zone_source_of(&source, owner, kept, owner->key.len == 1);
	source.name = name;
	source.name_len = (uint8_t)len;
	parts = owner_signing_new(signing, zone->apex);
	owner_signing_set_ttl(parts, zone->negative_ttl);
	zone_sign(&owner->key, &next, parts, &source, kept);
	owner_signing_free(parts);
}

/* Put a node in its place; old is the one that was there. */
static bool
place(struct zone *zone, const struct walked_path *place, struct node_source *source, const struct node *old,
    const struct retire *retire)
{
	if (old == NULL && source->nrrsets == 0 && source->lb == NULL)
		return true;
	if (old != NULL) {
		source->children = old->children;
		source->flags |= old->flags & NODE_WILD;
		if (source->nrrsets == 0 && source->lb == NULL && source->children == 0)
			return unlink_node(zone, place, place->depth, retire);
	}
	zone_note_depths(zone, source, place->depth);
	return put_node(zone, source->hash, source->name, source->name_len, source, retire) &&
	    (old != NULL || link_to_parent(zone, place, place->depth, retire));
}

bool
zone_edit_node(struct zone *zone, const struct zone_owner *owner, struct owner_signing *signing,
    const struct retire *retire)
{
	struct rrset kept[NODE_RRSETS_MAX];
	struct node_source source;
	const struct node *old;
	struct walked_path path;
	uint8_t *soa = NULL;
	size_t len;

	if (!place_init(&path, zone, &owner->key))
		return true; /* skip a damaged row */
	zone_source_of(&source, owner, kept, path.depth == 0);
	source.name = place_name(&path, path.depth, &len);
	source.name_len = (uint8_t)len;
	source.hash = path.hash[path.depth];
	old = place_node(zone, &path, path.depth);
	if (signing != NULL)
		sign(zone, &owner->key, signing, old, &source, kept);
	if (zone->only)
		return true;
	/* A zone without its SOA cannot answer: the caller keeps the old one. */
	if (path.depth == 0) {
		if (!zone_note_soa(zone, &source, &soa) || soa == NULL)
			return false;
		retire->add(retire->arg, free, zone->soa);
		zone->soa = soa;
	}
	return place(zone, &path, &source, old, retire);
}

bool
zone_edit_owner(struct zone *zone, const struct zone_owner *owner, const struct retire *retire)
{
	return zone_edit_node(zone, owner, NULL, retire);
}
