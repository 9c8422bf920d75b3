/* signatures_steered.c -- rows of steered RRsets, in signatures/ and sets/. */
#include "zones/state/signatures_inner.h"

#include <stdlib.h>

static const struct bytes pruned_key = {"pruned", 6};

enum { STEERED_FIXED = 4 + 4 + 2 + SIGNATURE_ROW + 2 };

static unsigned
address_octets(uint16_t type)
{
	return type == TYPE_A ? 4 : type == TYPE_AAAA ? 16 : 0;
}

bool
steered_decode(struct steered_signature *row, const struct bytes *value)
{
	const uint8_t *at = value->data, *end = at + value->len;
	size_t len;

	if (value->len < STEERED_FIXED)
		return false;
	row->zone = get32(at);
	row->ttl = get32(at + 4);
	row->type = get16(at + 8);
	signature_read(&row->signature, at + 10);
	row->count = get16(at + 10 + SIGNATURE_ROW);
	at += STEERED_FIXED;
	if ((len = name_valid(at, (size_t)(end - at))) == 0)
		return false;
	memcpy(row->owner, at, len);
	at += len;
	row->addresses = at;
	if (row->type != TYPE_CNAME)
		return address_octets(row->type) > 0 &&
		    (size_t)(end - at) == (size_t)row->count * address_octets(row->type);
	if ((len = name_valid(at, (size_t)(end - at))) == 0)
		return false;
	memcpy(row->target, at, len);
	return true;
}

uint8_t *
steered_rrset(const struct steered_signature *row, struct rrset *out)
{
	bool cname = row->type == TYPE_CNAME;
	size_t count = cname ? 1 : row->count,
	       len = cname ? name_len(row->target) : address_octets(row->type), used = 0;
	const uint8_t *data = cname ? row->target : row->addresses;
	uint8_t *records = xmalloc(count * (2 + len));

	for (size_t i = 0; i < count; i++, used += 2 + len) {
		put16(records + used, (uint16_t)len);
		memcpy(records + used + 2, data + i * len, len);
	}
	*out = (struct rrset){
	    .type = row->type, .count = (uint16_t)count, .ttl = row->ttl, .records = records, .len = used};
	return records;
}

uint64_t
steered_each(struct store_txn *txn, uint64_t after, steered_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_STEERED);
	struct steered_signature row;
	struct bytes key, value;
	uint8_t first[8];
	uint64_t last = after;

	put64(first, after + 1);
	for (bool more = store_cursor_seek(cursor, (struct bytes){first, 8}, &key, &value); more;
	     more = store_cursor_next(cursor, &key, &value)) {
		if (key.len != 8)
			continue;
		last = get64(key.data);
		if (steered_decode(&row, &value))
			fn(arg, &row);
	}
	store_cursor_close(cursor);
	return last;
}

/* Readers follow the sequence: it goes on when the last row was deleted. */
uint64_t
steered_last(struct store_txn *txn)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_STEERED);
	struct bytes key, value, pruned;
	uint64_t last = store_cursor_last(cursor, &key, &value) && key.len == 8 ? get64(key.data) : 0;

	store_cursor_close(cursor);
	if (store_get(txn, TABLE_SIGNER, pruned_key, &pruned) && pruned.len == 8)
		last = MAX(last, get64(pruned.data));
	return last;
}

int
steered_prune(struct store_txn *txn, steered_keep_fn *keep, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_STEERED);
	struct steered_signature row;
	struct bytes key, value;
	uint8_t last[8];
	int error;

	put64(last, steered_last(txn));
	error = store_put(txn, TABLE_SIGNER, pruned_key, (struct bytes){last, sizeof last});
	for (bool more = store_cursor_first(cursor, &key, &value); more && error == 0;
	     more = store_cursor_next(cursor, &key, &value))
		if (!steered_decode(&row, &value) || !keep(arg, &row))
			error = store_cursor_delete(cursor);
	store_cursor_close(cursor);
	return error;
}

int
steered_sweep(struct store_txn *txn, uint64_t *sequence, unsigned rows, steered_keep_fn *keep, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_STEERED);
	uint64_t last = steered_last(txn);
	struct steered_signature row;
	struct bytes key, value;
	uint8_t octets[8];
	int deleted = 0, error = 0;
	bool more;

	put64(octets, *sequence);
	more = store_cursor_seek(cursor, (struct bytes){octets, 8}, &key, &value);
	for (; more && rows > 0 && error == 0; rows--) {
		if (!steered_decode(&row, &value) || !keep(arg, &row)) {
			error = store_cursor_delete(cursor);
			deleted++;
		}
		more = store_cursor_next(cursor, &key, &value);
	}
	*sequence = more && key.len == 8 ? get64(key.data) : 0;
	store_cursor_close(cursor);
	put64(octets, last);
	if (error == 0 && deleted > 0)
		error = store_put(txn, TABLE_SIGNER, pruned_key, (struct bytes){octets, sizeof octets});
	return error < 0 ? error : deleted;
}

uint8_t *
steered_encode(const struct steered_signature *row, size_t *len)
{
	size_t owner = name_len(row->owner),
	       rest = row->type == TYPE_CNAME ? name_len(row->target)
					      : (size_t)row->count * address_octets(row->type);
	uint8_t *value = xmalloc(STEERED_FIXED + owner + rest);

	*len = STEERED_FIXED + owner + rest;
	put32(value, row->zone);
	put32(value + 4, row->ttl);
	put16(value + 8, row->type);
	signature_write(value + 10, &row->signature);
	put16(value + 10 + SIGNATURE_ROW, row->count);
	memcpy(value + STEERED_FIXED, row->owner, owner);
	memcpy(value + STEERED_FIXED + owner, row->type == TYPE_CNAME ? row->target : row->addresses, rest);
	return value;
}

int
steered_append(struct store_txn *txn, const struct steered_signature *row)
{
	uint8_t key[8];
	size_t len;
	uint8_t *value = steered_encode(row, &len);
	int error;

	put64(key, steered_last(txn) + 1);
	error = store_append(txn, TABLE_STEERED, (struct bytes){key, 8}, (struct bytes){value, len});
	free(value);
	return error;
}

uint64_t
steered_count(struct store_txn *txn)
{
	return store_count(txn, TABLE_STEERED);
}
