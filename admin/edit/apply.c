#include "admin/edit/apply.h"

#include "admin/edit/assign.h"
#include "admin/edit/dnssec_edit.h"
#include "admin/edit/object.h"
#include "admin/edit/zone_load.h"
#include "admin/look/history.h"
#include "zones/base/array.h"
#include "zones/dns/idn.h"
#include "zones/document/document_load.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

const struct document_part document_parts[DOCUMENT_PARTS] = {{"monitors", KIND_MONITOR},
    {"monitor_groups", KIND_MONITOR_GROUP}, {"pools", KIND_POOL}, {"load_balancers", KIND_LB},
    {"nodes", KIND_NODE}, {"dnssec", KIND_DNSSEC}};

/* The places of those that are counted only if there are some. */
enum { PART_NODES = 4, PART_DNSSEC };

/* The input, read before the transaction began. */
struct application {
	const char *path;
	struct json *document;
	struct zone_data *zones;
	size_t nzones;
};

/* Each zone is a master file as one text. */
static void
read_zones(struct application *application, bool unsigned_ok, struct problems *problems)
{
	const struct json *zones = json_member(application->document, "zones");

	if (zones == NULL)
		return;
	if (json_kind(zones) != JSON_KIND_OBJECT)
		problems_error(problems, "zones must be an object of names and master files");
	application->zones = xcalloc(json_count(zones), sizeof *application->zones);
	for (const char *key = json_next_key(zones, NULL); key != NULL; key = json_next_key(zones, key)) {
		const char *text = json_text(json_member(zones, key));
		uint8_t apex[NAME_MAX_LEN];

		if (idn_name_from_text(apex, key, NULL) == 0)
			problems_error(problems, "zones: \"%s\" is not the name of a zone", key);
		else if (text == NULL)
			problems_error(problems, "zones: %s must be a master file as one text", key);
		else if (zonefile_read(key, text, apex, unsigned_ok, &application->zones[application->nzones],
			     problems))
			application->nzones++;
	}
}

struct application *
application_read(const char *path, bool unsigned_ok, struct problems *problems)
{
	struct application *application = xcalloc(1, sizeof *application);
	size_t len, errors = problems->errors;
	char *text = assign_read_file(path, &len, problems);

	application->path = path;
	if (text != NULL)
		application->document =
		    json_read(text, len, strcmp(path, "-") == 0 ? "standard input" : path, problems);
	free(text);
	if (application->document != NULL && json_kind(application->document) != JSON_KIND_OBJECT)
		problems_error(problems,
		    "the document must be an object of zones, monitors, monitor_groups, pools, "
		    "load_balancers, nodes and dnssec");
	for (const char *key = json_next_key(application->document, NULL); key != NULL;
	     key = json_next_key(application->document, key)) {
		/* "served" is a note of `zone export --signed`. */
		bool known =
		    strcmp(key, "zones") == 0 || strcmp(key, "exported") == 0 || strcmp(key, "served") == 0;

		for (size_t i = 0; i < NITEMS(document_parts); i++)
			known = known || strcmp(key, document_parts[i].name) == 0;
		if (!known)
			problems_error(problems,
			    "\"%s\" is not a part of a document: zones, monitors, monitor_groups, pools, "
			    "load_balancers, nodes and dnssec are",
			    key);
	}
	if (application->document != NULL)
		read_zones(application, unsigned_ok, problems);
	if (problems->errors == errors)
		return application;
	application_free(application);
	return NULL;
}

struct application *
application_of(struct json *document)
{
	struct application *application = xcalloc(1, sizeof *application);

	application->path = "";
	application->document = document;
	return application;
}

void
application_free(struct application *application)
{
	if (application == NULL)
		return;
	for (size_t i = 0; i < application->nzones; i++)
		zone_data_free(&application->zones[i]);
	free(application->zones);
	json_drop(application->document);
	free(application);
}

static void
apply_zones(struct change *change, struct application *application)
{
	struct zone_loaded *loaded = xcalloc(application->nzones, sizeof *loaded);

	for (size_t i = 0; i < application->nzones; i++)
		zone_load_put(change, &application->zones[i], application->path, &loaded[i]);
	zone_load_warn(change, loaded, application->nzones);
	free(loaded);
}

/* After the first fault nothing is written, but references must still find the objects: do not report
 * follow-up errors. */
static void
pretend(struct object_aliases *aliases, enum kind kind, const struct json *object)
{
	static const char *const keys[] = {"id", "name"};
	struct id nobody = id_new();

	for (size_t i = 0; i < NITEMS(keys); i++)
		if (json_text(json_member(object, keys[i])) != NULL)
			object_add_alias(aliases, kind, json_text(json_member(object, keys[i])), &nobody);
}

/* The objects of the document, so that --prune keeps them. */
struct kept {
	struct id *ids;
	size_t count;
};

/* All objects of a kind; returns how many. Aliases point into the document, or into completed. */
static size_t
apply_objects(struct change *change, enum kind kind, const char *name, const struct json *objects,
    struct object_aliases *aliases, struct json *completed, struct kept *kept)
{
	struct id id;

	kept->ids = xcalloc(json_count(objects), sizeof *kept->ids);

	if (objects != NULL && json_kind(objects) != JSON_KIND_LIST)
		problems_error(&change->problems, "%s must be a list", name);
	for (size_t i = 0; json_kind(objects) == JSON_KIND_LIST && i < json_count(objects); i++) {
		const struct json *object = json_item(objects, i);

		if (kind == KIND_DNSSEC) {
			json_add(completed, dnssec_edit_complete(change, object));
			object = json_item(completed, json_count(completed) - 1);
		}
		if (object_put(change, kind, object, NULL, OBJECT_REPLACE, aliases, &id))
			kept->ids[kept->count++] = id;
		if (change->problems.errors > 0)
			pretend(aliases, kind, object);
	}
	return json_count(objects);
}

/* S105: two nodes may get the same document, and both must not make a key. */
static void
warn_without_node(struct change *change, const struct kept *kept)
{
	char *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < kept->count; i++) {
		struct json *stored = object_read(change->txn, KIND_DNSSEC, &kept->ids[i]);

		if (stored != NULL && *json_text_of(stored, "identity") == '\0' && count++ == 0)
			first = xstrdup(json_text_of(stored, "name"));
		json_drop(stored);
	}
	if (count == 1)
		problems_warn(&change->problems,
		    "zone %s is signed when a node has a key for it: give `graycloud dnssec enable %s` at "
		    "one "
		    "node, and bring its key to the others",
		    first, first);
	else if (count > 1)
		problems_warn(&change->problems,
		    "zone %s and %zu %s are signed when a node has keys for them: give `graycloud dnssec "
		    "enable ZONE ...` at one node, and bring its keys to the others",
		    first, count - 1, count == 2 ? "other" : "others");
	free(first);
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

/* Objects that exist and are not in the document. */
struct pruning {
	struct kept *kept;
	struct kept gone;
};

static bool
find_gone(void *arg, const struct id *id, struct bytes text)
{
	struct pruning *pruning = arg;

	(void)text;
	if (pruning->kept->count > 0 &&
	    bsearch(id, pruning->kept->ids, pruning->kept->count, sizeof *id, compare_ids) != NULL)
		return true;
	pruning->gone.ids = array_grow(pruning->gone.ids, pruning->gone.count, sizeof *id);
	pruning->gone.ids[pruning->gone.count++] = *id;
	return true;
}

static size_t
prune_objects(struct change *change, enum kind kind, struct kept *kept)
{
	struct pruning pruning = {.kept = kept};
	size_t gone;

	if (kept->count > 1)
		qsort(kept->ids, kept->count, sizeof *kept->ids, compare_ids);
	config_each_object_by_name(change->txn, kind, find_gone, &pruning);
	for (size_t i = 0; i < pruning.gone.count; i++)
		object_delete(change, kind, &pruning.gone.ids[i]);
	gone = pruning.gone.count;
	free(pruning.gone.ids);
	return gone;
}

struct zone_pruning {
	const struct application *application;
	struct zone_info *gone;
	size_t count;
};

static bool
find_gone_zone(void *arg, const struct zone_info *zone)
{
	struct zone_pruning *pruning = arg;

	for (size_t i = 0; i < pruning->application->nzones; i++)
		if (name_equal(pruning->application->zones[i].apex, zone->name))
			return true;
	pruning->gone = array_grow(pruning->gone, pruning->count, sizeof *zone);
	pruning->gone[pruning->count++] = *zone;
	return true;
}

static bool
refuse_orphan(void *arg, const struct id *id, struct bytes text)
{
	struct change *change = arg;
	struct lb *lb = document_load_lb(text);
	struct zone_info zone;

	(void)id;
	if (lb != NULL && !config_zone_of(change->txn, lb->wire, &zone))
		problems_error(&change->problems,
		    "load_balancer %s would have no zone: --prune deletes its zone (S7)", lb->name);
	model_free_lb(lb);
	return true;
}

static size_t
prune_zones(struct change *change, const struct application *application)
{
	struct zone_pruning pruning = {.application = application};

	config_each_zone(change->txn, find_gone_zone, &pruning);
	for (size_t i = 0; i < pruning.count; i++)
		config_delete_zone(change->edit, &pruning.gone[i]);
	if (pruning.count > 0)
		config_each_object_by_name(change->txn, KIND_LB, refuse_orphan, change);
	free(pruning.gone);
	return pruning.count;
}

/* Only in the parts that the document has: a document of pools alone deletes no load balancers. */
static size_t
prune(struct change *change, const struct application *application, struct kept kept[NITEMS(document_parts)])
{
	size_t gone = 0;

	for (size_t i = NITEMS(document_parts); i-- > 0;)
		if (json_member(application->document, document_parts[i].name) != NULL)
			gone += prune_objects(change, document_parts[i].kind, &kept[i]);
	if (json_member(application->document, "zones") != NULL)
		gone += prune_zones(change, application);
	return gone;
}

/* Does the document have an object, or with --prune the kind of it, so that applying it would undo a change?
 */
static bool
overwrites(const struct application *application, const struct json *touched, bool pruning)
{
	const char *kind = json_text(json_member(touched, "kind")),
		   *name = json_text(json_member(touched, "name"));
	const struct json *objects = json_member(application->document, "zones");

	if (strcmp(kind, "zone") == 0)
		return objects != NULL && (pruning || json_member(objects, name) != NULL);
	for (size_t i = 0; i < NITEMS(document_parts); i++) {
		objects = json_member(application->document, document_parts[i].name);
		if (strcmp(kind, kind_text(document_parts[i].kind)) != 0 || objects == NULL)
			continue;
		for (size_t o = 0; o < json_count(objects); o++) {
			const char *its = json_text(json_member(json_item(objects, o), "name"));

			if (its != NULL && strcasecmp(its, name) == 0)
				return true;
		}
		return pruning;
	}
	return false;
}

/*
 * A document that was exported from here and edited: changes of others since its reading must not be lost.  A
 * document from elsewhere does not have the time of its reading.
 */
static void
check_reading(struct change *change, const struct application *application, bool pruning)
{
	const struct json *exported = json_member(application->document, "exported");
	const char *identity = json_text(json_member(exported, "configuration"));
	struct json *since, *lost;
	char *text;

	if (identity == NULL || strcmp(identity, config_identity(change->txn).text) != 0)
		return;
	since =
	    history_read(change->txn, (uint64_t)json_integer_of(json_member(exported, "generation")), NULL);
	lost = json_new_list();
	for (size_t i = 0; i < json_count(since); i++) {
		const struct json *changes = json_member(json_item(since, i), "changes");
		bool hit = false;

		for (size_t c = 0; c < json_count(changes) && !hit; c++)
			hit = overwrites(application, json_item(changes, c), pruning);
		if (hit)
			json_add(lost, json_clone(json_item(since, i)));
	}
	text = history_text(lost);
	if (json_count(lost) > 0)
		change_guard(change,
		    "the document is of generation %lld; it would overwrite these later changes:%s\n  "
		    "export "
		    "again, or leave \"exported\" out of it",
		    json_integer_of(json_member(exported, "generation")), text);
	free(text);
	json_drop(lost);
	json_drop(since);
}

void
application_apply(struct change *change, struct application *application, bool pruning)
{
	struct object_aliases aliases = {0};
	size_t counts[NITEMS(document_parts)] = {0}, gone = 0;
	struct kept kept[NITEMS(document_parts)] = {{0}};
	struct json *completed = json_new_list();

	check_reading(change, application, pruning);
	apply_zones(change, application);
	for (size_t i = 0; i < NITEMS(document_parts); i++)
		counts[i] = apply_objects(change, document_parts[i].kind, document_parts[i].name,
		    json_member(application->document, document_parts[i].name), &aliases, completed,
		    &kept[i]);
	if (pruning && change->problems.errors == 0)
		gone = prune(change, application, kept);
	if (change->problems.errors == 0)
		warn_without_node(change, &kept[PART_DNSSEC]);
	for (size_t i = 0; i < NITEMS(document_parts); i++)
		free(kept[i].ids);
	free(aliases.items);
	json_drop(completed);
	char *pruned = pruning ? xasprintf("; %zu pruned", gone) : xstrdup("");
	char *nodes = counts[PART_NODES] > 0 ? xasprintf(", %zu nodes", counts[PART_NODES]) : xstrdup("");
	char *dnssec = counts[PART_DNSSEC] > 0 ? xasprintf(", %zu dnssec", counts[PART_DNSSEC]) : xstrdup("");

	change->result = json_new_object();
	json_put_bool(change->result, "changed", config_edit_changed(change->edit));
	change->message =
	    xasprintf("%s: %zu zones, %zu monitors, %zu monitor_groups, %zu pools, %zu load_balancers%s%s%s",
		config_edit_changed(change->edit) ? "applied" : "nothing differs", application->nzones,
		counts[0], counts[1], counts[2], counts[3], nodes, dnssec, pruned);
	free(nodes);
	free(dnssec);
	free(pruned);
}
