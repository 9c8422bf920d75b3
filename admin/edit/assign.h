/*
 * assign.h -- name=value words of the command line -> changes of a document.
 *
 * The types come from the tables of schema.h; document_check checks the values, so that a document and a
 * command line are refused with the same sentences.
 *
 *   ttl=30  header.Host=x  random_steering.pool_weights.eu=0.7  default_pools=eu,us  default_pools+=us
 *   origin=192.0.2.1,weight=0.5  origin-=192.0.2.1  ttl= (the default)  rules=@FILE (JSON; @- is standard
 * input)
 */
#ifndef ASSIGN_H
#define ASSIGN_H

#include "admin/edit/document.h"
#include "zones/document/schema.h"

/* The file of p=@FILE, read before the transaction: no wait for a file, or a person, holds the lock.
 */
struct assign_files {
	struct assign_file {
		const char *path;
		struct json *value;
	} * items;
	size_t count;
};
bool assign_read_files(
    struct assign_files *files, char *const *words, size_t count, struct problems *problems);
void assign_free_files(struct assign_files *files);

struct assign {
	const struct property *table;
	const struct assign_files *files;
	const struct document_scope *scope; /* to compare references; its txn may be NULL */
	struct problems *problems;
	bool elements_named; /* the first origin=... or member=... of a command replaces the list, the next
				ones add to it */
};

/* Is the word an assignment at all? */
bool assign_is(const char *word);

/* Change document by the word.  False with an error in problems. */
bool assign_word(struct assign *assign, struct json *document, const char *word);

/* The table of an origin's properties. */
const struct property *assign_origin_table(void);

/* Standard input or a file as a whole; NULL with an error in problems. */
char *assign_read_file(const char *path, size_t *len, struct problems *problems);

#endif
