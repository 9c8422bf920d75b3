/*
 * notice.h -- one event for receivers of notifications (S40), as text and as documents.
 *
 * A notice never changes after it was handed over; receivers share it through a reference count.  Any
 * thread.
 */
#ifndef NOTICE_H
#define NOTICE_H

#include "zones/document/json.h"

#include <stdatomic.h>

enum notice_kind { NOTICE_ORIGIN, NOTICE_POOL, NOTICE_LB, NOTICE_MONITOR, NOTICE_TEST };

struct notice {
	atomic_uint references;
	enum notice_kind kind;
	int64_t wall;                      /* when it happened */
	char *pool_id, *pool;              /* name; of an origin or a pool, else NULL */
	char *lb_id, *lb;                  /* name; of a load balancer, else NULL */
	char *address, *name;              /* of an origin */
	const char *before, *after;        /* states or statuses, "judging" and "isolated"; texts that stay */
	bool healthy;                      /* is it healthy now? */
	const char *reason;                /* of an origin that is down, or NULL */
	int64_t damped_until;              /* S39, wall; 0: it is not damped */
	unsigned healthy_origins, origins; /* of a pool */
};

/* Create one with one reference; the caller fills in the rest, with texts from xstrdup. */
struct notice *notice_new(enum notice_kind kind, int64_t wall);
struct notice *notice_hold(struct notice *notice);
void notice_drop(struct notice *notice);

/* The JSON object of one event. */
struct json *notice_json(const struct notice *notice);
/* {"program", "version", "host", "lost", "events"}: several at once, and how many were lost before them. */
struct json *notice_document(struct notice *const *notices, size_t count, uint64_t lost);
/* "origin eu 192.0.2.1: up -> down: TCP connection failed"; freed by the caller. */
char *notice_line(const struct notice *notice);
/* A mail: headers and text with CRLF ends of lines; freed by the caller. */
char *notice_mail(struct notice *const *notices, size_t count, uint64_t lost, const char *from,
    const char *to, int64_t now_wall);
/* "GRAYCLOUD_EVENT_KIND=origin", ...: appended to a list that ends with NULL; all freed by the caller. */
char **notice_environment(const struct notice *notice, char *const *environment);

#endif
