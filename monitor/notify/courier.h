/*
 * courier.h -- deliver notices to one receiver, even if it is slow or dead (S40).
 *
 *     http://, https://    POST of a JSON document with a list of events (notice_document), signed by the key
 * behind "#hmac=" if the URL has one
 *     smtp://, smtps://    a mail: smtp://[USER:PASSWORD@]HOST[:PORT]/?from=ADDRESS&to=ADDRESS
 *     exec:/PATH           a program, once for each event: its JSON on standard input, GRAYCLOUD_EVENT_* in
 * the environment
 *
 * Each courier has its own thread and a limited queue, so that a receiver harms neither checks nor other
 * receivers.  A failed delivery is retried after 1, 2, 4 ... 60 s; if the queue is full the
 * oldest notices are lost, and the next delivery has their number.  A program is run once an event, one at a
 * time.
 */
#ifndef COURIER_H
#define COURIER_H

#include "monitor/notify/notice.h"

enum {
	COURIERS_MAX = 8,
	COURIER_QUEUE = 4096, /* maximum of waiting notices */
	COURIER_BATCH = 500   /* maximum in one delivery */
};

struct courier;

/* Check a receiver.  Returns NULL if it is valid; else the end of a message, which the caller frees. */
char *courier_fault(const char *url);
/* url must be valid, and must outlive the courier.  Returns NULL with problems filled. */
struct courier *courier_start(const char *url, struct problems *problems);
/* Begin to end: try to deliver waiting notices once more, for at most two seconds.  Never blocks. */
void courier_hurry(struct courier *courier);
/* Waits for that, and frees.  After courier_hurry of all couriers, so that they end side by side. */
void courier_stop(struct courier *courier);

/* Deliver one notice now, without a queue; blocks up to some 10 s.  Returns NULL if it was delivered; else
 * the reason, freed by the caller. */
char *courier_try(const char *url, struct notice *notice);

/* Deliver these, together if they fit into one delivery; takes a reference to each.  Never blocks. */
void courier_send(struct courier *courier, struct notice *const *notices, size_t count);

struct courier_counters {
	uint64_t sent;    /* notices that were delivered */
	uint64_t failed;  /* attempts to deliver */
	uint64_t lost;    /* notices: the queue was full, or the receiver refused them for good */
	uint64_t waiting; /* notices */
};
struct courier_counters courier_counters(struct courier *courier);
/* The URL for display: without user, password, path and query, which can hold secrets. */
const char *courier_label(const struct courier *courier);
/* The same for a URL, freed by the caller; for an invalid receiver only its scheme, if it has one. */
char *courier_label_of(const char *url);

#endif
