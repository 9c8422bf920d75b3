/*
 * steer.c -- one decision, from sets and rules to the origins and the scope (S11 to S21).
 */
#include "zones/steer/steer_inner.h"

/* Copy the parts of the decision to the trace. */
static void
trace_parts(const struct deciding *deciding)
{
	struct steer_trace *trace = deciding->trace;

	if (trace->lb == NULL)
		return;
	memcpy(trace->lb, deciding->lb, sizeof *trace->lb);
	trace->pools = deciding->pools;
	trace->npools = deciding->npools;
	trace->weights = deciding->weights;
	trace->lb->places = NULL; /* they may point to the local copy */
}

/* The minimum length of a prefix of address that does not contain other; 128 if both are equal. */
static unsigned
apart_from(const struct address *address, const struct address *other)
{
	uint64_t high = get64(address->bytes) ^ get64(other->bytes),
		 low = get64(address->bytes + 8) ^ get64(other->bytes + 8);

	if (high != 0)
		return (unsigned)__builtin_clzll(high) + 1;
	return low != 0 ? (unsigned)__builtin_clzll(low) + 65 : 128;
}

/*
 * S4: IPv6 clients that carry IPv4 are decided as IPv4. So add the number of bits in front of the IPv4
 * address to the scope of an IPv4 decision, and make the scope of an IPv6 decision long enough to exclude the
 * blocks that carry IPv4.
 */
static uint8_t
scope_among_covered(const struct deciding *deciding, uint8_t scope)
{
	static const struct address mapped = {FAMILY_V6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}},
				    sixtofour = {FAMILY_V6, {0x20, 2}};
	const struct steer_client *client = &deciding->steering->client;
	const struct steer_lb *lb = deciding->lb;
	bool located = deciding->steering->geo != NULL && steer_ecs_locates(lb) &&
	    (lb->policy == STEERING_GEO || lb->policy == STEERING_PROXIMITY);
	bool matters = scope > 0 || lb->overrides != NULL || located;

	if (!matters)
		return 0;
	if (client->covered > 0)
		return (uint8_t)(client->covered + scope);
	return (uint8_t)MAX(
	    scope, MAX(apart_from(&client->ecs, &mapped), apart_from(&client->ecs, &sixtofour)));
}

void
steer(const struct steer_lb *lb, const struct pool_slots *slots, const struct steering *steering,
    unsigned family, struct steer_choice *choice)
{
	const struct steer_client *client = &steering->client;
	struct deciding deciding;
	struct changed changed; /* room that only a load balancer with sets or rules uses */
	uint32_t slot;

	deciding.lb = lb;
	deciding.slots = slots;
	deciding.steering = steering;
	deciding.trace = steering->trace;
	deciding.choice = choice;
	deciding.family = family;
	deciding.pools = lb->pools;
	deciding.npools = lb->npools;
	deciding.places = lb->places;
	deciding.weights = NULL;
	deciding.branch = 0;
	deciding.key_made = deciding.stepped_over = false;
	deciding.pinned = deciding.established = deciding.differed = false;
	choice->lb = lb;
	choice->how = STEER_NOTHING;
	choice->family = (uint8_t)family;
	choice->count = choice->norigins = choice->origin = 0;
	choice->cname = NULL;
	choice->scope = 0;
	choice->client_mattered = choice->pin_wanted = false;
	if (lb->overrides != NULL)
		choice->scope = steer_override(&deciding, &changed);
	slot = deciding.lb->fallback.slot;
	choice->ttl = deciding.lb->ttl;
	choice->pool = steer_choose_pool(&deciding, &slot);
	choice->last_resort = choice->pool == NULL;
	if (deciding.trace != NULL)
		trace_parts(&deciding);
	if (choice->last_resort) {
		/* S14 */
		note(deciding.trace, (struct steer_event){.step = STEP_FALLBACK, .pool = slot});
		if ((choice->pool = pool_slot_table(slots, slot)) == NULL)
			return;
		choice->from = &choice->pool->fallback[family];
	} else {
		note(deciding.trace, (struct steer_event){.step = STEP_POOL_CHOSEN, .pool = slot});
		choice->from = steer_candidates(deciding.lb, choice->pool, family);
	}
	steer_origins(&deciding);
	if (!choice->last_resort && steer_keeps_pins(&deciding)) {
		steer_want_pin(&deciding);
		choice->client_mattered |= steer_pins_matter(&deciding);
	}
	/*
	 * S4: all clients in the key's prefix get the same decision; if the client did not matter, all
	 * clients do.
	 */
	if (choice->client_mattered && key_of(&deciding)->from_ecs)
		choice->scope = MAX(choice->scope, deciding.key.scope);
	/* If the location chooses the pools, use the longer of both prefixes. */
	choice->scope = MAX(choice->scope, deciding.scope);
	if (client->ecs.family == FAMILY_V6 || client->covered > 0)
		choice->scope = scope_among_covered(&deciding, choice->scope);
}
