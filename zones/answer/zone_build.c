/* zone_build.c -- build a zone from the store's rows (snapshot.h). */
#include "zones/answer/zone_place.h"
#include "zones/answer/zone_source.h"
#include "zones/base/array.h"

#include <assert.h>
#include <stdlib.h>

static struct zone *
zone_new(uint32_t number, const uint8_t *apex)
{
	struct zone *zone = xcalloc(1, sizeof *zone);
	struct path path;

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
	struct zone_place *place;       /* of the second pass; NULL in the first */
	uint8_t name[NAME_MAX_LEN + 8]; /* relative name of the last owner */
	uint8_t starts[NAME_MAX_LABELS];
	unsigned depth;
	uint64_t hash[NAME_MAX_LABELS + 1]; /* of the last owner's ancestors, [0] is the apex */
	/* the sizes from the first pass; those of a signed zone are guesses */
	struct zone_measure *measures;
	size_t count;
	/* of a signed zone */
	struct owner_signing *signing;
	struct chain_walk chain;
	uint8_t covering[NAME_MAX_KEY]; /* names below it do not belong to the chain */
	size_t covering_len;            /* 0: there is none */
};

static void
measure_node(struct walk *walk, const struct node_source *source)
{
	walk->measures = array_grow(walk->measures, walk->count, sizeof *walk->measures);
	walk->measures[walk->count++] = (struct zone_measure){source->hash, node_size(source)};
}

static bool
fill_node(struct walk *walk, const struct node_source *source, unsigned depth)
{
	struct zone *zone = walk->zone;

	if (!zone_place_add(walk->place, source, depth))
		return false;
	zone_note_depths(zone, source, depth);
	if (depth > 0)
		return true;
	free(zone->soa);
	return zone_note_soa(zone, source, &zone->soa);
}

static bool
walk_node(struct walk *walk, struct node_source *source, const uint8_t *name, size_t name_len, unsigned depth)
{
	source->name = name;
	source->name_len = (uint8_t)name_len;
	walk->hash[depth] = depth == 0 ? walk->zone->apex_hash : segment_hash(walk->hash[depth - 1], name);
	source->hash = walk->hash[depth];
	if (walk->zone->only)
		return true;
	if (walk->place != NULL)
		return fill_node(walk, source, depth);
	measure_node(walk, source);
	return true;
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

/* A key ends with one zero octet more than the keys of the names below it begin with. */
static bool
is_below(const struct bytes *key, const struct bytes *above)
{
	return above->len > 0 && key->len > above->len && memcmp(key->data, above->data, above->len - 1) == 0;
}

/* The first walk over a signed zone makes its chain, and measures. */
static void
gather_owner(struct walk *walk, const struct bytes *key, struct node_source *source, struct rrset *kept)
{
	struct bytes covering = {walk->covering, walk->covering_len};
	bool covers = source->flags & (NODE_DNAME | NODE_CUT);

	if (is_below(key, &covering))
		return;
	chain_add(walk->zone->chain, key, covers);
	if (covers) {
		memcpy(walk->covering, key->data, key->len);
		walk->covering_len = key->len;
	}
	if (source->flags & NODE_APEX)
		owner_signing_apex(walk->signing, source, kept);
	owner_signing_guess(walk->signing, source, kept);
}

static void
sign_owner(struct walk *walk, const struct bytes *key, struct node_source *source, struct rrset *kept)
{
	struct chain_key next;

	if (walk->place == NULL)
		gather_owner(walk, key, source, kept);
	else if (chain_walk_has(&walk->chain, key, &next))
		zone_sign(key, &next, walk->signing, source, kept);
}

/* Add one owner, in the order of the keys: first the empty non-terminals above it, then its node. */
static bool
walk_owner(void *arg, const struct zone_owner *owner)
{
	struct walk *walk = arg;
	uint8_t name[NAME_MAX_LEN + 8] = {0}; /* segment_hash reads whole words */
	uint8_t starts[NAME_MAX_LABELS];
	int len = name_from_key(name, owner->key.data, owner->key.len);
	struct rrset kept[NODE_RRSETS_MAX];
	struct node_source source;
	unsigned depth, shared;

	if (len < 0)
		return true; /* skip a damaged row */
	depth = zone_label_starts(name, (size_t)len, starts);
	shared = shared_labels(name, starts, depth, walk->name, walk->starts, walk->depth);
	for (unsigned d = shared + 1; d < depth; d++) {
		unsigned at = starts[depth - d];

		source = (struct node_source){0};
		if (!walk_node(walk, &source, name + at, (size_t)len - at, d))
			return false;
	}
	zone_source_of(&source, owner, kept, depth == 0);
	source.name = name;
	source.name_len = (uint8_t)len;
	if (walk->signing != NULL)
		sign_owner(walk, &owner->key, &source, kept);
	if (!walk_node(walk, &source, name, (size_t)len, depth))
		return false;
	memcpy(walk->name, name, (size_t)len);
	memcpy(walk->starts, starts, depth);
	walk->depth = depth;
	return true;
}

/*
 * Give each entry of the directory a segment of the measured size. Returns false if one would be too large.
 */
static bool
make_directory(struct zone *zone, const struct zone_measure *measures, size_t count)
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

/* Give the zone segments for the measured nodes, of at least this many bits. */
static bool
make_segments(struct zone *zone, const struct walk *measured, unsigned bits)
{
	bool made;

	zone->bits = (uint8_t)bits;
	while (zone->bits < ZONE_BITS_MAX && measured->count >> zone->bits > SEGMENT_NAMES)
		zone->bits++;
	while (!(made = make_directory(zone, measured->measures, measured->count)) &&
	    zone->bits < ZONE_BITS_MAX) {
		drop_directory(zone);
		zone->bits++;
	}
	return made;
}

/* Returns false with too_large if the zone needs more segments. */
static bool
fill(struct zone *zone, const struct walk *measured, struct side *side, zone_each_fn *each, void *arg,
    bool *too_large)
{
	struct owner_signing *signing = measured->signing;
	struct walk walk = {.zone = zone,
	    .place = zone_place_begin(zone, measured->measures, measured->count, side),
	    .signing = signing,
	    .chain = {.chain = zone->chain}};
	size_t missing = signing != NULL ? owner_signing_missing(signing) : 0;
	bool filled = each(arg, walk_owner, &walk) && (zone->soa != NULL || zone->only);

	*too_large = !zone_place_end(walk.place);
	if (signing != NULL)
		zone->missing = owner_signing_missing(signing) - missing;
	return filled && !*too_large;
}

static void
begin_signing(struct zone *zone, const struct owner_signing *signing)
{
	zone->chain = chain_new(zone->apex);
	zone->version = owner_signing_version(signing);
	zone->nkeys = owner_signing_keys(signing, zone->key_ids);
	for (unsigned i = 0; i < zone->nkeys; i++)
		zone->keys[i] =
		    content_of_key(zone->number, zone->key_ids[i].algorithm, zone->key_ids[i].key_tag);
	zone->only = owner_signing_only(signing);
}

/* Measure, then fill. */
static bool
build(struct zone *zone, struct owner_signing *signing, struct side *side, zone_each_fn *each, void *arg)
{
	struct walk measure = {.zone = zone, .signing = signing};
	bool built, too_large = true;

	if (signing != NULL)
		begin_signing(zone, signing);
	built = each(arg, walk_owner, &measure) && (measure.count > 0 || zone->only);
	if (signing != NULL) {
		chain_seal(zone->chain);
		zone->negative_ttl = owner_signing_ttl(signing);
	}
	for (unsigned bits = 1; built && too_large; bits = zone->bits + 1u) {
		drop_directory(zone);
		built = bits <= ZONE_BITS_MAX && make_segments(zone, &measure, bits) &&
		    (fill(zone, &measure, side, each, arg, &too_large) || too_large);
	}
	free(measure.measures);
	return built && !too_large;
}

struct zone *
zone_build(uint32_t number, const uint8_t *apex, const struct zone_signing *signing, struct side *side,
    zone_each_fn *each, void *arg)
{
	struct zone *zone = zone_new(number, apex);
	struct owner_signing *owner = signing != NULL ? owner_signing_new(signing, zone->apex) : NULL;

	if (!build(zone, owner, side, each, arg)) {
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
