/*
 * rrl.h -- response rate limiting over UDP: a flood in somebody else's name is not answered at full size.
 *
 * A response is judged by up to three buckets of its client's network (/24, /56):
 *
 * - its zone, owner and rcode, never rdata (rotation would defeat it): so many responses a second;
 * - all responses to the network, so that many names in turn are no way around;
 * - errors that no resolver causes (FORMERR, NOTIMP, BADVERS), also where nothing else is limited: what
 *   answers an error with something that is no query either would go on for ever.
 *
 * Beyond the first two there is silence or, each so many times, a truncated response that lets a real client
 * come back over TCP; beyond the third there is silence.  Fixed memory, shared by all threads without a lock;
 * a lost update costs one response.
 */
#ifndef DNSD_RRL_H
#define DNSD_RRL_H

#include "dnsd/query.h"

struct rrl;

struct rrl_options {
	unsigned rate;   /* responses a second for each name; 0: off, and so is all */
	unsigned all;    /* responses a second for each network; 0: off */
	unsigned errors; /* errors a second for each network; 0: off */
	unsigned slip;   /* each so many limited responses one is truncated; 0: none */
	bool dry_run;    /* count, but send */
};

enum rrl_verdict { RRL_SEND, RRL_SLIP, RRL_DROP };

/* NULL where memory is exhausted. */
struct rrl *rrl_new(const struct rrl_options *options);
void rrl_free(struct rrl *rrl);

/* Judge one response.  bucket: hash of zone and owner; now_us: any steady clock.  Any thread. */
enum rrl_verdict rrl_judge(
    struct rrl *rrl, const struct address *client, uint64_t bucket, uint16_t rcode, uint64_t now_us);
/* Errors that no resolver causes. */
static inline bool
rrl_limits_always(uint16_t rcode)
{
	return rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP || rcode == RCODE_BADVERS;
}
bool rrl_dry_run(const struct rrl *rrl);

#endif
