#include "pool_table.h"

#include "siphash.h"

#include <stdlib.h>

static const uint64_t zero_key[2] = {0, 0};

/* What S18 calls the identity of an origin. */
struct identity {
	const uint8_t *data;
	size_t len;
	uint16_t origin;
	uint16_t rank;
};

bool
health_state_healthy(enum health_state state)
{
	return state == HEALTH_UP || state == HEALTH_SUSPECT || state == HEALTH_UNMONITORED;
}

bool
origin_is_candidate(const struct origin *origin, enum health_state state)
{
	return origin->enabled && origin->weight > 0 && origin->forced != FORCED_DOWN &&
	       (origin->forced == FORCED_UP || health_state_healthy(state));
}

bool
origin_is_healthy(const struct origin *origin, enum health_state state)
{
	return origin->forced == FORCED_UP || (origin->forced != FORCED_DOWN && health_state_healthy(state));
}

/* S14: probe verdicts are ignored; what the operator said is honoured. */
static bool
fallback_candidate(const struct origin *origin)
{
	return origin->enabled && origin->weight > 0 && origin->forced != FORCED_DOWN;
}

uint64_t
pool_identity_hash(const char *pool, const void *identity, size_t len)
{
	uint8_t text[1024];
	size_t pool_len = MIN(strlen(pool), 512), used = pool_len + 1;

	memcpy(text, pool, pool_len);
	text[pool_len] = 0;
	len = MIN(len, sizeof text - used);
	if (len > 0)
		memcpy(text + used, identity, len);
	return siphash(zero_key, text, used + len);
}

static int
compare_identities(const void *a, const void *b)
{
	const struct identity *x = a, *y = b;
	int order = memcmp(x->data, y->data, MIN(x->len, y->len));

	if (order != 0)
		return order;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return (int)x->origin - (int)y->origin;
}

static int
compare_origins(const void *a, const void *b)
{
	return (int)((const struct identity *)a)->origin - (int)((const struct identity *)b)->origin;
}

static int
compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return (int)x->rank - (int)y->rank;
}

static struct identity *
identities_new(const struct pool *pool)
{
	struct identity *all = calloc(pool->norigins + 1, sizeof *all);

	if (all == NULL)
		return NULL;
	for (size_t i = 0; i < pool->norigins; i++) {
		const struct origin *origin = &pool->origins[i];

		all[i].origin = (uint16_t)i;
		if (origin->affinity_group != NULL) {
			all[i].data = (const uint8_t *)origin->affinity_group;
			all[i].len = strlen(origin->affinity_group);
		} else if (origin->ip.family != FAMILY_NONE) {
			all[i].data = origin->ip.bytes;
			all[i].len = address_len(&origin->ip);
		} else {
			all[i].data = (const uint8_t *)origin->address;
			all[i].len = strlen(origin->address);
		}
	}
	qsort(all, pool->norigins, sizeof *all, compare_identities);
	for (size_t i = 0; i < pool->norigins; i++)
		all[i].rank = (uint16_t)i;
	qsort(all, pool->norigins, sizeof *all, compare_origins);
	return all;
}

/* A place in the table's one allocation. */
static void *
carve(uint8_t **at, size_t octets)
{
	void *place = *at;

	*at += (octets + 7) & ~(size_t)7;
	return place;
}

/* S21: a suspect origin that nobody forces up is withheld where another will do. */
static bool
steady_candidate(const struct origin *origin, enum health_state state)
{
	return origin_is_candidate(origin, state) && (state != HEALTH_SUSPECT || origin->forced == FORCED_UP);
}

enum which { SERVING, STEADY, FALLBACK };

static bool
belongs(enum which which, const struct origin *origin, enum health_state state)
{
	return which == SERVING  ? origin_is_candidate(origin, state)
	       : which == STEADY ? steady_candidate(origin, state)
	                         : fallback_candidate(origin);
}

/* Fill one list with the candidates of a family. */
static void
fill(struct candidates *list, enum which which, uint8_t **at, const struct pool *pool, const struct identity *identities,
    const enum health_state *states, const uint32_t *numbers, uint8_t family)
{
	struct candidate *all = (struct candidate *)*at;
	struct weight_class *classes;
	uint64_t *hashes;
	uint32_t *cumulative, sum = 0;

	for (size_t i = 0; i < pool->norigins; i++) {
		const struct origin *origin = &pool->origins[i];

		if (origin->ip.family != family || !belongs(which, origin, states[i]))
			continue;
		struct candidate *candidate = &all[list->count++];

		*candidate = (struct candidate){.weight = (uint16_t)origin->weight, .origin = (uint16_t)i,
		    .rank = identities[i].rank, .number = numbers[i],
		    .hash = pool_identity_hash(pool->name, identities[i].data, identities[i].len)};
		memcpy(candidate->bytes, origin->ip.bytes, sizeof candidate->bytes);
	}
	list->list = carve(at, list->count * sizeof *all);
	list->hashes = hashes = carve(at, list->count * sizeof *hashes);
	list->cumulative = cumulative = carve(at, list->count * sizeof *cumulative);
	list->classes = classes = carve(at, list->count * sizeof *classes);
	qsort(all, list->count, sizeof *all, compare_candidates);
	for (uint16_t i = 0; i < list->count; i++) {
		hashes[i] = all[i].hash;
		cumulative[i] = sum += all[i].weight;
		if (i == 0 || all[i].weight != all[i - 1].weight)
			classes[list->nclasses++] = (struct weight_class){.weight = all[i].weight, .first = i};
		classes[list->nclasses - 1].count++;
	}
}

struct pool_judgement
pool_judge(const struct pool *pool, const enum health_state *states)
{
	struct pool_judgement judgement = {0};
	unsigned weight = 0;
	/* [CF] 3.1: minimum_origins counts only where a monitor judges. */
	bool monitored = pool->monitor.text[0] != '\0' || pool->monitor_group.text[0] != '\0';

	for (size_t i = 0; i < pool->norigins; i++) {
		const struct origin *origin = &pool->origins[i];

		if (!origin->enabled)
			continue;
		judgement.enabled++;
		judgement.candidates += origin_is_candidate(origin, states[i]);
		judgement.healthy += origin_is_healthy(origin, states[i]);
		if (origin->weight == 0)
			continue;
		judgement.weighted |= weight != 0 && weight != origin->weight;
		weight = origin->weight;
	}
	judgement.usable = pool->enabled && judgement.candidates > 0 &&
	                   (!monitored || judgement.healthy >= pool->minimum_origins);
	return judgement;
}

static void
judge(struct pool_table *table, const struct pool *pool, const enum health_state *states)
{
	struct pool_judgement judgement = pool_judge(pool, states);

	table->enabled = (uint16_t)judgement.enabled;
	table->healthy = (uint16_t)judgement.healthy;
	table->weighted = judgement.weighted;
	table->usable = judgement.usable;
}

struct pool_table *
pool_table_new(const struct pool *pool, const enum health_state *states, const uint32_t *numbers)
{
	size_t name_len = strlen(pool->name) + 1;
	size_t each = sizeof(struct candidate) + sizeof(uint64_t) + sizeof(uint32_t) + sizeof(struct weight_class);
	/* An origin stands in one list of each kind; every array may be padded to 8 octets. */
	size_t room = sizeof(struct pool_table) + name_len + 3 * pool->norigins * each + 25 * 8;
	struct identity *identities = identities_new(pool);
	struct pool_table *table = calloc(1, room);
	uint8_t *at = (uint8_t *)(table + 1);

	if (identities == NULL || table == NULL) {
		free(identities);
		free(table);
		return NULL;
	}
	table->id = pool->id;
	table->name = memcpy(carve(&at, name_len), pool->name, name_len);
	table->hash = pool_identity_hash(pool->name, NULL, 0);
	table->hash_origins = pool->origin_steering == ORIGIN_HASH;
	if (pool->placed)
		table->point = geo_point(pool->latitude, pool->longitude);
	table->shed_by_hash = pool->shed_by_hash;
	table->shed = (uint64_t)(pool->shed_percent / 100 * 4294967296.0);
	judge(table, pool, states);
	for (unsigned f = 0; f < TABLE_FAMILIES && pool->enabled; f++) {
		uint8_t family = f == TABLE_V4 ? FAMILY_V4 : FAMILY_V6;

		fill(&table->serving[f], SERVING, &at, pool, identities, states, numbers, family);
		fill(&table->steady[f], STEADY, &at, pool, identities, states, numbers, family);
		fill(&table->fallback[f], FALLBACK, &at, pool, identities, states, numbers, family);
	}
	free(identities);
	return table;
}
