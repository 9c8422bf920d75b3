/*
 * config_restore.h -- the whole configuration taken from another store.
 */
#ifndef CONFIG_RESTORE_H
#define CONFIG_RESTORE_H

#include "zones/state/config_write.h"

/*
 * Make all rows of the edit's store those of another one: zones, objects, the history and the identity. The
 * generation still rises, above both, and the entry says that everything was replaced: whoever follows the
 * feed reads all anew. Fails as every edit does.
 */
void config_replace_all(struct config_edit *edit, struct store_txn *from);

#endif
