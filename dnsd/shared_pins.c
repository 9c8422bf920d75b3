#include "dnsd/shared_pins.h"

#include "zones/steer/pin_sheet.h"

struct taking {
	struct pins *pins;
	uint32_t now_s;
	uint64_t taken;
};

static void
take(void *arg, const struct shared_pin *pin)
{
	struct taking *taking = arg;

	taking->taken += pins_share(taking->pins, pin->key, pin->share, taking->now_s, &pin->pin);
}

static void
take_document(void *arg, struct bytes document)
{
	pin_sheet_read(document, take, arg);
}

uint64_t
shared_pins_take(struct store_txn *cluster, struct pins *pins, uint64_t *sequence)
{
	struct taking taking = {.pins = pins, .now_s = (uint32_t)(wall_ms() / 1000)};

	*sequence = cluster_pins_after(cluster, *sequence, take_document, &taking);
	return taking.taken;
}
