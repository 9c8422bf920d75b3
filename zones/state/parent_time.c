#include "zones/state/parent_time.h"

#include <string.h>

enum { PREFIX = 6, KEY = PREFIX + 4 };

static const struct bytes trust_key = {"trusted", 7};

static struct bytes
row_key(uint8_t out[KEY], uint32_t zone)
{
	memcpy(out, "parent", PREFIX);
	put32(out + PREFIX, zone);
	return (struct bytes){out, KEY};
}

void
parent_times_each(struct store_txn *sets, parent_time_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(sets, TABLE_SIGNER);
	struct parent_time time;
	struct bytes key, value;
	uint8_t first[KEY];

	for (bool more = store_cursor_seek(cursor, row_key(first, 0), &key, &value);
	     more && key.len == KEY && memcmp(key.data, first, PREFIX) == 0;
	     more = store_cursor_next(cursor, &key, &value)) {
		if (value.len != sizeof time)
			continue;
		memcpy(&time, value.data, sizeof time);
		time.zone[sizeof time.zone - 1] = '\0';
		fn(arg, get32((const uint8_t *)key.data + PREFIX), &time);
	}
	store_cursor_close(cursor);
}

int
parent_time_put(struct store_txn *sets, uint32_t zone, const struct parent_time *in)
{
	uint8_t key[KEY];

	return store_put(sets, TABLE_SIGNER, row_key(key, zone), (struct bytes){in, sizeof *in});
}

int
parent_time_delete(struct store_txn *sets, uint32_t zone)
{
	uint8_t key[KEY];

	return store_delete(sets, TABLE_SIGNER, row_key(key, zone));
}

/* A machine that does not name its boots trusts nothing beyond the run of the signer. */
bool
clock_trust_get(struct store_txn *sets)
{
	const char *boot = boot_id();
	struct bytes value;

	return *boot != '\0' && store_get(sets, TABLE_SIGNER, trust_key, &value) &&
	    value.len == strlen(boot) && memcmp(value.data, boot, value.len) == 0;
}

int
clock_trust_put(struct store_txn *sets)
{
	const char *boot = boot_id();

	return store_put(sets, TABLE_SIGNER, trust_key, (struct bytes){boot, strlen(boot)});
}
