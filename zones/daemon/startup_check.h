/*
 * startup_check.h -- --check: test the options that every daemon has, without changes.
 *
 * Nothing is written, no store is opened, no port is kept: it may run beside a running daemon. Main thread.
 */
#ifndef STARTUP_CHECK_H
#define STARTUP_CHECK_H

#include "zones/base/problem.h"
#include "zones/daemon/command_line.h"

/*
 * Check the user, the state directory with the directory of the daemon's own store in it (NULL: a start only
 * needs to read them), and the address of the metrics page. Permanently becomes the user that a start would
 * become. Fills problems.
 */
void startup_check(const struct daemon_options *options, const char *store, struct problems *problems);

/* Can this process listen at a valid ADDRESS:PORT? A port in use may belong to the running daemon. */
void startup_check_address(const char *option, const char *where, struct problems *problems);

/* Print the problems, and end the process: with status 1 if one is an error, else 0. */
_Noreturn void startup_check_end(struct problems *problems);

#endif
