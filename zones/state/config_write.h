/*
 * config_write.h -- write the config store: one edit is one transaction and one entry in `changes`.
 *
 * An edit collects the changes of a command. After its first error, further calls do nothing, and
 * config_edit_commit returns that error. This module checks only the store itself: validation and guards come
 * before it. An edit that changed nothing leaves no entry and no new generation. Use an edit on one thread.
 */
#ifndef CONFIG_WRITE_H
#define CONFIG_WRITE_H

#include "zones/state/config.h"

struct config_edit;

/*
 * Begin an edit; waits for other commands. Returns NULL with a sentence in problems if the store has a newer
 * schema or the disk fails.
 */
struct config_edit *config_edit_begin(struct store *store, struct problems *problems);
/* Discard the edit. Accepts NULL. */
void config_edit_drop(struct config_edit *edit);
/* The transaction of the edit: config.h reads the changes made so far through it. */
struct store_txn *config_edit_txn(struct config_edit *edit);
bool config_edit_changed(const struct config_edit *edit);
/* The sequence of the edit's entry: config_each_item reports the changes made so far with it. */
uint64_t config_edit_sequence(const struct config_edit *edit);

/*
 * Commit the edit, with head as item 0 of the entry: JSON of time, who, command, reason. Frees edit in every
 * case. Returns 0 with *generation, or a negative errno. If it is -ENOSPC and store_full() is true, repeat
 * the whole edit. -EPERM: this node has joined a cluster, where graycloud-sync applies entries (entry.h).
 */
int config_edit_commit(struct config_edit *edit, struct bytes head, uint64_t *generation);

/*
 * Create or replace an object. Equal JSON changes nothing. name is its name in the index (of a load balancer:
 * lower case, no final dot), at most 255 octets. If old_name is neither NULL nor equal to name, it is removed
 * from the index.
 */
void config_put_object(struct config_edit *edit, enum kind kind, const char *id, const char *name,
    const char *old_name, struct bytes json);
void config_delete_object(struct config_edit *edit, enum kind kind, const char *id, const char *name);

/*
 * Counts of a zone's RRsets that changed. An RRset counts as unchanged if only its source changed, from the
 * command `record` to a file.
 */
struct zone_difference {
	size_t added, changed, deleted;
};

/* Create a zone, or make the zone of that name equal to data. Only RRsets that differ are written. */
void config_put_zone(
    struct config_edit *edit, const struct zone_data *data, struct zone_difference *difference);
void config_delete_zone(struct config_edit *edit, const struct zone_info *zone);
/* Write single RRsets of a zone, or delete those with an empty value. The zone's SOA gets this serial. */
void config_put_rrsets(struct config_edit *edit, const struct zone_info *zone, uint32_t serial,
    const struct zone_row *rows, size_t count);

#endif
