#include "zones/state/hostname.h"

#include "zones/base/siphash.h"

#include <stddef.h>

const char *
name_failure_text(enum name_failure failure)
{
	static const char *const texts[NAME_FAILURES] = {
	    [NAME_RESOLVED] = "resolved",
	    [NAME_NXDOMAIN] = "NXDOMAIN",
	    [NAME_NODATA] = "no address",
	    [NAME_TIMEOUT] = "no resolver answers",
	    [NAME_SERVFAIL] = "SERVFAIL",
	    [NAME_REFUSED] = "REFUSED",
	    [NAME_UNREACHABLE] = "no resolver can be reached",
	    [NAME_BAD_ANSWER] = "the answer cannot be read",
	    [NAME_LOCAL] = "a failure on the monitor's machine",
	    /* RFC 1035 4.1.1, RFC 2136 2.2, RFC 8490 10.2; the others are not assigned. */
	    [NAME_RCODE + 1] = "FORMERR",
	    [NAME_RCODE + 4] = "NOTIMP",
	    [NAME_RCODE + 6] = "YXDOMAIN",
	    [NAME_RCODE + 7] = "YXRRSET",
	    [NAME_RCODE + 8] = "NXRRSET",
	    [NAME_RCODE + 9] = "NOTAUTH",
	    [NAME_RCODE + 10] = "NOTZONE",
	    [NAME_RCODE + 11] = "DSOTYPENI",
	    [NAME_RCODE + 12] = "rcode 12",
	    [NAME_RCODE + 13] = "rcode 13",
	    [NAME_RCODE + 14] = "rcode 14",
	    [NAME_RCODE + 15] = "rcode 15",
	};

	return (unsigned)failure < NAME_FAILURES && texts[failure] != NULL ? texts[failure]
									   : "a failure of another version";
}

struct endpoint
name_key(const char *name)
{
	/* Keys other than those of endpoints, so that the two never collide in the feed. */
	static const uint64_t keys[2][2] = {{2, 2}, {3, 3}};
	struct endpoint key;

	put64(key.key, siphash(keys[0], (const uint8_t *)name, strlen(name)));
	put64(key.key + 8, siphash(keys[1], (const uint8_t *)name, strlen(name)));
	return key;
}

static struct bytes
row_key(const char *name)
{
	return (struct bytes){name, strlen(name)};
}

static size_t
record_len(const struct name_record *record)
{
	return offsetof(struct name_record, addresses) + record->count * sizeof record->addresses[0];
}

/* Treat a record of another version or size as missing: the next resolution writes it again. */
static bool
read_record(struct name_record *record, struct bytes value)
{
	if (value.len < offsetof(struct name_record, addresses) || value.len > sizeof *record)
		return false;
	memset(record, 0, sizeof *record);
	memcpy(record, value.data, value.len);
	return record->version == NAME_RECORD_VERSION && record->count <= NAME_ADDRESSES_MAX &&
	    value.len == record_len(record);
}

bool
name_get(struct store_txn *txn, const char *name, struct name_record *record)
{
	struct bytes value;

	return store_get(txn, TABLE_NAMES, row_key(name), &value) && read_record(record, value);
}

int
name_put(struct store_txn *txn, const char *name, const struct name_record *record)
{
	return store_put(txn, TABLE_NAMES, row_key(name), (struct bytes){record, record_len(record)});
}

int
name_delete(struct store_txn *txn, const char *name)
{
	return store_delete(txn, TABLE_NAMES, row_key(name));
}

bool
name_each(struct store_txn *txn, name_record_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_NAMES);
	struct name_record record;
	struct bytes key, value;
	char name[NAME_MAX_TEXT];
	bool going = cursor != NULL;

	if (cursor == NULL)
		return false;
	for (bool more = store_cursor_first(cursor, &key, &value); more && going;
	     more = store_cursor_next(cursor, &key, &value)) {
		if (key.len >= sizeof name || !read_record(&record, value))
			continue;
		memcpy(name, key.data, key.len);
		name[key.len] = '\0';
		going = fn(arg, name, &record);
	}
	store_cursor_close(cursor);
	return going;
}

static bool
has_address(const struct name_record *record, const struct address *address)
{
	for (unsigned i = 0; i < record->count; i++)
		if (memcmp(&record->addresses[i], address, sizeof *address) == 0)
			return true;
	return false;
}

bool
name_same_addresses(const struct name_record *a, const struct name_record *b)
{
	if (a->count != b->count || a->gone != b->gone)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (!has_address(b, &a->addresses[i]))
			return false;
	return true;
}

struct resolved *
name_resolved(const struct name_record *record)
{
	struct resolved *resolved = resolved_new(record->count);

	for (unsigned i = 0; resolved != NULL && i < record->count; i++)
		resolved->list[i].address = record->addresses[i];
	if (resolved != NULL)
		resolved->gone = record->gone;
	return resolved;
}
