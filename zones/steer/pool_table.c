#include "zones/steer/pool_table.h"

#include "zones/base/siphash.h"
#include "zones/dns/rrset.h"
#include "zones/model/usable.h"

#include <stdlib.h>

static const uint64_t zero_key[2] = {0, 0};

/* The identity of an origin as S18 defines it. */
struct identity {
	const uint8_t *data;
	size_t len;
	uint16_t origin;
	uint16_t rank;
};

/* S14: ignore verdicts of probes, but respect the settings of the operator. */
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
	struct identity *all = xcalloc(pool->norigins + 1, sizeof *all);

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

/* Reserve room in the table's one allocation. */
static void *
carve(uint8_t **at, size_t octets)
{
	void *place = *at;

	*at += (octets + 7) & ~(size_t)7;
	return place;
}

/* S21: do not use a suspect origin that is not forced up, if another one can be used. */
static bool
steady_candidate(const struct origin *origin, enum health_state state)
{
	return origin_is_candidate(origin, state) && (state != HEALTH_SUSPECT || origin->forced == FORCED_UP);
}

enum which { SERVING, STEADY, FALLBACK };

enum { RR_HEAD = 12 };

static bool
belongs(enum which which, const struct origin *origin, enum health_state state)
{
	return which == SERVING ? origin_is_candidate(origin, state)
	    : which == STEADY   ? steady_candidate(origin, state)
				: fallback_candidate(origin);
}

/* S16: of a hostname, use only addresses that are up; as a last resort (S14), the last known ones. */
static bool
address_belongs(enum which which, const struct origin *origin, enum health_state state)
{
	if (which == FALLBACK)
		return true;
	if (origin->resolved->gone)
		return false;
	return origin->forced == FORCED_UP ||
	    (health_state_healthy(state) && (which == SERVING || state != HEALTH_SUSPECT));
}

/* The input of all lists of a table. */
struct making {
	const struct pool *pool;
	const struct identity *identities;
	const enum health_state *states;
	const uint32_t *numbers;
	const uint8_t **cnames; /* one for each origin */
	uint8_t *at;            /* the next free octet */
	bool hostnames;         /* an origin is a hostname */
};

/* Add the addresses of an origin that belong to a list. Returns their number. */
static unsigned
put_addresses(struct candidate_address *out, enum which which, const struct origin *origin, uint8_t family)
{
	unsigned count = 0;

	if (origin->ip.family == family) {
		memcpy(out->bytes, origin->ip.bytes, sizeof out->bytes);
		return 1;
	}
	for (unsigned i = 0;
	     origin_is_hostname(origin) && origin->resolved != NULL && i < origin->resolved->count; i++) {
		const struct resolved_address *from = &origin->resolved->list[i];

		if (from->address.family == family && count < HOSTNAME_ADDRESSES_MAX &&
		    address_belongs(which, origin, from->state))
			memcpy(out[count++].bytes, from->address.bytes, sizeof out->bytes);
	}
	return count;
}

static int
compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof((struct candidate_address *)0)->bytes);
}

/* RFC 2181 5: an RRset has no record twice, even if two hostnames share an address. */
static void
make_ring(struct candidates *list, struct making *making, unsigned naddresses)
{
	struct candidate_address *ring = carve(&making->at, naddresses * sizeof *ring);

	memcpy(ring, list->addresses, naddresses * sizeof *ring);
	qsort(ring, naddresses, sizeof *ring, compare_addresses);
	list->nring = 0;
	for (unsigned i = 0; i < naddresses; i++)
		if (i == 0 || compare_addresses(&ring[list->nring - 1], &ring[i]) != 0)
			ring[list->nring++] = ring[i];
	list->doubles = list->nring < naddresses;
	list->plain &= !list->doubles;
	list->ring = ring;
}

/* The addresses of all candidates, in their order. */
static void
list_addresses(
    struct candidates *list, struct candidate *all, enum which which, struct making *making, uint8_t family)
{
	struct candidate_address *addresses = (struct candidate_address *)making->at;
	unsigned count = 0;

	list->plain = true;
	for (uint16_t i = 0; i < list->count; i++) {
		all[i].first = (uint16_t)count;
		all[i].naddresses = (uint16_t)put_addresses(
		    addresses + count, which, &making->pool->origins[all[i].origin], family);
		list->plain &= all[i].naddresses == 1 && all[i].cname == NULL;
		for (unsigned n = 0; n < all[i].naddresses; n++)
			addresses[count++].candidate = i;
	}
	list->addresses = list->ring = carve(&making->at, count * sizeof *addresses);
	list->nring = (uint16_t)count;
	if (making->hostnames && count > 0)
		make_ring(list, making, count);
	for (unsigned i = 0; i < list->nring; i++) {
		struct content address = content_of_octets(list->ring[i].bytes, sizeof list->ring[i].bytes);

		content_add(&list->content, &address);
	}
}

/* Fill one list with the candidates of a family. */
static void
fill(struct candidates *list, enum which which, struct making *making, uint8_t family)
{
	struct candidate *all = (struct candidate *)making->at;
	struct candidate_address some[HOSTNAME_ADDRESSES_MAX];
	struct weight_class *classes;
	uint64_t *hashes;
	uint32_t *cumulative, sum = 0;

	for (size_t i = 0; i < making->pool->norigins; i++) {
		const struct origin *origin = &making->pool->origins[i];
		const struct identity *identity = &making->identities[i];

		/* S16: an origin that is answered with a CNAME belongs to both families. */
		if (!belongs(which, origin, making->states[i]) ||
		    (making->cnames[i] == NULL && put_addresses(some, which, origin, family) == 0))
			continue;
		all[list->count++] = (struct candidate){.weight = (uint16_t)origin->weight,
		    .origin = (uint16_t)i,
		    .rank = identity->rank,
		    .number = making->numbers[i],
		    .cname = making->cnames[i],
		    .hash = pool_identity_hash(making->pool->name, identity->data, identity->len)};
	}
	list->list = carve(&making->at, list->count * sizeof *all);
	list->hashes = hashes = carve(&making->at, list->count * sizeof *hashes);
	list->cumulative = cumulative = carve(&making->at, list->count * sizeof *cumulative);
	list->classes = classes = carve(&making->at, list->count * sizeof *classes);
	qsort(all, list->count, sizeof *all, compare_candidates);
	list_addresses(list, all, which, making, family);
	for (uint16_t i = 0; i < list->count; i++) {
		hashes[i] = all[i].hash;
		cumulative[i] = sum += all[i].weight;
		if (i == 0 || all[i].weight != all[i - 1].weight)
			classes[list->nclasses++] =
			    (struct weight_class){.weight = all[i].weight, .first = i};
		classes[list->nclasses - 1].count++;
	}
}

static void
assess(struct pool_table *table, const struct pool *pool, const enum health_state *states)
{
	struct pool_assessment judgement = pool_assess(pool, states);

	table->enabled = (uint16_t)judgement.enabled;
	table->healthy = (uint16_t)judgement.healthy;
	table->weighted = judgement.weighted;
	table->usable = judgement.usable;
}

/*
 * The CNAME to answer for an unflattened hostname. Its owner is the question's name, its TTL that of the
 * item.
 */
static const uint8_t *
make_cname(struct making *making, const struct origin *origin)
{
	uint8_t target[NAME_MAX_LEN], *fragment;
	size_t len;

	if (!origin->unflattened || !origin_is_hostname(origin) ||
	    (len = name_from_text(target, origin->address, NULL)) == 0)
		return NULL;
	fragment = carve(&making->at, RR_HEAD + len);
	put16(fragment, 0xC00C);
	put16(fragment + 2, TYPE_CNAME);
	put16(fragment + 4, CLASS_IN);
	put16(fragment + 10, (uint16_t)len);
	memcpy(fragment + RR_HEAD, target, len);
	return fragment;
}

/* The size of all lists in octets. Each of their arrays may be padded to 8 octets. */
static size_t
room_of(const struct pool *pool, bool *hostnames)
{
	size_t each =
	    sizeof(struct candidate) + sizeof(uint64_t) + sizeof(uint32_t) + sizeof(struct weight_class);
	size_t candidates = 0, addresses = 0, cnames = 0;

	*hostnames = false;
	for (size_t i = 0; i < pool->norigins; i++) {
		const struct origin *origin = &pool->origins[i];

		if (origin_is_hostname(origin)) {
			*hostnames = true;
			candidates += TABLE_FAMILIES;
			addresses += origin->resolved != NULL ? origin->resolved->count : 0;
			cnames += origin->unflattened ? RR_HEAD + NAME_MAX_LEN + 8 : 0;
		} else {
			candidates++;
			addresses++;
		}
	}
	return 3 * (candidates * each + (*hostnames ? 2 : 1) * addresses * sizeof(struct candidate_address)) +
	    cnames + 3 * TABLE_FAMILIES * 6 * 8;
}

struct pool_table *
pool_table_new(const struct pool *pool, const enum health_state *states, const uint32_t *numbers)
{
	struct making making = {.pool = pool, .states = states, .numbers = numbers};
	size_t name_len = strlen(pool->name) + 1, cnames = (pool->norigins + 1) * sizeof *making.cnames;
	size_t room = sizeof(struct pool_table) + name_len + 8 + cnames + room_of(pool, &making.hostnames);
	struct identity *identities = identities_new(pool);
	struct pool_table *table = xcalloc(1, room);

	making.identities = identities;
	making.at = (uint8_t *)(table + 1);
	making.cnames = carve(&making.at, cnames);
	table->id = pool->id;
	table->name = memcpy(carve(&making.at, name_len), pool->name, name_len);
	table->hash = pool_identity_hash(pool->name, NULL, 0);
	table->hash_origins = pool->origin_steering == ORIGIN_HASH;
	if (pool->placed)
		table->point = geo_point(pool->latitude, pool->longitude);
	table->shed_by_hash = pool->shed_by_hash;
	table->shed = (uint64_t)(pool->shed_percent / 100 * 4294967296.0);
	assess(table, pool, states);
	for (size_t i = 0; i < pool->norigins; i++)
		making.cnames[i] = make_cname(&making, &pool->origins[i]);
	for (unsigned f = 0; f < TABLE_FAMILIES && pool->enabled; f++) {
		uint8_t family = f == TABLE_V4 ? FAMILY_V4 : FAMILY_V6;

		fill(&table->serving[f], SERVING, &making, family);
		fill(&table->steady[f], STEADY, &making, family);
		fill(&table->fallback[f], FALLBACK, &making, family);
	}
	free(identities);
	return table;
}
