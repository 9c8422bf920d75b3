/* The index of the objects that documents mention: each write of an object updates it, and config.h reads it.
 */
#include "zones/base/array.h"
#include "zones/document/json.h"
#include "zones/state/config_inner.h"
#include "zones/state/config_rows.h"

#include <stdlib.h>

enum { ID_OCTETS = ID_LEN / 2, REFERENCE_MAX = 1 + OBJECT_NAME_MAX + 1 + ID_OCTETS };

/* The references of one document: the keys of its rows without the id at the end. */
struct mentions {
	struct mention {
		uint8_t octets[REFERENCE_MAX];
		size_t len;
	} * items;
	size_t count;
};

/* ---- keys ---- */

/* An invalid id is stored as zeros, and no document refers to it. */
static void
append_id(struct mention *mention, const char *id)
{
	if (!octets_from_hex(mention->octets + mention->len, id, ID_OCTETS))
		memset(mention->octets + mention->len, 0, ID_OCTETS);
	mention->len += ID_OCTETS;
}

static struct id
id_at(const uint8_t *octets)
{
	struct id id;

	hex_from_octets(id.text, octets, ID_OCTETS);
	return id;
}

static struct mention
mention_of_id(const char *id)
{
	struct mention mention = {{'i'}, 1};

	append_id(&mention, id);
	return mention;
}

static struct mention
mention_of_address(const char *address)
{
	struct mention mention = {{'a'}, 1};
	size_t len = MIN(strlen(address), OBJECT_NAME_MAX);

	memcpy(mention.octets + 1, address, len);
	mention.octets[1 + len] = 0;
	mention.len = 1 + len + 1;
	return mention;
}

/* ---- the references of a document ---- */

static void
add_mention(struct mentions *mentions, struct mention mention)
{
	for (size_t i = 0; i < mentions->count; i++)
		if (mentions->items[i].len == mention.len &&
		    memcmp(mentions->items[i].octets, mention.octets, mention.len) == 0)
			return;
	mentions->items = array_grow(mentions->items, mentions->count, sizeof *mentions->items);
	mentions->items[mentions->count++] = mention;
}

/* In a validated document, a text of 32 hex digits is an id. */
static void
find_ids(struct mentions *mentions, const struct json *value)
{
	const char *text = json_text(value);

	if (text != NULL && id_valid(text))
		add_mention(mentions, mention_of_id(text));
	for (size_t i = 0; json_kind(value) == JSON_KIND_LIST && i < json_count(value); i++)
		find_ids(mentions, json_item(value, i));
	for (const char *key = json_next_key(value, NULL); key != NULL; key = json_next_key(value, key)) {
		if (id_valid(key))
			add_mention(mentions, mention_of_id(key));
		find_ids(mentions, json_member(value, key));
	}
}

static struct mentions
mentions_of(enum kind kind, struct bytes document)
{
	struct json *json = document.len > 0 && kind != KIND_MONITOR ? json_read_quietly(document) : NULL;
	const struct json *origins = kind == KIND_POOL ? json_member(json, "origins") : NULL;
	struct mentions mentions = {0};

	json_remove(json, "id");
	json_remove(json, "description");
	find_ids(&mentions, json);
	for (size_t i = 0; i < json_count(origins); i++)
		add_mention(&mentions, mention_of_address(json_text_of(json_item(origins, i), "address")));
	json_drop(json);
	return mentions;
}

/* ---- write ---- */

static struct bytes
row_of(struct mention *mention, const char *id)
{
	append_id(mention, id);
	return (struct bytes){mention->octets, mention->len};
}

void
config_put_references(
    struct config_edit *edit, enum kind kind, const char *id, struct bytes before, struct bytes after)
{
	struct mentions old = mentions_of(kind, before), new = mentions_of(kind, after);
	uint8_t octet = (uint8_t)kind;

	for (size_t i = 0; i < old.count; i++)
		config_note(edit, store_delete(edit->txn, TABLE_REFERENCES, row_of(&old.items[i], id)));
	for (size_t i = 0; i < new.count; i++)
		config_note(edit,
		    store_put(
			edit->txn, TABLE_REFERENCES, row_of(&new.items[i], id), (struct bytes){&octet, 1}));
	free(old.items);
	free(new.items);
}

struct completion {
	struct config_edit *edit;
	enum kind kind;
};

static bool
put_references(void *arg, const struct id *id, struct bytes json)
{
	struct completion *completion = arg;

	config_put_references(completion->edit, completion->kind, id->text, (struct bytes){0}, json);
	return completion->edit->error == 0;
}

void
config_complete_references(struct config_edit *edit)
{
	struct completion completion = {.edit = edit};

	for (completion.kind = 0; completion.kind < KIND_COUNT; completion.kind++)
		config_each_object(edit->txn, completion.kind, put_references, &completion);
}

/* ---- read ---- */

static bool
each_row(struct store_txn *txn, const struct mention *mention, config_referrer_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_REFERENCES);
	struct bytes key, value, json;
	bool on = cursor != NULL, more;

	more = on && store_cursor_seek(cursor, (struct bytes){mention->octets, mention->len}, &key, &value);
	for (; on && more; more = store_cursor_next(cursor, &key, &value)) {
		const uint8_t *octets = key.data;
		enum kind kind;
		struct id id;

		if (key.len != mention->len + ID_OCTETS || memcmp(octets, mention->octets, mention->len) != 0)
			break;
		id = id_at(octets + mention->len);
		kind = value.len == 1 ? *(const uint8_t *)value.data : KIND_COUNT;
		if (kind < KIND_COUNT && config_object(txn, kind, id.text, &json))
			on = fn(arg, kind, &id, json);
	}
	store_cursor_close(cursor);
	return on;
}

bool
config_each_referrer(struct store_txn *txn, const struct id *id, config_referrer_fn *fn, void *arg)
{
	struct mention mention = mention_of_id(id->text);

	return each_row(txn, &mention, fn, arg);
}

bool
config_each_pool_of_address(struct store_txn *txn, const char *address, config_referrer_fn *fn, void *arg)
{
	struct mention mention = mention_of_address(address);

	return each_row(txn, &mention, fn, arg);
}
