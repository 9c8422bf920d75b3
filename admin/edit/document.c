#include "admin/edit/document_lb.h"

#include "admin/edit/document_monitor.h"
#include "admin/edit/secrets.h"
#include "zones/base/nearest.h"
#include "zones/base/text.h"
#include "zones/dns/idn.h"
#include "zones/document/document_load.h"
#include "zones/document/schema.h"
#include "zones/state/config.h"

#include <math.h>
#include <stdlib.h>

/* ---- the path of a fault ---- */

struct fault_path {
	const struct fault_path *up; /* NULL: the object itself */
	const char *name;            /* of a property; NULL: an item of a list */
	const struct json *item;
	size_t index;
};

struct check {
	const struct document_scope *scope;
	struct problems *problems;
	char *label;
};

static void
write_fault_path(FILE *out, const struct fault_path *place)
{
	const char *known;

	if (place == NULL)
		return;
	write_fault_path(out, place->up);
	if (place->name != NULL) {
		fprintf(out, "%s%s", place->up ? "." : "", place->name);
		return;
	}
	/* An origin is identified by its address, not by its number; a rule by its name. */
	if ((known = json_text(json_member(place->item, "address"))) != NULL ||
	    ((known = json_text(json_member(place->item, "name"))) != NULL && *known != '\0'))
		fprintf(out, "[%.200s]", known);
	else
		fprintf(out, "[%zu]", place->index);
}

static char *
place_text(const struct fault_path *place)
{
	char *text = NULL;
	size_t len;
	FILE *out = text_stream(&text, &len);

	write_fault_path(out, place);
	fclose(out);
	return text;
}

/* Report that the value at place is not accepted. */
static void
refuse(struct check *check, const struct fault_path *place, const struct json *value, const char *why)
{
	char *where = place_text(place), *text = value ? json_write(value, false) : NULL;

	if (text == NULL)
		problems_error(check->problems, "%s: %s %s", check->label, where, why);
	else
		problems_error(check->problems, "%s: %s is %.80s%s: %s", check->label, where, text,
		    strlen(text) > 80 ? " ..." : "", why);
	free(where);
	free(text);
}

static struct json *
refuse_value(struct check *check, const struct fault_path *place, const struct json *value,
    const struct property *property)
{
	char *accepts = schema_accepts(property), *why = xasprintf("it must be %s", accepts);

	refuse(check, place, value, why);
	free(why);
	free(accepts);
	return NULL;
}

static const char NEEDS_PROXY[] = "it needs the HTTP proxy; this is DNS-only"; /* S22 */

/* ---- one value against its property ---- */

static struct json *check_value(struct check *check, const struct property *property,
    const struct json *value, const struct fault_path *place);

static struct json *
default_of(const struct property *property)
{
	return json_read_quietly((struct bytes){property->default_json, strlen(property->default_json)});
}

static struct json *
check_text(struct check *check, const struct property *property, const struct json *value,
    const struct fault_path *place)
{
	const char *text = json_text(value);
	struct json *kept;
	char *clean, *why;

	if (text == NULL)
		return refuse_value(check, place, value, property);
	if (property->fault != NULL && (why = property->fault(text)) != NULL) {
		refuse(check, place, value, why);
		free(why);
		return NULL;
	}
	if (property->clean == NULL) {
		if (strlen(text) > (size_t)property->most || strlen(text) < (size_t)property->least)
			return refuse_value(check, place, value, property);
		return json_clone(value);
	}
	if ((clean = property->clean(text)) == NULL)
		return refuse_value(check, place, value, property);
	kept = json_new_text(clean);
	free(clean);
	return kept;
}

static struct json *
check_word(struct check *check, const struct property *property, const struct json *value,
    const struct fault_path *place)
{
	const char *text = json_text(value);

	for (const struct property_word *word = property->words; text != NULL && word->text != NULL; word++) {
		if (strcmp(word->text, text) != 0)
			continue;
		if (word->fate == FATE_USED)
			return json_clone(value);
		refuse(check, place, value, NEEDS_PROXY);
		return NULL;
	}
	return refuse_value(check, place, value, property);
}

static struct json *
check_number(struct check *check, const struct property *property, const struct json *value,
    const struct fault_path *place)
{
	double number = json_number_of(value);
	bool whole = json_kind(value) == JSON_KIND_INTEGER;

	if (!json_numeric(value) || (property->type == PROPERTY_INTEGER && !whole) ||
	    !(number >= property->least && number <= property->most))
		return refuse_value(check, place, value, property);
	return json_new_number(number);
}

static struct json *
check_reference(struct check *check, const struct property *property, const struct json *value,
    const struct fault_path *place)
{
	const char *text = json_text(value);
	struct id id;
	char *why;

	if (text == NULL)
		return refuse_value(check, place, value, property);
	if (document_find(check->scope, property->refers, text, &id))
		return json_new_text(id.text);
	/* S32 */
	why = xasprintf("there is no %s with that name or id", kind_text(property->refers));
	refuse(check, place, value, why);
	free(why);
	return NULL;
}

static struct json *
check_list(struct check *check, const struct property *property, const struct json *value,
    const struct fault_path *place)
{
	struct json *list;
	size_t count = json_count(value);
	bool good = true;

	if (json_kind(value) != JSON_KIND_LIST || count < (size_t)property->least ||
	    count > (size_t)property->most)
		return refuse_value(check, place, value, property);
	list = json_new_list();
	for (size_t i = 0; i < count; i++) {
		const struct json *item = json_item(value, i);
		struct json *kept =
		    check_value(check, property->inner, item, &(struct fault_path){place, NULL, item, i});

		if (kept != NULL)
			json_add(list, kept);
		else
			good = false;
	}
	if (good)
		return list;
	json_drop(list);
	return NULL;
}

/* A free key of a map that may be only certain texts. */
static bool
key_clean(
    struct check *check, const struct property *property, const char *key, const struct fault_path *place)
{
	char *kept = property->clean(key), *why;
	bool good = kept != NULL && strcmp(kept, key) == 0;

	if (!good) {
		why = xasprintf("is not %s", property->accepts);
		refuse(check, place, NULL, why);
		free(why);
	}
	free(kept);
	return good;
}

static struct json *
check_map(struct check *check, const struct property *property, const struct json *value,
    const struct fault_path *place)
{
	struct json *map;
	bool good = true;

	if (json_kind(value) != JSON_KIND_OBJECT)
		return refuse_value(check, place, value, property);
	map = json_new_object();
	for (const char *key = json_next_key(value, NULL); key != NULL; key = json_next_key(value, key)) {
		struct fault_path at = {place, key, NULL, 0};
		struct json *kept = check_value(check, property->inner, json_member(value, key), &at);
		struct id id;

		if (property->keys_refer && !document_find(check->scope, property->refers, key, &id)) {
			char *why =
			    xasprintf("is of no %s with that name or id", kind_text(property->refers));

			refuse(check, &at, NULL, why);
			free(why);
			good = false;
		}
		if (property->clean != NULL && !key_clean(check, property, key, &at))
			good = false;
		if (kept == NULL)
			good = false;
		else if (good)
			json_put(map, property->keys_refer ? id.text : key, kept);
		else
			json_drop(kept);
	}
	if (good)
		return map;
	json_drop(map);
	return NULL;
}

/* An unknown name; the sentence names the property that was probably meant. */
static void
refuse_name(
    struct check *check, const struct property *table, const char *key, const struct fault_path *place)
{
	struct nearest nearest = {.word = key};
	char hint[96], *why;

	for (; table->name != NULL; table++)
		nearest_offer(&nearest, table->name, strlen(table->name));
	why = xasprintf("is not a known property%s", nearest_text(&nearest, hint));
	refuse(check, &(struct fault_path){place, key, NULL, 0}, NULL, why);
	free(why);
}

/* sparse: properties that are not given get no default. */
static struct json *
check_members(struct check *check, const struct property *table, bool sparse, const struct json *value,
    const struct fault_path *place)
{
	struct json *object = json_new_object();
	bool good = true;

	for (const char *key = json_next_key(value, NULL); key != NULL; key = json_next_key(value, key))
		if (schema_find(table, key) == NULL && !(place == NULL && strcmp(key, "id") == 0)) {
			refuse_name(check, table, key, place);
			good = false;
		}
	for (const struct property *property = table; property->name != NULL; property++) {
		const struct json *member = json_member(value, property->name);
		struct fault_path at = {place, property->name, NULL, 0};
		struct json *kept;

		if (property->fate == FATE_READ_ONLY || (sparse && json_kind(member) == JSON_KIND_NULL))
			continue;
		if (property->default_json == NULL && json_kind(member) == JSON_KIND_NULL) {
			refuse(check, &at, NULL, "is missing");
			good = false;
		} else if ((kept = check_value(check, property, member, &at)) != NULL)
			json_put(object, property->name, kept);
		else
			good = false;
	}
	if (good)
		return object;
	json_drop(object);
	return NULL;
}

/* Is it the default, or empty? */
static bool
says_nothing(const struct property *property, const struct json *value, const struct json *default_json)
{
	switch (json_kind(value)) {
	case JSON_KIND_NULL:
		return true;
	case JSON_KIND_TEXT:
		return json_same(value, default_json) || *json_text(value) == '\0';
	case JSON_KIND_LIST:
	case JSON_KIND_OBJECT:
		return json_count(value) == 0 && property->type == PROPERTY_ANY;
	default:
		return json_same(value, default_json);
	}
}

static struct json *
check_value(struct check *check, const struct property *property, const struct json *value,
    const struct fault_path *place)
{
	struct json *default_json = property->default_json ? default_of(property) : NULL, *kept = NULL;

	if (property->fate == FATE_PROXY) {
		if (says_nothing(property, value, default_json))
			return default_json;
		refuse(check, place, value, NEEDS_PROXY);
		goto out;
	}
	/* null is the default everywhere; for a reference "" is, too, as the API has it. */
	if (default_json != NULL &&
	    (json_kind(value) == JSON_KIND_NULL ||
		(property->type == PROPERTY_REFERENCE && json_text(value) != NULL &&
		    *json_text(value) == '\0'))) {
		if (property->type != PROPERTY_OBJECT || json_kind(default_json) == JSON_KIND_NULL)
			return default_json;
		value = default_json; /* its members have defaults of their own */
	}
	switch (property->type) {
	case PROPERTY_TEXT:
		kept = check_text(check, property, value, place);
		break;
	case PROPERTY_WORD:
		kept = check_word(check, property, value, place);
		break;
	case PROPERTY_BOOL:
		kept = json_kind(value) == JSON_KIND_BOOL ? json_clone(value)
							  : refuse_value(check, place, value, property);
		break;
	case PROPERTY_INTEGER:
	case PROPERTY_NUMBER:
		kept = check_number(check, property, value, place);
		break;
	case PROPERTY_REFERENCE:
		kept = check_reference(check, property, value, place);
		break;
	case PROPERTY_OBJECT:
		kept = json_kind(value) == JSON_KIND_OBJECT
		    ? check_members(check, property->inner, property->sparse, value, place)
		    : refuse_value(check, place, value, property);
		break;
	case PROPERTY_LIST:
		kept = check_list(check, property, value, place);
		break;
	case PROPERTY_MAP:
		kept = check_map(check, property, value, place);
		break;
	case PROPERTY_ANY:
		kept = json_clone(value);
		break;
	}
out:
	if (default_json != NULL)
		json_drop(default_json);
	return kept;
}

/* ---- several properties at once ---- */

/* The identity of an origin, which must be unique in its pool. */
struct known {
	const char *text;       /* as it was written */
	struct address address; /* if the text is one */
	size_t at;
};

static int
compare_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int order = memcmp(&x->address, &y->address, sizeof x->address);

	if (order == 0 && x->address.family == FAMILY_NONE) /* a hostname, which is clean by now, or a name */
		order = strcmp(x->text, y->text);
	return order;
}

static int
compare_known_in_order(const void *a, const void *b)
{
	int order = compare_known(a, b);
	size_t x = ((const struct known *)a)->at, y = ((const struct known *)b)->at;

	return order != 0 ? order : x < y ? -1 : x > y;
}

/* Reported once for each, even if it occurs often. */
static void
check_unique(struct check *check, const struct json *origins, const char *key)
{
	size_t count = json_count(origins), kept = 0;
	struct known *all = xcalloc(count + 1, sizeof *all);
	bool addresses = strcmp(key, "address") == 0;

	for (size_t i = 0; i < count; i++) {
		struct known *one = &all[kept];

		*one = (struct known){.text = json_text_of(json_item(origins, i), key), .at = i};
		if (addresses)
			address_from_text(&one->address, one->text);
		kept += *one->text != '\0';
	}
	qsort(all, kept, sizeof *all, compare_known_in_order);
	for (size_t i = 1; i < kept; i++)
		if (compare_known(&all[i - 1], &all[i]) == 0 &&
		    (i == 1 || compare_known(&all[i - 2], &all[i]) != 0))
			problems_error(
			    check->problems, "%s: duplicate origin %s %s", check->label, key, all[i].text);
	free(all);
}

static void
check_pool(struct check *check, const struct json *pool)
{
	const struct json *origins = json_member(pool, "origins");
	long long minimum = json_integer_of(json_member(pool, "minimum_origins"));

	check_unique(check, origins, "address");
	check_unique(check, origins, "name");
	/* [CF] 2.2 */
	if (*json_text_of(pool, "monitor") != '\0' && *json_text_of(pool, "monitor_group") != '\0')
		problems_error(check->problems,
		    "%s: it has a monitor and a monitor_group: give one, and none for the other",
		    check->label);
	if (json_numeric(json_member(pool, "latitude")) != json_numeric(json_member(pool, "longitude")))
		problems_error(check->problems, "%s: latitude and longitude go together: give both or none",
		    check->label);
	if (minimum > (long long)json_count(origins))
		problems_warn(check->problems,
		    "%s: minimum_origins is %lld, but it has only %zu: with a monitor it can never be "
		    "used",
		    check->label, minimum, json_count(origins));
}

/* S38 */
static void
check_group(struct check *check, const struct json *group)
{
	const struct json *members = json_member(group, "members");
	bool votes = false;

	for (size_t i = 0; i < json_count(members); i++) {
		const struct json *one = json_item(members, i);
		const char *monitor = json_text_of(one, "monitor_id");

		votes |= json_truth(json_member(one, "enabled")) &&
		    !json_truth(json_member(one, "monitoring_only"));
		if (json_truth(json_member(one, "monitoring_only")) &&
		    json_truth(json_member(one, "must_be_healthy")))
			problems_error(check->problems,
			    "%s: members[%zu] is monitoring_only and must_be_healthy: one that has no vote "
			    "decides nothing",
			    check->label, i);
		for (size_t k = 0; k < i; k++)
			if (strcmp(monitor, json_text_of(json_item(members, k), "monitor_id")) == 0)
				problems_error(check->problems,
				    "%s: members[%zu] and members[%zu] are the same monitor", check->label, k,
				    i);
	}
	if (!votes)
		problems_error(check->problems,
		    "%s: no member votes: one at least must be enabled and not monitoring_only",
		    check->label);
}

char *
document_label(enum kind kind, const struct json *document)
{
	const char *name = json_text(json_member(document, "name"));

	return name != NULL && *name != '\0' ? xasprintf("%s %s", kind_text(kind), name)
					     : xasprintf("a %s without a name", kind_text(kind));
}

struct json *
document_check(
    enum kind kind, const struct json *input, const struct document_scope *scope, struct problems *problems)
{
	struct check check = {scope, problems, document_label(kind, input)};
	size_t errors = problems->errors;
	struct json *kept = NULL;

	if (json_kind(input) != JSON_KIND_OBJECT)
		problems_error(problems, "a %s must be an object of properties", kind_text(kind));
	else
		kept = check_members(&check, schema_of(kind), false, input, NULL);
	if (kept != NULL && kind == KIND_POOL)
		check_pool(&check, kept);
	else if (kept != NULL && kind == KIND_MONITOR)
		document_check_monitor(check.label, kept, problems);
	else if (kept != NULL && kind == KIND_MONITOR_GROUP)
		check_group(&check, kept);
	else if (kept != NULL && kind == KIND_LB)
		document_check_lb(check.label, kept, problems);
	free(check.label);
	if (problems->errors == errors)
		return kept;
	if (kept != NULL)
		json_drop(kept);
	return NULL;
}

/* ---- references ---- */

bool
document_find(const struct document_scope *scope, enum kind kind, const char *name, struct id *id)
{
	struct bytes json;
	char *clean;
	bool found;

	for (size_t i = 0; i < scope->naliases; i++)
		if (scope->aliases[i].kind == kind && strcmp(scope->aliases[i].from, name) == 0) {
			*id = scope->aliases[i].to;
			return true;
		}
	if (scope->txn == NULL)
		return false;
	if (id_valid(name) && config_object(scope->txn, kind, name, &json)) {
		memcpy(id->text, name, sizeof id->text);
		return true;
	}
	if (kind != KIND_LB)
		return config_object_id(scope->txn, kind, name, id);
	clean = host_name_clean(name);
	found = clean != NULL && config_object_id(scope->txn, kind, clean, id);
	free(clean);
	return found;
}

/* The name of an id; the id itself if there is none (the guards prevent that). */
static struct json *
name_of(const struct document_scope *scope, enum kind kind, const char *id)
{
	struct bytes text;
	char name[256];

	return json_new_text(
	    config_object(scope->txn, kind, id, &text) && document_name(text, name) ? name : id);
}

static struct json *
show_value(const struct property *property, const struct json *value, const struct document_scope *scope)
{
	struct json *shown;

	if (property->type == PROPERTY_REFERENCE && json_text(value) != NULL)
		return name_of(scope, property->refers, json_text(value));
	if (property->type == PROPERTY_LIST && json_kind(value) == JSON_KIND_LIST) {
		shown = json_new_list();
		for (size_t i = 0; i < json_count(value); i++)
			json_add(shown, show_value(property->inner, json_item(value, i), scope));
		return shown;
	}
	if (property->type == PROPERTY_MAP && property->keys_refer && json_kind(value) == JSON_KIND_OBJECT) {
		shown = json_new_object();
		for (const char *key = json_next_key(value, NULL); key != NULL;
		     key = json_next_key(value, key)) {
			struct json *name = name_of(scope, property->refers, key);

			json_put(shown, json_text(name), json_clone(json_member(value, key)));
			json_drop(name);
		}
		return shown;
	}
	if (property->type == PROPERTY_MAP && property->inner->type == PROPERTY_LIST &&
	    json_kind(value) == JSON_KIND_OBJECT) {
		shown = json_new_object();
		for (const char *key = json_next_key(value, NULL); key != NULL;
		     key = json_next_key(value, key))
			json_put(shown, key, show_value(property->inner, json_member(value, key), scope));
		return shown;
	}
	if (property->type == PROPERTY_OBJECT && json_kind(value) == JSON_KIND_OBJECT) {
		shown = json_new_object();
		for (const struct property *inner = property->inner; inner->name != NULL; inner++)
			if (json_member(value, inner->name) != NULL)
				json_put(shown, inner->name,
				    show_value(inner, json_member(value, inner->name), scope));
		return shown;
	}
	return json_clone(value);
}

/* S24's states belong to the store. */
static void
hide_states(struct json *shown, enum document_purpose purpose)
{
	struct json *origins = json_member(shown, "origins");

	for (size_t i = 0; i < json_count(origins); i++) {
		json_remove(json_item(origins, i), "seeded");
		if (purpose != DOCUMENT_API)
			json_remove(json_item(origins, i), "disabled_at");
	}
}

/* A load balancer does not define its zone: S7. */
static void
put_zone_name(struct json *shown, const char *name, const struct document_scope *scope)
{
	uint8_t wire[NAME_MAX_LEN];
	char text[NAME_MAX_TEXT];
	struct zone_info zone;

	if (scope->txn != NULL && name_from_text(wire, name, NULL) > 0 &&
	    config_zone_of(scope->txn, wire, &zone))
		json_put_text(shown, "zone_name", name_to_host(zone.name, text));
}

struct json *
document_show(enum kind kind, const struct json *stored, const struct document_scope *scope,
    enum document_purpose purpose)
{
	struct json *shown = json_new_object();

	json_put_text(shown, "id", json_text_of(stored, "id"));
	if (purpose != DOCUMENT_EXPORT) {
		json_put_text(shown, "created_on", json_text_of(stored, "created_on"));
		json_put_text(shown, "modified_on", json_text_of(stored, "modified_on"));
	}
	if (kind == KIND_LB && purpose != DOCUMENT_EXPORT)
		put_zone_name(shown, json_text_of(stored, "name"), scope);
	for (const struct property *property = schema_of(kind); property->name != NULL; property++) {
		const struct json *value = json_member(stored, property->name);

		if (value == NULL || (property->fate == FATE_READ_ONLY && purpose != DOCUMENT_API))
			continue;
		json_put(shown, property->name,
		    purpose == DOCUMENT_API ? json_clone(value) : show_value(property, value, scope));
	}
	hide_states(shown, purpose);
	if (purpose != DOCUMENT_EXPORT && !scope->secrets)
		secrets_hide(kind, shown);
	return shown;
}

bool
document_equal(const struct json *a, const struct json *b, bool name_too)
{
	struct json *x = json_clone(a), *y = json_clone(b);
	bool equal;

	for (int i = 0; i < 2; i++) {
		struct json *one = i ? x : y;

		json_remove(one, "id");
		json_remove(one, "created_on");
		json_remove(one, "modified_on");
		if (!name_too)
			json_remove(one, "name");
	}
	equal = json_same(x, y);
	json_drop(x);
	json_drop(y);
	return equal;
}
