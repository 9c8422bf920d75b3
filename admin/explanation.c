#include "explanation.h"

#include "health.h"
#include "outcomes.h"
#include "zonefile.h"

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
	struct answer answer;
	struct steer_trace trace;
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
	static const char *const texts[] = {"off", "random", "geo", "proximity"};

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

/* S1: where steering takes the client to be. */
static void
explain_location(struct explaining *on, const struct steer_lb *lb)
{
	static const char *const by[] = {"nowhere", "ECS", "resolver", "site"};
	struct steering steering = {.client = on->request->client, .geo = on->request->geo, .site = on->request->site};
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
			json_put_text(object, "list", on->trace.events[i].value < lb->nplaces
			    ? lb->places[on->trace.events[i].value].code : "default_pools");
	json_put(on->out, "location", object);
}

static const struct steer_event *
find_event(const struct explaining *on, enum steer_step step, uint32_t slot)
{
	for (size_t i = 0; i < on->trace.count; i++)
		if (on->trace.events[i].step == step && on->trace.events[i].pool == slot)
			return &on->trace.events[i];
	return NULL;
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
	const struct steer_event *cost = find_event(on, STEP_POOL_COST, slot);
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
	json_put_bool(object, "monitored", model->monitor.text[0] != '\0');
	if (on->answer.choice.lb->policy == STEERING_RANDOM && !fallback)
		json_put_number(object, "weight", weight / 100.0);
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
		why = find_event(on, STEP_POOL_SHED, slot)->value ? "sheds load, by chance this time" : "sheds this client ([CF] load shedding)";
	else if (find_event(on, STEP_POOL_NO_WEIGHT, slot) != NULL)
		why = "weight 0: never drawn (S13)";
	else if (find_event(on, STEP_POOL_FIRST, slot) != NULL)
		why = "first usable (S13)";
	else if (find_event(on, STEP_POOL_NEAREST, slot) != NULL)
		why = probability > 0 ? "nearest to the client" : "farther from the client";
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
is_default_pool(const struct steer_lb *lb, uint32_t slot)
{
	for (unsigned i = 0; i < lb->nall; i++)
		if (lb->pools[i].slot == slot)
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

/*
 * How likely one answer of a pool has a candidate.  Drawing several by weight without replacement has no
 * short formula: there we try it so often that two digits stand.
 */
static double
origin_probability(const struct explaining *on, const struct pool_table *table, const struct candidates *from,
    unsigned index)
{
	const struct steer_lb *lb = on->answer.choice.lb;
	uint16_t drawn[STEER_ANSWERS_MAX];
	unsigned n, hits = 0;

	switch (steer_shape(lb, table, &n)) {
	case STEER_ALL:
		return 1;
	case STEER_HASHED:
		/* With affinity this is the one choice, which a pin may have made. */
		if (lb->affinity == AFFINITY_IP && from == on->answer.choice.from) {
			for (unsigned i = 0; i < on->answer.choice.count; i++)
				hits += on->answer.choice.index[i] == index;
			return hits;
		}
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
	if (origin->ip.family != asked->family)
		return "of the other family (S12)";
	return fallback ? "candidate: health is ignored (S14)" : "candidate (S11)";
}

static void
put_health(struct explaining *on, struct json *object, const struct pool *pool, const struct origin *origin)
{
	struct endpoint endpoint = health_endpoint(pool->monitor.text, origin);
	struct health_record record;
	uint64_t now = boot_ms();
	char damped_until[32];

	if (on->health == NULL || pool->monitor.text[0] == '\0' ||
	    !health_get(on->health, &endpoint, &record))
		return;
	json_put_number(object, "state_age_seconds", (double)((now - MIN(now, record.since_ms)) / 1000));
	if (record.last_ms != 0)
		json_put_number(
		    object, "checked_age_seconds", (double)((now - MIN(now, record.last_ms)) / 100) / 10);
	json_put_text(object, "failure_reason", health_reason_text(record.last_reason));
	if (record.damped_until_ms != 0) { /* S39 */
		wall_text(health_damped_until(&record, now, wall_ms()), damped_until);
		json_put_text(object, "damped_until", damped_until);
	}
}

static void
explain_origins(struct explaining *on, struct json *origins, uint32_t slot, double probability, bool fallback)
{
	const enum health_state *states;
	const struct pool *model = compiler_pool(on->compiler, slot, &states);
	const struct pool_table *table = pool_slot_table(on->snapshot->pools, slot);
	const struct candidates *from = fallback
	    ? &table->fallback[on->answer.choice.family]
	    : steer_candidates(on->answer.choice.lb, table, on->answer.choice.family);
	struct address asked = {.family = on->answer.choice.family == TABLE_V4 ? FAMILY_V4 : FAMILY_V6};
	uint64_t key = on->answer.choice.lb->affinity == AFFINITY_IP
			   ? steer_key(on->answer.choice.lb, &on->request->client).hash
			   : 0;

	for (size_t i = 0; i < model->norigins; i++) {
		const struct origin *origin = &model->origins[i];
		struct json *object = json_new_object();
		int index = candidate_index(from, i);

		json_put_text(object, "pool", model->name);
		json_put_text(object, "address", origin->address);
		json_put_text(object, "state", health_state_text(states[i]));
		if (origin->forced != FORCED_NONE)
			json_put_text(object, "forced", origin->forced == FORCED_UP ? "up" : "down");
		put_health(on, object, model, origin);
		json_put_number(object, "weight", origin->weight / 100.0);
		json_put_text(object, "why", origin_verdict(origin, states[i], &asked, fallback));
		if (index >= 0 && on->answer.choice.lb->affinity == AFFINITY_IP)
			json_put_number(object, "cost",
			    (double)steer_neg_log2(mix64(key ^ from->list[index].hash)) / 1099511627776.0 /
				origin->weight * 100);
		json_put_number(object, "probability",
		    index >= 0 ? probability * origin_probability(on, table, from, (unsigned)index) : 0);
		json_add(origins, object);
	}
}

/* The pools that the policy chose among: those of a place, or the default ones. */
static void
choose_shown(const struct explaining *on, const struct steer_lb *lb, const struct steer_pool **shown, unsigned *count)
{
	*shown = lb->pools;
	*count = lb->npools;
	for (size_t i = 0; i < on->trace.count; i++)
		if (on->trace.events[i].step == STEP_PLACE && on->trace.events[i].value < lb->nplaces) {
			*shown = &lb->pools[lb->places[on->trace.events[i].value].first];
			*count = lb->places[on->trace.events[i].value].count;
		}
}

static void
explain_steering(struct explaining *on)
{
	const struct steer_lb *lb = on->answer.choice.lb;
	struct json *pools = json_new_list(), *origins = json_new_list();
	bool last_resort = pool_probability(on, lb->fallback.slot, true) > 0;
	const struct steer_pool *shown;
	unsigned nshown;

	explain_lb(on, lb);
	if (lb->policy == STEERING_GEO || lb->policy == STEERING_PROXIMITY)
		explain_location(on, lb);
	choose_shown(on, lb, &shown, &nshown);
	for (unsigned i = 0; i < nshown; i++) {
		double probability = pool_probability(on, shown[i].slot, false);

		explain_pool(on, pools, shown[i].slot, false, shown[i].weight);
		if (probability > 0)
			explain_origins(on, origins, shown[i].slot, probability, false);
	}
	if (last_resort || !is_default_pool(lb, lb->fallback.slot))
		explain_pool(on, pools, lb->fallback.slot, true, 0);
	if (last_resort && pool_slot_table(on->snapshot->pools, lb->fallback.slot) != NULL)
		explain_origins(on, origins, lb->fallback.slot, pool_probability(on, lb->fallback.slot, true), true);
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
	struct record wanted = {.section = section, .name = name_to_text(owner, text), .type = (char *)(uintptr_t)type,
	    .data = (char *)(uintptr_t)data, .ttl = ttl, .probability = probability}, *record;
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
		json_put_number(object, "probability", record->probability > 1 - 1e-9 ? 1 : record->probability);
		json_add(records, object);
		free(record->name);
		free(record->type);
		free(record->data);
		free(record);
	}
	free(on->records);
	json_put(on->out, "records", records);
}

/* The addresses that steering gives: each origin with a chance is a record. */
static void
add_steered(struct explaining *on, const struct outcome *outcome, const struct answer_item *item)
{
	const struct steer_choice *choice = &outcome->answer.choice;

	for (unsigned i = 0; i < choice->from->count; i++) {
		double probability = origin_probability(on, choice->pool, choice->from, i);
		struct address address = {.family = choice->family == TABLE_V4 ? FAMILY_V4 : FAMILY_V6};
		char text[46];

		memcpy(address.bytes, choice->from->list[i].bytes, sizeof address.bytes);
		if (probability > 0)
			add_record(on, "answer", answer_owner(&outcome->answer, &on->request->question, item), item->ttl,
			    choice->family == TABLE_V4 ? "A" : "AAAA", address_to_text(&address, text),
			    probability * outcome->probability);
	}
}

/* One record of a fragment, by way of its presentation form: "owner ttl IN type data". */
static void
add_static(struct explaining *on, const struct outcome *outcome, const struct answer_item *item)
{
	static const char *const sections[] = {"answer", "authority", "additional"};
	const uint8_t *at = item->wire, *owner = answer_owner(&outcome->answer, &on->request->question, item);

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
			    data != NULL ? data : "", outcome->probability);
		}
		free(text);
		at += 12 + rdlen;
	}
}

static void
explain_answer(struct explaining *on)
{
	unsigned scope = 0;

	for (size_t n = 0; n < on->noutcomes; n++) {
		const struct outcome *outcome = &on->outcomes[n];

		scope = MAX(scope, outcome->answer.scope);
		for (unsigned i = 0; i < outcome->answer.nitems; i++) {
			const struct answer_item *item = &outcome->answer.items[i];

			if (item->steered)
				add_steered(on, outcome, item);
			else
				add_static(on, outcome, item);
		}
	}
	json_put_text(on->out, "rcode", rcode_text(on->answer.rcode));
	json_put_bool(on->out, "authoritative", on->answer.authoritative);
	put_records(on);
	json_put_integer(on->out, "scope", scope);
}

/* Did a load balancer decide what is answered, in some outcome at least?  Not where a chain ends before it (S5). */
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
	struct steering steering = {.client = request->client, .now_s = (uint32_t)(wall_ms() / 1000), .pins = request->pins, .geo = request->geo,
	    .site = request->site,
	    .trace = &on->trace};
	char name[NAME_MAX_TEXT], type[16];
	struct json *out = json_new_object();

	on->compiler = compiler;
	on->config = config;
	on->health = health;
	on->request = request;
	on->snapshot = compiler_snapshot(compiler);
	on->trace.events = xcalloc(EVENTS_MAX, sizeof *on->trace.events);
	on->trace.room = EVENTS_MAX;
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
	free(on->outcomes);
	free(on);
	return out;
}
