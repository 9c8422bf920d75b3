#include "zones/state/token_rows.h"

#include "zones/document/value.h"
#include "zones/state/membership.h"

static const struct bytes counter_row = {"tokens", 6}, seen_row = {"tokens_seen", 11};

struct token_row
token_row_read(struct bytes octets)
{
	struct value *value = value_read(octets);
	const struct value *version = value_member(value, "version");
	long long number = value_kind(version) == VALUE_INTEGER ? value_integer(version) : 1;
	struct token_row row = {.deleted = value_truth(value_member(value, "deleted")),
	    .deleted_wall = value_integer(value_member(value, "deleted_wall")),
	    .created_wall = value_integer(value_member(value, "created"))};

	if (value != NULL && value_kind(value) == VALUE_OBJECT && number >= 1)
		row.version = (uint64_t)number;
	value_free(value);
	return row;
}

bool
token_row_ended(const struct token_row *row, int64_t now_wall)
{
	return row->deleted && row->deleted_wall > 0 && now_wall - row->deleted_wall > TOKEN_DELETED_KEPT_MS;
}

void
token_rows_each(struct store_txn *config, token_row_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(config, TABLE_TOKENS);
	struct bytes key, value;
	char name[TOKEN_ROW_NAME_MAX + 1];

	for (bool more = cursor != NULL && store_cursor_first(cursor, &key, &value); more;
	     more = store_cursor_next(cursor, &key, &value)) {
		if (key.len > TOKEN_ROW_NAME_MAX)
			continue;
		memcpy(name, key.data, key.len);
		name[key.len] = '\0';
		if (!fn(arg, name, value))
			break;
	}
	store_cursor_close(cursor);
}

bool
token_row_get(struct store_txn *config, const char *name, struct bytes *row)
{
	size_t len = strlen(name);

	return len > 0 && len <= TOKEN_ROW_NAME_MAX &&
	    store_get(config, TABLE_TOKENS, (struct bytes){name, len}, row);
}

static int
count(struct store_txn *config)
{
	uint8_t octets[8];

	put64(octets, token_rows_counter(config) + 1);
	return store_put(config, TABLE_META, counter_row, (struct bytes){octets, sizeof octets});
}

int
token_row_put(struct store_txn *config, const char *name, struct bytes row)
{
	int error = store_put(config, TABLE_TOKENS, (struct bytes){name, strlen(name)}, row);

	return error != 0 || !token_rows_shared(config) ? error : count(config);
}

int
token_row_delete(struct store_txn *config, const char *name)
{
	return store_delete(config, TABLE_TOKENS, (struct bytes){name, strlen(name)});
}

uint64_t
token_rows_counter(struct store_txn *config)
{
	struct bytes value;

	return store_get(config, TABLE_META, counter_row, &value) && value.len == 8 ? get64(value.data) : 0;
}

bool
token_rows_seen(struct store_txn *config, int64_t *wall, uint64_t *counter)
{
	struct bytes value;

	if (!store_get(config, TABLE_META, seen_row, &value) || value.len != 16)
		return false;
	*wall = (int64_t)get64(value.data);
	*counter = get64((const uint8_t *)value.data + 8);
	return true;
}

int
token_rows_seen_put(struct store_txn *config, int64_t wall, uint64_t counter)
{
	uint8_t octets[16];

	put64(octets, (uint64_t)wall);
	put64(octets + 8, counter);
	return store_put(config, TABLE_META, seen_row, (struct bytes){octets, sizeof octets});
}

bool
token_rows_shared(struct store_txn *config)
{
	struct membership ignored;

	return membership_get(config, &ignored) || membership_detached_get(config, &ignored);
}
