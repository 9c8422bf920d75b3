#include "outcomes.h"

#include <stdlib.h>

enum { TRIES = 20000, TRIES_MOST = 1 << 20 };

/* The outcomes of one load balancer, while they are counted. */
struct counting {
	const struct steer_lb *lb;
	const struct pool_slots *slots;
	const struct steering *steering;
	unsigned family;
	struct outcome *all; /* of each pool, and behind them of the fallback pool */
	unsigned *hits;
	size_t count;
	size_t met; /* outcomes that were hit */
};

/* [CF] 3.5: with affinity it is always the client's hash that decides. */
static bool
sheds_by_chance(const struct counting *counting)
{
	bool sheds = false;

	for (unsigned i = 0; i < counting->lb->npools; i++) {
		const struct pool_table *table =
		    pool_slot_table(counting->slots, counting->lb->pools[i].slot);

		sheds |= table != NULL && table->shed > 0 && !table->shed_by_hash;
	}
	return sheds && counting->lb->affinity == AFFINITY_NONE;
}

static size_t
outcome_of(const struct counting *counting, const struct steer_choice *choice)
{
	size_t i = 0;

	while (i < counting->lb->npools &&
	       (choice->last_resort ||
		   pool_slot_table(counting->slots, counting->lb->pools[i].slot) != choice->pool))
		i++;
	return i;
}

/* One draw. */
static void
try_one(struct counting *counting, uint64_t draw)
{
	struct steering steering = *counting->steering;
	struct steer_choice choice;
	size_t i;

	steering.draw = draw;
	steering.trace = NULL;
	steer(counting->lb, counting->slots, &steering, counting->family, &choice);
	i = outcome_of(counting, &choice);
	if (counting->hits[i]++ > 0)
		return;
	counting->met++;
	counting->all[i].draw = draw;
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
		for (unsigned n = 0; n < counting->lb->npools && trace->events[i].step == STEP_POOL_SHARE;
		     n++)
			if (counting->lb->pools[n].slot == trace->events[i].pool)
				counting->all[n].probability = (double)trace->events[i].value / sum;
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
			counting->all[i].probability = counting->hits[i] / (double)TRIES;
	} else if ((shares = shares_of(counting)) > 1) {
		while (counting->met < shares && tries < TRIES_MOST)
			try_one(counting, mix64(++tries));
	} else {
		for (size_t i = 0; i < counting->count; i++)
			counting->all[i].probability = counting->hits[i];
	}
}

/* Put those that were hit to the front, each with its answer. */
static size_t
gather(struct counting *counting, const struct snapshot *snapshot, const struct question *question)
{
	size_t kept = 0;

	for (size_t i = 0; i < counting->count; i++) {
		struct outcome *outcome = &counting->all[kept];
		struct steering steering = *counting->steering;

		if (counting->hits[i] == 0)
			continue;
		counting->all[kept++] = counting->all[i];
		outcome->last_resort = i == counting->lb->npools;
		outcome->slot =
		    outcome->last_resort ? counting->lb->fallback.slot : counting->lb->pools[i].slot;
		steering.draw = outcome->draw;
		steering.trace = NULL;
		answer_init(&outcome->answer, RCODE_NOERROR);
		answer_find(&outcome->answer, snapshot, question, &steering);
	}
	return kept;
}

struct outcome *
outcomes_new(const struct snapshot *snapshot, const struct question *question,
    const struct steering *steering, const struct answer *first, size_t *count)
{
	struct counting counting = {.lb = first->choice.lb,
	    .slots = snapshot->pools,
	    .steering = steering,
	    .family = first->choice.family,
	    .count = 1};

	if (counting.lb != NULL)
		counting.count += counting.lb->npools;
	counting.all = xcalloc(counting.count, sizeof *counting.all);
	if (counting.lb == NULL) {
		counting.all->probability = 1;
		counting.all->answer = *first;
		*count = 1;
		return counting.all;
	}
	counting.hits = xcalloc(counting.count, sizeof *counting.hits);
	count_outcomes(&counting);
	*count = gather(&counting, snapshot, question);
	free(counting.hits);
	return counting.all;
}
