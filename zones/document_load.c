/* The loading half of document.h: what stands in the store was checked when it was written. */
#include "document.h"

#include "schema.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

static struct json *
read_object(struct bytes text)
{
	struct json *object = json_read_quietly(text);

	if (object != NULL && json_kind(object) != JSON_KIND_OBJECT) {
		json_drop(object);
		return NULL;
	}
	return object;
}

static const char *
text_of(const struct json *object, const char *key)
{
	const char *text = json_text(json_member(object, key));

	return text ? text : "";
}

static unsigned
number_of(const struct json *object, const char *key)
{
	return (unsigned)json_integer_of(json_member(object, key));
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

/* S18: hundredths, rounded, and at least 1 when above 0. */
static unsigned
hundredths(const struct json *value)
{
	double weight = json_number_of(value);
	long rounded = lround(weight * WEIGHT_ONE);

	return weight > 0 && rounded < 1 ? 1 : (unsigned)MAX(rounded, 0);
}

/* Has the end not passed yet?  Then it is one of those that the pool waits for. */
static bool
lasts(struct pool *pool, const struct json *object, const char *key)
{
	int64_t end;

	if (!wall_from_text(text_of(object, key), &end) || end <= wall_ms())
		return false;
	if (pool->ends == 0 || end < pool->ends)
		pool->ends = end;
	return true;
}

static bool
load_origin(struct pool *pool, struct origin *origin, const struct json *json)
{
	const char *forced = text_of(json, "forced"), *seeded = text_of(json, "seeded");
	const char *host = json_text(json_item(json_member(json_member(json, "header"), "Host"), 0));

	origin->name = xstrdup(text_of(json, "name"));
	origin->address = xstrdup(text_of(json, "address"));
	origin->enabled = json_truth(json_member(json, "enabled")) && !lasts(pool, json, "disabled_until");
	origin->weight = hundredths(json_member(json, "weight"));
	origin->host = text_or_null(host ? host : "");
	origin->forced = strcmp(forced, "up") == 0     ? FORCED_UP
			 : strcmp(forced, "down") == 0 ? FORCED_DOWN
						       : FORCED_NONE;
	if (*text_of(json, "forced_until") != '\0' && !lasts(pool, json, "forced_until"))
		origin->forced = FORCED_NONE;
	origin->affinity_group = text_or_null(text_of(json, "affinity_group"));
	origin->seeded = strcmp(seeded, "up") == 0	  ? HEALTH_UP
			 : strcmp(seeded, "suspect") == 0 ? HEALTH_SUSPECT
			 : strcmp(seeded, "down") == 0	  ? HEALTH_DOWN
							  : HEALTH_UNKNOWN;
	return address_from_text(&origin->ip, origin->address);
}

static struct notification_filter
load_filter(const struct json *json)
{
	const struct json *healthy = json_member(json, "healthy");
	bool disable = json_truth(json_member(json, "disable")), one = json_kind(healthy) == JSON_KIND_BOOL;

	return (struct notification_filter){disable || (one && !json_truth(healthy)), disable || (one && json_truth(healthy))};
}

struct pool *
document_load_pool(struct bytes text)
{
	struct json *json = read_object(text), *origins = json_member(json, "origins");
	struct pool *pool;
	bool good;

	if (json == NULL)
		return NULL;
	pool = xcalloc(1, sizeof *pool);
	id_of(&pool->id, text_of(json, "id"));
	pool->name = xstrdup(text_of(json, "name"));
	pool->enabled = json_truth(json_member(json, "enabled")) && !lasts(pool, json, "disabled_until");
	pool->minimum_origins = number_of(json, "minimum_origins");
	pool->origin_steering = strcmp(text_of(json_member(json, "origin_steering"), "policy"), "hash") == 0 ? ORIGIN_HASH
	                                                                                                    : ORIGIN_RANDOM;
	pool->shed_percent = json_number_of(json_member(json_member(json, "load_shedding"), "default_percent"));
	pool->shed_by_hash = strcmp(text_of(json_member(json, "load_shedding"), "default_policy"), "hash") == 0;
	pool->placed = json_numeric(json_member(json, "latitude")) && json_numeric(json_member(json, "longitude"));
	pool->latitude = json_number_of(json_member(json, "latitude"));
	pool->longitude = json_number_of(json_member(json, "longitude"));
	id_of(&pool->monitor, text_of(json, "monitor"));
	id_of(&pool->monitor_group, text_of(json, "monitor_group"));
	pool->pool_filter = load_filter(json_member(json_member(json, "notification_filter"), "pool"));
	pool->origin_filter = load_filter(json_member(json_member(json, "notification_filter"), "origin"));
	pool->norigins = json_count(origins);
	pool->origins = xcalloc(pool->norigins, sizeof *pool->origins);
	good = *pool->name != '\0' && *pool->id.text != '\0';
	for (size_t i = 0; i < pool->norigins; i++)
		good = load_origin(pool, &pool->origins[i], json_item(origins, i)) && good;
	json_drop(json);
	if (good)
		return pool;
	model_free_pool(pool);
	return NULL;
}

static void
load_headers(struct monitor *monitor, const struct json *headers)
{
	for (const char *key = json_next_key(headers, NULL); key != NULL; key = json_next_key(headers, key)) {
		const struct json *values = json_member(headers, key);

		for (size_t i = 0; i < json_count(values); i++) {
			const char *value = json_text(json_item(values, i));

			if (value == NULL)
				continue;
			/* Of its own: the probe's Host and SNI. */
			if (strcasecmp(key, "Host") == 0) {
				free(monitor->host);
				monitor->host = xstrdup(value);
				continue;
			}
			monitor->headers =
			    xrealloc(monitor->headers, (monitor->nheaders + 1) * sizeof *monitor->headers);
			monitor->headers[monitor->nheaders++] = (struct header){xstrdup(key), xstrdup(value)};
		}
	}
}

static unsigned
default_port(enum monitor_type type)
{
	return type == MONITOR_HTTP ? 80 : type == MONITOR_HTTPS ? 443 : 0;
}

struct monitor *
document_load_monitor(struct bytes text)
{
	struct json *json = read_object(text);
	struct monitor *monitor;
	const char *type;

	if (json == NULL)
		return NULL;
	type = text_of(json, "type");
	monitor = xcalloc(1, sizeof *monitor);
	id_of(&monitor->id, text_of(json, "id"));
	monitor->name = xstrdup(text_of(json, "name"));
	monitor->type = strcmp(type, "tcp") == 0     ? MONITOR_TCP
			: strcmp(type, "https") == 0 ? MONITOR_HTTPS
						     : MONITOR_HTTP;
	monitor->method = xstrdup(text_of(json, "method"));
	monitor->path = xstrdup(text_of(json, "path"));
	monitor->port = number_of(json, "port");
	if (monitor->port == 0)
		monitor->port = default_port(monitor->type);
	monitor->interval_s = number_of(json, "interval");
	monitor->timeout_ms = (unsigned)lround(json_number_of(json_member(json, "timeout")) * 1000);
	monitor->retries = number_of(json, "retries");
	monitor->consecutive_up = number_of(json, "consecutive_up");
	monitor->consecutive_down = number_of(json, "consecutive_down");
	monitor->damping_changes = number_of(json, "damping_changes");
	monitor->damping_period_s = number_of(json, "damping_period");
	schema_expected_codes(text_of(json, "expected_codes"), monitor->expected_codes);
	monitor->expected_body = xstrdup(text_of(json, "expected_body"));
	monitor->follow_redirects = json_truth(json_member(json, "follow_redirects"));
	monitor->allow_insecure = json_truth(json_member(json, "allow_insecure"));
	load_headers(monitor, json_member(json, "header"));
	json_drop(json);
	if (*monitor->name != '\0' && monitor->interval_s > 0 && monitor->timeout_ms > 0 && monitor->port > 0)
		return monitor;
	model_free_monitor(monitor);
	return NULL;
}

static void
load_lb_pools(struct lb *lb, const struct json *json)
{
	const struct json *pools = json_member(json, "default_pools"),
			  *random = json_member(json, "random_steering");
	const struct json *weights = json_member(random, "pool_weights");

	lb->npools = json_count(pools);
	lb->default_pools = xcalloc(lb->npools, sizeof *lb->default_pools);
	lb->pool_weights = xcalloc(lb->npools, sizeof *lb->pool_weights);
	for (size_t i = 0; i < lb->npools; i++) {
		const char *id = json_text(json_item(pools, i));
		const struct json *weight = id ? json_member(weights, id) : NULL;

		id_of(&lb->default_pools[i], id ? id : "");
		lb->pool_weights[i] = hundredths(weight ? weight : json_member(random, "default_weight"));
	}
	id_of(&lb->fallback_pool, text_of(json, "fallback_pool"));
}

static enum prefer_ecs
prefer_ecs_of(const char *text)
{
	return strcmp(text, "never") == 0	? ECS_NEVER
	       : strcmp(text, "proximity") == 0 ? ECS_PROXIMITY
	       : strcmp(text, "geo") == 0	? ECS_GEO
						: ECS_ALWAYS;
}

static void
load_places(struct lb *lb, enum place_kind kind, const struct json *map)
{
	for (const char *key = json_next_key(map, NULL); key != NULL; key = json_next_key(map, key)) {
		const struct json *pools = json_member(map, key);
		struct place_pools *place;

		lb->places = xrealloc(lb->places, (lb->nplaces + 1) * sizeof *lb->places);
		place = &lb->places[lb->nplaces++];
		*place = (struct place_pools){.kind = kind, .npools = json_count(pools)};
		snprintf(place->code, sizeof place->code, "%s", key);
		place->pools = xcalloc(place->npools, sizeof *place->pools);
		for (size_t i = 0; i < place->npools; i++) {
			const char *id = json_text(json_item(pools, i));

			id_of(&place->pools[i], id ? id : "");
		}
	}
}

/* [CF] 3.3: without counts of requests the least_* policies are weights alone. */
static enum steering_policy
steering_policy_of(const char *text, bool has_places)
{
	if (strcmp(text, "geo") == 0 || (*text == '\0' && has_places))
		return STEERING_GEO; /* [CF] 3.3: no policy, but places */
	if (strcmp(text, "proximity") == 0)
		return STEERING_PROXIMITY;
	return strcmp(text, "random") == 0 || strncmp(text, "least_", 6) == 0 ? STEERING_RANDOM : STEERING_OFF;
}

static enum failover
failover_of(const char *text)
{
	return strcmp(text, "temporary") == 0 ? FAILOVER_TEMPORARY
	       : strcmp(text, "sticky") == 0  ? FAILOVER_STICKY
					      : FAILOVER_NONE;
}

struct lb *
document_load_lb(struct bytes text)
{
	struct json *json = read_object(text);
	struct lb *lb;

	if (json == NULL)
		return NULL;
	lb = xcalloc(1, sizeof *lb);
	id_of(&lb->id, text_of(json, "id"));
	lb->name = xstrdup(text_of(json, "name"));
	lb->enabled = json_truth(json_member(json, "enabled"));
	lb->ttl = number_of(json, "ttl");
	load_lb_pools(lb, json);
	load_places(lb, PLACE_SITE, json_member(json, "pop_pools"));
	load_places(lb, PLACE_COUNTRY, json_member(json, "country_pools"));
	load_places(lb, PLACE_REGION, json_member(json, "region_pools"));
	lb->steering_policy = steering_policy_of(text_of(json, "steering_policy"), lb->nplaces > 0);
	lb->by_resolver = strcmp(text_of(json_member(json, "location_strategy"), "mode"), "pop") != 0;
	lb->affinity =
	    strcmp(text_of(json, "session_affinity"), "ip_cookie") == 0 ? AFFINITY_IP : AFFINITY_NONE;
	lb->failover = failover_of(text_of(json_member(json, "session_affinity_attributes"), "zero_downtime_failover"));
	lb->affinity_ttl = number_of(json, "session_affinity_ttl");
	lb->prefer_ecs = prefer_ecs_of(text_of(json_member(json, "location_strategy"), "prefer_ecs"));
	lb->affinity_prefix_v4 = number_of(json, "affinity_prefix_v4");
	lb->affinity_prefix_v6 = number_of(json, "affinity_prefix_v6");
	lb->max_answers = number_of(json, "max_answers");
	json_drop(json);
	if (name_from_text(lb->wire, lb->name, NULL) > 0 && lb->npools > 0) {
		name_lower(lb->wire, lb->wire);
		return lb;
	}
	model_free_lb(lb);
	return NULL;
}
