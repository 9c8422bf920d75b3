#include "zones/state/previews.h"

#include "zones/state/config_inner.h"

#include <errno.h>
#include <stdlib.h>

enum {
	TIME_LEN = 8,               /* of the request, first in the rows of both tables */
	REQUEST_HEAD = TIME_LEN + 4 /* and the length of the monitor's document */
};

/* ---- limits ---- */

static bool
is_old(int64_t asked, int64_t now)
{
	return now - asked > PREVIEW_KEPT_MS || asked > now + PREVIEW_KEPT_MS;
}

/* A damaged row is the oldest one. */
static int64_t
asked_at(struct bytes value)
{
	return value.len >= TIME_LEN ? (int64_t)get64(value.data) : 0;
}

static int
delete_old(struct store_cursor *cursor, int64_t now)
{
	struct bytes key, value;
	int error = 0;

	for (bool more = store_cursor_first(cursor, &key, &value); more && error == 0;
	     more = store_cursor_next(cursor, &key, &value))
		if (is_old(asked_at(value), now))
			error = store_cursor_delete(cursor);
	return error;
}

/* Of several that are equally old, the first one by its id: the same in both tables. */
static int
delete_oldest(struct store_cursor *cursor)
{
	struct bytes key, value, oldest = {0};
	int64_t time = INT64_MAX;

	for (bool more = store_cursor_first(cursor, &key, &value); more;
	     more = store_cursor_next(cursor, &key, &value))
		if (oldest.len == 0 || asked_at(value) < time) {
			oldest = key;
			time = asked_at(value);
		}
	return oldest.len > 0 && store_cursor_seek(cursor, oldest, &key, &value) ? store_cursor_delete(cursor)
										 : -ENOENT;
}

/* Delete expired rows, and then the oldest ones until the table has at most this number of rows. Returns 0 or
 * an errno.
 */
static int
trim(struct store_txn *txn, enum store_table table, size_t most, int64_t now)
{
	struct store_cursor *cursor = store_cursor_open(txn, table);
	int error = cursor != NULL ? delete_old(cursor, now) : -ENOMEM;

	while (error == 0 && store_count(txn, table) > most)
		error = delete_oldest(cursor);
	store_cursor_close(cursor);
	return error;
}

/* ---- requests ---- */

static bool
decode(struct bytes key, struct bytes value, struct preview_request *request)
{
	const uint8_t *at = value.data;
	size_t len;

	*request = (struct preview_request){.asked = 0};
	if (key.len != ID_LEN || value.len < REQUEST_HEAD)
		return false;
	memcpy(request->id.text, key.data, ID_LEN);
	request->asked = (int64_t)get64(at);
	len = get32(at + TIME_LEN);
	if (len > value.len - REQUEST_HEAD)
		return false;
	request->monitor = (struct bytes){at + REQUEST_HEAD, len};
	request->pools = (const char *)at + REQUEST_HEAD + len;
	request->npools = (value.len - REQUEST_HEAD - len) / ID_LEN;
	return true;
}

void
preview_ask(struct config_edit *edit, const struct preview_request *request)
{
	size_t len = REQUEST_HEAD + request->monitor.len + request->npools * ID_LEN;
	uint8_t *value = xmalloc(len);

	config_note(edit, trim(edit->txn, TABLE_PREVIEWS, PREVIEWS_MAX - 1, request->asked));
	put64(value, (uint64_t)request->asked);
	put32(value + TIME_LEN, (uint32_t)request->monitor.len);
	memcpy(value + REQUEST_HEAD, request->monitor.data, request->monitor.len);
	memcpy(value + REQUEST_HEAD + request->monitor.len, request->pools, request->npools * ID_LEN);
	config_note(edit,
	    store_put(edit->txn, TABLE_PREVIEWS, (struct bytes){request->id.text, ID_LEN},
		(struct bytes){value, len}));
	edit->unlogged = true;
	free(value);
}

bool
preview_get(struct store_txn *config, const char *id, int64_t now, struct preview_request *request)
{
	struct bytes key = {id, strlen(id)}, value;

	return key.len == ID_LEN && store_get(config, TABLE_PREVIEWS, key, &value) &&
	    decode(key, value, request) && !is_old(request->asked, now);
}

void
preview_each(struct store_txn *config, preview_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(config, TABLE_PREVIEWS);
	struct preview_request request;
	struct bytes key, value;
	bool on = true;

	for (bool more = cursor != NULL && store_cursor_first(cursor, &key, &value); on && more;
	     more = store_cursor_next(cursor, &key, &value))
		if (decode(key, value, &request))
			on = fn(arg, &request);
	store_cursor_close(cursor);
}

/* ---- results ---- */

int
preview_answer(struct store_txn *health, const struct id *id, int64_t asked, struct bytes json)
{
	size_t len = TIME_LEN + json.len;
	uint8_t *value = xmalloc(len);
	int error;

	put64(value, (uint64_t)asked);
	memcpy(value + TIME_LEN, json.data, json.len);
	error = store_put(
	    health, TABLE_PREVIEW_RESULTS, (struct bytes){id->text, ID_LEN}, (struct bytes){value, len});
	free(value);
	/* The result of a request that is deleted already may be the oldest one itself. */
	return error != 0 ? error : trim(health, TABLE_PREVIEW_RESULTS, PREVIEWS_MAX, wall_ms());
}

bool
preview_result(struct store_txn *health, const char *id, struct bytes *json)
{
	struct bytes value;

	if (strlen(id) != ID_LEN ||
	    !store_get(health, TABLE_PREVIEW_RESULTS, (struct bytes){id, ID_LEN}, &value) ||
	    value.len < TIME_LEN)
		return false;
	*json = (struct bytes){(const uint8_t *)value.data + TIME_LEN, value.len - TIME_LEN};
	return true;
}
