#include "zones/state/entry.h"

#include "zones/base/array.h"
#include "zones/base/pack.h"
#include "zones/base/text.h"
#include "zones/document/document_load.h"
#include "zones/state/config_inner.h"
#include "zones/state/config_rows.h"
#include "zones/state/membership.h"
#include "zones/state/record_notes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * An entry: "GCE", format (1), schema (4), generation (8), id (32), digest of the entry before (32), octets
 * of the body (8), and the body, packed:
 *
 * head: length (4), JSON; identity (32);
 *
 * zones that the items touch and that exist afterwards: their number (4); each: number (4), serial (4),
 * loaded (8), name in wire form;
 *
 * items: their number (4); each: length (4), octets as in `changes`;
 *
 * rows of zones that were added or replaced as a whole: number of zones (4), in the order of their numbers;
 * each: number (4), added (1), number of rows (8); each row: length (2), key without the zone, length (4),
 * value.
 */
enum { FRONT_LEN = 88 };
static const char magic[4] = {'G', 'C', 'E', ENTRY_FORMAT};
static const struct bytes digest_row = {"digest", 6};

/* ---- the front ---- */

bool
entry_head(struct bytes entry, struct entry_head *head)
{
	const uint8_t *at = entry.data;

	if (entry.len <= FRONT_LEN || memcmp(at, magic, sizeof magic) != 0)
		return false;
	*head = (struct entry_head){
	    .schema = get32(at + 4), .generation = get64(at + 8), .octets = (size_t)get64(at + 80)};
	memcpy(head->id.text, at + 16, ID_LEN);
	memcpy(head->before, at + 48, DIGEST_LEN);
	return id_valid(head->id.text);
}

void
entry_digest(struct bytes entry, uint8_t digest[DIGEST_LEN])
{
	digest_of(entry, digest);
}

void
entry_last_digest(struct store_txn *config, uint8_t digest[DIGEST_LEN])
{
	struct bytes value;

	memset(digest, 0, DIGEST_LEN);
	if (store_get(config, TABLE_META, digest_row, &value) && value.len == DIGEST_LEN)
		memcpy(digest, value.data, DIGEST_LEN);
}

int
entry_set_last_digest(struct store_txn *config, const uint8_t digest[DIGEST_LEN])
{
	return store_put(config, TABLE_META, digest_row, (struct bytes){digest, DIGEST_LEN});
}

/* ---- write ---- */

static void
put_octets(FILE *out, const void *octets, size_t len)
{
	fwrite(octets, 1, len, out);
}

static void
put_number(FILE *out, uint64_t number, size_t len)
{
	uint8_t octets[8];

	put64(octets, number);
	put_octets(out, octets + 8 - len, len);
}

/* The zones that an edit touches. */
struct touched {
	struct store_txn *txn;
	struct touched_zone {
		uint32_t number;
		bool exists, whole, added;
		struct zone_info info;
	} * zones;
	size_t count;
	bool restored;
};

static struct touched_zone *
touch(struct touched *touched, uint32_t number)
{
	for (size_t i = 0; i < touched->count; i++)
		if (touched->zones[i].number == number)
			return &touched->zones[i];
	touched->zones = array_grow(touched->zones, touched->count, sizeof *touched->zones);
	touched->zones[touched->count] = (struct touched_zone){.number = number};
	return &touched->zones[touched->count++];
}

static bool
touch_item(void *arg, const struct config_item *item)
{
	struct touched *touched = arg;
	struct touched_zone *zone;

	touched->restored |= item->what == CONFIG_ALL;
	if (item->what != CONFIG_ZONE && item->what != CONFIG_OWNER)
		return true;
	zone = touch(touched, item->zone);
	zone->whole |= item->what == CONFIG_ZONE && item->fate != CONFIG_ZONE_DELETED;
	zone->added |= item->what == CONFIG_ZONE && item->fate == CONFIG_ZONE_ADDED;
	return true;
}

static bool
learn_zone(void *arg, const struct zone_info *info)
{
	struct touched *touched = arg;

	for (size_t i = 0; i < touched->count; i++)
		if (touched->zones[i].number == info->number) {
			touched->zones[i].exists = true;
			touched->zones[i].info = *info;
		}
	return true;
}

static int
compare_zones(const void *a, const void *b)
{
	uint32_t x = ((const struct touched_zone *)a)->number, y = ((const struct touched_zone *)b)->number;

	return (x > y) - (x < y);
}

static void
write_zones(const struct touched *touched, FILE *out)
{
	size_t count = 0;

	for (size_t i = 0; i < touched->count; i++)
		count += touched->zones[i].exists;
	put_number(out, count, 4);
	for (size_t i = 0; i < touched->count; i++) {
		const struct zone_info *info = &touched->zones[i].info;

		if (!touched->zones[i].exists)
			continue;
		put_number(out, info->number, 4);
		put_number(out, info->serial, 4);
		put_number(out, (uint64_t)info->loaded, 8);
		put_octets(out, info->name, name_len(info->name));
	}
}

static void
write_items(const struct config_edit *edit, FILE *out)
{
	struct store_cursor *cursor = store_cursor_open(edit->txn, TABLE_CHANGES);
	uint8_t from[CHANGE_KEY_LEN];
	struct bytes key, value;
	bool more = cursor != NULL &&
	    store_cursor_seek(cursor, config_change_key(from, edit->sequence, 1), &key, &value);

	put_number(out, edit->items - 1, 4);
	for (; more && get64(key.data) == edit->sequence; more = store_cursor_next(cursor, &key, &value)) {
		put_number(out, value.len, 4);
		put_octets(out, value.data, value.len);
	}
	store_cursor_close(cursor);
}

/* Call write for each row of a zone, or only count them (out NULL). */
static uint64_t
each_row(struct store_txn *txn, uint32_t number, FILE *out)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_ZONES);
	uint8_t prefix[4];
	struct bytes key, value;
	uint64_t count = 0;
	bool more;

	put32(prefix, number);
	more = cursor != NULL && store_cursor_seek(cursor, (struct bytes){prefix, 4}, &key, &value);
	for (; more && key.len > 4 && memcmp(key.data, prefix, 4) == 0;
	     more = store_cursor_next(cursor, &key, &value), count++) {
		if (out == NULL)
			continue;
		put_number(out, key.len - 4, 2);
		put_octets(out, (const uint8_t *)key.data + 4, key.len - 4);
		put_number(out, value.len, 4);
		put_octets(out, value.data, value.len);
	}
	store_cursor_close(cursor);
	return count;
}

static void
write_rows(const struct touched *touched, FILE *out)
{
	size_t count = 0;

	for (size_t i = 0; i < touched->count; i++)
		count += touched->zones[i].exists && touched->zones[i].whole;
	put_number(out, count, 4);
	for (size_t i = 0; i < touched->count; i++) {
		const struct touched_zone *zone = &touched->zones[i];

		if (!zone->exists || !zone->whole)
			continue;
		put_number(out, zone->number, 4);
		put_number(out, zone->added, 1);
		put_number(out, each_row(touched->txn, zone->number, NULL), 8);
		each_row(touched->txn, zone->number, out);
	}
}

static char *
write_body(const struct config_edit *edit, struct bytes head, const struct touched *touched, size_t *len)
{
	struct id identity = config_identity(edit->txn);
	char *body = NULL;
	FILE *out = text_stream(&body, len);

	if (identity.text[0] == '\0')
		identity = id_new();
	put_number(out, head.len, 4);
	put_octets(out, head.data, head.len);
	put_octets(out, identity.text, ID_LEN);
	write_zones(touched, out);
	write_items(edit, out);
	write_rows(touched, out);
	fclose(out);
	return body;
}

/* The front and the packed body. */
static uint8_t *
join(const struct config_edit *edit, const struct id *id, struct bytes body, size_t *len)
{
	uint8_t *packed = pack(body, len), *entry = xmalloc(FRONT_LEN + *len);

	memcpy(entry, magic, sizeof magic);
	put32(entry + 4, CONFIG_SCHEMA);
	put64(entry + 8, edit->sequence);
	memcpy(entry + 16, id->text, ID_LEN);
	entry_last_digest(edit->txn, entry + 48);
	put64(entry + 80, body.len);
	memcpy(entry + FRONT_LEN, packed, *len);
	*len += FRONT_LEN;
	free(packed);
	return entry;
}

uint8_t *
entry_extract(struct config_edit *edit, struct bytes head, const struct id *id, size_t *len, int *error)
{
	struct touched touched = {.txn = edit->txn};
	uint8_t *entry = NULL;

	*error = edit->error;
	if (*error == 0 && config_edit_changed(edit)) {
		size_t octets;
		char *body;

		config_each_item(edit->txn, edit->sequence, touch_item, &touched);
		if (touched.count > 0)
			config_each_zone(edit->txn, learn_zone, &touched);
		if (touched.count > 1)
			qsort(touched.zones, touched.count, sizeof *touched.zones, compare_zones);
		if (touched.restored)
			*error = -EOPNOTSUPP;
		else {
			body = write_body(edit, head, &touched, &octets);
			entry = join(edit, id, (struct bytes){body, octets}, len);
			free(body);
		}
	}
	free(touched.zones);
	config_edit_drop(edit);
	return entry;
}

/* ---- read ---- */

/* The rest of a body. A read beyond its end sets bad. */
struct reading {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static const uint8_t *
take(struct reading *reading, uint64_t len)
{
	const uint8_t *at = reading->at;

	if (len > reading->left) {
		reading->bad = true;
		reading->left = 0;
		return NULL;
	}
	reading->at += len;
	reading->left -= len;
	return at;
}

static uint64_t
take_number(struct reading *reading, size_t len)
{
	const uint8_t *at = take(reading, len);
	uint64_t number = 0;

	for (size_t i = 0; at != NULL && i < len; i++)
		number = number << 8 | at[i];
	return number;
}

static struct bytes
take_octets(struct reading *reading, size_t len)
{
	const uint8_t *at = take(reading, len);

	return (struct bytes){at, at != NULL ? len : 0};
}

/* ---- apply ---- */

struct application {
	struct config_edit *edit;
	struct bytes head, identity;
	struct zone_info *zones; /* after the entry */
	size_t nzones;
	struct reading items;
	uint32_t nitems;
	struct reading rows;
	uint32_t *whole; /* numbers of zones whose rows come as a whole */
	size_t nwhole;
	bool bad; /* the items do not fit the rows */
};

static void
read_zones(struct application *application, struct reading *reading)
{
	uint64_t count = take_number(reading, 4);

	for (uint64_t i = 0; i < count && !reading->bad; i++) {
		struct zone_info zone = {.number = (uint32_t)take_number(reading, 4)};
		size_t len;

		zone.serial = (uint32_t)take_number(reading, 4);
		zone.loaded = (int64_t)take_number(reading, 8);
		len = name_valid(reading->at, MIN(reading->left, NAME_MAX_LEN));
		reading->bad |= len == 0;
		if (reading->bad)
			return;
		memcpy(zone.name, take(reading, len), len);
		application->zones = array_grow(application->zones, application->nzones, sizeof zone);
		application->zones[application->nzones++] = zone;
	}
}

/* Step over the rows, to learn which zones come as a whole. */
static void
read_rows(struct application *application, struct reading *reading)
{
	uint64_t count = take_number(reading, 4);

	for (uint64_t i = 0; i < count && !reading->bad; i++) {
		uint32_t number = (uint32_t)take_number(reading, 4);
		uint64_t rows;

		take_number(reading, 1);
		rows = take_number(reading, 8);
		application->whole =
		    array_grow(application->whole, application->nwhole, sizeof *application->whole);
		application->whole[application->nwhole++] = number;
		for (uint64_t n = 0; n < rows && !reading->bad; n++) {
			take(reading, take_number(reading, 2));
			take(reading, take_number(reading, 4));
		}
	}
}

/* Find the parts of a body. False if it is damaged. */
static bool
read_body(struct application *application, struct bytes body)
{
	struct reading reading = {.at = body.data, .left = body.len};

	application->head = take_octets(&reading, (size_t)take_number(&reading, 4));
	application->identity = take_octets(&reading, ID_LEN);
	read_zones(application, &reading);
	application->nitems = (uint32_t)take_number(&reading, 4);
	application->items = reading;
	for (uint32_t i = 0; i < application->nitems && !reading.bad; i++)
		take(&reading, take_number(&reading, 4));
	application->rows = reading;
	read_rows(application, &reading);
	return !reading.bad && reading.left == 0;
}

bool
entry_each_item(struct bytes entry, config_item_fn *fn, void *arg)
{
	struct application application = {.edit = NULL};
	struct entry_head head;
	struct config_item item;
	uint8_t *body = NULL;
	bool good = entry_head(entry, &head);

	if (good)
		body = unpack((struct bytes){(const uint8_t *)entry.data + FRONT_LEN, entry.len - FRONT_LEN},
		    head.octets);
	good = body != NULL && read_body(&application, (struct bytes){body, head.octets});
	for (uint32_t i = 0; i < application.nitems && good; i++)
		good =
		    config_item_decode(
			take_octets(&application.items, (size_t)take_number(&application.items, 4)), &item) &&
		    fn(arg, &item);
	free(application.zones);
	free(application.whole);
	free(body);
	return good;
}

static bool
same_bytes(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void
apply_object(struct application *application, const struct config_item *item)
{
	struct config_edit *edit = application->edit;
	char name[256], old[256];
	struct bytes now = {0};

	config_object(edit->txn, item->kind, item->id.text, &now);
	application->bad |= !same_bytes(now, item->before) ||
	    (item->before.len > 0 && !document_name(item->before, old)) ||
	    (item->after.len > 0 && !document_name(item->after, name));
	if (application->bad)
		return;
	if (item->after.len > 0)
		config_put_object(
		    edit, item->kind, item->id.text, name, item->before.len > 0 ? old : NULL, item->after);
	else
		config_delete_object(edit, item->kind, item->id.text, old);
}

static bool
comes_whole(const struct application *application, uint32_t zone)
{
	for (size_t i = 0; i < application->nwhole; i++)
		if (application->whole[i] == zone)
			return true;
	return false;
}

static void
apply_row(struct application *application, const struct config_item *item)
{
	struct config_edit *edit = application->edit;
	uint8_t octets[ZONE_KEY_MAX + 2];
	struct bytes key = {octets, 4 + item->owner_key.len + 2}, now = {0};

	if (item->kept_for_undo || comes_whole(application, item->zone))
		return;
	application->bad |= item->owner_key.len > NAME_MAX_KEY - 2;
	if (application->bad)
		return;
	put32(octets, item->zone);
	memcpy(octets + 4, item->owner_key.data, item->owner_key.len);
	put16(octets + 4 + item->owner_key.len, item->type);
	store_get(edit->txn, TABLE_ZONES, key, &now);
	application->bad |= !same_bytes(now, item->before);
	config_note(edit,
	    item->after.len > 0 ? store_put(edit->txn, TABLE_ZONES, key, item->after)
				: store_delete(edit->txn, TABLE_ZONES, key));
}

static void
apply_zone(struct application *application, const struct config_item *item)
{
	struct config_edit *edit = application->edit;
	struct zone_info zone;
	uint32_t next = (uint32_t)config_meta_get(edit->txn, "next_zone");

	if (item->fate == CONFIG_ZONE_ADDED && next <= item->zone)
		config_meta_put(edit, "next_zone", item->zone + 1, 4);
	if (item->fate != CONFIG_ZONE_DELETED)
		return;
	application->bad |= name_valid(item->owner_key.data, item->owner_key.len) != item->owner_key.len;
	if (application->bad || !config_zone(edit->txn, item->owner_key.data, &zone))
		return; /* it was added by the same entry */
	application->bad |= zone.number != item->zone;
	if (!application->bad)
		config_delete_zone(edit, &zone);
}

static void
apply_item(struct application *application, struct bytes octets)
{
	struct config_item item;

	if (!config_item_decode(octets, &item)) {
		application->bad = true;
		return;
	}
	switch (item.what) {
	case CONFIG_OBJECT:
		apply_object(application, &item);
		break;
	case CONFIG_OWNER:
		apply_row(application, &item);
		break;
	case CONFIG_ZONE:
		apply_zone(application, &item);
		break;
	case CONFIG_NOTE:
		record_note_restore(application->edit, item.zone, item.after, item.before);
		break;
	case CONFIG_ALL:
		application->bad = true;
	}
	config_put_item(application->edit, &octets, 1);
}

/* Bring the rows of a zone that came as a whole to those of the entry. */
static void
apply_rows(struct application *application, uint32_t number, bool added, struct reading *reading)
{
	struct config_edit *edit = application->edit;
	uint64_t count = take_number(reading, 8);
	struct zone_data data = {.serial = 0};
	struct zone_difference difference;

	for (size_t i = 0; i < application->nzones; i++)
		if (application->zones[i].number == number)
			memcpy(data.apex, application->zones[i].name, name_len(application->zones[i].name));
	data.rows = added ? NULL : xcalloc(count, sizeof *data.rows);
	for (uint64_t n = 0; n < count; n++) {
		struct bytes key = take_octets(reading, (size_t)take_number(reading, 2)), value;
		uint8_t octets[ZONE_KEY_MAX];

		value = take_octets(reading, (size_t)take_number(reading, 4));
		if (!added) {
			data.rows[data.count++] = (struct zone_row){(uint8_t *)(uintptr_t)key.data, key.len,
			    (uint8_t *)(uintptr_t)value.data, value.len};
			continue;
		}
		application->bad |= key.len > NAME_MAX_KEY;
		if (application->bad || edit->error != 0)
			break;
		put32(octets, number);
		memcpy(octets + 4, key.data, key.len);
		config_note(
		    edit, store_append(edit->txn, TABLE_ZONES, (struct bytes){octets, 4 + key.len}, value));
	}
	if (!added)
		config_put_zone(edit, &data, &difference);
	free(data.rows);
}

static void
apply_zone_names(struct application *application)
{
	struct config_edit *edit = application->edit;

	for (size_t i = 0; i < application->nzones; i++) {
		const struct zone_info *zone = &application->zones[i];
		uint8_t value[ZONE_VALUE_LEN];

		put32(value, zone->number);
		put32(value + 4, zone->serial);
		put64(value + 8, (uint64_t)zone->loaded);
		config_note(edit,
		    store_put(edit->txn, TABLE_ZONE_NAMES, (struct bytes){zone->name, name_len(zone->name)},
			(struct bytes){value, sizeof value}));
	}
}

static void
apply_body(struct application *application)
{
	struct config_edit *edit = application->edit;
	struct reading *rows = &application->rows;

	for (uint32_t i = 0; i < application->nitems && !application->bad && edit->error == 0; i++)
		apply_item(application,
		    take_octets(&application->items, (size_t)take_number(&application->items, 4)));
	take_number(rows, 4);
	for (size_t i = 0; i < application->nwhole && !application->bad && edit->error == 0; i++) {
		uint32_t number = (uint32_t)take_number(rows, 4);
		bool added = take_number(rows, 1) != 0;

		apply_rows(application, number, added, rows);
	}
	apply_zone_names(application);
	config_note(
	    edit, store_put(edit->txn, TABLE_META, (struct bytes){"identity", 8}, application->identity));
	config_edit_next(edit, application->head);
}

/* Does the entry follow what the edit has? Returns 0 or a negative errno with a sentence. */
static int
check_order(struct config_edit *edit, struct bytes entry, struct entry_head *head, struct problems *problems)
{
	uint8_t last[DIGEST_LEN];

	if (!entry_head(entry, head)) {
		problems_error(problems, "an entry of the cluster's log is damaged");
		return -EBADMSG;
	}
	if (head->schema > CONFIG_SCHEMA) {
		problems_error(problems,
		    "entry %llu needs a newer graycloud (schema %u; this one knows %d): use that version",
		    (unsigned long long)head->generation, head->schema, CONFIG_SCHEMA);
		return -ENOTSUP;
	}
	if (head->generation != edit->sequence) {
		problems_error(problems, "entry %llu does not follow generation %llu",
		    (unsigned long long)head->generation, (unsigned long long)edit->sequence - 1);
		return -ESTALE;
	}
	entry_last_digest(edit->txn, last);
	if (memcmp(last, head->before, DIGEST_LEN) == 0)
		return 0;
	problems_error(problems,
	    "the history of this node and that of the cluster differ before generation %llu",
	    (unsigned long long)head->generation);
	return -EXDEV;
}

static int
apply_one(struct config_edit *edit, struct bytes entry, struct problems *problems)
{
	struct application application = {.edit = edit};
	struct entry_head head;
	uint8_t *body = NULL, digest[DIGEST_LEN];
	int error = check_order(edit, entry, &head, problems);

	if (error != 0)
		return error;
	/* S98: an entry of an older program needs no newer one, whichever applies it. */
	edit->schema = MAX(config_schema(edit->txn), head.schema);
	body = unpack(
	    (struct bytes){(const uint8_t *)entry.data + FRONT_LEN, entry.len - FRONT_LEN}, head.octets);
	application.bad = body == NULL || !read_body(&application, (struct bytes){body, head.octets});
	if (!application.bad)
		apply_body(&application);
	entry_digest(entry, digest);
	config_note(edit, entry_set_last_digest(edit->txn, digest));
	if (application.bad) {
		problems_error(problems,
		    "entry %llu is damaged, or does not fit the configuration of this node",
		    (unsigned long long)head.generation);
		error = -EBADMSG;
	}
	free(application.zones);
	free(application.whole);
	free(body);
	return error != 0 ? error : edit->error;
}

int
entry_apply_after(
    struct config_edit *edit, const struct bytes *entries, size_t count, struct problems *problems)
{
	int error = 0;

	edit->sequence = config_generation(edit->txn) + 1;
	edit->items = 1;
	for (size_t i = 0; i < count && error == 0; i++)
		error = apply_one(edit, entries[i], problems);
	return error;
}

/* Step over the entries that the configuration has already. */
static size_t
known_entries(struct config_edit *edit, const struct bytes *entries, size_t count, bool *fork)
{
	uint8_t last[DIGEST_LEN], digest[DIGEST_LEN];
	struct entry_head head;
	size_t known = 0;

	*fork = false;
	while (known < count && entry_head(entries[known], &head) && head.generation < edit->sequence) {
		if (head.generation + 1 == edit->sequence) {
			entry_last_digest(edit->txn, last);
			entry_digest(entries[known], digest);
			*fork = memcmp(last, digest, DIGEST_LEN) != 0;
		}
		known++;
	}
	return known;
}

/* S96: `node detach` may come first: then this would be a change of a fork. */
static int
check_detached(struct store_txn *config, struct problems *problems)
{
	struct membership ignored;

	if (membership_get(config, &ignored) || !membership_detached_get(config, &ignored))
		return 0;
	problems_error(problems, "this node was detached from its cluster");
	return -EPERM;
}

static int
apply_once(struct store *config, const struct bytes *entries, size_t count, uint64_t *generation,
    struct problems *problems)
{
	struct config_edit *edit = config_edit_begin(config, problems);
	bool fork = false;
	size_t first = count;
	int error;

	if (edit == NULL)
		return -EIO;
	edit->applying = true;
	error = check_detached(edit->txn, problems);
	if (error == 0)
		first = known_entries(edit, entries, count, &fork);
	for (size_t i = first; i < count && !fork && error == 0; i++)
		error = apply_one(edit, entries[i], problems);
	if (fork) {
		problems_error(problems,
		    "the history of this node and that of the cluster differ in generation %llu",
		    (unsigned long long)edit->sequence - 1);
		error = -EXDEV;
	}
	*generation = edit->sequence - 1;
	if (error != 0) {
		config_edit_drop(edit);
		return error;
	}
	error = store_commit(edit->txn);
	free(edit);
	return error;
}

int
entry_apply(struct store *config, const struct bytes *entries, size_t count, uint64_t *generation,
    struct problems *problems)
{
	enum { GROWTHS = 8 };
	size_t told = problems->errors;
	int error = -ENOSPC;

	for (int i = 0; i < GROWTHS && error == -ENOSPC; i++) {
		error = apply_once(config, entries, count, generation, problems);
		if (error == -ENOSPC && !store_full(config))
			break;
	}
	if (error != 0 && problems->errors == told)
		problems_error(problems, "cannot write the configuration: %s%s", strerror(-error),
		    store_write_cure(error));
	return error;
}
