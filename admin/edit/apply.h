/*
 * apply.h -- a document of zones and objects, read and put into a change: for `apply` and `whatif`.
 */
#ifndef APPLY_H
#define APPLY_H

#include "admin/edit/change.h"

/* The members of the document that apply takes and export makes, in the order in which they refer. */
enum { DOCUMENT_PARTS = 6 };
extern const struct document_part {
	const char *name;
	enum kind kind;
} document_parts[DOCUMENT_PARTS];

struct application;
struct json;

/*
 * Read a document ("-": standard input) and its zones; path must outlive the result. NULL with all faults in
 * problems.
 */
struct application *application_read(const char *path, bool unsigned_ok, struct problems *problems);
/* Use a document that was already read or converted, without zones; takes ownership of it. */
struct application *application_of(struct json *document);
/* Put it into a change; pruning: delete objects that the document does not have. */
void application_apply(struct change *change, struct application *application, bool pruning);
/* Accepts NULL. */
void application_free(struct application *application);

#endif
