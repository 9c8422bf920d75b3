/*
 * replay.h -- many clients sent to one load balancer, before and after a change: shares, and clients that
 * move.
 *
 * Uses the nameserver's own steering.  For random choices a client is sent often enough that shares are
 * exact to a percent.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include "zones/compile/compile.h"
#include "zones/document/json.h"

struct replay_client {
	struct steer_client client;
	double count; /* the number of clients that it represents */
};

struct replay_clients {
	struct replay_client *items;
	size_t count;
	double total;
};

/* Lines of an address or prefix and, if it represents several clients, a count.  False with a sentence for
 * each faulty line. */
bool replay_read(struct replay_clients *clients, const char *path, struct problems *problems);
/* Add what one such line has; false if it is faulty. */
bool replay_add(struct replay_clients *clients, const char *line);
void replay_free(struct replay_clients *clients);

/* The geography and the place by which each side locates clients; both may be NULL. */
struct replay_place {
	const struct geo *geo;
	const struct steer_site *site;
};

/*
 * Send all of them to the load balancer of a name, of the one compiler and of the other.  NULL with a
 * sentence if neither has one.  The members of the result: origins [{pool, address, before, after}], moved
 * (of 1), clients, moves
 * [{client, from, to}], at most this number, and new: the first has no such load balancer, so that all
 * clients count as moved.
 */
struct json *replay_compare(const struct compiler *before, const struct compiler *after,
    const struct replay_place places[2], const uint8_t *name, const struct replay_clients *clients,
    size_t moves, struct problems *problems);

#endif
