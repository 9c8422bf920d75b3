#include "zones/state/shipment.h"

#include "zones/base/array.h"
#include "zones/dns/wire.h"
#include "zones/state/signature_news.h"
#include "zones/state/signing_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WHOLE = 1, STATE = 4 * 8, HEAD = 1 + 2 * STATE + 8 + 1, ITEM_HEAD = 5, ROW_HEAD = 4 };

static const char magic[] = "graycloud-signatures 1";
static const struct bytes identity_key = {"identity", 8};

/* ---- states ---- */

static uint64_t
identity_of(struct store_txn *txn)
{
	struct bytes value;

	return txn != NULL && store_get(txn, TABLE_SIGNER, identity_key, &value) && value.len == 8
	    ? get64(value.data)
	    : 0;
}

int
shipment_name(struct store_txn *txn)
{
	uint8_t value[8];
	int error;

	if (identity_of(txn) != 0)
		return 0;
	random_bytes(value, sizeof value);
	value[0] |= 1;
	error = store_put(txn, TABLE_SIGNER, identity_key, (struct bytes){value, sizeof value});
	return error < 0 ? error : 1;
}

bool
shipment_state_of(struct store_txn *signatures, struct store_txn *sets, struct shipment_state *out)
{
	uint64_t a = identity_of(signatures), b = identity_of(sets);

	if (a == 0 || b == 0)
		return false;
	*out = (struct shipment_state){.identity = a ^ (b << 1 | b >> 63),
	    .news = signature_news_last(signatures),
	    .singles = steered_last(signatures),
	    .sets = steered_last(sets)};
	return true;
}

char *
shipment_state_text(const struct shipment_state *state, char out[SHIPMENT_STATE_TEXT])
{
	snprintf(out, SHIPMENT_STATE_TEXT, "%016" PRIx64 "-%" PRIu64 "-%" PRIu64 "-%" PRIu64, state->identity,
	    state->news, state->singles, state->sets);
	return out;
}

bool
shipment_state_read(const char *text, struct shipment_state *out)
{
	uint64_t *const numbers[] = {&out->news, &out->singles, &out->sets};
	char copy[SHIPMENT_STATE_TEXT], *rest, *word;
	uint8_t identity[8] = {0};
	size_t count = 0;

	snprintf(copy, sizeof copy, "%s", text);
	word = strtok_r(copy, "-", &rest);
	if (word == NULL || strlen(word) != 2 * sizeof identity ||
	    !octets_from_hex(identity, word, sizeof identity))
		return false;
	out->identity = get64(identity);
	while ((word = strtok_r(NULL, "-", &rest)) != NULL)
		if (count == NITEMS(numbers) || !whole_from_text(word, UINT64_MAX, numbers[count++]))
			return false;
	return count == NITEMS(numbers);
}

bool
shipment_state_covers(const struct shipment_state *a, const struct shipment_state *b)
{
	return a->identity == b->identity && a->news >= b->news && a->singles >= b->singles &&
	    a->sets >= b->sets;
}

/* ---- writing ---- */

struct writing {
	const struct shipment_order *order;
	struct shipment_written *out;
};

static uint8_t *
reserve(struct writing *writing, size_t len)
{
	struct shipment_written *out = writing->out;

	out->octets = array_grow_by(out->octets, out->len, len, 1);
	out->len += len;
	return out->octets + out->len - len;
}

/* Begin an item; the caller writes its octets. */
static uint8_t *
item(struct writing *writing, char kind, size_t len)
{
	uint8_t *at = reserve(writing, ITEM_HEAD + len);

	at[0] = (uint8_t)kind;
	put32(at + 1, (uint32_t)len);
	return at + ITEM_HEAD;
}

static void
write_row(void *arg, const struct bytes *owner_key, uint16_t type, struct bytes value)
{
	struct writing *writing = arg;
	uint8_t *at = item(writing, 'S', ROW_HEAD + owner_key->len + value.len);

	put16(at, type);
	put16(at + 2, (uint16_t)owner_key->len);
	memcpy(at + ROW_HEAD, owner_key->data, owner_key->len);
	memcpy(at + ROW_HEAD + owner_key->len, value.data, value.len);
	writing->out->signatures++;
}

static void
write_news(void *arg, const struct bytes *owner_key, uint16_t type)
{
	struct writing *writing = arg;
	const struct shipment_order *order = writing->order;
	struct bytes value;

	if (signature_row(order->signatures, order->zone, owner_key, type, &value))
		write_row(writing, owner_key, type, value);
}

static void
write_steered(void *arg, const struct steered_signature *row)
{
	struct writing *writing = arg;
	uint8_t *octets;
	size_t len;

	if (row->zone != writing->order->zone)
		return;
	octets = steered_encode(row, &len);
	memcpy(item(writing, 'T', len), octets, len);
	free(octets);
	writing->out->signatures++;
}

static void
write_key(void *arg, const struct signing_key *key)
{
	signing_key_encode(key, item(arg, 'K', SIGNING_KEY_OCTETS));
}

static void
write_state(uint8_t *at, const struct shipment_state *state)
{
	put64(at, state->identity);
	put64(at + 8, state->news);
	put64(at + 16, state->singles);
	put64(at + 24, state->sets);
}

static void
write_head(struct writing *writing)
{
	static const struct shipment_state nothing = {0};
	const struct shipment_order *order = writing->order;
	size_t apex_len = name_len(order->apex);
	uint8_t *at = reserve(writing, HEAD + apex_len);

	at[0] = order->since == NULL ? WHOLE : 0;
	write_state(at + 1, order->since == NULL ? &nothing : order->since);
	write_state(at + 1 + STATE, &writing->out->state);
	put64(at + 1 + 2 * STATE, (uint64_t)order->made_ms);
	at[HEAD - 1] = (uint8_t)apex_len;
	memcpy(at + HEAD, order->apex, apex_len);
}

/* These items are written whether they changed or not. */
static void
write_zone(struct writing *writing)
{
	const struct shipment_order *order = writing->order;
	size_t before = writing->out->len;
	struct bytes value;

	if (signed_zone_row(order->signatures, order->zone, &value))
		memcpy(item(writing, 'Z', value.len), value.data, value.len);
	if (rollover_row(order->signatures, order->zone, &value))
		memcpy(item(writing, 'R', value.len), value.data, value.len);
	signing_keys_each(order->signatures, order->zone, write_key, writing);
	digest_of(
	    (struct bytes){writing->out->octets + before, writing->out->len - before}, writing->out->head);
}

static bool
write_signatures(struct writing *writing)
{
	const struct shipment_order *order = writing->order;
	const struct shipment_state *since = order->since;
	bool good = true;

	if (since == NULL)
		signature_rows_each(order->signatures, order->zone, write_row, writing);
	else
		good = signature_news_each(order->signatures, order->zone, since->news, write_news, writing);
	steered_each(order->signatures, since != NULL ? since->singles : 0, write_steered, writing);
	steered_each(order->sets, since != NULL ? since->sets : 0, write_steered, writing);
	return good;
}

/* Put the line in front. */
static void
finish(struct writing *writing)
{
	struct shipment_written *out = writing->out;
	uint8_t digest[DIGEST_LEN];
	char line[SHIPMENT_LINE];
	size_t len;

	digest_of((struct bytes){out->octets, out->len}, digest);
	len = (size_t)snprintf(line, sizeof line, "%s %zu ", magic, out->len);
	for (unsigned i = 0; i < DIGEST_LEN; i++)
		len += (size_t)snprintf(line + len, sizeof line - len, "%02x", digest[i]);
	line[len++] = '\n';
	reserve(writing, len);
	memmove(out->octets + len, out->octets, out->len - len);
	memcpy(out->octets, line, len);
}

void
shipment_write(const struct shipment_order *order, struct shipment_written *out)
{
	struct writing writing = {.order = order, .out = out};

	*out = (struct shipment_written){.len = 0};
	if (shipment_state_of(order->signatures, order->sets, &out->state) &&
	    (order->since == NULL || shipment_state_covers(&out->state, order->since))) {
		write_head(&writing);
		write_zone(&writing);
		if (write_signatures(&writing)) {
			finish(&writing);
			return;
		}
	}
	free(out->octets);
	out->octets = NULL;
}

/* ---- reading ---- */

bool
shipment_line_read(const char *line, uint64_t *len, uint8_t digest[DIGEST_LEN])
{
	size_t prefix = strlen(magic);
	const char *hex;
	char number[24];

	if (strncmp(line, magic, prefix) != 0 || line[prefix] != ' ' ||
	    (hex = strchr(line + prefix + 1, ' ')) == NULL ||
	    (size_t)snprintf(number, sizeof number, "%.*s", (int)(hex - line - (int)prefix - 1),
		line + prefix + 1) >= sizeof number ||
	    !whole_from_text(number, UINT64_C(1) << 40, len) || strlen(++hex) != (size_t)2 * DIGEST_LEN)
		return false;
	return octets_from_hex(digest, hex, DIGEST_LEN);
}

static struct shipment_state
read_state(struct reader *reader)
{
	const uint8_t *at = read_bytes(reader, STATE);

	return at == NULL ? (struct shipment_state){0}
			  : (struct shipment_state){get64(at), get64(at + 8), get64(at + 16), get64(at + 24)};
}

/* Are its records those that it counts? A nameserver walks over them by their number. */
static bool
records_fit(const struct rrset *rrset)
{
	struct reader reader = {rrset->records, rrset->records + rrset->len, false};

	for (unsigned i = 0; i < rrset->count && !reader.bad; i++)
		read_bytes(&reader, read16(&reader));
	return !reader.bad && reader.at == reader.end && rrset->count > 0;
}

static bool
zone_is_good(struct bytes octets)
{
	struct signed_zone zone;

	if (!signed_zone_decode(octets, &zone))
		return false;
	for (unsigned i = 0; i < zone.nkeys; i++)
		if (!records_fit(&zone.keys[i]))
			return false;
	return true;
}

static bool
key_is_good(struct bytes octets)
{
	struct signing_key key;

	if (!signing_key_decode(octets, &key))
		return false;
	for (unsigned i = 0; i < KEY_MARKS; i++)
		if (key.marks[i] > MARK_GOING)
			return false;
	return true;
}

/* One row that cannot be read would be left out, and the others taken: a whole shipment is good, or nothing
 * of it. */
static bool
item_is_good(const struct shipment_item *item)
{
	struct bytes owner_key, contents;
	struct steered_signature row;
	uint16_t type;

	switch (item->kind) {
	case 'Z':
		return zone_is_good(item->octets);
	case 'R':
		return item->octets.len > 0;
	case 'K':
		return key_is_good(item->octets);
	case 'S':
		return shipment_row(item, &type, &owner_key, &contents);
	case 'T':
		return steered_decode(&row, &item->octets);
	default:
		return false;
	}
}

static bool
items_are_good(const struct shipment *shipment)
{
	struct shipment_item item;
	size_t at = 0;

	while (shipment_next(shipment, &at, &item))
		if (!item_is_good(&item))
			return false;
	return at == shipment->items.len;
}

const char *
shipment_open(struct shipment *shipment, struct bytes octets)
{
	const uint8_t *begin = octets.data, *apex, *made;
	struct reader reader = {begin, begin + octets.len, false};
	uint8_t flags = read8(&reader), len;

	*shipment = (struct shipment){.whole = flags & WHOLE};
	shipment->before = read_state(&reader);
	shipment->after = read_state(&reader);
	made = read_bytes(&reader, 8);
	len = read8(&reader);
	apex = read_bytes(&reader, len);
	if (reader.bad || apex == NULL || made == NULL || len == 0 || name_valid(apex, len) != len)
		return "its head is damaged";
	shipment->made_ms = (int64_t)get64(made);
	memcpy(shipment->apex, apex, len);
	name_lower(shipment->apex, shipment->apex);
	shipment->items = (struct bytes){reader.at, (size_t)(reader.end - reader.at)};
	if (flags & ~WHOLE)
		return "it was written by a newer version";
	return items_are_good(shipment) ? NULL : "its rows are damaged";
}

bool
shipment_next(const struct shipment *shipment, size_t *at, struct shipment_item *item)
{
	const uint8_t *next = (const uint8_t *)shipment->items.data + *at;
	size_t left = shipment->items.len - *at;

	if (left < ITEM_HEAD || left - ITEM_HEAD < get32(next + 1))
		return false;
	*item = (struct shipment_item){(char)next[0], {next + ITEM_HEAD, get32(next + 1)}};
	*at += ITEM_HEAD + item->octets.len;
	return true;
}

bool
shipment_row(
    const struct shipment_item *item, uint16_t *type, struct bytes *owner_key, struct bytes *contents)
{
	const uint8_t *at = item->octets.data;
	size_t len;

	if (item->octets.len < ROW_HEAD)
		return false;
	*type = get16(at);
	len = get16(at + 2);
	*owner_key = (struct bytes){at + ROW_HEAD, len};
	if (len == 0 || len > NAME_MAX_KEY || item->octets.len - ROW_HEAD < len)
		return false;
	*contents = (struct bytes){at + ROW_HEAD + len, item->octets.len - ROW_HEAD - len};
	return contents->len > 0;
}
