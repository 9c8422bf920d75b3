/*
 * exec_helper.h -- helper processes that run programs: the commands of exec checks (S37), and the receivers
 * of notifications that are programs (S40).
 *
 * A helper is a small separate process: this program under another name. It runs programs and reports how
 * each ended, so that the monitor neither starts them nor waits for them. Each program leads a process group
 * of its own. The helper ends with the monitor, and kills the running programs.
 *
 *     monitor                          helper
 *     commands_run(number, ...)  --->  posix_spawn
 *     commands_kill(number)      --->  SIGKILL to the group
 *     commands_reply()           <---  number, how it ended, the first line of its output
 *
 * A sealed monitor (zones/daemon/seal.h) cannot start programs, and they would be sealed, too. So before the
 * seal it starts one more process, the starter, which creates helpers on request.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

/* The maximum of commands at once. One reply of each fits into the socket, so the helper never waits for the
 * monitor to read.
 */
enum { COMMANDS_MAX = 256, COMMAND_LINE_MAX = 64 };

struct command_reply {
	uint32_t number;
	int32_t error;               /* errno, if it could not be started */
	int32_t status;              /* of waitpid */
	char line[COMMAND_LINE_MAX]; /* the first line of its output, clipped */
};

enum commands_for {
	COMMANDS_CHECK, /* the first line of output is kept; the group is killed when its leader has ended */
	COMMANDS_NOTIFY /* output goes to the standard error of the monitor; only a time-out kills the group
			 */
};

/* The monitor's handle of a helper. One thread uses it. */
struct commands;

/* Call this first in main: if the program was started as one of these processes, it runs as that and never
 * returns.
 */
void commands_helper(int argc, char *argv[]);

/*
 * Start the process that creates helpers, with the current user and limits, before the seal. Returns false
 * with errno if that fails.
 */
bool commands_prepare(void);

/*
 * Create a helper that runs at most this number of programs at once. Returns NULL with errno if that fails.
 * Call it after commands_prepare; any thread.
 */
struct commands *commands_start(unsigned most, enum commands_for purpose);
/* Create it again after it was lost. EPIPE: the process that creates helpers is lost, too. */
bool commands_restart(struct commands *commands);
void commands_stop(struct commands *commands);

/* The helper of exec checks; NULL if they are not permitted. main sets it before checks begin. */
extern struct commands *commands_of_checks;

unsigned commands_most(const struct commands *commands);
/* The descriptor becomes readable when a reply arrives; -1 if there is no helper. */
int commands_fd(const struct commands *commands);

/*
 * Run a program; argv and environment end with NULL. The caller chooses number. input is the standard input
 * of the program, or NULL; it is cut to the size of a pipe. A program of COMMANDS_NOTIFY also gets the
 * environment of this process. Returns 0, -ENOMEM or -ENOBUFS; never blocks.
 */
int commands_run(struct commands *commands, uint32_t number, char *const argv[], char *const environment[],
    const char *input);
/* Kill a program. Its reply still follows. */
void commands_kill(struct commands *commands, uint32_t number);
/* Take a reply. Returns 1, 0 if no reply waits, or -1 if the helper has died: then call commands_restart. */
int commands_reply(struct commands *commands, struct command_reply *reply);

#endif
