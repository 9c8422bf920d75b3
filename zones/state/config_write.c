#include "zones/state/config_write.h"

#include "zones/base/array.h"
#include "zones/state/config_inner.h"
#include "zones/state/config_rows.h"
#include "zones/state/membership.h"
#include "zones/state/record_notes.h"

#include <errno.h>
#include <stdlib.h>

enum {
	CHANGES_KEPT = 10000,
	DIFFERENCE_MAX = 1 << 20 /* maximum octets of RRsets that one entry keeps */
};
static const uint64_t CHANGES_OCTETS_MAX = UINT64_C(256) << 20;

/* ---- small helpers ---- */

static bool
failed(const struct config_edit *edit)
{
	return edit->error != 0;
}

/* ---- the edit ---- */

struct config_edit *
config_edit_begin(struct store *store, struct problems *problems)
{
	struct config_edit *edit = xcalloc(1, sizeof *edit);
	int rc = store_begin(store, STORE_WRITE, &edit->txn);
	uint32_t schema;

	if (rc != 0) {
		problems_error(
		    problems, "cannot begin to write the configuration: %s", store_begin_fault(store, rc));
		free(edit);
		return NULL;
	}
	schema = config_schema(edit->txn);
	if (schema > CONFIG_SCHEMA) {
		problems_error(problems,
		    "the configuration was written by a newer graycloud (schema %u; this one knows %d): "
		    "use that version",
		    schema, CONFIG_SCHEMA);
		config_edit_drop(edit);
		return NULL;
	}
	edit->sequence = config_generation(edit->txn) + 1;
	edit->schema = CONFIG_SCHEMA;
	edit->items = 1;
	return edit;
}

void
config_edit_drop(struct config_edit *edit)
{
	if (edit == NULL)
		return;
	store_abort(edit->txn);
	free(edit);
}

struct store_txn *
config_edit_txn(struct config_edit *edit)
{
	return edit->txn;
}

bool
config_edit_changed(const struct config_edit *edit)
{
	return edit->items > 1;
}

uint64_t
config_edit_sequence(const struct config_edit *edit)
{
	return edit->sequence;
}

/* Delete the oldest entries beyond the limits. Returns the number of octets that are left. */
static uint64_t
trim_changes(struct config_edit *edit, uint64_t octets)
{
	struct store_cursor *cursor = store_cursor_open(edit->txn, TABLE_CHANGES);
	struct bytes key, value;
	bool more;

	if (cursor == NULL) {
		config_note(edit, -ENOMEM);
		return octets;
	}
	more = store_cursor_first(cursor, &key, &value);
	while (more && !failed(edit)) {
		uint64_t sequence = get64(key.data);

		if (sequence == edit->sequence ||
		    (sequence + CHANGES_KEPT > edit->sequence && octets <= CHANGES_OCTETS_MAX))
			break;
		/* Delete an entry only as a whole. */
		while (more && get64(key.data) == sequence && !failed(edit)) {
			octets -= MIN(octets, value.len);
			config_note(edit, store_cursor_delete(cursor));
			more = store_cursor_next(cursor, &key, &value);
		}
	}
	store_cursor_close(cursor);
	return octets;
}

static void
identify(struct config_edit *edit)
{
	struct id id = id_new();

	if (config_identity(edit->txn).text[0] == '\0')
		config_note(edit,
		    store_put(edit->txn, TABLE_META, (struct bytes){"identity", 8},
			(struct bytes){id.text, ID_LEN}));
}

static void
complete(struct config_edit *edit, struct bytes head)
{
	uint64_t octets = config_meta_get(edit->txn, "changes_octets");

	edit->items = 0;
	config_put_item(edit, &head, 1);
	octets = trim_changes(edit, octets + edit->item_octets);
	config_meta_put(edit, "changes_octets", octets, 8);
	if (config_schema(edit->txn) != edit->schema)
		config_meta_put(edit, "schema", edit->schema, 4);
	identify(edit);
}

void
config_edit_next(struct config_edit *edit, struct bytes head)
{
	if (failed(edit))
		return;
	complete(edit, head);
	edit->sequence++;
	edit->items = 1;
	edit->item_octets = edit->difference = 0;
}

int
config_edit_commit(struct config_edit *edit, struct bytes head, uint64_t *generation)
{
	int rc;

	*generation = edit->sequence - 1;
	if (!failed(edit) && config_edit_changed(edit)) {
		struct membership joined;

		/* S96: what one node committed alone would be a fork. */
		if (membership_get(edit->txn, &joined))
			config_note(edit, -EPERM);
		complete(edit, head);
		*generation = edit->sequence;
	} else if (!failed(edit) && !edit->unlogged) {
		config_edit_drop(edit);
		return 0;
	}
	rc = edit->error;
	if (rc != 0)
		store_abort(edit->txn);
	else
		rc = store_commit(edit->txn);
	free(edit);
	return rc;
}

/* ---- objects ---- */

static bool
same_bytes(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void
add_object_item(
    struct config_edit *edit, enum kind kind, const char *id, struct bytes before, struct bytes after)
{
	uint8_t head[2] = {'o', (uint8_t)kind}, before_len[4];

	put32(before_len, (uint32_t)before.len);
	config_add_item(edit, (struct bytes[]){{head, 2}, {id, ID_LEN}, {before_len, 4}, before, after}, 5);
}

void
config_put_object(struct config_edit *edit, enum kind kind, const char *id, const char *name,
    const char *old_name, struct bytes json)
{
	uint8_t key[OBJECT_KEY_LEN], name_key[1 + OBJECT_NAME_MAX];
	struct bytes before = {0};

	if (failed(edit))
		return;
	if (config_object(edit->txn, kind, id, &before) && same_bytes(before, json))
		return;
	add_object_item(edit, kind, id, before, json);
	config_put_references(edit, kind, id, before, json);
	if (old_name != NULL && strcmp(old_name, name) != 0)
		config_note(edit,
		    store_delete(edit->txn, TABLE_OBJECT_NAMES, config_name_key(name_key, kind, old_name)));
	config_note(edit, store_put(edit->txn, TABLE_OBJECTS, config_object_key(key, kind, id), json));
	config_note(edit,
	    store_put(edit->txn, TABLE_OBJECT_NAMES, config_name_key(name_key, kind, name),
		(struct bytes){id, ID_LEN}));
}

void
config_delete_object(struct config_edit *edit, enum kind kind, const char *id, const char *name)
{
	uint8_t key[OBJECT_KEY_LEN], name_key[1 + OBJECT_NAME_MAX];
	struct bytes before;

	if (failed(edit) || !config_object(edit->txn, kind, id, &before))
		return;
	add_object_item(edit, kind, id, before, (struct bytes){0});
	config_put_references(edit, kind, id, before, (struct bytes){0});
	config_note(edit, store_delete(edit->txn, TABLE_OBJECTS, config_object_key(key, kind, id)));
	config_note(edit, store_delete(edit->txn, TABLE_OBJECT_NAMES, config_name_key(name_key, kind, name)));
}

/* ---- zones ---- */

/* One RRset that a load adds, changes or deletes. */
struct row_change {
	uint8_t *key; /* begins with the zone's number */
	size_t key_len;
	uint8_t *before; /* a copy; NULL if there was no row or the entry is full */
	size_t before_len;
	struct bytes after; /* empty: deleted */
};

struct row_changes {
	struct row_change *items;
	size_t count;
	size_t octets; /* size of all befores, afters and keys */
};

static void
add_change(struct row_changes *changes, struct bytes key, struct bytes before, struct bytes after)
{
	struct row_change *change;

	changes->items = array_grow(changes->items, changes->count, sizeof *changes->items);
	change = &changes->items[changes->count++];
	*change = (struct row_change){
	    .key = xmemdup(key.data, key.len), .key_len = key.len, .after = after, .before_len = before.len};
	changes->octets += key.len + before.len + after.len;
	if (before.len > 0 && changes->octets <= DIFFERENCE_MAX)
		change->before = xmemdup(before.data, before.len);
}

static void
free_changes(struct row_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		free(changes->items[i].key);
		free(changes->items[i].before);
	}
	free(changes->items);
}

static void
add_row_item(struct config_edit *edit, char tag, const struct row_change *change)
{
	uint8_t tag_octet = (uint8_t)tag, owner_len[2], before_len[4];
	const uint8_t *key = change->key;
	size_t len = change->key_len;

	put16(owner_len, (uint16_t)(len - 6));
	put32(before_len, (uint32_t)change->before_len);
	config_add_item(edit,
	    (struct bytes[]){{&tag_octet, 1}, {key, 4}, {owner_len, 2}, {key + 4, len - 4}, {before_len, 4},
		{change->before, change->before_len}, change->after},
	    7);
}

static void
add_zone_item(struct config_edit *edit, uint32_t number, enum config_zone_fate fate, const uint8_t *name)
{
	uint8_t head[6] = {'z'};

	put32(head + 1, number);
	head[5] = (uint8_t)fate;
	config_add_item(edit, (struct bytes[]){{head, 6}, {name, name_len(name)}}, 2);
}

/* Record in the entry the rows before and after, while it has room. */
static bool
add_row_items(struct config_edit *edit, char tag, const struct row_changes *changes)
{
	if (edit->difference + changes->octets > DIFFERENCE_MAX)
		return false;
	edit->difference += changes->octets;
	for (size_t i = 0; i < changes->count; i++)
		add_row_item(edit, tag, &changes->items[i]);
	return true;
}

static struct bytes
row_key(uint8_t out[ZONE_KEY_MAX], uint32_t number, const struct zone_row *row)
{
	put32(out, number);
	memcpy(out + 4, row->key, row->key_len);
	return (struct bytes){out, 4 + row->key_len};
}

static int
compare(struct bytes a, struct bytes b)
{
	int order = memcmp(a.data, b.data, MIN(a.len, b.len));

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first octet, the flags, records the source of an RRset. It does not change the answer, so skip it. */
static bool
same_but_flags(struct bytes a, struct bytes b)
{
	return a.len == b.len && a.len > 0 &&
	    memcmp((const uint8_t *)a.data + 1, (const uint8_t *)b.data + 1, a.len - 1) == 0;
}

/* The stored rows of a zone and the new ones, read side by side; both are sorted. */
struct comparison {
	struct store_txn *txn;
	uint32_t number;
	const struct zone_data *data;
	struct zone_difference *difference;
	size_t next;                /* index in the new rows */
	uint8_t last[ZONE_KEY_MAX]; /* the key that was compared last, of either side */
	size_t last_len;            /* 0: none yet */
	bool at_end;
};

/* Move to the first stored row after the last key: rows may have been written since. */
static bool
seek_behind(
    const struct comparison *comparison, struct store_cursor *cursor, struct bytes *key, struct bytes *value)
{
	uint8_t prefix[4];
	struct bytes last = {comparison->last, comparison->last_len};
	bool more;

	put32(prefix, comparison->number);
	more = store_cursor_seek(cursor, last.len > 0 ? last : (struct bytes){prefix, 4}, key, value);
	if (more && same_bytes(*key, last))
		more = store_cursor_next(cursor, key, value);
	return more && memcmp(key->data, prefix, 4) == 0;
}

/* Collect the differences from here on, until they take more than most octets or there are no more. */
static void
find_differences(struct comparison *comparison, size_t most, struct row_changes *changes)
{
	struct store_cursor *cursor = store_cursor_open(comparison->txn, TABLE_ZONES);
	const struct zone_data *data = comparison->data;
	struct zone_difference *difference = comparison->difference;
	uint8_t prefix[4], new_octets[ZONE_KEY_MAX];
	struct bytes key = {0}, value = {0};
	bool more = cursor != NULL && seek_behind(comparison, cursor, &key, &value);

	put32(prefix, comparison->number);
	while ((more || comparison->next < data->count) && changes->octets <= most) {
		struct bytes new_key = {0}, new_value = {0};
		int order = 1;

		if (comparison->next < data->count) {
			const struct zone_row *row = &data->rows[comparison->next];

			new_key = row_key(new_octets, comparison->number, row);
			new_value = (struct bytes){row->value, row->value_len};
			order = more ? compare(new_key, key) : -1;
		}
		comparison->last_len = order <= 0 ? new_key.len : key.len;
		memcpy(comparison->last, order <= 0 ? new_key.data : key.data, comparison->last_len);
		if (order < 0) {
			add_change(changes, new_key, (struct bytes){0}, new_value);
			difference->added++;
		} else if (order > 0) {
			add_change(changes, key, value, (struct bytes){0});
			difference->deleted++;
		} else if (!same_bytes(value, new_value)) {
			add_change(changes, key, value, new_value);
			difference->changed += !same_but_flags(value, new_value);
		}
		if (order <= 0)
			comparison->next++;
		if (order >= 0)
			more = store_cursor_next(cursor, &key, &value) && memcmp(key.data, prefix, 4) == 0;
	}
	comparison->at_end = !more && comparison->next >= data->count;
	store_cursor_close(cursor);
}

static void
put_zone_name(struct config_edit *edit, uint32_t number, const uint8_t *apex, uint32_t serial)
{
	uint8_t value[ZONE_VALUE_LEN];

	put32(value, number);
	put32(value + 4, serial);
	put64(value + 8, (uint64_t)wall_ms());
	config_note(edit,
	    store_put(edit->txn, TABLE_ZONE_NAMES, (struct bytes){apex, name_len(apex)},
		(struct bytes){value, sizeof value}));
}

static void
put_rows(struct config_edit *edit, const struct zone_info *zone, const struct row_changes *changes)
{
	/* An entry has what became of notes as items of its own. */
	bool noted = !edit->applying && record_notes_any(edit->txn, zone);

	for (size_t i = 0; i < changes->count && !failed(edit); i++) {
		struct bytes key = {changes->items[i].key, changes->items[i].key_len};
		struct bytes after = changes->items[i].after,
			     owner = {changes->items[i].key + 4, key.len - 6};

		config_note(edit,
		    after.len > 0 ? store_put(edit->txn, TABLE_ZONES, key, after)
				  : store_delete(edit->txn, TABLE_ZONES, key));
		if (noted)
			record_notes_follow(
			    edit, zone, owner, get16(changes->items[i].key + key.len - 2), after);
	}
}

/*
 * Write the remaining differences in batches, so that a million of them need no more memory than one batch.
 */
static void
put_rest(struct config_edit *edit, const struct zone_info *zone, struct comparison *comparison)
{
	while (!comparison->at_end && !failed(edit)) {
		struct row_changes changes = {0};

		find_differences(comparison, DIFFERENCE_MAX, &changes);
		put_rows(edit, zone, &changes);
		free_changes(&changes);
	}
}

static void
add_zone(struct config_edit *edit, const struct zone_data *data)
{
	/* Numbers are never reused, so that a number that a daemon remembers stays valid. */
	uint32_t number = (uint32_t)MAX(config_meta_get(edit->txn, "next_zone"), 1);

	config_meta_put(edit, "next_zone", number + 1, 4);
	put_zone_name(edit, number, data->apex, data->serial);
	for (size_t i = 0; i < data->count && !failed(edit); i++) {
		uint8_t key[ZONE_KEY_MAX];

		/*
		 * The number is the largest so far, so sorted rows are appended at the end: 0.10 s for a
		 * million.
		 */
		config_note(edit,
		    store_append(edit->txn, TABLE_ZONES, row_key(key, number, &data->rows[i]),
			(struct bytes){data->rows[i].value, data->rows[i].value_len}));
	}
	add_zone_item(edit, number, CONFIG_ZONE_ADDED, data->apex);
}

void
config_put_zone(struct config_edit *edit, const struct zone_data *data, struct zone_difference *difference)
{
	struct row_changes changes = {0};
	struct comparison comparison;
	struct zone_info zone;

	*difference = (struct zone_difference){0};
	if (failed(edit))
		return;
	if (!config_zone(edit->txn, data->apex, &zone)) {
		difference->added = data->count;
		add_zone(edit, data);
		return;
	}
	comparison = (struct comparison){
	    .txn = edit->txn, .number = zone.number, .data = data, .difference = difference};
	find_differences(&comparison, DIFFERENCE_MAX - edit->difference, &changes);
	if (changes.count > 0) {
		if (!comparison.at_end || !add_row_items(edit, 'r', &changes))
			add_zone_item(edit, zone.number, CONFIG_ZONE_REPLACED, data->apex);
		put_rows(edit, &zone, &changes);
		put_rest(edit, &zone, &comparison);
		put_zone_name(edit, zone.number, data->apex, data->serial);
	}
	free_changes(&changes);
}

void
config_delete_zone(struct config_edit *edit, const struct zone_info *zone)
{
	struct row_changes changes = {0};
	struct zone_difference difference = {0};
	const struct zone_data none = {0};
	struct comparison comparison = {
	    .txn = edit->txn, .number = zone->number, .data = &none, .difference = &difference};

	if (failed(edit))
		return;
	find_differences(&comparison, DIFFERENCE_MAX - edit->difference, &changes);
	add_zone_item(edit, zone->number, CONFIG_ZONE_DELETED, zone->name);
	if (comparison.at_end)
		add_row_items(edit, 'k', &changes);
	put_rows(edit, zone, &changes);
	put_rest(edit, zone, &comparison);
	config_note(edit,
	    store_delete(edit->txn, TABLE_ZONE_NAMES, (struct bytes){zone->name, name_len(zone->name)}));
	free_changes(&changes);
}

void
config_put_rrsets(struct config_edit *edit, const struct zone_info *zone, uint32_t serial,
    const struct zone_row *rows, size_t count)
{
	struct row_changes changes = {0};

	if (failed(edit))
		return;
	for (size_t i = 0; i < count; i++) {
		uint8_t octets[ZONE_KEY_MAX];
		struct bytes key = row_key(octets, zone->number, &rows[i]), before = {0};
		struct bytes after = {rows[i].value, rows[i].value_len};

		store_get(edit->txn, TABLE_ZONES, key, &before);
		if (!same_bytes(before, after))
			add_change(&changes, key, before, after);
	}
	if (changes.count > 0) {
		if (!add_row_items(edit, 'r', &changes))
			add_zone_item(edit, zone->number, CONFIG_ZONE_REPLACED, zone->name);
		put_rows(edit, zone, &changes);
		put_zone_name(edit, zone->number, zone->name, serial);
	}
	free_changes(&changes);
}
