/*
 * command_change.h -- how a command reads the configuration, and how it changes it: by change.h, with the
 * options of changing commands, the output, and the wait for the nameserver.
 */
#ifndef COMMAND_CHANGE_H
#define COMMAND_CHANGE_H

#include "admin/cli/args.h"
#include "admin/edit/change.h"

/* Run a change and print its result. */
enum exit_code command_change(const struct args *args, change_fn *fn, void *arg);

/*
 * The two halves, for a command that prints something else: run it, with a preview if it is a dry run and
 * preview is true, and print its problems. Free the outcome in both cases.
 */
enum exit_code command_change_run(
    const struct args *args, bool preview, change_fn *fn, void *arg, struct change_outcome *outcome);
/* Wait until a running nameserver answers by the committed change, and report if it does not. */
void command_change_wait(const struct args *args, const struct change_outcome *outcome);

/*
 * Begin to read the configuration. False after a sentence on stderr (EXIT_REFUSED). If there is no
 * configuration yet, txn is NULL and the result true: everything is empty, and read_tell_absent has been
 * called.
 */
bool read_begin(const struct args *args, struct store **store, struct store_txn **txn);
void read_end(struct store *store, struct store_txn *txn);

/* True if the state directory does not exist: it is treated as empty, and its name may be mistyped. */
bool read_absent(const char *state);
/* Report that on stderr, if it is true. */
void read_tell_absent(const char *state);

#endif
