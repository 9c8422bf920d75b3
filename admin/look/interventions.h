/*
 * interventions.h -- objects that people disabled or forced, as long as that lasts: who, why, since when and
 * until when.
 *
 * Found in the history of commands.  An intervention from before the history has neither author nor time.
 */
#ifndef INTERVENTIONS_H
#define INTERVENTIONS_H

#include "zones/state/config.h"

struct intervention {
	enum kind kind;   /* KIND_POOL or KIND_LB */
	struct id id;     /* of that */
	char *name;       /* of that */
	char *address;    /* of the origin; NULL: the pool or the load balancer itself */
	const char *what; /* "disabled", "forced up", "forced down" */
	char *since;      /* RFC 3339; these may be NULL */
	char *until;
	char *who;
	char *reason;
};

struct interventions {
	struct intervention *items; /* those of a pool in the order of its origins */
	size_t count;
	struct deadline expires; /* the first of them, if there is one */
};

/* Starts as {0}: add the documents of pools and load balancers in the wanted order, then find the authors. */
void interventions_add(
    struct interventions *interventions, enum kind kind, const struct id *id, struct bytes json);
void interventions_sign(struct interventions *interventions, struct store_txn *config);
void interventions_free(struct interventions *interventions);

#endif
