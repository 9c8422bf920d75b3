/*
 * explanation_health.h -- the part of an explanation about an origin's health: its source, and its beginning.
 */
#ifndef EXPLANATION_HEALTH_H
#define EXPLANATION_HEALTH_H

#include "zones/document/json.h"
#include "zones/state/hostname.h"

struct explanation_stores {
	struct store_txn *config, *health; /* health may be NULL */
	int64_t at;                        /* as that of struct explanation_request */
};

/* The verdicts of a pool's monitors on an address; of a group each by its name (S38). */
void explanation_put_health(const struct explanation_stores *stores, struct json *object,
    const struct pool *pool, const struct origin *origin, const struct address *address);
/* S16: the addresses of a hostname, and how it was resolved. */
void explanation_put_hostname(const struct explanation_stores *stores, struct json *object,
    const struct pool *pool, const struct origin *origin);

#endif
