/*
 * exposition.h -- write a page for Prometheus in its text format, version 0.0.4.
 *
 *     exposition_family(page, "graycloud_pools", "gauge", "Pools.");
 *     exposition_sample(page, "graycloud_pools", 3, NULL);
 *     exposition_sample(page, "graycloud_pool_up", 1, "pool", "eu", NULL);
 *
 * A page is a FILE in memory (open_memstream). One thread at a time may write a page.
 */
#ifndef EXPOSITION_H
#define EXPOSITION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Room for the labels of an endpoint, the longest labels there are, with every octet escaped. */
enum { EXPOSITION_LABELS_MAX = 4096 };

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Write HELP and TYPE of a metric. type is "counter", "gauge" or "histogram". */
void exposition_family(FILE *page, const char *name, const char *type, const char *help);
/*
 * Write one line. Labels are pairs of name and value, ended by NULL. A pair is left out if its value is NULL
 * or there is no room for it.
 */
void exposition_sample(FILE *page, const char *name, double value, ...) __attribute__((sentinel));
/* Write a family of one line without labels. */
void exposition_value(FILE *page, const char *name, const char *type, const char *help, double value);

/*
 * Format labels once that several lines share; the arguments are such pairs. The text has no braces; it is
 * empty if there are no labels.
 */
void exposition_labels(char out[EXPOSITION_LABELS_MAX], ...) __attribute__((sentinel));
/* Write one line with these labels. */
void exposition_line(FILE *page, const char *name, const char *labels, double value);

/* An upper limit of a histogram and its text: BOUND(0.25). */
struct bound {
	double value;
	const char *text;
};
#define BOUND(number) \
	{ \
		number, #number \
	}

/*
 * Counts by upper limits: counts[i] counts values above bounds[i - 1] and at most bounds[i]; counts[nbounds]
 * counts those above all.
 */
struct histogram {
	const struct bound *bounds;
	size_t nbounds;
	uint64_t *counts; /* nbounds + 1 entries */
	double sum;
};
/* The index in counts of a value. */
size_t histogram_bucket(const struct bound *bounds, size_t nbounds, double value);
void histogram_add(struct histogram *histogram, double value);
/* Write the lines of a histogram, with labels of exposition_labels(). The caller writes the family. */
void exposition_histogram(
    FILE *page, const char *name, const char *labels, const struct histogram *histogram);

#endif
