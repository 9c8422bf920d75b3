#include "monitor/judge/score.h"

#include "zones/base/array.h"

#include <stdlib.h>

static const struct bound rtt_bounds[SCORE_RTT_BOUNDS] = {
    BOUND(0.001), BOUND(0.005), BOUND(0.025), BOUND(0.1), BOUND(0.5), BOUND(2.5)};
/* The limit of lateness, the same as in docs/prometheus. */
static const struct bound lateness_bounds[SCORE_LATENESS_BOUNDS] = {BOUND(0.05)};

void
score_free(struct score *score)
{
	free(score->failures);
}

void
score_began(struct score *score, double lateness)
{
	score->lateness_counts[histogram_bucket(lateness_bounds, SCORE_LATENESS_BOUNDS, lateness)]++;
	score->lateness_sum += lateness;
}

static void
count_failure(struct score *score, enum health_reason reason)
{
	uint32_t i = 0;

	while (i < score->nfailures && score->failures[i].reason != reason)
		i++;
	if (i == score->nfailures) {
		score->failures = array_grow(score->failures, score->nfailures++, sizeof *score->failures);
		score->failures[i] = (struct score_failure){reason, 0};
	}
	score->failures[i].count++;
}

void
score_ended(struct score *score, const struct check_result *result)
{
	double rtt = result->rtt_us / 1e6;

	if (!result->conclusive) {
		score->inconclusive++;
	} else if (result->reason != REASON_NONE) {
		count_failure(score, result->reason);
	} else if (result->rtt_us == 0) {
		score->untimed++;
	} else {
		score->rtt_counts[histogram_bucket(rtt_bounds, SCORE_RTT_BOUNDS, rtt)]++;
		score->rtt_sum += rtt;
	}
}

uint64_t
score_checks(const struct score *score)
{
	uint64_t checks = score->untimed;

	for (size_t i = 0; i <= SCORE_RTT_BOUNDS; i++)
		checks += score->rtt_counts[i];
	for (uint32_t i = 0; i < score->nfailures; i++)
		checks += score->failures[i].count;
	return checks;
}

static void
expose(FILE *page, const char *name, const char *labels, const struct bound *bounds, size_t nbounds,
    const uint32_t *small, double sum)
{
	uint64_t counts[MAX(SCORE_RTT_BOUNDS, SCORE_LATENESS_BOUNDS) + 1];

	for (size_t i = 0; i <= nbounds; i++)
		counts[i] = small[i];
	exposition_histogram(page, name, labels, &(struct histogram){bounds, nbounds, counts, sum});
}

void
score_expose_rtt(const struct score *score, FILE *page, const char *name, const char *labels)
{
	expose(page, name, labels, rtt_bounds, SCORE_RTT_BOUNDS, score->rtt_counts, score->rtt_sum);
}

void
score_expose_lateness(const struct score *score, FILE *page, const char *name, const char *labels)
{
	expose(page, name, labels, lateness_bounds, SCORE_LATENESS_BOUNDS, score->lateness_counts,
	    score->lateness_sum);
}
