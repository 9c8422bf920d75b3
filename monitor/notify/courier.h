/*
 * courier.h -- carry notices to one receiver, however slow or dead it is (S40).
 *
 *     http://, https://    POST of a JSON document with a list of events (notice_document), signed by the key
 * behind "#hmac=" if the URL has one
 *     smtp://, smtps://    a mail: smtp://[USER:PASSWORD@]HOST[:PORT]/?from=ADDRESS&to=ADDRESS
 *     exec:/PATH           a program, once for each event: its JSON on standard input, GRAYCLOUD_EVENT_* in
 * the environment
 *
 * Each courier has a thread of its own and a bounded queue, so that a receiver harms neither checks nor other
 * receivers.  What cannot be delivered is tried again after 1, 2, 4 ... 60 s; when the queue is full the
 * oldest notices are lost, and the next delivery says how many.  A program is run once an event, one at a
 * time.
 */
#ifndef COURIER_H
#define COURIER_H

#include "monitor/notify/notice.h"

enum {
	COURIERS_MAX = 8,
	COURIER_QUEUE = 4096, /* notices that wait at most */
	COURIER_BATCH = 500   /* that go in one delivery */
};

struct courier;

/* Is it a receiver?  Else a sentence's end: what it is to be; freed by the caller.  NULL: it is good. */
char *courier_fault(const char *url);
/* url is good, and stays valid.  NULL with problems filled. */
struct courier *courier_start(const char *url, struct problems *problems);
/* The end begins: what waits is tried once more, for two seconds at most.  Never blocks. */
void courier_hurry(struct courier *courier);
/* Waits for that, and frees.  After courier_hurry of all couriers, so that they end side by side. */
void courier_stop(struct courier *courier);

/* Deliver one notice now, without a queue; blocks up to some 10 s.  NULL: it was taken; else why not, freed
 * by the caller. */
char *courier_try(const char *url, struct notice *notice);

/* Take these along, at once and together if they fit into one delivery; holds each.  Never blocks. */
void courier_send(struct courier *courier, struct notice *const *notices, size_t count);

struct courier_counters {
	uint64_t sent;    /* notices that were delivered */
	uint64_t failed;  /* attempts to deliver */
	uint64_t lost;    /* notices: the queue was full, or the receiver refused them for good */
	uint64_t waiting; /* notices */
};
struct courier_counters courier_counters(struct courier *courier);
/* As it may be shown: without user, password, path and query, which can hold secrets. */
const char *courier_label(const struct courier *courier);
/* The same of a URL, freed by the caller; of one that is no receiver only its scheme, if it has one. */
char *courier_label_of(const char *url);

#endif
