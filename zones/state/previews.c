#include "zones/state/previews.h"

#include "zones/state/config_inner.h"

#include <errno.h>
#include <stdlib.h>

enum { REQUEST_HEAD = 8 + 4 }; /* time, length of the monitor's document */

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
	len = get32(at + 8);
	if (len > value.len - REQUEST_HEAD)
		return false;
	request->monitor = (struct bytes){at + REQUEST_HEAD, len};
	request->pools = (const char *)at + REQUEST_HEAD + len;
	request->npools = (value.len - REQUEST_HEAD - len) / ID_LEN;
	return true;
}

static bool
is_old(const struct preview_request *request, int64_t now)
{
	return now - request->asked > PREVIEW_KEPT_MS || request->asked > now + PREVIEW_KEPT_MS;
}

/* Delete what is old, and all if there are too many: ids are random, so there is no oldest one at hand. */
static void
trim(struct config_edit *edit, int64_t now)
{
	struct store_cursor *cursor = store_cursor_open(edit->txn, TABLE_PREVIEWS);
	bool all = store_count(edit->txn, TABLE_PREVIEWS) >= PREVIEWS_MAX;
	struct preview_request request;
	struct bytes key, value;

	if (cursor == NULL)
		config_note(edit, -ENOMEM);
	for (bool more = cursor != NULL && store_cursor_first(cursor, &key, &value); more && edit->error == 0;
	     more = store_cursor_next(cursor, &key, &value))
		if (all || !decode(key, value, &request) || is_old(&request, now))
			config_note(edit, store_cursor_delete(cursor));
	store_cursor_close(cursor);
}

void
preview_ask(struct config_edit *edit, const struct preview_request *request)
{
	size_t len = REQUEST_HEAD + request->monitor.len + request->npools * ID_LEN;
	uint8_t *value = xmalloc(len);

	trim(edit, request->asked);
	put64(value, (uint64_t)request->asked);
	put32(value + 8, (uint32_t)request->monitor.len);
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
	    decode(key, value, request) && !is_old(request, now);
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
preview_answer(struct store_txn *health, const struct id *id, struct bytes json)
{
	struct store_cursor *cursor;
	struct bytes key, value;
	int error = 0;

	if (store_count(health, TABLE_PREVIEW_RESULTS) >= PREVIEWS_MAX) {
		if ((cursor = store_cursor_open(health, TABLE_PREVIEW_RESULTS)) == NULL)
			return -ENOMEM;
		for (bool more = store_cursor_first(cursor, &key, &value); more && error == 0;
		     more = store_cursor_next(cursor, &key, &value))
			error = store_cursor_delete(cursor);
		store_cursor_close(cursor);
	}
	return error != 0 ? error
			  : store_put(health, TABLE_PREVIEW_RESULTS, (struct bytes){id->text, ID_LEN}, json);
}

bool
preview_result(struct store_txn *health, const char *id, struct bytes *json)
{
	return strlen(id) == ID_LEN &&
	    store_get(health, TABLE_PREVIEW_RESULTS, (struct bytes){id, ID_LEN}, json);
}
