#include "zones/steer/pin_sheet.h"

#include "zones/base/util.h"

enum { VERSION_OCTET = 1, RECORD = 21 };

#define CONFIRMED (UINT32_C(1) << 31)
#define PROVEN (UINT32_C(1) << 30)

size_t
pin_sheet_begin(uint8_t *document, uint64_t serial)
{
	document[0] = VERSION_OCTET;
	put64(document + 1, serial);
	return PIN_SHEET_HEAD;
}

/* The octets of an address that a prefix has. */
static size_t
prefix_octets(const struct pin *pin)
{
	return (pin->prefix + 7u) / 8;
}

size_t
pin_sheet_add(uint8_t *document, size_t len, const struct shared_pin *pin)
{
	uint8_t *at = document + len;

	put64(at, pin->key);
	put32(at + 8, pin->pin.expiry);
	put32(at + 12,
	    (pin->pin.confirmed ? CONFIRMED : 0) | (pin->pin.proven ? PROVEN : 0) |
		(pin->pin.pool & PIN_POOL_MASK) << 20 | (pin->pin.origin & PIN_ORIGIN_MASK));
	put16(at + 16, pin->pin.owner);
	at[18] = pin->share;
	at[19] = pin->pin.prefix;
	at[20] = pin->pin.client.family;
	memcpy(at + RECORD, pin->pin.client.bytes, prefix_octets(&pin->pin));
	return len + RECORD + prefix_octets(&pin->pin);
}

bool
pin_sheet_serial(struct bytes document, uint64_t *serial)
{
	const uint8_t *octets = document.data;

	if (document.len < PIN_SHEET_HEAD || octets[0] != VERSION_OCTET)
		return false;
	*serial = get64(octets + 1);
	return true;
}

static bool
read_record(const uint8_t *at, size_t left, struct shared_pin *pin, size_t *octets)
{
	uint32_t tags;

	if (left < RECORD)
		return false;
	tags = get32(at + 12);
	*pin = (struct shared_pin){.key = get64(at),
	    .share = at[18],
	    .pin = {.expiry = get32(at + 8),
		.confirmed = tags & CONFIRMED,
		.proven = tags & PROVEN,
		.differs = true,
		.pool = tags >> 20 & PIN_POOL_MASK,
		.origin = tags & PIN_ORIGIN_MASK,
		.owner = get16(at + 16),
		.prefix = at[19],
		.client.family = at[20]}};
	*octets = RECORD + prefix_octets(&pin->pin);
	if (pin->share >= PINS_SHARES || (at[20] != FAMILY_V4 && at[20] != FAMILY_V6) ||
	    at[19] > (at[20] == FAMILY_V4 ? 32 : 128) || left < *octets)
		return false;
	memcpy(pin->pin.client.bytes, at + RECORD, *octets - RECORD);
	return true;
}

void
pin_sheet_read(struct bytes document, pin_sheet_fn *fn, void *arg)
{
	const uint8_t *octets = document.data;
	size_t at = PIN_SHEET_HEAD, record;
	struct shared_pin pin;
	uint64_t serial;

	if (!pin_sheet_serial(document, &serial))
		return;
	for (unsigned i = 0; i < PIN_SHEET_PINS && read_record(octets + at, document.len - at, &pin, &record);
	     i++, at += record)
		fn(arg, &pin);
}

void
pin_sheet_move(uint8_t *document, size_t len, int32_t seconds)
{
	size_t at = PIN_SHEET_HEAD, record;
	struct shared_pin pin;
	uint64_t serial;

	if (!pin_sheet_serial((struct bytes){document, len}, &serial))
		return;
	for (unsigned i = 0; i < PIN_SHEET_PINS && read_record(document + at, len - at, &pin, &record);
	     i++, at += record)
		put32(document + at + 8, pin.pin.expiry + (uint32_t)seconds);
}
