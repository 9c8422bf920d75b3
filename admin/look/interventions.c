#include "admin/look/interventions.h"

#include "zones/base/array.h"
#include "zones/document/document_load.h"
#include "zones/document/json.h"

#include <stdlib.h>

/* The interventions in the document of a pool, an origin or a load balancer. */
struct deed {
	const char *what;  /* NULL: nothing */
	const char *until; /* "" without end */
	struct deadline end;
};

/* Interventions that have not ended: without an end, or before it. */
static struct deed
deed_until(const char *what, const char *until, const char *boot)
{
	struct deed deed = {what, until, deadline_read(until, boot)};

	if (*until != '\0' && (!deadline_is_set(&deed.end) || deadline_passed(&deed.end)))
		deed = (struct deed){NULL, "", {0}};
	return deed;
}

static struct deed
deed_of(const struct json *object)
{
	const char *forced = json_text_of(object, "forced"),
		   *disabled_until = json_text_of(object, "disabled_until");
	struct deed deed = {NULL, "", {0}};

	if (object == NULL)
		return deed;
	if (!json_truth(json_member(object, "enabled")))
		return (struct deed){"disabled", "", {0}};
	if (*disabled_until != '\0')
		deed = deed_until("disabled", disabled_until, json_text_of(object, "disabled_until_boot"));
	if (deed.what == NULL && (strcmp(forced, "up") == 0 || strcmp(forced, "down") == 0))
		deed = deed_until(*forced == 'u' ? "forced up" : "forced down",
		    json_text_of(object, "forced_until"), json_text_of(object, "forced_until_boot"));
	return deed;
}

static bool
same_deed(struct deed a, struct deed b)
{
	return a.what != NULL && b.what != NULL && strcmp(a.what, b.what) == 0 &&
	    strcmp(a.until, b.until) == 0;
}

/* The part of a document: all of it if address is NULL, else that origin of a pool. */
static const struct json *
part_of(const struct json *object, const char *address)
{
	const struct json *origins = json_member(object, "origins");

	if (address == NULL)
		return object;
	for (size_t i = 0; i < json_count(origins); i++)
		if (strcmp(json_text_of(json_item(origins, i), "address"), address) == 0)
			return json_item(origins, i);
	return NULL;
}

static char *
copy_or_null(const char *text)
{
	return text == NULL || *text == '\0' ? NULL : xstrdup(text);
}

static void
add(struct interventions *list, enum kind kind, const struct id *id, const struct json *object,
    const char *address)
{
	struct deed deed = deed_of(part_of(object, address));

	if (deed.what == NULL)
		return;
	deadline_add(&list->expires, &deed.end);
	list->items = array_grow(list->items, list->count, sizeof *list->items);
	list->items[list->count++] = (struct intervention){
	    .kind = kind,
	    .id = *id,
	    .name = xstrdup(json_text_of(object, "name")),
	    .address = copy_or_null(address),
	    .what = deed.what,
	    .until = copy_or_null(deed.until),
	};
}

/* Most documents need not be parsed: json_write writes these members in one form, and times begin with 2. */
static bool
may_have_deed(struct bytes json)
{
	static const char *const signs[] = {
	    "\"enabled\":false", "\"disabled_until\":\"2", "\"forced\":\"up\"", "\"forced\":\"down\""};
	bool may = false;

	for (size_t i = 0; i < NITEMS(signs) && !may; i++)
		may = memmem(json.data, json.len, signs[i], strlen(signs[i])) != NULL;
	return may;
}

void
interventions_add(struct interventions *interventions, enum kind kind, const struct id *id, struct bytes json)
{
	struct json *object = may_have_deed(json) ? json_read_quietly(json) : NULL;
	const struct json *origins = kind == KIND_POOL ? json_member(object, "origins") : NULL;

	add(interventions, kind, id, object, NULL);
	for (size_t i = 0; i < json_count(origins); i++)
		add(interventions, kind, id, object, json_text_of(json_item(origins, i), "address"));
	json_drop(object);
}

/* --- who, when and why: the newest command that made it what it is --- */

struct search {
	struct store_txn *txn;
	struct interventions *list;
	struct bytes head; /* of the command that is being read */
};

static void
sign(struct intervention *intervention, struct bytes text)
{
	struct json *head = json_read_quietly(text);
	char since[32];

	if (head == NULL)
		return;
	free(intervention->since);
	free(intervention->who);
	free(intervention->reason);
	wall_text(json_integer_of(json_member(head, "time")), since);
	intervention->since = xstrdup(since);
	intervention->who = copy_or_null(json_text(json_member(head, "who")));
	intervention->reason = copy_or_null(json_text(json_member(head, "reason")));
	json_drop(head);
}

static bool
look_at_item(void *arg, const struct config_item *item)
{
	struct search *search = arg;
	struct json *before = NULL, *after = NULL;

	if (item->what != CONFIG_OBJECT || (item->kind != KIND_POOL && item->kind != KIND_LB) ||
	    item->after.len == 0)
		return true;
	for (size_t i = 0; i < search->list->count; i++) {
		struct intervention *one = &search->list->items[i];
		struct deed now = {one->what, one->until != NULL ? one->until : "", {0}};

		if (one->kind != item->kind || strcmp(one->id.text, item->id.text) != 0)
			continue;
		if (after == NULL) {
			after = json_read_quietly(item->after);
			before = json_read_quietly(item->before);
		}
		if (same_deed(deed_of(part_of(after, one->address)), now) &&
		    !same_deed(deed_of(part_of(before, one->address)), now))
			sign(one, search->head);
	}
	json_drop(before);
	json_drop(after);
	return true;
}

static bool
look_at_command(void *arg, uint64_t sequence, struct bytes head)
{
	struct search *search = arg;

	search->head = head;
	config_each_item(search->txn, sequence, look_at_item, search);
	return true;
}

void
interventions_sign(struct interventions *interventions, struct store_txn *config)
{
	struct search search = {.txn = config, .list = interventions};

	if (interventions->count > 0)
		config_each_command(config, 0, look_at_command, &search);
}

void
interventions_free(struct interventions *interventions)
{
	for (size_t i = 0; i < interventions->count; i++) {
		struct intervention *one = &interventions->items[i];

		free(one->name);
		free(one->address);
		free(one->since);
		free(one->until);
		free(one->who);
		free(one->reason);
	}
	free(interventions->items);
	*interventions = (struct interventions){0};
}
