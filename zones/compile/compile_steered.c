/*
 * compile_steered.c -- the RRsets that the load balancers of signed zones can answer with, for
 * graycloud-signer.
 */
#include "zones/compile/compile_inner.h"

#include "zones/base/array.h"

#include <stdlib.h>

struct steering_walk {
	struct compiler *compiler;
	const struct lb_entry *entry;
	bool all;
	bool spares;  /* only the sets without one origin (S109) */
	bool bare;    /* without a key */
	bool stopped; /* fn returned false */
	compiler_steered_fn *fn;
	compiler_pause_fn *pause;
	void *arg;
	struct content owner; /* of entry, as a key of its zone signs it */
	struct steer_lb plan; /* of entry, after a set or a rule; without pools */
	struct steered_signature row;
};

static void
offer(struct steering_walk *walk, const struct content *content)
{
	struct signature ignored;

	if (walk->stopped ||
	    (!walk->all && signature_table_find(walk->compiler->signatures, content, &ignored)))
		return;
	walk->stopped = !walk->fn(walk->arg, &walk->row, content);
}

static void
offer_address(struct steering_walk *walk, const struct address *address)
{
	unsigned family = address->family == FAMILY_V4 ? TABLE_V4 : TABLE_V6;
	struct content content = content_single(&walk->owner, family, address->bytes);

	walk->row.type = family == TABLE_V4 ? TYPE_A : TYPE_AAAA;
	walk->row.count = 1;
	walk->row.addresses = address->bytes;
	offer(walk, &content);
}

/* Every address that health and steering can leave alone, and the CNAMEs. */
static void
offer_origins(struct steering_walk *walk, const struct pool *pool)
{
	for (size_t i = 0; pool != NULL && i < pool->norigins; i++) {
		const struct origin *origin = &pool->origins[i];
		struct content target;

		if (origin->ip.family != FAMILY_NONE)
			offer_address(walk, &origin->ip);
		for (unsigned n = 0; origin->resolved != NULL && n < origin->resolved->count; n++)
			offer_address(walk, &origin->resolved->list[n].address);
		if (!origin->unflattened || origin->ip.family != FAMILY_NONE ||
		    name_from_text(walk->row.target, origin->address, NULL) == 0)
			continue;
		walk->row.type = TYPE_CNAME;
		walk->row.count = 0;
		target = content_of_octets(walk->row.target, name_len(walk->row.target));
		target = content_join(&walk->owner, CONTENT_CNAME, 0, &target);
		offer(walk, &target);
	}
}

/* All addresses of a list at once. */
static void
offer_ring(struct steering_walk *walk, const struct candidates *list, unsigned family)
{
	unsigned len = family == TABLE_V4 ? 4 : 16, count = list->nring;
	uint8_t *addresses;
	struct content content;

	if (count < 2 || count > STEERED_ADDRESSES_MAX)
		return;
	addresses = xmalloc((size_t)count * len);
	for (unsigned i = 0; i < count; i++)
		memcpy(addresses + (size_t)i * len, list->ring[i].bytes, len);
	walk->row.type = family == TABLE_V4 ? TYPE_A : TYPE_AAAA;
	walk->row.count = (uint16_t)count;
	walk->row.addresses = addresses;
	content = content_join(&walk->owner, CONTENT_SET, family, &list->content);
	offer(walk, &content);
	free(addresses);
}

static void
offer_addresses(struct steering_walk *walk, const struct candidates *list, unsigned family,
    const uint16_t *chosen, unsigned count)
{
	unsigned len = family == TABLE_V4 ? 4 : 16;
	uint8_t addresses[STEER_ANSWERS_MAX * 16];
	struct content content = {{0}};

	for (unsigned i = 0; i < count; i++) {
		const uint8_t *bytes = list->addresses[chosen[i]].bytes;
		struct content address = content_of_octets(bytes, 16);

		content_add(&content, &address);
		memcpy(addresses + (size_t)i * len, bytes, len);
	}
	walk->row.type = family == TABLE_V4 ? TYPE_A : TYPE_AAAA;
	walk->row.count = (uint16_t)count;
	walk->row.addresses = addresses;
	content = content_join(&walk->owner, CONTENT_SET, family, &content);
	if (count > 1)
		offer(walk, &content);
}

/* Every set of n origins of a list; with max_answers = 1 each address is alone. */
static void
offer_windows(struct steering_walk *walk, const struct candidates *list, unsigned family, unsigned n)
{
	const struct steer_lb *lb = &walk->plan;
	uint16_t chosen[STEER_ANSWERS_MAX];

	if (lb->max_answers == 1 || (n == 1 && list->plain))
		return;
	for (unsigned place = 0; place < list->count; place++)
		offer_addresses(walk, list, family, chosen, steer_window(lb, list, place, n, chosen));
}

/* The sets of a pool's table, with the affinity and failover of walk->plan. */
static void
offer_table(struct steering_walk *walk, const struct pool_table *table)
{
	const struct steer_lb *lb = &walk->plan;
	unsigned n;

	for (unsigned family = 0; table != NULL && family < TABLE_FAMILIES; family++) {
		const struct candidates *lists[] = {
		    steer_candidates(lb, table, family), &table->fallback[family]};

		n = steer_windows(lb, table);
		for (unsigned i = 0; i < NITEMS(lists); i++)
			if (n > 0)
				offer_windows(walk, lists[i], family, n);
			else
				offer_ring(walk, lists[i], family);
	}
}

static void
offer_sets(struct steering_walk *walk, uint32_t slot)
{
	struct config_graph *graph = walk->compiler->graph;
	const struct spares *spares;

	if (!walk->spares) {
		offer_table(walk, pool_slot_table(graph->shared, slot));
		return;
	}
	spares = compiler_spares(walk->compiler, graph_pool_at(graph, slot));
	for (unsigned i = 0; i < spares->count; i++)
		offer_table(walk, spares->tables[i]);
}

/* Does a set or a rule set this property to this value? */
static bool
overrides_to(const struct steer_lb *lb, unsigned part, unsigned value)
{
	const struct steer_overrides *all = lb->overrides;

	for (uint32_t i = 0; all != NULL && i < all->nsets + all->nrules; i++) {
		const struct steer_override *one =
		    i < all->nsets ? &all->sets[i] : &all->rules[i - all->nsets];

		if (one->parts & part &&
		    value == (part == PART_AFFINITY ? (unsigned)one->affinity : (unsigned)one->failover))
			return true;
	}
	return false;
}

static void
offer_pool(struct steering_walk *walk, uint32_t slot)
{
	static const enum affinity affinities[] = {AFFINITY_NONE, AFFINITY_IP};
	static const enum failover failovers[] = {FAILOVER_NONE, FAILOVER_TEMPORARY, FAILOVER_STICKY};
	const struct steer_lb *lb = walk->entry->compiled;

	if (!walk->spares)
		offer_origins(walk, graph_pool_at(walk->compiler->graph, slot)->model);
	walk->plan = *lb;
	for (unsigned a = 0; a < NITEMS(affinities); a++)
		for (unsigned f = 0; f < NITEMS(failovers); f++) {
			walk->plan.affinity = affinities[a];
			walk->plan.failover = failovers[f];
			if ((lb->affinity == affinities[a] ||
				overrides_to(lb, PART_AFFINITY, affinities[a])) &&
			    (lb->failover == failovers[f] || overrides_to(lb, PART_FAILOVER, failovers[f])))
				offer_sets(walk, slot);
		}
}

/* S109 */
static bool
has_spares(const struct compiler *compiler, const struct lb_entry *entry)
{
	const struct compiler_signing *source = compiler->graph->signing;

	return source != NULL && source->spares != NULL && entry->zone != NULL &&
	    source->spares(source->arg, entry->zone->number);
}

static void
offer_pools(struct steering_walk *walk, const struct lb_entry *entry)
{
	const struct steer_lb *lb = entry->compiled;

	walk->entry = entry;
	for (unsigned p = 0; p < lb->nall; p++)
		offer_pool(walk, lb->pools[p].slot);
	offer_pool(walk, lb->fallback.slot);
}

/* The load balancer of an entry, if it is one of a signed zone. */
static void
offer_lb(struct steering_walk *walk, const struct lb_entry *entry)
{
	const struct steer_lb *lb = entry->compiled;
	const struct zone *zone = entry->zone != NULL ? entry->zone->zone : NULL;

	if (lb == NULL || zone == NULL || zone->chain == NULL)
		return;
	walk->row.zone = entry->zone->number;
	walk->row.ttl = lb->signed_ttl;
	memcpy(walk->row.owner, lb->name, lb->name_len);
	for (unsigned i = 0; i < zone->nkeys; i++) {
		walk->owner = walk->bare ? lb->content : content_signed(&lb->content, &zone->keys[i]);
		walk->row.signature.algorithm = zone->key_ids[i].algorithm;
		walk->row.signature.key_tag = zone->key_ids[i].key_tag;
		offer_pools(walk, entry);
	}
}

/* The same with the sets without one origin, if it has them. */
static void
offer_lb_wholly(struct steering_walk *walk, const struct lb_entry *entry)
{
	walk->spares = false;
	offer_lb(walk, entry);
	walk->spares = has_spares(walk->compiler, entry);
	if (walk->spares && !walk->stopped)
		offer_lb(walk, entry);
}

void
compiler_each_steered(struct compiler *compiler, compiler_steered_fn *fn, void *arg)
{
	struct steering_walk walk = {.compiler = compiler, .all = true, .fn = fn, .arg = arg};

	for (size_t i = 0; compiler->graph != NULL && i < compiler->graph->lbs.count && !walk.stopped; i++)
		offer_lb_wholly(&walk, compiler->graph->lbs.items[i]);
}

bool
compiler_offer_entry(
    struct compiler *compiler, const struct lb_entry *entry, compiler_steered_fn *fn, void *arg)
{
	struct steering_walk walk = {.compiler = compiler, .fn = fn, .arg = arg};

	offer_lb(&walk, entry);
	return !walk.stopped;
}

struct gathering {
	struct content *list;
	size_t count;
};

static bool
gather(void *arg, const struct steered_signature *row, const struct content *content)
{
	struct gathering *gathering = arg;

	(void)row;
	gathering->list = array_grow(gathering->list, gathering->count, sizeof *gathering->list);
	gathering->list[gathering->count++] = *content;
	return true;
}

static int
compare_contents(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct content));
}

size_t
compiler_contents(struct compiler *compiler, const struct id *id, struct content **out)
{
	const struct lb_entry *entry = compiler->graph != NULL ? graph_find_lb(compiler->graph, id) : NULL;
	struct gathering gathering = {.count = 0};
	struct steering_walk walk = {
	    .compiler = compiler, .all = true, .bare = true, .fn = gather, .arg = &gathering};

	if (entry != NULL)
		offer_lb_wholly(&walk, entry);
	if (gathering.count > 0)
		qsort(gathering.list, gathering.count, sizeof *gathering.list, compare_contents);
	*out = gathering.list;
	return gathering.count;
}

/* Sort, and leave each content once. */
static void
make_unique(struct gathering *gathering)
{
	size_t count = 0;

	if (gathering->count > 0)
		qsort(gathering->list, gathering->count, sizeof *gathering->list, compare_contents);
	for (size_t i = 0; i < gathering->count; i++)
		if (count == 0 || compare_contents(&gathering->list[count - 1], &gathering->list[i]) != 0)
			gathering->list[count++] = gathering->list[i];
	gathering->count = count;
}

size_t
compiler_spare_sets(struct compiler *compiler, const uint8_t *name)
{
	const struct lb_entry *entry =
	    compiler->graph != NULL ? graph_lb_by_name(compiler->graph, name) : NULL;
	struct gathering now = {.count = 0}, spare = {.count = 0};
	struct steering_walk walk = {.compiler = compiler, .all = true, .bare = true, .fn = gather};
	size_t count = 0;

	if (entry == NULL || entry->compiled == NULL)
		return 0;
	walk.owner = entry->compiled->content;
	walk.arg = &now;
	offer_pools(&walk, entry);
	walk.spares = true;
	walk.arg = &spare;
	offer_pools(&walk, entry);
	make_unique(&now);
	make_unique(&spare);
	for (size_t i = 0; i < spare.count; i++)
		count += now.count == 0 ||
		    bsearch(&spare.list[i], now.list, now.count, sizeof *now.list, compare_contents) == NULL;
	free(now.list);
	free(spare.list);
	return count;
}

/* ---- in slices ---- */

/* A flip can concern each of many load balancers: only its pools are marked, and those that use them look
 * when it is their turn. */
void
compiler_mark_steered(struct compiler *compiler, bool all)
{
	struct config_graph *graph = compiler->graph;

	if (graph == NULL)
		return;
	compiler->mark++;
	if (all)
		compiler->marked_all = compiler->mark;
	for (uint32_t slot = 0; slot < graph->pools.count; slot++) {
		struct pool_entry *pool = graph_pool_at(graph, slot);

		if (pool->changed)
			pool->marked = compiler->mark;
		pool->changed = false;
	}
	compiler->settling.left = graph->lbs.count;
}

static bool
is_unsettled(const struct compiler *compiler, const struct lb_entry *entry)
{
	const struct config_graph *graph = compiler->graph;
	const struct steer_lb *lb = entry->compiled;

	if (entry->unsettled || entry->settled < compiler->marked_all)
		return true;
	for (unsigned p = 0; lb != NULL && p < lb->nall; p++)
		if (graph_pool_at(graph, lb->pools[p].slot)->marked > entry->settled)
			return true;
	return lb != NULL && graph_pool_at(graph, lb->fallback.slot)->marked > entry->settled;
}

/* The sets of a load balancer are signed: those without one origin are next. */
static void
settled(struct compiler *compiler, struct lb_entry *entry)
{
	entry->unsettled = false;
	entry->settled = compiler->mark;
	if (!has_spares(compiler, entry))
		return;
	entry->unspared = true;
	compiler->sparing.left = compiler->graph->lbs.count;
}

/* Returns true if fn stopped it. */
static bool
sign_entry(struct steering_walk *walk, struct lb_entry *entry)
{
	if (walk->spares ? !entry->unspared : !is_unsettled(walk->compiler, entry))
		return false;
	offer_lb(walk, entry);
	if (walk->stopped)
		return true;
	if (walk->spares)
		entry->unspared = false;
	else
		settled(walk->compiler, entry);
	return false;
}

static bool
sign_round(struct steering_walk *walk, struct steered_round *round)
{
	const struct config_graph *graph = walk->compiler->graph;
	size_t count = graph != NULL ? graph->lbs.count : 0;

	/* A load balancer that was removed moves others: begin again at the first then. */
	for (; round->left > 0; round->left--) {
		round->turn = round->turn < count ? round->turn : 0;
		if (count == 0)
			break;
		if (walk->pause(walk->arg) || sign_entry(walk, graph->lbs.items[round->turn]))
			return true;
		round->turn++;
	}
	round->left = 0;
	return false;
}

bool
compiler_sign_steered(struct compiler *compiler, compiler_steered_fn *fn, compiler_pause_fn *pause, void *arg)
{
	struct steering_walk walk = {.compiler = compiler, .fn = fn, .pause = pause, .arg = arg};

	if (sign_round(&walk, &compiler->settling))
		return true;
	walk.spares = true;
	return sign_round(&walk, &compiler->sparing);
}

bool
compiler_sign_wanted(struct compiler *compiler, const uint8_t *name, compiler_steered_fn *fn, void *arg)
{
	struct steering_walk walk = {.compiler = compiler, .fn = fn, .arg = arg};
	struct lb_entry *entry = compiler->graph != NULL ? graph_lb_by_name(compiler->graph, name) : NULL;

	if (entry == NULL || !is_unsettled(compiler, entry))
		return false;
	sign_entry(&walk, entry);
	return true;
}
