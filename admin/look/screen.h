/*
 * screen.h -- the whole terminal: its size, its keys, and lines that are written only if they changed.
 *
 * Plain escapes of ECMA-48 and the alternate screen of xterm, which everything since the VT100 has; so no
 * curses.  One screen a process.  The terminal is as it was before after screen_close, after exit(), after a
 * signal that ends the process, after a fault in a store, and while the process is stopped.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* Can standard output show one? */
bool screen_possible(void);
void screen_open(void);
void screen_close(void);

/* As the terminal is now; 80 by 24 if it does not report it. */
void screen_size(unsigned *columns, unsigned *rows);

/*
 * Show the lines of text, from column left on, in all rows but the last.  Colours take no column.  Returns
 * how many lines are wider than the screen.
 */
unsigned screen_show(const char *text, unsigned left);
/* The last row. */
void screen_foot(const char *text);

/*
 * Wait for a key, a change of the size, a signal, or one of more descriptors (at most 3), at most
 * so long.  Returns the key, KEY_NONE without one.
 */
int screen_wait(const struct pollfd *more, nfds_t count, int most_ms);

/* The terminal has gone, or a signal asks to end. */
bool screen_over(void);

#endif
