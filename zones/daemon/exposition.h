/*
 * exposition.h -- write a page for Prometheus: its text format, version 0.0.4.
 *
 *     exposition_family(page, "graycloud_pools", "gauge", "Pools.");
 *     exposition_sample(page, "graycloud_pools", 3, NULL);
 *     exposition_sample(page, "graycloud_pool_up", 1, "pool", "eu", NULL);
 *
 * A page is a FILE in memory (open_memstream).
 */
#ifndef EXPOSITION_H
#define EXPOSITION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Labels of an endpoint, the longest that there are, with every octet escaped. */
enum { EXPOSITION_LABELS_MAX = 4096 };

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The HELP and TYPE of a metric: "counter", "gauge" or "histogram". */
void exposition_family(FILE *page, const char *name, const char *type, const char *help);
/* One line; labels are pairs of name and value, ended by NULL; one whose value is NULL is left out, as is one
 * that has no room. */
void exposition_sample(FILE *page, const char *name, double value, ...) __attribute__((sentinel));
/* A family of one line without labels. */
void exposition_value(FILE *page, const char *name, const char *type, const char *help, double value);

/* Labels that several lines share, written once: such pairs.  The text has no braces, and is empty where
 * there are none. */
void exposition_labels(char out[EXPOSITION_LABELS_MAX], ...) __attribute__((sentinel));
/* One line with such labels. */
void exposition_line(FILE *page, const char *name, const char *labels, double value);

/* A bound of a histogram and how it is written: BOUND(0.25). */
struct bound {
	double value;
	const char *text;
};
#define BOUND(number) \
	{ \
		number, #number \
	}

/* Counts by bounds: counts[i] are those above bounds[i - 1] and at most bounds[i]; counts[nbounds] those
 * above all. */
struct histogram {
	const struct bound *bounds;
	size_t nbounds;
	uint64_t *counts; /* nbounds + 1 */
	double sum;
};
/* The place in counts of a value. */
size_t histogram_bucket(const struct bound *bounds, size_t nbounds, double value);
void histogram_add(struct histogram *histogram, double value);
/* Its lines, with labels of exposition_labels(); the family is the caller's. */
void exposition_histogram(
    FILE *page, const char *name, const char *labels, const struct histogram *histogram);

#endif
