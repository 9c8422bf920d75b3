#include "admin/api/zones.h"

#include "admin/api/ids.h"

#include <stdlib.h>

/* ---- the account ---- */

static struct json *
account_json(const char *name)
{
	struct json *account = json_new_object(), *settings = json_new_object();
	struct id id = ids_account(name);

	json_put_text(account, "id", id.text);
	json_put_text(account, "name", name);
	json_put_text(account, "type", "standard");
	json_put_bool(settings, "enforce_twofactor", false);
	json_put(account, "settings", settings);
	json_put_text(account, "created_on", "2026-01-01T00:00:00Z");
	return account;
}

void
accounts_list(struct call *call, const struct route *route, const struct scene *scene)
{
	const char *name = call_parameter(call, "name");
	unsigned page = call_number(call, "page", 1, 1000000, 1),
		 per_page = call_number(call, "per_page", 1, 50, 20);
	struct json *list = json_new_list();
	size_t total = name == NULL || strcmp(name, scene->account) == 0;

	(void)route;
	if (total == 1 && page == 1)
		json_add(list, account_json(scene->account));
	call_list(call, list, page, per_page, total);
}

void
accounts_get(struct call *call, const struct route *route, const struct scene *scene)
{
	(void)route;
	call_result(call, account_json(scene->account));
}

/* ---- zones ---- */

static bool
add_name_servers(void *arg, struct bytes owner, const struct rrset *rrset)
{
	const uint8_t *at = rrset->records, *end = at + rrset->len;
	uint8_t name[NAME_MAX_LEN + 1];
	char text[NAME_MAX_TEXT];

	(void)owner;
	for (size_t i = 0; rrset->type == TYPE_NS && i < rrset->count && end - at >= 2; i++) {
		size_t len = get16(at);

		if (len > NAME_MAX_LEN || (size_t)(end - at) < 2 + len || name_valid(at + 2, len) != len)
			break;
		memcpy(name, at + 2, len);
		json_add_text(arg, name_to_host(name, text));
		at += 2 + len;
	}
	return true;
}

static struct json *
name_servers(struct store_txn *txn, const struct zone_info *zone)
{
	uint8_t key[NAME_MAX_KEY];
	struct bytes owner = {key, name_to_key(key, zone->name, zone->name)};
	struct json *list = json_new_list();

	config_each_row(txn, zone->number, &owner, add_name_servers, list);
	return list;
}

static void
put_flags(struct json *object, const char *key, const char *const *flags, size_t count, const char *yes)
{
	struct json *inner = json_new_object();

	for (size_t i = 0; i < count; i++)
		json_put_bool(inner, flags[i], strcmp(flags[i], yes) == 0);
	json_put(object, key, inner);
}

/* The members that clients read have values that they understand; a zone here needs no plan. */
static void
put_plan(struct json *zone)
{
	struct json *plan = json_new_object();

	json_put_text(plan, "id", "graycloud");
	json_put_text(plan, "name", "graycloud");
	json_put_integer(plan, "price", 0);
	json_put_text(plan, "currency", "USD");
	json_put_text(plan, "frequency", "");
	json_put_bool(plan, "is_subscribed", true);
	json_put_bool(plan, "can_subscribe", false);
	json_put_text(plan, "legacy_id", "enterprise");
	json_put_bool(plan, "legacy_discount", false);
	json_put_bool(plan, "externally_managed", false);
	json_put(zone, "plan", plan);
}

static void
put_owners(struct json *zone, const char *account)
{
	struct json *owner = json_new_object(), *its = json_new_object();
	struct id id = ids_account(account);

	json_put_text(owner, "id", id.text);
	json_put_text(owner, "name", account);
	json_put_text(owner, "type", "organization");
	json_put(zone, "owner", owner);
	json_put_text(its, "id", id.text);
	json_put_text(its, "name", account);
	json_put(zone, "account", its);
	json_put(zone, "tenant", json_new_object());
	json_put(zone, "tenant_unit", json_new_object());
	json_put(zone, "permissions", json_new_list());
}

static struct json *
zone_json(const struct scene *scene, const struct zone_info *zone)
{
	static const char *const flags[] = {"phishing_detected", "cdn_only", "dns_only", "foundation_dns"};
	struct json *json = json_new_object();
	struct id id = ids_zone(zone->name);
	char name[NAME_MAX_TEXT], loaded[32];

	wall_text(zone->loaded, loaded);
	json_put_text(json, "id", id.text);
	json_put_text(json, "name", name_to_host(zone->name, name));
	json_put_text(json, "status", "active");
	json_put_bool(json, "paused", false);
	json_put_text(json, "type", "full");
	json_put_integer(json, "development_mode", 0);
	json_put(json, "name_servers", name_servers(scene->config, zone));
	json_put(json, "original_name_servers", json_new_null());
	json_put(json, "original_registrar", json_new_null());
	json_put(json, "original_dnshost", json_new_null());
	json_put_text(json, "modified_on", loaded);
	json_put_text(json, "created_on", loaded);
	json_put_text(json, "activated_on", loaded);
	put_flags(json, "meta", flags, NITEMS(flags), "dns_only");
	json_put_integer(json_member(json, "meta"), "step", 2);
	json_put_integer(json_member(json, "meta"), "custom_certificate_quota", 0);
	json_put_integer(json_member(json, "meta"), "page_rule_quota", 0);
	put_owners(json, scene->account);
	put_plan(json);
	return json;
}

/* A filter by name: NAME, or OPERATOR:VALUE. */
struct name_filter {
	enum { NAME_ANY, NAME_EQUAL, NAME_NOT_EQUAL, NAME_STARTS, NAME_ENDS, NAME_CONTAINS } operator;
	const char *value;
};

static struct name_filter
read_filter(const char *text)
{
	static const struct {
		const char *word;
		int operator;
	} words[] = {{"equal:", NAME_EQUAL}, {"not_equal:", NAME_NOT_EQUAL}, {"starts_with:", NAME_STARTS},
	    {"ends_with:", NAME_ENDS}, {"contains:", NAME_CONTAINS},
	    {"starts_with_case_sensitive:", NAME_STARTS}, {"ends_with_case_sensitive:", NAME_ENDS},
	    {"contains_case_sensitive:", NAME_CONTAINS}};
	struct name_filter filter = {text == NULL || *text == '\0' ? NAME_ANY : NAME_EQUAL, text};

	for (size_t i = 0; text != NULL && i < NITEMS(words); i++)
		if (strncmp(text, words[i].word, strlen(words[i].word)) == 0)
			filter = (struct name_filter){words[i].operator, text + strlen(words[i].word)};
	return filter;
}

static bool
name_fits(const struct name_filter *filter, const char *name)
{
	size_t len = strlen(name), wanted = filter->value != NULL ? strlen(filter->value) : 0;

	if (filter->operator== NAME_ANY)
		return true;
	if (wanted > 1 && filter->value[wanted - 1] == '.' && filter->operator!= NAME_CONTAINS)
		wanted--;
	switch (filter->operator) {
	case NAME_EQUAL:
		return len == wanted && strncasecmp(name, filter->value, wanted) == 0;
	case NAME_NOT_EQUAL:
		return len != wanted || strncasecmp(name, filter->value, wanted) != 0;
	case NAME_STARTS:
		return len >= wanted && strncasecmp(name, filter->value, wanted) == 0;
	case NAME_ENDS:
		return len >= wanted && strncasecmp(name + len - wanted, filter->value, wanted) == 0;
	default:
		return strcasestr(name, filter->value) != NULL;
	}
}

struct listing {
	struct call *call;
	const struct scene *scene;
	struct name_filter filter;
	struct json *list;
	size_t first, last, total;
};

static bool
add_zone(void *arg, const struct zone_info *zone)
{
	struct listing *listing = arg;
	char name[NAME_MAX_TEXT];

	name_to_host(zone->name, name);
	if (!name_fits(&listing->filter, name) || !call_has_zone(listing->call, name))
		return true;
	if (listing->total >= listing->first && listing->total < listing->last)
		json_add(listing->list, zone_json(listing->scene, zone));
	listing->total++;
	return true;
}

/* Filters that only Cloudflare's zones can fail: by another status, account or type nothing is found. */
static bool
finds_nothing(const struct call *call, const struct scene *scene)
{
	const char *status = call_parameter(call, "status"), *account = call_parameter(call, "account.id"),
		   *name = call_parameter(call, "account.name"), *type = call_parameter(call, "type");
	struct id id = ids_account(scene->account);

	return (status != NULL && *status != '\0' && strcmp(status, "active") != 0) ||
	    (account != NULL && *account != '\0' && strcmp(account, id.text) != 0) ||
	    (name != NULL && *name != '\0' && strcmp(name, scene->account) != 0) ||
	    (type != NULL && *type != '\0' && strstr(type, "full") == NULL);
}

void
zones_list(struct call *call, const struct route *route, const struct scene *scene)
{
	unsigned page = call_number(call, "page", 1, 10000000, 1),
		 per_page = call_number(call, "per_page", 1, 50, 20);
	struct listing listing = {.call = call,
	    .scene = scene,
	    .filter = read_filter(call_parameter(call, "name")),
	    .list = json_new_list(),
	    .first = (size_t)(page - 1) * per_page};

	(void)route;
	listing.last = listing.first + per_page;
	if (scene->config != NULL && !finds_nothing(call, scene))
		config_each_zone(scene->config, add_zone, &listing);
	call_list(call, listing.list, page, per_page, listing.total);
}

bool
zones_of_call(struct call *call, struct store_txn *txn, struct zone_info *zone)
{
	char name[NAME_MAX_TEXT];

	if (ids_find_zone(txn, call->captures[0], zone) &&
	    call_has_zone(call, name_to_host(zone->name, name)))
		return true;
	call_error(call, 404, CODE_NOT_FOUND, "Invalid zone identifier");
	return false;
}

void
zones_get(struct call *call, const struct route *route, const struct scene *scene)
{
	struct zone_info zone;

	(void)route;
	if (zones_of_call(call, scene->config, &zone))
		call_result(call, zone_json(scene, &zone));
}

void
nothing_list(struct call *call, const struct route *route, const struct scene *scene)
{
	struct zone_info zone;

	if (route->of_account || zones_of_call(call, scene->config, &zone))
		call_list(call, json_new_list(), 1, 0, 0);
}

void
zones_refuse(struct call *call, const struct route *route, const struct scene *scene)
{
	(void)route, (void)scene;
	call_error(call, 400, CODE_NOT_OFFERED,
	    "graycloud does not offer this: zones come from zone files (graycloud zone load) and have no "
	    "settings");
}

void
private_refuse(struct call *call, const struct route *route, const struct scene *scene)
{
	(void)route, (void)scene;
	call_error(call, 400, CODE_NOT_OFFERED,
	    "graycloud has no private load balancers: create them below /zones/ZONE/load_balancers");
}

/* ---- tokens ---- */
