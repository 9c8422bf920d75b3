/*
 * history.h -- the commands that changed the configuration, as people read them.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "zones/document/json.h"
#include "zones/state/config.h"

/*
 * Those after a sequence that pass filter (NULL: all), the oldest first: a list of {sequence,
 * time, who, command, reason, changes [{kind, name, what}]}.
 */
struct filter;
struct json *history_read(struct store_txn *txn, uint64_t after, const struct filter *filter);
/*
 * The same, the newest first: at most this number, of sequences before one (0: all). *next is the sequence
 * before which older ones are; 0 if there are none.
 */
struct json *history_page(
    struct store_txn *txn, uint64_t before, size_t most, const struct filter *filter, uint64_t *next);

/* "pool eu changed, zone example.com added", the first few.  Freed by the caller. */
char *history_changes_text(const struct json *changes);

/* The newest of a list, each on a line of its own that begins with a newline and two spaces.  Freed by the
 * caller. */
char *history_text(const struct json *entries);

#endif
