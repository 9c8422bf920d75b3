#include "zones/state/config_inner.h"

#include "zones/state/config_rows.h"

#include <stdlib.h>

void
config_note(struct config_edit *edit, int rc)
{
	if (edit->error == 0)
		edit->error = rc;
}

uint64_t
config_meta_get(struct store_txn *txn, const char *name)
{
	struct bytes value;

	if (!store_get(txn, TABLE_META, (struct bytes){name, strlen(name)}, &value))
		return 0;
	return value.len == 4 ? get32(value.data) : value.len == 8 ? get64(value.data) : 0;
}

void
config_meta_put(struct config_edit *edit, const char *name, uint64_t number, size_t len)
{
	uint8_t value[8];

	put64(value, number);
	config_note(edit,
	    store_put(edit->txn, TABLE_META, (struct bytes){name, strlen(name)},
		(struct bytes){value + 8 - len, len}));
}

void
config_add_item(struct config_edit *edit, const struct bytes *parts, size_t count)
{
	if (!edit->applying)
		config_put_item(edit, parts, count);
}

void
config_put_item(struct config_edit *edit, const struct bytes *parts, size_t count)
{
	uint8_t key[CHANGE_KEY_LEN], *value, *at;
	size_t len = 0;

	if (edit->error != 0)
		return;
	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	at = value = xmalloc(len);
	for (size_t i = 0; i < count; i++)
		if (parts[i].len > 0)
			at = (uint8_t *)memcpy(at, parts[i].data, parts[i].len) + parts[i].len;
	config_note(edit,
	    store_put(edit->txn, TABLE_CHANGES, config_change_key(key, edit->sequence, edit->items++),
		(struct bytes){value, len}));
	edit->item_octets += len;
	free(value);
}
