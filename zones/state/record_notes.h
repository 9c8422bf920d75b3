/*
 * record_notes.h -- ids of records, and the properties of a record beside its data: comment, tags, times, the
 * form in which a client wrote it.
 *
 * The id of a record follows from its name, type and data, so that all nodes have the same. If the API
 * changes one of these, a note keeps the former id. config_write.c deletes the notes of records that it
 * deletes, by a command, a load of the zone or an undo. Each change of a note is an item in the
 * entry of the command (CONFIG_NOTE), so that an undo takes it back.
 */
#ifndef RECORD_NOTES_H
#define RECORD_NOTES_H

#include "zones/state/config_write.h"

/* A record of a zone. The octets belong to the caller. */
struct record_at {
	const struct zone_info *zone;
	struct bytes owner_key; /* name_to_key */
	uint16_t type;
	struct bytes rdata;
};

/* A note. It points into the transaction. */
struct record_note {
	struct id id; /* "": that which follows from name, type and data */
	struct bytes owner_key;
	uint16_t type;
	struct bytes json; /* an object, which this module does not read */
};

/* The first half of the ids of an RRset, which is the same for all of its records. */
uint64_t record_rrset_hash(const struct zone_info *zone, struct bytes owner_key, uint16_t type);
/* The id that follows from the record; the second one is for a record whose first id belongs to another. */
struct id record_id_first(const struct record_at *record);
struct id record_id_second(const struct record_at *record);
/* The id that the record has: that of its note, the first one, or the second. */
struct id record_id(struct store_txn *txn, const struct record_at *record);

/* Has the zone any notes? */
bool record_notes_any(struct store_txn *txn, const struct zone_info *zone);
bool record_note_get(struct store_txn *txn, const struct record_at *record, struct record_note *note);
/* The RRset of the record that has this id by a note. False if no note has it. */
bool record_note_by_id(
    struct store_txn *txn, const struct zone_info *zone, const char *id, struct record_note *note);

/* Write the note of a record; id NULL or the first one: none of its own. An empty json deletes the note. */
void record_note_put(
    struct config_edit *edit, const struct record_at *record, const char *id, struct bytes json);

/* ---- for undo ---- */

/* The present value of a note in the form of items; empty if the note does not exist. value is that of an
 * item. */
struct bytes record_note_now(struct store_txn *txn, uint32_t zone, struct bytes value);
/* The RRset that such a value is of. False if it is damaged. */
bool record_note_of(struct bytes value, struct record_note *note);
/* Are both of the same record? */
bool record_note_same(struct bytes a, struct bytes b);
/* Put back a value; empty: delete the note that after is the value of. */
void record_note_restore(struct config_edit *edit, uint32_t zone, struct bytes before, struct bytes after);

/* ---- for config_write.c ---- */

/* An RRset was written or (after empty) deleted: delete the notes of records that it does not have. */
void record_notes_follow(struct config_edit *edit, const struct zone_info *zone, struct bytes owner_key,
    uint16_t type, struct bytes after);

#endif
