#include "zones/state/shipment.h"

#include "zones/base/array.h"
#include "zones/dns/wire.h"
#include "zones/state/former_keys.h"
#include "zones/state/signature_news.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WHOLE = 1, FORMER = 2, STATE = 4 * 8, HEAD = 1 + 2 * STATE + 8 + 1, ITEM_HEAD = 5, ROW_HEAD = 4 };

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
	struct digest *digest, *head; /* of all; of the items of the zone while they are written, else NULL */
	uint64_t len;
};

static void
put(struct writing *writing, const void *octets, size_t len)
{
	digest_add(writing->digest, octets, len);
	if (writing->head != NULL)
		digest_add(writing->head, octets, len);
	writing->len += len;
	writing->order->put(writing->order->arg, octets, len);
}

/* Begin an item; the caller puts its octets. */
static void
begin_item(struct writing *writing, char kind, size_t len)
{
	uint8_t head[ITEM_HEAD] = {(uint8_t)kind};

	put32(head + 1, (uint32_t)len);
	put(writing, head, sizeof head);
}

static void
put_item(struct writing *writing, char kind, const void *octets, size_t len)
{
	begin_item(writing, kind, len);
	put(writing, octets, len);
}

static void
write_row(void *arg, const struct bytes *owner_key, uint16_t type, struct bytes value)
{
	struct writing *writing = arg;
	uint8_t head[ROW_HEAD];

	put16(head, type);
	put16(head + 2, (uint16_t)owner_key->len);
	begin_item(writing, 'S', ROW_HEAD + owner_key->len + value.len);
	put(writing, head, sizeof head);
	put(writing, owner_key->data, owner_key->len);
	put(writing, value.data, value.len);
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
	put_item(writing, 'T', octets, len);
	free(octets);
	writing->out->signatures++;
}

static void
write_key(void *arg, const struct signing_key *key)
{
	uint8_t octets[SIGNING_KEY_OCTETS];

	signing_key_encode(key, octets);
	put_item(arg, 'K', octets, sizeof octets);
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
	struct bytes former;
	uint8_t head[HEAD];

	head[0] = order->since == NULL ? WHOLE : 0;
	if (former_keys_row(order->signatures, order->zone, &former))
		head[0] |= FORMER;
	write_state(head + 1, order->since == NULL ? &nothing : order->since);
	write_state(head + 1 + STATE, &writing->out->state);
	put64(head + 1 + 2 * STATE, (uint64_t)order->made_ms);
	head[HEAD - 1] = (uint8_t)apex_len;
	put(writing, head, sizeof head);
	put(writing, order->apex, apex_len);
}

/* These items are written whether they changed or not. */
static void
write_zone(struct writing *writing)
{
	const struct shipment_order *order = writing->order;
	struct bytes value;

	writing->head = digest_begin();
	if (signed_zone_row(order->signatures, order->zone, &value))
		put_item(writing, 'Z', value.data, value.len);
	if (rollover_row(order->signatures, order->zone, &value))
		put_item(writing, 'R', value.data, value.len);
	signing_keys_each(order->signatures, order->zone, write_key, writing);
	if (former_keys_row(order->signatures, order->zone, &value))
		put_item(writing, 'F', value.data, value.len);
	digest_end(writing->head, writing->out->head);
	writing->head = NULL;
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

static void
write_line(struct writing *writing)
{
	uint8_t digest[DIGEST_LEN];
	char *line = writing->out->line;
	size_t len;

	digest_end(writing->digest, digest);
	len = (size_t)snprintf(line, SHIPMENT_LINE, "%s %" PRIu64 " ", magic, writing->len);
	for (unsigned i = 0; i < DIGEST_LEN; i++)
		len += (size_t)snprintf(line + len, SHIPMENT_LINE - len, "%02x", digest[i]);
	line[len] = '\n';
}

bool
shipment_write(const struct shipment_order *order, struct shipment_written *out)
{
	struct writing writing = {.order = order, .out = out};
	bool good;

	*out = (struct shipment_written){.signatures = 0};
	if (!shipment_state_of(order->signatures, order->sets, &out->state) ||
	    (order->since != NULL && !shipment_state_covers(&out->state, order->since)))
		return false;
	writing.digest = digest_begin();
	write_head(&writing);
	write_zone(&writing);
	good = write_signatures(&writing);
	write_line(&writing);
	return good;
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

/* It takes the place of what the configuration has at the apex, so it is one that is made from keys, once. */
static bool
rrset_is_good(const struct signed_zone *zone, unsigned i)
{
	const struct rrset *rrset = &zone->keys[i];

	for (unsigned n = 0; n < i; n++)
		if (zone->keys[n].type == rrset->type)
			return false;
	return (rrset->type == TYPE_DNSKEY || rrset->type == TYPE_CDS || rrset->type == TYPE_CDNSKEY) &&
	    rrset->count <= SHIPMENT_KEYS_MAX && rrset->len <= SHIPMENT_KEYS_OCTETS && records_fit(rrset);
}

static bool
zone_is_good(struct bytes octets)
{
	struct signed_zone zone;
	bool good = signed_zone_decode(octets, &zone), shown = false;

	for (unsigned i = 0; good && i < zone.nkeys; i++) {
		good = rrset_is_good(&zone, i);
		shown |= zone.keys[i].type == TYPE_DNSKEY;
	}
	return good && shown && signed_zone_rrsets(octets) == zone.nkeys;
}

static bool
is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((uint8_t)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* `dnssec status` prints its texts on terminals. */
static bool
rollover_is_good(struct bytes octets)
{
	struct rollover rollover;
	bool good = octets.len > 0;

	if (!good || !rollover_decode(octets, &rollover))
		return good;
	for (unsigned i = 0; good && i < ROLLOVER_SERVERS_MAX; i++)
		good = is_plain(rollover.lacking[i]);
	return good && is_plain(rollover.doing) && is_plain(rollover.leading.name);
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
		return rollover_is_good(item->octets);
	case 'K':
		return key_is_good(item->octets);
	case 'F':
		return former_keys_good(item->octets);
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
	size_t at = 0, keys = 0;

	while (shipment_next(shipment, &at, &item)) {
		keys += item.kind == 'K';
		if (!item_is_good(&item) || keys > SHIPMENT_KEYS_MAX)
			return false;
	}
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
	if (flags & ~(WHOLE | FORMER))
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
