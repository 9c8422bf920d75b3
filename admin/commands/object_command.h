/*
 * object_command.h -- what the commands of the kinds of objects have in common: list, show, create, set,
 * replace, delete, enable, disable.  The tables of an object are their own.
 */
#ifndef OBJECT_COMMAND_H
#define OBJECT_COMMAND_H

#include "admin/cli/args.h"
#include "admin/cli/print.h"
#include "admin/edit/intervene.h"
#include "admin/edit/object.h"

struct object_command {
	enum kind kind;
	bool can_be_disabled;
	const char *delete_verb; /* NULL: delete */
	/* A table with the titles of the list. */
	struct table *(*titles)(void);
	/* One line of it: the object with names in its references. */
	void (*row)(struct table *table, const struct json *object);
	/* The output of `show` after the properties; may be NULL.  Reads txn, and writes into out. */
	void (*more)(FILE *out, const struct args *args, struct store_txn *txn, const struct id *id);
};

enum exit_code object_command_run(const struct object_command *command, const struct args *args);

/* Edit one object that exists: fn changes its document (names in references).  For `origin` and `set`. */
struct object_edit {
	enum kind kind;
	const char *name;
	bool (*fn)(
	    struct change *change, struct json *document, void *arg); /* false: errors are in the change */
	void *arg;
	const char *done; /* "changed", for the message; NULL: "changed", or "as before" if nothing changed */
};
enum exit_code object_edit_run(const struct args *args, struct object_edit *edit);

/* --for DURATION (90s, 30m, 2h, 7d) as the time when it ends; false after a sentence if it is no duration. */
bool object_until(const struct args *args, struct until *until);
/* Texts for tables. */
/* "a, b"; freed by the caller. */
char *object_list_text(const struct json *list);

#endif
