#include "admin/edit/effects.h"

#include "zones/base/text.h"
#include "zones/document/schema.h"
#include "zones/state/config.h"

#include <stdlib.h>

/* The object of a test: a document, or one member of a list in it. */
struct subject {
	const struct json *document;
	const struct json
	    *part; /* of it, with the property: the document itself, an origin, or overrides of a rule */
	struct store_txn *txn;
};

static bool
one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* --- load balancers --- */

static bool
overridden(const struct json *list, const char *inner, const char *key, const char *const *words)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *item = json_item(list, i), *overrides = json_member(item, "overrides");
		const struct json *value =
		    json_member(inner != NULL ? json_member(overrides, inner) : overrides, key);

		if (!json_truth(json_member(item, "disabled")) && json_text(value) != NULL &&
		    one_of(json_text(value), words))
			return true;
	}
	return false;
}

/*
 * Is a property of the load balancer, or where a rule or a pool set that is enabled sets it, of that, one of
 * some words? inner: the property is a member of this one.
 */
static bool
anywhere(const struct subject *subject, const char *inner, const char *key, const char *const *words)
{
	const struct json *lb = subject->document;

	return one_of(json_text_of(inner != NULL ? json_member(lb, inner) : lb, key), words) ||
	    overridden(json_member(lb, "rules"), inner, key, words) ||
	    overridden(json_member(lb, "pool_sets"), inner, key, words);
}

static bool
draws_pools(const struct subject *subject)
{
	static const char *const words[] = {
	    "random", "least_outstanding_requests", "least_connections", NULL};

	return anywhere(subject, NULL, "steering_policy", words);
}

static bool
uses_maps(const struct subject *subject)
{
	static const char *const words[] = {"geo", "", NULL};

	return anywhere(subject, NULL, "steering_policy", words);
}

static bool
is_sticky(const struct subject *subject)
{
	static const char *const affine[] = {"ip_cookie", NULL};

	return anywhere(subject, NULL, "session_affinity", affine);
}

static bool
makes_pins(const struct subject *subject)
{
	static const char *const sticky[] = {"sticky", NULL};

	return is_sticky(subject) &&
	    anywhere(subject, "session_affinity_attributes", "zero_downtime_failover", sticky);
}

static bool
stop_at_first(void *arg, struct bytes name, const struct id *id)
{
	(void)arg, (void)name, (void)id;
	return false;
}

/* S90 */
static bool
has_roster(const struct subject *subject)
{
	return subject->txn != NULL && !config_each_name(subject->txn, KIND_NODE, stop_at_first, NULL);
}

typedef bool pool_test(const struct json *pool);

/* A pool by its id, as the load balancer's references are kept. */
static bool
pool_is(const struct subject *subject, const struct json *reference, pool_test *test)
{
	struct bytes text;
	struct json *pool;
	bool is;

	if (json_text(reference) == NULL ||
	    !config_object(subject->txn, KIND_POOL, json_text(reference), &text))
		return false;
	pool = json_read_quietly(text);
	is = test(pool);
	json_drop(pool);
	return is;
}

/* Does any pool that value refers to, at any depth, pass the test?  References are the only texts that are
 * ids. */
static bool
some_pool(const struct subject *subject, const struct json *value, pool_test *test)
{
	if (json_kind(value) == JSON_KIND_LIST) {
		for (size_t i = 0; i < json_count(value); i++)
			if (some_pool(subject, json_item(value, i), test))
				return true;
		return false;
	}
	if (json_kind(value) == JSON_KIND_OBJECT) {
		for (const char *key = json_next_key(value, NULL); key != NULL;
		     key = json_next_key(value, key))
			if (some_pool(subject, json_member(value, key), test))
				return true;
		return false;
	}
	return pool_is(subject, value, test);
}

static bool
goes_by_hash(const struct json *pool)
{
	const struct json *shedding = json_member(pool, "load_shedding");

	return strcmp(json_text_of(json_member(pool, "origin_steering"), "policy"), "hash") == 0 ||
	    (json_number_of(json_member(shedding, "default_percent")) > 0 &&
		strcmp(json_text_of(shedding, "default_policy"), "hash") == 0);
}

static bool
is_placed(const struct json *pool)
{
	return json_numeric(json_member(pool, "latitude")) && json_numeric(json_member(pool, "longitude"));
}

static bool
has_several(const struct json *pool)
{
	return json_count(json_member(pool, "origins")) > 1;
}

static bool
some_pool_has_several(const struct subject *subject)
{
	return subject->txn == NULL || some_pool(subject, subject->document, has_several);
}

static bool
hashes_clients(const struct subject *subject)
{
	return is_sticky(subject) || subject->txn == NULL ||
	    some_pool(subject, subject->document, goes_by_hash);
}

static bool
asks_who(const struct subject *subject)
{
	static const char *const words[] = {"geo", "proximity", NULL};
	const struct json *lb = subject->document;
	const char *policy = json_text_of(lb, "steering_policy");
	static const char *const maps[] = {"region_pools", "country_pools", "pop_pools"};

	for (size_t i = 0; i < NITEMS(maps); i++)
		if (*policy == '\0' && json_next_key(json_member(lb, maps[i]), NULL) != NULL)
			return true;
	return anywhere(subject, NULL, "steering_policy", words) ||
	    json_count(json_member(lb, "rules")) > 0 || json_count(json_member(lb, "pool_sets")) > 0 ||
	    hashes_clients(subject);
}

/* The policy without conditions. */
static bool
finds_coordinates(const struct subject *subject)
{
	return strcmp(json_text_of(subject->document, "steering_policy"), "proximity") != 0 ||
	    subject->txn == NULL ||
	    some_pool(subject, json_member(subject->document, "default_pools"), is_placed);
}

/* --- pools and origins --- */

static bool
is_probed(const struct subject *subject)
{
	return *json_text_of(subject->document, "monitor") != '\0' ||
	    *json_text_of(subject->document, "monitor_group") != '\0';
}

static bool
sheds(const struct subject *subject)
{
	return json_number_of(
		   json_member(json_member(subject->document, "load_shedding"), "default_percent")) > 0;
}

static bool
several_origins(const struct subject *subject)
{
	return has_several(subject->document);
}

/* 0 takes even the only origin out. */
static bool
is_weighed(const struct subject *subject)
{
	return several_origins(subject) || json_number_of(json_member(subject->part, "weight")) <= 0;
}

static bool
is_host_name(const struct subject *subject)
{
	struct address address;

	return !address_from_text(&address, json_text_of(subject->part, "address"));
}

static bool
is_enabled(const struct subject *subject)
{
	return json_truth(json_member(subject->part, "enabled"));
}

static bool
is_forced(const struct subject *subject)
{
	return strcmp(json_text_of(subject->part, "forced"), "none") != 0;
}

struct proximity_search {
	bool used, near;
};

static bool
look_at_lb(void *arg, enum kind kind, const struct id *id, struct bytes text)
{
	struct proximity_search *search = arg;

	(void)id;
	if (kind != KIND_LB)
		return true;
	search->used = true;
	search->near = memmem(text.data, text.len, "\"proximity\"", 11) != NULL;
	return !search->near;
}

/* A pool that no load balancer uses yet may be given its place first. */
static bool
steered_by_place(const struct subject *subject)
{
	const char *text = json_text_of(subject->document, "id");
	struct proximity_search search = {false, false};
	struct id id;

	if (subject->txn == NULL || !id_valid(text))
		return true;
	memcpy(id.text, text, sizeof id.text);
	config_each_referrer(subject->txn, &id, look_at_lb, &search);
	return search.near || !search.used;
}

/* --- monitors --- */

static bool
is_damped(const struct subject *subject)
{
	return json_integer_of(json_member(subject->document, "damping_changes")) > 0;
}

static bool
follows(const struct subject *subject)
{
	return json_truth(json_member(subject->document, "follow_redirects"));
}

static bool
pings_not(const struct subject *subject)
{
	return strcmp(json_text_of(subject->document, "type"), "icmp_ping") != 0;
}

static bool
speaks_tls(const struct subject *subject)
{
	const char *type = json_text_of(subject->document, "type");

	if (strcmp(type, "smtp") == 0)
		return json_truth(json_member(subject->document, "starttls"));
	/* A redirect may lead from http to https. */
	return strcmp(type, "http") != 0 || follows(subject);
}

static bool
verifies(const struct subject *subject)
{
	return !json_truth(json_member(subject->document, "allow_insecure"));
}

/* --- the table --- */

#define WEIGHTS "only a random or least_* steering_policy uses weights of pools"
#define MAPS "only steering_policy geo uses it"
#define PINS "only session_affinity ip_cookie with zero_downtime_failover sticky keeps clients for a time"

static const struct effect {
	enum kind kind;
	const char *list;     /* the property belongs to each member of this list; NULL: to the object */
	const char *property; /* "a" or "a.b" */
	bool (*works)(const struct subject *subject);
	const char *why; /* it does not */
} effects[] = {
    {KIND_LB, NULL, "random_steering.pool_weights", draws_pools, WEIGHTS},
    {KIND_LB, NULL, "random_steering.default_weight", draws_pools, WEIGHTS},
    {KIND_LB, NULL, "region_pools", uses_maps, MAPS},
    {KIND_LB, NULL, "country_pools", uses_maps, MAPS},
    {KIND_LB, NULL, "pop_pools", uses_maps, MAPS},
    {KIND_LB, NULL, "steering_policy", finds_coordinates,
	"none of the default pools has a latitude and a longitude"},
    {KIND_LB, NULL, "session_affinity_attributes.zero_downtime_failover", is_sticky,
	"session_affinity is none"},
    {KIND_LB, NULL, "session_affinity_ttl", makes_pins, PINS},
    {KIND_LB, NULL, "affinity_prefix_v4", hashes_clients,
	"session_affinity is none, and no pool goes by hash"},
    {KIND_LB, NULL, "affinity_prefix_v6", hashes_clients,
	"session_affinity is none, and no pool goes by hash"},
    {KIND_LB, NULL, "location_strategy.prefer_ecs", asks_who,
	"nothing here depends on the client: no geo or proximity steering, session affinity, rule, pool set "
	"or pool that goes by hash"},
    {KIND_LB, NULL, "location_strategy.mode", asks_who, "nothing here depends on the client"},
    {KIND_LB, NULL, "disabled_until", is_enabled, "the load balancer is disabled without an end"},
    {KIND_LB, NULL, "max_answers", some_pool_has_several, "none of its pools has several origins"},
    {KIND_LB, "rules", "overrides.pool_weights", draws_pools, WEIGHTS},
    {KIND_LB, "rules", "overrides.pool_default_weight", draws_pools, WEIGHTS},
    {KIND_LB, "rules", "overrides.random_steering.pool_weights", draws_pools, WEIGHTS},
    {KIND_LB, "rules", "overrides.random_steering.default_weight", draws_pools, WEIGHTS},
    {KIND_LB, "rules", "overrides.region_pools", uses_maps, MAPS},
    {KIND_LB, "rules", "overrides.country_pools", uses_maps, MAPS},
    {KIND_LB, "rules", "overrides.pop_pools", uses_maps, MAPS},
    {KIND_LB, "rules", "overrides.session_affinity_ttl", makes_pins, PINS},
    {KIND_LB, "rules", "overrides.session_affinity_attributes.zero_downtime_failover", is_sticky,
	"session_affinity is none"},
    {KIND_LB, "pool_sets", "overrides.pool_weights", draws_pools, WEIGHTS},
    {KIND_LB, "pool_sets", "overrides.pool_default_weight", draws_pools, WEIGHTS},
    {KIND_POOL, NULL, "minimum_origins", is_probed, "the pool has no monitor"},
    {KIND_POOL, NULL, "quorum", has_roster, "there are no nodes: each monitor decides alone"},
    {KIND_POOL, NULL, "check_regions", has_roster, "there are no nodes: the monitor of this machine probes"},
    {KIND_POOL, NULL, "notification_filter", is_probed, "the pool has no monitor"},
    {KIND_POOL, NULL, "latitude", steered_by_place,
	"no load balancer that uses the pool has steering_policy proximity"},
    {KIND_POOL, NULL, "origin_steering.policy", several_origins, "the pool has one origin"},
    {KIND_POOL, NULL, "load_shedding.default_policy", sheds, "load_shedding.default_percent is 0"},
    {KIND_POOL, NULL, "disabled_until", is_enabled, "the pool is disabled without an end"},
    {KIND_POOL, "origins", "header", is_probed, "the pool has no monitor"},
    {KIND_POOL, "origins", "weight", is_weighed, "the pool has one origin"},
    {KIND_POOL, "origins", "flatten_cname", is_host_name, "its address is not a host name"},
    {KIND_POOL, "origins", "disabled_until", is_enabled, "the origin is disabled without an end"},
    {KIND_POOL, "origins", "forced_until", is_forced, "the origin is not forced"},
    {KIND_MONITOR, NULL, "port", pings_not, "an icmp_ping monitor has none"},
    {KIND_MONITOR, NULL, "redirect_hosts", follows, "follow_redirects is false"},
    {KIND_MONITOR, NULL, "damping_period", is_damped, "damping_changes is 0"},
    {KIND_MONITOR, NULL, "allow_insecure", speaks_tls, "its checks do not use TLS"},
    {KIND_MONITOR, NULL, "ca_file", speaks_tls, "its checks do not use TLS"},
    {KIND_MONITOR, NULL, "ca_file", verifies, "allow_insecure accepts any certificate"},
    {KIND_MONITOR, NULL, "client_certificate", speaks_tls, "its checks do not use TLS"},
};

/* The value of "a" or "a.b", and its property in the schema. */
static const struct json *
value_at(const struct json *object, const struct property *table, const char *path,
    const struct property **property)
{
	char name[64];
	const char *dot = strchr(path, '.');

	snprintf(name, sizeof name, "%.*s", (int)(dot != NULL ? dot - path : (int)strlen(path)), path);
	*property = schema_find(table, name);
	if (dot == NULL)
		return json_member(object, name);
	return value_at(json_member(object, name), (*property)->inner, dot + 1, property);
}

static bool
is_standard(const struct json *value, const struct property *property)
{
	struct json *default_json;
	bool same;

	if (json_kind(value) == JSON_KIND_NULL || (json_text(value) != NULL && *json_text(value) == '\0'))
		return true;
	if (property->default_json == NULL)
		return false;
	default_json =
	    json_read_quietly((struct bytes){property->default_json, strlen(property->default_json)});
	/* An object is kept with all its members. */
	same = json_same(value, default_json) ||
	    (json_kind(value) == JSON_KIND_OBJECT && json_next_key(value, NULL) == NULL);
	json_drop(default_json);
	if (!same && property->type == PROPERTY_OBJECT && property->inner != NULL) {
		for (const struct property *inner = property->inner; inner->name != NULL; inner++)
			if (!is_standard(json_member(value, inner->name), inner))
				return false;
		return true;
	}
	return same;
}

static void
warn_of(const struct effect *effect, const struct subject *subject, const struct property *table,
    const char *label, struct problems *problems)
{
	const struct property *property;
	const struct json *value = value_at(subject->part, table, effect->property, &property);
	char *text;

	if (is_standard(value, property) || effect->works(subject))
		return;
	text = json_write(value, false);
	problems_warn(problems, "%s: %s %.60s%s has no effect: %s", label, effect->property, text,
	    strlen(text) > 60 ? "..." : "", effect->why);
	free(text);
}

/* Freed by the caller. */
static char *
member_label(const struct effect *effect, const struct json *part, const char *label, size_t i)
{
	const char *name = json_text_of(part, "name");

	if (effect->kind == KIND_POOL)
		return xasprintf("%s: origin %s", label, json_text_of(part, "address"));
	if (*name == '\0')
		return xasprintf("%s: %s[%zu]", label, effect->list, i);
	return xasprintf("%s: %s %s", label, strcmp(effect->list, "rules") == 0 ? "rule" : "pool set", name);
}

static void
warn_of_members(
    const struct effect *effect, struct subject subject, const char *label, struct problems *problems)
{
	const struct json *list = json_member(subject.document, effect->list);
	const struct property *table = schema_find(schema_of(effect->kind), effect->list)->inner->inner;

	for (size_t i = 0; i < json_count(list); i++) {
		char *where;

		subject.part = json_item(list, i);
		if (json_truth(json_member(subject.part, "disabled")))
			continue;
		where = member_label(effect, subject.part, label, i);
		warn_of(effect, &subject, table, where, problems);
		free(where);
	}
}

/* Add the names of properties that only Cloudflare's proxy or network uses. */
static void
list_neutral(const struct json *object, const struct property *table, const char *prefix, FILE *out)
{
	for (const struct property *property = table; property->name != NULL; property++) {
		const struct json *value = json_member(object, property->name);

		if (property->fate == FATE_NEUTRAL && !is_standard(value, property))
			fprintf(out, "%s%s%s", ftell(out) > 0 ? ", " : "", prefix, property->name);
		else if (property->type == PROPERTY_OBJECT && *prefix == '\0' &&
		    json_kind(value) == JSON_KIND_OBJECT) {
			char *inner = xasprintf("%s.", property->name);

			list_neutral(value, property->inner, inner, out);
			free(inner);
		}
	}
}

static void
warn_of_neutral(enum kind kind, const struct json *document, const char *label, struct problems *problems)
{
	char *text = NULL;
	size_t len;
	FILE *out = text_stream(&text, &len);

	list_neutral(document, schema_of(kind), "", out);
	fclose(out);
	if (len > 0)
		problems_warn(problems,
		    "%s: kept without effect, as only Cloudflare's proxy and network use it: %s", label,
		    text);
	free(text);
}

void
effects_warn(enum kind kind, const struct json *document, struct store_txn *txn, struct problems *problems)
{
	struct subject subject = {document, document, txn};
	char *label = document_label(kind, document);

	for (size_t i = 0; i < NITEMS(effects); i++) {
		if (effects[i].kind != kind)
			continue;
		if (effects[i].list != NULL)
			warn_of_members(&effects[i], subject, label, problems);
		else
			warn_of(&effects[i], &subject, schema_of(kind), label, problems);
	}
	warn_of_neutral(kind, document, label, problems);
	free(label);
}
