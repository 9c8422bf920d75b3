/*
 * object.h -- monitors, monitor groups, pools and load balancers in a change: put, deleted, found.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include "admin/edit/change.h"
#include "admin/edit/document.h"

enum object_mode {
	OBJECT_CREATE, /* the name must be free */
	OBJECT_REPLACE /* there may be one of that name, which becomes this */
};

/* Grows while a document is applied; see document.h.  Starts as {0}; from points into the document. */
struct object_aliases {
	struct document_alias *items;
	size_t count;
};
void object_add_alias(struct object_aliases *aliases, enum kind kind, const char *from, const struct id *to);

/*
 * Check input and write it.  target, if not NULL, is the object to replace, with any name; else
 * it is matched by name (S30).  aliases may be NULL.  False with errors in the change's problems.
 */
bool object_put(struct change *change, enum kind kind, const struct json *input, const struct id *target,
    enum object_mode mode, struct object_aliases *aliases, struct id *id);

/* S32: refused with all that refer to it. */
bool object_delete(struct change *change, enum kind kind, const struct id *id);

/* By name or id; an error in problems if there is none. */
bool object_find(
    struct store_txn *txn, enum kind kind, const char *name, struct id *id, struct problems *problems);

/* In the form of the store; NULL if it cannot be read. */
struct json *object_read(struct store_txn *txn, enum kind kind, const struct id *id);

/* Leave in the change what an object has become, as its result, and a sentence that ends with what. */
void object_tell(struct change *change, enum kind kind, const struct id *id, const char *what);

/* Do the texts name the same address? */
bool object_same_address(const char *a, const char *b);

#endif
