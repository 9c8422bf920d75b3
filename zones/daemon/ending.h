/*
 * ending.h -- how a daemon ends on SIGTERM or SIGINT: by its event loop, or without it.
 *
 * The loop may hang: in a damaged store, on a disk. The signal's handler starts an alarm, and after two
 * seconds the process ends without closing its stores, which is what a kill does and the stores survive. Its
 * exit status is 0 then, too: it ended as it was told.
 */
#ifndef ENDING_H
#define ENDING_H

/*
 * Handle SIGTERM and SIGINT from now on. Returns a descriptor that becomes readable at the first of them, for
 * the event loop; -1 with errno. Main thread, once, after helper processes were forked.
 */
int ending_start(void);

#endif
