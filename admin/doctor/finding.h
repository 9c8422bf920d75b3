/*
 * finding.h -- the findings of `graycloud doctor`: severity, subject, problem, and cure.
 */
#ifndef FINDING_H
#define FINDING_H

#include "zones/document/json.h"

#include <stdio.h>

enum gravity {
	FINDING_OK,      /* it was examined, and nothing is wrong */
	FINDING_NOTE,    /* good to know: nothing needs to be done now */
	FINDING_WARNING, /* it works now, and is likely to fail or to disappoint */
	FINDING_ERROR    /* clients get wrong answers or none, or will at the next failure */
};
const char *gravity_text(enum gravity gravity);

struct finding {
	enum gravity gravity;
	const char *check; /* a word for programs, which stays: "pool-one-origin" */
	char *subject;     /* "pool eu" */
	char *what;        /* one sentence */
	char *cure;        /* one sentence, or NULL if no action is needed */
};

/* Starts as {0}; freed by findings_free. */
struct findings {
	struct finding *list;
	size_t count;
};

/* A finding to be filled with a sentence, which both take as printf does. */
void finding_add(struct findings *findings, enum gravity gravity, const char *check, const char *subject,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The cure of the finding that was added last. */
void finding_cure(struct findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The number of findings of a gravity; the worst of all, FINDING_OK if there is none. */
size_t findings_of(const struct findings *findings, enum gravity gravity);
enum gravity findings_worst(const struct findings *findings);
/* Was something worse than a note found since the count had this value? */
bool findings_worse_since(const struct findings *findings, size_t count);

/* The worst first, then in the order in which they were found; of many of one check and gravity the first
 * twenty. */
void findings_print(const struct findings *findings, FILE *out);
struct json *findings_json(const struct findings *findings);

void findings_free(struct findings *findings);

#endif
