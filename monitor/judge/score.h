/*
 * score.h -- the counters of the checks of one endpoint, for the metrics page.
 *
 * They count from the first use of the endpoint, and continue when its monitor is edited.  There may be
 * 30,000 or more, so they are small: 72 octets, and eight for each reason that occurred.  One thread.
 */
#ifndef SCORE_H
#define SCORE_H

#include "monitor/judge/verdict.h"
#include "zones/daemon/exposition.h"

/* Some of the bounds of a monitor's histograms (statistics.h), so that the two can be compared.
 */
enum { SCORE_RTT_BOUNDS = 6, SCORE_LATENESS_BOUNDS = 1 };

/* Begin with zeroes. */
struct score {
	double rtt_sum; /* seconds, of good checks */
	double lateness_sum;
	uint32_t rtt_counts[SCORE_RTT_BOUNDS + 1];
	uint32_t lateness_counts[SCORE_LATENESS_BOUNDS + 1];
	uint32_t inconclusive;
	uint32_t untimed; /* good checks without a known time */
	uint32_t nfailures;
	struct score_failure {
		uint32_t reason; /* enum health_reason, except REASON_NONE */
		uint32_t count;
	} * failures;
};

void score_free(struct score *score);

/* Count how late a check began, as a share of its interval. */
void score_began(struct score *score, double lateness);
void score_ended(struct score *score, const struct check_result *result);

/* Conclusive checks, good and failed. */
uint64_t score_checks(const struct score *score);
/* The lines of a histogram: see exposition_histogram(). */
void score_expose_rtt(const struct score *score, FILE *page, const char *name, const char *labels);
void score_expose_lateness(const struct score *score, FILE *page, const char *name, const char *labels);

#endif
