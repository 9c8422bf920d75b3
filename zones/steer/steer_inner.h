/*
 * steer_inner.h -- between the files that make one decision.  Each calls only those before it:
 *
 *   rendezvous.c < steer_key.c < steer_place.c < steer_rules.c, steer_origin.c < steer_pin.c < steer_pool.c
 *   < steer.c
 */
#ifndef STEER_INNER_H
#define STEER_INNER_H

#include "zones/steer/steer.h"

static inline void
note(struct steer_trace *trace, struct steer_event event)
{
	if (trace != NULL && trace->count < trace->room)
		trace->events[trace->count++] = event;
}

/* A cost of S18: neg_log2 / weight, compared without dividing. */
struct cost {
	uint64_t neg_log2;
	uint32_t weight;
	uint64_t tie; /* the smaller wins */
};

static inline bool
cheaper(const struct cost *a, const struct cost *b)
{
	uint64_t x = a->neg_log2 * b->weight, y = b->neg_log2 * a->weight;

	/* Ties go to the smaller identity. */
	return x != y ? x < y : a->tie < b->tie;
}

/* Uniform below bound, from the high half of a product (the bias is below 2^-32). */
static inline uint32_t
below(uint64_t draw, uint32_t bound)
{
	return (uint32_t)((draw >> 32) * bound >> 32);
}

/* What one decision goes by. */
struct deciding {
	const struct steer_lb *lb; /* as sets and rules leave it (steer_override) */
	const struct pool_slots *slots;
	const struct steering *steering;
	struct steer_trace *trace;
	struct steer_choice *choice;
	unsigned family;
	struct affinity_key key; /* S2; made when first wanted */
	bool key_made;
	const struct steer_pool *pools; /* those to choose among: of a place, or all defaults */
	unsigned npools;
	const struct steer_places *places;
	const struct steer_weights
	    *weights;    /* where a rule or set changed pools or weights; NULL: as the pools have them */
	uint64_t branch; /* a hash of the pools that a rule or set brought in; 0: they are the load balancer's
			    own */
	uint8_t scope;   /* S4: of the location, where the client's mattered */
	bool stepped_over; /* a pool was unusable: had all been well, another might have been chosen */
	bool pinned;
	bool established; /* the client had a confirmed pin, which broke */
	struct pin pin;
};

static inline const struct affinity_key *
key_of(struct deciding *deciding)
{
	if (!deciding->key_made) {
		deciding->key = steer_key(deciding->lb, &deciding->steering->client);
		deciding->key_made = true;
		note(deciding->trace,
		    (struct steer_event){
			.step = STEP_KEY, .value = deciding->key.hash, .pool = deciding->key.prefix});
	}
	return &deciding->key;
}

/* The candidate that a pin means, or -1. */
static inline int
find_pinned(const struct candidates *candidates, const struct pin *pin)
{
	for (unsigned i = 0; i < candidates->count; i++)
		if (pin_origin_tag(candidates->hashes[i]) == pin->origin)
			return (int)i;
	return -1;
}

/* Room for what sets and rules change. */
struct changed {
	struct steer_places places[PLACE_KINDS];
	struct steer_lb lb; /* without pools */
};

/* S1: does ECS say where a client is, for this policy? */
bool steer_ecs_locates(const struct steer_lb *lb);
/* S13: which pools there are to choose among, before any pin. */
void steer_place(struct deciding *deciding, struct steer_location *location);

/* S20: do pins count here? */
bool steer_keeps_pins(const struct deciding *deciding);
/* The pool that the client's pin keeps, or NULL. */
const struct pool_table *steer_pinned_pool(struct deciding *deciding, uint32_t *slot);
/* S20: note the pin that this answer wants, for the server to write. */
void steer_want_pin(struct deciding *deciding);
/* S4: may the pin of another client decide differently? */
bool steer_pins_matter(const struct deciding *deciding);

/* S12, S13: the pool, or NULL if none is usable; slot is set where there is one. */
const struct pool_table *steer_choose_pool(struct deciding *deciding, uint32_t *slot);

/* S35, S36: make deciding what sets and rules say.  Returns within which prefix of the client's address they
 * say the same (S4). */
uint8_t steer_override(struct deciding *deciding, struct changed *changed);

/* S15: how many, and which, of the chosen pool's candidates. */
void steer_origins(struct deciding *deciding);

#endif
