#include "zones/state/imported.h"

enum { KEY = 8 + 4 };

static struct bytes
row_key(uint8_t out[KEY], uint32_t zone)
{
	memcpy(out, "imported", 8);
	put32(out + 8, zone);
	return (struct bytes){out, KEY};
}

static bool
get(struct store_txn *txn, uint32_t zone, void *out, size_t len)
{
	uint8_t octets[KEY];
	struct bytes value;

	memset(out, 0, len);
	if (!store_get(txn, TABLE_SIGNER, row_key(octets, zone), &value) || value.len != len)
		return false;
	memcpy(out, value.data, len);
	return true;
}

static int
put(struct store_txn *txn, uint32_t zone, const void *in, size_t len)
{
	uint8_t octets[KEY];

	return store_put(txn, TABLE_SIGNER, row_key(octets, zone), (struct bytes){in, len});
}

bool
imported_get(struct store_txn *signatures, uint32_t zone, struct imported *out)
{
	return get(signatures, zone, out, sizeof *out);
}

int
imported_put(struct store_txn *signatures, uint32_t zone, const struct imported *in)
{
	return put(signatures, zone, in, sizeof *in);
}

bool
imported_sets_get(struct store_txn *sets, uint32_t zone, struct imported_sets *out)
{
	return get(sets, zone, out, sizeof *out);
}

int
imported_sets_put(struct store_txn *sets, uint32_t zone, const struct imported_sets *in)
{
	return put(sets, zone, in, sizeof *in);
}

int
imported_delete(struct store_txn *txn, uint32_t zone)
{
	uint8_t octets[KEY];
	struct bytes value;
	int error;

	if (!store_get(txn, TABLE_SIGNER, row_key(octets, zone), &value))
		return 0;
	error = store_delete(txn, TABLE_SIGNER, row_key(octets, zone));
	return error < 0 ? error : 1;
}

struct shipment_state
imported_state(const struct imported *imported, const struct imported_sets *sets)
{
	bool same = imported->identity == sets->identity;

	return (struct shipment_state){
	    imported->identity, imported->news, imported->singles, same ? sets->sets : 0};
}
