#include "admin/api/shape.h"

#include "admin/look/resolution.h"
#include "zones/document/schema.h"
#include "zones/model/usable.h"
#include "zones/state/config.h"
#include "zones/state/health.h"

#include <stdlib.h>

/* The properties that Cloudflare does not have; of a load balancer also pool_sets, which its clients only
 * read. */
static const char *const own_monitor[] = {"name", "damping_changes", "damping_period", "redirect_hosts",
    "ca_file", "client_certificate", "client_key", "address", "http_version", "starttls", "dns_name",
    "dns_type", "dns_rcode", "dns_data", "command", NULL};
static const char *const own_group[] = {"name", NULL};
static const char *const own_pool[] = {"disabled_until", "disabled_until_boot", "quorum", NULL};
static const char *const own_lb[] = {
    "disabled_until", "disabled_until_boot", "max_answers", "affinity_prefix_v4", "affinity_prefix_v6", NULL};
static const char *const own_node[] = {NULL};   /* the API has no path for nodes */
static const char *const own_dnssec[] = {NULL}; /* nor for dnssec */
static const char *const own_origin[] = {"forced", "forced_until", "forced_until_boot", "disabled_until",
    "disabled_until_boot", "affinity_group", NULL};

static const char *const *const own[KIND_COUNT] = {
    own_monitor, own_group, own_pool, own_lb, own_node, own_dnssec};

/* Cloudflare leaves these out if they are null, empty or without content; its clients report drift otherwise.
 */
static const char *const absent_monitor[] = {"header", NULL};
static const char *const absent_group[] = {NULL};
static const char *const absent_pool[] = {"monitor", "monitor_group", "latitude", "longitude",
    "check_regions", "health_sources", "notification_filter", "networks", NULL};
static const char *const absent_lb[] = {"networks", "tunnel_id", NULL};
static const char *const absent_node[] = {NULL};
static const char *const absent_dnssec[] = {NULL};
static const char *const absent_origin[] = {"name", "header", "virtual_network_id", NULL};

static const char *const *const absent[KIND_COUNT] = {
    absent_monitor, absent_group, absent_pool, absent_lb, absent_node, absent_dnssec};

/* ---- show ---- */

static bool
is_default(const struct property *property, const struct json *value)
{
	struct json *default_json;
	bool is;

	if (json_kind(value) == JSON_KIND_NULL)
		return true;
	if (property == NULL || property->default_json == NULL)
		return false;
	default_json =
	    json_read_quietly((struct bytes){property->default_json, strlen(property->default_json)});
	is = json_same(default_json, value);
	json_drop(default_json);
	return is;
}

static void
leave_out(struct json *shown, const struct property *table, const char *const *mine, const char *const *empty)
{
	for (; *mine != NULL; mine++)
		if (strcmp(*mine, "name") != 0 && json_member(shown, *mine) != NULL &&
		    is_default(schema_find(table, *mine), json_member(shown, *mine)))
			json_remove(shown, *mine);
	for (; *empty != NULL; empty++)
		if (json_member(shown, *empty) != NULL && json_is_empty(json_member(shown, *empty)))
			json_remove(shown, *empty);
}

/* Boot times are how a deadline survives a step of the clock: the store's own. */
static void
hide_boot_times(struct json *shown)
{
	json_remove(shown, "disabled_until_boot");
	json_remove(shown, "forced_until_boot");
}

/* Of the filter only the members that were given: others would be drift. */
static void
show_filter(struct json *filter)
{
	static const char *const keys[] = {"pool", "origin"}, *const members[] = {"disable", "healthy"};

	for (size_t i = 0; filter != NULL && i < NITEMS(keys); i++) {
		struct json *of = json_member(filter, keys[i]);

		for (size_t n = 0; n < NITEMS(members); n++)
			if (json_member(of, members[n]) != NULL &&
			    json_kind(json_member(of, members[n])) == JSON_KIND_NULL)
				json_remove(of, members[n]);
		if (of != NULL && json_kind(of) == JSON_KIND_NULL)
			json_remove(filter, keys[i]);
	}
}

static void
show_origins(struct json *pool)
{
	const struct property *origins = schema_find(schema_of(KIND_POOL), "origins");
	const struct json *list = json_member(pool, "origins");

	for (size_t i = 0; i < json_count(list); i++) {
		struct json *origin = json_item(list, i);

		leave_out(origin, origins->inner->inner, own_origin, absent_origin);
		hide_boot_times(origin);
	}
}

struct json *
shape_show(enum kind kind, const struct json *stored, struct store_txn *txn, bool secrets)
{
	struct document_scope scope = {.txn = txn, .secrets = secrets};
	struct json *shown = document_show(kind, stored, &scope, DOCUMENT_API);
	struct json *attributes = json_member(shown, "session_affinity_attributes");

	leave_out(shown, schema_of(kind), own[kind], absent[kind]);
	hide_boot_times(shown);
	if (kind == KIND_POOL) {
		show_origins(shown);
		show_filter(json_member(shown, "notification_filter"));
	}
	if (kind == KIND_LB && attributes != NULL &&
	    json_kind(json_member(attributes, "headers")) == JSON_KIND_NULL)
		json_remove(attributes, "headers");
	return shown;
}

/* Why an origin is not healthy: of the first of its monitors that has a reason. */
static const char *
failure_of(
    const struct pool *pool, const struct origin *origin, enum health_state state, struct store_txn *health)
{
	if (!origin->enabled)
		return "Disabled";
	if (origin_is_healthy(origin, state) && state != HEALTH_UNKNOWN)
		return "No failures";
	for (size_t i = 0; health != NULL && i < pool->njudges; i++) {
		struct endpoint endpoint =
		    health_pool_endpoint(pool, pool->judges[i].monitor.text, origin, &origin->ip);
		struct health_record record;

		if (!origin_is_hostname(origin) && health_get(health, &endpoint, &record))
			return health_reason_text(record.last_reason);
	}
	return "Health unknown";
}

void
shape_put_health(struct json *shown, struct store_txn *txn, struct store_txn *health)
{
	struct pool *pool = config_pool(txn, json_text_of(shown, "id"));
	struct json *origins = json_member(shown, "origins");
	enum health_state *states;

	if (pool != NULL && pool->njudges > 0 && json_count(origins) == pool->norigins) {
		states = xcalloc(pool->norigins, sizeof *states);
		for (size_t i = 0; i < pool->norigins; i++) {
			struct origin *origin = &pool->origins[i];
			struct json *one = json_item(origins, i);

			states[i] = resolution_of(health, pool, origin);
			json_put_bool(one, "healthy",
			    origin->enabled && states[i] != HEALTH_UNKNOWN &&
				origin_is_healthy(origin, states[i]));
			json_put_text(one, "failure_reason", failure_of(pool, origin, states[i], health));
		}
		json_put_bool(shown, "healthy", pool_assess(pool, states).usable);
		free(states);
	}
	model_free_pool(pool);
}

/* ---- take ---- */

static void
keep(struct json *document, const struct json *stored, const char *const *mine)
{
	for (; *mine != NULL; mine++)
		if (json_member(document, *mine) == NULL && json_member(stored, *mine) != NULL)
			json_put(document, *mine, json_clone(json_member(stored, *mine)));
}

/* S30: origins are matched by address. */
static void
keep_of_origins(struct json *document, const struct json *stored)
{
	const struct json *list = json_member(document, "origins"), *old = json_member(stored, "origins");

	for (size_t i = 0; i < json_count(list); i++)
		for (size_t n = 0; n < json_count(old); n++)
			if (json_kind(json_item(list, i)) == JSON_KIND_OBJECT &&
			    strcmp(json_text_of(json_item(list, i), "address"),
				json_text_of(json_item(old, n), "address")) == 0)
				keep(json_item(list, i), json_item(old, n), own_origin);
}

struct json *
shape_put(enum kind kind, const struct json *stored, const struct json *input)
{
	static const char *const sets[] = {"pool_sets", NULL};
	struct json *document = json_clone(input);

	if (json_kind(document) != JSON_KIND_OBJECT)
		return document;
	keep(document, stored, own[kind]);
	if (kind == KIND_LB)
		keep(document, stored, sets);
	if (kind == KIND_POOL)
		keep_of_origins(document, stored);
	return document;
}

struct json *
shape_patch(const struct json *stored, const struct json *input)
{
	struct json *document;

	if (json_kind(input) != JSON_KIND_OBJECT)
		return json_clone(input);
	document = json_clone(stored);
	for (const char *key = json_next_key(input, NULL); key != NULL; key = json_next_key(input, key)) {
		const struct json *value = json_member(input, key);

		if (json_kind(value) != JSON_KIND_NULL)
			json_put(document, key, json_clone(value));
		else if (strcmp(key, "pool_sets") != 0)
			json_remove(document, key);
	}
	return document;
}
