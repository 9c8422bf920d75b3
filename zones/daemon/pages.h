/*
 * pages.h -- send pages that take longer than one turn of the event loop.
 *
 * A page is written in slices, each after the reader has taken the one before. So a slow reader costs one
 * slice and the buffer of the kernel, and the loop is busy only for one slice. The connection is closed if
 * the reader closes it, takes no data for too long, or has not received all at its deadline. Readers above
 * the maximum get 503.
 *
 * One thread: that of the event base.
 */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stdio.h>

struct event_base;
struct evhttp_request;

enum { PAGES_SLICE = 16384 /* size of a slice in octets: the amount that libevent writes at once */ };

struct pages_limits {
	unsigned most;        /* maximum number of pages at once */
	unsigned stalled_ms;  /* maximum time in which a reader takes no data */
	unsigned deadline_ms; /* maximum time for the whole page */
};

struct pages;

struct pages *pages_new(struct event_base *base, const struct pages_limits *limits);
/* End all pages in progress and free pages. evhttp owns their connections; free it next. Accepts NULL. */
void pages_free(struct pages *pages);

/* Write the next slice, which may be empty. Returns false if it was the last. */
typedef bool pages_write_fn(void *arg, FILE *page);
/*
 * Answer a GET or HEAD with a page. end is called once, when arg is not needed any more; this may be before
 * pages_send returns.
 */
void pages_send(struct pages *pages, struct evhttp_request *request, pages_write_fn *write,
    void (*end)(void *arg), void *arg);

#endif
