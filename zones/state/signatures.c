#include "zones/state/signatures_inner.h"

#include <errno.h>
#include <stdlib.h>

enum {
	CONTENTS_MAX = 2, /* of a type: the newest, and the one before */
	CONTENTS_USED = 1,
	NSECS_MAX = 24, /* those of times to come are many */
	NSECS_USED = 3, /* of a load balancer at once */
	KEY_ROOM = 4 + NAME_MAX_KEY + 2
};

static const struct bytes signer_key = {"signer", 6}, generation_key = {"generation", 10},
			  newest_key = {"newest", 6}, clock_key = {"clock", 5};

static struct bytes
row_key(uint8_t out[KEY_ROOM], uint32_t zone, const struct bytes *owner_key, uint16_t type)
{
	put32(out, zone);
	memcpy(out + 4, owner_key->data, owner_key->len);
	put16(out + 4 + owner_key->len, type);
	return (struct bytes){out, 4 + owner_key->len + 2};
}

/* ---- signatures of zone data ---- */

struct signature_reader {
	struct store_txn *txn;
	uint32_t zone;
	uint64_t writes; /* of the transaction, when the cursor was opened */
	struct store_cursor *cursor;
	struct bytes key, value; /* the row under the cursor; an empty key: none */
	bool behind;             /* the content that was found last */
};

struct signature_reader *
signature_reader_new(struct store_txn *txn, uint32_t zone)
{
	struct signature_reader *reader = xcalloc(1, sizeof *reader);

	reader->txn = txn;
	reader->zone = zone;
	return reader;
}

void
signature_reader_free(struct signature_reader *reader)
{
	if (reader == NULL)
		return;
	store_cursor_close(reader->cursor);
	free(reader);
}

void
signature_read(struct signature *signature, const uint8_t *at)
{
	signature->algorithm = at[0];
	signature->key_tag = get16(at + 1);
	signature->inception = get32(at + 3);
	signature->expiration = get32(at + 7);
	memcpy(signature->octets, at + 11, SIGNATURE_OCTETS);
}

void
signature_write(uint8_t *at, const struct signature *signature)
{
	at[0] = signature->algorithm;
	put16(at + 1, signature->key_tag);
	put32(at + 3, signature->inception);
	put32(at + 7, signature->expiration);
	memcpy(at + 11, signature->octets, SIGNATURE_OCTETS);
}

/* The octets of the content at the front of a value; 0: there is none. */
static size_t
content_len(const uint8_t *at, size_t len)
{
	size_t whole = len >= 9 ? 9 + (size_t)at[8] * SIGNATURE_ROW : 0;

	return whole <= len ? whole : 0;
}

/* *place: how many contents are before it. */
static unsigned
find_content(const struct bytes *value, uint64_t hash, struct signature out[SIGNATURES_MAX], unsigned *place)
{
	const uint8_t *at = value->data;
	size_t left = value->len, len;

	for (*place = 0; (len = content_len(at, left)) > 0; at += len, left -= len, ++*place) {
		unsigned count = MIN(at[8], SIGNATURES_MAX);

		if (get64(at) != hash)
			continue;
		for (unsigned i = 0; i < count; i++)
			signature_read(&out[i], at + 9 + (size_t)i * SIGNATURE_ROW);
		return count;
	}
	return 0;
}

static bool
same_key(const struct bytes *a, const struct bytes *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Move the cursor to a row: often it is there, or it is the next one. */
static bool
move(struct signature_reader *reader, const struct bytes *key)
{
	if (reader->writes != store_writes(reader->txn)) {
		store_cursor_close(reader->cursor);
		reader->cursor = NULL;
		reader->key.len = 0;
	}
	reader->writes = store_writes(reader->txn);
	if (reader->cursor == NULL)
		reader->cursor = store_cursor_open(reader->txn, TABLE_SIGNATURES);
	else if (reader->key.len > 0 &&
	    (same_key(&reader->key, key) ||
		(store_cursor_next(reader->cursor, &reader->key, &reader->value) &&
		    same_key(&reader->key, key))))
		return true;
	if (store_cursor_seek(reader->cursor, *key, &reader->key, &reader->value))
		return same_key(&reader->key, key);
	reader->key.len = 0;
	return false;
}

unsigned
signature_find(struct signature_reader *reader, const struct bytes *owner_key, uint16_t type, uint64_t hash,
    struct signature out[SIGNATURES_MAX])
{
	uint8_t octets[KEY_ROOM];
	struct bytes key = row_key(octets, reader->zone, owner_key, type);
	unsigned place = 0, count = move(reader, &key) ? find_content(&reader->value, hash, out, &place) : 0;

	reader->behind = count > 0 && place >= (type == TYPE_NSEC ? NSECS_USED : CONTENTS_USED);
	return count;
}

bool
signature_is_behind(const struct signature_reader *reader)
{
	return reader->behind;
}

/* Append contents of a row to value, without the one with this hash. Returns the octets of value. */
static size_t
copy_contents(uint8_t *value, size_t used, struct bytes *from, uint64_t hash, unsigned most)
{
	size_t len;

	while (most > 0 && (len = content_len(from->data, from->len)) > 0) {
		if (get64(from->data) != hash) {
			memcpy(value + used, from->data, len);
			used += len;
			most--;
		}
		from->data = (const uint8_t *)from->data + len;
		from->len -= len;
	}
	return used;
}

enum { VALUE_ROOM = NSECS_MAX * (9 + SIGNATURES_MAX * SIGNATURE_ROW) };

/* Make a row of the old one (its octets are copied) and of one more content. */
static struct bytes
row_with(uint8_t value[VALUE_ROOM], struct bytes old, uint16_t type, uint64_t hash,
    const struct signature *signatures, unsigned count, enum signature_order order)
{
	unsigned most = type == TYPE_NSEC ? NSECS_MAX : CONTENTS_MAX,
		 in_use = type == TYPE_NSEC ? NSECS_USED : CONTENTS_USED;
	size_t used = 0;

	in_use = order == SIGNATURE_LATER ? in_use : 0;
	used = copy_contents(value, used, &old, hash, in_use);
	put64(value + used, hash);
	value[used + 8] = (uint8_t)count;
	used += 9;
	for (unsigned i = 0; i < count; i++, used += SIGNATURE_ROW)
		signature_write(value + used, &signatures[i]);
	used = copy_contents(value, used, &old, hash, most - in_use - 1);
	return (struct bytes){value, used};
}

int
signature_put(struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type,
    uint64_t hash, const struct signature *signatures, unsigned count, enum signature_order order)
{
	uint8_t octets[KEY_ROOM], value[VALUE_ROOM];
	struct bytes key = row_key(octets, zone, owner_key, type), old = {NULL, 0};

	store_get(txn, TABLE_SIGNATURES, key, &old);
	return store_put(
	    txn, TABLE_SIGNATURES, key, row_with(value, old, type, hash, signatures, count, order));
}

int
signature_drop(
    struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type, uint64_t hash)
{
	uint8_t octets[KEY_ROOM], value[VALUE_ROOM];
	struct bytes key = row_key(octets, zone, owner_key, type), old;
	size_t len;

	if (!store_get(txn, TABLE_SIGNATURES, key, &old))
		return 0;
	len = copy_contents(value, 0, &old, hash, NSECS_MAX);
	return len > 0 ? store_put(txn, TABLE_SIGNATURES, key, (struct bytes){value, len})
		       : store_delete(txn, TABLE_SIGNATURES, key);
}

struct signature_writer {
	struct store_cursor *cursor; /* NULL: the store is damaged */
};

struct signature_writer *
signature_writer_new(struct store_txn *txn)
{
	struct signature_writer *writer = xmalloc(sizeof *writer);

	writer->cursor = store_cursor_open(txn, TABLE_SIGNATURES);
	return writer;
}

void
signature_writer_free(struct signature_writer *writer)
{
	if (writer == NULL)
		return;
	store_cursor_close(writer->cursor);
	free(writer);
}

int
signature_write_next(struct signature_writer *writer, uint32_t zone, const struct bytes *owner_key,
    uint16_t type, uint64_t hash, const struct signature *signatures, unsigned count,
    enum signature_order order)
{
	uint8_t octets[KEY_ROOM], value[VALUE_ROOM];
	struct bytes key = row_key(octets, zone, owner_key, type), found, old = {NULL, 0};

	if (writer->cursor == NULL)
		return -EBADMSG;
	if (!store_cursor_seek(writer->cursor, key, &found, &old) || !same_key(&found, &key))
		old.len = 0;
	return store_cursor_put(
	    writer->cursor, key, row_with(value, old, type, hash, signatures, count, order));
}

bool
signature_row(
    struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type, struct bytes *value)
{
	uint8_t octets[KEY_ROOM];

	return store_get(txn, TABLE_SIGNATURES, row_key(octets, zone, owner_key, type), value);
}

void
signature_rows_each(struct store_txn *txn, uint32_t zone, signature_row_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_SIGNATURES);
	uint8_t prefix[4];
	struct bytes key, value;

	put32(prefix, zone);
	for (bool more = store_cursor_seek(cursor, (struct bytes){prefix, 4}, &key, &value);
	     more && key.len >= 6 && memcmp(key.data, prefix, 4) == 0;
	     more = store_cursor_next(cursor, &key, &value)) {
		const uint8_t *at = key.data;
		const struct bytes owner_key = {at + 4, key.len - 6};

		fn(arg, &owner_key, get16(at + key.len - 2), value);
	}
	store_cursor_close(cursor);
}

uint64_t
signature_rows_count(struct store_txn *txn)
{
	return store_count(txn, TABLE_SIGNATURES);
}

unsigned
signature_row_first(struct bytes value, struct signature out[SIGNATURES_MAX])
{
	const uint8_t *at = value.data;
	unsigned count = content_len(at, value.len) > 0 ? MIN(at[8], SIGNATURES_MAX) : 0;

	for (unsigned i = 0; i < count; i++)
		signature_read(&out[i], at + 9 + (size_t)i * SIGNATURE_ROW);
	return count;
}

unsigned
signature_row_find(struct bytes value, uint64_t hash, struct signature out[SIGNATURES_MAX])
{
	unsigned place;

	return find_content(&value, hash, out, &place);
}

int
signature_merge(struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type,
    struct bytes value, bool *changed)
{
	struct bytes contents[NSECS_MAX], old;
	unsigned count = 0;
	size_t len;
	int error = 0;

	*changed = !signature_row(txn, zone, owner_key, type, &old) || !same_key(&old, &value);
	while (*changed && count < NSECS_MAX && (len = content_len(value.data, value.len)) > 0) {
		contents[count++] = (struct bytes){value.data, len};
		value.data = (const uint8_t *)value.data + len;
		value.len -= len;
	}
	/* Each goes to the front: the last one first. */
	for (unsigned i = count; i-- > 0 && error == 0;) {
		const uint8_t *at = contents[i].data;
		struct signature signatures[SIGNATURES_MAX];
		unsigned signers = signature_row_first(contents[i], signatures);

		error =
		    signature_put(txn, zone, owner_key, type, get64(at), signatures, signers, SIGNATURE_NOW);
	}
	return error;
}

int
signatures_sweep(struct store_txn *txn, struct signature_place *place, unsigned rows,
    signature_needed_fn *needed, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_SIGNATURES);
	struct bytes key, value;
	int deleted = 0, error = 0;
	bool more = store_cursor_seek(cursor, (struct bytes){place->key, place->len}, &key, &value);

	for (; more && rows > 0 && error == 0; rows--) {
		uint8_t octets[sizeof place->key];
		const uint8_t *at = octets;
		size_t len = MIN(key.len, sizeof octets);
		struct bytes owner = {at + 4, len >= 6 ? len - 6 : 0};

		memcpy(octets, key.data, len); /* needed may read, which moves nothing, but deleting does */
		if (len < 6 || !needed(arg, get32(at), &owner, get16(at + len - 2))) {
			error = store_cursor_delete(cursor);
			deleted++;
		}
		more = store_cursor_next(cursor, &key, &value);
	}
	place->len = more && key.len <= sizeof place->key ? key.len : 0;
	memcpy(place->key, key.data, place->len);
	store_cursor_close(cursor);
	return error < 0 ? error : deleted;
}

static int
drop_rows(struct store_txn *txn, enum store_table table, uint32_t zone)
{
	struct store_cursor *cursor = store_cursor_open(txn, table);
	uint8_t prefix[4];
	struct bytes key, value;
	int error = 0;
	bool more;

	put32(prefix, zone);
	more = store_cursor_seek(cursor, (struct bytes){prefix, 4}, &key, &value);
	while (more && error == 0 && key.len >= 4 && memcmp(key.data, prefix, 4) == 0) {
		error = store_cursor_delete(cursor);
		more = store_cursor_next(cursor, &key, &value);
	}
	store_cursor_close(cursor);
	return error;
}

/* ---- renewals ---- */

enum { RENEWED_KEY = 7 + 4 + 8, RENEWED_KEPT = 16 };

static struct bytes
renewed_key(uint8_t out[RENEWED_KEY], uint32_t zone, uint64_t version)
{
	memcpy(out, "renewed", 7);
	put32(out + 7, zone);
	put64(out + 11, version);
	return (struct bytes){out, RENEWED_KEY};
}

int
signatures_renewed_put(
    struct store_txn *txn, uint32_t zone, uint64_t version, const struct bytes *owner_keys, size_t count)
{
	uint8_t octets[RENEWED_KEY], *value, *at;
	size_t len = 0;
	int error;

	for (size_t i = 0; i < count; i++)
		len += 2 + owner_keys[i].len;
	at = value = xmalloc(len);
	for (size_t i = 0; i < count; i++) {
		put16(at, (uint16_t)owner_keys[i].len);
		memcpy(at + 2, owner_keys[i].data, owner_keys[i].len);
		at += 2 + owner_keys[i].len;
	}
	error = store_put(txn, TABLE_SIGNER, renewed_key(octets, zone, version), (struct bytes){value, len});
	free(value);
	if (error == 0)
		error = store_delete(txn, TABLE_SIGNER, renewed_key(octets, zone, version - RENEWED_KEPT));
	return error == -ENOENT ? 0 : error;
}

static bool
each_renewed(const struct bytes *value, signatures_renewed_fn *fn, void *arg)
{
	const uint8_t *at = value->data, *end = at + value->len;

	while (end - at >= 2) {
		struct bytes key = {at + 2, get16(at)};

		if (key.len == 0 || (size_t)(end - at) < 2 + key.len)
			return false;
		fn(arg, &key);
		at += 2 + key.len;
	}
	return at == end;
}

bool
signatures_renewed(struct store_txn *txn, uint32_t zone, uint64_t after, signatures_renewed_fn *fn, void *arg)
{
	uint8_t octets[RENEWED_KEY];
	struct signed_zone now;
	struct bytes value;

	if (after == 0 || !signed_zone_get(txn, zone, &now) || now.version - after > RENEWED_KEPT)
		return false;
	while (after != now.version)
		if (!store_get(txn, TABLE_SIGNER, renewed_key(octets, zone, ++after), &value) ||
		    !each_renewed(&value, fn, arg))
			return false;
	return true;
}

static int
drop_renewed(struct store_txn *txn, uint32_t zone)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_SIGNER);
	uint8_t from[RENEWED_KEY];
	struct bytes key, value, first = renewed_key(from, zone, 0);
	int error = 0;
	bool more = store_cursor_seek(cursor, first, &key, &value);

	while (more && error == 0 && key.len == RENEWED_KEY && memcmp(key.data, from, 11) == 0) {
		error = store_cursor_delete(cursor);
		more = store_cursor_next(cursor, &key, &value);
	}
	store_cursor_close(cursor);
	return error;
}

int
signatures_drop_zone(struct store_txn *txn, uint32_t zone)
{
	static const enum store_table tables[] = {
	    TABLE_SIGNATURES, TABLE_SIGNED_ZONES, TABLE_KEYS, TABLE_ROLLOVERS};
	int error = drop_renewed(txn, zone);

	for (unsigned i = 0; i < NITEMS(tables) && error == 0; i++)
		error = drop_rows(txn, tables[i], zone);
	return error;
}

/* ---- zones ---- */

enum { ZONE_HEAD = 17, RRSET_FIXED = 12, DATA_KEY = 3 };

static void
read_data_keys(struct signed_zone *out, const uint8_t *at, const uint8_t *end)
{
	unsigned count = at < end ? *at++ : 0;

	for (; out->ndata < MIN(count, DATA_KEYS_MAX) && end - at >= DATA_KEY; at += DATA_KEY)
		out->data[out->ndata++] = (struct key_id){at[0], get16(at + 1)};
}

bool
signed_zone_row(struct store_txn *txn, uint32_t zone, struct bytes *value)
{
	uint8_t number[4];

	put32(number, zone);
	return store_get(txn, TABLE_SIGNED_ZONES, (struct bytes){number, 4}, value);
}

bool
signed_zone_get(struct store_txn *txn, uint32_t zone, struct signed_zone *out)
{
	struct bytes value;

	return signed_zone_row(txn, zone, &value) && signed_zone_decode(value, out);
}

bool
signed_zone_decode(struct bytes value, struct signed_zone *out)
{
	const uint8_t *at, *end;

	if (value.len < ZONE_HEAD)
		return false;
	at = value.data;
	end = at + value.len;
	*out = (struct signed_zone){.version = get64(at), .generation = get64(at + 8)};
	at += ZONE_HEAD;
	for (unsigned i = 0, count = at[-1]; i < count && i < SIGNED_KEYS_MAX; i++) {
		const uint8_t *set = at;

		if (end - set < RRSET_FIXED || (size_t)(end - set) - RRSET_FIXED < get32(set + 8))
			return false;
		out->keys[out->nkeys++] = (struct rrset){.type = get16(set),
		    .ttl = get32(set + 2),
		    .count = get16(set + 6),
		    .len = get32(set + 8),
		    .records = set + RRSET_FIXED};
		at = set + RRSET_FIXED + get32(set + 8);
	}
	read_data_keys(out, at, end);
	return true;
}

unsigned
signed_zone_rrsets(struct bytes value)
{
	return value.len < ZONE_HEAD ? 0 : ((const uint8_t *)value.data)[ZONE_HEAD - 1];
}

int
signed_zone_put(struct store_txn *txn, uint32_t zone, const struct signed_zone *in)
{
	uint8_t number[4], *value, *at;
	size_t size = ZONE_HEAD;
	int error;

	for (unsigned i = 0; i < in->nkeys; i++)
		size += RRSET_FIXED + in->keys[i].len;
	size += 1 + in->ndata * DATA_KEY;
	at = value = xmalloc(size);
	put32(number, zone);
	put64(at, in->version);
	put64(at + 8, in->generation);
	at[16] = (uint8_t)in->nkeys;
	at += ZONE_HEAD;
	for (unsigned i = 0; i < in->nkeys; i++) {
		const struct rrset *set = &in->keys[i];

		put16(at, set->type);
		put32(at + 2, set->ttl);
		put16(at + 6, set->count);
		put32(at + 8, (uint32_t)set->len);
		memcpy(at + RRSET_FIXED, set->records, set->len);
		at += RRSET_FIXED + set->len;
	}
	*at++ = (uint8_t)in->ndata;
	for (unsigned i = 0; i < in->ndata; i++, at += DATA_KEY) {
		at[0] = in->data[i].algorithm;
		put16(at + 1, in->data[i].key_tag);
	}
	error = store_put(txn, TABLE_SIGNED_ZONES, (struct bytes){number, 4}, (struct bytes){value, size});
	free(value);
	return error;
}

void
signed_zones_each(struct store_txn *txn, signed_zone_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_SIGNED_ZONES);
	struct bytes key, value;

	for (bool more = store_cursor_first(cursor, &key, &value); more;
	     more = store_cursor_next(cursor, &key, &value))
		if (key.len == 4)
			fn(arg, get32(key.data));
	store_cursor_close(cursor);
}

bool
signed_zones_any(struct store_txn *txn)
{
	return store_count(txn, TABLE_SIGNED_ZONES) > 0;
}

/* ---- the signer ---- */

bool
signer_beat_get(struct store_txn *txn, struct signer_beat *beat)
{
	struct bytes value;

	if (!store_get(txn, TABLE_SIGNER, signer_key, &value) || value.len != sizeof *beat)
		return false;
	memcpy(beat, value.data, sizeof *beat);
	return true;
}

int
signer_beat_put(struct store_txn *txn, const struct signer_beat *beat)
{
	return store_put(txn, TABLE_SIGNER, signer_key, (struct bytes){beat, sizeof *beat});
}

bool
signer_dead(const struct signer_beat *beat, uint64_t now_ms)
{
	return strcmp(beat->boot, boot_id()) != 0 || now_ms - beat->at_ms > SIGNER_DEAD_MS;
}

uint64_t
signer_generation(struct store_txn *signatures)
{
	struct bytes value;

	return store_get(signatures, TABLE_SIGNER, generation_key, &value) && value.len == 8
	    ? get64(value.data)
	    : 0;
}

int
signer_generation_put(struct store_txn *signatures, uint64_t generation)
{
	uint8_t value[8];

	put64(value, generation);
	return store_put(signatures, TABLE_SIGNER, generation_key, (struct bytes){value, sizeof value});
}

uint32_t
signer_newest(struct store_txn *txn)
{
	struct bytes value;

	return store_get(txn, TABLE_SIGNER, newest_key, &value) && value.len == 4 ? get32(value.data) : 0;
}

int
signer_newest_put(struct store_txn *txn, uint32_t now)
{
	uint8_t value[4];

	put32(value, now);
	return store_put(txn, TABLE_SIGNER, newest_key, (struct bytes){value, sizeof value});
}

bool
signer_clock_get(struct store_txn *sets, int64_t *ahead_ms)
{
	const char *boot = boot_id();
	size_t len = strlen(boot);
	struct bytes value;

	if (len == 0 || !store_get(sets, TABLE_SIGNER, clock_key, &value) || value.len != 8 + len ||
	    memcmp((const uint8_t *)value.data + 8, boot, len) != 0)
		return false;
	*ahead_ms = (int64_t)get64(value.data);
	return true;
}

int
signer_clock_put(struct store_txn *sets, int64_t ahead_ms)
{
	const char *boot = boot_id();
	uint8_t value[8 + 64];
	size_t len = MIN(strlen(boot), sizeof value - 8);

	put64(value, (uint64_t)ahead_ms);
	memcpy(value + 8, boot, len);
	return store_put(sets, TABLE_SIGNER, clock_key, (struct bytes){value, 8 + len});
}
