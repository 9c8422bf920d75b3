#include "admin/explain/outcomes.h"

#include <stdlib.h>

enum { TRIES = 20000, TRIES_MOST = 1 << 20 };

/* The outcomes of one pool, or, after all pools, of the fallback pool, while it is tried. */
struct tried {
	double probability;
	unsigned hits;
	uint64_t draw;
};

struct counting {
	const struct steer_lb *lb;
	const struct steer_lb *plan; /* it after sets and rules, and the pools to choose among */
	const struct steer_pool *pools;
	size_t npools;
	const struct pool_slots *slots;
	const struct steering *steering;
	unsigned family;
	struct tried *tried;
	size_t count;
	size_t met; /* of them */
};

/* [CF] 3.5: with affinity the client's hash always decides. */
static bool
sheds_by_chance(const struct counting *counting)
{
	bool sheds = false;

	for (size_t i = 0; i < counting->npools; i++) {
		const struct pool_table *table = pool_slot_table(counting->slots, counting->pools[i].slot);

		sheds |= table != NULL && table->shed > 0 && !table->shed_by_hash;
	}
	return sheds && counting->plan->affinity == AFFINITY_NONE;
}

static size_t
place_of(const struct counting *counting, const struct steer_choice *choice)
{
	size_t i = 0;

	while (i < counting->npools &&
	    (choice->last_resort ||
		pool_slot_table(counting->slots, counting->pools[i].slot) != choice->pool))
		i++;
	return i;
}

/* One draw. */
static void
try_one(struct counting *counting, uint64_t draw)
{
	struct steering steering = *counting->steering;
	struct steer_choice choice;
	struct tried *tried;

	steering.draw = draw;
	steering.trace = NULL;
	steer(counting->lb, counting->slots, &steering, counting->family, &choice);
	tried = &counting->tried[place_of(counting, &choice)];
	if (tried->hits++ > 0)
		return;
	counting->met++;
	tried->draw = draw;
}

/* S13: the pools that a draw by weight may give, from the trace of one; returns how many. */
static size_t
shares_of(const struct counting *counting)
{
	const struct steer_trace *trace = counting->steering->trace;
	double sum = 0;
	size_t shares = 0;

	for (size_t i = 0; i < trace->count; i++)
		if (trace->events[i].step == STEP_POOL_SHARE) {
			sum += (double)trace->events[i].value;
			shares++;
		}
	for (size_t i = 0; i < trace->count; i++)
		for (size_t n = 0; n < counting->npools && trace->events[i].step == STEP_POOL_SHARE; n++)
			if (counting->pools[n].slot == trace->events[i].pool)
				counting->tried[n].probability = (double)trace->events[i].value / sum;
	return shares;
}

static void
count_outcomes(struct counting *counting)
{
	size_t shares;
	unsigned tries = 0;

	try_one(counting, counting->steering->draw);
	if (sheds_by_chance(counting)) {
		for (tries = 1; tries < TRIES; tries++)
			try_one(counting, mix64(tries));
		for (size_t i = 0; i < counting->count; i++)
			counting->tried[i].probability = counting->tried[i].hits / (double)TRIES;
	} else if ((shares = shares_of(counting)) > 1) {
		while (counting->met < shares && tries < TRIES_MOST)
			try_one(counting, mix64(++tries));
	} else {
		for (size_t i = 0; i < counting->count; i++)
			counting->tried[i].probability = counting->tried[i].hits;
	}
}

/* The outcomes that occurred, each with its answer. */
static struct outcome *
gather(const struct counting *counting, const struct snapshot *snapshot, const struct question *question)
{
	struct outcome *all = xcalloc(counting->met, sizeof *all), *next = all;

	for (size_t i = 0; i < counting->count; i++) {
		const struct tried *tried = &counting->tried[i];
		struct steering steering = *counting->steering;

		if (tried->hits == 0)
			continue;
		next->probability = tried->probability;
		next->last_resort = i == counting->npools;
		next->slot = next->last_resort ? counting->plan->fallback.slot : counting->pools[i].slot;
		steering.draw = tried->draw;
		steering.trace = NULL;
		answer_init(&next->answer, RCODE_NOERROR);
		answer_find(&next->answer, snapshot, question, &steering);
		next++;
	}
	return all;
}

struct outcome *
outcomes_new(const struct snapshot *snapshot, const struct question *question,
    const struct steering *steering, const struct answer *first, size_t *count)
{
	struct counting counting = {.lb = first->choice.lb,
	    .slots = snapshot->pools,
	    .steering = steering,
	    .family = first->choice.family};
	struct outcome *all;

	if (counting.lb == NULL) {
		all = xcalloc(1, sizeof *all);
		all->probability = 1;
		all->answer = *first;
		*count = 1;
		return all;
	}
	counting.plan = steering->trace->lb;
	counting.pools = steering->trace->pools;
	counting.npools = steering->trace->npools;
	counting.count = counting.npools + 1;
	counting.tried = xcalloc(counting.count, sizeof *counting.tried);
	count_outcomes(&counting);
	all = gather(&counting, snapshot, question);
	*count = counting.met;
	free(counting.tried);
	return all;
}
