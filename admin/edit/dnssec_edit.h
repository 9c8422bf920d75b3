/*
 * dnssec_edit.h -- begin and end to sign a zone, for the command line and the API (S105, S107).
 */
#ifndef DNSSEC_EDIT_H
#define DNSSEC_EDIT_H

#include "admin/edit/change.h"

/* The zone that a word names, as an object's name. NULL with a problem if there is none. The caller frees it.
 */
char *dnssec_edit_zone(struct store_txn *txn, const char *word, struct problems *problems);

/*
 * Enable a zone, by its object's name; one that is being disabled, or was, is enabled again, and one that
 * came by a document and that no node enabled yet is enabled here. Returns true if it is new.
 */
struct dnssec_wish {
	const char *algorithm; /* as documents have it; NULL: the default, or the one before */
	bool split;            /* a KSK and a ZSK */
	bool keyless_nodes;    /* S109 */
};
bool dnssec_edit_enable(struct change *change, const char *name, const struct dnssec_wish *wish);
/* Has the zone nodes without keys? */
void dnssec_edit_keyless_nodes(struct change *change, const char *name, bool some);

/* Begin the procedure that ends it, or with now end it at once. */
enum dnssec_end { DNSSEC_END_BY_STEPS, DNSSEC_END_KEY_LOST, DNSSEC_END_NOW };
void dnssec_edit_disable(struct change *change, const char *name, enum dnssec_end how);

/*
 * Complete the document of a zone that a person wrote by all that the stored one has and they left out:
 * requests, and whose key it has, are no wishes that a document repeats. The caller drops it.
 */
struct json *dnssec_edit_complete(struct change *change, const struct json *document);

/* The document of an enabled zone. NULL with a problem. The caller drops it. */
struct json *dnssec_edit_policy(struct change *change, const char *name, struct id *id);
/* Ask the signer of this node for something: rollover, cancelled or lead (S111). */
void dnssec_edit_ask(struct change *change, struct json *document, const char *request);
/* Write it back; what: for people. */
void dnssec_edit_put(
    struct change *change, const struct json *document, const struct id *target, const char *what);

#endif
