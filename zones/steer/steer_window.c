/*
 * steer_window.c -- several origins of a pool as an answer of a signed zone: one of at most as many sets as
 * the list has candidates, so that all of them can be signed ahead (S101).
 *
 * Equal weights: a window of neighbours in the order of the list. Different weights: systematic sampling. The
 * candidates lie on a line, each n times as long as its weight; n points in distances of the sum of the
 * weights choose n candidates, each with its exact share. The set changes only where the first point passes
 * the begin of a candidate (modulo the distance). A candidate that is longer than the distance is in every
 * set, and leaves the line.
 */
#include "zones/steer/steer_inner.h"

/* The line: candidates from first on, in units of 1 / origins of a weight. */
struct line {
	unsigned first;    /* candidates before it are in every set */
	uint32_t before;   /* the sum of their weights */
	unsigned origins;  /* how many of the others are in a set */
	uint32_t distance; /* of two points: the sum of the weights of the others; 0: there are no others */
};

static struct line
line_of(const struct candidates *from, unsigned n)
{
	struct line line = {.distance = from->cumulative[from->count - 1]};

	while (line.first < from->count && line.first < n) {
		uint32_t weight = from->list[line.first].weight;

		if ((uint64_t)(n - line.first) * weight < line.distance)
			break;
		line.before += weight;
		line.distance -= weight;
		line.first++;
	}
	line.origins = line.first < from->count ? n - line.first : 0;
	return line;
}

/* The begin of a candidate on the line. */
static uint64_t
begin_of(const struct candidates *from, const struct line *line, unsigned candidate)
{
	uint32_t sum = from->cumulative[candidate] - from->list[candidate].weight;

	return (uint64_t)line->origins * (sum - line->before);
}

/* The candidate in which a point lies. */
static unsigned
candidate_at(const struct candidates *from, const struct line *line, uint64_t point)
{
	unsigned low = line->first, high = from->count - 1u;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if ((uint64_t)line->origins * (from->cumulative[middle] - line->before) > point)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The candidates of a set, by its first point. */
static unsigned
sample(const struct candidates *from, const struct line *line, uint64_t point, uint16_t *out)
{
	unsigned count = 0;

	while (count < line->first) {
		out[count] = (uint16_t)count;
		count++;
	}
	for (unsigned i = 0; i < line->origins; i++)
		out[count++] = (uint16_t)candidate_at(from, line, point + (uint64_t)i * line->distance);
	return count;
}

static unsigned
neighbours(const struct candidates *from, unsigned first, unsigned n, uint16_t *out)
{
	unsigned count = MIN(n, from->count);

	for (unsigned i = 0; i < count; i++)
		out[i] = (uint16_t)((first + i) % from->count);
	return count;
}

static bool
repeats(const struct candidates *from, const uint16_t *chosen, unsigned count, unsigned place)
{
	for (unsigned i = 0; from->doubles && i < count; i++)
		if (memcmp(from->addresses[chosen[i]].bytes, from->addresses[place].bytes, 16) == 0)
			return true;
	return false;
}

/* The addresses of candidates: the first of each, then the second of each, ... Of most or fewer. */
static unsigned
addresses_of(const struct candidates *from, const uint16_t *chosen, unsigned chosen_count, unsigned most,
    uint16_t *out)
{
	unsigned count = 0;
	bool more = true;

	for (unsigned round = 0; more && count < most; round++) {
		more = false;
		for (unsigned i = 0; i < chosen_count && count < most; i++) {
			const struct candidate *candidate = &from->list[chosen[i]];

			if (round >= candidate->naddresses)
				continue;
			more = true;
			if (!repeats(from, out, count, candidate->first + round))
				out[count++] = (uint16_t)(candidate->first + round);
		}
	}
	return count;
}

static unsigned
most_of(const struct steer_lb *lb)
{
	return lb->max_answers > 0 ? MIN(lb->max_answers, STEER_ANSWERS_MAX) : STEER_ANSWERS_MAX;
}

unsigned
steer_window(const struct steer_lb *lb, const struct candidates *from, unsigned place, unsigned n,
    uint16_t out[STEER_ANSWERS_MAX])
{
	uint16_t chosen[STEER_ANSWERS_MAX];
	unsigned count;

	if (n == 1 || from->nclasses == 1) {
		count = neighbours(from, place, n, chosen);
	} else {
		struct line line = line_of(from, n);
		uint64_t point = place > line.first && line.distance > 0
		    ? begin_of(from, &line, place) % line.distance
		    : 0;

		count = sample(from, &line, point, chosen);
	}
	return addresses_of(from, chosen, count, n > 1 ? most_of(lb) : STEER_ANSWERS_MAX, out);
}

uint64_t
steer_window_share(const struct candidates *from, unsigned place, unsigned n, uint64_t *total)
{
	struct line line = line_of(from, n);
	uint64_t own, gap = line.distance;

	if (n == 1 || from->nclasses == 1) {
		*total = from->cumulative[from->count - 1];
		return from->list[place].weight;
	}
	*total = line.distance > 0 ? line.distance : 1;
	if (line.distance == 0 || line.origins == 0)
		return place == 0 ? *total : 0;
	if (place < line.first)
		return 0;
	own = begin_of(from, &line, place) % line.distance;
	for (unsigned i = line.first; i < from->count; i++) {
		uint64_t other = begin_of(from, &line, i) % line.distance;

		if (other == own && i < place)
			return 0; /* the same set */
		if (other != own)
			gap = MIN(gap, (other + line.distance - own) % line.distance);
	}
	return gap;
}

/* The first point of a set that has this candidate, each such point with the same probability. */
static uint64_t
point_with(const struct candidates *from, const struct line *line, unsigned candidate, uint64_t draw)
{
	if (line->distance == 0)
		return 0;
	if (candidate < line->first)
		return below(draw, line->distance);
	return (begin_of(from, line, candidate) +
		   below(draw, line->origins * (uint32_t)from->list[candidate].weight)) %
	    line->distance;
}

/* Move the first address of a candidate to the front. */
static void
put_first(struct steer_choice *choice, unsigned candidate)
{
	for (unsigned i = 0; i < choice->count; i++) {
		uint16_t at = choice->index[i];

		if (choice->from->addresses[at].candidate != candidate)
			continue;
		memmove(&choice->index[1], &choice->index[0], i * sizeof choice->index[0]);
		choice->index[0] = at;
		return;
	}
}

void
steer_choose_window(struct deciding *deciding, unsigned first, unsigned n)
{
	struct steer_choice *choice = deciding->choice;
	const struct candidates *from = choice->from;
	uint64_t draw =
	    choice->how == STEER_HASHED ? key_of(deciding)->hash : mix64(deciding->steering->draw);
	uint16_t chosen[STEER_ANSWERS_MAX];

	if (from->nclasses == 1) {
		choice->norigins = (uint16_t)neighbours(from, first, n, chosen);
	} else {
		struct line line = line_of(from, n);
		uint64_t point = point_with(from, &line, first, mix64(draw));

		choice->norigins = (uint16_t)sample(from, &line, point, chosen);
	}
	choice->origin = (uint16_t)first;
	if (choice->norigins == 1)
		choice->cname = from->list[first].cname;
	choice->count =
	    (uint16_t)addresses_of(from, chosen, choice->norigins, most_of(deciding->lb), choice->index);
	put_first(choice, first);
}
