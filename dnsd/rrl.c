#include "dnsd/rrl.h"

#include <stdatomic.h>
#include <sys/mman.h>

enum {
	SETS = 1 << 16,
	WAYS = 4,
	TAG_BITS = 20,
	TIME_BITS = 64 - TAG_BITS, /* microseconds: wraps after 203 days */
	WINDOW_US = 15000000,      /* the time after which a flood is forgotten */
	BURST_US = 1000000         /* the responses of one second may be sent at once */
};
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

/*
 * Each entry: tag, and the time at which the bucket has paid for all that it got (the theoretical arrival
 * time of GCRA).  A response costs 1/rate of a second; it may be sent while that time is at most a burst
 * ahead.
 */
struct rrl {
	struct rrl_options options;
	uint64_t seed;
	_Atomic uint32_t limited; /* for slip */
	_Alignas(64) _Atomic uint64_t entries[SETS][WAYS];
};

/* Pages without buckets are never touched. */
struct rrl *
rrl_new(const struct rrl_options *options)
{
	struct rrl *rrl = mmap(NULL, sizeof *rrl, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (rrl == MAP_FAILED)
		return NULL;
	rrl->options = *options;
	random_bytes(&rrl->seed, sizeof rrl->seed);
	return rrl;
}

void
rrl_free(struct rrl *rrl)
{
	if (rrl != NULL)
		munmap(rrl, sizeof *rrl);
}

bool
rrl_dry_run(const struct rrl *rrl)
{
	return rrl->options.dry_run;
}

/* A hash of a client's network: /24 or /56 over the octets in network order, on every machine. */
static uint64_t
network_of(const struct rrl *rrl, const struct address *client)
{
	uint64_t prefix;

	if (client->family == FAMILY_V4)
		prefix = (uint64_t)client->bytes[0] << 16 | client->bytes[1] << 8 | client->bytes[2];
	else
		prefix = (get64(client->bytes) >> 8) | UINT64_C(1) << 60;
	return mix64(prefix ^ rrl->seed);
}

/* The entry of a bucket in its set: its own, or the one that expires first. */
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

/*
 * Take one response out of a bucket with this rate.  Returns false if the bucket is empty.  If owing is set,
 * the response is counted even then, so that a continuing flood gets nothing.
 */
static bool
take(struct rrl *rrl, uint64_t key, unsigned rate, bool owing, uint64_t now)
{
	uint64_t cost = MAX(1, 1000000 / rate), ahead;
	_Atomic uint64_t *entry = place(rrl, key, now, &ahead);
	bool good = ahead + cost <= BURST_US || ahead == 0;
	uint64_t next = good || owing ? MIN(ahead + cost, (uint64_t)WINDOW_US) : ahead;

	atomic_store_explicit(
	    entry, key >> (64 - TAG_BITS) << TIME_BITS | ((now + next) & TIME_MASK), memory_order_relaxed);
	return good;
}

enum rrl_verdict
rrl_decide(struct rrl *rrl, const struct address *client, uint64_t bucket, uint16_t rcode, uint64_t now_us)
{
	static const uint64_t ALL = UINT64_C(0x9e3779b97f4a7c15), ERRORS = UINT64_C(0xbf58476d1ce4e5b9);
	const struct rrl_options *options = &rrl->options;
	uint64_t network, now = now_us & TIME_MASK;

	if (options->rate == 0 && !rrl_limits_always(rcode))
		return RRL_SEND;
	network = network_of(rrl, client);
	if (options->errors > 0 && rrl_limits_always(rcode) &&
	    !take(rrl, mix64(network ^ ERRORS), options->errors, false, now))
		return RRL_DROP;
	if (options->rate == 0)
		return RRL_SEND;
	/* Responses beyond the limit of a name do not count against the network. */
	if (take(rrl, mix64(network ^ bucket ^ (uint64_t)rcode << 48), options->rate, true, now) &&
	    (options->all == 0 || take(rrl, mix64(network ^ ALL), options->all, false, now)))
		return RRL_SEND;
	if (options->slip > 0 &&
	    atomic_fetch_add_explicit(&rrl->limited, 1, memory_order_relaxed) % options->slip ==
		options->slip - 1)
		return RRL_SLIP;
	return RRL_DROP;
}
