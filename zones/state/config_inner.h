/*
 * config_inner.h -- an edit of the config store. Only config_write.c, config_restore.c and
 * config_references.c use it.
 */
#ifndef CONFIG_INNER_H
#define CONFIG_INNER_H

#include "zones/state/config_write.h"

struct config_edit {
	struct store_txn *txn;
	int error; /* the first error; later ones do not replace it */
	uint64_t sequence;
	uint32_t schema;      /* that is needed to read the rows (S98) */
	uint32_t items;       /* number of the next item of the entry */
	uint64_t item_octets; /* size of all items in octets */
	bool unlogged;        /* something was written that is no part of the configuration */
	size_t difference;    /* octets of RRsets that the entry keeps so far */
	bool applying;        /* an entry of the cluster's log: its items are written as they are (entry.c) */
};

/* Record an error, unless there was one before. */
void config_note(struct config_edit *edit, int rc);
uint64_t config_meta_get(struct store_txn *txn, const char *name);
void config_meta_put(struct config_edit *edit, const char *name, uint64_t number, size_t len);
/* Add one item to the entry, joined from parts; nothing while an entry is applied. */
void config_add_item(struct config_edit *edit, const struct bytes *parts, size_t count);

/* The same, also while an entry is applied. */
void config_put_item(struct config_edit *edit, const struct bytes *parts, size_t count);
/* Complete the entry of the edit with its head, and begin the next one in the same transaction. */
void config_edit_next(struct config_edit *edit, struct bytes head);

/* Bring the references of an object from its document before to the one after; either may be empty. */
void config_put_references(
    struct config_edit *edit, enum kind kind, const char *id, struct bytes before, struct bytes after);
/* Write the references of all objects into an empty index, for a restore. */
void config_complete_references(struct config_edit *edit);

#endif
