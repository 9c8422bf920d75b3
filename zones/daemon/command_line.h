/*
 * command_line.h -- the options of a daemon, on its command line or, with the same words, in a file.
 *
 * A line of --config FILE is an option without its dashes: "listen 192.0.2.1:53", "rrl-dry-run". "#" begins a
 * comment. This module handles --config, --help, --version and the options that every daemon has; the program
 * handles all others. Call it in the main thread, before other threads start.
 */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The `val` of these in a table of options. Those of a program begin at OPTION_FIRST. */
enum {
	OPTION_CONFIG = 1,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_STATE,
	OPTION_USER,
	OPTION_METRICS,
	OPTION_NO_SEAL,
	OPTION_CHECK,
	OPTION_FIRST = 256
};

/* clang-format off: the rows of the options that every daemon has, for its table */
#define DAEMON_OPTIONS \
	{"state", 1, NULL, OPTION_STATE}, {"user", 1, NULL, OPTION_USER}, \
	    {"metrics", 1, NULL, OPTION_METRICS}, {"config", 1, NULL, OPTION_CONFIG}, \
	    {"check", 0, NULL, OPTION_CHECK}, {"no-seal", 0, NULL, OPTION_NO_SEAL}, \
	    {"help", 0, NULL, OPTION_HELP}, \
	{ \
		"version", 0, NULL, OPTION_VERSION \
	}
/* clang-format on */

/* Their values. */
struct daemon_options {
	const char *state;   /* --state; else state_default() */
	const char *user;    /* NULL: privileges_choose() chooses one */
	const char *metrics; /* ADDRESS:PORT, with a port in any case; NULL: no page */
	bool no_seal;        /* for debuggers (seal.h) */
	bool check;          /* check everything, then exit */
};

/* The place of an option, for messages. */
struct option_place {
	const char *program;
	const char *file; /* NULL: the command line */
	unsigned line;
	const char *name;
};

struct command_line {
	const char *program;
	const struct option *known; /* ends with an empty one */
	const char *usage;
	/*
	 * Handle one option. value is NULL if the option has none, and lives as long as the process. Returns
	 * false after it has printed a sentence.
	 */
	bool (*take)(void *arg, const struct option_place *place, int val, const char *value);
	void *arg;
	struct daemon_options *daemon;
	uint16_t metrics_port; /* if --metrics names none */
};

/*
 * Read all options. Returns false if any was invalid, after a sentence for each of them. With --help or
 * --version it prints and ends the process with status 0.
 */
bool command_line_read(const struct command_line *line, int argc, char **argv);
/* Print the usage, and end the process with status 2. */
_Noreturn void command_line_refuse(const struct command_line *line);

/* The state directory without --state: GRAYCLOUD_STATE, else the default. */
const char *state_default(void);

/* Copy a value; the copy lives as long as the process. */
const char *option_keep(const char *value);

/*
 * Print the fault of an option: "graycloud-dnsd: --listen" and the formatted text. Always returns
 * false.
 */
bool option_wrong(const struct option_place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * Is the value ADDRESS:PORT? Returns false after it has printed a sentence with an example of this port.
 */
bool option_address_port(const struct option_place *place, const char *value, unsigned example);
/* Read a number within limits. Returns false after it has printed a sentence. */
bool option_number(
    const struct option_place *place, const char *text, double low, double high, double *value);
bool option_whole(
    const struct option_place *place, const char *text, unsigned low, unsigned high, unsigned *out);

#endif
