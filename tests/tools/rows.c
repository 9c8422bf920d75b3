/* rows STATE: the digest of each table of a configuration, without the rows that are of one node. */
#include "zones/base/digest.h"
#include "zones/state/config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static bool
is_private(struct bytes key)
{
	static const char *const names[] = {
	    "cluster", "choice", "tokens", "tokens_seen", "history", "changes_octets"};

	for (size_t i = 0; i < NITEMS(names); i++)
		if (key.len == strlen(names[i]) && memcmp(key.data, names[i], key.len) == 0)
			return true;
	return false;
}

int
main(int argc, char **argv)
{
	static const enum store_table tables[] = {TABLE_ZONES, TABLE_ZONE_NAMES, TABLE_OBJECTS,
	    TABLE_OBJECT_NAMES, TABLE_REFERENCES, TABLE_RECORD_NOTES, TABLE_CHANGES, TABLE_META};
	struct problems problems = {0};
	struct store *store = store_open(argc > 1 ? argv[1] : "", STORE_CONFIG, STORE_READ, &problems);
	struct store_txn *txn;

	if (store == NULL || store_begin(store, STORE_READ, &txn) != 0)
		errx(1, "cannot open the configuration");
	for (size_t i = 0; i < NITEMS(tables); i++) {
		struct store_cursor *cursor = store_cursor_open(txn, tables[i]);
		struct bytes key, value;
		uint8_t digest[3 * DIGEST_LEN] = {0};
		char hex[2 * DIGEST_LEN + 1];
		unsigned long count = 0;

		for (bool more = store_cursor_first(cursor, &key, &value); more;
		     more = store_cursor_next(cursor, &key, &value)) {
			if (tables[i] == TABLE_META && is_private(key))
				continue;
			digest_of(key, digest + DIGEST_LEN);
			digest_of(value, digest + 2 * DIGEST_LEN);
			digest_of((struct bytes){digest, sizeof digest}, digest);
			count++;
		}
		store_cursor_close(cursor);
		hex_from_octets(hex, digest, DIGEST_LEN);
		printf("%zu %lu %s\n", i, count, hex);
	}
	store_abort(txn);
	store_close(store);
	return 0;
}
