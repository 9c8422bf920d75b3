/*
 * hostname.h -- hostname origins in the health store: the addresses that graycloud-monitor resolved (S16).
 *
 * The key of a record is the hostname in lower case. A change of its addresses has an entry in the feed of
 * flips (health.h), so that readers of the feed see it as fast as a verdict. A resolution that only confirms
 * the known addresses refreshes the record within a second. Use the functions on the thread of the
 * transaction.
 */
#ifndef HOSTNAME_H
#define HOSTNAME_H

#include "zones/state/health.h"

/* The result of the last try. The numbers are stored: never change one. */
enum name_failure {
	NAME_RESOLVED = 0,
	NAME_NXDOMAIN = 1, /* the name does not exist: accepted as true, its addresses are gone */
	NAME_NODATA = 2,   /* the name has no address: accepted as true, too */
	NAME_TIMEOUT = 3,  /* no resolver answered in time; this and all below keep the last good addresses */
	NAME_SERVFAIL = 4,
	NAME_REFUSED = 5,
	NAME_UNREACHABLE = 6, /* no resolver can be reached */
	NAME_BAD_ANSWER = 7,  /* the answer cannot be parsed, or its chain of CNAMEs does not end */
	NAME_LOCAL = 8,       /* memory or descriptors are exhausted on this machine */
	NAME_RCODE = 16,      /* plus the rcode, for those that have no line above */
	NAME_FAILURES = NAME_RCODE + 16
};

const char *name_failure_text(enum name_failure failure);

enum { NAME_RECORD_VERSION = 1, NAME_ADDRESSES_MAX = 2 * HOSTNAME_ADDRESSES_MAX };

/* Stored up to its last address. */
struct name_record {
	uint8_t version;
	uint8_t failure; /* enum name_failure of the last try */
	uint8_t gone;    /* the name has no address; these are the last known ones (S14) */
	uint8_t count;
	uint32_t ttl;          /* seconds: the minimum of the last answer, within the monitor's bounds */
	uint64_t resolved_ms;  /* CLOCK_BOOTTIME of the last good answer; 0: not in this boot */
	int64_t resolved_wall; /* the same by the wall clock, for display; 0: never */
	uint64_t due_ms;       /* CLOCK_BOOTTIME of the next resolution */
	uint64_t failing_ms;   /* since when tries fail; 0: they do not */
	int64_t failing_wall;
	uint64_t resolutions, failures;
	struct address addresses[NAME_ADDRESSES_MAX];
};

/* The key of a hostname in the feed. */
struct endpoint name_key(const char *name);

bool name_get(struct store_txn *txn, const char *name, struct name_record *record);
int name_put(struct store_txn *txn, const char *name, const struct name_record *record);
int name_delete(struct store_txn *txn, const char *name);
typedef bool name_record_fn(void *arg, const char *name, const struct name_record *record);
bool name_each(struct store_txn *txn, name_record_fn *fn, void *arg);

/* True if both records have the same addresses, in any order. */
bool name_same_addresses(const struct name_record *a, const struct name_record *b);

/*
 * Convert a record to the struct of the model, with all states unknown. Returns NULL if memory is exhausted.
 */
struct resolved *name_resolved(const struct name_record *record);

#endif
