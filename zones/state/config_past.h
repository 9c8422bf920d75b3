/*
 * config_past.h -- run a configuration backwards to a moment, through the changes that its log keeps.
 *
 * It works on a copy in memory (store_open_copy) in one write transaction, which then shows the configuration
 * as it was: config.h reads it, except its index of references. Nothing is written to the store itself.
 */
#ifndef CONFIG_PAST_H
#define CONFIG_PAST_H

#include "zones/state/config.h"

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
 * Undo every command of a later time, from the newest back. A time equal to wall counts as the past. past is
 * filled in every case; free it with config_past_free. On -ENOSPC with store_full() repeat it in a new
 * transaction.
 */
void config_past_run(struct store_txn *copy, int64_t wall, struct config_past *past);
void config_past_free(struct config_past *past);

/* The zone that encloses name and whose data at that moment are unknown; NULL if they are known. */
const struct config_lost *config_past_lost(
    const struct config_past *past, struct store_txn *copy, const uint8_t *name);

#endif
