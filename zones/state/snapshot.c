#include "zones/state/snapshot.h"

#include "zones/state/membership.h"

#include "zones/base/pack.h"
#include "zones/base/text.h"
#include "zones/state/config_inner.h"
#include "zones/state/entry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A snapshot: "GCS", format (1), schema (4), generation (8), identity (32), octets of the rows (8), and the
 * rows, packed. A row: table (1), length of the key (4), key, length of the value (4), value; in the order of
 * the tables below and of the keys.
 */
enum { FRONT_LEN = 56, FORMAT = 1 };
static const char magic[4] = {'G', 'C', 'S', FORMAT};

/* The numbers in a snapshot are places in this list: never change one. References follow from the objects. */
static const enum store_table tables[] = {TABLE_ZONES, TABLE_ZONE_NAMES, TABLE_OBJECTS, TABLE_OBJECT_NAMES,
    TABLE_RECORD_NOTES, TABLE_CHANGES, TABLE_META};

bool
snapshot_head(struct bytes snapshot, struct snapshot_head *head)
{
	const uint8_t *at = snapshot.data;

	if (snapshot.len <= FRONT_LEN || memcmp(at, magic, sizeof magic) != 0)
		return false;
	*head = (struct snapshot_head){
	    .schema = get32(at + 4), .generation = get64(at + 8), .octets = (size_t)get64(at + 48)};
	memcpy(head->identity.text, at + 16, ID_LEN);
	return true;
}

/* ---- taking ---- */

/* Rows of meta that are of one node. */
static bool
is_private(enum store_table table, struct bytes key)
{
	static const char *const names[] = {"cluster", "choice", "tokens", "tokens_seen", "history"};
	bool found = false;

	for (size_t i = 0; i < NITEMS(names) && table == TABLE_META; i++)
		found |= key.len == strlen(names[i]) && memcmp(key.data, names[i], key.len) == 0;
	return found;
}

static void
write_octets(FILE *out, struct bytes octets)
{
	uint8_t len[4];

	put32(len, (uint32_t)octets.len);
	fwrite(len, 1, sizeof len, out);
	if (octets.len > 0)
		fwrite(octets.data, 1, octets.len, out);
}

static void
write_table(FILE *out, struct store_txn *config, uint8_t number)
{
	struct store_cursor *cursor = store_cursor_open(config, tables[number]);
	struct bytes key, value;

	for (bool more = cursor != NULL && store_cursor_first(cursor, &key, &value); more;
	     more = store_cursor_next(cursor, &key, &value)) {
		if (is_private(tables[number], key))
			continue;
		fputc(number, out);
		write_octets(out, key);
		write_octets(out, value);
	}
	store_cursor_close(cursor);
}

uint8_t *
snapshot_take(struct store_txn *config, size_t *len)
{
	char *rows;
	size_t rows_len, packed_len;
	FILE *out = text_stream(&rows, &rows_len);
	struct id identity = config_identity(config);
	uint8_t *packed, *snapshot;

	for (uint8_t i = 0; i < NITEMS(tables); i++)
		write_table(out, config, i);
	fclose(out);
	packed = pack((struct bytes){rows, rows_len}, &packed_len);
	free(rows);
	snapshot = xcalloc(1, FRONT_LEN + packed_len);
	memcpy(snapshot, magic, sizeof magic);
	put32(snapshot + 4, config_schema(config));
	put64(snapshot + 8, config_generation(config));
	memcpy(snapshot + 16, identity.text, ID_LEN);
	put64(snapshot + 48, rows_len);
	memcpy(snapshot + FRONT_LEN, packed, packed_len);
	free(packed);
	*len = FRONT_LEN + packed_len;
	return snapshot;
}

/* ---- loading ---- */

/* Take a length and its octets from the front. */
static bool
take_octets(struct bytes *from, struct bytes *out)
{
	if (from->len < 4)
		return false;
	out->len = get32(from->data);
	out->data = (const uint8_t *)from->data + 4;
	if (out->len > from->len - 4)
		return false;
	from->data = (const uint8_t *)out->data + out->len;
	from->len -= 4 + out->len;
	return true;
}

static void
clear(struct config_edit *edit, enum store_table table)
{
	struct store_cursor *cursor = store_cursor_open(edit->txn, table);
	struct bytes key, value;

	for (bool more = cursor != NULL && store_cursor_first(cursor, &key, &value); more && edit->error == 0;
	     more = store_cursor_next(cursor, &key, &value))
		if (!is_private(table, key))
			config_note(edit, store_cursor_delete(cursor));
	store_cursor_close(cursor);
}

/* Returns false if the rows are damaged. */
static bool
put_rows(struct config_edit *edit, struct bytes rows)
{
	while (rows.len > 0 && edit->error == 0) {
		uint8_t number = *(const uint8_t *)rows.data;
		struct bytes key, value;

		rows.data = (const uint8_t *)rows.data + 1;
		rows.len--;
		if (number >= NITEMS(tables) || !take_octets(&rows, &key) || !take_octets(&rows, &value) ||
		    key.len == 0)
			return false;
		if (!is_private(tables[number], key))
			config_note(edit, store_put(edit->txn, tables[number], key, value));
	}
	return true;
}

/* May it replace this configuration? Returns 0 or a negative errno with a sentence. */
static int
check(struct config_edit *edit, const struct snapshot_head *head, bool chosen, struct problems *problems)
{
	uint64_t generation = config_generation(edit->txn);
	struct id identity = config_identity(edit->txn);

	if (head->schema > CONFIG_SCHEMA) {
		problems_error(problems,
		    "the configuration of the cluster needs a newer graycloud (schema %u; this one knows "
		    "%d): "
		    "use that version",
		    head->schema, CONFIG_SCHEMA);
		return -ENOTSUP;
	}
	if (generation == 0 || chosen)
		return 0;
	if (strcmp(identity.text, head->identity.text) != 0) {
		problems_error(problems,
		    "this node has a configuration of its own, which is not that of the cluster: a node that "
		    "joins must have none");
		return -EXDEV;
	}
	if (generation < head->generation)
		return 0;
	problems_error(problems,
	    "the configuration of this node (generation %llu) is not older than that of the cluster "
	    "(generation %llu)",
	    (unsigned long long)generation, (unsigned long long)head->generation);
	return -EXDEV;
}

static int
load_once(struct store *config, const struct snapshot_head *head, struct bytes rows,
    const struct snapshot_follow *follow, struct problems *problems)
{
	struct config_edit *edit = config_edit_begin(config, problems);
	int error;

	if (edit == NULL)
		return -EIO;
	edit->applying = true;
	error = check(edit, head, follow != NULL, problems);
	if (follow != NULL && error == 0)
		error = membership_choice_put(edit->txn, CHOICE_NONE);
	for (size_t i = 0; i < NITEMS(tables) && error == 0; i++)
		clear(edit, tables[i]);
	clear(edit, TABLE_REFERENCES);
	if (error == 0 && !put_rows(edit, rows)) {
		problems_error(problems, "the snapshot of the cluster is damaged");
		error = -EBADMSG;
	}
	if (error == 0)
		config_complete_references(edit);
	if (error == 0 && follow != NULL)
		config_meta_put(edit, "history", config_history(edit->txn) + 1, 8);
	if (error == 0 && follow != NULL)
		error = entry_apply_after(edit, follow->entries, follow->count, problems);
	if (error == 0)
		error = edit->error;
	if (error != 0) {
		config_edit_drop(edit);
		return error;
	}
	error = store_commit(edit->txn);
	free(edit);
	return error;
}

int
snapshot_load(struct store *config, struct bytes snapshot, const struct snapshot_follow *follow,
    struct problems *problems)
{
	enum { GROWTHS = 12 };
	struct snapshot_head head;
	uint8_t *rows = NULL;
	size_t before = problems->errors;
	int error = -ENOSPC;

	if (snapshot_head(snapshot, &head))
		rows = unpack(
		    (struct bytes){(const uint8_t *)snapshot.data + FRONT_LEN, snapshot.len - FRONT_LEN},
		    head.octets);
	if (rows == NULL) {
		problems_error(problems, "the snapshot of the cluster is damaged");
		return -EBADMSG;
	}
	for (int i = 0; i < GROWTHS && error == -ENOSPC; i++) {
		error = load_once(config, &head, (struct bytes){rows, head.octets}, follow, problems);
		if (error == -ENOSPC && !store_full(config))
			break;
	}
	free(rows);
	if (error != 0 && problems->errors == before)
		problems_error(problems, "cannot write the configuration: %s%s", strerror(-error),
		    store_write_cure(error));
	return error;
}
