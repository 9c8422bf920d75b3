#include "zones/state/config_past.h"

#include "zones/base/arena.h"
#include "zones/base/array.h"
#include "zones/document/document_load.h"
#include "zones/document/value.h"
#include "zones/state/config_rows.h"

#include <errno.h>
#include <stdlib.h>

enum { TRIES = 20 }; /* a map that is too small doubles */

/* One command being undone. Its items are copied, because a write moves the data that a transaction has read.
 */
struct undoing {
	struct store_txn *txn;
	struct config_past *past;
	struct arena arena;
	struct config_item *items;
	size_t count;
};

static void
note(struct config_past *past, int rc)
{
	if (past->error == 0)
		past->error = rc;
}

static void
keep(struct undoing *undoing, struct bytes *octets)
{
	if (octets->len > 0)
		octets->data = arena_keep(&undoing->arena, octets->data, octets->len);
}

static bool
keep_item(void *arg, const struct config_item *item)
{
	struct undoing *undoing = arg;
	struct config_item *kept;

	undoing->items = array_grow(undoing->items, undoing->count, sizeof *undoing->items);
	kept = &undoing->items[undoing->count++];
	*kept = *item;
	keep(undoing, &kept->owner_key);
	keep(undoing, &kept->before);
	keep(undoing, &kept->after);
	return true;
}

static void
undo_object(struct undoing *undoing, const struct config_item *item)
{
	uint8_t key[OBJECT_KEY_LEN], name_key[1 + OBJECT_NAME_MAX];
	struct bytes row = config_object_key(key, item->kind, item->id.text);
	struct bytes id = {item->id.text, ID_LEN};
	char name[256];

	if (item->after.len > 0 && document_name(item->after, name))
		note(undoing->past,
		    store_delete(
			undoing->txn, TABLE_OBJECT_NAMES, config_name_key(name_key, item->kind, name)));
	if (item->before.len == 0) {
		note(undoing->past, store_delete(undoing->txn, TABLE_OBJECTS, row));
		return;
	}
	note(undoing->past, store_put(undoing->txn, TABLE_OBJECTS, row, item->before));
	if (document_name(item->before, name))
		note(undoing->past,
		    store_put(
			undoing->txn, TABLE_OBJECT_NAMES, config_name_key(name_key, item->kind, name), id));
}

static void
undo_row(struct undoing *undoing, const struct config_item *item)
{
	uint8_t key[ZONE_KEY_MAX];
	struct bytes row = {key, 4 + item->owner_key.len + 2};

	if (row.len > sizeof key)
		return;
	put32(key, item->zone);
	memcpy(key + 4, item->owner_key.data, item->owner_key.len);
	put16(key + 4 + item->owner_key.len, item->type);
	note(undoing->past,
	    item->before.len > 0 ? store_put(undoing->txn, TABLE_ZONES, row, item->before)
				 : store_delete(undoing->txn, TABLE_ZONES, row));
}

/* The serial of a zone by its SOA. Returns false if it has none: its data were not kept. */
static bool
read_serial(struct store_txn *txn, uint32_t number, uint32_t *serial)
{
	uint8_t key[4 + 1 + 2] = {0}; /* the key of the apex is one octet, 0 */
	struct bytes value;
	struct rrset soa;

	put32(key, number);
	put16(key + 5, TYPE_SOA);
	if (!store_get(txn, TABLE_ZONES, (struct bytes){key, sizeof key}, &value) ||
	    !rrset_decode(&soa, TYPE_SOA, value.data, value.len) || soa.len <= 22)
		return false;
	*serial = get32(soa.records + soa.len - 20);
	return true;
}

static void
add_lost(struct undoing *undoing, const struct config_item *item, uint64_t sequence, int64_t time)
{
	struct config_past *past = undoing->past;

	past->lost = array_grow(past->lost, past->nlost, sizeof *past->lost);
	past->lost[past->nlost++] =
	    (struct config_lost){.number = item->zone, .sequence = sequence, .since = time};
}

static void
put_zone(struct undoing *undoing, struct bytes name, uint32_t number, uint32_t serial)
{
	uint8_t value[ZONE_VALUE_LEN] = {0};

	put32(value, number);
	put32(value + 4, serial);
	note(undoing->past,
	    store_put(undoing->txn, TABLE_ZONE_NAMES, name, (struct bytes){value, sizeof value}));
}

/* The kept rows of a deleted zone follow its item, so they have been put back before. */
static void
undo_zone(struct undoing *undoing, const struct config_item *item, uint64_t sequence, int64_t time)
{
	uint32_t serial = 0;

	if (name_valid(item->owner_key.data, item->owner_key.len) != item->owner_key.len)
		return;
	if (item->fate == CONFIG_ZONE_ADDED) {
		note(undoing->past, store_delete(undoing->txn, TABLE_ZONE_NAMES, item->owner_key));
	} else {
		bool known =
		    item->fate == CONFIG_ZONE_DELETED && read_serial(undoing->txn, item->zone, &serial);

		if (!known)
			add_lost(undoing, item, sequence, time);
		put_zone(undoing, item->owner_key, item->zone, serial);
	}
}

static void
delete_entry(struct undoing *undoing, uint64_t sequence)
{
	struct store_cursor *cursor = store_cursor_open(undoing->txn, TABLE_CHANGES);
	uint8_t from[CHANGE_KEY_LEN];
	struct bytes key, value;
	bool more =
	    cursor != NULL && store_cursor_seek(cursor, config_change_key(from, sequence, 0), &key, &value);

	for (; more && undoing->past->error == 0; more = store_cursor_next(cursor, &key, &value))
		note(undoing->past, store_cursor_delete(cursor));
	store_cursor_close(cursor);
}

/* Undo the newest command. Returns false if that cannot be done. */
static bool
undo_newest(struct undoing *undoing, uint64_t sequence, int64_t time)
{
	undoing->count = 0;
	config_each_item(undoing->txn, sequence, keep_item, undoing);
	if (undoing->count > 0 && undoing->items[0].what == CONFIG_ALL) {
		undoing->past->reach = CONFIG_RESTORED;
		return false;
	}
	for (size_t i = undoing->count; i-- > 0 && undoing->past->error == 0;) {
		const struct config_item *item = &undoing->items[i];

		if (item->what == CONFIG_OBJECT)
			undo_object(undoing, item);
		else if (item->what == CONFIG_ZONE)
			undo_zone(undoing, item, sequence, time);
		else if (item->what == CONFIG_OWNER)
			undo_row(undoing, item);
	}
	delete_entry(undoing, sequence);
	arena_free(&undoing->arena);
	undoing->arena = (struct arena){0};
	return undoing->past->error == 0;
}

static bool
read_time(struct store_txn *txn, uint64_t sequence, int64_t *time)
{
	uint8_t key[CHANGE_KEY_LEN];
	struct bytes text;
	struct value *head;

	if (!store_get(txn, TABLE_CHANGES, config_change_key(key, sequence, 0), &text) ||
	    (head = value_read(text)) == NULL)
		return false;
	*time = value_integer(value_member(head, "time"));
	value_free(head);
	return true;
}

/* Undone changes of SOAs: the list of zones has their serials, too. */
struct serials {
	struct store_txn *txn;
	struct zone_info *list;
	size_t count;
};

static bool
compare_serial(void *arg, const struct zone_info *zone)
{
	struct serials *serials = arg;
	uint32_t serial;

	if (!read_serial(serials->txn, zone->number, &serial) || serial == zone->serial)
		return true;
	serials->list = array_grow(serials->list, serials->count, sizeof *serials->list);
	serials->list[serials->count] = *zone;
	serials->list[serials->count++].serial = serial;
	return true;
}

static void
correct_serials(struct undoing *undoing)
{
	struct serials serials = {.txn = undoing->txn};

	config_each_zone(undoing->txn, compare_serial, &serials);
	for (size_t i = 0; i < serials.count; i++) {
		const struct zone_info *zone = &serials.list[i];

		put_zone(
		    undoing, (struct bytes){zone->name, name_len(zone->name)}, zone->number, zone->serial);
	}
	free(serials.list);
}

/* On -ENOSPC with store_full() it is to be repeated in a new transaction. */
static void
run_back(struct store_txn *copy, const struct config_moment *moment, struct config_past *past)
{
	struct undoing undoing = {.txn = copy, .past = past};
	bool going = true;

	*past = (struct config_past){.reach = CONFIG_NOT_YET};
	while (going) {
		uint64_t sequence = config_generation(copy);
		int64_t time;

		if (sequence == 0 || !read_time(copy, sequence, &time)) {
			/* Before command 1 there was no configuration. Others had one before them. */
			past->reach = past->sequence <= 1 ? CONFIG_NOT_YET : CONFIG_TRIMMED;
			break;
		}
		past->sequence = sequence;
		past->since = time;
		if (moment->sequence != 0 ? sequence <= moment->sequence : time <= moment->wall) {
			past->reach = CONFIG_REACHED;
			break;
		}
		going = undo_newest(&undoing, sequence, time);
	}
	if (past->reach == CONFIG_REACHED)
		correct_serials(&undoing);
	if (past->error != 0)
		past->reach = CONFIG_UNWRITTEN;
	arena_free(&undoing.arena);
	free(undoing.items);
}

static void
forget(struct config_past_copy *copy)
{
	store_abort(copy->txn);
	copy->txn = NULL;
	free(copy->known.lost);
	copy->known = (struct config_past){0};
}

struct store_txn *
config_past_open(struct config_past_copy *copy, struct store *config, const struct config_moment *moment,
    struct problems *problems)
{
	int rc = 0;

	*copy = (struct config_past_copy){.store = store_open_copy(config, STORE_CONFIG, problems)};
	for (int i = 0; copy->store != NULL && i < TRIES; i++) {
		forget(copy);
		rc = store_begin(copy->store, STORE_WRITE, &copy->txn);
		if (rc != 0)
			break;
		run_back(copy->txn, moment, &copy->known);
		rc = copy->known.error;
		if (rc != -ENOSPC || !store_full(copy->store))
			break;
	}
	if (rc != 0)
		problems_error(problems, "cannot run the configuration backwards: %s", strerror(-rc));
	return rc == 0 ? copy->txn : NULL;
}

void
config_past_close(struct config_past_copy *copy)
{
	forget(copy);
	store_close(copy->store);
	copy->store = NULL;
}

const struct config_lost *
config_past_lost(const struct config_past *past, struct store_txn *copy, const uint8_t *name)
{
	const struct config_lost *lost = NULL;
	struct zone_info zone;

	if (past->nlost == 0 || !config_zone_of(copy, name, &zone))
		return NULL;
	/* Commands were undone from the newest back: the last one found was the first after the moment. */
	for (size_t i = 0; i < past->nlost; i++)
		if (past->lost[i].number == zone.number)
			lost = &past->lost[i];
	return lost;
}
