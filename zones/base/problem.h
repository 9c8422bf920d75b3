/*
 * problem.h -- faults in an operator's input, as sentences for a person.
 *
 * Each sentence names the place (file and line, or object and property), the fault, and the cure. A check
 * collects all faults that it can find before the whole input is refused.
 */
#ifndef PROBLEM_H
#define PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum severity {
	PROBLEM_WARNING, /* unwise: accepted, with a warning */
	PROBLEM_ERROR    /* wrong: nothing is changed */
};

struct problem {
	enum severity severity;
	char *text; /* one sentence, without a newline */
};

/* Starts as {0}; free it with problems_free. Use it from one thread. */
struct problems {
	struct problem *items;
	size_t count;
	size_t errors;   /* number of errors among the items */
	size_t unlisted; /* further errors that are not in the list, of the same kinds as some that are */
};

void problems_error(struct problems *problems, const char *format, ...) __attribute__((format(printf, 2, 3)));
void problems_warn(struct problems *problems, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print each problem to out as a line "PREFIX: TEXT" or "PREFIX: warning: TEXT". */
void problems_print(const struct problems *problems, const char *prefix, FILE *out);

void problems_free(struct problems *problems);

#endif
