#include "zones/state/proposal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A row: id (32), base (8), CLOCK_BOOTTIME (8), boot id (40, ends with NUL), entry. */
enum { BOOT_LEN = 40, HEAD_LEN = ID_LEN + 8 + 8 + BOOT_LEN };

static bool
decode(struct bytes key, struct bytes value, struct proposal *proposal)
{
	const uint8_t *at = value.data;

	if (key.len != 8 || value.len < HEAD_LEN)
		return false;
	*proposal = (struct proposal){.sequence = get64(key.data),
	    .base = get64(at + ID_LEN),
	    .at_ms = get64(at + ID_LEN + 8),
	    .entry = {at + HEAD_LEN, value.len - HEAD_LEN}};
	memcpy(proposal->id.text, at, ID_LEN);
	return true;
}

/* CLOCK_BOOTTIME of another boot cannot be compared. */
static bool
is_young(struct bytes value, const struct proposal *proposal, uint64_t now_ms)
{
	const char *boot = (const char *)value.data + ID_LEN + 8 + 8;

	return strncmp(boot, boot_id(), BOOT_LEN) == 0 && now_ms <= proposal->at_ms + PROPOSAL_KEPT_MS;
}

bool
proposal_next(struct store_txn *proposals, uint64_t after, uint64_t now_ms, struct proposal *proposal)
{
	struct store_cursor *cursor = store_cursor_open(proposals, TABLE_PROPOSALS);
	struct bytes key, value;
	uint8_t from[8];
	bool more, found = false;

	put64(from, after + 1);
	more = cursor != NULL && store_cursor_seek(cursor, (struct bytes){from, 8}, &key, &value);
	for (; more && !found; more = store_cursor_next(cursor, &key, &value))
		found = decode(key, value, proposal) && is_young(value, proposal, now_ms);
	store_cursor_close(cursor);
	return found;
}

/* Delete the proposals of an id, or if it is NULL those that are too old. */
static int
clean(struct store_txn *proposals, const char *id, uint64_t now_ms)
{
	struct store_cursor *cursor = store_cursor_open(proposals, TABLE_PROPOSALS);
	struct bytes key, value;
	int error = cursor == NULL ? -ENOMEM : 0;
	bool more = cursor != NULL && store_cursor_first(cursor, &key, &value);

	for (; more && error == 0; more = store_cursor_next(cursor, &key, &value)) {
		struct proposal proposal;

		if (!decode(key, value, &proposal) ||
		    (id == NULL ? !is_young(value, &proposal, now_ms) : strcmp(proposal.id.text, id) == 0))
			error = store_cursor_delete(cursor);
	}
	store_cursor_close(cursor);
	return error;
}

static uint64_t
last_sequence(struct store_txn *proposals)
{
	struct store_cursor *cursor = store_cursor_open(proposals, TABLE_PROPOSALS);
	struct bytes key, value;
	uint64_t last = 0;

	if (cursor != NULL && store_cursor_last(cursor, &key, &value) && key.len == 8)
		last = get64(key.data);
	store_cursor_close(cursor);
	return last;
}

int
proposal_put(struct store_txn *proposals, const struct proposal *proposal, uint64_t now_ms)
{
	/* Also above those that were deleted: a sequence is not used twice in a boot. */
	uint64_t last = last_sequence(proposals) + 1, clock = boot_ns(), sequence = MAX(last, clock);
	uint8_t key[8], *value = xcalloc(1, HEAD_LEN + proposal->entry.len);
	int error = clean(proposals, NULL, now_ms);

	put64(key, sequence);
	memcpy(value, proposal->id.text, ID_LEN);
	put64(value + ID_LEN, proposal->base);
	put64(value + ID_LEN + 8, proposal->at_ms);
	snprintf((char *)value + ID_LEN + 16, BOOT_LEN, "%s", boot_id());
	if (proposal->entry.len > 0)
		memcpy(value + HEAD_LEN, proposal->entry.data, proposal->entry.len);
	if (error == 0)
		error = store_put(proposals, TABLE_PROPOSALS, (struct bytes){key, 8},
		    (struct bytes){value, HEAD_LEN + proposal->entry.len});
	free(value);
	return error;
}

int
proposal_delete(struct store_txn *proposals, const char *id)
{
	return clean(proposals, id, 0);
}
