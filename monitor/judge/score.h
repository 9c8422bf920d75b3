/*
 * score.h -- what the checks of one endpoint came to, for the metrics page.
 *
 * They count from when the endpoint was taken up, and go on through edits of its monitor.  There may be
 * 30,000 of them and more, so they are small: 72 octets, and eight for each reason that was ever seen.  One
 * thread.
 */
#ifndef SCORE_H
#define SCORE_H

#include "monitor/judge/verdict.h"
#include "zones/daemon/exposition.h"

/* Some of the bounds of a monitor's histograms (statistics.h), so that the one can be held against the other.
 */
enum { SCORE_RTT_BOUNDS = 6, SCORE_LATENESS_BOUNDS = 1 };

/* Begin with zeroes. */
struct score {
	double rtt_sum; /* seconds, of good checks */
	double lateness_sum;
	uint32_t rtt_counts[SCORE_RTT_BOUNDS + 1];
	uint32_t lateness_counts[SCORE_LATENESS_BOUNDS + 1];
	uint32_t inconclusive;
	uint32_t untimed; /* good checks whose time is not known */
	uint32_t nfailures;
	struct score_failure {
		uint32_t reason; /* enum health_reason, but REASON_NONE */
		uint32_t count;
	} * failures;
};

void score_free(struct score *score);

/* A check began so late, as a share of its interval. */
void score_began(struct score *score, double lateness);
void score_ended(struct score *score, const struct check_result *result);

/* Conclusive checks, good and failed. */
uint64_t score_checks(const struct score *score);
/* The lines of a histogram: see exposition_histogram(). */
void score_expose_rtt(const struct score *score, FILE *page, const char *name, const char *labels);
void score_expose_lateness(const struct score *score, FILE *page, const char *name, const char *labels);

#endif
