/*
 * verdict.h -- what one check does to an endpoint's record (S23, S24, S26, S39).
 *
 * Pure: no I/O, no clock, no allocation.  Equal arguments give equal records, so the test is a table.  The
 * wall clock is written down for display and decides nothing.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "zones/state/health.h"

/* How one check ended, its retries included. */
struct check_result {
	bool repeated;             /* it was begun anew, for we stood still in it */
	bool conclusive;           /* false: it failed here, not there; no verdict (S26) */
	enum health_reason reason; /* REASON_NONE: the check was good */
	uint32_t code;             /* HTTP status, 0 where there was none */
	uint32_t rtt_us;           /* of the attempt that decided; 0: not known, for we stood still in it */
	int32_t certificate_days;  /* INT32_MIN: no certificate was seen */
	int error;                 /* errno behind a failure, 0 where there was none */
	char detail[HEALTH_DETAIL_MAX]; /* more than the reason; "" where there is no more to say */
};

/* A record of an endpoint that was never checked: HEALTH_UNKNOWN. */
struct health_record verdict_unknown(const struct monitor *monitor, uint64_t now_ms, int64_t now_wall);

/* What a check came to for whoever follows the endpoint. */
enum verdict_news {
	VERDICT_SAME,
	VERDICT_FLIPPED, /* the state changed */
	VERDICT_DAMPED /* S39: the verdict changed once too often; the state is down, and may have been before
			*/
};

/* Enter one result in the record, at the time now.  before, if it is not NULL, gets the state from before the
 * news. */
enum verdict_news verdict_judge(struct health_record *record, const struct check_result *result,
    const struct monitor *monitor, uint64_t now_ms, int64_t now_wall, enum health_state *before);

/* The record of another boot: its times say nothing now; the state is last known, and what is damped begins
 * its quiet time anew. */
void verdict_carry_over(struct health_record *record, uint64_t now_ms);

#endif
