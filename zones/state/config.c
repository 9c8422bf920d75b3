#include "zones/state/config.h"

#include "zones/document/document_load.h"
#include "zones/state/config_rows.h"

#include <stdlib.h>

static bool
starts_with(struct bytes bytes, const void *prefix, size_t len)
{
	return bytes.len >= len && memcmp(bytes.data, prefix, len) == 0;
}

uint32_t
config_schema(struct store_txn *txn)
{
	struct bytes value;

	return store_get(txn, TABLE_META, (struct bytes){"schema", 6}, &value) && value.len == 4
	    ? get32(value.data)
	    : 0;
}

uint64_t
config_history(struct store_txn *txn)
{
	struct bytes value;

	return store_get(txn, TABLE_META, (struct bytes){"history", 7}, &value) && value.len == 8
	    ? get64(value.data)
	    : 0;
}

uint64_t
config_generation(struct store_txn *txn)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_CHANGES);
	struct bytes key, value;
	uint64_t last = 0;

	if (cursor != NULL && store_cursor_last(cursor, &key, &value) && key.len == CHANGE_KEY_LEN)
		last = get64(key.data);
	store_cursor_close(cursor);
	return last;
}

/* ---- zones ---- */

static bool
decode_zone(struct bytes name, struct bytes value, struct zone_info *zone)
{
	const uint8_t *at = value.data;

	if (value.len != ZONE_VALUE_LEN || name.len > NAME_MAX_LEN ||
	    name_valid(name.data, name.len) != name.len)
		return false;
	*zone = (struct zone_info){
	    .number = get32(at), .serial = get32(at + 4), .loaded = (int64_t)get64(at + 8)};
	memcpy(zone->name, name.data, name.len);
	return true;
}

bool
config_zone(struct store_txn *txn, const uint8_t *name, struct zone_info *zone)
{
	uint8_t lower[NAME_MAX_LEN];
	struct bytes key = {lower, name_lower(lower, name)}, value;

	return store_get(txn, TABLE_ZONE_NAMES, key, &value) && decode_zone(key, value, zone);
}

bool
config_zone_of(struct store_txn *txn, const uint8_t *name, struct zone_info *zone)
{
	while (!config_zone(txn, name, zone)) {
		if (*name == 0)
			return false;
		name = name_skip(name, 1);
	}
	return true;
}

bool
config_each_zone(struct store_txn *txn, config_zone_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_ZONE_NAMES);
	struct bytes key, value;
	struct zone_info zone;
	bool on = cursor != NULL;

	if (on && store_cursor_first(cursor, &key, &value))
		do
			on = !decode_zone(key, value, &zone) || fn(arg, &zone);
		while (on && store_cursor_next(cursor, &key, &value));
	store_cursor_close(cursor);
	return on;
}

bool
config_each_row(
    struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, config_row_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_ZONES);
	uint8_t prefix[ZONE_KEY_MAX];
	size_t len = 4;
	struct bytes key, value;
	struct rrset rrset;
	bool on = cursor != NULL, more;

	put32(prefix, zone);
	if (owner_key != NULL && owner_key->len <= NAME_MAX_KEY) {
		memcpy(prefix + len, owner_key->data, owner_key->len);
		len += owner_key->len;
	}
	more = on && store_cursor_seek(cursor, (struct bytes){prefix, len}, &key, &value);
	for (; on && more && starts_with(key, prefix, len); more = store_cursor_next(cursor, &key, &value)) {
		const uint8_t *at = key.data;

		if (key.len < 4 + 1 + 2)
			continue;
		if (rrset_decode(&rrset, get16(at + key.len - 2), value.data, value.len))
			on = fn(arg, (struct bytes){at + 4, key.len - 6}, &rrset);
	}
	store_cursor_close(cursor);
	return on;
}

void
config_each_row_of(struct store_txn *txn, const uint8_t *owner, config_row_fn *fn, void *arg)
{
	uint8_t key[NAME_MAX_KEY];
	struct zone_info zone;
	struct bytes bytes;

	if (!config_zone_of(txn, owner, &zone))
		return;
	bytes = (struct bytes){key, name_to_key(key, owner, zone.name)};
	if (bytes.len > 0)
		config_each_row(txn, zone.number, &bytes, fn, arg);
}

bool
config_owner_from(
    struct store_txn *txn, uint32_t zone, struct bytes from, uint8_t out[NAME_MAX_KEY], size_t *len)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_ZONES);
	uint8_t first[ZONE_KEY_MAX];
	struct bytes key, value;
	bool found;

	put32(first, zone);
	memcpy(first + 4, from.data, MIN(from.len, NAME_MAX_KEY));
	found = cursor != NULL &&
	    store_cursor_seek(cursor, (struct bytes){first, 4 + MIN(from.len, NAME_MAX_KEY)}, &key, &value) &&
	    starts_with(key, first, 4) && key.len > 6 && key.len - 6 <= NAME_MAX_KEY;
	if (found) {
		*len = key.len - 6;
		memcpy(out, (const uint8_t *)key.data + 4, *len);
	}
	store_cursor_close(cursor);
	return found;
}

/* ---- objects ---- */

struct id
config_identity(struct store_txn *txn)
{
	struct id id = {""};
	struct bytes value;

	if (store_get(txn, TABLE_META, (struct bytes){"identity", 8}, &value) && value.len == ID_LEN)
		memcpy(id.text, value.data, ID_LEN);
	return id;
}

bool
config_object(struct store_txn *txn, enum kind kind, const char *id, struct bytes *json)
{
	uint8_t key[OBJECT_KEY_LEN];

	return strlen(id) == ID_LEN && store_get(txn, TABLE_OBJECTS, config_object_key(key, kind, id), json);
}

static bool
decode_id(struct bytes value, struct id *id)
{
	if (value.len != ID_LEN)
		return false;
	memcpy(id->text, value.data, ID_LEN);
	id->text[ID_LEN] = '\0';
	return true;
}

bool
config_object_id(struct store_txn *txn, enum kind kind, const char *name, struct id *id)
{
	uint8_t key[1 + OBJECT_NAME_MAX];
	struct bytes value;

	return strlen(name) <= OBJECT_NAME_MAX &&
	    store_get(txn, TABLE_OBJECT_NAMES, config_name_key(key, kind, name), &value) &&
	    decode_id(value, id);
}

bool
config_signs(struct store_txn *txn, const uint8_t *apex)
{
	char name[NAME_MAX_TEXT];
	struct id id;

	return config_object_id(txn, KIND_DNSSEC, name_to_host(apex, name), &id);
}

bool
config_each_object(struct store_txn *txn, enum kind kind, config_object_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_OBJECTS);
	uint8_t prefix = (uint8_t)kind;
	struct bytes key, json;
	bool on = cursor != NULL, more;

	more = on && store_cursor_seek(cursor, (struct bytes){&prefix, 1}, &key, &json);
	for (; on && more && starts_with(key, &prefix, 1); more = store_cursor_next(cursor, &key, &json)) {
		struct id id;

		if (decode_id((struct bytes){(const uint8_t *)key.data + 1, key.len - 1}, &id))
			on = fn(arg, &id, json);
	}
	store_cursor_close(cursor);
	return on;
}

/* first is a key of the index: the kind, and the name at which to begin. */
static bool
each_named(struct store_txn *txn, struct bytes first, config_object_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_OBJECT_NAMES);
	const uint8_t *prefix = first.data;
	struct bytes key, value, json;
	bool on = cursor != NULL, more;

	more = on && store_cursor_seek(cursor, first, &key, &value);
	if (more && first.len > 1 && key.len == first.len && memcmp(key.data, first.data, key.len) == 0)
		more = store_cursor_next(cursor, &key, &value);
	for (; on && more && starts_with(key, prefix, 1); more = store_cursor_next(cursor, &key, &value)) {
		struct id id;

		if (decode_id(value, &id) && config_object(txn, (enum kind) * prefix, id.text, &json))
			on = fn(arg, &id, json);
	}
	store_cursor_close(cursor);
	return on;
}

bool
config_each_object_by_name(struct store_txn *txn, enum kind kind, config_object_fn *fn, void *arg)
{
	uint8_t prefix = (uint8_t)kind;

	return each_named(txn, (struct bytes){&prefix, 1}, fn, arg);
}

bool
config_each_name(struct store_txn *txn, enum kind kind, config_name_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_OBJECT_NAMES);
	uint8_t prefix = (uint8_t)kind;
	struct bytes key, value;
	bool on = cursor != NULL, more;

	more = on && store_cursor_seek(cursor, (struct bytes){&prefix, 1}, &key, &value);
	for (; on && more && starts_with(key, &prefix, 1); more = store_cursor_next(cursor, &key, &value)) {
		struct id id;

		if (decode_id(value, &id))
			on = fn(arg, (struct bytes){(const uint8_t *)key.data + 1, key.len - 1}, &id);
	}
	store_cursor_close(cursor);
	return on;
}

bool
config_each_object_after(
    struct store_txn *txn, enum kind kind, const char *name, config_object_fn *fn, void *arg)
{
	uint8_t first[1 + OBJECT_NAME_MAX];
	size_t len = MIN(strlen(name), OBJECT_NAME_MAX);

	first[0] = (uint8_t)kind;
	memcpy(first + 1, name, len);
	return each_named(txn, (struct bytes){first, 1 + len}, fn, arg);
}

struct pool *
config_pool(struct store_txn *txn, const char *id)
{
	struct bytes json;

	return config_object(txn, KIND_POOL, id, &json) ? config_pool_of(txn, json) : NULL;
}

struct pool *
config_pool_of(struct store_txn *txn, struct bytes json)
{
	struct pool *pool = document_load_pool(json);
	struct bytes group;

	if (pool == NULL || pool->monitor_group.text[0] == '\0' ||
	    !config_object(txn, KIND_MONITOR_GROUP, pool->monitor_group.text, &group))
		return pool;
	free(pool->judges);
	pool->judges = document_load_group(group, &pool->njudges);
	return pool;
}

/* The first change of a pool after a generation. */
struct first_change {
	const char *id;
	bool found;
	struct bytes before;
};

static bool
find_change(void *arg, const struct config_item *item)
{
	struct first_change *first = arg;

	if (item->what == CONFIG_OBJECT && item->kind == KIND_POOL && strcmp(item->id.text, first->id) == 0)
		first->before = item->before;
	else if (item->what != CONFIG_ALL)
		return true;
	first->found = true;
	return false;
}

struct pool *
config_pool_at(struct store_txn *txn, const char *id, uint64_t generation)
{
	struct first_change first = {.id = id};
	uint64_t newest = config_generation(txn);

	while (generation < newest && !first.found)
		config_each_item(txn, ++generation, find_change, &first);
	if (!first.found)
		return config_pool(txn, id);
	return first.before.len > 0 ? config_pool_of(txn, first.before) : NULL;
}

struct monitor *
config_monitor(struct store_txn *txn, const char *id)
{
	struct bytes json;

	return config_object(txn, KIND_MONITOR, id, &json) ? document_load_monitor(json) : NULL;
}

struct lb *
config_lb(struct store_txn *txn, const char *id)
{
	struct bytes json;

	return config_object(txn, KIND_LB, id, &json) ? document_load_lb(json) : NULL;
}

/* ---- changes ---- */

/* Take len octets from the front. Returns NULL if there are fewer. */
static const uint8_t *
take(struct bytes *from, size_t len)
{
	const uint8_t *at = from->data;

	if (from->len < len)
		return NULL;
	from->data = at + len;
	from->len -= len;
	return at;
}

/* Split the length of the row before (4 octets), the row before, and the rest, which is the row after. */
static bool
decode_before_after(struct bytes rest, struct config_item *item)
{
	const uint8_t *at = take(&rest, 4);

	if (at == NULL)
		return false;
	item->before.len = get32(at);
	item->before.data = take(&rest, item->before.len);
	item->after = rest;
	return item->before.data != NULL;
}

static bool
decode_rrset_item(struct bytes rest, struct config_item *item)
{
	const uint8_t *at = take(&rest, 6);

	item->what = CONFIG_OWNER;
	if (at == NULL)
		return false;
	item->zone = get32(at);
	item->owner_key.len = get16(at + 4);
	item->owner_key.data = take(&rest, item->owner_key.len);
	at = take(&rest, 2);
	if (item->owner_key.data == NULL || at == NULL)
		return false;
	item->type = get16(at);
	return decode_before_after(rest, item);
}

bool
config_item_decode(struct bytes value, struct config_item *item)
{
	const uint8_t *tag = take(&value, 1), *at;

	*item = (struct config_item){0};
	switch (tag ? *tag : 0) {
	case 'o':
		at = take(&value, 1 + ID_LEN);
		item->what = CONFIG_OBJECT;
		if (at == NULL || at[0] >= KIND_COUNT)
			return false;
		item->kind = (enum kind)at[0];
		memcpy(item->id.text, at + 1, ID_LEN);
		return decode_before_after(value, item);
	case 'k':
		item->kept_for_undo = true;
		return decode_rrset_item(value, item);
	case 'r':
		return decode_rrset_item(value, item);
	case 'n':
		at = take(&value, 4);
		item->what = CONFIG_NOTE;
		if (at == NULL)
			return false;
		item->zone = get32(at);
		return decode_before_after(value, item);
	case 'a':
		item->what = CONFIG_ALL;
		return true;
	case 'z':
		at = take(&value, 5);
		item->what = CONFIG_ZONE;
		if (at == NULL)
			return false;
		item->zone = get32(at);
		item->fate = (enum config_zone_fate)at[4];
		item->owner_key = value;
		return true;
	default:
		return false;
	}
}

bool
config_changes_after(struct store_txn *txn, uint64_t generation, config_change_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_CHANGES);
	uint8_t from[CHANGE_KEY_LEN];
	struct bytes key, value;
	bool on = false;

	if (cursor == NULL)
		return false;
	if (!store_cursor_last(cursor, &key, &value)) {
		on = generation == 0;
		goto out;
	}
	/* A generation above the newest one belongs to another store. */
	if (generation >= get64(key.data)) {
		on = generation == get64(key.data);
		goto out;
	}
	if (!store_cursor_seek(cursor, config_change_key(from, generation + 1, 0), &key, &value) ||
	    get64(key.data) != generation + 1)
		goto out;
	on = true;
	do {
		const uint8_t *at = key.data;
		struct config_item item;

		if (get32(at + 8) == 0 || !config_item_decode(value, &item) || item.kept_for_undo ||
		    item.what == CONFIG_NOTE)
			continue;
		if (item.what == CONFIG_ALL) {
			on = false;
			break;
		}
		on = fn(arg,
		    &(struct config_change){.sequence = get64(at),
			.what = item.what,
			.kind = item.kind,
			.id = item.id,
			.zone = item.zone,
			.owner_key = item.owner_key});
	} while (on && store_cursor_next(cursor, &key, &value));
out:
	store_cursor_close(cursor);
	return on;
}

bool
config_each_command(struct store_txn *txn, uint64_t after, config_history_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_CHANGES);
	uint8_t next[CHANGE_KEY_LEN];
	struct bytes key, value;
	bool on = cursor != NULL, more;

	more = on && after < UINT64_MAX &&
	    store_cursor_seek(cursor, config_change_key(next, after + 1, 0), &key, &value);
	while (on && more) {
		uint64_t sequence = get64(key.data);

		if (get32((const uint8_t *)key.data + 8) == 0)
			on = fn(arg, sequence, value);
		more = store_cursor_seek(cursor, config_change_key(next, sequence + 1, 0), &key, &value);
	}
	store_cursor_close(cursor);
	return on;
}

bool
config_each_item(struct store_txn *txn, uint64_t sequence, config_item_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_CHANGES);
	uint8_t from[CHANGE_KEY_LEN];
	struct bytes key, value;
	struct config_item item;
	bool on = cursor != NULL, more;

	more = on && store_cursor_seek(cursor, config_change_key(from, sequence, 1), &key, &value);
	for (; on && more && get64(key.data) == sequence; more = store_cursor_next(cursor, &key, &value))
		if (config_item_decode(value, &item))
			on = fn(arg, &item);
	store_cursor_close(cursor);
	return on;
}
