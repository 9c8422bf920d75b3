#include "zones/state/signing_keys.h"

#include "zones/base/digest.h"
#include "zones/dns/wire.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- keys ---- */

enum {
	KEY_FIXED = 2 + 8 + KEY_MARKS * 9, /* flags, created, marks and their times */
	KEY_ROW = KEY_FIXED + DNSKEY_MAX + DS_OCTETS,
	KEY_ROW_KEY = 7,
	PROVIDER_ROW_KEY = 8,
	PROVIDER_KEYS = 255 /* no algorithm (RFC 8624 3.1) */
};

uint16_t
signing_key_dnskey_len(const struct signing_key *key)
{
	return key->algorithm == ALGORITHM_ED25519 ? 4 + 32 : DNSKEY_MAX;
}

static void
read_key(struct signing_key *row, const uint8_t *at)
{
	row->flags = get16(at);
	row->created = (int64_t)get64(at + 2);
	for (unsigned i = 0; i < KEY_MARKS; i++) {
		row->marks[i] = at[10 + i * 9];
		row->since[i] = (int64_t)get64(at + 11 + i * 9);
	}
	memcpy(row->dnskey, at + KEY_FIXED, DNSKEY_MAX);
	memcpy(row->ds, at + KEY_FIXED + DNSKEY_MAX, DS_OCTETS);
}

/* Rows whose key begins with the prefix and has the length. */
static void
each_row(struct store_txn *txn, const uint8_t *prefix, size_t prefix_len, signing_key_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_KEYS);
	struct bytes key, value;
	bool more;

	for (more = store_cursor_seek(cursor, (struct bytes){prefix, prefix_len}, &key, &value);
	     more && key.len == prefix_len + 3 && memcmp(key.data, prefix, prefix_len) == 0;
	     more = store_cursor_next(cursor, &key, &value)) {
		const uint8_t *name = (const uint8_t *)key.data + prefix_len;
		struct signing_key row = {.algorithm = name[0], .key_tag = get16(name + 1)};

		if (value.len != KEY_ROW)
			continue;
		read_key(&row, value.data);
		fn(arg, &row);
	}
	store_cursor_close(cursor);
}

static void
write_key(const struct signing_key *key, uint8_t at[KEY_ROW])
{
	put16(at, key->flags);
	put64(at + 2, (uint64_t)key->created);
	for (unsigned i = 0; i < KEY_MARKS; i++) {
		at[10 + i * 9] = key->marks[i];
		put64(at + 11 + i * 9, (uint64_t)key->since[i]);
	}
	memcpy(at + KEY_FIXED, key->dnskey, DNSKEY_MAX);
	memcpy(at + KEY_FIXED + DNSKEY_MAX, key->ds, DS_OCTETS);
}

static int
put_row(struct store_txn *txn, struct bytes name, const struct signing_key *key)
{
	uint8_t at[KEY_ROW] = {0};

	write_key(key, at);
	return store_put(txn, TABLE_KEYS, name, (struct bytes){at, sizeof at});
}

static struct bytes
key_name(uint8_t name[KEY_ROW_KEY], uint32_t zone, const struct signing_key *key)
{
	put32(name, zone);
	name[4] = key->algorithm;
	put16(name + 5, key->key_tag);
	return (struct bytes){name, KEY_ROW_KEY};
}

void
signing_keys_each(struct store_txn *txn, uint32_t zone, signing_key_fn *fn, void *arg)
{
	uint8_t prefix[4];

	put32(prefix, zone);
	each_row(txn, prefix, sizeof prefix, fn, arg);
}

int
signing_key_put(struct store_txn *txn, uint32_t zone, const struct signing_key *key)
{
	uint8_t name[KEY_ROW_KEY];

	return put_row(txn, key_name(name, zone, key), key);
}

void
signing_key_encode(const struct signing_key *key, uint8_t out[SIGNING_KEY_OCTETS])
{
	_Static_assert(SIGNING_KEY_OCTETS == 3 + KEY_ROW, "algorithm, key tag, row");
	memset(out, 0, SIGNING_KEY_OCTETS);
	out[0] = key->algorithm;
	put16(out + 1, key->key_tag);
	write_key(key, out + 3);
}

bool
signing_key_decode(struct bytes octets, struct signing_key *out)
{
	const uint8_t *at = octets.data;

	if (octets.len != SIGNING_KEY_OCTETS)
		return false;
	*out = (struct signing_key){.algorithm = at[0], .key_tag = get16(at + 1)};
	read_key(out, at + 3);
	return true;
}

int
signing_key_delete(struct store_txn *txn, uint32_t zone, const struct signing_key *key)
{
	uint8_t name[KEY_ROW_KEY];

	return store_delete(txn, TABLE_KEYS, key_name(name, zone, key));
}

/* ---- keys of other providers ---- */

static struct bytes
provider_name(uint8_t name[PROVIDER_ROW_KEY], uint32_t zone, const struct signing_key *key)
{
	put32(name, zone);
	name[4] = PROVIDER_KEYS;
	name[5] = key->algorithm;
	put16(name + 6, key->key_tag);
	return (struct bytes){name, PROVIDER_ROW_KEY};
}

void
provider_keys_each(struct store_txn *txn, uint32_t zone, signing_key_fn *fn, void *arg)
{
	uint8_t prefix[5];

	put32(prefix, zone);
	prefix[4] = PROVIDER_KEYS;
	each_row(txn, prefix, sizeof prefix, fn, arg);
}

int
provider_key_put(struct store_txn *txn, uint32_t zone, const struct signing_key *key)
{
	uint8_t name[PROVIDER_ROW_KEY];

	return put_row(txn, provider_name(name, zone, key), key);
}

int
provider_key_delete(struct store_txn *txn, uint32_t zone, const struct signing_key *key)
{
	uint8_t name[PROVIDER_ROW_KEY];

	return store_delete(txn, TABLE_KEYS, provider_name(name, zone, key));
}

/* RFC 4034 5.1.4: the digest covers the owner and the DNSKEY. */
void
provider_key_describe(struct signing_key *out, const uint8_t *apex, const struct public_key *key)
{
	uint8_t covered[NAME_MAX_LEN + DNSKEY_MAX];
	size_t owner = name_len(apex);

	*out = (struct signing_key){.algorithm = key->dnskey[3],
	    .key_tag = dnskey_tag(key->dnskey, key->len),
	    .flags = get16(key->dnskey)};
	memcpy(out->dnskey, key->dnskey, key->len);
	memcpy(covered, apex, owner);
	memcpy(covered + owner, key->dnskey, key->len);
	put16(out->ds, out->key_tag);
	out->ds[2] = out->algorithm;
	out->ds[3] = 2; /* SHA-256 (RFC 4509) */
	digest_of((struct bytes){covered, owner + key->len}, out->ds + 4);
}

/* ---- rollovers ---- */

const char *
rollover_kind_text(enum rollover_kind kind)
{
	static const char *const texts[ROLLOVER_KINDS] = {[ROLLOVER_NONE] = "none",
	    [ROLLOVER_ENABLE] = "enable",
	    [ROLLOVER_KEY] = "key rollover",
	    [ROLLOVER_ALGORITHM] = "algorithm rollover",
	    [ROLLOVER_EMERGENCY] = "emergency rollover",
	    [ROLLOVER_CANCEL] = "cancellation",
	    [ROLLOVER_DISABLE] = "disable",
	    [ROLLOVER_KEY_LOST] = "disable without the key",
	    [ROLLOVER_DISABLED] = "disabled",
	    [ROLLOVER_KSK] = "KSK rollover",
	    [ROLLOVER_ZSK] = "ZSK rollover",
	    [ROLLOVER_PROVIDER_COMES] = "keys of another provider",
	    [ROLLOVER_PROVIDER_GOES] = "end of another provider",
	    [ROLLOVER_MOVE_OUT] = "move to another provider",
	    [ROLLOVER_CANCEL_ALGORITHM] = "cancellation of an algorithm"};

	return kind < ROLLOVER_KINDS ? texts[kind] : "unknown";
}

bool
rollover_kind_cancels(enum rollover_kind kind)
{
	return kind == ROLLOVER_CANCEL || kind == ROLLOVER_CANCEL_ALGORITHM;
}

bool
rollover_kind_is_led(enum rollover_kind kind)
{
	return kind == ROLLOVER_KEY || kind == ROLLOVER_ALGORITHM || kind == ROLLOVER_EMERGENCY ||
	    rollover_kind_cancels(kind) || kind == ROLLOVER_KSK || kind == ROLLOVER_ZSK;
}

bool
rollover_follows(const struct rollover *rollover)
{
	return rollover->leading.follows && rollover_kind_is_led(rollover->kind);
}

/*
 * The numbers of a row, then the texts, each with its length (1 octet): the step, and the servers. Then who
 * leads: its numbers and its name; rows of older versions end before that.
 */
enum {
	NUMBERS = 4 + 2 * 4 + 2 * 3 + 8 * 8 + 4 * 4 + 2,
	LEADING_NUMBERS = 4 * 4 + 2 * 8 + 1,
	ROW_MAX = NUMBERS + (2 + ROLLOVER_SERVERS_MAX) * 256 + 5 + LEADING_NUMBERS
};

static void
write_text(struct writer *writer, const char *text)
{
	size_t len = MIN(strlen(text), (size_t)ROLLOVER_TEXT - 1);

	write8(writer, (uint8_t)len);
	write_bytes(writer, text, len);
}

static void
write_time(struct writer *writer, int64_t time)
{
	write32(writer, (uint32_t)((uint64_t)time >> 32));
	write32(writer, (uint32_t)(uint64_t)time);
}

static void
write_leading(struct writer *writer, const struct leading *in)
{
	write32(writer, in->term);
	write32(writer, in->change);
	write32(writer, in->led);
	write32(writer, in->asked);
	write_time(writer, (int64_t)in->leader);
	write_time(writer, in->taken);
	write8(writer, in->follows);
	write_text(writer, in->name);
}

int
rollover_put(struct store_txn *txn, uint32_t zone, const struct rollover *in)
{
	uint8_t number[4], value[ROW_MAX];
	struct writer writer = {value, value, value + sizeof value, false};
	const int64_t times[] = {in->began, in->since, in->looked, in->first, in->shown, in->until,
	    (int64_t)in->until_boot, (int64_t)in->boot};

	write8(&writer, in->kind);
	write8(&writer, in->step);
	write8(&writer, in->steps);
	write8(&writer, in->hurry);
	write32(&writer, in->request);
	write32(&writer, in->cancelled);
	write8(&writer, in->old.algorithm);
	write16(&writer, in->old.key_tag);
	write8(&writer, in->new.algorithm);
	write16(&writer, in->new.key_tag);
	for (unsigned i = 0; i < NITEMS(times); i++)
		write_time(&writer, times[i]);
	write32(&writer, in->ttl_dnskey);
	write32(&writer, in->ttl_ds);
	write32(&writer, in->ttl_data);
	write32(&writer, in->failed_looks);
	write16(&writer, (uint16_t)in->nlacking);
	write_text(&writer, in->doing);
	for (unsigned i = 0; i < in->nlacking && i < ROLLOVER_SERVERS_MAX; i++)
		write_text(&writer, in->lacking[i]);
	write32(&writer, in->ttl_ns);
	write_leading(&writer, &in->leading);
	write8(&writer, in->validation);
	put32(number, zone);
	return store_put(txn, TABLE_ROLLOVERS, (struct bytes){number, 4},
	    (struct bytes){value, (size_t)(writer.at - value)});
}

static void
read_numbers(struct rollover *out, const uint8_t *at)
{
	int64_t *times[] = {&out->began, &out->since, &out->looked, &out->first, &out->shown, &out->until};

	out->kind = at[0];
	out->step = at[1];
	out->steps = at[2];
	out->hurry = at[3];
	out->request = get32(at + 4);
	out->cancelled = get32(at + 8);
	out->old = (struct key_id){at[12], get16(at + 13)};
	out->new = (struct key_id){at[15], get16(at + 16)};
	at += 18;
	for (unsigned i = 0; i < NITEMS(times); i++, at += 8)
		*times[i] = (int64_t)get64(at);
	out->until_boot = get64(at);
	out->boot = get64(at + 8);
	out->ttl_dnskey = get32(at + 16);
	out->ttl_ds = get32(at + 20);
	out->ttl_data = get32(at + 24);
	out->failed_looks = get32(at + 28);
	out->nlacking = get16(at + 32);
}

static const uint8_t *
read_text(char out[ROLLOVER_TEXT], const uint8_t *at, const uint8_t *end)
{
	size_t len = at < end ? *at : 0;

	if (at >= end || len >= ROLLOVER_TEXT || (size_t)(end - at) < 1 + len)
		return end;
	memcpy(out, at + 1, len);
	out[len] = '\0';
	return at + 1 + len;
}

/* Returns the place behind it. */
static const uint8_t *
read_leading(struct leading *out, const uint8_t *at, const uint8_t *end)
{
	char name[ROLLOVER_TEXT] = "";

	if (end - at < LEADING_NUMBERS)
		return end;
	out->term = get32(at);
	out->change = get32(at + 4);
	out->led = get32(at + 8);
	out->asked = get32(at + 12);
	out->leader = get64(at + 16);
	out->taken = (int64_t)get64(at + 24);
	out->follows = at[32] != 0;
	at = read_text(name, at + LEADING_NUMBERS, end);
	snprintf(out->name, sizeof out->name, "%.*s", LEADER_MAX, name);
	return at;
}

bool
rollover_row(struct store_txn *txn, uint32_t zone, struct bytes *value)
{
	uint8_t number[4];

	put32(number, zone);
	return store_get(txn, TABLE_ROLLOVERS, (struct bytes){number, 4}, value);
}

int
rollover_row_put(struct store_txn *txn, uint32_t zone, struct bytes value)
{
	uint8_t number[4];

	put32(number, zone);
	return store_put(txn, TABLE_ROLLOVERS, (struct bytes){number, 4}, value);
}

bool
rollover_decode(struct bytes value, struct rollover *out)
{
	const uint8_t *at, *end;

	*out = (struct rollover){0};
	if (value.len < NUMBERS)
		return false;
	at = value.data;
	end = at + value.len;
	read_numbers(out, at);
	at = read_text(out->doing, at + NUMBERS, end);
	for (unsigned i = 0; i < out->nlacking && i < ROLLOVER_SERVERS_MAX; i++)
		at = read_text(out->lacking[i], at, end);
	out->ttl_ns = end - at >= 4 ? get32(at) : 0;
	at = read_leading(&out->leading, end - at >= 4 ? at + 4 : end, end);
	out->validation = at < end ? *at : DS_NOT_VALIDATED;
	return true;
}

bool
rollover_get(struct store_txn *txn, uint32_t zone, struct rollover *out)
{
	struct bytes value;

	*out = (struct rollover){0};
	return rollover_row(txn, zone, &value) && rollover_decode(value, out);
}

int
rollover_delete(struct store_txn *txn, uint32_t zone)
{
	uint8_t number[4];

	put32(number, zone);
	return store_delete(txn, TABLE_ROLLOVERS, (struct bytes){number, 4});
}
