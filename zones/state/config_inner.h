/*
 * config_inner.h -- an edit of the config store, for config_write.c and config_restore.c alone.
 */
#ifndef CONFIG_INNER_H
#define CONFIG_INNER_H

#include "zones/state/config_write.h"

struct config_edit {
	struct store_txn *txn;
	int error; /* the first; sticks */
	uint64_t sequence;
	uint32_t items;       /* next item of the entry */
	uint64_t item_octets; /* of all items */
	size_t difference;    /* octets of RRsets kept so far */
};

/* Keep the first error. */
void config_note(struct config_edit *edit, int rc);
uint64_t config_meta_get(struct store_txn *txn, const char *name);
void config_meta_put(struct config_edit *edit, const char *name, uint64_t number, size_t len);
/* One item of the entry, put together from parts. */
void config_add_item(struct config_edit *edit, const struct bytes *parts, size_t count);

#endif
