/*
 * log.h -- the log of a daemon on its standard error: lines with a time.
 *
 * All code that logs (warnx, problems_print, a library) writes to stderr. log_start replaces stderr with a
 * stream that begins each line with the time in UTC, "2026-11-29T09:11:48.123Z ", and passes each line to the
 * kernel whole. If stderr is the journal of systemd (JOURNAL_STREAM), lines stay unchanged: the journal
 * records the time. Any thread may log.
 */
#ifndef LOG_H
#define LOG_H

/*
 * Call it once, in the main thread, after the options are read and before other threads start. Errors of the
 * start before that have no time.
 */
void log_start(void);

#endif
