#include "zones/state/config_restore.h"

#include "zones/state/config_inner.h"
#include "zones/state/membership.h"

#include <errno.h>

static void
clear(struct config_edit *edit, enum store_table table)
{
	struct store_cursor *cursor = store_cursor_open(edit->txn, table);
	struct bytes key, value;
	bool more;

	if (cursor == NULL)
		config_note(edit, -ENOMEM);
	for (more = cursor != NULL && store_cursor_first(cursor, &key, &value); more && edit->error == 0;
	     more = store_cursor_next(cursor, &key, &value))
		config_note(edit, store_cursor_delete(cursor));
	store_cursor_close(cursor);
}

static void
copy(struct config_edit *edit, struct store_txn *from, enum store_table table)
{
	struct store_cursor *cursor = store_cursor_open(from, table);
	struct bytes key, value;
	bool more;

	if (cursor == NULL)
		config_note(edit, -ENOMEM);
	for (more = cursor != NULL && store_cursor_first(cursor, &key, &value); more && edit->error == 0;
	     more = store_cursor_next(cursor, &key, &value))
		config_note(edit, store_append(edit->txn, table, key, value));
	store_cursor_close(cursor);
}

void
config_replace_all(struct config_edit *edit, struct store_txn *from)
{
	static const enum store_table tables[] = {TABLE_ZONES, TABLE_ZONE_NAMES, TABLE_OBJECTS,
	    TABLE_OBJECT_NAMES, TABLE_RECORD_NOTES, TABLE_CHANGES, TABLE_META};
	uint32_t next_zone = (uint32_t)config_meta_get(edit->txn, "next_zone");
	struct membership own;
	bool joined = membership_get(edit->txn, &own);
	const uint8_t all = 'a';

	edit->sequence = MAX(edit->sequence, config_generation(from) + 1);
	for (size_t i = 0; i < NITEMS(tables); i++) {
		clear(edit, tables[i]);
		copy(edit, from, tables[i]);
	}
	/* S90: the membership is of this node, not of the configuration. */
	config_note(edit, membership_put(edit->txn, joined ? &own : NULL));
	config_note(edit, membership_detached_put(edit->txn, NULL));
	clear(edit, TABLE_REFERENCES);
	config_complete_references(edit);
	/* Numbers of zones are never reused. */
	if (edit->error == 0 && config_meta_get(edit->txn, "next_zone") < next_zone)
		config_meta_put(edit, "next_zone", next_zone, 4);
	config_add_item(edit, &(struct bytes){&all, 1}, 1);
}

void
config_return(struct config_edit *edit, struct store_txn *from, const struct membership *membership)
{
	static const enum store_table tables[] = {TABLE_ZONES, TABLE_ZONE_NAMES, TABLE_OBJECTS,
	    TABLE_OBJECT_NAMES, TABLE_REFERENCES, TABLE_RECORD_NOTES, TABLE_CHANGES, TABLE_META};

	for (size_t i = 0; i < NITEMS(tables); i++) {
		clear(edit, tables[i]);
		copy(edit, from, tables[i]);
	}
	config_note(edit, membership_put(edit->txn, membership));
	config_note(edit, membership_detached_put(edit->txn, NULL));
	edit->unlogged = true;
}
