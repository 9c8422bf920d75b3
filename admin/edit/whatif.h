/*
 * whatif.h -- clients sent to a load balancer as it is and as it would be: for `graycloud whatif` and the
 * API.
 */
#ifndef WHATIF_H
#define WHATIF_H

#include "admin/edit/apply.h"
#include "admin/explain/replay.h"

struct whatif {
	uint8_t name[NAME_MAX_LEN]; /* of the load balancer */
	struct replay_clients clients;
	struct geo *geo, *other_geo; /* of the nameserver, and another one for afterwards; NULL: none */
	struct steer_site site;
	struct application *application; /* what would be applied; NULL: nothing */
	bool prune;
	struct whatif_forced {
		const char *label, *address; /* label: how the caller names the option */
		enum forced forced;
	} * forced;
	size_t nforced;
	size_t moves; /* maximum of moves to list */
};

/* An origin that would be forced, in all its pools. The texts must outlive it. */
void whatif_force(struct whatif *whatif, const char *label, const char *address, enum forced forced);
/* A change_fn for dry runs; arg is a struct whatif. Its result is that of replay_compare. */
void whatif_change(struct change *change, void *arg);
/* Free what it holds. */
void whatif_free(struct whatif *whatif);

#endif
