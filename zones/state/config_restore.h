/* config_restore.h -- take the whole configuration from another store. */
#ifndef CONFIG_RESTORE_H
#define CONFIG_RESTORE_H

#include "zones/state/config_write.h"

/*
 * Replace all rows of the edit's store with those of another one: zones, objects, the history and the
 * identity. The generation rises above both, and the entry records that everything was replaced: programs
 * that follow the feed read everything again. Errors are those of every edit: config_edit_commit returns the
 * first.
 */
void config_replace_all(struct config_edit *edit, struct store_txn *from);

#endif
