/* graph_lb.c -- the load balancers of a graph; each is compiled into one allocation (steer.h). */
#include "zones/compile/graph.h"
#include "zones/dns/dnssec.h"

#include "zones/base/siphash.h"

#include <stdlib.h>

/*
 * One load balancer during compilation into one allocation: first the sizes of its parts, then the offset of
 * the next part.
 */
struct building {
	struct config_graph *graph;
	const struct lb *lb;
	struct expression **conditions; /* of sets, then of rules */
	size_t npools, nplaces, nweights, condition_octets;
	struct steer_pool *pool, *weight;
	struct steer_place *place;
	uint8_t *condition;
	bool by_latency; /* some clients get the fastest pool */
};

static size_t
rounded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* ---- how much ---- */

static void
measure_places(struct building *building, const struct place_pools *places, size_t count)
{
	building->nplaces += count;
	for (size_t i = 0; i < count; i++)
		building->npools += places[i].npools;
}

static void
measure_overrides(struct building *building, const struct lb_override *overrides, size_t count,
    struct expression **conditions)
{
	for (size_t i = 0; i < count; i++) {
		char *error = NULL;

		measure_places(building, overrides[i].places, overrides[i].nplaces);
		building->npools += overrides[i].npools + ((overrides[i].parts & PART_FALLBACK) != 0);
		building->nweights += overrides[i].weights.count;
		conditions[i] = expression_new(overrides[i].condition, &error);
		free(error);
		/* It was validated when it was written; if it is invalid today, it matches no client. */
		if (conditions[i] == NULL)
			conditions[i] = expression_new("false", &error);
		building->condition_octets += rounded(expression_size(conditions[i]));
	}
}

/* ---- each into its place ---- */

static uint32_t
slot_of(struct building *building, const struct id *id)
{
	struct pool_entry *pool = graph_pool(building->graph, id);

	if (building->by_latency)
		pool->by_latency = building->graph->by_latency = true;
	return pool->slot;
}

static const struct steer_pool *
put_pools(struct building *building, const struct id *ids, const unsigned *weights, size_t count)
{
	const struct steer_pool *first = building->pool;

	for (size_t i = 0; i < count; i++)
		*building->pool++ = (struct steer_pool){
		    slot_of(building, &ids[i]), weights != NULL ? weights[i] : WEIGHT_ONE};
	return first;
}

/* Sort by kind; places of one kind are adjacent. */
static void
put_places(struct building *building, const struct place_pools *places, size_t count,
    struct steer_places out[PLACE_KINDS])
{
	for (size_t i = 0; i < count; i++) {
		const struct place_pools *from = &places[i];
		struct steer_place *place = building->place++;

		*place = (struct steer_place){.count = (uint32_t)from->npools,
		    .pools = put_pools(building, from->pools, NULL, from->npools)};
		memcpy(place->code, from->code, sizeof place->code);
		if (from->kind == PLACE_REGION)
			place->region = geo_region(from->code);
		if (out[from->kind].count++ == 0)
			out[from->kind].list = place;
	}
}

static int
compare_slots(const void *a, const void *b)
{
	const struct steer_pool *x = a, *y = b;

	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static struct steer_weights
put_weights(struct building *building, const struct pool_weights *weights)
{
	struct steer_pool *first = building->weight;

	for (size_t i = 0; i < weights->count; i++)
		*building->weight++ =
		    (struct steer_pool){slot_of(building, &weights->list[i].pool), weights->list[i].weight};
	if (weights->count > 0)
		qsort(first, weights->count, sizeof *first, compare_slots);
	return (struct steer_weights){first, (uint32_t)weights->count, weights->standard};
}

static const struct expression *
put_condition(struct building *building, const struct expression *condition)
{
	uint8_t *at = building->condition;

	memcpy(at, condition, expression_size(condition));
	building->condition += rounded(expression_size(condition));
	return (const struct expression *)at;
}

static void
put_override(struct building *building, struct steer_override *out, const struct lb_override *from,
    const struct expression *condition)
{
	*out = (struct steer_override){.condition = put_condition(building, condition),
	    .parts = (uint16_t)from->parts,
	    .disabled = from->disabled,
	    .terminates = from->terminates,
	    .policy_open = from->policy_open,
	    .by_resolver = from->by_resolver,
	    .policy = from->steering_policy,
	    .prefer_ecs = from->prefer_ecs,
	    .affinity = from->affinity,
	    .failover = from->failover,
	    .affinity_ttl = from->affinity_ttl,
	    .ttl = from->ttl,
	    .npools = (uint32_t)from->npools,
	    .pools = put_pools(building, from->pools, NULL, from->npools),
	    .weights = put_weights(building, &from->weights)};
	put_places(building, from->places, from->nplaces, out->places);
	if (from->parts & PART_FALLBACK)
		out->fallback = put_pools(building, &from->fallback_pool, NULL, 1)->slot;
	if (from->parts & PART_POOLS)
		out->branch =
		    siphash((const uint64_t[2]){0}, from->pools, from->npools * sizeof *from->pools);
}

/* Rules and sets can have TTLs of their own; a signature covers every smaller TTL (RFC 4035 5.3.3). */
static void
put_content(struct steer_lb *compiled, const struct lb *lb)
{
	compiled->signed_ttl = lb->ttl;
	for (size_t i = 0; i < lb->nsets; i++)
		compiled->signed_ttl = MAX(compiled->signed_ttl, lb->sets[i].ttl);
	for (size_t i = 0; i < lb->nrules; i++)
		compiled->signed_ttl = MAX(compiled->signed_ttl, lb->rules[i].ttl);
	compiled->signed_labels = signed_labels(compiled->name);
	compiled->content = content_of_owner(compiled->name, compiled->name_len, compiled->signed_ttl);
}

/* Properties that are copied unchanged. */
static void
put_properties(struct steer_lb *compiled, const struct lb *lb)
{
	compiled->id = lb->id;
	compiled->ttl = lb->ttl;
	compiled->policy = lb->steering_policy;
	compiled->policy_open = lb->policy_open;
	compiled->affinity = lb->affinity;
	compiled->prefer_ecs = lb->prefer_ecs;
	compiled->by_resolver = lb->by_resolver;
	compiled->failover = lb->failover;
	compiled->affinity_ttl = lb->affinity_ttl;
	compiled->ecs_allowed = lb->prefer_ecs != ECS_NEVER;
	compiled->prefix_v4 = (uint8_t)lb->affinity_prefix_v4;
	compiled->prefix_v6 = (uint8_t)lb->affinity_prefix_v6;
	compiled->max_answers = (uint8_t)lb->max_answers;
	compiled->name_len = (uint8_t)name_lower(compiled->name, lb->wire);
	compiled->share = (uint32_t)siphash((const uint64_t[2]){0}, compiled->name, compiled->name_len);
	compiled->npools = (uint16_t)lb->npools;
	put_content(compiled, lb);
}

/* Reserve this many octets of the allocation. */
static void *
cut(uint8_t **at, size_t size)
{
	void *here = *at;

	*at += rounded(size);
	return here;
}

static void
put_overrides(struct building *building, struct steer_overrides *overrides, struct steer_override *list)
{
	const struct lb *lb = building->lb;

	*overrides = (struct steer_overrides){.nsets = (uint32_t)lb->nsets,
	    .nrules = (uint32_t)lb->nrules,
	    .sets = list,
	    .rules = list + lb->nsets,
	    .weights = put_weights(building, &lb->weights)};
	for (size_t i = 0; i < lb->nsets + lb->nrules; i++)
		put_override(building, &list[i], i < lb->nsets ? &lb->sets[i] : &lb->rules[i - lb->nsets],
		    building->conditions[i]);
}

/* S20 */
static void
put_cleared(struct steer_lb *compiled, const struct lb *lb, void *at)
{
	struct steer_cleared *cleared = at;

	compiled->pins_since = lb->pins_since;
	compiled->ncleared = (uint32_t)lb->ncleared;
	compiled->cleared = lb->ncleared > 0 ? cleared : NULL;
	for (size_t i = 0; i < lb->ncleared; i++)
		cleared[i] = (struct steer_cleared){
		    steer_key_of_prefix(compiled, &lb->cleared[i].client, lb->cleared[i].prefix),
		    lb->cleared[i].since};
}

/* The head with its pools, followed by optional parts. */
static struct steer_lb *
build(struct building *building)
{
	const struct lb *lb = building->lb;
	size_t noverrides = lb->nsets + lb->nrules,
	       pools = sizeof(struct steer_lb) + building->npools * sizeof(struct steer_pool);
	size_t kinds = lb->nplaces > 0 ? PLACE_KINDS * sizeof(struct steer_places) : 0,
	       places = building->nplaces * sizeof(struct steer_place);
	size_t weights = building->nweights * sizeof(struct steer_pool),
	       overrides = noverrides > 0 ? sizeof(struct steer_overrides) : 0;
	size_t list = noverrides * sizeof(struct steer_override);
	struct steer_lb *compiled = xcalloc(1,
	    rounded(pools) + rounded(kinds) + rounded(places) + rounded(weights) + rounded(overrides) +
		rounded(list) + building->condition_octets + lb->ncleared * sizeof(struct steer_cleared));
	struct steer_places *by_kind;
	struct steer_overrides *its;
	uint8_t *at = (uint8_t *)compiled;

	cut(&at, pools);
	by_kind = cut(&at, kinds);
	building->pool = compiled->pools;
	building->place = cut(&at, places);
	building->weight = cut(&at, weights);
	its = cut(&at, overrides);
	building->condition = at + rounded(list);
	put_properties(compiled, lb);
	put_cleared(compiled, lb, building->condition + building->condition_octets);
	compiled->nall = (uint32_t)building->npools;
	compiled->fallback.slot = slot_of(building, &lb->fallback_pool);
	put_pools(building, lb->default_pools, lb->pool_weights, lb->npools);
	if (lb->nplaces > 0) {
		compiled->places = by_kind;
		put_places(building, lb->places, lb->nplaces, by_kind);
	}
	if (noverrides > 0) {
		compiled->overrides = its;
		put_overrides(building, its, (struct steer_override *)at);
	}
	return compiled;
}

/* S41 */
static bool
goes_by_latency(const struct lb *lb)
{
	bool some = lb->steering_policy == STEERING_DYNAMIC_LATENCY;

	for (size_t i = 0; i < lb->nsets; i++)
		some |= lb->sets[i].steering_policy == STEERING_DYNAMIC_LATENCY;
	for (size_t i = 0; i < lb->nrules; i++)
		some |= lb->rules[i].steering_policy == STEERING_DYNAMIC_LATENCY;
	return some;
}

static struct steer_lb *
compile_lb(struct config_graph *graph, const struct lb *lb)
{
	size_t noverrides = lb->nsets + lb->nrules;
	struct building building = {.graph = graph,
	    .lb = lb,
	    .by_latency = goes_by_latency(lb),
	    .npools = lb->npools,
	    .conditions = xcalloc(noverrides, sizeof(void *))};
	struct steer_lb *compiled;

	measure_places(&building, lb->places, lb->nplaces);
	if (noverrides > 0)
		building.nweights += lb->weights.count;
	measure_overrides(&building, lb->sets, lb->nsets, building.conditions);
	measure_overrides(&building, lb->rules, lb->nrules, building.conditions + lb->nsets);
	compiled = build(&building);
	for (size_t i = 0; i < noverrides; i++)
		free(building.conditions[i]);
	free(building.conditions);
	return compiled;
}

/* ---- entries ---- */

struct bytes
graph_lb_key(const void *item)
{
	return graph_id_key(&((const struct lb_entry *)item)->id);
}

struct bytes
graph_lb_name_key(const void *item)
{
	const uint8_t *wire = ((const struct lb_entry *)item)->model->wire;

	return (struct bytes){wire, name_len(wire)};
}

struct lb_entry *
graph_find_lb(const struct config_graph *graph, const struct id *id)
{
	return map_find(&graph->lbs, graph_id_key(id));
}

struct lb_entry *
graph_lb_by_name(const struct config_graph *graph, const uint8_t *name)
{
	uint8_t lower[NAME_MAX_LEN + 1];
	size_t len = name_lower(lower, name);

	return map_find(&graph->lbs_by_name, (struct bytes){lower, len});
}

static void
compile_entry(struct config_graph *graph, struct lb_entry *entry)
{
	entry->compiled = compile_lb(graph, entry->model);
	entry->compiled->number = entry->number;
}

void
graph_enable_lb(struct config_graph *graph, struct lb_entry *entry)
{
	entry->model->enabled = true;
	entry->model->expiry = (struct deadline){0};
	entry->unsettled = true;
	compile_entry(graph, entry);
}

void
graph_wake_lb(struct config_graph *graph, struct lb_entry *entry)
{
	compile_entry(graph, entry);
}

void
graph_put_to_sleep(struct lb_entry *entry)
{
	free(entry->compiled);
	entry->compiled = NULL;
}

struct lb_entry *
graph_add_lb(struct config_graph *graph, struct lb *model)
{
	struct lb_entry *entry = xcalloc(1, sizeof *entry);

	entry->id = model->id;
	entry->model = model;
	entry->number = numbers_of(graph->numbers, "", model->name);
	entry->unsettled = true;
	if (model->enabled)
		compile_entry(graph, entry);
	deadline_add(&graph->next_expiry, &model->expiry);
	map_add(&graph->lbs, entry);
	/* The store has each name once; in a damaged one the first counts. */
	if (graph_lb_by_name(graph, model->wire) == NULL)
		map_add(&graph->lbs_by_name, entry);
	return entry;
}

void
graph_remove_lb(struct config_graph *graph, struct lb_entry *entry)
{
	if (graph_lb_by_name(graph, entry->model->wire) == entry)
		map_remove(&graph->lbs_by_name, graph_lb_name_key(entry));
	map_remove(&graph->lbs, graph_lb_key(entry));
	retired_add(graph->retired, free, entry->compiled);
	model_free_lb(entry->model);
	free(entry);
}
