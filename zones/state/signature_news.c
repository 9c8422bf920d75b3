#include "zones/state/signature_news.h"

#include "zones/dns/name.h"

enum { KEY = 4 + 8, FIXED = 4 + 2, ZONE_KEY = 7 + 4 };

static struct bytes
news_key(uint8_t out[KEY], uint64_t sequence)
{
	memcpy(out, "news", 4);
	put64(out + 4, sequence);
	return (struct bytes){out, KEY};
}

static bool
is_news(const struct bytes *key)
{
	return key->len == KEY && memcmp(key->data, "news", 4) == 0;
}

static uint64_t
sequence_of(const struct bytes *key)
{
	return get64((const uint8_t *)key->data + 4);
}

uint64_t
signature_news_last(struct store_txn *txn)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_SIGNER);
	uint8_t octets[KEY];
	struct bytes key, value;
	uint64_t last = 0;
	bool found = store_cursor_seek(cursor, news_key(octets, UINT64_MAX), &key, &value)
	    ? store_cursor_previous(cursor, &key, &value)
	    : store_cursor_last(cursor, &key, &value);

	if (found && is_news(&key))
		last = sequence_of(&key);
	store_cursor_close(cursor);
	return last;
}

static uint64_t
first(struct store_txn *txn)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_SIGNER);
	uint8_t octets[KEY];
	struct bytes key, value;
	uint64_t found = 0;

	if (store_cursor_seek(cursor, news_key(octets, 0), &key, &value) && is_news(&key))
		found = sequence_of(&key);
	store_cursor_close(cursor);
	return found;
}

static int
add(struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type)
{
	uint8_t octets[KEY], value[FIXED + NAME_MAX_KEY];

	put32(value, zone);
	put16(value + 4, type);
	memcpy(value + FIXED, owner_key->data, owner_key->len);
	return store_put(txn, TABLE_SIGNER, news_key(octets, signature_news_last(txn) + 1),
	    (struct bytes){value, FIXED + owner_key->len});
}

int
signature_news_add(struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type)
{
	return add(txn, zone, owner_key, type);
}

int
signature_news_add_all(struct store_txn *txn, uint32_t zone)
{
	return add(txn, zone, &(struct bytes){"", 0}, 0);
}

/* ---- zones ---- */

static struct bytes
zone_key(uint8_t out[ZONE_KEY], uint32_t zone)
{
	memcpy(out, "shipped", 7);
	put32(out + 7, zone);
	return (struct bytes){out, ZONE_KEY};
}

bool
signature_news_has(struct store_txn *txn, uint32_t zone)
{
	uint8_t octets[ZONE_KEY];
	struct bytes value;

	return store_get(txn, TABLE_SIGNER, zone_key(octets, zone), &value);
}

int
signature_news_begin(struct store_txn *txn, uint32_t zone)
{
	uint8_t octets[ZONE_KEY];
	int error;

	if (signature_news_has(txn, zone))
		return 0;
	error = store_put(txn, TABLE_SIGNER, zone_key(octets, zone), (struct bytes){"", 0});
	if (error == 0)
		error = signature_news_add_all(txn, zone);
	return error < 0 ? error : 1;
}

int
signature_news_end(struct store_txn *txn, uint32_t zone)
{
	uint8_t octets[ZONE_KEY];
	int error;

	if (!signature_news_has(txn, zone))
		return 0;
	error = store_delete(txn, TABLE_SIGNER, zone_key(octets, zone));
	return error < 0 ? error : 1;
}

int
signature_news_trim(struct store_txn *txn)
{
	uint64_t last = signature_news_last(txn), from = first(txn);
	uint8_t octets[KEY];
	int error = 0;

	for (; from != 0 && last - from >= NEWS_MAX && error == 0; from++)
		error = store_delete(txn, TABLE_SIGNER, news_key(octets, from));
	return error;
}

bool
signature_news_each(struct store_txn *txn, uint32_t zone, uint64_t after, signature_news_fn *fn, void *arg)
{
	uint64_t oldest = first(txn);
	struct store_cursor *cursor;
	uint8_t octets[KEY];
	struct bytes key, value;
	bool all = after <= signature_news_last(txn) && (oldest == 0 || after + 1 >= oldest);

	cursor = store_cursor_open(txn, TABLE_SIGNER);
	for (bool more = store_cursor_seek(cursor, news_key(octets, after + 1), &key, &value);
	     more && all && is_news(&key); more = store_cursor_next(cursor, &key, &value)) {
		const uint8_t *at = value.data;

		if (value.len < FIXED || get32(at) != zone)
			continue;
		if (get16(at + 4) == 0)
			all = false;
		else
			fn(arg, &(struct bytes){at + FIXED, value.len - FIXED}, get16(at + 4));
	}
	store_cursor_close(cursor);
	return all;
}
