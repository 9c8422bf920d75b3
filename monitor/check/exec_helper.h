/*
 * exec_helper.h -- helper processes that run programs: the commands of exec checks (S37), and the receivers
 * of notifications that are programs (S40).
 *
 * A helper is a small process of its own, our program under another name. It runs programs and says how each
 * ended: the monitor has neither to start nor to wait for them. Each program is the leader of a process group
 * of its own. The helper ends with the monitor, and kills what runs.
 *
 *     monitor                          helper
 *     commands_run(number, ...)  --->  posix_spawn
 *     commands_kill(number)      --->  SIGKILL to the group
 *     commands_reply()           <---  number, how it ended, the first line of its output
 *
 * The monitor seals itself (zones/daemon/seal.h) and cannot start programs then; what it started would be
 * sealed, too. So before that it starts one more process, which waits until a helper is wanted and makes it.
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

enum commands_for {
	COMMANDS_CHECK, /* the first line of output is kept; the group is killed when its leader has ended */
	COMMANDS_NOTIFY /* output goes to our standard error; a time-out alone kills the group */
};

/* A helper, as the monitor sees it. Used by one thread. */
struct commands;

/* The first thing in main: where the program was started as one of these processes, be it, and never return.
 */
void commands_helper(int argc, char *argv[]);

/*
 * Start the process that makes helpers, as the user who runs the programs, with the limits that we have, and
 * unsealed as we are. False with errno where it cannot be.
 */
bool commands_prepare(void);

/*
 * Have a helper made. At most so many programs will run at once. NULL with errno where it cannot be. After
 * commands_prepare; any thread.
 */
struct commands *commands_start(unsigned most, enum commands_for purpose);
/* The same again, after it was lost. EPIPE: the process that makes helpers is lost, too. */
bool commands_restart(struct commands *commands);
void commands_stop(struct commands *commands);

/* The helper of exec checks; NULL where they are not permitted. Set by main, before checks begin. */
extern struct commands *commands_of_checks;

unsigned commands_most(const struct commands *commands);
/* Becomes readable when a reply is there; -1 if there is no helper. */
int commands_fd(const struct commands *commands);

/*
 * Run a program; argv and environment end with NULL. number is the caller's. input is what it reads, or NULL;
 * what does not fit into a pipe is cut. A program of COMMANDS_NOTIFY has the variables of our own
 * environment, too. 0 or -ENOMEM, -ENOBUFS; never blocks.
 */
int commands_run(struct commands *commands, uint32_t number, char *const argv[], char *const environment[],
    const char *input);
/* Kill it: its reply still follows. */
void commands_kill(struct commands *commands, uint32_t number);
/* Take a reply.  1, 0 if there is none, or -1: the helper has died, and needs
 * commands_restart. */
int commands_reply(struct commands *commands, struct command_reply *reply);

#endif
