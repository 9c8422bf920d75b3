/* steer_origin.c -- choose the origins of the chosen pool that are the answer (S15 to S19). */
#include "zones/steer/steer_inner.h"

/* P(i) = w_i / sum of w ([CF] A4). */
static unsigned
draw_by_weight(const struct candidates *candidates, uint64_t draw)
{
	uint32_t at = below(draw, candidates->cumulative[candidates->count - 1]);
	unsigned low = 0, high = candidates->count - 1u;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (candidates->cumulative[middle] > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void
trace_origins(struct steer_trace *trace, const struct candidates *from, const struct affinity_key *key)
{
	for (unsigned i = 0; trace != NULL && i < from->count; i++) {
		const struct candidate *candidate = &from->list[i];
		uint64_t cost =
		    key != NULL ? steer_neg_log2(mix64(key->hash ^ candidate->hash)) : candidate->weight;

		note(trace,
		    (struct steer_event){.step = key != NULL ? STEP_ORIGIN_COST : STEP_ORIGIN_SHARE,
			.origin = candidate->origin,
			.value = cost,
			.weight = candidate->weight});
	}
}

enum steer_how
steer_shape(const struct steer_lb *lb, const struct pool_table *table, unsigned *n)
{
	*n = MAX(lb->max_answers, 1);
	if (lb->affinity == AFFINITY_IP)
		return STEER_HASHED;
	if (lb->max_answers == 0 && !table->weighted) {
		*n = 0;
		return STEER_ALL; /* [CF] 3.4: with equal weights, the policy of the pool does not matter */
	}
	return table->hash_origins ? STEER_HASHED : STEER_DRAWN;
}

unsigned
steer_windows(const struct steer_lb *lb, const struct pool_table *table)
{
	unsigned n;

	return steer_shape(lb, table, &n) == STEER_ALL ? 0 : MIN(n, STEER_ANSWERS_MAX);
}

/* S21: if failover is configured, do not use suspect origins while another of the family is left. */
const struct candidates *
steer_candidates(const struct steer_lb *lb, const struct pool_table *table, unsigned family)
{
	bool withhold = lb->failover != FAILOVER_NONE && table->steady[family].count > 0;

	return withhold ? &table->steady[family] : &table->serving[family];
}

/* The first n of the ranking, with the pinned one moved to the front. */
static unsigned
rank_pinned(const struct candidates *from, uint64_t key, unsigned n, unsigned pinned, uint16_t *out)
{
	uint16_t ranked[STEER_ANSWERS_MAX];
	unsigned got = n > 1 ? steer_rank(from, key, n, ranked) : 0, count = 1;

	out[0] = (uint16_t)pinned;
	for (unsigned i = 0; i < got && count < n; i++)
		if (ranked[i] != pinned)
			out[count++] = ranked[i];
	return count;
}

static void
choose_hashed(struct deciding *deciding, unsigned n)
{
	struct steer_choice *choice = deciding->choice;
	const struct candidates *from = choice->from;
	uint64_t key = key_of(deciding)->hash;
	int pinned = deciding->pinned ? find_pinned(from, &deciding->pin) : -1;

	if (pinned >= 0)
		choice->count = (uint16_t)rank_pinned(from, key, n, (unsigned)pinned, choice->index);
	else
		choice->count = (uint16_t)steer_rank(from, key, n, choice->index);
	/* With n or fewer candidates all clients get the same set, but in an order of their own. */
	choice->client_mattered |= from->count > 1 || from->nring > 1;
}

/*
 * S16: the address of a candidate that its client should try first. It depends on the client's key, so that
 * the client keeps it.
 */
static unsigned
first_by_key(const struct candidates *from, const struct candidate *candidate, uint64_t key)
{
	uint64_t best_hash = 0;
	unsigned best = 0;

	for (unsigned i = 0; i < candidate->naddresses; i++) {
		const uint8_t *bytes = from->addresses[candidate->first + i].bytes;
		uint64_t hash = mix64(mix64(key ^ get64(bytes)) ^ get64(bytes + 8));
		if (i == 0 || hash > best_hash) {
			best_hash = hash;
			best = i;
		}
	}
	return best;
}

static bool
has_address(const struct steer_choice *choice, unsigned place)
{
	const uint8_t *bytes = choice->from->addresses[place].bytes;

	for (unsigned i = 0; i < choice->count; i++)
		if (memcmp(steer_address(choice, i)->bytes, bytes, 16) == 0)
			return true;
	return false;
}

/* S16: all addresses of each chosen origin, up to max_answers. */
static void
choose_addresses(struct deciding *deciding)
{
	struct steer_choice *choice = deciding->choice;
	const struct candidates *from = choice->from;
	bool hashed = choice->how == STEER_HASHED;
	unsigned most = deciding->lb->max_answers > 0 ? deciding->lb->max_answers : STEER_ANSWERS_MAX;
	uint16_t chosen[STEER_ANSWERS_MAX];

	memcpy(chosen, choice->index, choice->norigins * sizeof chosen[0]);
	choice->count = 0;
	if (choice->norigins == 1)
		choice->cname = from->list[chosen[0]].cname;
	for (unsigned i = 0; i < choice->norigins; i++) {
		const struct candidate *candidate = &from->list[chosen[i]];
		unsigned start = hashed ? first_by_key(from, candidate, key_of(deciding)->hash)
					: below(mix64(deciding->steering->draw), candidate->naddresses);

		for (unsigned n = 0; n < candidate->naddresses && choice->count < most; n++) {
			unsigned place = candidate->first + (start + n) % candidate->naddresses;

			if (!from->doubles || !has_address(choice, place))
				choice->index[choice->count++] = (uint16_t)place;
		}
	}
}

/* S15: choose the number and the set of a pool's candidates. */
void
steer_origins(struct deciding *deciding)
{
	struct steer_choice *choice = deciding->choice;
	const struct candidates *from = choice->from;
	uint64_t draw = deciding->steering->draw;
	unsigned n;

	if (from->count == 0)
		return; /* S12: NODATA for this family */
	choice->how = steer_shape(deciding->lb, choice->pool, &n);
	trace_origins(deciding->trace, from, choice->how == STEER_HASHED ? key_of(deciding) : NULL);
	if (choice->how == STEER_ALL) {
		choice->norigins = from->count;
		choice->count = MIN(from->nring, STEER_ALL_MAX);
		choice->index[0] = (uint16_t)below(draw, from->nring);
		if (!from->plain && from->count == 1)
			choice->cname = from->list[0].cname;
		return;
	}
	if (choice->how == STEER_HASHED) {
		choose_hashed(deciding, n);
	} else if (n == 1) {
		choice->count = 1;
		choice->index[0] = (uint16_t)draw_by_weight(from, draw);
	} else {
		/* Ranking by a random key draws n by weight without replacement (Efraimidis and Spirakis,
		 * 2006). */
		choice->count = (uint16_t)steer_rank(from, draw, n, choice->index);
	}
	choice->norigins = choice->count;
	choice->origin = choice->index[0];
	if (deciding->steering->finite && n > 1)
		steer_choose_window(
		    deciding, choice->how == STEER_HASHED ? choice->index[0] : draw_by_weight(from, draw), n);
	else if (!from->plain)
		choose_addresses(deciding);
}
