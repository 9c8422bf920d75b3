/*
 * command_line.h -- the options of a daemon, on its command line and as the same words in a file.
 *
 * A line of --config FILE is an option without its dashes: "listen 192.0.2.1:53", "rrl-dry-run".  "#" begins
 * a comment.
 * --config, --help and --version are understood here; all others go to the program.
 */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

/* What the `val` of these three is in a table of options; those of a program begin at OPTION_FIRST. */
enum { OPTION_CONFIG = 1, OPTION_HELP, OPTION_VERSION, OPTION_FIRST = 256 };

/* Where an option stands, and what to say of it. */
struct option_place {
	const char *program;
	const char *file; /* NULL: the command line */
	unsigned line;
	const char *name;
};

struct command_line {
	const char *program;
	const struct option *known; /* ended by an empty one */
	const char *usage;
	/* Take one option; value is NULL where it has none, and lives as long as the process.  False after a
	 * sentence. */
	bool (*take)(void *arg, const struct option_place *place, int val, const char *value);
	void *arg;
};

/*
 * Read all options.  False where any was wrong, after a sentence for each of them.  Ends the process with 0
 * for --help and
 * --version.
 */
bool command_line_read(const struct command_line *line, int argc, char **argv);
/* Print how it is used, and end with 2. */
_Noreturn void command_line_refuse(const struct command_line *line);

/* The state directory where --state is not given: GRAYCLOUD_STATE, else the default. */
const char *state_default(void);

/* A copy of a value that lives as long as the process. */
const char *option_keep(const char *value);

/* Say what is wrong with an option: "graycloud-dnsd: --listen" and the rest.  Always false. */
bool option_wrong(const struct option_place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Numbers within bounds; false after a sentence. */
bool option_number(
    const struct option_place *place, const char *text, double low, double high, double *value);
bool option_whole(
    const struct option_place *place, const char *text, unsigned low, unsigned high, unsigned *out);

#endif
