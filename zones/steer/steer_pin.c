/*
 * steer_pin.c -- pins of sticky clients (S20): the pool that a pin keeps, and the pin that an answer creates.
 */
#include "zones/steer/steer_inner.h"

/*
 * S20: each list of pools of rules and sets has its own pins; otherwise a client's A and AAAA could break
 * each other's pins.
 */
static uint64_t
pin_key(struct deciding *deciding)
{
	return steer_pin_key(deciding->lb, key_of(deciding)->hash, deciding->branch);
}

/*
 * S20: a pin is valid while its pool belongs to this load balancer and is usable, and its origin is a
 * candidate there, of either family: the pin of an IPv4 origin keeps AAAA in its pool.
 */
const struct pool_table *
steer_pinned_pool(struct deciding *deciding, uint32_t *slot)
{
	const struct steer_lb *lb = deciding->lb;
	const struct steering *steering = deciding->steering;

	if (!pins_get(steering->pins, pin_key(deciding), lb->share, steering->now_s, &deciding->pin))
		return NULL;
	for (unsigned i = 0; i < deciding->npools; i++) {
		uint32_t its = deciding->pools[i].slot;
		const struct pool_table *table =
		    pool_slot_usable(deciding->slots, its) ? pool_slot_table(deciding->slots, its) : NULL;

		if (table == NULL || !table->usable || pin_pool_tag(table->hash) != deciding->pin.pool)
			continue;
		if (find_pinned(steer_candidates(lb, table, TABLE_V4), &deciding->pin) < 0 &&
		    find_pinned(steer_candidates(lb, table, TABLE_V6), &deciding->pin) < 0)
			continue;
		*slot = its;
		deciding->pinned = true;
		note(deciding->trace,
		    (struct steer_event){.step = STEP_PIN, .pool = *slot, .value = deciding->pin.expiry});
		return table;
	}
	deciding->established = deciding->pin.confirmed;
	deciding->differed = deciding->pin.differs;
	note(deciding->trace, (struct steer_event){.step = STEP_PIN_BROKEN});
	return NULL;
}

/* Record the owner and the client of a pin, for the list of pins. */
static void
note_client(struct deciding *deciding)
{
	const struct steer_client *client = &deciding->steering->client;
	struct pin *pin = &deciding->choice->pin;

	pin->client = deciding->key.from_ecs ? client->ecs : client->resolver;
	pin->prefix = deciding->key.prefix;
	steer_truncate(&pin->client, pin->prefix);
}

/* S20: record the pin for this answer, for the server to store. */
void
steer_want_pin(struct deciding *deciding)
{
	const struct steer_lb *lb = deciding->lb;
	struct steer_choice *choice = deciding->choice;
	const struct steering *steering = deciding->steering;
	const struct candidates *all = &choice->pool->fallback[deciding->family];
	uint16_t usual = 0;
	uint64_t chosen;

	if (choice->norigins == 0)
		return;
	choice->pin_key = pin_key(deciding);
	if (deciding->pinned) {
		/* The client asked again: confirm the pin, once. */
		choice->pin = deciding->pin;
		choice->pin.confirmed = true;
		note_client(deciding);
		choice->pin_wanted =
		    !deciding->pin.confirmed && steering->now_s + lb->affinity_ttl > deciding->pin.expiry;
		return;
	}
	/*
	 * A confirmed client stays confirmed when its pin breaks: it is not a newcomer. If the broken pin
	 * differed, other nodes may know it (S99), so they must hear of this one.
	 */
	chosen = choice->from->hashes[choice->origin];
	steer_rank(all, deciding->key.hash, 1, &usual);
	choice->pin_wanted = true;
	choice->pin = (struct pin){.expiry = steering->now_s + lb->affinity_ttl,
	    .pool = pin_pool_tag(choice->pool->hash),
	    .origin = pin_origin_tag(chosen),
	    .confirmed = deciding->established,
	    .differs = deciding->differed || deciding->stepped_over || all->hashes[usual] != chosen};
	note_client(deciding);
}

/*
 * S4: clients that a pin keeps in another pool get another decision, even if this client has no pin. So do
 * clients that a pool sheds, even if this client's pin takes precedence over shedding.
 */
bool
steer_pins_matter(const struct deciding *deciding)
{
	bool sheds_some = false;

	for (unsigned i = 0; i < deciding->npools; i++) {
		const struct pool_table *table = pool_slot_table(deciding->slots, deciding->pools[i].slot);

		sheds_some |= table != NULL && table->shed > 0 && table->shed < UINT64_C(1) << 32;
	}
	return deciding->npools > 1 || sheds_some;
}
