/*
 * report.h -- the sentences for standard error: lines for a person, or one JSON document for a program.
 *
 * Without --json each sentence is printed at once, after "graycloud: ".  With --json they are kept, and
 * report_end prints them in the shape of the API: {"errors":[{"message":"..."}],"messages":[...]}, where
 * messages are warnings and notes.  A command that succeeds with --json prints them as lines nevertheless:
 * its standard error never holds "errors".
 */
#ifndef REPORT_H
#define REPORT_H

#include "zones/base/problem.h"

/* Keep the sentences for one document.  Called before the first sentence. */
void report_as_json(void);
bool report_is_json(void);

void report_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_problems(const struct problems *problems);

/* Print the kept sentences.  Called once, at the end of the program; failed: its exit status is not 0. */
void report_end(bool failed);

#endif
