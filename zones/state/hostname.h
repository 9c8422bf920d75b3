/*
 * names.h -- what the health store says of hostname origins: the addresses that graycloud-monitor resolved
 * (S16).
 *
 * A record stands under the hostname in lower case.  A change of its addresses has an entry in the feed of
 * flips (health.h), so that whoever follows the feed learns of it as fast as of a verdict; a resolution that
 * only confirms what is known refreshes the record within a second.
 */
#ifndef NAMES_H
#define NAMES_H

#include "zones/state/health.h"

/* How the last try ended.  The numbers stand in the store: never change one. */
enum name_failure {
	NAME_RESOLVED = 0,
	NAME_NXDOMAIN = 1, /* the name does not exist: believed, its addresses are gone */
	NAME_NODATA = 2,   /* it has no address: believed, too */
	NAME_TIMEOUT =
	    3, /* no resolver answered in time; this and what follows keep the last good addresses */
	NAME_SERVFAIL = 4,
	NAME_REFUSED = 5,
	NAME_UNREACHABLE = 6, /* no resolver is there */
	NAME_BAD_ANSWER = 7,  /* cannot be read, or a chain of CNAMEs that does not end */
	NAME_LOCAL = 8,       /* memory, descriptors: the fault is here */
	NAME_RCODE = 16,      /* plus the rcode, of those that have no line above */
	NAME_FAILURES = NAME_RCODE + 16
};

const char *name_failure_text(enum name_failure failure);

enum { NAME_RECORD_VERSION = 1, NAME_ADDRESSES_MAX = 2 * HOSTNAME_ADDRESSES_MAX };

/* Stored up to its last address. */
struct name_record {
	uint8_t version;
	uint8_t failure; /* enum name_failure of the last try */
	uint8_t gone;    /* the name has no address: these are the last known (S14) */
	uint8_t count;
	uint32_t ttl;          /* seconds: the least of the last answer, within the monitor's bounds */
	uint64_t resolved_ms;  /* CLOCK_BOOTTIME of the last good answer; 0: not in this boot */
	int64_t resolved_wall; /* the same for display; 0: never */
	uint64_t due_ms;       /* when it is asked for again */
	uint64_t failing_ms;   /* since when tries fail; 0: they do not */
	int64_t failing_wall;
	uint64_t resolutions, failures;
	struct address addresses[NAME_ADDRESSES_MAX];
};

/* What stands in the feed for a hostname. */
struct endpoint name_key(const char *name);

bool name_get(struct store_txn *txn, const char *name, struct name_record *record);
int name_put(struct store_txn *txn, const char *name, const struct name_record *record);
int name_delete(struct store_txn *txn, const char *name);
typedef bool name_record_fn(void *arg, const char *name, const struct name_record *record);
bool name_each(struct store_txn *txn, name_record_fn *fn, void *arg);

/* Do both records give the same addresses, in whatever order? */
bool name_same_addresses(const struct name_record *a, const struct name_record *b);

/* The record as the model has it, states unknown.  NULL where memory is exhausted. */
struct resolved *name_resolved(const struct name_record *record);

#endif
