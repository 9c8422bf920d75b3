#include "admin/edit/document_lb.h"

#include <stdlib.h>

/* Where a fault is: "load_balancer www.example.com" or "load_balancer www.example.com: rules[night]". */
struct part {
	const char *label;
	struct problems *problems;
};

static bool
given(const struct json *object, const char *key)
{
	return json_kind(json_member(object, key)) != JSON_KIND_NULL;
}

struct entry {
	char *text;
	size_t at;
};

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order != 0 ? order : x->at < y->at ? -1 : x->at > y->at;
}

/* A list has no duplicates. */
static void
check_once(const struct part *part, const struct json *object, const char *key, const char *kind)
{
	const struct json *list = json_member(object, key);
	size_t count = json_kind(list) == JSON_KIND_LIST ? json_count(list) : 0;
	struct entry *entries = xcalloc(count, sizeof *entries);

	for (size_t i = 0; i < count; i++)
		entries[i] = (struct entry){json_write(json_item(list, i), false), i};
	if (count > 0)
		qsort(entries, count, sizeof *entries, compare_entries);
	for (size_t i = 1; i < count; i++)
		if (strcmp(entries[i].text, entries[i - 1].text) == 0)
			problems_error(part->problems, "%s: %s has the same %s at places %zu and %zu",
			    part->label, key, kind, entries[i - 1].at + 1, entries[i].at + 1);
	for (size_t i = 0; i < count; i++)
		free(entries[i].text);
	free(entries);
}

static void
check_maps(const struct part *part, const struct json *object)
{
	static const char *const maps[] = {"region_pools", "country_pools", "pop_pools"};

	for (size_t i = 0; i < NITEMS(maps); i++) {
		const struct json *map = json_member(object, maps[i]);

		for (const char *key = json_next_key(map, NULL); key != NULL; key = json_next_key(map, key)) {
			char *label = xasprintf("%s: %s", part->label, maps[i]);

			check_once(&(struct part){label, part->problems}, map, key, "pool");
			free(label);
		}
	}
}

/* A weight of a pool that is not chosen among has no effect. */
static void
check_weights(const struct part *part, const struct json *weights, const char *what, const struct json *pools,
    const char *where)
{
	for (const char *key = json_next_key(weights, NULL); key != NULL; key = json_next_key(weights, key)) {
		bool found = false;

		for (size_t i = 0; i < json_count(pools); i++)
			found = found || strcmp(json_text(json_item(pools, i)), key) == 0;
		if (!found)
			problems_warn(
			    part->problems, "%s: %s has a pool that is not in %s", part->label, what, where);
	}
}

/* [CF] 2.5 */
static void
check_rule(const struct part *part, const struct json *rule)
{
	const struct json *overrides = json_member(rule, "overrides");
	const char *list = given(overrides, "pools") ? "pools" : "default_pools";
	bool weights = given(overrides, "pool_weights") || given(overrides, "pool_default_weight");

	if (json_count(overrides) == 0 && !json_truth(json_member(rule, "terminates")))
		problems_error(part->problems,
		    "%s: it overrides nothing and does not terminate: give it overrides", part->label);
	if (given(overrides, "pools") && given(overrides, "default_pools"))
		problems_error(part->problems,
		    "%s: pools and default_pools are two names of one list: give one of them", part->label);
	if (weights && given(overrides, "random_steering"))
		problems_error(part->problems,
		    "%s: pool_weights and pool_default_weight replace random_steering: give only one of them",
		    part->label);
	check_once(part, overrides, list, "pool");
	check_maps(part, overrides);
	if (given(overrides, list))
		check_weights(part, json_member(overrides, "pool_weights"), "pool_weights",
		    json_member(overrides, list), list);
}

/* [CF] 2.6, with its names of the faults. */
static void
check_match(const struct part *part, const struct json *match)
{
	static const char *const lists[] = {"pops", "countries", "regions", "asns", "prefixes"};
	const struct json *topology = json_member(match, "topology");
	bool all = json_truth(json_member(match, "default"));
	size_t entries = 0;

	if (json_kind(match) == JSON_KIND_NULL)
		return;
	if (all && given(match, "topology"))
		problems_error(part->problems,
		    "%s: default matches every client, so topology has no place beside it "
		    "(POOL_SET_DEFAULT_WITH_MATCH)",
		    part->label);
	if (!all && !given(match, "topology"))
		problems_error(part->problems,
		    "%s: match is empty: give default=true or a topology, or leave match out "
		    "(POOL_SET_EMPTY_MATCH)",
		    part->label);
	for (size_t i = 0; i < NITEMS(lists); i++) {
		check_once(part, topology, lists[i], "entry");
		entries += json_count(json_member(topology, lists[i]));
	}
	if (given(match, "topology") && entries == 0)
		problems_error(part->problems,
		    "%s: topology needs entries in pops, countries, regions, asns or prefixes "
		    "(POOL_SET_EMPTY_TOPOLOGY)",
		    part->label);
}

static void
check_set(const struct part *part, const struct json *set)
{
	const struct json *overrides = json_member(set, "overrides");

	if (!given(overrides, "pools"))
		problems_error(part->problems,
		    "%s: overrides.pools is missing: a pool set needs pools "
		    "(POOL_SET_NO_INTENT)",
		    part->label);
	check_match(part, json_member(set, "match"));
	check_once(part, overrides, "pools", "pool");
	check_weights(part, json_member(overrides, "pool_weights"), "pool_weights",
	    json_member(overrides, "pools"), "pools");
}

/* Everything of a list, each under its name or number. */
static void
check_each(const struct part *whole, const struct json *lb, const char *key,
    void (*check)(const struct part *, const struct json *))
{
	const struct json *list = json_member(lb, key);

	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = json_text(json_member(json_item(list, i), "name"));
		char *label = name != NULL && *name != '\0' ? xasprintf("%s: %s[%s]", whole->label, key, name)
							    : xasprintf("%s: %s[%zu]", whole->label, key, i);

		check(&(struct part){label, whole->problems}, json_item(list, i));
		free(label);
	}
}

/* The first match wins: sets after one for every client are never reached. */
static void
check_reached(const struct part *part, const struct json *sets)
{
	for (size_t i = 0; i + 1 < json_count(sets); i++) {
		const struct json *set = json_item(sets, i), *match = json_member(set, "match");

		if (json_truth(json_member(set, "disabled")) || given(match, "topology"))
			continue;
		problems_warn(part->problems,
		    "%s: pool_sets[%zu] matches every client: the %zu behind it are never reached",
		    part->label, i, json_count(sets) - i - 1);
		return;
	}
}

void
document_check_lb(const char *label, const struct json *lb, struct problems *problems)
{
	struct part part = {label, problems};
	const struct json *pools = json_member(lb, "default_pools");

	check_once(&part, lb, "default_pools", "pool");
	check_maps(&part, lb);
	check_weights(&part, json_member(json_member(lb, "random_steering"), "pool_weights"),
	    "random_steering.pool_weights", pools, "default_pools");
	check_each(&part, lb, "rules", check_rule);
	check_each(&part, lb, "pool_sets", check_set);
	check_reached(&part, json_member(lb, "pool_sets"));
}
