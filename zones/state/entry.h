/*
 * entry.h -- S96: one change of the configuration as it travels between nodes: an entry of the log in the
 * engine.
 *
 * An entry has what `changes` keeps of the command (its head and its items, config_rows.h), and besides it
 * what the items leave out: the serial and load time of each zone that they touch, the rows of a zone that
 * was added or replaced as a whole, the identity. So every node that applies the same entries to the same
 * configuration has equal rows in all tables, octet for octet, except what is of one node only: tokens,
 * previews, and of meta the membership and the size of the history that it keeps.
 *
 * An entry is made by a command (entry_extract), sent and kept as it is, and applied by graycloud-sync on
 * every node, that of the command too (entry_apply). Each has the SHA-256 of the entry before it: nodes with
 * the same digest have the same history. meta.digest is that of the newest entry that was applied here.
 */
#ifndef ENTRY_H
#define ENTRY_H

#include "zones/base/digest.h"
#include "zones/state/config_write.h"

enum { ENTRY_FORMAT = 1 };

/* The octets at the front, readable without unpacking. They belong to the entry. */
struct entry_head {
	uint32_t schema;            /* the lowest CONFIG_SCHEMA that can apply it (S98) */
	uint64_t generation;        /* that it makes */
	struct id id;               /* of its proposal */
	uint8_t before[DIGEST_LEN]; /* digest of the entry before; zeros: it is the first one */
	size_t octets;              /* of all, unpacked */
};

/* Read the front. False if these are not the octets of an entry. */
bool entry_head(struct bytes entry, struct entry_head *head);

/* Report the items of an entry in their order. False if it is damaged, or fn stopped it. */
bool entry_each_item(struct bytes entry, config_item_fn *fn, void *arg);

/* The digest of a whole entry. */
void entry_digest(struct bytes entry, uint8_t digest[DIGEST_LEN]);
/* meta.digest of a configuration; zeros if no entry was applied yet. */
void entry_last_digest(struct store_txn *config, uint8_t digest[DIGEST_LEN]);
/* Write meta.digest: when a node takes a snapshot, and with zeros when a cluster begins. 0 or a negative
 * errno. */
int entry_set_last_digest(struct store_txn *config, const uint8_t digest[DIGEST_LEN]);

/*
 * Take the changes out of an edit as an entry, in place of config_edit_commit: head is item 0 as there. Frees
 * edit in every case and changes nothing in the store. Returns the octets (malloc) and their number, or NULL
 * with *error: a negative errno of the edit, or 0 if the edit changed nothing. -EOPNOTSUPP: a restore, which
 * replaces the history itself.
 */
uint8_t *entry_extract(
    struct config_edit *edit, struct bytes head, const struct id *id, size_t *len, int *error);

/*
 * Apply entries to a config store, the oldest first, all in one transaction or none; the store must be open
 * for writing. Those whose generation the configuration has already are skipped if they are the same (by
 * digest of the newest), so that a caller may repeat itself. It repeats itself if the map is full. Returns 0
 * with the generation, or a negative errno with a sentence in problems:
 *
 * -ESTALE: the first one does not follow the generation of the store (read the log from there).
 * -EXDEV: it follows by number, but not by digest: two histories (a fork).
 * -ENOTSUP: it needs a newer schema.
 * -EBADMSG: it is damaged, or its items do not fit the rows: nothing is applied.
 * Others are those of store.h.
 */
int entry_apply(struct store *config, const struct bytes *entries, size_t count, uint64_t *generation,
    struct problems *problems);

/*
 * The same in an edit that has begun, of entries that all follow the configuration as it is there. Returns 0
 * or a negative errno with a sentence in problems; the caller ends the edit.
 */
int entry_apply_after(
    struct config_edit *edit, const struct bytes *entries, size_t count, struct problems *problems);

#endif
