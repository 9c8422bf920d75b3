/*
 * ending.h -- how a daemon ends on SIGTERM or SIGINT: through its event loop, or without it if the loop
 * hangs.
 *
 * The loop may hang in a damaged store or on a disk. So the signal handler starts an alarm. After two seconds
 * the process ends without closing its stores; that is the same as a kill, and the stores survive it. Its
 * exit status is 0 in that case, too, because it ended on request.
 */
#ifndef ENDING_H
#define ENDING_H

/*
 * Handle SIGTERM and SIGINT from now on. Returns a descriptor for the event loop, which becomes readable at
 * the first of these signals; -1 with errno if that fails. Main thread, once, after helper processes were
 * forked.
 */
int ending_start(void);

#endif
