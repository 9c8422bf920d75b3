/*
 * courier_inner.h -- between courier.c, which keeps the queue, and the carriers: courier_curl.c,
 * courier_exec.c.
 */
#ifndef COURIER_INNER_H
#define COURIER_INNER_H

#include "monitor/notify/courier.h"

enum delivery {
	DELIVERED,
	DELIVERY_FAILED, /* try again later */
	DELIVERY_REFUSED /* permanent: drop it */
};

/* The notices of a delivery, and its time limit. */
struct parcel {
	struct notice *const *notices;
	size_t count;
	uint64_t lost;
	/* Must it be cancelled?  Called regularly. */
	bool (*too_late)(void *arg);
	void *arg;
};

struct carrier {
	const char *const *schemes; /* "http://", ..., NULL */
	size_t batch;               /* notices in one delivery */
	bool again;                 /* retry after a failure */
	char *(*fault)(const char *url);
	/* Create the data for all deliveries.  Returns NULL with problems filled. */
	void *(*open)(const char *url, struct problems *problems);
	void (*close)(void *open);
	/* May block, up to some 10 s.  why receives the reason of a failure. */
	enum delivery (*deliver)(void *open, const struct parcel *parcel, char why[256]);
};

/*
 * The header that signs a webhook: "X-Graycloud-Signature: t=SECONDS,v1=HEX", and HEX is the HMAC-SHA-256
 * of "SECONDS.BODY".  The receiver compares it, and refuses old seconds, so that a copy sent later is
 * refused. Freed by the caller; NULL if OpenSSL cannot.
 */
char *courier_signature(const char *key, int64_t seconds, const char *body);

extern const struct carrier carrier_http;
extern const struct carrier carrier_mail;
extern const struct carrier carrier_exec;

#endif
