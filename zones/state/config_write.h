/*
 * config_write.h -- writing the config store: one edit is one transaction and one entry in `changes`.
 *
 * An edit collects what a command does.  Its first failure sticks: what follows does nothing, and
 * config_edit_commit returns it.  Nothing is checked here but the store itself: validation and guards
 * come before.  An edit that changed nothing leaves no entry and no new generation.
 */
#ifndef CONFIG_WRITE_H
#define CONFIG_WRITE_H

#include "zones/state/config.h"

struct config_edit;

/* Begin; waits for other commands.  NULL with a sentence in problems: a newer schema, a failing disk. */
struct config_edit *config_edit_begin(struct store *store, struct problems *problems);
/* Forget it all.  NULL is accepted. */
void config_edit_drop(struct config_edit *edit);
/* What the edit has made so far can be read here with config.h. */
struct store_txn *config_edit_txn(struct config_edit *edit);
bool config_edit_changed(const struct config_edit *edit);
/* The sequence of its entry: config_each_item tells what the edit changed so far. */
uint64_t config_edit_sequence(const struct config_edit *edit);

/*
 * Write all of it, with head as item 0 of the entry: JSON of time, who, command, reason.  Frees edit in every
 * case.  0 with *generation, or a negative errno; -ENOSPC with store_full(): the whole edit is to be done
 * again.
 */
int config_edit_commit(struct config_edit *edit, struct bytes head, uint64_t *generation);

/*
 * Create or replace an object; equal JSON changes nothing.  name is that of the index (of a load balancer:
 * lower case, no final dot), at most 255 octets; old_name, where not NULL and another, leaves the index.
 */
void config_put_object(struct config_edit *edit, enum kind kind, const char *id, const char *name,
    const char *old_name, struct bytes json);
void config_delete_object(struct config_edit *edit, enum kind kind, const char *id, const char *name);

/* What became of a zone's RRsets; one that is only a file's now and not of `record` any more does not count.
 */
struct zone_difference {
	size_t added, changed, deleted;
};

/* Create a zone or make the one of that name equal to data, writing only RRsets that differ. */
void config_put_zone(
    struct config_edit *edit, const struct zone_data *data, struct zone_difference *difference);
void config_delete_zone(struct config_edit *edit, const struct zone_info *zone);
/* Put (or, where a value is empty, delete) single RRsets of a zone, whose SOA has this serial from then on.
 */
void config_put_rrsets(struct config_edit *edit, const struct zone_info *zone, uint32_t serial,
    const struct zone_row *rows, size_t count);

#endif
