#include "admin/edit/import_cloudflare.h"

#include "admin/edit/apply.h"
#include "admin/edit/assign.h"
#include "zones/base/problem.h"
#include "zones/document/schema.h"
#include "zones/expression/expression.h"

#include <stdlib.h>

struct importing {
	struct json *document;
	struct problems *problems;
	const char *path; /* of the current file */
};

/* The place of a property in an object, for messages. */
struct at {
	const struct importing *importing;
	const char *object; /* "pool eu" */
	const char *name;   /* "origins[2].port" */
};

static struct json *clean_value(
    const struct property *property, const struct json *value, const struct at *at);
static struct json *clean_members(
    const struct property *table, const struct json *value, const struct at *at);

/* Is the value one of the words that only the proxy can honour? */
static bool
proxy_word(const struct property *property, const struct json *value)
{
	const char *text = json_text(value);

	if (property->type != PROPERTY_WORD || text == NULL)
		return false;
	for (const struct property_word *word = property->words; word->text != NULL; word++)
		if (strcmp(word->text, text) == 0)
			return word->fate == FATE_PROXY;
	return false;
}

/* Is the value the default, or so empty that it has no effect? */
static bool
without_effect(const struct property *property, const struct json *value)
{
	struct json *default_json;
	bool same;

	if (json_kind(value) == JSON_KIND_NULL)
		return true;
	if (property->default_json == NULL)
		return false;
	default_json =
	    json_read_quietly((struct bytes){property->default_json, strlen(property->default_json)});
	same = json_same(value, default_json);
	json_drop(default_json);
	return same;
}

/*
 * The reason why a rule or pool set must be left out, or NULL: without its response or its condition it would
 * do something else.  The caller frees it.
 */
static char *
proxy_item(const struct json *item)
{
	const struct json *response = json_member(item, "fixed_response");
	const char *condition = json_text(json_member(item, "condition"));
	char *fault = NULL;

	if (json_kind(response) != JSON_KIND_NULL)
		return xstrdup("its fixed_response needs Cloudflare's proxy");
	if (condition == NULL)
		return NULL;
	free(expression_new(condition, &fault));
	if (fault != NULL && strstr(fault, "needs the HTTP proxy") != NULL)
		return fault;
	free(fault);
	return NULL;
}

/* A copy of a list without the items that must be left out. */
static struct json *
clean_list(const struct property *property, const struct json *list, const struct at *at)
{
	struct json *copy = json_new_list();

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *item = json_item(list, i);
		char *name = xasprintf("%s[%zu]", at->name, i), *reason = proxy_item(item);
		const struct at place = {at->importing, at->object, name};
		struct json *cleaned = NULL;

		if (reason != NULL)
			problems_warn(at->importing->problems, "%s: %s: %s (%s) is left out: %s (S22)",
			    at->importing->path, at->object, name, json_text_of(item, "name"), reason);
		else
			cleaned = clean_value(property->inner, item, &place);
		if (cleaned != NULL)
			json_add(copy, cleaned);
		free(reason);
		free(name);
	}
	return copy;
}

/* A copy of a value for apply, or NULL if it must be left out. */
static struct json *
clean_value(const struct property *property, const struct json *value, const struct at *at)
{
	if (property->fate == FATE_READ_ONLY)
		return NULL;
	if ((property->fate == FATE_PROXY && !without_effect(property, value)) ||
	    proxy_word(property, value)) {
		char *text = json_write(value, false);

		problems_warn(at->importing->problems,
		    "%s: %s: %s is left out: %.100s needs Cloudflare's proxy, and graycloud answers DNS only "
		    "(S22)",
		    at->importing->path, at->object, at->name, text);
		free(text);
		return NULL;
	}
	if (property->type == PROPERTY_OBJECT && json_kind(value) == JSON_KIND_OBJECT)
		return clean_members(property->inner, value, at);
	if (property->type == PROPERTY_LIST && json_kind(value) == JSON_KIND_LIST)
		return clean_list(property, value, at);
	return json_clone(value);
}

static struct json *
clean_members(const struct property *table, const struct json *value, const struct at *at)
{
	struct json *copy = json_new_object();

	for (const char *key = json_next_key(value, NULL); key != NULL; key = json_next_key(value, key)) {
		const struct property *property = schema_find(table, key);
		const struct json *member = json_member(value, key);
		char *name = *at->name != '\0' ? xasprintf("%s.%s", at->name, key) : xstrdup(key);
		struct json *cleaned = NULL;

		if (property != NULL)
			cleaned =
			    clean_value(property, member, &(struct at){at->importing, at->object, name});
		else if (*at->name == '\0' && strcmp(key, "id") == 0)
			cleaned = json_clone(member);
		else if (json_kind(member) != JSON_KIND_NULL)
			problems_warn(at->importing->problems,
			    "%s: %s: %s is left out: graycloud does not know this property",
			    at->importing->path, at->object, name);
		if (cleaned != NULL)
			json_put(copy, key, cleaned);
		free(name);
	}
	return copy;
}

/* Find the kind of an object by its required properties.  Returns NULL if it is none of them. */
static const struct document_part *
part_of(const struct json *object)
{
	static const struct {
		const char *property;
		enum kind kind;
	} marks[] = {{"default_pools", KIND_LB}, {"fallback_pool", KIND_LB}, {"origins", KIND_POOL},
	    {"members", KIND_MONITOR_GROUP}, {"expected_codes", KIND_MONITOR}, {"type", KIND_MONITOR}};

	for (size_t i = 0; i < NITEMS(marks); i++)
		for (size_t part = 0; part < DOCUMENT_PARTS; part++)
			if (json_member(object, marks[i].property) != NULL &&
			    document_parts[part].kind == marks[i].kind)
				return &document_parts[part];
	return NULL;
}

/* Did an earlier file have this object?  Overlapping exports are normal. */
static bool
imported(const struct json *objects, const char *id)
{
	for (size_t i = 0; *id != '\0' && i < json_count(objects); i++)
		if (strcmp(json_text_of(json_item(objects, i), "id"), id) == 0)
			return true;
	return false;
}

static void
import_object(struct importing *importing, const struct json *object)
{
	const struct document_part *part = json_kind(object) == JSON_KIND_OBJECT ? part_of(object) : NULL;
	const char *id = json_text_of(object, "id"), *name = json_text_of(object, "name");
	char *label;

	if (part == NULL) {
		problems_error(importing->problems,
		    "%s: not a monitor, monitor group, pool or load balancer of Cloudflare's API: %s",
		    importing->path,
		    *name != '\0'     ? name
			: *id != '\0' ? id
				      : "an object without name and id");
		return;
	}
	if (imported(json_member(importing->document, part->name), id))
		return;
	label = xasprintf("%s %s", kind_text(part->kind), *name != '\0' ? name : id);
	json_add(json_member(importing->document, part->name),
	    clean_members(schema_of(part->kind), object, &(struct at){importing, label, ""}));
	free(label);
}

/* An answer that is an error has no result; one of several pages is not the whole list. */
static bool
check_answer(const struct importing *importing, const struct json *answer)
{
	const struct json *success = json_member(answer, "success"),
			  *info = json_member(answer, "result_info");
	long long pages = json_integer_of(json_member(info, "total_pages"));

	if (success != NULL && !json_truth(success)) {
		const struct json *error = json_item(json_member(answer, "errors"), 0);

		problems_error(importing->problems, "%s: this answer of Cloudflare's API is an error: %s",
		    importing->path,
		    *json_text_of(error, "message") ? json_text_of(error, "message") : "without a message");
		return false;
	}
	if (pages > 1)
		problems_warn(importing->problems,
		    "%s: page %lld of %lld: import the other pages, too (per_page, page)", importing->path,
		    json_integer_of(json_member(info, "page")), pages);
	return true;
}

static void
import_file(struct importing *importing)
{
	size_t len;
	char *text = assign_read_file(importing->path, &len, importing->problems);
	struct json *file = text != NULL ? json_read(text, len, importing->path, importing->problems) : NULL;
	const struct json *result = json_member(file, "result");

	free(text);
	if (file == NULL)
		return;
	if (json_kind(file) != JSON_KIND_OBJECT || (result == NULL && json_member(file, "success") == NULL))
		result = file;
	else if (!check_answer(importing, file))
		result = NULL;
	if (json_kind(result) == JSON_KIND_LIST)
		for (size_t i = 0; i < json_count(result); i++)
			import_object(importing, json_item(result, i));
	else if (result != NULL)
		import_object(importing, result);
	json_drop(file);
}

struct json *
import_cloudflare(const char *const *paths, size_t count, struct problems *problems)
{
	struct importing importing = {.document = json_new_object(), .problems = problems};
	size_t errors = problems->errors;

	for (size_t i = 0; i < DOCUMENT_PARTS; i++) {
		if (document_parts[i].kind == KIND_NODE ||
		    document_parts[i].kind == KIND_DNSSEC) /* Cloudflare has none */
			continue;
		json_put(importing.document, document_parts[i].name, json_new_list());
	}
	for (size_t i = 0; i < count; i++) {
		importing.path = paths[i];
		import_file(&importing);
	}
	if (problems->errors == errors)
		return importing.document;
	json_drop(importing.document);
	return NULL;
}
