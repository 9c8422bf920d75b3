#include "admin/look/screen.h"

#include "admin/look/keys.h"
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/base/util.h"
#include "zones/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

enum { MORE = 3, ESCAPE_MS = 50 /* within which a terminal sends the rest of a sequence */ };

#define ENTER "\033[?1049h\033[?25l\033[H\033[2J" /* alternate screen, no cursor */
#define LEAVE "\033[0m\033[?25h\033[?1049l"

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static struct screen {
	bool open, raw; /* raw: standard input is a terminal, and its modes were changed */
	bool gone;
	bool blank; /* clear it before the next line */
	struct termios before;
	struct sigaction actions[NITEMS(ending)], stop, resize;
	sigset_t mask; /* before */
	char **lines;  /* as they are on the terminal */
	unsigned nlines;
	unsigned columns, rows;
	int errors, stderr_before; /* errors: -1, or a file in memory in the place of standard error */
	char keys[64];             /* octets that are not read as keys yet */
	size_t nkeys;
} screen = {.errors = -1};

static volatile sig_atomic_t signalled; /* the signal that asks to end */
static volatile sig_atomic_t stopped;   /* SIGTSTP */

static void
on_signal(int number)
{
	if (number == SIGTSTP)
		stopped = 1;
	else if (number != SIGWINCH) /* which only ends the wait */
		signalled = number;
}

static void
send_text(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t sent = write(STDOUT_FILENO, text, len);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			screen.gone = true;
			return;
		}
		text += sent;
		len -= (size_t)sent;
	}
}

/* The output to standard error while the screen was open, which the screen would have overwritten. */
static void
give_errors(void)
{
	char text[1024];
	ssize_t len;

	if (screen.errors < 0)
		return;
	dup2(screen.stderr_before, STDERR_FILENO);
	close(screen.stderr_before);
	lseek(screen.errors, 0, SEEK_SET);
	while ((len = read(screen.errors, text, sizeof text)) > 0)
		if (write(STDERR_FILENO, text, (size_t)len) < 0)
			break;
	close(screen.errors);
	screen.errors = -1;
}

static void
keep_errors(void)
{
	if (!isatty(STDERR_FILENO) || (screen.errors = memfd_create("stderr", MFD_CLOEXEC)) < 0)
		return;
	screen.stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (screen.stderr_before >= 0 && dup2(screen.errors, STDERR_FILENO) >= 0)
		return;
	close(screen.errors);
	screen.errors = -1;
}

/* Only system calls: it also runs in a handler of SIGSEGV. */
static void
leave(void)
{
	if (!screen.open)
		return;
	send_text(LEAVE, sizeof LEAVE - 1);
	if (screen.raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.before);
	screen.open = false;
	give_errors();
}

static void
enter(void)
{
	struct termios modes;

	screen.raw = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen.before) == 0;
	if (screen.raw) {
		modes = screen.before;
		modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		modes.c_cc[VMIN] = 1;
		modes.c_cc[VTIME] = 0;
		screen.raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &modes) == 0;
	}
	screen.open = true;
	keep_errors();
	send_text(ENTER, sizeof ENTER - 1);
}

/* The content of the terminal is no longer known. */
static void
forget(void)
{
	for (unsigned i = 0; i < screen.nlines; i++)
		free(screen.lines[i]);
	free(screen.lines);
	screen.lines = NULL;
	screen.nlines = 0;
	screen.blank = true;
}

bool
screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

void
screen_open(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked;

	/* Signals are delivered only during the wait, so that none is missed between a check and the wait. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTSTP);
	sigaddset(&blocked, SIGWINCH);
	for (size_t i = 0; i < NITEMS(ending); i++)
		sigaddset(&blocked, ending[i]);
	sigprocmask(SIG_BLOCK, &blocked, &screen.mask);
	for (size_t i = 0; i < NITEMS(ending); i++) {
		sigaction(ending[i], NULL, &screen.actions[i]);
		if (screen.actions[i].sa_handler != SIG_IGN) /* nohup */
			sigaction(ending[i], &action, NULL);
	}
	sigaction(SIGTSTP, &action, &screen.stop);
	sigaction(SIGWINCH, &action, &screen.resize);
	atexit(leave);
	store_set_last_act(leave);
	enter();
}

void
screen_close(void)
{
	leave();
	forget();
	for (size_t i = 0; i < NITEMS(ending); i++)
		sigaction(ending[i], &screen.actions[i], NULL);
	sigaction(SIGTSTP, &screen.stop, NULL);
	sigaction(SIGWINCH, &screen.resize, NULL);
	if (signalled != 0)
		raise(signalled); /* so that a shell sees the signal that ended the program */
	sigprocmask(SIG_SETMASK, &screen.mask, NULL);
}

bool
screen_over(void)
{
	return signalled != 0 || screen.gone;
}

/* Ctrl-Z: restore the terminal for the shell, and draw again after `fg`. */
static void
stop(void)
{
	struct sigaction ours;
	sigset_t set;

	stopped = 0;
	leave();
	sigaction(SIGTSTP, &screen.stop, &ours);
	raise(SIGTSTP);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* it takes effect here, and execution continues here */
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTSTP, &ours, NULL);
	enter();
	forget();
}

void
screen_size(unsigned *columns, unsigned *rows)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 3 || size.ws_col < 20)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	if (screen.columns != size.ws_col || screen.rows != size.ws_row)
		forget();
	*columns = screen.columns = size.ws_col;
	*rows = screen.rows = size.ws_row;
}

/* --- drawing --- */

/*
 * The part of a line from a column on that fits into this number of columns.  Colours take none and are all
 * kept, nor do continuation octets of UTF-8.  *cut: something does not fit.
 */
static char *
part_of(const char *line, size_t len, unsigned left, unsigned columns, bool *cut)
{
	char *part = xcalloc(1, len + 1), *to = part;
	unsigned column = 0;
	bool shown = left == 0;

	*cut = false;
	for (size_t at = 0; at < len; at++) {
		if (line[at] == '\033') {
			size_t end = at + strcspn(line + at, "m") + 1;

			memcpy(to, line + at, end - at);
			to += end - at;
			at = end - 1;
			continue;
		}
		if ((line[at] & 0xc0) != 0x80) {
			shown = column >= left && column - left < columns;
			*cut |= column >= left && !shown;
			column++;
		}
		if (shown)
			*to++ = line[at];
	}
	return part;
}

/* Write a line if it is another one than before; takes text. */
static void
put_line(unsigned row, char *text, FILE *out)
{
	if (row < screen.nlines && strcmp(screen.lines[row], text) == 0) {
		free(text);
		return;
	}
	if (row >= screen.nlines) {
		screen.lines =
		    array_grow_by(screen.lines, screen.nlines, row + 1 - screen.nlines, sizeof *screen.lines);
		while (screen.nlines <= row)
			screen.lines[screen.nlines++] = xstrdup("");
	}
	free(screen.lines[row]);
	screen.lines[row] = text;
	fprintf(out, "\033[%u;1H\033[0m%s\033[0m\033[K", row + 1, text);
}

unsigned
screen_show(const char *text, unsigned left)
{
	char *sent = NULL;
	size_t len;
	unsigned cuts = 0;
	bool cut;
	FILE *out = text_stream(&sent, &len);

	if (out == NULL)
		return 0;
	if (screen.blank)
		fputs("\033[0m\033[2J", out);
	screen.blank = false;
	for (unsigned row = 0; row + 1 < screen.rows; row++) {
		size_t octets = strcspn(text, "\n");

		put_line(row, part_of(text, octets, left, screen.columns, &cut), out);
		cuts += cut;
		text += octets + (text[octets] == '\n');
	}
	fclose(out);
	send_text(sent, len);
	free(sent);
	return cuts;
}

void
screen_foot(const char *text)
{
	char *sent = NULL;
	size_t len;
	bool cut;
	FILE *out = text_stream(&sent, &len);

	if (out == NULL)
		return;
	/* One column less: a terminal may scroll after the last of its last row. */
	put_line(screen.rows - 1, part_of(text, strlen(text), 0, screen.columns - 1, &cut), out);
	fclose(out);
	send_text(sent, len);
	free(sent);
}

/* --- keys --- */

static int
next_key(bool complete)
{
	size_t used;
	int key = key_read(screen.keys, screen.nkeys, complete, &used);

	screen.nkeys -= used;
	memmove(screen.keys, screen.keys + used, screen.nkeys);
	return key;
}

static void
read_keys(void)
{
	ssize_t got = read(STDIN_FILENO, screen.keys + screen.nkeys, sizeof screen.keys - screen.nkeys);

	if (got > 0)
		screen.nkeys += (size_t)got;
	else if (got == 0 || (errno != EINTR && errno != EAGAIN))
		screen.gone = true;
}

int
screen_wait(const struct pollfd *more, nfds_t count, int most_ms)
{
	struct pollfd fds[MORE + 1] = {{STDIN_FILENO, POLLIN, 0}};
	struct timespec most;
	int key = next_key(false);

	if (key != KEY_NONE)
		return key;
	if (screen.nkeys > 0)
		most_ms = MIN(most_ms, ESCAPE_MS);
	most = (struct timespec){.tv_sec = most_ms / 1000, .tv_nsec = most_ms % 1000 * 1000000L};
	if (!screen.raw)
		fds[0].fd = -1;
	memcpy(fds + 1, more, MIN(count, MORE) * sizeof *more);
	if (ppoll(fds, MIN(count, MORE) + 1, &most, &screen.mask) < 0 && errno != EINTR)
		screen.gone = true;
	if (stopped)
		stop();
	if (fds[0].revents != 0)
		read_keys();
	else if (screen.nkeys > 0)
		return next_key(true);
	return next_key(false);
}
