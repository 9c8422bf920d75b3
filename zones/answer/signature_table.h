/*
 * signature_table.h -- signatures of steered RRsets, found by content (S100).
 *
 * One thread adds, any threads read without a lock: an entry is written before its first word, which readers
 * compare first. Entries are never changed or removed while others read; a new table replaces an old one with
 * a new snapshot. Entries of 96 octets, at most 70 % full.
 */
#ifndef SIGNATURE_TABLE_H
#define SIGNATURE_TABLE_H

#include "zones/dns/dnssec.h"
#include "zones/steer/content.h"

struct signature_table;

/* A table with room for this many signatures. Free it with free(). */
struct signature_table *signature_table_new(size_t signatures);
/* A larger copy of a table (NULL: an empty one), which stays as it is. */
struct signature_table *signature_table_grow(const struct signature_table *table);
/* Is there room for one more? */
bool signature_table_has_room(const struct signature_table *table);
/* Add a signature, or nothing if the content has one. There must be room. */
void signature_table_add(
    struct signature_table *table, const struct content *content, const struct signature *signature);
/* Forget the signature of a content; its entry stays in use. Only if no other thread reads the table. */
void signature_table_drop(struct signature_table *table, const struct content *content);
/* Copy the signature of a content. Returns false if there is none. Any thread. */
bool signature_table_find(
    const struct signature_table *table, const struct content *content, struct signature *signature);
size_t signature_table_count(const struct signature_table *table);

#endif
