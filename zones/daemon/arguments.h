/*
 * arguments.h -- read a command line, one argument after another: the same rules for all three programs.
 *
 * A table of getopt.h names the options, "help" among them. Options stand anywhere, as "--since 1h" or
 * "--since=1h"; the only short one is -h. An option is written whole: an abbreviation would change its
 * meaning when a later version has one more option. A value may begin with a dash, unless it is an option
 * itself; then write --option=value. After "--" every argument is a word.
 *
 * getopt_long reads the options, and keeps its state in global variables: use this in one thread.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

struct arguments {
	const struct option *known; /* ends with an empty one; no `val` is 0 */
	/* May this option stand on this line? NULL: every one may. */
	bool (*takes)(const void *arg, const struct option *option);
	const void *arg;
	int argc;
	char **argv;
	int next;        /* the index of the next argument; begin with 1 */
	bool words_only; /* "--" was read */
};

enum argument_kind {
	ARGUMENT_END,
	ARGUMENT_WORD,
	ARGUMENT_OPTION,
	ARGUMENT_INVALID /* arguments_fault has the reason */
};

struct argument {
	const char *word;            /* the argument itself */
	const struct option *option; /* the option, or the nearest one of an invalid one, or NULL */
	const char *value;           /* of the option, or NULL; it points into argv */
	enum argument_fault {
		ARGUMENT_SHORT, /* one dash */
		ARGUMENT_UNKNOWN,
		ARGUMENT_NO_VALUE,
		ARGUMENT_FORGOTTEN, /* the value is an option */
		ARGUMENT_VALUE      /* a value, and the option takes none */
	} fault;
};

enum argument_kind arguments_next(struct arguments *arguments, struct argument *argument);
/* The option of this name that may stand on this line, or NULL. */
const struct option *arguments_option(const struct arguments *arguments, const char *name, size_t len);
/* The option whose name is nearest to this one, or NULL if none is near. */
const struct option *arguments_near(const struct arguments *arguments, const char *name);

/*
 * Why the argument is invalid, in words. No value is in it, because a value may be a secret. The caller frees
 * the text.
 */
char *arguments_fault(const struct argument *argument);

#endif
