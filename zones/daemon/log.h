/*
 * log.h -- what a daemon says on its standard error: a line with its time.
 *
 * Everything that says something (warnx, problems_print, a library) writes into stderr; log_start puts
 * a stream in its place that begins each line with the time in UTC, "2026-11-29T09:11:48.123Z ", and gives
 * each line to the kernel whole.  Where stderr is the journal of systemd (JOURNAL_STREAM), lines stay as they
 * are: it notes the time itself.
 */
#ifndef LOG_H
#define LOG_H

/* Once, in the main thread, when the options are read and before other threads start: what refuses a start is
 * told as it is. */
void log_start(void);

#endif
