#include "admin/edit/serial.h"

bool
serial_next_soa(struct zone_row *row, struct bytes value, uint32_t serial)
{
	static const uint8_t key[] = {0, 0, TYPE_SOA};
	struct rrset soa;

	/* The serial is the first of the five numbers that end the rdata (RFC 1035 3.3.13). */
	if (!rrset_decode(&soa, TYPE_SOA, value.data, value.len) || soa.len < 24)
		return false;
	*row = (struct zone_row){.key = xmemdup(key, sizeof key),
	    .key_len = sizeof key,
	    .value = xmemdup(value.data, value.len),
	    .value_len = value.len};
	put32(row->value + value.len - 20, serial + 1);
	return true;
}
