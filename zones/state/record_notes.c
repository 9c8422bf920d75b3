#include "zones/state/record_notes.h"

#include "zones/base/array.h"
#include "zones/base/siphash.h"
#include "zones/state/config_inner.h"
#include "zones/state/config_rows.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	NOTE_KEY_LEN = 1 + 4 + 8 + 8,
	NOTE_ID_KEY_LEN = 1 + 4 + ID_LEN,
	NOTE_HEAD = 8 + 8 + ID_LEN + 2 + 2 /* octets of a value before the owner key */
};

/* ---- ids ---- */

uint64_t
record_rrset_hash(const struct zone_info *zone, struct bytes owner_key, uint16_t type)
{
	static const uint64_t key[2] = {0, 1};
	uint8_t input[2 + NAME_MAX_LEN + NAME_MAX_KEY];
	size_t len = name_len(zone->name);

	put16(input, type);
	memcpy(input + 2, zone->name, len);
	memcpy(input + 2 + len, owner_key.data, MIN(owner_key.len, NAME_MAX_KEY));
	return siphash(key, input, 2 + len + MIN(owner_key.len, NAME_MAX_KEY));
}

static uint64_t
rdata_hash(uint64_t rrset, struct bytes rdata, unsigned variant)
{
	const uint64_t key[2] = {rrset, variant};

	return siphash(key, rdata.data, rdata.len);
}

static struct id
id_of(uint64_t rrset, uint64_t rdata)
{
	struct id id;

	snprintf(
	    id.text, sizeof id.text, "%016llx%016llx", (unsigned long long)rrset, (unsigned long long)rdata);
	return id;
}

static struct id
variant_of(const struct record_at *record, unsigned variant)
{
	uint64_t rrset = record_rrset_hash(record->zone, record->owner_key, record->type);

	return id_of(rrset, rdata_hash(rrset, record->rdata, variant));
}

struct id
record_id_first(const struct record_at *record)
{
	return variant_of(record, 1);
}

struct id
record_id_second(const struct record_at *record)
{
	return variant_of(record, 2);
}

struct id
record_id(struct store_txn *txn, const struct record_at *record)
{
	struct id first = record_id_first(record);
	struct record_note note;

	if (record_note_get(txn, record, &note))
		return note.id.text[0] != '\0' ? note.id : first;
	return record_note_by_id(txn, record->zone, first.text, &note) ? record_id_second(record) : first;
}

/* ---- rows ---- */

static struct bytes
note_key(uint8_t out[NOTE_KEY_LEN], uint32_t zone, uint64_t rrset, uint64_t rdata)
{
	out[0] = 'n';
	put32(out + 1, zone);
	put64(out + 5, rrset);
	put64(out + 13, rdata);
	return (struct bytes){out, NOTE_KEY_LEN};
}

static struct bytes
note_id_key(uint8_t out[NOTE_ID_KEY_LEN], uint32_t zone, const char *id)
{
	out[0] = 'i';
	put32(out + 1, zone);
	memcpy(out + 5, id, ID_LEN);
	return (struct bytes){out, NOTE_ID_KEY_LEN};
}

static bool
decode(struct bytes value, struct record_note *note)
{
	const uint8_t *at = value.data;
	size_t owner_len;

	*note = (struct record_note){.type = 0};
	if (value.len < NOTE_HEAD)
		return false;
	if (at[16] != 0)
		memcpy(note->id.text, at + 16, ID_LEN);
	note->type = get16(at + 16 + ID_LEN);
	owner_len = get16(at + 18 + ID_LEN);
	if (value.len - NOTE_HEAD < owner_len || owner_len > NAME_MAX_KEY)
		return false;
	note->owner_key = (struct bytes){at + NOTE_HEAD, owner_len};
	note->json = (struct bytes){at + NOTE_HEAD + owner_len, value.len - NOTE_HEAD - owner_len};
	return true;
}

bool
record_note_of(struct bytes value, struct record_note *note)
{
	return decode(value, note);
}

bool
record_note_same(struct bytes a, struct bytes b)
{
	return a.len >= NOTE_HEAD && b.len >= NOTE_HEAD && memcmp(a.data, b.data, 16) == 0;
}

bool
record_notes_any(struct store_txn *txn, const struct zone_info *zone)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_RECORD_NOTES);
	uint8_t prefix[5] = {'n'};
	struct bytes key, value;
	bool any;

	put32(prefix + 1, zone->number);
	any = cursor != NULL &&
	    store_cursor_seek(cursor, (struct bytes){prefix, sizeof prefix}, &key, &value) &&
	    key.len == NOTE_KEY_LEN && memcmp(key.data, prefix, sizeof prefix) == 0;
	store_cursor_close(cursor);
	return any;
}

bool
record_note_get(struct store_txn *txn, const struct record_at *record, struct record_note *note)
{
	uint64_t rrset = record_rrset_hash(record->zone, record->owner_key, record->type);
	uint8_t key[NOTE_KEY_LEN];
	struct bytes value;

	return store_get(txn, TABLE_RECORD_NOTES,
		   note_key(key, record->zone->number, rrset, rdata_hash(rrset, record->rdata, 1)), &value) &&
	    decode(value, note);
}

bool
record_note_by_id(
    struct store_txn *txn, const struct zone_info *zone, const char *id, struct record_note *note)
{
	uint8_t id_key[NOTE_ID_KEY_LEN], key[NOTE_KEY_LEN];
	struct bytes row, value;

	if (strlen(id) != ID_LEN ||
	    !store_get(txn, TABLE_RECORD_NOTES, note_id_key(id_key, zone->number, id), &row) || row.len != 16)
		return false;
	note_key(key, zone->number, get64(row.data), get64((const uint8_t *)row.data + 8));
	return store_get(txn, TABLE_RECORD_NOTES, (struct bytes){key, sizeof key}, &value) &&
	    decode(value, note);
}

/* ---- write ---- */

static void
add_note_item(struct config_edit *edit, uint32_t zone, struct bytes before, struct bytes after)
{
	uint8_t head[5] = {'n'}, before_len[4];

	put32(head + 1, zone);
	put32(before_len, (uint32_t)before.len);
	config_add_item(edit, (struct bytes[]){{head, 5}, {before_len, 4}, before, after}, 4);
}

/* Change the row of the record that of is a value of. */
static void
write_value(struct config_edit *edit, uint32_t zone, struct bytes of, struct bytes after)
{
	uint8_t key[NOTE_KEY_LEN], id_key[NOTE_ID_KEY_LEN];
	struct bytes before = record_note_now(edit->txn, zone, of), row, id_row;
	const uint8_t *head = of.data;
	uint8_t *kept;

	if (edit->error != 0 || of.len < NOTE_HEAD ||
	    (before.len == after.len && (after.len == 0 || memcmp(before.data, after.data, after.len) == 0)))
		return;
	kept = xmemdup(before.data, before.len);
	before.data = kept;
	row = note_key(key, zone, get64(head), get64(head + 8));
	add_note_item(edit, zone, before, after);
	/* Another record may have taken over the id since: then the row is its own. */
	if (before.len > 0 && kept[16] != 0 &&
	    store_get(edit->txn, TABLE_RECORD_NOTES, note_id_key(id_key, zone, (char *)kept + 16), &id_row) &&
	    id_row.len == 16 && memcmp(id_row.data, kept, 16) == 0)
		config_note(
		    edit, store_delete(edit->txn, TABLE_RECORD_NOTES, (struct bytes){id_key, sizeof id_key}));
	if (after.len == 0) {
		config_note(edit, store_delete(edit->txn, TABLE_RECORD_NOTES, row));
	} else {
		const char *id = (const char *)after.data + 16;

		config_note(edit, store_put(edit->txn, TABLE_RECORD_NOTES, row, after));
		if (*id != '\0')
			config_note(edit,
			    store_put(edit->txn, TABLE_RECORD_NOTES, note_id_key(id_key, zone, id),
				(struct bytes){head, 16}));
	}
	free(kept);
}

void
record_note_put(struct config_edit *edit, const struct record_at *record, const char *id, struct bytes json)
{
	size_t len = NOTE_HEAD + record->owner_key.len + json.len;
	uint8_t *value = xcalloc(1, len);
	uint64_t rrset = record_rrset_hash(record->zone, record->owner_key, record->type);
	struct id first = record_id_first(record);

	put64(value, rrset);
	put64(value + 8, rdata_hash(rrset, record->rdata, 1));
	if (id != NULL && strcmp(id, first.text) != 0)
		memcpy(value + 16, id, ID_LEN);
	put16(value + 16 + ID_LEN, record->type);
	put16(value + 18 + ID_LEN, (uint16_t)record->owner_key.len);
	memcpy(value + NOTE_HEAD, record->owner_key.data, record->owner_key.len);
	if (json.len > 0)
		memcpy(value + NOTE_HEAD + record->owner_key.len, json.data, json.len);
	write_value(edit, record->zone->number, (struct bytes){value, len},
	    (struct bytes){value, json.len > 0 ? len : 0});
	free(value);
}

struct bytes
record_note_now(struct store_txn *txn, uint32_t zone, struct bytes value)
{
	uint8_t key[NOTE_KEY_LEN];
	struct bytes now = {0};

	if (value.len >= NOTE_HEAD)
		store_get(txn, TABLE_RECORD_NOTES,
		    note_key(key, zone, get64(value.data), get64((const uint8_t *)value.data + 8)), &now);
	return now;
}

void
record_note_restore(struct config_edit *edit, uint32_t zone, struct bytes before, struct bytes after)
{
	write_value(edit, zone, before.len > 0 ? before : after, before);
}

/* ---- follow ---- */

static bool
is_of(const struct rrset *rrset, uint64_t hash, uint64_t rdata)
{
	const uint8_t *at = rrset->records;

	for (unsigned i = 0; i < rrset->count; i++) {
		uint16_t len;
		const uint8_t *data = rrset_next(&at, &len);

		if (rdata_hash(hash, (struct bytes){data, len}, 1) == rdata)
			return true;
	}
	return false;
}

void
record_notes_follow(struct config_edit *edit, const struct zone_info *zone, struct bytes owner_key,
    uint16_t type, struct bytes after)
{
	struct store_cursor *cursor = store_cursor_open(edit->txn, TABLE_RECORD_NOTES);
	uint64_t hash = record_rrset_hash(zone, owner_key, type), *gone = NULL;
	struct bytes key, value, first;
	struct rrset rrset = {0};
	uint8_t octets[NOTE_KEY_LEN];
	size_t count = 0;

	if (after.len > 0)
		rrset_decode(&rrset, type, after.data, after.len);
	first = note_key(octets, zone->number, hash, 0);
	for (bool more = cursor != NULL && store_cursor_seek(cursor, first, &key, &value);
	     more && key.len == NOTE_KEY_LEN && memcmp(key.data, octets, 13) == 0;
	     more = store_cursor_next(cursor, &key, &value)) {
		uint64_t rdata = get64((const uint8_t *)key.data + 13);

		if (is_of(&rrset, hash, rdata))
			continue;
		gone = array_grow(gone, count, sizeof *gone);
		gone[count++] = rdata;
	}
	store_cursor_close(cursor);
	for (size_t i = 0; i < count; i++) {
		uint8_t of[NOTE_HEAD] = {0};

		put64(of, hash);
		put64(of + 8, gone[i]);
		write_value(edit, zone->number, (struct bytes){of, sizeof of}, (struct bytes){0});
	}
	free(gone);
}
