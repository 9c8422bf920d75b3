#include "admin/edit/object.h"

#include "admin/edit/effects.h"
#include "admin/look/referrers.h"

#include "admin/edit/pins_edit.h"
#include "admin/edit/signed_guard.h"
#include "admin/look/node.h"
#include "admin/look/resolution.h"
#include "admin/look/surroundings.h"
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/document/document_load.h"
#include "zones/document/schema.h"
#include "zones/model/lists.h"

#include <stdlib.h>

struct json *
object_read(struct store_txn *txn, enum kind kind, const struct id *id)
{
	struct bytes text;

	return config_object(txn, kind, id->text, &text) ? json_read_quietly(text) : NULL;
}

bool
object_find(struct store_txn *txn, enum kind kind, const char *name, struct id *id, struct problems *problems)
{
	struct document_scope scope = {.txn = txn};

	if (txn != NULL && document_find(&scope, kind, name, id))
		return true;
	problems_error(problems, "there is no %s \"%s\"", kind_text(kind), name);
	return false;
}

bool
object_same_address(const char *a, const char *b)
{
	struct address x, y;

	uint8_t name_a[NAME_MAX_LEN], name_b[NAME_MAX_LEN];

	if (address_from_text(&x, a) && address_from_text(&y, b))
		return memcmp(&x, &y, sizeof x) == 0;
	/* Hostnames: with or without the final dot, in any case. */
	return name_from_text(name_a, a, NULL) > 0 && name_from_text(name_b, b, NULL) > 0 &&
	    name_equal(name_a, name_b);
}

void
object_add_alias(struct object_aliases *aliases, enum kind kind, const char *from, const struct id *to)
{
	aliases->items = array_grow(aliases->items, aliases->count, sizeof *aliases->items);
	aliases->items[aliases->count++] = (struct document_alias){kind, from, *to};
}

/* ---- names ---- */

/* S30: the name of a monitor without one: made of its type, host and path, or the name that it asks for. */
static char *
derived_name(enum kind kind, const struct json *document)
{
	const char *host = json_text(json_item(json_member(json_member(document, "header"), "Host"), 0));
	char *name, *to;

	if (kind == KIND_MONITOR)
		name = xasprintf("%s-%s%s%s", json_text_of(document, "type"), host ? host : "",
		    json_text_of(document, "path"), json_text_of(document, "dns_name"));
	else
		name = xasprintf("group-%s", json_text_of(document, "description"));
	to = name;
	for (const char *from = name; *from != '\0' && to - name < 100; from++)
		if (strchr("-_.", *from) == NULL && !((*from | 32) >= 'a' && (*from | 32) <= 'z') &&
		    !(*from >= '0' && *from <= '9'))
			to += to > name && to[-1] != '-' ? (*to = '-', 1) : 0;
		else if (*from != '-' || (to > name && to[-1] != '-'))
			*to++ = *from;
	while (to > name && to[-1] == '-')
		to--;
	*to = '\0';
	return name;
}

/* A free name for document, or that of an equal object, so that applying twice changes nothing. */
static void
give_name(struct change *change, enum kind kind, struct json *document)
{
	char *base = derived_name(kind, document), *name = xstrdup(base);
	struct id id;

	for (unsigned n = 2; config_object_id(change->txn, kind, name, &id); n++) {
		struct json *other = object_read(change->txn, kind, &id);
		bool equal = other != NULL && document_equal(other, document, false);

		json_drop(other);
		if (equal)
			break;
		free(name);
		name = xasprintf("%s-%u", base, n);
	}
	json_put_text(document, "name", name);
	free(name);
	free(base);
}

/* The id of the input; false if it is invalid or belongs to another object. */
static bool
read_id(struct change *change, enum kind kind, const struct json *input, struct id *id)
{
	const struct json *member = json_member(input, "id");
	const char *text = json_text(member);

	*id = (struct id){{0}};
	if (member == NULL || json_kind(member) == JSON_KIND_NULL)
		return true;
	if (text == NULL || !id_valid(text)) {
		char *label = document_label(kind, input);

		problems_error(&change->problems, "%s: its id must be 32 hex digits in lower case", label);
		free(label);
		return false;
	}
	snprintf(id->text, sizeof id->text, "%s", text);
	return true;
}

/* ---- states of S24 ---- */

static const struct json *
origin_of(const struct json *pool, const char *address)
{
	const struct json *origins = json_member(pool, "origins");

	for (size_t i = 0; i < json_count(origins); i++)
		if (object_same_address(json_text_of(json_item(origins, i), "address"), address))
			return json_item(origins, i);
	return NULL;
}

/* The word that is stored for a state; NULL if no state is known. */
static const char *
seed_text(enum health_state state)
{
	if (state == HEALTH_UNKNOWN || state == HEALTH_UNRESOLVED)
		return NULL;
	return health_state_text(state == HEALTH_UNMONITORED ? HEALTH_UP : state);
}

/* The state that an origin of the pool as it was has at this moment, or the states of its addresses (S16);
 * NULL: none is known. */
static struct json *
state_now(struct change *change, const struct pool *before, const char *address)
{
	for (size_t i = 0; before != NULL && i < before->norigins; i++) {
		struct origin *origin = &before->origins[i];
		struct json *states;
		enum health_state state;

		if (!object_same_address(origin->address, address))
			continue;
		if (!before->enabled || !origin->enabled)
			return NULL;
		state = resolution_of(change->health, before, origin);
		if (!origin_is_hostname(origin))
			return seed_text(state) != NULL ? json_new_text(seed_text(state)) : NULL;
		states = json_new_object();
		for (unsigned n = 0; state != HEALTH_UNRESOLVED && n < origin->resolved->count; n++) {
			const struct resolved_address *of = &origin->resolved->list[n];
			char text[46];

			if (seed_text(of->state) != NULL)
				json_put_text(
				    states, address_to_text(&of->address, text), seed_text(of->state));
		}
		return states;
	}
	return NULL;
}

/* S93: another way of counting has other endpoints. An old document may have no quorum. */
static bool
same_counting(const struct json *old, const struct json *document)
{
	const char *quorum = json_text_of(old, "quorum");

	return strcmp(*quorum != '\0' ? quorum : "majority", json_text_of(document, "quorum")) == 0 &&
	    json_same(json_member(old, "check_regions"), json_member(document, "check_regions"));
}

/* S24: attaching or replacing a monitor stores the state of each origin at that moment. */
static void
seed_states(struct change *change, const struct json *old, struct json *document)
{
	struct json *origins = json_member(document, "origins");
	bool monitored =
	    *json_text_of(document, "monitor") != '\0' || *json_text_of(document, "monitor_group") != '\0';
	bool same = old != NULL &&
	    strcmp(json_text_of(old, "monitor"), json_text_of(document, "monitor")) == 0 &&
	    strcmp(json_text_of(old, "monitor_group"), json_text_of(document, "monitor_group")) == 0 &&
	    same_counting(old, document);
	char *text = old != NULL ? json_write(old, false) : NULL;
	struct pool *before =
	    text != NULL ? config_pool_of(change->txn, (struct bytes){text, strlen(text)}) : NULL;

	/* Enabling gives unknown: a disabled origin keeps no state. */
	if (!json_truth(json_member(document, "enabled")))
		monitored = false;
	for (size_t i = 0; i < json_count(origins) && monitored; i++) {
		struct json *origin = json_item(origins, i), *seeds;
		const struct json *known;
		const char *address = json_text_of(origin, "address");

		if (!json_truth(json_member(origin, "enabled")))
			continue;
		known = same ? json_member(origin_of(old, address), "seeded") : NULL;
		if (same)
			seeds = known != NULL ? json_clone(known) : NULL;
		else
			seeds = state_now(change, before, address);
		if (seeds != NULL)
			json_put(origin, "seeded", seeds);
	}
	model_free_pool(before);
	free(text);
}

static void
seed_pool(struct change *change, const struct id *id)
{
	struct json *stored = object_read(change->txn, KIND_POOL, id),
		    *origins = json_member(stored, "origins");
	struct pool *before = config_pool(change->txn, id->text);
	const char *name = json_text_of(stored, "name");
	char *text;

	for (size_t i = 0; i < json_count(origins); i++) {
		struct json *origin = json_item(origins, i),
			    *seeds = state_now(change, before, json_text_of(origin, "address"));

		json_remove(origin, "seeded");
		if (seeds != NULL)
			json_put(origin, "seeded", seeds);
	}
	text = json_write(stored, false);
	config_put_object(change->edit, KIND_POOL, id->text, name, name, (struct bytes){text, strlen(text)});
	free(text);
	model_free_pool(before);
	json_drop(stored);
}

/* S24: a group with other members may have no verdict at first; its pools store the states of the members
 * before. */
static void
seed_group(struct change *change, const struct json *old, const struct json *document)
{
	struct referrers pools = {0};
	struct id group = {""};

	if (json_same(json_member(old, "members"), json_member(document, "members")))
		return;
	snprintf(group.text, sizeof group.text, "%s", json_text_of(old, "id"));
	referrers_add_of(&pools, change->txn, &group);
	for (size_t i = 0; i < pools.count; i++) /* only pools mention a group */
		seed_pool(change, &pools.items[i].id);
	referrers_free(&pools);
}

/* S7: a load balancer answers instead of the zone's own addresses or alias at its name. */
static void
warn_replaced(struct change *change, const char *name, const struct surroundings *place)
{
	static const char *const types[] = {"A", "AAAA", "CNAME"};
	char list[32] = "";

	for (size_t i = 0; i < NITEMS(types); i++)
		if (place->replaced[i] != 0)
			snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
			    *list != '\0' ? ", " : "", types[i]);
	if (*list != '\0')
		problems_warn(&change->problems,
		    "load_balancer %s: it hides the %s records that the zone has at this name: they are not "
		    "answered while it is enabled",
		    name, list);
}

/* A disabled load balancer has its name already: warn only of the records that it now hides. */
static void
check_enabled(struct change *change, const char *name)
{
	uint8_t wire[NAME_MAX_LEN];
	struct surroundings place;

	name_from_text(wire, name, NULL);
	if (surroundings_find(change->txn, wire, &place))
		warn_replaced(change, name, &place);
}

/* ---- valid names of load balancers ---- */

static void
check_place(struct change *change, const char *name)
{
	uint8_t wire[NAME_MAX_LEN];
	char at[NAME_MAX_TEXT];
	struct surroundings place;

	name_from_text(wire, name, NULL);
	/* S7 */
	if (!surroundings_find(change->txn, wire, &place)) {
		problems_error(&change->problems,
		    "load_balancer %s: no zone that is served encloses it: load its zone first "
		    "(`graycloud zone load`)",
		    name);
		return;
	}
	if (place.hidden_by == TYPE_NS)
		problems_error(&change->problems,
		    "load_balancer %s: %s is delegated to other nameservers by the zone's NS record, so "
		    "it could never answer",
		    name, name_to_host(place.hidden_at, at));
	else if (place.hidden_by == TYPE_DNAME)
		problems_error(&change->problems,
		    "load_balancer %s: the zone's DNAME at %s redirects all names below, so it could "
		    "never answer",
		    name, name_to_host(place.hidden_at, at));
	else if (surroundings_is_nameserver(change->txn, &place.zone, wire, &change->nameservers))
		change_guard(change,
		    "load_balancer %s: an NS record of the zone points to this name, whose addresses would "
		    "be lost as glue",
		    name);
	warn_replaced(change, name, &place);
	/* S9 */
	if (place.hints)
		problems_warn(&change->problems,
		    "load_balancer %s: an HTTPS or SVCB record at this name has address hints, which are "
		    "not load-balanced: clients may go there",
		    name);
}

/* Warn, once for a change, if a load balancer steers by place and the running nameserver has no database of
 * places.
 */
static void
check_geography(struct change *change, const struct id *id)
{
	struct lb *lb = change->geography_told ? NULL : config_lb(change->txn, id->text);
	unsigned wanted = lb != NULL && lb->enabled ? lists_geography(lb) : 0, lacks;

	if (wanted != 0 && (lacks = wanted & ~node_geography_of(change->serving)) != 0) {
		problems_warn(&change->problems,
		    "load_balancer %s: it steers by place, but graycloud-dnsd has no database of %s "
		    "(--geoip): every client "
		    "counts as being at its --site",
		    lb->name, lists_geography_text(lacks));
		change->geography_told = true;
	}
	model_free_lb(lb);
}

/* ---- put ---- */

/* The object that the input becomes. */
struct target {
	struct id id;
	struct json *old; /* from the store; NULL: it is new */
};

/* Match by name and find the owner of the id (S30). */
static bool
find_target(struct change *change, enum kind kind, const struct json *input, const struct json *document,
    const struct id *target, enum object_mode mode, struct object_aliases *aliases, struct target *found)
{
	const char *name = json_text_of(document, "name");
	struct id given, named, *id = &found->id;
	bool exists = config_object_id(change->txn, kind, name, &named);
	struct json *owner;

	if (!read_id(change, kind, input, &given))
		return false;
	if (target != NULL && exists && strcmp(named.text, target->text) != 0) {
		change_refuse(change, CHANGE_TAKEN, "%s %s exists already", kind_text(kind), name);
		return false;
	}
	if (exists && mode == OBJECT_CREATE) {
		change_refuse(change, CHANGE_TAKEN, "%s %s exists already: change it with `set` or `replace`",
		    kind_text(kind), name);
		return false;
	}
	*id = target ? *target : exists ? named : *given.text ? given : id_new();
	found->old = object_read(change->txn, kind, id);
	if (*given.text == '\0' || strcmp(given.text, id->text) == 0) {
		if (found->old == NULL || target != NULL || exists)
			return true;
		/* A new name, but the id of another. */
		problems_error(&change->problems, "%s %s: its id %s belongs to %s", kind_text(kind), name,
		    given.text, json_text_of(found->old, "name"));
		json_drop(found->old);
		return false;
	}
	if ((owner = object_read(change->txn, kind, &given)) != NULL) {
		problems_error(&change->problems, "%s %s: its id %s belongs to %s", kind_text(kind), name,
		    given.text, json_text_of(owner, "name"));
		json_drop(owner);
		json_drop(found->old);
		return false;
	}
	if (aliases != NULL)
		object_add_alias(aliases, kind, json_text_of(input, "id"), id);
	return true;
}

/* Since when a pool or an origin is disabled: the API shows it. */
static void
stamp_disabled(struct json *object, const struct json *old, const char *now)
{
	const char *since = json_text_of(old, "disabled_at");
	json_remove(object, "disabled_at");
	if (!json_truth(json_member(object, "enabled")))
		json_put_text(object, "disabled_at", *since != '\0' ? since : now);
}

static void
stamp_pool(struct json *document, const struct json *old)
{
	struct json *origins = json_member(document, "origins");
	char now[32];

	wall_text(wall_ms(), now);
	stamp_disabled(document, old, now);
	for (size_t i = 0; i < json_count(origins); i++)
		stamp_disabled(json_item(origins, i),
		    origin_of(old, json_text_of(json_item(origins, i), "address")), now);
}

static void
write_object(struct change *change, enum kind kind, const struct target *target, const struct json *document)
{
	struct json *stored = json_new_object();
	char now[32], *text;

	wall_text(wall_ms(), now);
	json_put_text(stored, "id", target->id.text);
	json_put_text(stored, "created_on", target->old ? json_text_of(target->old, "created_on") : now);
	json_put_text(stored, "modified_on", now);
	for (const char *key = json_next_key(document, NULL); key != NULL; key = json_next_key(document, key))
		json_put(stored, key, json_clone(json_member(document, key)));
	text = json_write(stored, false);
	config_put_object(change->edit, kind, target->id.text, json_text_of(document, "name"),
	    target->old ? json_text_of(target->old, "name") : NULL, (struct bytes){text, strlen(text)});
	free(text);
	json_drop(stored);
}

bool
object_put(struct change *change, enum kind kind, const struct json *input, const struct id *target,
    enum object_mode mode, struct object_aliases *aliases, struct id *id)
{
	struct document_scope scope = {.txn = change->txn};
	size_t errors = change->problems.errors;
	struct target found = {.old = NULL};
	struct json *document;

	if (aliases != NULL) {
		scope.aliases = aliases->items;
		scope.naliases = aliases->count;
	}
	if ((document = document_check(kind, input, &scope, &change->problems)) == NULL)
		return false;
	if (*json_text_of(document, "name") == '\0') {
		struct id known;
		struct json *same =
		    read_id(change, kind, input, &known) ? object_read(change->txn, kind, &known) : NULL;

		if (same != NULL)
			json_put_text(document, "name", json_text_of(same, "name"));
		else
			give_name(change, kind, document);
		json_drop(same);
	}
	if (find_target(change, kind, input, document, target, mode, aliases, &found)) {
		if (kind == KIND_POOL) {
			seed_states(change, found.old, document);
			stamp_pool(document, found.old);
		}
		if (kind == KIND_LB)
			pins_edit_keep(document, found.old, config_edit_sequence(change->edit));
		if (kind == KIND_LB &&
		    (found.old == NULL ||
			strcmp(json_text_of(found.old, "name"), json_text_of(document, "name")) != 0))
			check_place(change, json_text_of(document, "name"));
		else if (kind == KIND_LB && json_truth(json_member(document, "enabled")) &&
		    !json_truth(json_member(found.old, "enabled")))
			check_enabled(change, json_text_of(document, "name"));
		if (kind == KIND_MONITOR_GROUP && found.old != NULL && change->problems.errors == 0)
			seed_group(change, found.old, document);
		if (change->problems.errors == 0 &&
		    (found.old == NULL || !document_equal(found.old, document, true)))
			write_object(change, kind, &found, document);
		if (kind == KIND_LB && change->problems.errors == 0)
			check_geography(change, &found.id);
		json_put_text(document, "id", found.id.text);
		effects_warn(kind, document, change->txn, &change->problems);
		*id = found.id;
		json_drop(found.old);
	}
	json_drop(document);
	return change->problems.errors == errors;
}

/* ---- delete ---- */

/* Does a value contain an id anywhere, as a text or as a key? */
static bool
mentions(const struct json *value, const char *id)
{
	const char *text = json_text(value);

	if (text != NULL)
		return strcmp(text, id) == 0;
	for (size_t i = 0; json_kind(value) == JSON_KIND_LIST && i < json_count(value); i++)
		if (mentions(json_item(value, i), id))
			return true;
	for (const char *key = json_next_key(value, NULL); key != NULL; key = json_next_key(value, key))
		if (strcmp(key, id) == 0 || mentions(json_member(value, key), id))
			return true;
	return false;
}

/* The rules and pool sets of a load balancer that mention an id: " (rule a, rule b)"; malloc. */
static char *
mentioning(struct bytes lb, const char *id)
{
	static const struct {
		const char *list, *kind;
	} lists[] = {{"pool_sets", "pool set"}, {"rules", "rule"}};
	struct json *json = json_read_quietly(lb);
	char *text = NULL;
	size_t len;
	FILE *out = text_stream(&text, &len);
	bool any = false;

	for (size_t n = 0; n < NITEMS(lists); n++) {
		const struct json *list = json_member(json, lists[n].list);

		for (size_t i = 0; i < json_count(list); i++) {
			const struct json *one = json_item(list, i);

			if (!mentions(json_member(one, "overrides"), id))
				continue;
			fprintf(out, "%s%s %s", any ? ", " : " (", lists[n].kind, json_text_of(one, "name"));
			any = true;
		}
	}
	fputs(any ? ")" : "", out);
	fclose(out);
	json_drop(json);
	return text;
}

/* S32: the objects that mention an id, "load_balancer a (rule b), load_balancer c"; NULL if there is none. */
static char *
users_of(struct store_txn *txn, const struct id *id)
{
	struct referrers users = {0};
	char *all = NULL;

	referrers_add_of(&users, txn, id);
	referrers_sort(&users);
	for (size_t i = 0; i < users.count; i++) {
		const struct referrer *user = &users.items[i];
		struct bytes text = {0};
		char *within = user->kind == KIND_LB && config_object(txn, KIND_LB, user->id.text, &text)
		    ? mentioning(text, id->text)
		    : xstrdup("");
		char *longer = xasprintf("%s%s%s %s%s", all ? all : "", all ? ", " : "",
		    kind_text(user->kind), user->name, within);

		free(within);
		free(all);
		all = longer;
	}
	referrers_free(&users);
	return all;
}

bool
object_delete(struct change *change, enum kind kind, const struct id *id)
{
	struct json *object = object_read(change->txn, kind, id);
	char *users = users_of(change->txn, id);
	const char *name = json_text_of(object, "name");
	bool free_to_go = users == NULL;

	if (kind == KIND_DNSSEC)
		signed_guard_end(change, name);
	if (free_to_go)
		config_delete_object(change->edit, kind, id->text, name);
	else /* S32 */
		change_refuse(change, CHANGE_IN_USE, "%s %s is in use; take it out first of: %s",
		    kind_text(kind), name, users);
	free(users);
	json_drop(object);
	return free_to_go;
}

void
object_tell(struct change *change, enum kind kind, const struct id *id, const char *what)
{
	struct document_scope scope = {.txn = change->txn, .secrets = change->request->secrets};
	struct json *stored = object_read(change->txn, kind, id);

	if (stored == NULL)
		return;
	change->result = document_show(kind, stored, &scope, DOCUMENT_API);
	change->message = xasprintf("%s %s: %s", kind_text(kind), json_text_of(stored, "name"), what);
	json_drop(stored);
}
