/*
 * rrl.h -- response rate limiting over UDP: limits the amplification of queries with forged source addresses.
 *
 * A response is checked against up to three buckets of its client's network (/24, /56):
 *
 * - its zone, owner and rcode, never rdata (rotation would defeat it): a limit of responses a second;
 * - all responses to the network, so that the use of many names does not evade the limit;
 * - errors that no resolver causes (FORMERR, NOTIMP, BADVERS), also if nothing else is limited: a service
 * that answers errors with invalid messages would cause an endless exchange.
 *
 * Beyond the first two limits the server is silent, or every slip-th time sends a truncated response, so that
 * a real client can retry over TCP.  Beyond the third it is silent.  Fixed memory, shared by all threads
 * without a lock; a lost update costs one response.
 */
#ifndef DNSD_RRL_H
#define DNSD_RRL_H

#include "dnsd/query.h"

struct rrl;

struct rrl_options {
	unsigned rate;   /* responses a second for each name; 0: turns rate and all off */
	unsigned all;    /* responses a second for each network; 0: off */
	unsigned errors; /* errors a second for each network; 0: off */
	unsigned slip;   /* one of this number of limited responses is sent truncated; 0: none */
	bool dry_run;    /* count only, and send */
};

enum rrl_verdict { RRL_SEND, RRL_SLIP, RRL_DROP };

/* Returns NULL if memory is exhausted. */
struct rrl *rrl_new(const struct rrl_options *options);
void rrl_free(struct rrl *rrl);

/* Check one response.  bucket: hash of zone and owner; now_us: any steady clock.  Any thread. */
enum rrl_verdict rrl_decide(
    struct rrl *rrl, const struct address *client, uint64_t bucket, uint16_t rcode, uint64_t now_us);
/* Check an error that no resolver causes. */
static inline bool
rrl_limits_always(uint16_t rcode)
{
	return rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP || rcode == RCODE_BADVERS;
}
bool rrl_dry_run(const struct rrl *rrl);

#endif
