/*
 * signature_table.h -- signatures of steered RRsets, found by content (S100).
 *
 * One thread adds, any threads read without a lock: an entry is written before its first word, which readers
 * compare first. Entries are never changed or removed while others read. Entries of 96 octets are in shards
 * by their content, at most 70 % full. A shard that is full is replaced by one of twice the size, alone, so
 * that no addition copies more than a 64th of the table.
 */
#ifndef SIGNATURE_TABLE_H
#define SIGNATURE_TABLE_H

#include "zones/dns/dnssec.h"
#include "zones/steer/content.h"

struct signature_table;

/* An empty table; signatures: the number that is expected. Free it with signature_table_free. */
struct signature_table *signature_table_new(size_t signatures);
/* table: a struct signature_table, or NULL. */
void signature_table_free(void *table);
/*
 * Add a signature, or nothing if the content has one. Returns the memory of a shard that was replaced, to be
 * given to free() when no other thread can read it any more; NULL: none.
 */
void *signature_table_add(
    struct signature_table *table, const struct content *content, const struct signature *signature);
/* Forget the signature of a content; its entry stays in use. Only if no other thread reads the table. */
void signature_table_drop(struct signature_table *table, const struct content *content);
/* Copy the signature of a content. Returns false if there is none. Any thread. */
bool signature_table_find(
    const struct signature_table *table, const struct content *content, struct signature *signature);
/* Call fn with each entry, in no order. Only on the thread that adds. */
typedef void signature_table_fn(void *arg, const struct content *content, const struct signature *signature);
void signature_table_each(const struct signature_table *table, signature_table_fn *fn, void *arg);
size_t signature_table_count(const struct signature_table *table);

#endif
