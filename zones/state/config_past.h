/*
 * config_past.h -- run a configuration backwards to a moment, through the changes that its log keeps.
 *
 * It works on a copy in memory (store_open_copy) in one write transaction, which then shows the configuration
 * as it was: config.h reads it, except its index of references. Nothing is written to the store itself.
 */
#ifndef CONFIG_PAST_H
#define CONFIG_PAST_H

#include "zones/state/config.h"

/* A moment: just after one command, or, if sequence is 0, of the wall clock (a time equal to it counts). */
struct config_moment {
	uint64_t sequence;
	int64_t wall; /* milliseconds since 1970 */
};

enum config_reach {
	CONFIG_REACHED,  /* the copy is the configuration of that moment */
	CONFIG_NOT_YET,  /* the moment is before the first command */
	CONFIG_TRIMMED,  /* the log no longer keeps the commands of that time */
	CONFIG_RESTORED, /* a command replaced everything after the moment: the configuration before it is
			    unknown */
	CONFIG_UNWRITTEN /* the copy could not be written: error has the reason */
};

struct config_past {
	enum config_reach reach;
	int error;         /* a negative errno */
	uint64_t sequence; /* of the command that reach speaks of; if reached, the generation */
	int64_t since;     /* the time of that command, milliseconds since 1970 */
	/* Zones that were replaced or deleted since, by more data than the log keeps. */
	struct config_lost {
		uint32_t number;
		uint64_t sequence;
		int64_t since;
	} * lost;
	size_t nlost;
};

/*
 * Copy a store of a configuration into memory, and undo every command after the moment, from the newest back.
 * Returns the transaction that shows the moment, as far as known says, or NULL with a sentence in problems.
 * In both cases end it with config_past_close.
 */
struct config_past_copy {
	struct store *store;
	struct store_txn *txn;
	struct config_past known;
};
struct store_txn *config_past_open(struct config_past_copy *copy, struct store *config,
    const struct config_moment *moment, struct problems *problems);
void config_past_close(struct config_past_copy *copy);

/* The zone that encloses name and whose data at that moment are unknown; NULL if they are known. */
const struct config_lost *config_past_lost(
    const struct config_past *past, struct store_txn *copy, const uint8_t *name);

#endif
