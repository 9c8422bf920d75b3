/*
 * args.h -- the command line of `graycloud`: words, and options that begin with two dashes.
 *
 * Options may stand anywhere.  Those that every command has are fields; a command's own are named in
 * the table of main.c and asked for by name.
 */
#ifndef ARGS_H
#define ARGS_H

#include "zones/base/util.h"

#include <stdio.h>

/* What a command returns, and the program with it. */
enum exit_code { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct args;
typedef enum exit_code command_fn(struct args *args);

struct command {
	const char *name; /* the first word */
	command_fn *run;
	const char *options; /* its own: "zones since:", a colon where one takes a value; NULL: none */
	const char *usage;   /* lines after "graycloud ", each a synopsis */
	bool changes;        /* takes the options of changing commands */
};

struct args {
	const struct command *command;
	int argc; /* the whole line, for the log */
	char **argv;
	size_t count; /* words after the command's name */
	char **words;
	const char *state;
	bool json, help;
	unsigned lock_wait; /* seconds that it waits for another process's lock on a store */
	/* of changing commands */
	bool dry_run, force, no_wait, if_generation_given;
	bool silent; /* a dry run whose caller shows what came of it */
	uint64_t if_generation;
	const char *reason; /* or NULL */
	struct args_option {
		const char *name, *value; /* value NULL: a flag */
	} own[16];
	size_t nown;
};

/*
 * Find the command in table (ended by a NULL name) and read the line.  False after a sentence on stderr:
 * exit 2. args_free frees in both cases.
 */
bool args_parse(struct args *args, const struct command *table, int argc, char **argv);
void args_free(struct args *args);

/* A command's own option: its value, or NULL where it was not given. */
const char *args_value(const struct args *args, const char *name);
bool args_flag(const struct args *args, const char *name);

/* The word at index, or NULL. */
const char *args_word(const struct args *args, size_t index);

/* Say what is wrong with the line, and how it is to be; returns EXIT_USAGE. */
enum exit_code args_misused(const struct args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void args_print_usage(const struct command *command, FILE *out);

/* The line as the log keeps it. */
char *args_line(const struct args *args);

#endif
