/*
 * verdict.h -- the effect of one check on the record of an endpoint (S23, S24, S26, S39).
 *
 * Pure: no I/O, no clock, no allocation.  Equal arguments give equal records, so the test is a table.  The
 * wall clock is recorded only for display.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "zones/state/health.h"

/* The result of one check, including its retries. */
struct check_result {
	bool repeated;             /* it was started again, because this process was paused during it */
	bool conclusive;           /* false: it failed on this machine; no verdict (S26) */
	enum health_reason reason; /* REASON_NONE: the check was good */
	uint32_t code;             /* HTTP status, 0 if there was none */
	uint32_t
	    rtt_us; /* of the attempt that decided; 0: unknown, because this process was paused during it */
	int32_t certificate_days;       /* INT32_MIN: no certificate was seen */
	int error;                      /* errno of a failure, 0 if there was none */
	char detail[HEALTH_DETAIL_MAX]; /* details of the reason, or "" */
};

/* A record of an endpoint that was never checked: HEALTH_UNKNOWN. */
struct health_record verdict_unknown(const struct monitor *monitor, uint64_t now_ms, int64_t now_wall);

/* The effect of a check, for the caller. */
enum verdict_news {
	VERDICT_SAME,
	VERDICT_FLIPPED, /* the state changed */
	VERDICT_DAMPED   /* S39: the verdict changed too often; the state is down, and may have been before
			  */
};

/* Enter one result in the record, at the time now.  before, if it is not NULL, receives the state before the
 * change. */
enum verdict_news verdict_judge(struct health_record *record, const struct check_result *result,
    const struct monitor *monitor, uint64_t now_ms, int64_t now_wall, enum health_state *before);

/* Adapt a record of another boot, whose times are meaningless now; the state is the last known one, and the
 * quiet time of damping begins again. */
void verdict_carry_over(struct health_record *record, uint64_t now_ms);

#endif
