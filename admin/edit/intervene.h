/*
 * intervene.h -- take a load balancer, a pool or an origin out and back by hand, or force an origin up or
 * down, for good or until a time.
 */
#ifndef INTERVENE_H
#define INTERVENE_H

#include "admin/edit/change.h"
#include "zones/base/deadline.h"

/* An end as its two properties (deadline.h); wall "": there is none. */
struct until {
	char wall[32];
	char boot[DEADLINE_TEXT];
};
/* The end of a duration (90s, 30m, 1h30m, 7d) from now; false if it is none. */
bool until_read(struct until *until, const char *duration);
/* Put an end, or none, into a pool, an origin or a load balancer: key and key_boot. */
void until_put(struct json *object, const char *key, const struct until *until);

struct intervene {
	enum intervene_what { INTERVENE_ENABLE, INTERVENE_DISABLE, INTERVENE_FORCE } what;
	enum kind kind;      /* of the object: KIND_POOL or KIND_LB */
	const char *name;    /* or id, of the object; NULL: all pools that have the origin */
	const char *address; /* of the origin; NULL: the object itself */
	const char *forced;  /* INTERVENE_FORCE: "up", "down", or "none" */
	struct until until;
};

/* A change_fn: arg is a struct intervene. */
void intervene_change(struct change *change, void *arg);

/* The place of an address among the origins of a pool's document; their number if it has none. */
size_t intervene_find_origin(const struct json *pool, const char *address);

#endif
