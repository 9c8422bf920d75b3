/*
 * completion.h -- the candidates for the next word of a command line: for the completion of shells.
 *
 * The synopses of the table of commands are the grammar, so a command that is documented is completed:
 * literal words, options, properties with their words, and the names of the objects in the configuration. The
 * shells' scripts (admin/install) only pass on this output.
 */
#ifndef COMPLETION_H
#define COMPLETION_H

#include "admin/cli/args.h"

/* Names that the configuration knows. The functions below offer; this one asks. */
enum completion_source {
	COMPLETE_ZONES,
	COMPLETE_MONITORS,
	COMPLETE_MONITOR_GROUPS,
	COMPLETE_POOLS,
	COMPLETE_LBS,
	COMPLETE_NODES,
	COMPLETE_DNSSEC,
	COMPLETE_ORIGINS,
	COMPLETE_TOKENS
};

struct completion {
	const struct command *commands; /* ended by a NULL name */
	char **words;      /* without the program's name; the last is the typed part of the next word */
	size_t count;      /* at least 1 */
	const char *state; /* the directory that the line or the environment names */
	/* Offer each name of a source; of is the pool whose origins are asked for, or NULL. */
	void (*names)(struct completion *completion, enum completion_source source, const char *of);
	/* private */
	const char *partial, *before; /* before: is put in front of each name ("monitor=") */
	size_t offered;
	bool files; /* were offered */
};

/* Fill state from the words. Call it before completion_print. */
void completion_begin(struct completion *completion);

/*
 * Print the candidates, one in a line; only those that begin with the last word. One that ends with "=" wants
 * more text without a space. The line ":files" asks the shell for names of files.
 */
void completion_print(struct completion *completion);

/* For names: print one if it fits. */
void completion_offer(struct completion *completion, const char *text, size_t len);

#endif
