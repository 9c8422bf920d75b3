/*
 * steer_inner.h -- declarations of the files that make one decision. Each file calls only those before it:
 *
 *   rendezvous.c < steer_key.c < steer_place.c < steer_rules.c, steer_window.c, steer_origin.c < steer_pin.c
 *   < steer_pool.c < steer.c
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

	/* The smaller identity wins a tie. */
	return x != y ? x < y : a->tie < b->tie;
}

/* A number below bound, uniform (the bias is below 2^-32): the high half of a product. */
static inline uint32_t
below(uint64_t draw, uint32_t bound)
{
	return (uint32_t)((draw >> 32) * bound >> 32);
}

/* The state of one decision. */
struct deciding {
	const struct steer_lb *lb; /* after sets and rules were applied (steer_override) */
	const struct pool_slots *slots;
	const struct steering *steering;
	struct steer_trace *trace;
	struct steer_choice *choice;
	unsigned family;
	struct affinity_key key; /* S2; computed when first used */
	bool key_made;
	const struct steer_pool *pools; /* the candidates: the pools of a place, or all default pools */
	unsigned npools;
	const struct steer_places *places;
	const struct steer_weights *weights; /* set if a rule or set changed pools or weights; NULL: the
						weights of the pools themselves */
	uint64_t branch;   /* a hash of the pools of a rule or set; 0: the load balancer's own pools */
	uint8_t scope;     /* S4: of the location, if the client's location mattered */
	bool stepped_over; /* an unusable pool was skipped: with all pools usable, the choice might differ */
	bool pinned;
	bool established; /* the client had a confirmed pin that is not valid any more */
	bool differed;    /* it had one that differed and is not valid any more */
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

/* The index of the candidate that a pin refers to, or -1. */
static inline int
find_pinned(const struct candidates *candidates, const struct pin *pin)
{
	for (unsigned i = 0; i < candidates->count; i++)
		if (pin_origin_tag(candidates->hashes[i]) == pin->origin)
			return (int)i;
	return -1;
}

/* Room for the parts that sets and rules change. */
struct changed {
	struct steer_places places[PLACE_KINDS];
	struct steer_lb lb; /* without pools */
};

/* S1: true if ECS locates a client for this policy. */
bool steer_ecs_locates(const struct steer_lb *lb);
/* S13, with geo or proximity: find the pools to choose among, before any pin. */
void steer_place(struct deciding *deciding, struct steer_location *location);

/* S20: true if pins count here. */
static inline bool
steer_keeps_pins(const struct deciding *deciding)
{
	return deciding->lb->failover == FAILOVER_STICKY && deciding->lb->affinity == AFFINITY_IP &&
	    deciding->steering->pins != NULL;
}
/* If pins count here: the pool of the client's valid pin, or NULL. */
const struct pool_table *steer_pinned_pool(struct deciding *deciding, uint32_t *slot);
/* The same: record the pin for this answer, for the server to store. */
void steer_want_pin(struct deciding *deciding);
/* S4: true if the pin of another client may change the decision. */
bool steer_pins_matter(const struct deciding *deciding);

/* S12, S13: choose the pool. Returns NULL if none is usable; slot is set if there is one. */
const struct pool_table *steer_choose_pool(struct deciding *deciding, uint32_t *slot);

/*
 * S35, S36: apply sets and rules to deciding. Returns the prefix length of the client's address for which
 * they give the same result (S4).
 */
uint8_t steer_override(struct deciding *deciding, struct changed *changed);

/* S101: choose n origins in a signed zone; first is the one that was drawn, or that S18 gives. */
void steer_choose_window(struct deciding *deciding, unsigned first, unsigned n);
/* S15: choose the number and the set of the chosen pool's candidates. */
void steer_origins(struct deciding *deciding);

#endif
