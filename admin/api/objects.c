#include "admin/api/objects.h"

#include "admin/api/shape.h"
#include "admin/api/zones.h"
#include "admin/edit/object.h"
#include "admin/look/referrers.h"
#include "zones/document/document_load.h"

#include <stdlib.h>

/* ---- zones of load balancers ---- */

/* S7: the zone of a load balancer follows from its name. */
static bool
is_in_zone(struct store_txn *txn, const char *lb, const struct zone_info *zone)
{
	uint8_t wire[NAME_MAX_LEN];
	struct zone_info found;

	return name_from_text(wire, lb, NULL) > 0 && config_zone_of(txn, wire, &found) &&
	    found.number == zone->number;
}

/* Credentials in headers are for those who may change them. */
static bool
sees_secrets(const struct call *call)
{
	return (call->caller.rights & TOKEN_LB) != 0;
}

static struct json *
show(const struct call *call, enum kind kind, const struct json *stored, struct store_txn *txn,
    struct store_txn *health)
{
	struct json *shown = shape_show(kind, stored, txn, sees_secrets(call));

	if (kind == KIND_POOL)
		shape_put_health(shown, txn, health);
	return shown;
}

/* ---- read ---- */

struct listing {
	struct call *call;
	const struct route *route;
	struct store_txn *txn, *health;
	const struct zone_info *zone; /* of load balancers; NULL: all */
	const char *monitor;          /* only pools of this monitor; NULL: all */
	struct json *list;
};

static bool
add_object(void *arg, const struct id *id, struct bytes text)
{
	struct listing *listing = arg;
	struct json *stored = json_read_quietly(text);
	bool wanted = stored != NULL &&
	    (listing->zone == NULL ||
		is_in_zone(listing->txn, json_text_of(stored, "name"), listing->zone)) &&
	    (listing->monitor == NULL || strcmp(json_text_of(stored, "monitor"), listing->monitor) == 0);

	(void)id;
	if (wanted)
		json_add(listing->list,
		    show(listing->call, listing->route->kind, stored, listing->txn, listing->health));
	json_drop(stored);
	return true;
}

void
objects_list(struct call *call, const struct route *route, const struct scene *scene)
{
	struct listing listing = {
	    .call = call, .route = route, .txn = scene->config, .health = scene->health};
	struct zone_info zone;
	size_t count;

	if (route->kind == KIND_LB) {
		if (!zones_of_call(call, scene->config, &zone))
			return;
		listing.zone = &zone;
	}
	if (route->kind == KIND_POOL)
		listing.monitor = call_parameter(call, "monitor");
	listing.list = json_new_list();
	if (scene->config != NULL)
		config_each_object_by_name(scene->config, route->kind, add_object, &listing);
	count = json_count(listing.list);
	call_list(call, listing.list, 1, 0, count);
}

/* The object that the last capture names, as stored. NULL with an error in the reply. */
static struct json *
find_object(struct call *call, const struct route *route, struct store_txn *txn, struct id *id)
{
	const char *text = call->captures[1] != NULL ? call->captures[1] : call->captures[0];
	struct zone_info zone;
	struct json *stored = NULL;

	if (route->kind == KIND_LB && !zones_of_call(call, txn, &zone))
		return NULL;
	if (!id_valid(text)) {
		call_error(call, 404, CODE_NO_ROUTE,
		    "Could not route to %s, perhaps your object identifier is invalid?", call->path);
		return NULL;
	}
	memcpy(id->text, text, sizeof id->text);
	if (txn != NULL)
		stored = object_read(txn, route->kind, id);
	if (stored != NULL && route->kind == KIND_LB &&
	    !is_in_zone(txn, json_text_of(stored, "name"), &zone)) {
		json_drop(stored);
		stored = NULL;
	}
	if (stored == NULL)
		call_error(call, 404, CODE_NOT_FOUND, "%s not found", kind_text(route->kind));
	return stored;
}

void
objects_get(struct call *call, const struct route *route, const struct scene *scene)
{
	struct id id;
	struct json *stored = find_object(call, route, scene->config, &id);

	if (stored != NULL)
		call_result(call, show(call, route->kind, stored, scene->config, scene->health));
	json_drop(stored);
}

/* Which relation objects have to another one: its referrers, or its referrals. */
static void
add_references(struct json *list, struct referrers *objects, const char *type)
{
	referrers_sort(objects);
	for (size_t i = 0; i < objects->count; i++) {
		struct json *one = json_new_object();

		json_put_text(one, "reference_type", type);
		json_put_text(one, "resource_id", objects->items[i].id.text);
		json_put_text(one, "resource_name", objects->items[i].name);
		json_put_text(one, "resource_type", kind_text(objects->items[i].kind));
		json_add(list, one);
	}
}

void
objects_references(struct call *call, const struct route *route, const struct scene *scene)
{
	struct referrers users = {0};
	struct json *list, *stored;
	struct id id;

	if ((stored = find_object(call, route, scene->config, &id)) == NULL)
		return;
	json_drop(stored);
	list = json_new_list();
	referrers_add_of(&users, scene->config, &id);
	add_references(list, &users, "referrer");
	call_list(call, list, 1, 0, users.count);
	referrers_free(&users);
}

/* ---- search ---- */

struct finding {
	struct store_txn *txn;
	bool referrals, referrers; /* are shown */
	const char *wanted;        /* lower case */
	enum kind kind;
	struct json *list;
	size_t first, last, total; /* the page */
};

static struct json *
references_of(const struct finding *finding, const struct id *id)
{
	struct json *list = json_new_list();
	struct referrers mentioned = {0}, users = {0};

	if (finding->referrals) {
		referrers_add_from(&mentioned, finding->txn, finding->kind, id);
		add_references(list, &mentioned, "referral");
	}
	if (finding->referrers) {
		referrers_add_of(&users, finding->txn, id);
		add_references(list, &users, "referrer");
	}
	referrers_free(&mentioned);
	referrers_free(&users);
	return list;
}

/* Read which references are requested. Returns false with an error in the reply. */
static bool
read_references(struct finding *finding, struct call *call)
{
	const char *wanted = call_parameter(call, "references");
	bool all;

	if (wanted == NULL || *wanted == '\0')
		return true;
	all = strcmp(wanted, "*") == 0;
	finding->referrals = all || strcmp(wanted, "referral") == 0;
	finding->referrers = all || strcmp(wanted, "referrer") == 0;
	if (!finding->referrals && !finding->referrers)
		call_error(call, 400, CODE_INVALID,
		    "references: \"%s\" is invalid: use *, referral or referrer: validation failed", wanted);
	return finding->referrals || finding->referrers;
}

static bool
look_at_name(void *arg, struct bytes name, const struct id *id)
{
	struct finding *finding = arg;
	char *text = xasprintf("%.*s", (int)name.len, (const char *)name.data);
	struct json *one;

	if (strcasestr(text, finding->wanted) != NULL) {
		if (finding->total >= finding->first && finding->total < finding->last) {
			one = json_new_object();
			json_put_text(one, "resource_type", kind_text(finding->kind));
			json_put_text(one, "resource_id", id->text);
			json_put_text(one, "resource_name", text);
			json_put(one, "references", references_of(finding, id));
			json_add(finding->list, one);
		}
		finding->total++;
	}
	free(text);
	return true;
}

void
objects_search(struct call *call, const struct route *route, const struct scene *scene)
{
	static const enum kind kinds[] = {KIND_LB, KIND_POOL, KIND_MONITOR, KIND_MONITOR_GROUP};
	const char *wanted = call_parameter(call, "query");
	unsigned page = call_number(call, "page", 1, 1000000, 1),
		 per_page = call_number(call, "per_page", 1, 1000, 25);
	struct finding finding = {.txn = scene->config,
	    .wanted = wanted != NULL ? wanted : "",
	    .first = (size_t)(page - 1) * per_page};
	struct json *result;

	(void)route;
	if (!read_references(&finding, call))
		return;
	finding.list = json_new_list();
	result = json_new_object();
	finding.last = finding.first + per_page;
	for (size_t i = 0; scene->config != NULL && i < NITEMS(kinds); i++) {
		finding.kind = kinds[i];
		config_each_name(scene->config, kinds[i], look_at_name, &finding);
	}
	call_list(call, finding.list, page, per_page, finding.total);
	json_put(result, "resources", json_clone(finding.list));
	call_result(call, result);
}

/* ---- write ---- */

/* A monitor that runs a program on this host needs a right of its own. */
static bool
may_run_programs(struct call *call, const struct route *route, const struct json *document)
{
	if (route->kind != KIND_MONITOR || (call->caller.rights & TOKEN_EXEC) ||
	    (strcmp(json_text_of(document, "type"), "exec") != 0 &&
		json_count(json_member(document, "command")) == 0))
		return true;
	call_error(call, 403, CODE_NO_RIGHT,
	    "a monitor of type exec runs a program on this host: that needs a token with the right exec");
	return false;
}

/* Write a document, and answer with what it became. */
static void
put(struct change *change, const struct edit_call *edit, const struct json *document, const struct id *target)
{
	struct call *call = edit->call;
	struct json *stored;
	struct id id;

	if (!may_run_programs(call, edit->route, document) ||
	    !object_put(change, edit->route->kind, document, target,
		target != NULL ? OBJECT_REPLACE : OBJECT_CREATE, NULL, &id))
		return;
	stored = object_read(change->txn, edit->route->kind, &id);
	change->result = show(call, edit->route->kind, stored, change->txn, change->health);
	json_drop(stored);
}

void
objects_create(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	struct json *document = json_clone(edit->call->body);
	struct zone_info zone;
	uint8_t wire[NAME_MAX_LEN];

	/* Another's id is not taken over: the new object gets its own. */
	if (json_kind(document) == JSON_KIND_OBJECT)
		json_remove(document, "id");
	if (edit->route->kind != KIND_LB || zones_of_call(edit->call, change->txn, &zone)) {
		if (edit->route->kind == KIND_LB &&
		    name_from_text(wire, json_text_of(document, "name"), NULL) > 0 &&
		    !is_in_zone(change->txn, json_text_of(document, "name"), &zone))
			call_error(edit->call, 400, CODE_INVALID,
			    "name: %s is not in this zone: validation failed",
			    json_text_of(document, "name"));
		else
			put(change, edit, document, NULL);
	}
	json_drop(document);
}

/* A document may name the id of the object, but no other. */
static bool
same_id(struct call *call, const struct id *id)
{
	const char *given = json_text_of(call->body, "id");

	if (*given == '\0' || strcmp(given, id->text) == 0)
		return true;
	call_error(call, 400, CODE_INVALID,
	    "id: %s is another object than that of the path: validation failed", given);
	return false;
}

static void
edit_object(struct change *change, const struct edit_call *edit, bool patch)
{
	struct json *document, *stored;
	struct id id;

	if ((stored = find_object(edit->call, edit->route, change->txn, &id)) == NULL)
		return;
	document = patch ? shape_patch(stored, edit->call->body)
			 : shape_put(edit->route->kind, stored, edit->call->body);
	if (same_id(edit->call, &id) && may_run_programs(edit->call, edit->route, stored))
		put(change, edit, document, &id);
	json_drop(document);
	json_drop(stored);
}

void
objects_replace(struct change *change, void *arg)
{
	edit_object(change, arg, false);
}

void
objects_patch(struct change *change, void *arg)
{
	edit_object(change, arg, true);
}

void
objects_delete(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	struct id id;
	struct json *stored = find_object(edit->call, edit->route, change->txn, &id);

	if (stored != NULL && object_delete(change, edit->route->kind, &id)) {
		change->result = json_new_object();
		json_put_text(change->result, "id", id.text);
	}
	json_drop(stored);
}

/* ---- all pools at once ---- */

static bool
add_id(void *arg, const struct id *id, struct bytes text)
{
	struct json *ids = arg;

	(void)text;
	json_add_text(ids, id->text);
	return true;
}

/* Cloudflare offers one such change: nobody is notified any more. */
void
objects_patch_pools(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	const struct json *body = edit->call->body, *email = json_member(body, "notification_email");
	struct json *ids = json_new_list(), *result = json_new_list();

	if (json_kind(body) != JSON_KIND_OBJECT || json_count(body) != 1 || json_text(email) == NULL ||
	    *json_text(email) != '\0')
		change_refuse(change, CHANGE_INVALID,
		    "the body must be {\"notification_email\": \"\"}: all pools change at once in this way "
		    "only");
	else
		config_each_object_by_name(change->txn, KIND_POOL, add_id, ids);
	for (size_t i = 0; i < json_count(ids); i++) {
		struct json *stored, *document;
		struct id id = {""};

		memcpy(id.text, json_text(json_item(ids, i)), ID_LEN);
		stored = object_read(change->txn, KIND_POOL, &id);
		document = shape_patch(stored, body);
		put(change, edit, document, &id);
		if (change->result != NULL)
			json_add(result, change->result);
		change->result = NULL;
		json_drop(document);
		json_drop(stored);
	}
	json_drop(ids);
	change->result = result;
}
