#include "zones/model/lists.h"

#include "zones/base/array.h"

#include <stdlib.h>

struct gathering {
	const struct lb *lb;
	struct pool_list *items;
	size_t count;
	bool geo; /* a policy uses places */
};

static void
add(struct gathering *all, struct pool_list list)
{
	all->items = array_grow(all->items, all->count, sizeof *all->items);
	all->items[all->count++] = list;
}

static void
add_places(struct gathering *all, struct pool_list list, const struct place_pools *places, size_t count)
{
	list.weights = NULL;
	for (size_t i = 0; i < count; i++) {
		list.place = &places[i];
		list.pools = places[i].pools;
		list.npools = places[i].npools;
		add(all, list);
	}
}

static void
add_own(struct gathering *all, bool hidden)
{
	const struct lb *lb = all->lb;
	struct pool_list list = {
	    .pools = lb->default_pools, .npools = lb->npools, .fallback = &lb->fallback_pool};

	if (lb->steering_policy == STEERING_RANDOM)
		list.weights = &lb->weights;
	if (!hidden) {
		add(all, list);
		all->geo = lb->policy_open || lb->steering_policy == STEERING_GEO;
	}
	add_places(
	    all, list, lb->places, lb->nplaces); /* always add places: a pool set may have the policy geo */
}

static void
add_override(struct gathering *all, const struct lb_override *by, bool rule)
{
	const struct lb *lb = all->lb;
	struct pool_list list = {.by = by,
	    .rule = rule,
	    .pools = by->pools,
	    .npools = by->npools,
	    .fallback = by->parts & PART_FALLBACK ? &by->fallback_pool : &lb->fallback_pool};

	if ((by->parts & PART_POLICY ? by->steering_policy : lb->steering_policy) == STEERING_RANDOM)
		list.weights = by->parts & PART_WEIGHTS ? &by->weights : &lb->weights;
	if (by->parts & PART_POLICY)
		all->geo |= by->policy_open || by->steering_policy == STEERING_GEO;
	if (by->parts & PART_POOLS)
		add(all, list);
	add_places(all, list, by->places, by->nplaces);
}

static bool
for_everybody(const struct lb_override *by)
{
	return !by->disabled && *by->condition == '\0';
}

static unsigned
part_of(const struct pool_list *list)
{
	return list->place == NULL ? PART_POOLS : PART_SITES << list->place->kind;
}

/* Remove the lists of these parts. */
static void
drop(struct gathering *all, unsigned parts)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->count; i++)
		if (!(part_of(&all->items[i]) & parts))
			all->items[kept++] = all->items[i];
	all->count = kept;
}

/* Apply a rule that matches every client to the lists so far. */
static void
lay_over(struct gathering *all, const struct lb_override *by)
{
	drop(all, by->parts);
	if (by->parts & PART_POLICY)
		all->geo = false;
	for (size_t i = 0; i < all->count; i++) {
		struct pool_list *list = &all->items[i];
		bool random =
		    by->parts & PART_POLICY ? by->steering_policy == STEERING_RANDOM : list->weights != NULL;

		if (by->parts & PART_FALLBACK)
			list->fallback = &by->fallback_pool;
		if (list->place != NULL || !random)
			list->weights = NULL;
		else if (by->parts & PART_WEIGHTS)
			list->weights = &by->weights;
		else if (list->weights == NULL)
			list->weights = &all->lb->weights;
	}
}

/* S36: the first set that matches every client hides the load balancer's own list and all later sets. */
static void
add_sets(struct gathering *all)
{
	const struct lb *lb = all->lb;
	size_t reached = 0;
	bool hidden = false;

	while (reached < lb->nsets && !hidden)
		hidden = for_everybody(&lb->sets[reached++]);
	add_own(all, hidden);
	for (size_t i = 0; i < reached; i++)
		if (!lb->sets[i].disabled)
			add_override(all, &lb->sets[i], false);
}

/*
 * S35: a rule that matches every client hides the parts that it overrides, unless an earlier rule may have
 * ended the rules.
 */
static void
add_rules(struct gathering *all)
{
	const struct lb *lb = all->lb;
	bool ended = false;

	for (size_t i = 0; i < lb->nrules; i++) {
		const struct lb_override *rule = &lb->rules[i];

		if (rule->disabled)
			continue;
		if (for_everybody(rule) && !ended)
			lay_over(all, rule);
		add_override(all, rule, true);
		ended |= rule->terminates;
		if (rule->terminates && for_everybody(rule))
			return;
	}
}

struct pool_list *
lists_of(const struct lb *lb, size_t *count)
{
	struct gathering all = {.lb = lb};

	add_sets(&all);
	add_rules(&all);
	if (!all.geo)
		drop(&all, PART_SITES | PART_COUNTRIES | PART_REGIONS);
	*count = all.count;
	return all.items;
}

char *
lists_text(const struct pool_list *list)
{
	static const char *const maps[PLACE_KINDS] = {"pop_pools", "country_pools", "region_pools"};
	char *place = list->place == NULL ? xstrdup("default_pools")
					  : xasprintf("%s.%s", maps[list->place->kind], list->place->code),
	     *text;

	if (list->by == NULL)
		return place;
	text = xasprintf("%s %s%s%s", list->rule ? "rule" : "pool set", list->by->name,
	    list->place != NULL ? ", " : "", list->place != NULL ? place : "");
	free(place);
	return text;
}

bool
lists_choosable(const struct pool_list *list, const struct id *pool)
{
	return list->weights == NULL || pool_weight_of(list->weights, pool) > 0;
}

/* True for places that a database must know: countries and regions, not sites. */
static bool
to_be_located(const struct place_pools *places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (places[i].kind != PLACE_SITE)
			return true;
	return false;
}

static unsigned
override_geography(const struct lb_override *override)
{
	unsigned bits = 0;

	if (override->disabled)
		return 0;
	if (override->parts & PART_POLICY && override->steering_policy == STEERING_PROXIMITY)
		bits |= GEOGRAPHY_COORDINATES;
	if (to_be_located(override->places, override->nplaces))
		bits |= GEOGRAPHY_COUNTRIES;
	return bits;
}

unsigned
lists_geography(const struct lb *lb)
{
	unsigned bits = 0;

	if (lb->steering_policy == STEERING_GEO &&
	    (lb->nplaces == 0 || to_be_located(lb->places, lb->nplaces)))
		bits |= GEOGRAPHY_COUNTRIES;
	if (lb->steering_policy == STEERING_PROXIMITY)
		bits |= GEOGRAPHY_COORDINATES;
	for (size_t i = 0; i < lb->nsets; i++)
		bits |= override_geography(&lb->sets[i]);
	for (size_t i = 0; i < lb->nrules; i++)
		bits |= override_geography(&lb->rules[i]);
	return bits;
}

const char *
lists_geography_text(unsigned bits)
{
	return bits == (GEOGRAPHY_COUNTRIES | GEOGRAPHY_COORDINATES) ? "countries and coordinates"
	    : bits == GEOGRAPHY_COUNTRIES                            ? "countries"
								     : "coordinates";
}
