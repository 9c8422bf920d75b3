/*
 * args.h -- the command line of `graycloud`: words, and options that begin with two dashes.
 *
 * zones/daemon/arguments.h has the rules of options. They may come before the command, too. Options of every
 * command are fields; the options of one command are named in the table of main.c, and asked for by name. The
 * words from struct command's dashes_from on may begin with a dash.
 */
#ifndef ARGS_H
#define ARGS_H

#include "zones/base/util.h"

#include <stdio.h>

/* The status that a command and then the program return. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_UNWELL = 3, /* doctor found a warning */
	EXIT_SICK = 4    /* doctor found an error */
};

struct args;
struct option;
typedef enum exit_code command_fn(struct args *args);

struct command {
	const char *name; /* the first word */
	command_fn *run;
	const char *options; /* its own, as "zones since"; NULL: none */
	const char *usage;   /* lines after "graycloud ", each a synopsis */
	bool changes;        /* takes the options of changing commands */
	bool writes;         /* writes the store without them */
	/*
	 * If not 0, words from this index on are values (one later after a TTL): "-abc" is a
	 * word there.  The first of them may begin with two dashes, unless it is near to an option's name.
	 */
	unsigned dashes_from;
};

struct args {
	const struct command *command;
	int argc; /* the whole line, for the log */
	char **argv;
	int named_at; /* the command's name in argv, or 0 */
	size_t count; /* words after the command's name */
	char **words;
	const char *state;
	bool json, help;
	unsigned lock_wait; /* seconds that it waits for another process's lock on a store */
	/* of changing commands */
	bool dry_run, force, no_wait, if_generation_given;
	uint64_t if_generation;
	const char *reason; /* or NULL */
	struct args_option {
		const char *name, *value; /* value NULL: a flag */
	} own[64];
	size_t nown;
};

/*
 * Find the command in table (ended by a NULL name) and read the line.  False after a sentence on stderr:
 * exit 2. args_free frees in both cases.
 */
bool args_parse(struct args *args, const struct command *table, int argc, char **argv);
void args_free(struct args *args);

/* A command's own option: its value, or NULL if it was not given. */
const char *args_value(const struct args *args, const char *name);
bool args_flag(const struct args *args, const char *name);

/* The word at index, or NULL. */
const char *args_word(const struct args *args, size_t index);

/* Report the fault of the line, with the usage (not with --json); returns EXIT_USAGE. */
enum exit_code args_misused(const struct args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for a verb that the command's usage does not list, or for none (""); names the nearest one. */
enum exit_code args_no_verb(const struct args *args, const char *verb);
void args_print_usage(const struct command *command, FILE *out);

/* The line as the log keeps it, each word as word() gives it (allocated).  Freed by the caller. */
char *args_line(const struct args *args, char *(*word)(const char *));

/* All options of all commands, ended by an empty one; which of them the command takes (NULL: no command). */
const struct option *args_options(void);
bool args_takes(const struct command *command, const struct option *option);

#endif
