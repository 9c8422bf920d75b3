/* steer_pool.c -- choose the pool (S12, S13, S41). */
#include "zones/steer/steer_inner.h"

#include <math.h>

/*
 * [CF] 3.5: true if the pool refuses this client: by chance, or by the client's hash. With affinity it is
 * always by the hash, so that a client does not alternate.
 */
static bool
refuses(struct deciding *deciding, const struct pool_table *table, uint32_t slot)
{
	static const uint64_t other_hash =
	    UINT64_C(0x6a09e667f3bcc909); /* a hash other than that of the choice of the pool */
	bool by_hash = table->shed_by_hash || deciding->lb->affinity == AFFINITY_IP;
	uint64_t at;

	if (by_hash)
		at = mix64(key_of(deciding)->hash ^ table->hash ^ other_hash);
	else
		at = mix64(deciding->steering->draw ^ table->hash ^ other_hash);
	/* The refusal depends on the client, unless the pool refuses all clients. */
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

/* A pool that may be chosen: check its bit, then its table (the bit may be older). */
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
	uint32_t sum; /* sum of weights */
};

/* The weight of a pool in a list of a rule or set, or with weights of one. */
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

/* The usable pool nearest to the client. Pools without a place come last, in order. */
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
		if (deciding->trace != NULL) /* acos is too slow for answering a query */
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

/* S41: a pool that is slower by at most this much counts as equal to the fastest. */
static bool
as_fast(uint32_t latency_us, uint32_t least_us)
{
	enum { NEAR_US = 1000, NEAR_PART = 10 };

	return latency_us != 0 && latency_us - least_us <= MAX(least_us / NEAR_PART, NEAR_US);
}

/*
 * S41: of the usable pools that count as fastest, the first in order. If no latency is known, the first pool.
 */
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

const struct pool_table *
steer_choose_pool(struct deciding *deciding, uint32_t *slot)
{
	const struct pool_table *table;
	struct steer_location location;
	struct lottery lottery;
	enum steering_policy policy = deciding->lb->policy;

	deciding->scope = 0;
	if (policy == STEERING_GEO || policy == STEERING_PROXIMITY)
		steer_place(deciding, &location);
	if (steer_keeps_pins(deciding) && (table = steer_pinned_pool(deciding, slot)) != NULL)
		return table;
	if (policy == STEERING_OFF || policy == STEERING_GEO)
		return first_usable(deciding, slot);
	if (policy == STEERING_PROXIMITY)
		return nearest_usable(deciding, &location, slot);
	if (policy == STEERING_DYNAMIC_LATENCY)
		return fastest_usable(deciding, slot);
	gather(deciding, &lottery);
	return deciding->lb->affinity == AFFINITY_IP ? hashed_pool(deciding, &lottery, slot)
						     : drawn_pool(deciding, &lottery, slot);
}
