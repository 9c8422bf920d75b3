#include "zones/steer/steer_inner.h"

#include <math.h>

/*
 * [CF] 3.5: does the pool refuse this client?  By chance, or by a hash that is the client's own; where
 * clients are kept by their address, always by the hash, so that nobody flaps.
 */
static bool
refuses(struct deciding *deciding, const struct pool_table *table, uint32_t slot)
{
	static const uint64_t other_hash =
	    UINT64_C(0x6a09e667f3bcc909); /* not that of the pool's own choice */
	bool by_hash = table->shed_by_hash || deciding->lb->affinity == AFFINITY_IP;
	uint64_t at;

	if (by_hash)
		at = mix64(key_of(deciding)->hash ^ table->hash ^ other_hash);
	else
		at = mix64(deciding->steering->draw ^ table->hash ^ other_hash);
	/* Whether it is refused depends on the client, but for a pool that refuses all. */
	deciding->choice->client_mattered |= by_hash && table->shed < UINT64_C(1) << 32;
	if (at >> 32 >= table->shed)
		return false;
	note(deciding->trace, (struct steer_event){.step = STEP_POOL_SHED, .pool = slot, .value = !by_hash});
	return true;
}

static inline bool
sheds(struct deciding *deciding, const struct pool_table *table, uint32_t slot)
{
	return table->shed > 0 && refuses(deciding, table, slot);
}

/* A pool that may be chosen: by its bit, then by its table (the bit may be older). */
static const struct pool_table *
usable_table(struct deciding *deciding, uint32_t slot)
{
	const struct pool_slots *slots = deciding->slots;
	const struct pool_table *table = pool_slot_usable(slots, slot) ? pool_slot_table(slots, slot) : NULL;

	if (table != NULL && table->usable)
		return table;
	note(deciding->trace, (struct steer_event){.step = STEP_POOL_UNUSABLE, .pool = slot});
	deciding->stepped_over = true;
	return NULL;
}

static const struct pool_table *
first_usable(struct deciding *deciding, uint32_t *slot)
{
	for (unsigned i = 0; i < deciding->npools; i++) {
		uint32_t next = deciding->pools[i].slot;
		const struct pool_table *table = usable_table(deciding, next);

		if (table != NULL && !sheds(deciding, table, next)) {
			*slot = next;
			note(deciding->trace, (struct steer_event){.step = STEP_POOL_FIRST, .pool = next});
			return table;
		}
	}
	return NULL;
}

/* The pools that a random policy chooses among. */
struct lottery {
	const struct pool_table *tables[LB_POOLS_MAX];
	struct steer_pool pools[LB_POOLS_MAX];
	unsigned count;
	uint32_t sum; /* of weights */
};

/* Of a list that a rule or set brought along, or whose weights one did. */
uint32_t
steer_weight(const struct steer_weights *weights, uint32_t slot)
{
	uint32_t low = 0, high = weights->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (weights->list[middle].slot == slot)
			return weights->list[middle].weight;
		if (weights->list[middle].slot < slot)
			low = middle + 1;
		else
			high = middle;
	}
	return weights->standard;
}

static void
gather(struct deciding *deciding, struct lottery *lottery)
{
	const struct steer_weights *weights = deciding->weights;

	lottery->count = lottery->sum = 0;
	for (unsigned i = 0; i < deciding->npools && i < LB_POOLS_MAX; i++) {
		struct steer_pool pool = deciding->pools[i];
		const struct pool_table *table;

		if (weights != NULL)
			pool.weight = steer_weight(weights, pool.slot);
		if (pool.weight == 0) {
			note(deciding->trace,
			    (struct steer_event){.step = STEP_POOL_NO_WEIGHT, .pool = pool.slot});
			continue;
		}
		if ((table = usable_table(deciding, pool.slot)) == NULL || sheds(deciding, table, pool.slot))
			continue;
		lottery->tables[lottery->count] = table;
		lottery->pools[lottery->count++] = pool;
		lottery->sum += pool.weight;
	}
}

/* S13: weighted random among the usable pools. */
static const struct pool_table *
drawn_pool(struct deciding *deciding, const struct lottery *lottery, uint32_t *slot)
{
	uint32_t at = below(mix64(deciding->steering->draw), lottery->sum);
	const struct pool_table *best = NULL;

	for (unsigned i = 0; i < lottery->count; i++) {
		const struct steer_pool *pool = &lottery->pools[i];

		note(deciding->trace,
		    (struct steer_event){.step = STEP_POOL_SHARE, .pool = pool->slot, .value = pool->weight});
		if (best == NULL && at < pool->weight) {
			best = lottery->tables[i];
			*slot = pool->slot;
		}
		at -= MIN(at, pool->weight);
	}
	return best;
}

/* S18: with affinity, weighted rendezvous hashing among them. */
static const struct pool_table *
hashed_pool(struct deciding *deciding, const struct lottery *lottery, uint32_t *slot)
{
	const struct pool_table *best = NULL;
	struct cost best_cost = {0};

	for (unsigned i = 0; i < lottery->count; i++) {
		const struct steer_pool *pool = &lottery->pools[i];
		const struct pool_table *table = lottery->tables[i];
		struct cost cost = {
		    steer_neg_log2(mix64(key_of(deciding)->hash ^ table->hash)), pool->weight, table->hash};

		note(deciding->trace,
		    (struct steer_event){.step = STEP_POOL_COST,
			.pool = pool->slot,
			.value = cost.neg_log2,
			.weight = pool->weight});
		if (best == NULL || cheaper(&cost, &best_cost)) {
			best = table;
			best_cost = cost;
			*slot = pool->slot;
		}
	}
	deciding->choice->client_mattered |= lottery->count > 1;
	return best;
}

/* S20: do pins count here? */
static bool
keeps_pins(const struct deciding *deciding)
{
	return deciding->lb->failover == FAILOVER_STICKY && deciding->lb->affinity == AFFINITY_IP &&
	    deciding->steering->pins != NULL;
}

/* S20: each list of pools that rules and sets bring in has pins of its own; else a client's A and AAAA could
 * break each other's. */
static uint64_t
pin_key(struct deciding *deciding)
{
	return steer_pin_key(deciding->lb, key_of(deciding)->hash, deciding->branch);
}

/*
 * S20: a pin holds while its pool is one of this load balancer's and usable, and its origin a candidate
 * there, of either family: the pin of an IPv4 origin keeps AAAA in its pool.
 */
static const struct pool_table *
pinned_pool(struct deciding *deciding, uint32_t *slot)
{
	const struct steer_lb *lb = deciding->lb;
	const struct steering *steering = deciding->steering;

	if (!keeps_pins(deciding) ||
	    !pins_get(steering->pins, pin_key(deciding), lb->share, steering->now_s, &deciding->pin))
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
	note(deciding->trace, (struct steer_event){.step = STEP_PIN_BROKEN});
	return NULL;
}

/* Whose pin it is, for the list of pins. */
static void
note_client(struct deciding *deciding)
{
	const struct steer_client *client = &deciding->steering->client;
	struct pin *pin = &deciding->choice->pin;

	pin->client = deciding->key.from_ecs ? client->ecs : client->resolver;
	pin->prefix = deciding->key.prefix;
	steer_truncate(&pin->client, pin->prefix);
}

/* S20: the pin that this answer wants, for the server to write. */
static void
want_pin(struct deciding *deciding)
{
	const struct steer_lb *lb = deciding->lb;
	struct steer_choice *choice = deciding->choice;
	const struct steering *steering = deciding->steering;
	const struct candidates *all = &choice->pool->fallback[deciding->family];
	uint16_t usual = 0;
	uint64_t chosen;

	if (!keeps_pins(deciding) || choice->norigins == 0)
		return;
	choice->pin_key = pin_key(deciding);
	if (deciding->pinned) {
		/* Seen again: confirmed, once. */
		choice->pin = deciding->pin;
		choice->pin.confirmed = true;
		note_client(deciding);
		choice->pin_wanted =
		    !deciding->pin.confirmed && steering->now_s + lb->affinity_ttl > deciding->pin.expiry;
		return;
	}
	/* A client that was seen before stays one when its pin breaks: nobody new takes its place. */
	chosen = choice->from->hashes[choice->origin];
	steer_rank(all, deciding->key.hash, 1, &usual);
	choice->pin_wanted = true;
	choice->pin = (struct pin){.expiry = steering->now_s + lb->affinity_ttl,
	    .pool = pin_pool_tag(choice->pool->hash),
	    .origin = pin_origin_tag(chosen),
	    .confirmed = deciding->established,
	    .differs = deciding->stepped_over || all->hashes[usual] != chosen};
	note_client(deciding);
}

/* The list of one kind of place that fits. */
static const struct steer_place *
find_place(const struct deciding *deciding, enum place_kind kind, const struct steer_location *location)
{
	const struct steer_places *places = &deciding->places[kind];
	const struct steer_site *site = deciding->steering->site;

	for (uint32_t i = 0; i < places->count; i++) {
		const struct steer_place *place = &places->list[i];

		if (kind == PLACE_SITE          ? site != NULL && strcmp(place->code, site->code) == 0
			: kind == PLACE_COUNTRY ? strcmp(place->code, location->found.country) == 0
						: place->region == location->found.region)
			return place;
	}
	return NULL;
}

/* [CF] 3.3: the list of the site, else of the country, else of the region, else the default pools. */
static void
choose_list(struct deciding *deciding, const struct steer_location *location)
{
	const struct steer_place *best = NULL;
	unsigned kind = 0;

	for (; deciding->places != NULL && kind < PLACE_KINDS && best == NULL; kind++)
		best = find_place(deciding, (enum place_kind)kind, location);
	note(deciding->trace, (struct steer_event){.step = STEP_PLACE});
	if (deciding->trace != NULL)
		deciding->trace->place = best != NULL ? best->code : NULL;
	if (best == NULL)
		return;
	deciding->pools = best->pools;
	deciding->npools = best->count;
	/* S4: everybody who asks this node gets its own list, wherever they are. */
	if (kind - 1 == PLACE_SITE)
		deciding->scope = 0;
}

/* The usable pool nearest to the client; pools without a place come after all that have one, in order. */
static const struct pool_table *
nearest_usable(struct deciding *deciding, const struct steer_location *location, uint32_t *slot)
{
	const struct geo_point *from = &location->found.point;
	const struct pool_table *best = NULL;
	float best_cosine = -3;

	if (!geo_point_known(from))
		return first_usable(deciding, slot);
	for (unsigned i = 0; i < deciding->npools; i++) {
		uint32_t next = deciding->pools[i].slot;
		const struct pool_table *table = usable_table(deciding, next);
		float cosine = -2;

		if (table == NULL || sheds(deciding, table, next))
			continue;
		if (geo_point_known(&table->point))
			cosine =
			    from->x * table->point.x + from->y * table->point.y + from->z * table->point.z;
		if (deciding->trace != NULL) /* acos is not for the path of a query */
			note(deciding->trace,
			    (struct steer_event){.step = STEP_POOL_NEAREST,
				.pool = next,
				.value = cosine < -1 ? UINT64_MAX
						     : (uint64_t)(6371 * acos((double)MIN(cosine, 1.0f)))});
		if (cosine > best_cosine) {
			best_cosine = cosine;
			best = table;
			*slot = next;
		}
	}
	return best;
}

/* S41: a pool that is slower by so much is as good as the fastest. */
static bool
as_fast(uint32_t latency_us, uint32_t least_us)
{
	enum { NEAR_US = 1000, NEAR_PART = 10 };

	return latency_us != 0 && latency_us - least_us <= MAX(least_us / NEAR_PART, NEAR_US);
}

/* S41: among the usable pools that answer fastest the first in order; without a latency of any, the first. */
static const struct pool_table *
fastest_usable(struct deciding *deciding, uint32_t *slot)
{
	const struct pool_table *tables[LB_POOLS_MAX];
	uint32_t slots[LB_POOLS_MAX], least = UINT32_MAX;
	unsigned count = 0;

	for (unsigned i = 0; i < deciding->npools && i < LB_POOLS_MAX; i++) {
		uint32_t next = deciding->pools[i].slot;
		const struct pool_table *table = usable_table(deciding, next);

		if (table == NULL || sheds(deciding, table, next))
			continue;
		note(deciding->trace,
		    (struct steer_event){
			.step = STEP_POOL_LATENCY, .pool = next, .value = table->latency_us});
		slots[count] = next;
		tables[count++] = table;
		if (table->latency_us != 0)
			least = MIN(least, table->latency_us);
	}
	for (unsigned i = 0; i < count; i++)
		if (least == UINT32_MAX || as_fast(tables[i]->latency_us, least)) {
			*slot = slots[i];
			return tables[i];
		}
	return NULL;
}

/* S1: does ECS say where a client is, for this policy? */
static bool
ecs_locates(const struct steer_lb *lb)
{
	return lb->prefer_ecs == ECS_ALWAYS || (lb->prefer_ecs == ECS_GEO && lb->policy == STEERING_GEO) ||
	    (lb->prefer_ecs == ECS_PROXIMITY && lb->policy == STEERING_PROXIMITY);
}

/* S1 */
void
steer_locate(const struct steer_lb *lb, const struct steering *steering, struct steer_location *location)
{
	const struct steer_client *client = &steering->client;

	*location = (struct steer_location){.by = LOCATED_NOWHERE};
	if (steering->geo != NULL && ecs_locates(lb) && client->ecs.family != FAMILY_NONE) {
		bool known = geo_find(steering->geo, &client->ecs, &location->found);

		/* That it is not found is decided by the address, too. */
		location->area_scope = location->found.area_prefix;
		location->place_scope = location->found.place_prefix;
		if (known) {
			location->by = LOCATED_BY_ECS;
			return;
		}
	}
	if (steering->geo != NULL && lb->by_resolver &&
	    geo_find(steering->geo, &client->resolver, &location->found)) {
		location->by = LOCATED_BY_RESOLVER;
		return;
	}
	location->found = (struct geo_found){.country = ""};
	if (steering->site == NULL)
		return;
	memcpy(location->found.country, steering->site->country, sizeof location->found.country);
	location->found.region = steering->site->region;
	location->found.point = steering->site->point;
	if (location->found.region != 0 || geo_point_known(&location->found.point) ||
	    steering->site->code[0] != '\0')
		location->by = LOCATED_BY_SITE;
}

/* S13: which pools there are to choose among, before any pin. */
static void
locate(struct deciding *deciding, struct steer_location *location)
{
	const struct steer_lb *lb = deciding->lb;

	deciding->scope = 0;
	if (lb->policy != STEERING_GEO && lb->policy != STEERING_PROXIMITY)
		return;
	steer_locate(lb, deciding->steering, location);
	deciding->scope = lb->policy == STEERING_GEO ? location->area_scope : location->place_scope;
	if (lb->policy == STEERING_GEO)
		choose_list(deciding, location);
}

static const struct pool_table *
choose_pool(struct deciding *deciding, uint32_t *slot)
{
	const struct pool_table *table;
	struct steer_location location;
	struct lottery lottery;

	locate(deciding, &location);
	if ((table = pinned_pool(deciding, slot)) != NULL)
		return table;
	if (deciding->lb->policy == STEERING_OFF || deciding->lb->policy == STEERING_GEO)
		return first_usable(deciding, slot);
	if (deciding->lb->policy == STEERING_PROXIMITY)
		return nearest_usable(deciding, &location, slot);
	if (deciding->lb->policy == STEERING_DYNAMIC_LATENCY)
		return fastest_usable(deciding, slot);
	gather(deciding, &lottery);
	return deciding->lb->affinity == AFFINITY_IP ? hashed_pool(deciding, &lottery, slot)
						     : drawn_pool(deciding, &lottery, slot);
}

/*
 * S4: whom a pin keeps in another pool is decided differently, also where this client has none; and whom a
 * pool sheds, also where this client's pin comes before that.
 */
static bool
pins_matter(const struct deciding *deciding)
{
	bool sheds_some = false;

	for (unsigned i = 0; i < deciding->npools; i++) {
		const struct pool_table *table = pool_slot_table(deciding->slots, deciding->pools[i].slot);

		sheds_some |= table != NULL && table->shed > 0 && table->shed < UINT64_C(1) << 32;
	}
	return deciding->npools > 1 || sheds_some;
}

/* For whoever wants to know afterwards. */
static void
tell(const struct deciding *deciding)
{
	struct steer_trace *trace = deciding->trace;

	if (trace->lb == NULL)
		return;
	memcpy(trace->lb, deciding->lb, sizeof *trace->lb);
	trace->pools = deciding->pools;
	trace->npools = deciding->npools;
	trace->weights = deciding->weights;
	trace->lb->places = NULL; /* they may be ours */
}

/* How long a prefix of an IPv6 address must be to leave out what carries IPv4; 0 if it has none of it. */
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
 * S4: IPv6 clients that carry IPv4 are decided as that.  So what holds for an IPv4 prefix holds for it behind
 * the bits that stood before, and what holds for an IPv6 prefix does not for those of them that lie in it.
 */
static uint8_t
scope_among_covered(const struct deciding *deciding, uint8_t scope)
{
	static const struct address mapped = {FAMILY_V6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}},
				    sixtofour = {FAMILY_V6, {0x20, 2}};
	const struct steer_client *client = &deciding->steering->client;
	const struct steer_lb *lb = deciding->lb;
	bool located = deciding->steering->geo != NULL && ecs_locates(lb) &&
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
	struct changed changed; /* room that nobody pays for who has no sets and rules */
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
	deciding.key_made = deciding.stepped_over = deciding.pinned = deciding.established = false;
	choice->lb = lb;
	choice->how = STEER_NOTHING;
	choice->family = (uint8_t)family;
	choice->count = choice->norigins = choice->origin = 0;
	choice->cname = NULL;
	choice->scope = 0;
	choice->client_mattered = false;
	choice->pin_wanted = false;
	if (lb->overrides != NULL)
		choice->scope = steer_override(&deciding, &changed);
	slot = deciding.lb->fallback.slot;
	choice->ttl = deciding.lb->ttl;
	choice->pool = choose_pool(&deciding, &slot);
	choice->last_resort = choice->pool == NULL;
	if (deciding.trace != NULL)
		tell(&deciding);
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
	if (!choice->last_resort) {
		want_pin(&deciding);
		choice->client_mattered |= keeps_pins(&deciding) && pins_matter(&deciding);
	}
	/* S4: within the key's prefix nobody is decided differently; where the client did not matter, nobody
	 * at all. */
	if (choice->client_mattered && key_of(&deciding)->from_ecs)
		choice->scope = MAX(choice->scope, deciding.key.scope);
	/* Where the location says which pools, the narrower of both prefixes. */
	choice->scope = MAX(choice->scope, deciding.scope);
	if (client->ecs.family == FAMILY_V6 || client->covered > 0)
		choice->scope = scope_among_covered(&deciding, choice->scope);
}
