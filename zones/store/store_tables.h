/* store_tables.h -- the names of the tables, and which store has them. Only the files of the store use it. */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include "zones/base/util.h"
#include "zones/store/store.h"

/* The name of a table in LMDB; NULL if a store of this kind does not have it. */
const char *store_table_name(enum store_kind kind, enum store_table table);
/* Find the table with this name. */
bool store_table_find(struct bytes name, enum store_table *table);

#endif
