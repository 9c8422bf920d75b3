/*
 * problem.h -- what is wrong with somebody's input, as sentences for a person.
 *
 * Each sentence names the file and line or the object and property, the thing, and the cure.  A
 * check collects all the faults that it can see before the whole input is refused.
 */
#ifndef PROBLEM_H
#define PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum severity {
	PROBLEM_WARNING, /* unwise: accepted and said */
	PROBLEM_ERROR    /* wrong: nothing is changed */
};

struct problem {
	enum severity severity;
	char *text; /* one sentence, without a newline */
};

/* Starts as {0}; freed by problems_free.  One thread. */
struct problems {
	struct problem *items;
	size_t count;
	size_t errors;   /* how many of the items are errors */
	size_t unlisted; /* more errors, of kinds that some items are of */
};

void problems_error(struct problems *problems, const char *format, ...) __attribute__((format(printf, 2, 3)));
void problems_warn(struct problems *problems, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print each as "PREFIX: TEXT" or "PREFIX: warning: TEXT". */
void problems_print(const struct problems *problems, const char *prefix, FILE *out);

void problems_free(struct problems *problems);

#endif
