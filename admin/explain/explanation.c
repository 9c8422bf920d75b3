#include "admin/explain/explanation.h"

#include "admin/explain/explanation_health.h"
#include "admin/explain/explanation_inner.h"
#include "admin/explain/kept.h"
#include "admin/explain/outcomes.h"
#include "zones/model/usable.h"
#include "zones/state/health.h"
#include "zones/zonefile/zonefile.h"

#include <assert.h>
#include <stdlib.h>

enum { EVENTS_MAX = 8192 };

static void
put_address(struct json *object, const char *key, const struct address *address)
{
	char text[46];

	json_put_text(object, key, address_to_text(address, text));
}

static void
put_prefix(struct json *object, const char *key, const struct address *address, unsigned prefix)
{
	char text[46], whole[64];

	snprintf(whole, sizeof whole, "%s/%u", address_to_text(address, text), prefix);
	json_put_text(object, key, whole);
}

static void
explain_client(struct explaining *on)
{
	const struct steer_client *client = &on->request->client;
	struct json *object = json_new_object();

	put_address(object, "resolver", &client->resolver);
	if (client->ecs.family != FAMILY_NONE)
		put_prefix(object, "ecs", &client->ecs, client->source);
	json_put(on->out, "client", object);
}

/* The zone, and its data at the name without load balancers. */
static void
explain_zone(struct explaining *on)
{
	const struct path *path = &on->request->question.path;
	const struct zone *zone = snapshot_zone(on->snapshot, path, false);
	char text[NAME_MAX_TEXT];
	struct zone_info info;
	struct json *object;
	struct hit hit;
	static const char *const found[] = {
	    "no such name", "the name", "a wildcard", "a delegation at or above it", "a DNAME above it"};

	if (zone == NULL)
		return;
	object = json_new_object();
	json_put_text(object, "name", name_to_text(zone->apex, text));
	if (config_zone(on->config, zone->apex, &info))
		json_put_integer(object, "serial", info.serial);
	zone_find(zone, path, &hit);
	json_put_text(object, "found", found[hit.found]);
	json_put_bool(object, "signed", zone->chain != NULL);
	if (kept_state_of(zone) != KEPT_NOT_LOST)
		json_put_text(object, "lost", kept_state_of(zone) == KEPT_SIGNED ? "kept" : "not kept");
	json_put(on->out, "zone", object);
}

static const char *
policy_text(enum steering_policy policy)
{
	static const char *const texts[] = {"off", "random", "geo", "proximity", "dynamic_latency"};

	return texts[policy];
}

static void
explain_lb(struct explaining *on, const struct steer_lb *lb)
{
	struct json *object = json_new_object();
	char text[NAME_MAX_TEXT];

	json_put_text(object, "name", name_to_host(lb->name, text));
	json_put_text(object, "id", lb->id.text);
	json_put_text(object, "steering_policy", policy_text(lb->policy));
	json_put_text(object, "session_affinity", lb->affinity == AFFINITY_IP ? "ip_cookie" : "none");
	if (lb->affinity == AFFINITY_IP && lb->failover == FAILOVER_STICKY)
		json_put_text(object, "zero_downtime_failover", "sticky");
	json_put_integer(object, "ttl", lb->ttl);
	if (lb->max_answers > 0)
		json_put_integer(object, "max_answers", lb->max_answers);
	json_put(on->out, "load_balancer", object);
	if (lb->affinity == AFFINITY_IP) {
		struct affinity_key key = steer_key(lb, &on->request->client);
		const struct steer_client *client = &on->request->client;
		struct json *member = json_new_object();
		char hash[24];

		put_prefix(member, "prefix", key.from_ecs ? &client->ecs : &client->resolver, key.prefix);
		json_put_text(member, "from", key.from_ecs ? "ECS" : "resolver");
		snprintf(hash, sizeof hash, "%016llx", (unsigned long long)key.hash);
		json_put_text(member, "hash", hash);
		json_put(on->out, "key", member);
	}
}

static const struct steer_event *
find_event(const struct explaining *on, enum steer_step step, uint32_t slot)
{
	for (size_t i = 0; i < on->trace.count; i++)
		if (on->trace.events[i].step == step && on->trace.events[i].pool == slot)
			return &on->trace.events[i];
	return NULL;
}

/* The properties that a set or a rule changes, by name. */
static struct json *
parts_of(const struct lb_override *override)
{
	static const char *const parts[PARTS] = {"pools", "pool_weights", "fallback_pool", "steering_policy",
	    "pop_pools", "country_pools", "region_pools", "ttl", "session_affinity", "session_affinity_ttl",
	    "zero_downtime_failover", "prefer_ecs", "mode"};
	struct json *list = json_new_list();

	for (unsigned part = 0; part < PARTS; part++)
		if (override->parts >> part & 1)
			json_add_text(list, parts[part]);
	return list;
}

static struct json *
explain_override(
    const struct explaining *on, enum steer_step step, uint32_t number, const struct lb_override *override)
{
	const struct steer_event *event = find_event(on, step, number);
	struct json *object = json_new_object();

	json_put_text(object, "name", override->name);
	json_put_text(object, "condition", override->condition);
	json_put_bool(object, "matched", event != NULL && event->value);
	if (override->disabled)
		json_put_text(object, "why", "disabled");
	else if (event == NULL)
		json_put_text(object, "why",
		    step == STEP_SET ? "not evaluated: a set before it matched (S36)"
				     : "not evaluated: a rule before it terminates (S35)");
	else if (!event->value)
		json_put_text(object, "why", "its condition is not true");
	else if (*override->condition == '\0')
		json_put_text(object, "why", "matches every client");
	else
		json_put_text(object, "why", "its condition is true");
	if (event != NULL)
		json_put_integer(object, "scope", event->weight);
	if (event != NULL && event->value)
		json_put(object, "overrides", parts_of(override));
	return object;
}

/* S35, S36: the result of each set and rule. */
static void
explain_overrides(struct explaining *on)
{
	const struct lb *model = compiler_lb(on->compiler, &on->plan->id);
	struct json *sets = json_new_list(), *rules = json_new_list();

	for (uint32_t i = 0; model != NULL && i < model->nsets; i++)
		json_add(sets, explain_override(on, STEP_SET, i, &model->sets[i]));
	for (uint32_t i = 0; model != NULL && i < model->nrules; i++)
		json_add(rules, explain_override(on, STEP_RULE, i, &model->rules[i]));
	if (json_count(sets) > 0)
		json_put(on->out, "pool_sets", json_clone(sets));
	if (json_count(rules) > 0)
		json_put(on->out, "rules", json_clone(rules));
	json_drop(sets);
	json_drop(rules);
}

/* S1: the place of the client by steering. */
static void
explain_location(struct explaining *on, const struct steer_lb *lb)
{
	static const char *const by[] = {"nowhere", "ECS", "resolver", "site"};
	struct steering steering = {
	    .client = on->request->client, .geo = on->request->geo, .site = on->request->site};
	struct json *object = json_new_object();
	struct steer_location location;

	steer_locate(lb, &steering, &location);
	json_put_text(object, "by", by[location.by]);
	if (location.found.country[0] != '\0')
		json_put_text(object, "country", location.found.country);
	if (location.found.region != REGION_UNKNOWN)
		json_put_text(object, "region", geo_region_text(location.found.region));
	if (on->request->site != NULL && on->request->site->code[0] != '\0')
		json_put_text(object, "site", on->request->site->code);
	for (size_t i = 0; i < on->trace.count; i++)
		if (on->trace.events[i].step == STEP_PLACE)
			json_put_text(
			    object, "list", on->trace.place != NULL ? on->trace.place : "default_pools");
	json_put(on->out, "location", object);
}

/* The probability that a pool answers. */
static double
pool_probability(const struct explaining *on, uint32_t slot, bool fallback)
{
	for (size_t i = 0; i < on->noutcomes; i++)
		if (on->outcomes[i].slot == slot && on->outcomes[i].last_resort == fallback)
			return on->outcomes[i].probability;
	return 0;
}

static void
explain_pool(struct explaining *on, struct json *pools, uint32_t slot, bool fallback, uint32_t weight)
{
	const enum health_state *states;
	const struct pool *model = compiler_pool(on->compiler, slot, &states);
	const struct pool_table *table = pool_slot_table(on->snapshot->pools, slot);
	struct json *object = json_new_object();
	const struct steer_event *cost = find_event(on, STEP_POOL_COST, slot),
				 *latency = find_event(on, STEP_POOL_LATENCY, slot);
	double probability = pool_probability(on, slot, fallback);
	const char *why = "not examined";

	if (model == NULL || table == NULL) {
		json_drop(object);
		return;
	}
	json_put_text(object, "name", model->name);
	json_put_bool(object, "usable", table->usable);
	json_put_integer(object, "healthy", table->healthy);
	json_put_integer(object, "enabled_origins", table->enabled);
	json_put_integer(object, "minimum_origins", model->minimum_origins);
	json_put_bool(object, "monitored", model->njudges > 0);
	if (on->plan->policy == STEERING_RANDOM && !fallback)
		json_put_number(object, "weight", weight / 100.0);
	if (latency != NULL && latency->value > 0)
		json_put_number(object, "latency_ms", (double)latency->value / 1000);
	if (cost != NULL)
		json_put_number(object, "cost", (double)cost->value / 1099511627776.0 / cost->weight * 100);
	if (fallback)
		why = probability > 0
		    ? "fallback pool: none of the others is usable, its health is ignored (S14)"
		    : "fallback pool: not needed (S14)";
	else if (!model->enabled)
		why = "disabled (S12)";
	else if (!table->usable)
		why = table->enabled == 0 ? "no origin is enabled (S12)" : "too few healthy origins (S12)";
	else if (find_event(on, STEP_PIN, slot) != NULL)
		why = "this client is pinned to it (S20)";
	else if (find_event(on, STEP_POOL_SHED, slot) != NULL)
		why = find_event(on, STEP_POOL_SHED, slot)->value ? "sheds load, by chance this time"
								  : "sheds this client ([CF] load shedding)";
	else if (find_event(on, STEP_POOL_NO_WEIGHT, slot) != NULL)
		why = "weight 0: never drawn (S13)";
	else if (find_event(on, STEP_POOL_FIRST, slot) != NULL)
		why = "first usable (S13)";
	else if (find_event(on, STEP_POOL_NEAREST, slot) != NULL)
		why = probability > 0 ? "nearest to the client" : "farther from the client";
	else if (latency != NULL && latency->value == 0)
		why = probability > 0 ? "first: no pool's latency is known (S41)"
				      : "its latency is not known (S41)";
	else if (latency != NULL)
		why = probability > 0 ? "the first of the fastest (S41)" : "slower, or later in order (S41)";
	else if (find_event(on, STEP_POOL_SHARE, slot) != NULL)
		why = "drawn by weight (S13)";
	else if (cost != NULL)
		why = probability > 0 ? "least cost for this key (S18)" : "higher cost for this key (S18)";
	json_put_text(object, "why", why);
	json_put_bool(object, "fallback", fallback);
	json_put_number(object, "probability", probability);
	json_add(pools, object);
}

static bool
is_chosen_among(const struct explaining *on, uint32_t slot)
{
	for (unsigned i = 0; i < on->trace.npools; i++)
		if (on->trace.pools[i].slot == slot)
			return true;
	return false;
}

/* The place of an origin in a list of candidates, or -1. */
static int
candidate_index(const struct candidates *candidates, size_t origin)
{
	for (unsigned i = 0; i < candidates->count; i++)
		if (candidates->list[i].origin == origin)
			return (int)i;
	return -1;
}

/* S16 */
static const char *
hostname_verdict(const struct origin *origin, const struct address *asked, bool fallback)
{
	bool of_family = false;

	for (unsigned i = 0; origin->resolved != NULL && i < origin->resolved->count; i++)
		of_family |= origin->resolved->list[i].address.family == asked->family;
	if (origin->unflattened)
		return fallback ? "candidate: health is ignored (S14), a CNAME if it is the only one (S16)"
				: "candidate (S11), a CNAME if it is the only one (S16)";
	if (origin->resolved == NULL)
		return "not resolved (S16)";
	if (!of_family)
		return "has no address of the family (S12)";
	return fallback ? "candidate: its last known addresses (S14)"
			: "candidate: its addresses that are up (S16)";
}

static const char *
origin_verdict(
    const struct origin *origin, enum health_state state, const struct address *asked, bool fallback)
{
	if (!origin->enabled)
		return "disabled (S11)";
	if (origin->weight == 0)
		return "weight 0 (S11)";
	if (origin->forced == FORCED_DOWN)
		return "forced down (S11)";
	if (!fallback && !origin_is_candidate(origin, state))
		return "not healthy (S11)";
	if (origin_is_hostname(origin))
		return hostname_verdict(origin, asked, fallback);
	if (origin->ip.family != asked->family)
		return "of the other family (S12)";
	return fallback ? "candidate: health is ignored (S14)" : "candidate (S11)";
}

static void
explain_origins(struct explaining *on, struct json *origins, uint32_t slot, double probability, bool fallback)
{
	const struct explanation_stores stores = {on->config, on->health, on->request->at};
	const enum health_state *states;
	const struct pool *model = compiler_pool(on->compiler, slot, &states);
	const struct pool_table *table = pool_slot_table(on->snapshot->pools, slot);
	const struct candidates *from = fallback
	    ? &table->fallback[on->answer.choice.family]
	    : steer_candidates(on->plan, table, on->answer.choice.family);
	struct address asked = {.family = on->answer.choice.family == TABLE_V4 ? FAMILY_V4 : FAMILY_V6};
	uint64_t key = on->plan->affinity == AFFINITY_IP ? steer_key(on->plan, &on->request->client).hash : 0;

	for (size_t i = 0; i < model->norigins; i++) {
		const struct origin *origin = &model->origins[i];
		struct json *object = json_new_object();
		int index = candidate_index(from, i);

		json_put_text(object, "pool", model->name);
		json_put_text(object, "address", origin->address);
		json_put_text(object, "state", health_state_text(states[i]));
		if (origin->forced != FORCED_NONE)
			json_put_text(object, "forced", origin->forced == FORCED_UP ? "up" : "down");
		if (origin_is_hostname(origin))
			explanation_put_hostname(&stores, object, model, origin);
		else
			explanation_put_health(&stores, object, model, origin, &origin->ip);
		json_put_number(object, "weight", origin->weight / 100.0);
		json_put_text(object, "why", origin_verdict(origin, states[i], &asked, fallback));
		if (index >= 0 && on->plan->affinity == AFFINITY_IP)
			json_put_number(object, "cost",
			    (double)steer_neg_log2(mix64(key ^ from->list[index].hash)) / 1099511627776.0 /
				origin->weight * 100);
		json_put_number(object, "probability",
		    index >= 0 ? probability * explanation_probability(on, table, from, (unsigned)index) : 0);
		json_add(origins, object);
	}
}

static void
explain_steering(struct explaining *on)
{
	const struct steer_lb *lb = on->plan;
	struct json *pools = json_new_list(), *origins = json_new_list();
	bool last_resort = pool_probability(on, lb->fallback.slot, true) > 0;

	explain_lb(on, lb);
	explain_overrides(on);
	if (lb->policy == STEERING_GEO || lb->policy == STEERING_PROXIMITY ||
	    json_member(on->out, "pool_sets") != NULL)
		explain_location(on, lb);
	for (unsigned i = 0; i < on->trace.npools; i++) {
		const struct steer_pool *pool = &on->trace.pools[i];
		double probability = pool_probability(on, pool->slot, false);

		explain_pool(on, pools, pool->slot, false,
		    on->trace.weights != NULL ? steer_weight(on->trace.weights, pool->slot) : pool->weight);
		if (probability > 0)
			explain_origins(on, origins, pool->slot, probability, false);
	}
	if (last_resort || !is_chosen_among(on, lb->fallback.slot))
		explain_pool(on, pools, lb->fallback.slot, true, 0);
	if (last_resort && pool_slot_table(on->snapshot->pools, lb->fallback.slot) != NULL)
		explain_origins(
		    on, origins, lb->fallback.slot, pool_probability(on, lb->fallback.slot, true), true);
	json_put(on->out, "pools", pools);
	json_put(on->out, "origins", origins);
	if (last_resort)
		json_put_bool(on->out, "fallback_in_use", true);
}

/* Did a load balancer decide the answer in at least one outcome?  Not if a chain ends before it (S5). */
static bool
is_steered(const struct explaining *on)
{
	bool steered = false;

	for (size_t i = 0; i < on->noutcomes; i++)
		steered |= on->outcomes[i].answer.has_choice;
	return steered;
}

/* The same question with DO, for the signatures. */
static void
find_signed(struct explaining *on, const struct question *question, struct steering *steering)
{
	struct question asked = *question;
	struct answer *answer = on->signed_answer = xcalloc(1, sizeof *answer);
	size_t count;

	asked.dnssec_ok = true;
	answer_init(answer, RCODE_NOERROR);
	answer_find(answer, on->snapshot, &asked, steering);
	on->signed_outcomes = outcomes_new(on->snapshot, &asked, steering, answer, &count);
	assert(count == on->noutcomes);
}

/* The signed zone of the load balancer that decided. */
static const struct zone *
signed_zone_of_lb(const struct explaining *on)
{
	const struct zone *zone;
	struct path path;

	if (on->answer.choice.lb == NULL)
		return NULL;
	path_init(&path, on->answer.choice.lb->name);
	zone = snapshot_zone(on->snapshot, &path, false);
	return zone != NULL && zone->chain != NULL ? zone : NULL;
}

static void
find_answers(struct explaining *on, struct steering *steering)
{
	struct question question = on->request->question;

	question.dnssec_ok = false;
	answer_init(&on->answer, RCODE_NOERROR);
	answer_find(&on->answer, on->snapshot, &question, steering);
	on->outcomes = outcomes_new(on->snapshot, &question, steering, &on->answer, &on->noutcomes);
	on->lb_zone = signed_zone_of_lb(on);
	if (on->request->at == 0 && compiler_has_signed(on->compiler)) {
		on->trace.count = 0; /* the same events again */
		find_signed(on, &question, steering);
	}
}

struct json *
explanation_make(const struct compiler *compiler, struct store_txn *config, struct store_txn *health,
    const struct explanation_request *request)
{
	struct explaining *on = xcalloc(1, sizeof *on);
	struct steering steering = {.client = request->client,
	    .now_s = (uint32_t)((request->at != 0 ? request->at : wall_ms()) / 1000),
	    .pins = request->pins,
	    .geo = request->geo,
	    .site = request->site,
	    .query_name = request->question.path.name,
	    .query_type = request->question.type,
	    .trace = &on->trace};
	char name[NAME_MAX_TEXT], type[16];
	struct json *out = json_new_object();

	on->compiler = compiler;
	on->config = config;
	on->health = health;
	on->request = request;
	on->snapshot = compiler_snapshot(compiler);
	on->steering = &steering;
	on->trace.events = xcalloc(EVENTS_MAX, sizeof *on->trace.events);
	on->trace.room = EVENTS_MAX;
	on->trace.lb = on->plan = xcalloc(1, sizeof *on->plan);
	on->out = out;
	find_answers(on, &steering);
	json_put_text(out, "name", name_to_text(request->question.path.name, name));
	zonefile_type_text(request->question.type, type);
	json_put_text(out, "type", type);
	json_put_integer(out, "generation", (long long)on->snapshot->generation);
	explain_client(on);
	explain_zone(on);
	if (is_steered(on))
		explain_steering(on);
	explanation_answer(on);
	free(on->trace.events);
	free(on->plan);
	free(on->outcomes);
	free(on->signed_outcomes);
	free(on->signed_answer);
	free(on);
	return out;
}
