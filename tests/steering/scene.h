/*
 * scene.h -- a world of up to three pools and one load balancer to steer in, and what a test asks of it.
 */
#ifndef SCENE_H
#define SCENE_H

#include "zones/base/siphash.h"
#include "zones/steer/steer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SCENE_ORIGINS = 10, SCENE_OVERRIDES = 3, ORIGINS = SCENE_ORIGINS, CLIENTS = 100000 };

struct scene {
	struct pool pools[3];
	struct origin origins[3][SCENE_ORIGINS + 1];
	char addresses[3][SCENE_ORIGINS + 1][40];
	enum health_state states[3][SCENE_ORIGINS + 1];
	uint32_t numbers[SCENE_ORIGINS + 1];
	_Atomic(const struct pool_table *) tables[64];
	_Atomic uint64_t usable[1];
	struct pool_slots slots;
	struct steer_overrides all; /* that the load balancer has */
	struct steer_lb *lb;
	struct pins *pins;
	uint32_t now_s;
};

static inline struct scene *
scene_new(unsigned npools, unsigned norigins)
{
	static const char *const names[] = {"eu", "us", "ap"};
	struct scene *scene = xcalloc(1, sizeof *scene);

	scene->slots = (struct pool_slots){.count = 64, .tables = scene->tables, .usable = scene->usable};
	for (unsigned p = 0; p < 3; p++) {
		struct pool *pool = &scene->pools[p];

		*pool = (struct pool){.name = (char *)(uintptr_t)names[p],
		    .enabled = true,
		    .minimum_origins = 1,
		    .origins = scene->origins[p],
		    .norigins = norigins};
		for (unsigned o = 0; o < norigins; o++) {
			snprintf(scene->addresses[p][o], 40, "192.0.%u.%u", p, o + 1);
			scene->origins[p][o] = (struct origin){
			    .name = NULL, .address = scene->addresses[p][o], .enabled = true, .weight = 100};
			assert_true(address_from_text(&scene->origins[p][o].ip, scene->addresses[p][o]));
			scene->states[p][o] = HEALTH_UP;
		}
	}
	scene->lb = xcalloc(1, sizeof *scene->lb + 3 * sizeof(struct steer_pool));
	*scene->lb = (struct steer_lb){.ttl = 30,
	    .ecs_allowed = true,
	    .prefix_v4 = 24,
	    .prefix_v6 = 56,
	    .npools = (uint16_t)npools,
	    .fallback = {.slot = npools - 1}};
	scene->lb->name_len = (uint8_t)name_from_text(scene->lb->name, "www.example.com.", NULL);
	for (unsigned p = 0; p < npools; p++)
		scene->lb->pools[p] = (struct steer_pool){.slot = p, .weight = 100};
	return scene;
}

static inline void
settle(struct scene *scene)
{
	for (unsigned p = 0; p < 3; p++) {
		struct pool_table *table = pool_table_new(&scene->pools[p], scene->states[p], scene->numbers);

		assert_non_null(table);
		free((void *)(uintptr_t)scene->tables[p]);
		scene->tables[p] = table;
		if (table->usable)
			scene->usable[0] |= 1u << p;
		else
			scene->usable[0] &= ~(UINT64_C(1) << p);
	}
}

static inline void
scene_free(struct scene *scene)
{
	for (unsigned p = 0; p < 3; p++)
		free((void *)(uintptr_t)scene->tables[p]);
	free(scene->lb);
	free(scene);
}

static inline struct steer_client
client(uint32_t n)
{
	struct steer_client who = {
	    .resolver = {FAMILY_V4, {203, 0, 113, 5}}, .ecs = {.family = FAMILY_V4}, .source = 24};

	put32(who.ecs.bytes, n << 8);
	return who;
}

static inline struct steer_choice
ask(const struct scene *scene, const struct steer_client *who, unsigned family, uint64_t draw)
{
	struct steer_choice choice = {0};

	struct steering steering = {.client = *who, .draw = draw, .now_s = scene->now_s, .pins = scene->pins};

	steer(scene->lb, &scene->slots, &steering, family, &choice);
	return choice;
}

/* "POOL:LAST OCTET" of the first address, or "-". */
static inline const char *
first(const struct steer_choice *choice)
{
	static char text[32];

	if (choice->count == 0)
		return "-";
	snprintf(text, sizeof text, "%s:%u", choice->pool->name, steer_address(choice, 0)->bytes[3]);
	return text;
}

/* The origin of each client, by its last octet: for a comparison before and after a change. */
static inline void
chosen_origins(struct scene *scene, uint8_t chosen[CLIENTS])
{
	settle(scene);
	for (uint32_t n = 0; n < CLIENTS; n++) {
		struct steer_client who = client(n);
		struct steer_choice choice = ask(scene, &who, TABLE_V4, n);

		assert_int_equal(choice.count, 1);
		chosen[n] = steer_address(&choice, 0)->bytes[3];
	}
}

/* S19: the clients that moved are those that left origin a, or came to origin b (0: nobody). */
static inline void
assert_moved(const uint8_t *before, const uint8_t *after, uint8_t left, uint8_t came, bool all_left)
{
	unsigned moved = 0;

	for (unsigned n = 0; n < CLIENTS; n++) {
		if (all_left && before[n] == left)
			assert_int_not_equal(after[n], left);
		if (before[n] == after[n])
			continue;
		moved++;
		assert_true((left != 0 && before[n] == left) || (came != 0 && after[n] == came));
	}
	assert_true(moved > 0);
}

/* Like the server: ask, and put the wanted pin. */
static inline uint8_t
ask_and_pin(struct scene *scene, uint32_t n, unsigned family)
{
	struct steer_client who = client(n);
	struct steer_choice choice = ask(scene, &who, family, n);

	if (choice.pin_wanted)
		assert_true(
		    pins_put(scene->pins, choice.pin_key, scene->lb->share, scene->now_s, &choice.pin));
	return choice.count > 0 ? steer_address(&choice, 0)->bytes[3] : 0;
}

static inline uint64_t
draw_of(uint64_t n)
{
	return mix64(n * UINT64_C(0x9e3779b97f4a7c15) + 1);
}

/* Chi-squared of counts against weights; the bound is that of p = 0.001, as Wilson and Hilferty approximate
 * it. */
static inline void
assert_shares(const unsigned *counts, const double *weights, unsigned n, unsigned total)
{
	double sum = 0, chi = 0, degrees = -1, bound;

	for (unsigned i = 0; i < n; i++)
		sum += weights[i];
	for (unsigned i = 0; i < n; i++) {
		double expected = total * weights[i] / sum;

		if (weights[i] == 0) {
			assert_int_equal(counts[i], 0);
			continue;
		}
		chi += (counts[i] - expected) * (counts[i] - expected) / expected;
		degrees++;
	}
	bound = degrees * pow(1 - 2 / (9 * degrees) + 3.0902 * sqrt(2 / (9 * degrees)), 3);
	if (!(chi < bound))
		fail_msg(
		    "chi-squared %.2f over %.0f degrees, which chance passes once in a thousand from %.2f",
		    chi, degrees, bound);
}

/* Rules or sets of a scene: override i brings in pool i, where its condition is true. */
struct brought {
	struct steer_override overrides[SCENE_OVERRIDES];
	struct steer_pool pools[SCENE_OVERRIDES];
	struct expression *conditions[SCENE_OVERRIDES];
};

static inline void
bring(struct scene *scene, struct brought *brought, bool rules, unsigned count, const char *const *conditions)
{
	for (unsigned i = 0; i < count; i++) {
		char *error = NULL;

		brought->conditions[i] = expression_new(conditions[i], &error);
		if (brought->conditions[i] == NULL)
			fail_msg("%s: %s", conditions[i], error);
		brought->pools[i] = (struct steer_pool){.slot = i, .weight = 100};
		brought->overrides[i] = (struct steer_override){.condition = brought->conditions[i],
		    .parts = PART_POOLS,
		    .npools = 1,
		    .pools = &brought->pools[i],
		    .branch = i + 1};
	}
	scene->lb->overrides = &scene->all;
	if (rules) {
		scene->all.rules = brought->overrides;
		scene->all.nrules = count;
	} else {
		scene->all.sets = brought->overrides;
		scene->all.nsets = count;
	}
}

static inline void
unbring(struct brought *brought)
{
	for (unsigned i = 0; i < SCENE_OVERRIDES; i++)
		free(brought->conditions[i]);
}

#endif
