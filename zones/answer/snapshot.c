#include "zones/answer/snapshot.h"

#include <stdlib.h>

struct zone_slot {
	uint64_t hash;
	const struct zone *zone; /* NULL: free */
};

struct zone_table {
	struct depths depths; /* label counts of the zones */
	uint32_t mask;
	struct zone_slot slots[];
};

void
path_init(struct path *path, const uint8_t *name)
{
	uint64_t hash = SEGMENT_HASH_ROOT;
	uint8_t starts[NAME_MAX_LABELS + 1];
	unsigned labels = 0, at = 0;

	for (; name[at] != 0; at += name[at] + 1u)
		starts[labels++] = (uint8_t)at;
	starts[labels] = (uint8_t)at;
	path->spelt = name;
	path->labels = (uint8_t)labels;
	path->len = (uint8_t)(at + 1);
	for (unsigned i = 0; i <= at; i++)
		path->name[i] = name_lower_octet(name[i]);
	memset(path->name + at + 1, 0, 8);
	for (unsigned n = 0;; n++) {
		path->at[n] = starts[labels - n];
		path->hash[n] = hash;
		if (n == labels)
			break;
		hash = segment_hash(hash, &path->name[starts[labels - n - 1]]);
	}
}

static bool
depths_have(const struct depths *depths, unsigned depth)
{
	return depths->words[depth / 64] >> depth % 64 & 1;
}

static bool
depths_empty(const struct depths *depths)
{
	return (depths->words[0] | depths->words[1]) == 0;
}

static struct segment *
segment_of(const struct zone *zone, uint64_t hash)
{
	return zone->directory[hash >> (64 - zone->bits)];
}

const struct node *
zone_node(const struct zone *zone, const struct path *path, unsigned labels)
{
	uint64_t hash = path->hash[labels];

	return segment_find(segment_of(zone, hash), hash, &path->name[path->at[labels]],
	    (size_t)(path->at[zone->labels] - path->at[labels]));
}

/* An owner in the chain, relative to the zone. */
struct cover {
	uint8_t owner[NAME_MAX_LEN + 8]; /* segment_hash reads whole words */
	int len;
	uint64_t hash;
};

static void
find_cover(const struct zone *zone, const uint8_t *name, struct cover *cover)
{
	uint8_t starts[NAME_MAX_LABELS];
	struct chain_key key;
	unsigned count = 0;

	*cover = (struct cover){.hash = zone->apex_hash};
	chain_cover(zone->chain, name, &key);
	cover->len = name_from_key(cover->owner, key.octets, key.len);
	for (int at = 0; at < cover->len; at += cover->owner[at] + 1)
		starts[count++] = (uint8_t)at;
	while (count-- > 0)
		cover->hash = segment_hash(cover->hash, cover->owner + starts[count]);
}

const struct node *
zone_cover(const struct zone *zone, const uint8_t *name)
{
	struct cover cover;

	find_cover(zone, name, &cover);
	return segment_find(
	    segment_of(zone, cover.hash), cover.hash, cover.owner, cover.len > 0 ? (size_t)cover.len : 0);
}

/* The highest cut or DNAME above the name, or a cut at it. This zone does not answer for names below. */
static bool
find_boundary(const struct zone *zone, const struct path *path, unsigned depth, struct hit *hit)
{
	for (unsigned d = 0; d <= depth; d++) {
		const struct node *node;

		if (!depths_have(&zone->cuts, d) && !depths_have(&zone->dnames, d))
			continue;
		if ((node = zone_node(zone, path, zone->labels + d)) == NULL)
			return false; /* no deeper name exists either */
		hit->node = node;
		hit->labels = zone->labels + d;
		if (node->flags & NODE_CUT) {
			hit->found = FOUND_CUT;
			return true;
		}
		if (node->flags & NODE_DNAME && d < depth) {
			hit->found = FOUND_DNAME;
			return true;
		}
	}
	return false;
}

/* The node "*" below the path's last labels. */
static const struct node *
wildcard_below(const struct zone *zone, const struct path *path, unsigned labels)
{
	uint8_t name[NAME_MAX_LEN + 2] = {1, '*'};
	size_t rest = (size_t)(path->at[zone->labels] - path->at[labels]);
	static const uint8_t star[9] = {1, '*'};
	uint64_t hash = segment_hash(path->hash[labels], star);

	memcpy(name + 2, &path->name[path->at[labels]], rest);
	return segment_find(segment_of(zone, hash), hash, name, rest + 2);
}

/* RFC 4592 3.3.1: the source of synthesis is the "*" child of the closest encloser, and no other. */
static void
find_wildcard(const struct zone *zone, const struct path *path, unsigned depth, struct hit *hit)
{
	for (unsigned d = depth; d-- > 0;) {
		const struct node *encloser;

		if (!depths_have(&zone->wilds, d + 1))
			continue;
		if ((encloser = zone_node(zone, path, zone->labels + d)) == NULL)
			continue;
		if (!(encloser->flags & NODE_WILD))
			return;
		if (d + 1 < depth && zone_node(zone, path, zone->labels + d + 1) != NULL)
			return;
		hit->node = wildcard_below(zone, path, zone->labels + d);
		hit->labels = zone->labels + d;
		hit->found = hit->node != NULL ? FOUND_WILDCARD : FOUND_NOTHING;
		return;
	}
}

void
zone_find(const struct zone *zone, const struct path *path, struct hit *hit)
{
	unsigned depth = (unsigned)path->labels - zone->labels;

	*hit = (struct hit){.found = FOUND_NOTHING};
	if (!(depths_empty(&zone->cuts) && depths_empty(&zone->dnames)) &&
	    find_boundary(zone, path, depth, hit))
		return;
	hit->node = zone_node(zone, path, path->labels);
	hit->labels = path->labels;
	if (hit->node != NULL)
		hit->found = FOUND_NAME;
	else if (!depths_empty(&zone->wilds))
		find_wildcard(zone, path, depth, hit);
}

static const struct zone *
table_find(const struct zone_table *table, const struct path *path, unsigned labels)
{
	uint64_t hash = path->hash[labels];

	for (uint32_t i = (uint32_t)hash & table->mask; table->slots[i].zone != NULL;
	     i = (i + 1) & table->mask) {
		const struct zone *zone = table->slots[i].zone;

		if (table->slots[i].hash == hash && zone->labels == labels &&
		    memcmp(zone->apex, &path->name[path->at[labels]], zone->apex_len) == 0)
			return zone;
	}
	return NULL;
}

const struct zone *
snapshot_zone(const struct snapshot *snapshot, const struct path *path, bool parent)
{
	if (parent && path->labels == 0)
		return NULL;
	for (unsigned labels = path->labels - parent + 1u; labels-- > 0;) {
		const struct zone *zone;

		if (depths_have(&snapshot->zones->depths, labels) &&
		    (zone = table_find(snapshot->zones, path, labels)) != NULL)
			return zone;
	}
	return NULL;
}

bool
zone_prefetch(const struct zone *zone, const struct path *path, unsigned stage)
{
	uint64_t hash = path->hash[path->labels];
	const void *node;

	if (stage == 0) {
		__builtin_prefetch(segment_of(zone, hash));
	} else if (stage == 1) {
		__builtin_prefetch(segment_index_line(segment_of(zone, hash), hash));
	} else {
		node = segment_node_line(segment_of(zone, hash), hash);
		__builtin_prefetch(node);
		return zone->chain != NULL && node == segment_of(zone, hash) && chain_is_large(zone->chain);
	}
	return false;
}

void
zone_prefetch_cover(const struct zone *zone, const struct path *path, unsigned stage, uint64_t *hash)
{
	struct cover cover;

	if (stage == 0) {
		chain_prefetch(zone->chain, path->name);
	} else if (stage == 1) {
		find_cover(zone, path->name, &cover);
		*hash = cover.hash;
		__builtin_prefetch(segment_of(zone, cover.hash));
	} else if (stage == 2) {
		__builtin_prefetch(segment_index_line(segment_of(zone, *hash), *hash));
	} else {
		__builtin_prefetch(segment_node_line(segment_of(zone, *hash), *hash));
	}
}

const struct steer_lb *
snapshot_lb(const struct snapshot *snapshot, const uint8_t *name, bool wildcard)
{
	const struct zone *zone;
	struct path path;
	struct hit hit;

	path_init(&path, name);
	if ((zone = snapshot_zone(snapshot, &path, false)) == NULL)
		return NULL;
	zone_find(zone, &path, &hit);
	return hit.found == FOUND_NAME || (wildcard && hit.found == FOUND_WILDCARD) ? node_lb(hit.node)
										    : NULL;
}

struct zone_table *
zone_table_new(const struct zone *const *zones, size_t count)
{
	size_t slots = 8;
	struct zone_table *table;

	while (slots < count * 2)
		slots *= 2;
	table = xcalloc(1, sizeof *table + slots * sizeof table->slots[0]);
	table->mask = (uint32_t)(slots - 1);
	for (size_t n = 0; n < count; n++) {
		uint32_t i = (uint32_t)zones[n]->apex_hash & table->mask;

		while (table->slots[i].zone != NULL)
			i = (i + 1) & table->mask;
		table->slots[i] = (struct zone_slot){.hash = zones[n]->apex_hash, .zone = zones[n]};
		table->depths.words[zones[n]->labels / 64] |= UINT64_C(1) << zones[n]->labels % 64;
	}
	return table;
}
