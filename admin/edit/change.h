/*
 * change.h -- the path that every command takes to the configuration: to read it, and to change it.
 *
 * A change is one transaction: the generation is checked, the command edits, the guards look at what
 * came out (S32), and then it is committed, or with --dry-run forgotten; at last the command waits
 * until a running nameserver answers by it.  run.c has that sequence.
 */
#ifndef CHANGE_H
#define CHANGE_H

#include "admin/cli/args.h"
#include "admin/look/place.h"
#include "zones/document/json.h"
#include "zones/state/config_write.h"

struct change {
	const struct args *args;
	struct config_edit *edit;
	struct store_txn *txn;    /* of edit: read here */
	struct store_txn *health; /* of the health store, or NULL where there is none */
	struct problems problems;
	bool changed;                         /* something was committed */
	bool geography_told;                  /* once that the nameserver has no database of places */
	struct place_nameservers nameservers; /* of the zone that was last looked at */
	/* What to print when it is done; both may stay NULL.  Freed by change_run. */
	char *message;
	struct json *preview; /* what --dry-run shows, see preview.h */
	struct json *result;  /* for --json */
};

/*
 * What the command does: edits, and fills problems.  It is run again from the start where the map of the
 * store was too small, so it must not keep anything of the first run.
 */
typedef void change_fn(struct change *change, void *arg);
enum exit_code change_run(const struct args *args, change_fn *fn, void *arg);

/* A guard: an error that --force makes a warning.  The sentence is to say what would be lost. */
void change_guard(struct change *change, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Begin to read the configuration.  False after a sentence on stderr (EXIT_REFUSED).  Where there is no
 * configuration yet, txn is NULL and the result true: everything is empty, and read_tell_absent has been
 * called.
 */
bool read_begin(const struct args *args, struct store **store, struct store_txn **txn);
void read_end(struct store *store, struct store_txn *txn);

/* There is no such state directory, which reads as an empty one, and may be mistyped. */
bool read_absent(const char *state);
/* Say so on stderr, where it is so. */
void read_tell_absent(const char *state);

#endif
