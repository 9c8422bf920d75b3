/*
 * graph_names.c -- a graph of a few names: only the data that answers to questions for them need.
 *
 * Of each zone around a name it has the rows of the name, of its ancestors, of the wildcards there, and one
 * owner below each ancestor, so that empty non-terminals exist. Of the load balancers it has those at these
 * names, and one that makes the deepest ancestor exist. The cost does not grow with the zones; it grows with
 * the load balancers only by a search in the index of their names.
 */
#include "zones/compile/graph.h"

#include "zones/base/array.h"

#include <stdlib.h>

enum { CANDIDATES = 8, DEPTHS = NAME_MAX_LABELS + 1 };

/* Load balancers that share equally many labels with a wanted name. */
struct sharing {
	struct id ids[CANDIDATES];
	unsigned count; /* may be larger than CANDIDATES: the others were not kept */
};

struct wanted {
	const uint8_t *name;
	unsigned labels;
	char text[NAME_MAX_TEXT];
	size_t len;
	struct id *own; /* at the name, or a wildcard at an ancestor */
	size_t nown;
	struct sharing sharing[DEPTHS];
};

struct picking {
	struct config_graph *graph;
	struct store_txn *txn;
	struct wanted *wanted;
	size_t nwanted;
};

/* ---- rows ---- */

static void
add_owner(struct zone_entry *zone, const uint8_t *key, size_t len)
{
	struct zone_owners *only = zone->only;

	only->keys = array_grow(only->keys, only->count, sizeof *only->keys);
	memcpy(only->keys[only->count].key, key, len);
	only->keys[only->count++].len = len;
}

/* Read one ancestor of a wanted name, or the name itself, which has no more labels. */
static void
add_ancestor(struct picking *picking, struct zone_entry *zone, const uint8_t *name, bool itself)
{
	uint8_t wildcard[NAME_MAX_LEN + 2] = {1, '*'}, key[NAME_MAX_KEY], below[NAME_MAX_KEY];
	size_t len = name_to_key(key, name, zone->info.name), below_len, octets = name_len(name);

	if (len == 0)
		return;
	add_owner(zone, key, len);
	/* A key ends with 00; the key of a name below has another octet there. */
	if (len > 1) {
		key[len - 1] = 1;
		if (config_owner_from(
			picking->txn, zone->number, (struct bytes){key, len}, below, &below_len) &&
		    below_len > len && memcmp(below, key, len - 1) == 0)
			add_owner(zone, below, below_len);
	}
	if (itself || octets + 2 > NAME_MAX_LEN)
		return;
	memcpy(wildcard + 2, name, octets);
	if ((len = name_to_key(key, wildcard, zone->info.name)) > 0)
		add_owner(zone, key, len);
}

static void
add_rows(struct picking *picking, struct zone_entry *zone, const uint8_t *name)
{
	unsigned labels = name_labels(name), apex = name_labels(zone->info.name);

	for (unsigned skip = 0; skip + apex <= labels; skip++)
		add_ancestor(picking, zone, name_skip(name, skip), skip == 0);
}

/* Find every served zone that encloses the name, because DS is in the parent zone. */
static void
add_zones(struct picking *picking, const uint8_t *name)
{
	for (unsigned skip = 0, labels = name_labels(name); skip <= labels; skip++) {
		uint8_t apex[NAME_MAX_LEN + 1];
		struct zone_entry *entry;
		struct zone_info info;

		name_lower(apex, name_skip(name, skip));
		if (!config_zone(picking->txn, apex, &info))
			continue;
		if ((entry = graph_find_zone(picking->graph, info.number)) == NULL) {
			entry = graph_add_zone(picking->graph, &info);
			entry->only = xcalloc(1, sizeof *entry->only);
		}
		add_rows(picking, entry, name);
	}
}

/* ---- load balancers ---- */

/* True for a dot of the text between two labels; "\." is part of a label. */
static bool
ends_label(const char *text, size_t at)
{
	size_t slashes = 0;

	while (slashes < at && text[at - 1 - slashes] == '\\')
		slashes++;
	return text[at] == '.' && slashes % 2 == 0;
}

/* The number of labels that two names have in common at their ends. */
static unsigned
common_labels(const char *name, size_t name_len, const char *other, size_t other_len)
{
	size_t same = 0, most = MIN(name_len, other_len);
	unsigned count = 0;

	while (same < most && name[name_len - 1 - same] == other[other_len - 1 - same]) {
		count += ends_label(name, name_len - 1 - same);
		same++;
	}
	/* The first label of the shorter name is complete if the longer name has a dot there. */
	if (same == most && same > 0 &&
	    (name_len == other_len ||
		(name_len > other_len ? ends_label(name, name_len - 1 - same)
				      : other[other_len - 1 - same] == '.')))
		count++;
	return count;
}

static unsigned
labels_of(const char *text, size_t len)
{
	unsigned count = 1;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '.';
	return count;
}

static void
note_own(struct wanted *wanted, const struct id *id)
{
	wanted->own = array_grow(wanted->own, wanted->nown, sizeof *wanted->own);
	wanted->own[wanted->nown++] = *id;
}

static bool
meet_lb(void *arg, struct bytes name, const struct id *id)
{
	struct picking *picking = arg;
	const char *text = name.data;

	for (size_t i = 0; i < picking->nwanted; i++) {
		struct wanted *wanted = &picking->wanted[i];
		unsigned common = common_labels(wanted->text, wanted->len, text, name.len);
		struct sharing *sharing = &wanted->sharing[common % DEPTHS];

		if (common == 0 || common >= DEPTHS)
			continue;
		if (sharing->count++ < CANDIDATES)
			sharing->ids[sharing->count - 1] = *id;
		if (common == wanted->labels || text[0] == '*') {
			unsigned labels = labels_of(text, name.len);

			if (labels == common ? common == wanted->labels
					     : labels == common + 1 && text[0] == '*')
				note_own(wanted, id);
		}
	}
	return true;
}

static void
add_lb(struct picking *picking, const struct id *id)
{
	struct lb *model;

	if (graph_find_lb(picking->graph, id) == NULL && (model = config_lb(picking->txn, id->text)) != NULL)
		graph_add_lb(picking->graph, model);
}

/* True if the load balancer makes names exist in the zone of the wanted name. */
static bool
is_in_zone(struct picking *picking, const struct wanted *wanted, const struct id *id)
{
	struct lb *model = config_lb(picking->txn, id->text);
	struct zone_info own, its;
	bool in = model != NULL && model->enabled && config_zone_of(picking->txn, wanted->name, &own) &&
	    config_zone_of(picking->txn, model->wire, &its) && own.number == its.number;

	model_free_lb(model);
	return in;
}

/*
 * Find one that makes the deepest ancestor exist. The result is not complete if it may be among those not
 * kept.
 */
static void
add_deepest(struct picking *picking, const struct wanted *wanted, bool *complete)
{
	for (unsigned depth = DEPTHS - 1; depth > 0; depth--) {
		const struct sharing *sharing = &wanted->sharing[depth];

		for (unsigned i = 0; i < MIN(sharing->count, CANDIDATES); i++)
			if (is_in_zone(picking, wanted, &sharing->ids[i])) {
				add_lb(picking, &sharing->ids[i]);
				return;
			}
		*complete &= sharing->count <= CANDIDATES;
	}
}

static void
add_lbs(struct picking *picking, const uint8_t *const *names, size_t count, bool *complete)
{
	picking->wanted = xcalloc(count, sizeof *picking->wanted);
	picking->nwanted = count;
	for (size_t i = 0; i < picking->nwanted; i++) {
		struct wanted *wanted = &picking->wanted[i];

		wanted->name = names[i];
		wanted->labels = name_labels(names[i]);
		name_to_host(names[i], wanted->text);
		wanted->len = strlen(wanted->text);
		for (char *at = wanted->text; *at != '\0'; at++)
			*at = (char)name_lower_octet((uint8_t)*at);
	}
	config_each_name(picking->txn, KIND_LB, meet_lb, picking);
	for (size_t i = 0; i < picking->nwanted; i++) {
		struct wanted *wanted = &picking->wanted[i];

		add_deepest(picking, wanted, complete);
		for (size_t j = 0; j < wanted->nown; j++)
			add_lb(picking, &wanted->own[j]);
		free(wanted->own);
	}
	free(picking->wanted);
}

/* The pools that they refer to. */
static void
add_pools(struct picking *picking)
{
	struct config_graph *graph = picking->graph;

	for (uint32_t slot = 0; slot < graph->pools.count; slot++) {
		struct pool_entry *pool = graph_pool_at(graph, slot);
		struct pool *model = config_pool(picking->txn, pool->id.text);

		if (model != NULL)
			graph_set_pool(graph, pool, model);
	}
}

bool
graph_read_names(struct config_graph *graph, struct store_txn *txn, const uint8_t *const *names, size_t count,
    bool *complete)
{
	struct picking picking = {.graph = graph, .txn = txn};

	*complete = true;
	for (size_t i = 0; i < count; i++)
		add_zones(&picking, names[i]);
	add_lbs(&picking, names, count, complete);
	add_pools(&picking);
	if (!graph_build_zones(graph, txn))
		return false;
	graph_update_tables(graph);
	graph_make_snapshot(graph, config_generation(txn));
	return true;
}
