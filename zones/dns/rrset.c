#include "zones/dns/rrset.h"

#include <stdlib.h>

bool
rrset_decode(struct rrset *rrset, uint16_t type, const void *value, size_t len)
{
	const uint8_t *at = value, *end = at + len;

	if (len < RRSET_HEAD)
		return false;
	*rrset = (struct rrset){.type = type,
	    .flags = at[0],
	    .ttl = get32(at + 1),
	    .count = get16(at + 5),
	    .records = at + RRSET_HEAD,
	    .len = len - RRSET_HEAD};
	at += RRSET_HEAD;
	for (unsigned i = 0; i < rrset->count; i++) {
		if (end - at < 2 || end - at - 2 < get16(at))
			return false;
		at += 2 + get16(at);
	}
	return at == end && rrset->count > 0;
}

void
zone_data_free(struct zone_data *data)
{
	arena_free(&data->arena);
	free(data->rows);
	*data = (struct zone_data){0};
}
