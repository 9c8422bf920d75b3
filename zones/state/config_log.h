/*
 * config_log.h -- a daemon's log of the commands that it follows: one line for each.
 */
#ifndef CONFIG_LOG_H
#define CONFIG_LOG_H

#include "zones/store/store.h"

/*
 * Say on stderr what became of the configuration since a generation: "configuration 12: by root: pool set eu
 * enabled=false (maintenance)".  Of more than 10 commands, the last 10 and how many were before.  After 0 (a
 * start) only the generation.  For the thread that polls the store; it changes nothing of that.
 */
void config_log(struct store *store, uint64_t after);

#endif
