/*
 * courier_inner.h -- between courier.c, which keeps the queue, and those who carry: courier_curl.c,
 * courier_exec.c.
 */
#ifndef COURIER_INNER_H
#define COURIER_INNER_H

#include "monitor/notify/courier.h"

enum delivery {
	DELIVERED,
	DELIVERY_FAILED, /* try again later */
	DELIVERY_REFUSED /* it will never be taken: lost */
};

/* What a delivery carries, and for how long it may go on. */
struct parcel {
	struct notice *const *notices;
	size_t count;
	uint64_t lost;
	/* Is it to be broken off?  Asked now and then. */
	bool (*too_late)(void *arg);
	void *arg;
};

struct carrier {
	const char *const *schemes; /* "http://", ..., NULL */
	size_t batch;               /* notices in one delivery */
	bool again;                 /* what failed is tried again */
	char *(*fault)(const char *url);
	/* What it needs for all deliveries; NULL with problems filled. */
	void *(*open)(const char *url, struct problems *problems);
	void (*close)(void *open);
	/* May block, up to some 10 s.  why gets a few words where it was not delivered. */
	enum delivery (*deliver)(void *open, const struct parcel *parcel, char why[256]);
};

/*
 * The header that signs a webhook: "X-Graycloud-Signature: t=SECONDS,v1=HEX", where HEX is the HMAC-SHA-256
 * of "SECONDS.BODY".  The receiver compares it, and refuses old seconds, so that nobody can send it again
 * later. Freed by the caller; NULL if OpenSSL cannot.
 */
char *courier_signature(const char *key, int64_t seconds, const char *body);

extern const struct carrier carrier_http;
extern const struct carrier carrier_mail;
extern const struct carrier carrier_exec;

#endif
