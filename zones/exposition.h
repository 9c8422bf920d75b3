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

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The HELP and TYPE of a metric: "counter", "gauge" or "histogram". */
void exposition_family(FILE *page, const char *name, const char *type, const char *help);
/* One line; labels are pairs of name and value, ended by NULL. */
void exposition_sample(FILE *page, const char *name, double value, ...) __attribute__((sentinel));
/* A family of one line without labels. */
void exposition_value(FILE *page, const char *name, const char *type, const char *help, double value);

/* Counts by bounds: counts[i] are those above bounds[i - 1] and at most bounds[i]; counts[nbounds] those above all. */
struct histogram {
	const double *bounds;
	size_t nbounds;
	uint64_t *counts; /* nbounds + 1 */
	double sum;
};
void histogram_add(struct histogram *histogram, double value);
/* Its lines, with one label; the family is the caller's. */
void exposition_histogram(FILE *page, const char *name, const struct histogram *histogram, const char *label, const char *value);

#endif
