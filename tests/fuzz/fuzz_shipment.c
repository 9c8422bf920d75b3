/*
 * Shipments of signatures that come through a pipe (S109): never a crash, and what is read lies within them.
 * The input is a shipment without its line; its items are also read as rows.
 */
#include "zones/state/shipment.h"
#include "zones/state/signing_keys.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
lies_within(struct bytes part, struct bytes whole)
{
	const uint8_t *begin = whole.data, *at = part.data;

	assert(at >= begin && at + part.len <= begin + whole.len);
}

static void
read_item(const struct shipment_item *item)
{
	struct steered_signature steered;
	struct bytes key, contents;
	struct signing_key row;
	uint16_t type;

	if (shipment_row(item, &type, &key, &contents)) {
		lies_within(key, item->octets);
		lies_within(contents, item->octets);
		assert(key.len > 0 && contents.len > 0);
	}
	if (steered_decode(&steered, &item->octets)) {
		assert(name_valid(steered.owner, NAME_MAX_LEN) > 0);
		assert(steered.type == TYPE_CNAME ? name_valid(steered.target, NAME_MAX_LEN) > 0
						  : steered.type == TYPE_A || steered.type == TYPE_AAAA);
	}
	assert(signing_key_decode(item->octets, &row) == (item->octets.len == SIGNING_KEY_OCTETS));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct shipment_item item = {'T', {data, len}};
	struct shipment shipment;
	size_t at = 0;

	read_item(&item);
	if (shipment_open(&shipment, (struct bytes){data, len}) != NULL)
		return 0;
	assert(name_valid(shipment.apex, NAME_MAX_LEN) > 0);
	while (shipment_next(&shipment, &at, &item)) {
		lies_within(item.octets, shipment.items);
		read_item(&item);
	}
	assert(at == shipment.items.len);
	return 0;
}
