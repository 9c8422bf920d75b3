#include "zones/document/document_load.h"

#include "zones/base/array.h"
#include "zones/base/siphash.h"
#include "zones/base/text.h"
#include "zones/document/public_key.h"
#include "zones/document/schema.h"
#include "zones/document/value.h"
#include "zones/geo/geo.h"
#include "zones/model/quorum.h"
#include "zones/zonefile/zonefile.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

static struct value *
read_object(struct bytes text)
{
	struct value *object = value_read(text);

	if (object != NULL && value_kind(object) != VALUE_OBJECT) {
		value_free(object);
		return NULL;
	}
	return object;
}

static bool
is_number(const struct value *value)
{
	return value_kind(value) == VALUE_INTEGER || value_kind(value) == VALUE_REAL;
}

static unsigned
number_of(const struct value *object, const char *key)
{
	return (unsigned)value_integer(value_member(object, key));
}

static void
id_of(struct id *id, const char *text)
{
	*id = (struct id){{0}};
	if (id_valid(text))
		snprintf(id->text, sizeof id->text, "%s", text);
}

static char *
text_or_null(const char *text)
{
	return *text ? xstrdup(text) : NULL;
}

/* S18: a weight in hundredths, rounded; at least 1 if the property is above 0. */
static unsigned
hundredths(const struct value *value)
{
	double weight = value_number(value);
	long rounded = lround(weight * WEIGHT_ONE);

	return weight > 0 && rounded < 1 ? 1 : (unsigned)MAX(rounded, 0);
}

/* True if the end has not passed. It is then one of the ends that the object waits for. */
static bool
lasts(struct deadline *expiry, const struct value *object, const char *key, const char *boot_key)
{
	struct deadline end = deadline_read(value_text_of(object, key), value_text_of(object, boot_key));

	if (!deadline_is_set(&end) || deadline_passed(&end))
		return false;
	deadline_add(expiry, &end);
	return true;
}

static enum health_state
seed_of(const char *text)
{
	return strcmp(text, "up") == 0     ? HEALTH_UP
	    : strcmp(text, "suspect") == 0 ? HEALTH_SUSPECT
	    : strcmp(text, "down") == 0    ? HEALTH_DOWN
					   : HEALTH_UNKNOWN;
}

/* S24: the states of a hostname's addresses at the time when its monitor was attached. */
static struct resolved *
load_seeds(const struct value *seeds)
{
	struct resolved *resolved = NULL;
	unsigned count = 0;

	if (value_count(seeds) == 0 || (resolved = resolved_new((unsigned)value_count(seeds))) == NULL)
		return NULL;
	for (const struct value *each = value_first(seeds); each != NULL; each = value_next(each)) {
		struct resolved_address *seed = &resolved->list[count++];
		const char *state = value_text(each);

		address_from_text(&seed->address, value_key(each));
		seed->state = seed_of(state != NULL ? state : "");
	}
	return resolved;
}

static void
load_origin(struct pool *pool, struct origin *origin, const struct value *json)
{
	const char *forced = value_text_of(json, "forced");
	const struct value *seeded = value_member(json, "seeded");
	const char *host = value_text(value_first(value_member(value_member(json, "header"), "Host")));

	origin->name = xstrdup(value_text_of(json, "name"));
	origin->address = xstrdup(value_text_of(json, "address"));
	origin->enabled = value_truth(value_member(json, "enabled")) &&
	    !lasts(&pool->expiry, json, "disabled_until", "disabled_until_boot");
	origin->weight = hundredths(value_member(json, "weight"));
	origin->host = text_or_null(host ? host : "");
	origin->forced = strcmp(forced, "up") == 0 ? FORCED_UP
	    : strcmp(forced, "down") == 0          ? FORCED_DOWN
						   : FORCED_NONE;
	if (*value_text_of(json, "forced_until") != '\0' &&
	    !lasts(&pool->expiry, json, "forced_until", "forced_until_boot"))
		origin->forced = FORCED_NONE;
	origin->affinity_group = text_or_null(value_text_of(json, "affinity_group"));
	origin->seeded = seed_of(value_text_of(json, "seeded"));
	origin->seeds = value_kind(seeded) == VALUE_OBJECT ? load_seeds(seeded) : NULL;
	origin->unflattened =
	    value_member(json, "flatten_cname") != NULL && !value_truth(value_member(json, "flatten_cname"));
	address_from_text(&origin->ip, origin->address);
}

struct judge *
document_load_group(struct bytes text, size_t *count)
{
	struct value *json = read_object(text);
	const struct value *members = value_member(json, "members");
	struct judge *judges = xcalloc(value_count(members), sizeof *judges);

	*count = 0;
	for (const struct value *member = value_first(members); member != NULL; member = value_next(member)) {
		struct judge *judge = &judges[*count];

		if (!value_truth(value_member(member, "enabled")))
			continue;
		id_of(&judge->monitor, value_text_of(member, "monitor_id"));
		judge->votes = !value_truth(value_member(member, "monitoring_only"));
		judge->must_be_healthy = value_truth(value_member(member, "must_be_healthy"));
		++*count;
	}
	value_free(json);
	return judges;
}

static struct notification_filter
load_filter(const struct value *json)
{
	const struct value *healthy = value_member(json, "healthy");
	bool disable = value_truth(value_member(json, "disable")), one = value_kind(healthy) == VALUE_BOOL;

	return (struct notification_filter){
	    disable || (one && !value_truth(healthy)), disable || (one && value_truth(healthy))};
}

/* S93. [CF]: null and ALL_REGIONS are all. */
static void
load_quorum(struct pool *pool, const struct value *json)
{
	const char *quorum = value_text_of(json, "quorum");
	const struct value *regions = value_member(json, "check_regions");
	uint64_t sites = 0;

	pool->quorum = strcmp(quorum, "any") == 0                            ? 1
	    : whole_from_text(quorum, QUORUM_SITES_MAX, &sites) && sites > 0 ? (unsigned)sites
									     : 0;
	for (const struct value *each = value_first(regions); each != NULL; each = value_next(each)) {
		const char *code = value_text(each);
		uint8_t region = code != NULL ? geo_region(code) : REGION_UNKNOWN;

		if (code != NULL && strcmp(code, "ALL_REGIONS") == 0) {
			pool->check_regions = 0;
			return;
		}
		if (region != REGION_UNKNOWN)
			pool->check_regions |= UINT32_C(1) << region;
	}
}

struct roster_node *
document_load_node(struct bytes text)
{
	struct value *json = read_object(text);
	const struct value *addresses = value_member(json, "addresses");
	struct roster_node *node;

	if (json == NULL)
		return NULL;
	node = xcalloc(1, sizeof *node);
	id_of(&node->id, value_text_of(json, "id"));
	node->name = xstrdup(value_text_of(json, "name"));
	node->site = xstrdup(value_text_of(json, "site"));
	node->region = geo_region(value_text_of(json, "region"));
	node->votes = value_truth(value_member(json, "votes"));
	node->addresses = xstrdup("");
	for (const struct value *each = value_first(addresses); each != NULL; each = value_next(each)) {
		char *longer = xasprintf("%s%s%s", node->addresses, *node->addresses != '\0' ? " " : "",
		    value_text(each) != NULL ? value_text(each) : "");

		free(node->addresses);
		node->addresses = longer;
	}
	value_free(json);
	if (*node->name != '\0' && *node->id.text != '\0')
		return node;
	model_free_roster_node(node);
	return NULL;
}

static void
load_provider_keys(struct dnssec_policy *policy, const struct value *list)
{
	struct problems problems = {0};
	struct public_key key;

	for (const struct value *each = value_first(list); each != NULL; each = value_next(each)) {
		if (value_text(each) == NULL || !public_key_read(&key, value_text(each), &problems))
			continue;
		policy->providers = array_grow(policy->providers, policy->nproviders, sizeof key);
		policy->providers[policy->nproviders++] = key;
	}
	problems_free(&problems);
}

struct dnssec_policy *
document_load_dnssec(struct bytes text)
{
	struct value *json = read_object(text);
	struct dnssec_policy *policy;

	if (json == NULL)
		return NULL;
	policy = xcalloc(1, sizeof *policy);
	id_of(&policy->id, value_text_of(json, "id"));
	policy->name = xstrdup(value_text_of(json, "name"));
	policy->identity = xstrdup(value_text_of(json, "identity"));
	policy->algorithm = schema_dnssec_algorithm(value_text_of(json, "algorithm"));
	policy->ending = schema_dnssec_ending(value_text_of(json, "ending"));
	policy->roll = schema_dnssec_roll(value_text_of(json, "roll"));
	policy->split = value_truth(value_member(json, "split"));
	policy->keyless_nodes = value_truth(value_member(json, "keyless_nodes"));
	policy->emergency = value_truth(value_member(json, "emergency"));
	policy->rollover = (uint32_t)value_integer(value_member(json, "rollover"));
	policy->cancelled = (uint32_t)value_integer(value_member(json, "cancelled"));
	policy->lead = (uint32_t)value_integer(value_member(json, "lead"));
	policy->node = xstrdup(value_text_of(json, "node"));
	for (const struct value *each = value_first(value_member(json, "without")); each != NULL;
	     each = value_next(each)) {
		if (value_text(each) == NULL)
			continue;
		policy->without = array_grow(policy->without, policy->nwithout, sizeof *policy->without);
		policy->without[policy->nwithout++] = xstrdup(value_text(each));
	}
	load_provider_keys(policy, value_member(json, "provider_keys"));
	value_free(json);
	if (*policy->name != '\0' && *policy->id.text != '\0')
		return policy;
	model_free_dnssec_policy(policy);
	return NULL;
}

struct pool *
document_load_pool(struct bytes text)
{
	struct value *json = read_object(text);
	const struct value *origins = value_member(json, "origins");
	struct pool *pool;
	bool good;

	if (json == NULL)
		return NULL;
	pool = xcalloc(1, sizeof *pool);
	id_of(&pool->id, value_text_of(json, "id"));
	pool->name = xstrdup(value_text_of(json, "name"));
	pool->enabled = value_truth(value_member(json, "enabled")) &&
	    !lasts(&pool->expiry, json, "disabled_until", "disabled_until_boot");
	pool->minimum_origins = number_of(json, "minimum_origins");
	pool->origin_steering =
	    strcmp(value_text_of(value_member(json, "origin_steering"), "policy"), "hash") == 0
	    ? ORIGIN_HASH
	    : ORIGIN_RANDOM;
	pool->shed_percent =
	    value_number(value_member(value_member(json, "load_shedding"), "default_percent"));
	pool->shed_by_hash =
	    strcmp(value_text_of(value_member(json, "load_shedding"), "default_policy"), "hash") == 0;
	pool->placed =
	    is_number(value_member(json, "latitude")) && is_number(value_member(json, "longitude"));
	pool->latitude = value_number(value_member(json, "latitude"));
	pool->longitude = value_number(value_member(json, "longitude"));
	id_of(&pool->monitor, value_text_of(json, "monitor"));
	id_of(&pool->monitor_group, value_text_of(json, "monitor_group"));
	pool->pool_filter = load_filter(value_member(value_member(json, "notification_filter"), "pool"));
	pool->origin_filter = load_filter(value_member(value_member(json, "notification_filter"), "origin"));
	if (pool->monitor.text[0] != '\0') {
		pool->judges = xcalloc(1, sizeof *pool->judges);
		pool->judges[pool->njudges++] = (struct judge){.monitor = pool->monitor, .votes = true};
	}
	load_quorum(pool, json);
	pool->origins = xcalloc(value_count(origins), sizeof *pool->origins);
	good = *pool->name != '\0' && *pool->id.text != '\0';
	for (const struct value *each = value_first(origins); each != NULL; each = value_next(each))
		load_origin(pool, &pool->origins[pool->norigins++], each);
	value_free(json);
	if (good)
		return pool;
	model_free_pool(pool);
	return NULL;
}

static void
load_headers(struct monitor *monitor, const struct value *headers)
{
	for (const struct value *values = value_first(headers); values != NULL; values = value_next(values)) {
		const char *key = value_key(values);

		for (const struct value *each = value_first(values); each != NULL; each = value_next(each)) {
			const char *value = value_text(each);

			if (value == NULL)
				continue;
			/* A Host header has its own field, because it also sets the probe's Host and SNI. */
			if (strcasecmp(key, "Host") == 0) {
				free(monitor->host);
				monitor->host = xstrdup(value);
				continue;
			}
			monitor->headers =
			    array_grow(monitor->headers, monitor->nheaders, sizeof *monitor->headers);
			monitor->headers[monitor->nheaders++] = (struct header){xstrdup(key), xstrdup(value)};
		}
	}
}

/*
 * Returns false if dns_data cannot be read any more. The monitor is then invalid, because without the data it
 * would accept any answer.
 */
static bool
load_dns(struct monitor *monitor, const struct value *json)
{
	const char *name = value_text_of(json, "dns_name"), *data = value_text_of(json, "dns_data");
	struct problems problems = {0};
	uint8_t *rdata;

	monitor->dns_type = zonefile_type(value_text_of(json, "dns_type"));
	monitor->dns_rcode = schema_dns_rcode(value_text_of(json, "dns_rcode"));
	if (monitor->type != MONITOR_DNS)
		return true;
	if (name_from_text(monitor->dns_name, name, NULL) == 0 || monitor->dns_type == 0)
		return false;
	if (*data == '\0')
		return true;
	rdata = xmalloc(UINT16_MAX);
	zonefile_rdata(
	    monitor->dns_type, data, (const uint8_t *)"", rdata, &monitor->dns_data_len, &problems);
	problems_free(&problems);
	monitor->dns_data = xmemdup(rdata, monitor->dns_data_len);
	free(rdata);
	return monitor->dns_data_len > 0;
}

/* Returns a list that ends with NULL. */
static char **
load_texts(const struct value *list)
{
	char **texts = xcalloc(value_count(list) + 1, sizeof *texts);
	size_t count = 0;

	for (const struct value *each = value_first(list); each != NULL; each = value_next(each)) {
		const char *text = value_text(each);

		texts[count++] = xstrdup(text ? text : "");
	}
	return texts;
}

static void
load_tls(struct monitor *monitor, const struct value *json)
{
	monitor->allow_insecure = value_truth(value_member(json, "allow_insecure"));
	monitor->starttls = value_truth(value_member(json, "starttls"));
	monitor->ca_file = text_or_null(value_text_of(json, "ca_file"));
	monitor->client_certificate = text_or_null(value_text_of(json, "client_certificate"));
	monitor->client_key = text_or_null(value_text_of(json, "client_key"));
}

static enum http_version
http_version_of(const char *text)
{
	return strcmp(text, "2") == 0   ? HTTP_VERSION_2
	    : strcmp(text, "auto") == 0 ? HTTP_VERSION_AUTO
					: HTTP_VERSION_1_1;
}

struct monitor *
document_load_monitor(struct bytes text)
{
	struct value *json = read_object(text);
	struct monitor *monitor;
	const struct monitor_kind *kind;
	enum monitor_type type = monitor_type_of(value_text_of(json, "type"));
	bool good;

	if (json == NULL || type == MONITOR_TYPE_COUNT) {
		value_free(json);
		return NULL;
	}
	kind = monitor_kind(type);
	monitor = xcalloc(1, sizeof *monitor);
	id_of(&monitor->id, value_text_of(json, "id"));
	monitor->edition = (uint32_t)siphash((const uint64_t[2]){0, 0}, text.data, text.len);
	monitor->name = xstrdup(value_text_of(json, "name"));
	monitor->type = type;
	monitor->method = xstrdup(value_text_of(json, "method"));
	monitor->path = xstrdup(value_text_of(json, "path"));
	monitor->port = number_of(json, "port");
	if (monitor->port == 0)
		monitor->port = kind->port;
	monitor->interval_s = number_of(json, "interval");
	monitor->timeout_ms = (unsigned)lround(value_number(value_member(json, "timeout")) * 1000);
	monitor->retries = number_of(json, "retries");
	monitor->consecutive_up = number_of(json, "consecutive_up");
	monitor->consecutive_down = number_of(json, "consecutive_down");
	monitor->damping_changes = number_of(json, "damping_changes");
	monitor->damping_period_s = number_of(json, "damping_period");
	/* An empty text has no effect; it is stored because clients of the API compare the answer with their
	 * request. */
	schema_expected_codes(
	    *value_text_of(json, "expected_codes") != '\0' ? value_text_of(json, "expected_codes") : "200",
	    monitor->expected_codes);
	monitor->expected_body = xstrdup(value_text_of(json, "expected_body"));
	monitor->follow_redirects = value_truth(value_member(json, "follow_redirects"));
	monitor->redirect_hosts = load_texts(value_member(json, "redirect_hosts"));
	monitor->http_version = http_version_of(value_text_of(json, "http_version"));
	if (!address_from_text(&monitor->address, value_text_of(json, "address")))
		monitor->address = (struct address){0};
	load_tls(monitor, json);
	load_headers(monitor, value_member(json, "header"));
	good = load_dns(monitor, json);
	monitor->command = load_texts(value_member(json, "command"));
	good = (monitor->type != MONITOR_EXEC || monitor->command[0] != NULL) && good;
	value_free(json);
	if (good && *monitor->name != '\0' && monitor->interval_s > 0 && monitor->timeout_ms > 0 &&
	    (monitor->port > 0 || (kind->port == 0 && !kind->port_required)))
		return monitor;
	model_free_monitor(monitor);
	return NULL;
}

static void
load_ids(const struct value *list, struct id **ids, size_t *count)
{
	*count = 0;
	*ids = xcalloc(value_count(list), sizeof **ids);
	for (const struct value *each = value_first(list); each != NULL; each = value_next(each)) {
		const char *id = value_text(each);

		id_of(&(*ids)[(*count)++], id ? id : "");
	}
}

/* standard may be NULL: the default weight is then 1. */
static void
load_weights(struct pool_weights *weights, const struct value *map, const struct value *standard)
{
	weights->standard = is_number(standard) ? hundredths(standard) : WEIGHT_ONE;
	weights->list = xcalloc(value_count(map), sizeof *weights->list);
	for (const struct value *each = value_first(map); each != NULL; each = value_next(each)) {
		id_of(&weights->list[weights->count].pool, value_key(each));
		weights->list[weights->count++].weight = hundredths(each);
	}
}

static void
load_lb_pools(struct lb *lb, const struct value *json)
{
	const struct value *random = value_member(json, "random_steering");

	load_ids(value_member(json, "default_pools"), &lb->default_pools, &lb->npools);
	load_weights(
	    &lb->weights, value_member(random, "pool_weights"), value_member(random, "default_weight"));
	lb->pool_weights = xcalloc(lb->npools, sizeof *lb->pool_weights);
	for (size_t i = 0; i < lb->npools; i++)
		lb->pool_weights[i] = pool_weight_of(&lb->weights, &lb->default_pools[i]);
	id_of(&lb->fallback_pool, value_text_of(json, "fallback_pool"));
}

static enum prefer_ecs
prefer_ecs_of(const char *text)
{
	return strcmp(text, "never") == 0    ? ECS_NEVER
	    : strcmp(text, "proximity") == 0 ? ECS_PROXIMITY
	    : strcmp(text, "geo") == 0       ? ECS_GEO
					     : ECS_ALWAYS;
}

static void
load_places(struct place_pools **places, size_t *nplaces, enum place_kind kind, const struct value *map)
{
	for (const struct value *each = value_first(map); each != NULL; each = value_next(each)) {
		struct place_pools *place;

		*places = array_grow(*places, *nplaces, sizeof **places);
		place = &(*places)[(*nplaces)++];
		*place = (struct place_pools){.kind = kind};
		snprintf(place->code, sizeof place->code, "%s", value_key(each));
		load_ids(each, &place->pools, &place->npools);
	}
}

/* [CF] 3.3: there are no counts of requests here, so the least_* policies use only the weights. */
static enum steering_policy
steering_policy_of(const char *text)
{
	if (strcmp(text, "geo") == 0)
		return STEERING_GEO;
	if (strcmp(text, "proximity") == 0)
		return STEERING_PROXIMITY;
	if (strcmp(text, "dynamic_latency") == 0)
		return STEERING_DYNAMIC_LATENCY;
	return strcmp(text, "random") == 0 || strncmp(text, "least_", 6) == 0 ? STEERING_RANDOM
									      : STEERING_OFF;
}

static enum failover
failover_of(const char *text)
{
	return strcmp(text, "temporary") == 0 ? FAILOVER_TEMPORARY
	    : strcmp(text, "sticky") == 0     ? FAILOVER_STICKY
					      : FAILOVER_NONE;
}

static enum affinity
affinity_of(const char *text)
{
	return strcmp(text, "ip_cookie") == 0 ? AFFINITY_IP : AFFINITY_NONE;
}

/* In the order of enum place_kind, which is also the order of their bits. */
static const char *const place_maps[] = {"pop_pools", "country_pools", "region_pools"};

/* True if the rule has the property. The part is then overridden. */
static bool
overrides(struct lb_override *override, const struct value *object, const char *key, unsigned part)
{
	if (value_kind(value_member(object, key)) == VALUE_NULL)
		return false;
	override->parts |= part;
	return true;
}

/* Load the properties that pool sets and rules share. */
static void
load_pool_choice(struct lb_override *override, const struct value *json)
{
	if (overrides(override, json, "pools", PART_POOLS))
		load_ids(value_member(json, "pools"), &override->pools, &override->npools);
	else if (overrides(override, json, "default_pools", PART_POOLS))
		load_ids(value_member(json, "default_pools"), &override->pools, &override->npools);
	if (overrides(override, json, "pool_weights", PART_WEIGHTS) |
	    overrides(override, json, "pool_default_weight", PART_WEIGHTS))
		load_weights(&override->weights, value_member(json, "pool_weights"),
		    value_member(json, "pool_default_weight"));
	if (overrides(override, json, "fallback_pool", PART_FALLBACK))
		id_of(&override->fallback_pool, value_text_of(json, "fallback_pool"));
	if (overrides(override, json, "steering_policy", PART_POLICY)) {
		override->policy_open = *value_text_of(json, "steering_policy") == '\0';
		override->steering_policy = steering_policy_of(value_text_of(json, "steering_policy"));
	}
}

static void
load_rule(struct lb_override *override, const struct value *rule)
{
	const struct value *json = value_member(rule, "overrides"),
			   *random = value_member(json, "random_steering"),
			   *location = value_member(json, "location_strategy"),
			   *attributes = value_member(json, "session_affinity_attributes");

	override->condition = xstrdup(value_text_of(rule, "condition"));
	override->terminates = value_truth(value_member(rule, "terminates"));
	load_pool_choice(override, json);
	if (overrides(override, json, "random_steering", PART_WEIGHTS))
		load_weights(&override->weights, value_member(random, "pool_weights"),
		    value_member(random, "default_weight"));
	for (size_t kind = 0; kind < NITEMS(place_maps); kind++)
		if (overrides(override, json, place_maps[kind], PART_SITES << kind))
			load_places(&override->places, &override->nplaces, (enum place_kind)kind,
			    value_member(json, place_maps[kind]));
	if (overrides(override, json, "ttl", PART_TTL))
		override->ttl = number_of(json, "ttl");
	if (overrides(override, json, "session_affinity", PART_AFFINITY))
		override->affinity = affinity_of(value_text_of(json, "session_affinity"));
	if (overrides(override, json, "session_affinity_ttl", PART_AFFINITY_TTL))
		override->affinity_ttl = number_of(json, "session_affinity_ttl");
	if (overrides(override, attributes, "zero_downtime_failover", PART_FAILOVER))
		override->failover = failover_of(value_text_of(attributes, "zero_downtime_failover"));
	if (overrides(override, location, "prefer_ecs", PART_PREFER_ECS))
		override->prefer_ecs = prefer_ecs_of(value_text_of(location, "prefer_ecs"));
	if (overrides(override, location, "mode", PART_MODE))
		override->by_resolver = strcmp(value_text_of(location, "mode"), "pop") != 0;
}

/*
 * Write one value of a match: a code (letters, digits, "-"), a prefix, or the number of an autonomous system.
 */
static void
put_match(FILE *out, const struct value *value, bool quoted)
{
	if (value_text(value) == NULL)
		fprintf(out, "%lld", value_integer(value));
	else
		fprintf(out, quoted ? "\"%s\"" : "%s", value_text(value));
}

/* S36: the match of a set, in the language of rules: the client must match one entry of each list. malloc. */
static char *
match_condition(const struct value *match)
{
	static const struct {
		const char *list, *field;
		bool quoted;
	} lists[] = {{"pops", "cf.load_balancer.pop", true}, {"countries", "cf.load_balancer.country", true},
	    {"regions", "cf.load_balancer.region", true}, {"asns", "ip.src.asnum", false},
	    {"prefixes", "ip.src", false}};
	const struct value *topology = value_member(match, "topology");
	char *text = NULL;
	size_t len;
	FILE *out = text_stream(&text, &len);
	unsigned written = 0;

	for (size_t i = 0; i < NITEMS(lists); i++) {
		const struct value *list = value_member(topology, lists[i].list), *first = value_first(list);

		if (first == NULL)
			continue;
		fprintf(out, "%s%s in {", written++ > 0 ? " and " : "", lists[i].field);
		for (const struct value *each = first; each != NULL; each = value_next(each)) {
			fputs(each != first ? " " : "", out);
			put_match(out, each, lists[i].quoted);
		}
		fputs("}", out);
	}
	fclose(out);
	return text;
}

/* A set that matches overrides the whole choice among pools ([CF] 2.6). */
static void
load_set(struct lb_override *override, const struct value *set)
{
	override->condition = match_condition(value_member(set, "match"));
	override->weights.standard = WEIGHT_ONE;
	override->steering_policy = STEERING_OFF;
	load_pool_choice(override, value_member(set, "overrides"));
	override->parts |= PART_WEIGHTS | PART_POLICY;
}

static void
load_overrides(struct lb_override **list, size_t *count, const struct value *json,
    void (*load)(struct lb_override *, const struct value *))
{
	*count = 0;
	*list = xcalloc(value_count(json), sizeof **list);
	for (const struct value *each = value_first(json); each != NULL; each = value_next(each)) {
		struct lb_override *override = &(*list)[(*count)++];

		override->name = xstrdup(value_text_of(each, "name"));
		override->disabled = value_truth(value_member(each, "disabled"));
		load(override, each);
	}
}

/* [CF] 2.5: sort by priority; keep the order of rules with equal priority. */
static void
sort_rules(struct lb *lb, const struct value *rules)
{
	long long *priorities = xcalloc(lb->nrules, sizeof *priorities);
	size_t i = 0;

	for (const struct value *each = value_first(rules); each != NULL; each = value_next(each), i++) {
		long long priority = value_integer(value_member(each, "priority"));
		struct lb_override rule = lb->rules[i];
		size_t at = i;

		for (; at > 0 && priorities[at - 1] > priority; at--) {
			lb->rules[at] = lb->rules[at - 1];
			priorities[at] = priorities[at - 1];
		}
		lb->rules[at] = rule;
		priorities[at] = priority;
	}
	free(priorities);
}

/* Read "192.0.2.0/24", as a command wrote it. */
static bool
prefix_of(struct cleared_client *cleared, const char *text)
{
	size_t len = strcspn(text, "/");
	char address[46];
	uint64_t prefix;

	if (len >= sizeof address || text[len] != '/' || !whole_from_text(text + len + 1, 128, &prefix))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!address_from_text(&cleared->client, address))
		return false;
	cleared->prefix = (uint8_t)prefix;
	return true;
}

/* S20 */
static void
load_pins(struct lb *lb, const struct value *pins)
{
	const struct value *cleared = value_member(pins, "cleared");

	lb->pins_since = (uint64_t)value_integer(value_member(pins, "since"));
	if (value_count(cleared) > 0)
		lb->cleared = xcalloc(value_count(cleared), sizeof *lb->cleared);
	for (const struct value *each = value_first(cleared); each != NULL; each = value_next(each)) {
		if (!prefix_of(&lb->cleared[lb->ncleared], value_text_of(each, "client")))
			continue;
		lb->cleared[lb->ncleared++].since = (uint64_t)value_integer(value_member(each, "since"));
	}
}

struct lb *
document_load_lb(struct bytes text)
{
	struct value *json = read_object(text);
	struct lb *lb;

	if (json == NULL)
		return NULL;
	lb = xcalloc(1, sizeof *lb);
	id_of(&lb->id, value_text_of(json, "id"));
	lb->name = xstrdup(value_text_of(json, "name"));
	lb->enabled = value_truth(value_member(json, "enabled")) &&
	    !lasts(&lb->expiry, json, "disabled_until", "disabled_until_boot");
	lb->ttl = number_of(json, "ttl");
	load_lb_pools(lb, json);
	for (size_t kind = 0; kind < NITEMS(place_maps); kind++)
		load_places(
		    &lb->places, &lb->nplaces, (enum place_kind)kind, value_member(json, place_maps[kind]));
	lb->policy_open = *value_text_of(json, "steering_policy") == '\0';
	lb->steering_policy = lb->policy_open && lb->nplaces > 0
	    ? STEERING_GEO
	    : steering_policy_of(value_text_of(json, "steering_policy"));
	lb->by_resolver = strcmp(value_text_of(value_member(json, "location_strategy"), "mode"), "pop") != 0;
	lb->affinity = affinity_of(value_text_of(json, "session_affinity"));
	lb->failover = failover_of(
	    value_text_of(value_member(json, "session_affinity_attributes"), "zero_downtime_failover"));
	lb->affinity_ttl = number_of(json, "session_affinity_ttl");
	lb->prefer_ecs = prefer_ecs_of(value_text_of(value_member(json, "location_strategy"), "prefer_ecs"));
	lb->affinity_prefix_v4 = number_of(json, "affinity_prefix_v4");
	lb->affinity_prefix_v6 = number_of(json, "affinity_prefix_v6");
	lb->max_answers = number_of(json, "max_answers");
	load_pins(lb, value_member(json, "pins"));
	load_overrides(&lb->sets, &lb->nsets, value_member(json, "pool_sets"), load_set);
	load_overrides(&lb->rules, &lb->nrules, value_member(json, "rules"), load_rule);
	sort_rules(lb, value_member(json, "rules"));
	value_free(json);
	if (name_from_text(lb->wire, lb->name, NULL) > 0 && lb->npools > 0) {
		name_lower(lb->wire, lb->wire);
		return lb;
	}
	model_free_lb(lb);
	return NULL;
}

bool
document_name(struct bytes stored, char out[256])
{
	static const char key[] = "\"name\":\"";
	const char *at = memmem(stored.data, stored.len, key, sizeof key - 1), *end;
	size_t left;

	if (at == NULL)
		return false;
	at += sizeof key - 1;
	left = stored.len - (size_t)(at - (const char *)stored.data);
	/* No valid name has a character that JSON would escape. */
	end = memchr(at, '"', left);
	if (end == NULL || end == at || end - at > 255)
		return false;
	memcpy(out, at, (size_t)(end - at));
	out[end - at] = '\0';
	return true;
}
