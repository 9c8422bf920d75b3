/*
 * document.h -- objects as JSON in the API's shape <-> the structs of model.h, and the checks of their
 * values.
 *
 * The store keeps each object as one JSON text with every property written out and every reference an id;
 * people see names.  The tables of schema.h define the accepted values, and the checks here those of several
 * properties at once.
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "zones/document/document_load.h"
#include "zones/document/json.h"
#include "zones/model/model.h"

struct store_txn;

/* Where references are looked up. */
struct document_scope {
	struct store_txn *txn; /* of config; NULL: nothing is found there */
	/*
	 * The ids in the applied document of objects that have another id here (S30); and objects
	 * of it that were refused, so that no reference to them is reported as well.
	 */
	const struct document_alias {
		enum kind kind;
		const char *from; /* an id or a name */
		struct id to;
	} * aliases;
	size_t naliases;
	bool secrets; /* document_show shows them (secrets.h) */
};

/* "pool eu", for the beginning of a sentence; freed by the caller. */
char *document_label(enum kind kind, const struct json *document);

/* An object by name or id.  A load balancer's name in any case, with or without the final dot. */
bool document_find(const struct document_scope *scope, enum kind kind, const char *name, struct id *id);

/*
 * Check a whole document as people or the API write it ([CF] 2, S22, S30 to S32, S34).  Returns it as the
 * store keeps it, but without id, times and the states of S24; or NULL with all its faults in problems.
 * It may contain warnings in both cases.  The name of a monitor or monitor group may still be null then.
 */
struct json *document_check(
    enum kind kind, const struct json *input, const struct document_scope *scope, struct problems *problems);

/* The purpose of the output of a stored document. */
enum document_purpose {
	DOCUMENT_API,    /* ids in references, times, the zone of a load balancer */
	DOCUMENT_PEOPLE, /* the same with names in references */
	DOCUMENT_EXPORT  /* with secrets, names in references, no times: the input of apply */
};
struct json *document_show(enum kind kind, const struct json *stored, const struct document_scope *scope,
    enum document_purpose purpose);

/* Are two stored documents equal, except for id, times, and a name that was generated? */
bool document_equal(const struct json *a, const struct json *b, bool name_too);

#endif
