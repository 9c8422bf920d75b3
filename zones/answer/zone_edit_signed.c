/*
 * zone_edit_signed.c -- edit a signed zone: the chain, then the nodes that changed with it (snapshot.h).
 *
 * An owner that comes or goes changes the NSEC of the name before it. One that becomes a delegation or a
 * DNAME takes all names below it out of the chain; if it ends to be one, they come back.
 */
#include "zones/answer/zone_source.h"
#include "zones/base/array.h"

#include <stdlib.h>

enum { KEYS_MAX = 20000 }; /* if more owners change, a new build costs less */

struct keys {
	struct bytes *items; /* copies */
	size_t count;
};

struct editing {
	struct zone *zone;
	const struct zone_rows *rows;
	const struct retire *retire;
	struct owner_signing *signing;
	struct keys changed; /* the nodes to be made again */
	struct keys gaps;    /* names that came or went: the name before each changes, too */
	bool failed;
};

static void
keys_add(struct keys *keys, const void *data, size_t len)
{
	keys->items = array_grow(keys->items, keys->count, sizeof *keys->items);
	keys->items[keys->count++] = (struct bytes){xmemdup(data, len), len};
}

static void
keys_free(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		free((void *)(uintptr_t)keys->items[i].data);
	free(keys->items);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct bytes *x = a, *y = b;
	int order = memcmp(x->data, y->data, MIN(x->len, y->len));

	return order != 0 ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* The shape of an owner, as the chain depends on it. */
struct shape {
	bool there, covers;
	bool has_ttl;
	uint32_t ttl; /* of NSECs, at the apex */
};

static bool
look(void *arg, const struct zone_owner *owner)
{
	struct shape *shape = arg;
	struct rrset kept[NODE_RRSETS_MAX];
	struct node_source source;

	zone_source_of(&source, owner, kept, owner->key.len == 1);
	shape->there = source.nrrsets > 0 || source.lb != NULL;
	shape->covers = source.flags & (NODE_CUT | NODE_DNAME);
	for (unsigned i = 0; i < source.nrrsets; i++)
		if (kept[i].type == TYPE_SOA && kept[i].len >= 4) {
			shape->has_ttl = true;
			shape->ttl = MIN(kept[i].ttl, get32(kept[i].records + kept[i].len - 4));
		}
	return true;
}

/* The chain, private to this edit. */
static struct chain *
own_chain(struct editing *editing)
{
	struct zone *zone = editing->zone;

	if (chain_number(zone->chain) != zone->edits)
		zone->chain = chain_edit(zone->chain, zone->edits, editing->retire);
	return zone->chain;
}

static bool
is_below(const struct chain_key *key, const struct bytes *above)
{
	return key->len > above->len && memcmp(key->octets, above->data, above->len - 1) == 0;
}

static void
remove_below(struct editing *editing, const struct bytes *key)
{
	struct chain_key below;

	while (editing->changed.count <= KEYS_MAX && chain_after(editing->zone->chain, key, &below) &&
	    is_below(&below, key)) {
		chain_remove(own_chain(editing), &(struct bytes){below.octets, below.len}, editing->retire);
		keys_add(&editing->changed, below.octets, below.len);
	}
}

static void settle(void *arg, const struct bytes *key);

/* Put an owner into the chain, or take it out, and the names below it as it becomes or ends to cover them. */
static void
settle_shape(struct editing *editing, const struct bytes *key, const struct shape *shape)
{
	bool member = shape->there && !chain_covered(editing->zone->chain, key), covered;
	bool covers = member && shape->covers, was = chain_has(editing->zone->chain, key, &covered);

	keys_add(&editing->changed, key->data, key->len);
	if (member && (!was || covers != covered))
		chain_put(own_chain(editing), key, covers, editing->retire);
	else if (!member && was)
		chain_remove(own_chain(editing), key, editing->retire);
	if (member != was)
		keys_add(&editing->gaps, key->data, key->len);
	if (covers && !covered)
		remove_below(editing, key);
	else if (covered && !covers)
		editing->rows->below(editing->rows->arg, key, KEYS_MAX, settle, editing);
}

static void
settle(void *arg, const struct bytes *key)
{
	struct editing *editing = arg;
	struct shape shape = {0};

	if (editing->failed || editing->changed.count > KEYS_MAX ||
	    !editing->rows->owner(editing->rows->arg, key, look, &shape) ||
	    (key->len == 1 && (!shape.has_ttl || shape.ttl != editing->zone->negative_ttl)))
		editing->failed = true;
	else
		settle_shape(editing, key, &shape);
}

static bool
put(void *arg, const struct zone_owner *owner)
{
	struct editing *editing = arg;

	return zone_edit_node(editing->zone, owner, editing->signing, editing->retire);
}

/* Make the nodes again. */
static bool
put_all(struct editing *editing)
{
	struct keys *changed = &editing->changed;

	for (size_t i = 0; i < editing->gaps.count; i++) {
		struct chain_key before;

		if (chain_before(editing->zone->chain, &editing->gaps.items[i], &before))
			keys_add(changed, before.octets, before.len);
	}
	qsort(changed->items, changed->count, sizeof *changed->items, compare_keys);
	for (size_t i = 0; i < changed->count; i++) {
		if (i > 0 && compare_keys(&changed->items[i - 1], &changed->items[i]) == 0)
			continue;
		if (!editing->rows->owner(editing->rows->arg, &changed->items[i], put, editing))
			return false;
	}
	return true;
}

bool
zone_edit_signed(struct zone *zone, const struct zone_signing *signing, const struct zone_rows *rows,
    const struct bytes *keys, size_t count, const struct retire *retire)
{
	struct editing editing = {.zone = zone, .rows = rows, .retire = retire};
	bool done;

	for (size_t i = 0; i < count && !editing.failed; i++)
		settle(&editing, &keys[i]);
	editing.signing = owner_signing_new(signing, zone->apex);
	owner_signing_set_ttl(editing.signing, zone->negative_ttl);
	done = !editing.failed && editing.changed.count <= KEYS_MAX && put_all(&editing);
	owner_signing_free(editing.signing);
	keys_free(&editing.changed);
	keys_free(&editing.gaps);
	return done;
}
