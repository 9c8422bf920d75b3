#include "admin/look/referrers.h"

#include "zones/base/array.h"
#include "zones/document/document_load.h"
#include "zones/document/json.h"

#include <stdlib.h>

void
referrers_add(struct referrers *referrers, enum kind kind, const struct id *id, struct bytes json)
{
	struct referrer referrer = {.kind = kind, .id = *id};
	char name[256];

	if (!document_name(json, name))
		return;
	referrer.name = xstrdup(name);
	referrers->items = array_grow(referrers->items, referrers->count, sizeof *referrers->items);
	referrers->items[referrers->count++] = referrer;
}

static bool
add_one(void *arg, enum kind kind, const struct id *id, struct bytes json)
{
	referrers_add(arg, kind, id, json);
	return true;
}

void
referrers_add_of(struct referrers *referrers, struct store_txn *txn, const struct id *id)
{
	config_each_referrer(txn, id, add_one, referrers);
}

/* The id may be of an object of any kind, or of none. */
static void
add_id(struct referrers *referrers, struct store_txn *txn, const char *text)
{
	struct id id = {""};
	struct bytes json;

	if (text == NULL || !id_valid(text))
		return;
	memcpy(id.text, text, ID_LEN);
	for (enum kind kind = 0; kind < KIND_COUNT; kind++)
		if (config_object(txn, kind, text, &json))
			referrers_add(referrers, kind, &id, json);
}

static void
add_mentioned(struct referrers *referrers, struct store_txn *txn, const struct json *value)
{
	add_id(referrers, txn, json_text(value));
	for (size_t i = 0; json_kind(value) == JSON_KIND_LIST && i < json_count(value); i++)
		add_mentioned(referrers, txn, json_item(value, i));
	for (const char *key = json_next_key(value, NULL); key != NULL; key = json_next_key(value, key)) {
		add_id(referrers, txn, key);
		add_mentioned(referrers, txn, json_member(value, key));
	}
}

void
referrers_add_from(struct referrers *referrers, struct store_txn *txn, enum kind kind, const struct id *id)
{
	struct json *document;
	struct bytes json;

	/* As the index: a monitor mentions nothing, and a description no object. */
	if (kind == KIND_MONITOR || !config_object(txn, kind, id->text, &json) ||
	    (document = json_read_quietly(json)) == NULL)
		return;
	json_remove(document, "id");
	json_remove(document, "description");
	add_mentioned(referrers, txn, document);
	json_drop(document);
}

static int
compare(const void *a, const void *b)
{
	const struct referrer *one = a, *other = b;

	return one->kind != other->kind ? (one->kind > other->kind) - (one->kind < other->kind)
					: strcmp(one->name, other->name);
}

void
referrers_sort(struct referrers *referrers)
{
	size_t kept = 0;

	if (referrers->count > 0)
		qsort(referrers->items, referrers->count, sizeof *referrers->items, compare);
	for (size_t i = 0; i < referrers->count; i++)
		if (kept == 0 || compare(&referrers->items[kept - 1], &referrers->items[i]) != 0)
			referrers->items[kept++] = referrers->items[i];
		else
			free(referrers->items[i].name);
	referrers->count = kept;
}

void
referrers_free(struct referrers *referrers)
{
	for (size_t i = 0; i < referrers->count; i++)
		free(referrers->items[i].name);
	free(referrers->items);
	*referrers = (struct referrers){0};
}
