/*
 * spool.h -- JSON that is too large to keep as a whole: written value by value, printed at the end.
 *
 * A command ends its transaction before it prints, since a pager would pin the pages of the store (LMDB rule
 * 4). Its output is therefore written to a temporary file, and copied to the standard output then.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include "zones/document/json.h"

struct spool;

/* Exits with a sentence if no temporary file can be made. */
struct spool *spool_new(void);
/* Begin an object ('{') or a list ('['); key is NULL in a list and at the top. */
void spool_open(struct spool *spool, const char *key, char bracket);
void spool_close(struct spool *spool);
/* One value; dropped here. */
void spool_put(struct spool *spool, const char *key, struct json *value);
/* Print all of it, with a newline, and free the spool. */
void spool_print(struct spool *spool);

#endif
