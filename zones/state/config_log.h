/* config_log.h -- a daemon's log of the commands that it follows: one line for each. */
#ifndef CONFIG_LOG_H
#define CONFIG_LOG_H

#include "zones/store/store.h"

/*
 * Log on stderr the changes of the configuration after a generation: "configuration 12: by root: pool set eu
 * enabled=false (maintenance)". If there were more than 10 commands, log the last 10 and the number of
 * earlier ones. If after is 0 (a start), log only the generation. Call it from the thread that polls the
 * store; it does not change the news of store_poll.
 */
void config_log(struct store *store, uint64_t after);

#endif
