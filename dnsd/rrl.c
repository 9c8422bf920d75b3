#include "dnsd/rrl.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
	SETS = 1 << 16,
	WAYS = 4,
	TAG_BITS = 20,
	TIME_BITS = 64 - TAG_BITS, /* microseconds: wraps after 203 days */
	WINDOW_US = 15000000,      /* a flood is forgotten after so long */
	BURST_US = 1000000         /* a second's worth may come at once */
};
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

/*
 * Each entry: tag, and the time at which the bucket has paid for all that it got (the theoretical arrival
 * time of GCRA).  A response costs 1/rate of a second; it may be sent while that time is at most a burst
 * ahead.
 */
struct rrl {
	struct rrl_options options;
	uint64_t cost_us;
	uint64_t seed;
	_Atomic uint32_t limited; /* for slip */
	_Alignas(64) _Atomic uint64_t entries[SETS][WAYS];
};

struct rrl *
rrl_new(const struct rrl_options *options)
{
	struct rrl *rrl = aligned_alloc(64, (sizeof *rrl + 63) / 64 * 64);

	if (rrl == NULL)
		return NULL;
	memset(rrl, 0, sizeof *rrl);
	rrl->options = *options;
	rrl->cost_us = MAX(1, 1000000 / options->rate);
	random_bytes(&rrl->seed, sizeof rrl->seed);
	return rrl;
}

void
rrl_free(struct rrl *rrl)
{
	free(rrl);
}

bool
rrl_dry_run(const struct rrl *rrl)
{
	return rrl->options.dry_run;
}

static uint64_t
key_of(const struct rrl *rrl, const struct address *client, uint64_t bucket, uint16_t rcode)
{
	uint64_t prefix;

	/* /24 or /56 of the octets in order, whichever way the machine counts them. */
	if (client->family == FAMILY_V4)
		prefix = (uint64_t)client->bytes[0] << 16 | client->bytes[1] << 8 | client->bytes[2];
	else
		prefix = (get64(client->bytes) >> 8) | UINT64_C(1) << 60;
	return mix64(mix64(prefix ^ rrl->seed) ^ bucket ^ (uint64_t)rcode << 48);
}

/* The bucket's place in its set: its own, or the one that is nearest to be forgotten. */
static _Atomic uint64_t *
place(struct rrl *rrl, uint64_t key, uint64_t now, uint64_t *ahead)
{
	_Atomic uint64_t *set = rrl->entries[key % SETS], *best = &set[0];
	uint64_t tag = key >> (64 - TAG_BITS), least = UINT64_MAX;

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t entry = atomic_load_explicit(&set[i], memory_order_relaxed);
		uint64_t left = ((entry & TIME_MASK) - now) & TIME_MASK;

		if (left > WINDOW_US + BURST_US)
			left = 0; /* in the past */
		if (entry >> TIME_BITS == tag && entry != 0) {
			*ahead = left;
			return &set[i];
		}
		if (left < least) {
			least = left;
			best = &set[i];
		}
	}
	*ahead = 0;
	return best;
}

enum rrl_verdict
rrl_judge(struct rrl *rrl, const struct address *client, uint64_t bucket, uint16_t rcode, uint64_t now_us)
{
	uint64_t key = key_of(rrl, client, bucket, rcode), now = now_us & TIME_MASK, ahead;
	_Atomic uint64_t *entry = place(rrl, key, now, &ahead);
	bool send = ahead + rrl->cost_us <= BURST_US || ahead == 0;
	uint64_t next = MIN(ahead + rrl->cost_us, (uint64_t)WINDOW_US);

	atomic_store_explicit(
	    entry, key >> (64 - TAG_BITS) << TIME_BITS | ((now + next) & TIME_MASK), memory_order_relaxed);
	if (send)
		return RRL_SEND;
	if (rrl->options.slip > 0 &&
	    atomic_fetch_add_explicit(&rrl->limited, 1, memory_order_relaxed) % rrl->options.slip ==
		rrl->options.slip - 1)
		return RRL_SLIP;
	return RRL_DROP;
}
