/*
 * pages.h -- send pages that take more than a turn of the loop.
 *
 * A page is written slice by slice, each when the reader has taken the one before: a slow reader holds one
 * slice and what the kernel buffers, and the loop is kept only for the time of one.  A reader that hangs up,
 * takes nothing for too long or has not got all at its deadline is let go; one that would be one too many
 * gets 503.
 *
 * One thread: that of the event base.
 */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stdio.h>

struct event_base;
struct evhttp_request;

enum { PAGES_SLICE = 16384 /* octets after which a slice is long enough: what libevent writes at once */ };

struct pages_limits {
	unsigned most;        /* under way at once */
	unsigned stalled_ms;  /* a reader takes nothing */
	unsigned deadline_ms; /* of the whole page */
};

struct pages;

struct pages *pages_new(struct event_base *base, const struct pages_limits *limits);
/* Ends those under way; their connections are evhttp's, which is freed next.  NULL is accepted. */
void pages_free(struct pages *pages);

/* Write the next slice, which may be empty; false: it was the last. */
typedef bool pages_write_fn(void *arg, FILE *page);
/* Answer a GET or HEAD by a page.  end is called once, when arg is needed no longer: perhaps from here. */
void pages_send(struct pages *pages, struct evhttp_request *request, pages_write_fn *write,
    void (*end)(void *arg), void *arg);

#endif
