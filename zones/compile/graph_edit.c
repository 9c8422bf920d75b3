/* graph_edit.c -- edit the changed owners of zones. */
#include "zones/compile/graph.h"

#include "zones/base/array.h"

#include <stdlib.h>

enum { CHANGES_MAX = 10000 /* of a zone; for more a new build costs less */ };

struct zone_editing {
	const struct config_graph *graph;
	struct store_txn *txn;
	const struct zone_entry *entry;
	struct zone *zone; /* the edited copy */
	struct retire retire;
	bool alone; /* edit no owners but those that are named */
};

static int
compare_owners(const void *a, const void *b)
{
	const struct owner_change *x = a, *y = b;

	if (x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	return graph_compare_keys(x->key, x->len, y->key, y->len);
}

/* Read an owner and its load balancer. */
static bool
read_owner(void *arg, const struct bytes *key, zone_owner_fn *sink, void *sink_arg)
{
	const struct zone_editing *editing = arg;
	const uint8_t *apex = editing->entry->info.name;
	struct zone_owner owner = {.key = *key};
	uint8_t name[NAME_MAX_LEN * 2];
	int len = name_from_key(name, key->data, key->len);
	struct owner_rows *rows;
	const struct lb_entry *lb;
	bool done;

	if (len < 0 || (size_t)len + name_len(apex) > NAME_MAX_LEN)
		return len < 0;
	memcpy(name + len, apex, name_len(apex));
	rows = xmalloc(sizeof *rows);
	rows->count = 0;
	config_each_row(editing->txn, editing->entry->number, key, graph_gather_row, rows);
	owner.rrsets = rows->rrsets;
	owner.nrrsets = rows->count;
	if ((lb = graph_lb_by_name(editing->graph, name)) != NULL && lb->zone == editing->entry)
		owner.lb = lb->compiled;
	done = sink(sink_arg, &owner);
	free(rows);
	return done;
}

/* ---- the owners below a name ---- */

struct below {
	struct owner_key *keys;
	size_t count;
};

static void
add_below(struct below *below, const uint8_t *key, size_t len)
{
	below->keys = array_grow(below->keys, below->count, sizeof *below->keys);
	memcpy(below->keys[below->count].key, key, len);
	below->keys[below->count++].len = len;
}

/* A key ends with 00; the key of a name below has another octet there. */
static bool
is_below(const uint8_t *key, size_t len, const struct bytes *above)
{
	return len > above->len && memcmp(key, above->data, above->len - 1) == 0;
}

static void
add_rows_below(
    const struct zone_editing *editing, struct below *below, const struct bytes *above, size_t maximum)
{
	uint8_t from[NAME_MAX_KEY], key[NAME_MAX_KEY];
	size_t from_len = above->len, len;

	memcpy(from, above->data, from_len);
	for (;;) {
		from[from_len - 1] = 1; /* after the key, and before those of names below it */
		if (below->count > maximum ||
		    !config_owner_from(
			editing->txn, editing->entry->number, (struct bytes){from, from_len}, key, &len) ||
		    !is_below(key, len, above))
			return;
		add_below(below, key, len);
		memcpy(from, key, len);
		from_len = len;
	}
}

static void
add_lbs_below(const struct zone_editing *editing, struct below *below, const struct bytes *above)
{
	const struct config_graph *graph = editing->graph;

	for (size_t i = 0; i < graph->lbs.count; i++) {
		const struct lb_entry *lb = graph->lbs.items[i];
		uint8_t key[NAME_MAX_KEY];
		size_t len;

		if (lb->zone == editing->entry && lb->compiled != NULL &&
		    graph_owner_key(lb, editing->entry, key, &len) && is_below(key, len, above))
			add_below(below, key, len);
	}
}

static int
compare_below(const void *a, const void *b)
{
	const struct owner_key *x = a, *y = b;

	return graph_compare_keys(x->key, x->len, y->key, y->len);
}

static void
each_below(void *arg, const struct bytes *key, size_t maximum, zone_key_fn *fn, void *fn_arg)
{
	const struct zone_editing *editing = arg;
	struct below below = {0};

	add_rows_below(editing, &below, key, maximum);
	add_lbs_below(editing, &below, key);
	if (below.count > 0)
		qsort(below.keys, below.count, sizeof *below.keys, compare_below);
	for (size_t i = 0; i < below.count; i++)
		if (i == 0 || compare_below(&below.keys[i - 1], &below.keys[i]) != 0)
			fn(fn_arg, &(struct bytes){below.keys[i].key, below.keys[i].len});
	free(below.keys);
}

/* ---- zones ---- */

static bool
edit_sink(void *arg, const struct zone_owner *owner)
{
	struct zone_editing *editing = arg;

	return zone_edit_owner(editing->zone, owner, &editing->retire);
}

static bool
edit_plain(struct zone_editing *editing, const struct bytes *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!read_owner(editing, &keys[i], edit_sink, editing))
			return false;
	return true;
}

struct owners {
	struct bytes *keys;
	size_t count;
};

static void
add_owner(void *arg, const struct bytes *key)
{
	struct owners *owners = arg;

	owners->keys = array_grow(owners->keys, owners->count, sizeof *owners->keys);
	owners->keys[owners->count++] = (struct bytes){xmemdup(key->data, key->len), key->len};
}

/*
 * Edit these owners, and those whose signatures were renewed since the zone was built or edited. Without the
 * latter the zone stays at its version, so that they are followed later.
 */
static bool
edit_signed(struct zone_editing *editing, const struct bytes *keys, size_t count)
{
	const struct compiler_signing *source = editing->graph->signing;
	const struct zone_info *info = &editing->entry->info;
	const struct zone_signing *signing = source != NULL ? source->zone(source->arg, info) : NULL;
	const struct zone_rows rows = {editing, read_owner, each_below};
	struct owners owners = {0};
	bool done = signing != NULL;

	for (size_t i = 0; i < count; i++)
		add_owner(&owners, &keys[i]);
	if (done && !editing->alone && signing->version != editing->zone->version)
		done = source->renewed != NULL &&
		    source->renewed(source->arg, info, editing->zone->version, add_owner, &owners) &&
		    owners.count <= CHANGES_MAX;
	if (done)
		done = zone_edit_signed(
		    editing->zone, signing, &rows, owners.keys, owners.count, &editing->retire);
	if (done && !editing->alone)
		editing->zone->version = signing->version;
	for (size_t i = 0; i < owners.count; i++)
		free((void *)(uintptr_t)owners.keys[i].data);
	free(owners.keys);
	return done;
}

/*
 * Edit the owners of one zone, which are adjacent; none: those whose signatures were renewed, unless some of
 * them then had none, because the signatures are those of another configuration (S100).
 */
static bool
edit_zone(struct config_graph *graph, struct store_txn *txn, struct zone_entry *entry,
    const struct owner_change *owners, size_t count, bool alone)
{
	struct zone_editing editing = {.graph = graph,
	    .txn = txn,
	    .entry = entry,
	    .zone = zone_edit_begin(entry->zone),
	    .retire = graph_retire(graph),
	    .alone = alone};
	struct bytes *keys = xmalloc(count * sizeof *keys);
	size_t retired = graph->retired->count, nkeys = 0;
	bool is_signed = entry->zone->chain != NULL, done, worse;

	for (size_t i = 0; i < count; i++)
		if (i == 0 || compare_owners(&owners[i - 1], &owners[i]) != 0)
			keys[nkeys++] = (struct bytes){owners[i].key, owners[i].len};
	done = is_signed ? edit_signed(&editing, keys, nkeys) : edit_plain(&editing, keys, nkeys);
	free(keys);
	worse = done && count == 0 && editing.zone->missing > entry->zone->missing;
	if (!done || worse) {
		entry->refused = worse ? editing.zone->version : 0;
		zone_edit_drop(editing.zone, entry->zone);
		graph->retired->count = retired; /* still in use (snapshot.h) */
		entry->rebuild = is_signed && !worse;
		return is_signed;
	}
	zone_edit_done(entry->zone, &editing.retire);
	entry->zone = editing.zone;
	return true;
}

bool
graph_edit_owners(
    struct config_graph *graph, struct store_txn *txn, struct owner_change *owners, size_t count, bool alone)
{
	if (count > 0)
		qsort(owners, count, sizeof *owners, compare_owners);
	for (size_t i = 0, next; i < count; i = next) {
		struct zone_entry *entry = graph_find_zone(graph, owners[i].zone);

		for (next = i; next < count && owners[next].zone == owners[i].zone;)
			next++;
		/* Deleted since; or what comes by itself, as an end, has no signatures: it comes with them.
		 */
		if (entry == NULL || graph_is_lost(graph, entry))
			continue;
		entry->rebuild |= next - i > CHANGES_MAX;
		if (!entry->rebuild && !edit_zone(graph, txn, entry, &owners[i], next - i, alone))
			return false;
	}
	return true;
}

bool
graph_renew_zone(struct config_graph *graph, struct store_txn *txn, struct zone_entry *entry)
{
	return edit_zone(graph, txn, entry, NULL, 0, false) && !entry->rebuild;
}

void
graph_foresee(
    struct config_graph *graph, struct store_txn *txn, struct lb_entry *const *entries, size_t count)
{
	size_t retired = graph->retired->count;
	struct zone_editing editing = {.graph = graph,
	    .txn = txn,
	    .entry = entries[0]->zone,
	    .zone = zone_edit_begin(entries[0]->zone->zone),
	    .retire = graph_retire(graph)};
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		uint8_t key[NAME_MAX_KEY];
		size_t len;

		graph_wake_lb(graph, entries[i]);
		if (good && graph_owner_key(entries[i], editing.entry, key, &len))
			good = edit_signed(&editing, &(struct bytes){key, len}, 1);
	}
	zone_edit_drop(editing.zone, editing.entry->zone);
	graph->retired->count = retired; /* still in use */
}

struct showing {
	const struct zone *zone;
	const struct zone_signing *signing;
};

static bool
show_sink(void *arg, const struct zone_owner *owner)
{
	const struct showing *showing = arg;

	zone_each_signed(showing->zone, owner, showing->signing);
	return true;
}

void
graph_each_signed(const struct config_graph *graph, struct store_txn *txn, const struct zone_entry *entry,
    const struct bytes *key, const struct zone_signing *signing)
{
	struct zone_editing reading = {.graph = graph, .txn = txn, .entry = entry};
	struct showing showing = {entry->zone, signing};

	read_owner(&reading, key, show_sink, &showing);
}
