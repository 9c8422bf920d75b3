/*
 * record_index.h -- the RRset that an id of a record is of, for ids that follow from the record.
 *
 * Such an id is a hash, so the store cannot find it. The index of a zone is made at its first question, in
 * about 0.5 s and 60 MB for a million RRsets, and follows the feed of changes. The last
 * RECORD_INDEXES_MAX zones have one. Any thread; one at a time makes or asks an index.
 */
#ifndef API_RECORD_INDEX_H
#define API_RECORD_INDEX_H

#include "zones/state/record_notes.h"

enum { RECORD_INDEXES_MAX = 4 };

/*
 * Call fn with each owner that may have an RRset with this hash (record_rrset_hash), until it returns false.
 * An owner may be gone since: fn looks at the store.
 */
typedef bool record_owner_fn(void *arg, struct bytes owner_key);
void record_index_find(
    struct store_txn *txn, const struct zone_info *zone, uint64_t hash, record_owner_fn *fn, void *arg);
/* At the end of the program. */
void record_index_drop_all(void);

#endif
