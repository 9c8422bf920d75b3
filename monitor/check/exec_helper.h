/*
 * exec_helper.h -- the helper process that runs the commands of exec checks (S37).
 *
 * A small process of its own, our program under another name, runs the commands and says how each ended: the
 * monitor has neither to start nor to wait for them.  It is executed, not forked alone, so that it can be
 * started anew while stores are open.  Each is the leader of a process group of its own; when it has ended or
 * is killed, its whole group is killed.  The helper ends with the monitor, and kills what runs.
 *
 *     monitor                          helper
 *     commands_run(number, ...)  --->  posix_spawn
 *     commands_kill(number)      --->  SIGKILL to the group
 *     commands_reply()           <---  number, how it ended, the first line of its output
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

/* The replies of so many, each sent once, fit in the socket: the helper never waits for the monitor to read.
 */
enum { COMMANDS_MAX = 256, COMMAND_LINE_MAX = 64 };

struct command_reply {
	uint32_t number;
	int32_t error;               /* errno, where it could not be started */
	int32_t status;              /* of waitpid */
	char line[COMMAND_LINE_MAX]; /* the first of its output, clipped */
};

/* The first thing in main: where the program was started as the helper, be it, and never return. */
void commands_helper(int argc, char *argv[]);

/*
 * Start the helper, as the user who runs the commands and with the limits that we have.  At most so many will
 * run at once. False with errno where it cannot be.
 */
bool commands_start(unsigned most);
/* The same again, with the same limits, after it was lost. */
bool commands_restart(void);
/* 0 where commands are not permitted. */
unsigned commands_most(void);
/* Becomes readable when a reply is there; -1 where there is no helper. */
int commands_fd(void);

/* Run a command; argv and environment end with NULL.  number is the caller's.  0 or -ENOMEM, -ENOBUFS; never
 * blocks. */
int commands_run(uint32_t number, char *const argv[], char *const environment[]);
/* Kill it: its reply follows all the same. */
void commands_kill(uint32_t number);
/* Take a reply.  1, 0 where there is none, or -1: the helper is lost, and its place free for
 * commands_restart. */
int commands_reply(struct command_reply *reply);

#endif
