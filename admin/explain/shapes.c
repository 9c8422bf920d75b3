#include "admin/explain/shapes.h"

#include "zones/answer/steered.h"

struct shaping {
	const struct explaining *on;
	bool dnssec;
	shape_fn *fn;
	void *arg;
};

static bool
find_signatures(const struct shaping *shaping, const struct steer_choice *choice, struct shape *shape)
{
	const struct explaining *on = shaping->on;

	shape->nsignatures =
	    steered_signatures(on->snapshot, on->lb_zone, choice->lb, choice, shape->signatures);
	return shape->nsignatures > 0;
}

/* The choice with one of its addresses alone. */
static struct steer_choice
alone(const struct steer_choice *choice, unsigned i)
{
	struct steer_choice one = *choice;
	const struct candidate_address *address = steer_address(choice, i);

	one.how = STEER_DRAWN;
	one.count = one.norigins = 1;
	one.origin = address->candidate;
	if (choice->how != STEER_ALL) {
		one.index[0] = choice->index[i];
		return one;
	}
	for (unsigned a = 0; a < choice->from->list[address->candidate].naddresses; a++) {
		one.index[0] = (uint16_t)(choice->from->list[address->candidate].first + a);
		if (memcmp(choice->from->addresses[one.index[0]].bytes, address->bytes, 16) == 0)
			break;
	}
	return one;
}

/* S102: the first address that has a signature, from each place on; from the client's first if its key
 * mattered. */
static void
offer_one_of(const struct shaping *shaping, const struct steer_choice *choice, double probability)
{
	unsigned starts = choice->how == STEER_HASHED ? 1 : choice->count;

	for (unsigned start = 0; start < starts; start++) {
		struct shape shape = {.of = choice->count, .probability = probability / starts};
		struct steer_choice one = *choice;

		for (unsigned i = 0; i < choice->count && choice->count > 1; i++) {
			one = alone(choice, (start + i) % choice->count);
			if (find_signatures(shaping, &one, &shape))
				break;
		}
		shape.choice = &one;
		shaping->fn(shaping->arg, &shape);
	}
}

static void
offer(const struct shaping *shaping, const struct steer_choice *choice, double probability)
{
	struct shape shape = {.choice = choice, .of = 1, .probability = probability};

	if (choice->count == 0 || probability <= 0)
		return;
	if (shaping->dnssec && !find_signatures(shaping, choice, &shape))
		offer_one_of(shaping, choice, probability);
	else
		shaping->fn(shaping->arg, &shape);
}

void
shapes_each(const struct explaining *on, const struct outcome *outcome, bool dnssec, shape_fn *fn, void *arg)
{
	const struct shaping shaping = {on, dnssec, fn, arg};
	const struct steer_choice *choice = &outcome->answer.choice;
	struct steer_choice shape = *choice;
	unsigned n;

	if (choice->how != STEER_DRAWN) {
		offer(&shaping, choice, 1);
		return;
	}
	n = steer_windows(on->plan, choice->pool);
	for (unsigned place = 0; place < choice->from->count; place++) {
		uint64_t total, share = steer_window_share(choice->from, place, n, &total);
		double probability = (double)share / (double)total;

		shape.count = (uint16_t)steer_window(on->plan, choice->from, place, n, shape.index);
		if (on->plan->max_answers != 1) {
			offer(&shaping, &shape, probability);
			continue;
		}
		for (unsigned i = 0; i < shape.count; i++) {
			struct steer_choice one = alone(&shape, i);

			offer(&shaping, &one, probability / shape.count);
		}
	}
}

double
shapes_probability(const struct explaining *on, const struct candidates *from, unsigned candidate, unsigned n)
{
	uint64_t total = 1, sum = 0;
	uint16_t index[STEER_ANSWERS_MAX];

	for (unsigned place = 0; place < from->count; place++) {
		unsigned count = steer_window(on->plan, from, place, n, index);
		bool has = false;

		for (unsigned i = 0; i < count; i++)
			has |= from->addresses[index[i]].candidate == candidate;
		sum += has ? steer_window_share(from, place, n, &total) : 0;
	}
	return (double)sum / (double)total;
}
