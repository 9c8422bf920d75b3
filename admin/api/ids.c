#include "admin/api/ids.h"

#include "zones/base/siphash.h"

#include <stdio.h>
#include <stdlib.h>

/* 128 bits of SipHash over the kind, a zero octet and the name. */
static struct id
hash(const char *kind, const void *name, size_t len)
{
	static const uint64_t keys[2][2] = {{0, 0}, {1, 1}};
	size_t before = strlen(kind) + 1;
	uint8_t *input = xmalloc(before + len);
	struct id id;

	memcpy(input, kind, before);
	memcpy(input + before, name, len);
	snprintf(id.text, sizeof id.text, "%016llx%016llx",
	    (unsigned long long)siphash(keys[0], input, before + len),
	    (unsigned long long)siphash(keys[1], input, before + len));
	free(input);
	return id;
}

struct id
ids_account(const char *name)
{
	return hash("account", name, strlen(name));
}

struct id
ids_zone(const uint8_t *name)
{
	return hash("zone", name, name_len(name));
}

struct search {
	const char *id;
	struct zone_info *zone;
};

static bool
look_at_zone(void *arg, const struct zone_info *zone)
{
	struct search *search = arg;
	struct id id = ids_zone(zone->name);

	if (strcmp(id.text, search->id) != 0)
		return true;
	*search->zone = *zone;
	return false;
}

bool
ids_find_zone(struct store_txn *txn, const char *id, struct zone_info *zone)
{
	struct search search = {id, zone};

	return txn != NULL && !config_each_zone(txn, look_at_zone, &search);
}
