/*
 * scenery.h -- a snapshot made of a master file's text and load balancers, without a store: for unit tests
 * and fuzzers.
 */
#ifndef SCENERY_H
#define SCENERY_H

#include "zones/answer/snapshot.h"
#include "zones/dns/dnssec.h"
#include "zones/steer/steer.h"
#include "zones/zonefile/zonefile.h"

#include <assert.h>
#include <stdlib.h>

struct scenery {
	struct zone_data data;
	struct zone *zone;
	struct zone_table *table;
	struct snapshot snapshot;
	_Atomic(const struct pool_table *) tables[64];
	_Atomic uint64_t usable[1];
	struct pool_slots slots;
	struct {
		uint8_t key[NAME_MAX_KEY];
		size_t len;
		struct steer_lb *lb;
	} lbs[8];
	size_t nlbs;
	const struct zone_signing *signing; /* NULL: not signed */
};

static bool
scenery_lb_before(
    struct scenery *scenery, size_t *next, const uint8_t *key, size_t len, zone_owner_fn *sink, void *arg)
{
	while (*next < scenery->nlbs) {
		size_t n = *next;
		int order =
		    key == NULL ? -1 : memcmp(scenery->lbs[n].key, key, MIN(scenery->lbs[n].len, len));
		struct zone_owner owner = {
		    .key = {scenery->lbs[n].key, scenery->lbs[n].len}, .lb = scenery->lbs[n].lb};

		if (order > 0 || (order == 0 && scenery->lbs[n].len >= len))
			return true;
		++*next;
		if (!sink(arg, &owner))
			return false;
	}
	return true;
}

/* Rows of one owner are adjacent; load balancers are merged in by their keys, which are sorted. */
static bool
scenery_each(void *arg, zone_owner_fn *sink, void *sink_arg)
{
	struct scenery *scenery = arg;
	size_t next = 0;

	for (size_t i = 0, end; i < scenery->data.count; i = end) {
		const struct zone_row *row = &scenery->data.rows[i];
		struct rrset rrsets[64];
		struct zone_owner owner = {.key = {row->key, row->key_len - 2}, .rrsets = rrsets};

		for (end = i; end < scenery->data.count && scenery->data.rows[end].key_len == row->key_len &&
		     memcmp(scenery->data.rows[end].key, row->key, row->key_len - 2) == 0;
		     end++) {
			const struct zone_row *one = &scenery->data.rows[end];

			if (!rrset_decode(&rrsets[owner.nrrsets++], get16(one->key + one->key_len - 2),
				one->value, one->value_len))
				abort();
		}
		if (!scenery_lb_before(scenery, &next, row->key, row->key_len - 2, sink, sink_arg))
			return false;
		if (next < scenery->nlbs && scenery->lbs[next].len == row->key_len - 2 &&
		    memcmp(scenery->lbs[next].key, row->key, row->key_len - 2) == 0)
			owner.lb = scenery->lbs[next++].lb;
		if (!sink(sink_arg, &owner))
			return false;
	}
	return scenery_lb_before(scenery, &next, NULL, 0, sink, sink_arg);
}

/* A pool of these addresses (ended by NULL) in the next free slot, all of them up. */
static inline uint32_t
scenery_pool(struct scenery *scenery, const char *name, const char *const *addresses, const char *down)
{
	struct origin origins[16] = {{0}};
	enum health_state states[16];
	uint32_t numbers[16] = {0}, slot = 0;
	struct pool pool = {
	    .name = (char *)(uintptr_t)name, .enabled = true, .minimum_origins = 1, .origins = origins};
	struct pool_table *table;

	for (; addresses[pool.norigins] != NULL; pool.norigins++) {
		origins[pool.norigins] = (struct origin){
		    .address = (char *)(uintptr_t)addresses[pool.norigins], .enabled = true, .weight = 100};
		states[pool.norigins] =
		    down != NULL && strstr(down, addresses[pool.norigins]) != NULL ? HEALTH_DOWN : HEALTH_UP;
		address_from_text(&origins[pool.norigins].ip, addresses[pool.norigins]);
	}
	table = pool_table_new(&pool, states, numbers);
	while (scenery->tables[slot] != NULL)
		slot++;
	scenery->tables[slot] = table;
	scenery->usable[0] |= (uint64_t)table->usable << slot;
	return slot;
}

/* Add before scenery_build, in the order of the keys. */
static inline struct steer_lb *
scenery_lb(struct scenery *scenery, const char *name, const uint8_t *apex, enum affinity affinity,
    uint32_t pool, uint32_t fallback)
{
	struct steer_lb *lb = calloc(1, sizeof *lb + sizeof lb->pools[0]);
	size_t n = scenery->nlbs++;

	*lb = (struct steer_lb){.ttl = 30,
	    .affinity = affinity,
	    .ecs_allowed = true,
	    .prefix_v4 = 24,
	    .prefix_v6 = 56,
	    .npools = 1,
	    .fallback = {.slot = fallback}};
	lb->pools[0] = (struct steer_pool){.slot = pool, .weight = 100};
	lb->name_len = (uint8_t)name_from_text(lb->name, name, NULL);
	scenery->lbs[n].lb = lb;
	scenery->lbs[n].len = name_to_key(scenery->lbs[n].key, lb->name, apex);
	return lb;
}

/* The RRSIG record of a signature that nobody verifies. */
static inline size_t
scenery_rrsig(const struct signed_set *set, const struct signature *signature, uint8_t *out)
{
	struct rrsig_covers covers = {.apex = set->apex,
	    .apex_len = name_len(set->apex),
	    .type = set->rrset.type,
	    .labels = signed_labels(set->owner),
	    .ttl = set->rrset.ttl};

	return rrsig_write(out, &covers, signature);
}

static inline struct scenery *
scenery_new(void)
{
	struct scenery *scenery = calloc(1, sizeof *scenery);

	scenery->slots =
	    (struct pool_slots){.count = 64, .tables = scenery->tables, .usable = scenery->usable};
	return scenery;
}

/* Build the zone of a master file's text.  False if the text has a fault (reported on stderr). */
static inline bool
scenery_build(struct scenery *scenery, const char *text)
{
	struct problems problems = {0};

	if (!zonefile_read("scenery", text, NULL, true, &scenery->data, &problems)) {
		problems_print(&problems, "scenery", stderr);
		return false;
	}
	problems_free(&problems);
	scenery->zone = zone_build(1, scenery->data.apex, scenery->signing, NULL, scenery_each, scenery);
	scenery->table = scenery->zone ? zone_table_new((const struct zone *const *)&scenery->zone, 1) : NULL;
	scenery->snapshot =
	    (struct snapshot){.zones = scenery->table, .pools = &scenery->slots, .generation = 1};
	return scenery->table != NULL;
}

static inline void
scenery_free(struct scenery *scenery)
{
	zone_free(scenery->zone);
	free(scenery->table);
	zone_data_free(&scenery->data);
	for (size_t i = 0; i < scenery->nlbs; i++)
		free(scenery->lbs[i].lb);
	for (size_t i = 0; i < 64; i++)
		free((void *)(uintptr_t)scenery->tables[i]);
	free(scenery);
}

#endif
