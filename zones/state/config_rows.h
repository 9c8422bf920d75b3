/*
 * config_rows.h -- the layout of the rows of the config store. Only the files of config.h use it.
 * Numbers in parentheses are octets.
 *
 * meta: "schema" -> 4 octets; "next_zone" -> 4; "changes_octets" -> 8; "identity" -> 32; "history" -> 8.
 *
 * zone_names: lower-case wire name -> number (4), serial (4), loaded (8).
 *
 * zones: number (4), owner key, type (2) -> value of rrset.h.
 *
 * objects: kind (1), id (32) -> JSON.
 *
 * object_names: kind (1), name -> id (32).
 *
 * references, an index of the objects that a document mentions: 'i', id of the mentioned object in binary
 * (16), id of the document (16) -> kind of the document (1); and of the addresses of origins: 'a', address as
 * the document has it, 0, id of the pool (16) -> kind (1).
 *
 * record_notes: 'n', zone (4), hash of owner and type (8), hash of rdata (8) -> a note: both hashes (16), id
 * (32, or zeros: that which follows from the record), type (2), length of owner key (2), owner key, JSON; and
 * an index of the ids of notes: 'i', zone (4), id (32) -> both hashes (16).
 *
 * changes: sequence (8), item (4) -> for item 0: JSON {time, who, command, reason}; for the others one of
 * these:
 *
 * an object: 'o', kind (1), id (32), length of before (4), before, after;
 *
 * an RRset: 'r', zone (4), length of owner key (2), owner key, type (2), length of before (4), before, after;
 *
 * a kept row: 'k', the same; the row of a zone that was deleted as a whole, for undo and not for the feed;
 *
 * a note: 'n', zone (4), length of before (4), before, after;
 *
 * a zone: 'z', zone (4), fate (1), name;
 *
 * everything: 'a'.
 */
#ifndef CONFIG_ROWS_H
#define CONFIG_ROWS_H

#include "zones/state/config.h"

enum {
	ZONE_VALUE_LEN = 16,
	ZONE_KEY_MAX = 4 + NAME_MAX_KEY,
	OBJECT_KEY_LEN = 1 + ID_LEN,
	OBJECT_NAME_MAX = 255,
	CHANGE_KEY_LEN = 12
};

static inline struct bytes
config_object_key(uint8_t out[OBJECT_KEY_LEN], enum kind kind, const char *id)
{
	out[0] = (uint8_t)kind;
	memcpy(out + 1, id, ID_LEN);
	return (struct bytes){out, OBJECT_KEY_LEN};
}

/* name must be at most OBJECT_NAME_MAX octets long. */
static inline struct bytes
config_name_key(uint8_t out[1 + OBJECT_NAME_MAX], enum kind kind, const char *name)
{
	size_t len = strlen(name);

	out[0] = (uint8_t)kind;
	memcpy(out + 1, name, len);
	return (struct bytes){out, 1 + len};
}

static inline struct bytes
config_change_key(uint8_t out[CHANGE_KEY_LEN], uint64_t sequence, uint32_t item)
{
	put64(out, sequence);
	put32(out + 8, item);
	return (struct bytes){out, CHANGE_KEY_LEN};
}

#endif
