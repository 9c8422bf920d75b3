/* config_restore.h -- take the whole configuration from another store. */
#ifndef CONFIG_RESTORE_H
#define CONFIG_RESTORE_H

#include "zones/state/config_write.h"
#include "zones/state/membership.h"

/*
 * Replace all rows of the edit's store with those of another one: zones, objects, the history and the
 * identity. The generation rises above both, and the entry records that everything was replaced: programs
 * that follow the feed read everything again. Errors are those of every edit: config_edit_commit returns the
 * first.
 */
void config_replace_all(struct config_edit *edit, struct store_txn *from);

/*
 * S96: return to another state of this same configuration, with its generation and history, as if later
 * commands had never been; and be a member (NULL: stand alone). No entry is written: programs that follow the
 * feed find a generation that they do not know, and read everything again.
 */
void config_return(struct config_edit *edit, struct store_txn *from, const struct membership *membership);

#endif
