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

/* "pool eu changed, zone example.com added", the first few.  Freed by the caller. */
char *history_changes_text(const struct json *changes);

/* The newest of a list, each on a line of its own that begins with a newline and two spaces.  Freed by the
 * caller. */
char *history_text(const struct json *entries);

#endif
