#include "admin/explain/explanation.h"

#include "admin/explain/explanation_health.h"
#include "admin/explain/outcomes.h"
#include "zones/state/health.h"
#include "zones/zonefile/zonefile.h"

#include <search.h>
#include <stdlib.h>

enum { EVENTS_MAX = 8192, TRIES = 20000 };

/* A record that may be in the answer. */
struct record {
	const char *section;
	char *name, *type, *data;
	uint32_t ttl;
	double probability;
};

struct explaining {
	const struct compiler *compiler;
	struct store_txn *config, *health;
	const struct explanation_request *request;
	const struct snapshot *snapshot;
	const struct steering *steering;
	struct answer answer;
	struct steer_trace trace;
	struct steer_lb *plan; /* the load balancer as sets and rules made it */
	struct json *out;
	struct outcome *outcomes;
	size_t noutcomes;
	struct record **records; /* in the order in which they came */
	size_t nrecords;
	void *record_tree;
};

static const char *
rcode_text(unsigned rcode)
{
	static const char *const texts[] = {
	    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN"};

	return rcode < NITEMS(texts) ? texts[rcode] : "?";
}

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

/* Which zone, and what stands there before any load balancer is asked. */
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

/* What a set or a rule changes, by the names of the properties. */
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
		    step == STEP_SET ? "not looked at: a set before it matched (S36)"
				     : "not looked at: a rule before it terminates (S35)");
	else if (!event->value)
		json_put_text(object, "why", "its condition is not true");
	else if (*override->condition == '\0')
		json_put_text(object, "why", "matches everybody");
	else
		json_put_text(object, "why", "its condition is true");
	if (event != NULL)
		json_put_integer(object, "scope", event->weight);
	if (event != NULL && event->value)
		json_put(object, "overrides", parts_of(override));
	return object;
}

/* S35, S36: what each set and rule said. */
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

/* S1: where steering takes the client to be. */
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

/* How likely a pool is the one that answers. */
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
	const char *why = "not looked at";

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

static bool
is_chosen(const struct steer_choice *choice, unsigned candidate)
{
	bool chosen = choice->norigins > 0 && choice->origin == candidate;

	for (unsigned i = 0; i < choice->count && !chosen; i++)
		chosen = steer_address(choice, i)->candidate == candidate;
	return chosen;
}

/*
 * How likely one answer of a pool has a candidate.  Drawing several by weight without replacement has no
 * short formula: there we try it so often that two digits stand.
 */
static double
origin_probability(const struct explaining *on, const struct pool_table *table, const struct candidates *from,
    unsigned index)
{
	const struct steer_lb *lb = on->plan;
	uint16_t drawn[STEER_ANSWERS_MAX];
	unsigned n, hits = 0;

	switch (steer_shape(lb, table, &n)) {
	case STEER_ALL:
		return 1;
	case STEER_HASHED:
		/* With affinity this is the one choice, which a pin may have made; asked for a CNAME there
		 * may be none (S16). */
		if (lb->affinity == AFFINITY_IP && from == on->answer.choice.from &&
		    on->answer.choice.norigins > 0)
			return is_chosen(&on->answer.choice, index);
		n = steer_rank(from, steer_key(lb, &on->request->client).hash, n, drawn);
		for (unsigned i = 0; i < n; i++)
			hits += drawn[i] == index;
		return hits;
	default:
		break;
	}
	if (n == 1)
		return from->list[index].weight / (double)from->cumulative[from->count - 1];
	if (from->count <= n)
		return 1;
	if (from->nclasses == 1)
		return n / (double)from->count;
	for (unsigned try = 0; try < 20000; try++) {
		unsigned got = steer_rank(from, mix64(try * UINT64_C(0x9e3779b97f4a7c15)), n, drawn);

		for (unsigned i = 0; i < got; i++)
			hits += drawn[i] == index;
	}
	return (int)(hits / 200.0 + 0.5) / 100.0;
}

/* S16 */
static const char *
hostname_verdict(const struct origin *origin, const struct address *asked, bool fallback)
{
	bool of_family = false;

	for (unsigned i = 0; origin->resolved != NULL && i < origin->resolved->count; i++)
		of_family |= origin->resolved->list[i].address.family == asked->family;
	if (origin->unflattened)
		return fallback ? "candidate: health is ignored (S14), a CNAME where it is the only one (S16)"
				: "candidate (S11), a CNAME where it is the only one (S16)";
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
	const struct explanation_stores stores = {on->config, on->health};
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
		    index >= 0 ? probability * origin_probability(on, table, from, (unsigned)index) : 0);
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

static int
compare_records(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int order = strcmp(x->data, y->data);

	order = order != 0 ? order : strcmp(x->name, y->name);
	order = order != 0 ? order : strcmp(x->type, y->type);
	order = order != 0 ? order : strcmp(x->section, y->section);
	return order != 0 ? order : x->ttl < y->ttl ? -1 : x->ttl > y->ttl;
}

/* A record of one outcome; another one may have it too. */
static void
add_record(struct explaining *on, const char *section, const uint8_t *owner, uint32_t ttl, const char *type,
    const char *data, double probability)
{
	char text[NAME_MAX_TEXT];
	struct record wanted = {.section = section,
			  .name = name_to_text(owner, text),
			  .type = (char *)(uintptr_t)type,
			  .data = (char *)(uintptr_t)data,
			  .ttl = ttl,
			  .probability = probability},
		      *record;
	void *known = tfind(&wanted, &on->record_tree, compare_records);

	if (known != NULL) {
		(*(struct record **)known)->probability += probability;
		return;
	}
	record = xmemdup(&wanted, sizeof wanted);
	record->name = xstrdup(wanted.name);
	record->type = xstrdup(wanted.type);
	record->data = xstrdup(wanted.data);
	if ((on->nrecords & (on->nrecords - 1)) == 0)
		on->records = xrealloc(on->records, MAX(1, on->nrecords * 2) * sizeof(void *));
	on->records[on->nrecords++] = record;
	tsearch(record, &on->record_tree, compare_records);
}

static void
keep_record(void *record)
{
	(void)record;
}

static void
put_records(struct explaining *on)
{
	struct json *records = json_new_list();

	tdestroy(on->record_tree, keep_record);
	for (size_t i = 0; i < on->nrecords; i++) {
		struct record *record = on->records[i];
		struct json *object = json_new_object();

		json_put_text(object, "section", record->section);
		json_put_text(object, "name", record->name);
		json_put_integer(object, "ttl", record->ttl);
		json_put_text(object, "type", record->type);
		json_put_text(object, "data", record->data);
		/* Sums of shares: a billionth is the machine's, not the answer's. */
		json_put_number(
		    object, "probability", record->probability > 1 - 1e-9 ? 1 : record->probability);
		json_add(records, object);
		free(record->name);
		free(record->type);
		free(record->data);
		free(record);
	}
	free(on->records);
	json_put(on->out, "records", records);
}

/* The steering of the question with one of many draws. */
static struct steering
outcome_steering(const struct explaining *on, unsigned try)
{
	struct steering steering = *on->steering;

	steering.draw = mix64(try * UINT64_C(0x9e3779b97f4a7c15));
	steering.trace = NULL;
	return steering;
}

/* One record of a fragment, by way of its presentation form: "owner ttl IN type data". */
static void
add_static(
    struct explaining *on, const struct answer *answer, const struct answer_item *item, double probability)
{
	static const char *const sections[] = {"answer", "authority", "additional"};
	const uint8_t *at = item->wire, *owner = answer_owner(answer, &on->request->question, item);

	for (unsigned i = 0; i < item->count; i++) {
		uint16_t rdlen = get16(at + 10);
		struct rrset rrset = {.type = get16(at + 2),
		    .count = 1,
		    .ttl = item->ttl,
		    .records = at + 10,
		    .len = 2u + rdlen};
		char *text = NULL, *data, type[16];
		size_t len;
		FILE *stream = open_memstream(&text, &len);

		zonefile_type_text(rrset.type, type);
		if (stream != NULL && zonefile_write(stream, owner, &rrset) && fclose(stream) == 0) {
			text[strcspn(text, "\n")] = '\0';
			data = text;
			for (unsigned field = 0; field < 4 && data != NULL; field++) {
				data = strpbrk(data, " \t");
				data = data != NULL ? data + strspn(data, " \t") : NULL;
			}
			add_record(on, sections[item->section], owner, item->ttl, type,
			    data != NULL ? data : "", probability);
		}
		free(text);
		at += 12 + rdlen;
	}
}

/*
 * How likely an answer has each address of a pool, where max_answers may cut a hostname's (S16): where chance
 * decides there is no short formula, and we try.
 */
static double *
try_addresses(const struct explaining *on, const struct outcome *outcome)
{
	const struct steer_choice *choice = &outcome->answer.choice;
	unsigned most = choice->how == STEER_HASHED ? 1 : TRIES, hits = 0, count = 0;
	double *shares;

	for (unsigned i = 0; i < choice->from->count; i++)
		count += choice->from->list[i].naddresses;
	shares = xcalloc(count, sizeof *shares);
	for (unsigned try = 0; try < most; try++) {
		struct steering steering = outcome_steering(on, try);
		struct steer_choice tried = *choice;

		if (choice->how != STEER_HASHED)
			steer(choice->lb, on->snapshot->pools, &steering, choice->family, &tried);
		if (tried.from != choice->from)
			continue;
		hits++;
		for (unsigned i = 0; i < tried.count; i++)
			shares[tried.index[i]]++;
	}
	for (unsigned i = 0; i < count; i++)
		shares[i] = hits > 0 ? (int)(shares[i] / hits * 100 + 0.5) / 100.0 : 0;
	return shares;
}

/* The addresses of candidates as records: first to last - 1. */
static void
add_addresses(struct explaining *on, const struct outcome *outcome, const struct answer_item *item,
    unsigned first, unsigned last)
{
	const struct steer_choice *choice = &outcome->answer.choice;
	const struct candidates *from = choice->from;
	const uint8_t *owner = answer_owner(&outcome->answer, &on->request->question, item);
	bool cut = !from->plain && on->plan->max_answers > 0;
	double *shares = cut ? try_addresses(on, outcome) : NULL;

	for (unsigned i = first; i < last; i++) {
		const struct candidate *candidate = &from->list[i];
		double probability = origin_probability(on, choice->pool, from, i);

		for (unsigned n = 0; n < candidate->naddresses; n++) {
			struct address address = {
			    .family = choice->family == TABLE_V4 ? FAMILY_V4 : FAMILY_V6};
			double share = cut ? shares[candidate->first + n] : probability;
			char text[46];

			memcpy(
			    address.bytes, from->addresses[candidate->first + n].bytes, sizeof address.bytes);
			if (share > 0)
				add_record(on, "answer", owner, item->ttl,
				    choice->family == TABLE_V4 ? "A" : "AAAA",
				    address_to_text(&address, text), share * outcome->probability);
		}
	}
	free(shares);
}

/* The answer that an outcome's pool gives when chance chooses this candidate; false where it was never met.
 */
static bool
find_answer_with(
    const struct explaining *on, const struct outcome *outcome, unsigned candidate, struct outcome *found)
{
	*found = *outcome;
	for (unsigned try = 0; try < TRIES; try++) {
		if (found->answer.has_choice && found->answer.choice.from == outcome->answer.choice.from &&
		    found->answer.choice.origin == candidate)
			return true;
		struct steering steering = outcome_steering(on, try);

		answer_init(&found->answer, RCODE_NOERROR);
		answer_find(&found->answer, on->snapshot, &on->request->question, &steering);
	}
	return false;
}

/* S16: chance draws one origin, and some are answered with a CNAME: each of them gives an answer of its own.
 */
static bool
each_its_own(const struct explaining *on, const struct steer_choice *choice)
{
	bool cnames = false;
	unsigned n;

	if (choice->pool == NULL || steer_shape(on->plan, choice->pool, &n) != STEER_DRAWN || n != 1)
		return false;
	for (unsigned i = 0; i < choice->from->count; i++)
		cnames |= choice->from->list[i].cname != NULL;
	return cnames;
}

static void
add_items(
    struct explaining *on, const struct outcome *outcome, unsigned first, unsigned last, double probability)
{
	for (unsigned i = 0; i < outcome->answer.nitems; i++) {
		const struct answer_item *item = &outcome->answer.items[i];

		if (item->steered && !item->cname)
			add_addresses(on, outcome, item, first, last);
		else
			add_static(on, &outcome->answer, item, probability);
	}
}

static void
add_outcome(struct explaining *on, const struct outcome *outcome)
{
	const struct steer_choice *choice = &outcome->answer.choice;
	struct outcome *found;

	if (!outcome->answer.has_choice || !each_its_own(on, choice)) {
		add_items(on, outcome, 0,
		    outcome->answer.has_choice && choice->pool != NULL ? choice->from->count : 0,
		    outcome->probability);
		return;
	}
	found = xcalloc(1, sizeof *found);
	for (unsigned i = 0; i < choice->from->count; i++) {
		double probability = origin_probability(on, choice->pool, choice->from, i);

		if (probability > 0 && find_answer_with(on, outcome, i, found))
			add_items(on, found, i, i + 1, probability * outcome->probability);
	}
	free(found);
}

static void
explain_answer(struct explaining *on)
{
	unsigned scope = 0;

	for (size_t n = 0; n < on->noutcomes; n++) {
		scope = MAX(scope, on->outcomes[n].answer.scope);
		add_outcome(on, &on->outcomes[n]);
	}
	json_put_text(on->out, "rcode", rcode_text(on->answer.rcode));
	json_put_bool(on->out, "authoritative", on->answer.authoritative);
	put_records(on);
	json_put_integer(on->out, "scope", scope);
}

/* Did a load balancer decide what is answered, in some outcome at least?  Not where a chain ends before it
 * (S5). */
static bool
is_steered(const struct explaining *on)
{
	bool steered = false;

	for (size_t i = 0; i < on->noutcomes; i++)
		steered |= on->outcomes[i].answer.has_choice;
	return steered;
}

struct json *
explanation_make(const struct compiler *compiler, struct store_txn *config, struct store_txn *health,
    const struct explanation_request *request)
{
	struct explaining *on = xcalloc(1, sizeof *on);
	struct steering steering = {.client = request->client,
	    .now_s = (uint32_t)(wall_ms() / 1000),
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
	answer_init(&on->answer, RCODE_NOERROR);
	answer_find(&on->answer, on->snapshot, &request->question, &steering);
	on->outcomes = outcomes_new(on->snapshot, &request->question, &steering, &on->answer, &on->noutcomes);
	json_put_text(out, "name", name_to_text(request->question.path.name, name));
	zonefile_type_text(request->question.type, type);
	json_put_text(out, "type", type);
	json_put_integer(out, "generation", (long long)on->snapshot->generation);
	explain_client(on);
	explain_zone(on);
	if (is_steered(on))
		explain_steering(on);
	explain_answer(on);
	free(on->trace.events);
	free(on->plan);
	free(on->outcomes);
	free(on);
	return out;
}
