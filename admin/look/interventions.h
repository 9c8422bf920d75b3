/*
 * interventions.h -- what people took out or forced by hand and is so now: who, why, since when and until
 * when.
 *
 * Found in the history of commands.  What is older than the history reaches has neither who nor when.
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
	struct intervention *items; /* by pool, in the order of its origins; then by load balancer */
	size_t count;
	struct deadline ends; /* the first of them, if there is one */
};

struct interventions interventions_read(struct store_txn *config);
void interventions_free(struct interventions *interventions);

#endif
