/*
 * steer.h -- choose the pool and the origins for a client.
 *
 * Pure functions over immutable tables: no I/O, no clock, no allocation, no hidden randomness. Equal
 * arguments give equal choices, so a test is a table of rows, and `graycloud explain` prints exactly the
 * nameserver's answer. Any thread.
 */
#ifndef STEER_H
#define STEER_H

#include "zones/expression/expression.h"
#include "zones/steer/pins.h"
#include "zones/steer/pool_table.h"

/* The maximum number of chosen addresses; of all addresses of a pool (S17). */
enum { STEER_ANSWERS_MAX = 64, STEER_ALL_MAX = 1024 };

/* The client. */
struct steer_client {
	struct address resolver;
	struct address ecs; /* family 0: no ECS was sent, or SOURCE 0 (S3) */
	uint8_t source;     /* prefix length of ecs */
	uint8_t covered;    /* S3: bits in front of the IPv4 address that ecs carried in IPv6; else 0 */
};

/* S3: set the client. With source 0, only the resolver is known. */
void steer_client_init(
    struct steer_client *client, const struct address *resolver, const struct address *ecs, unsigned source);

struct steer_pool {
	uint32_t slot;
	uint32_t weight; /* hundredths, for the policy random */
};

/* The pools of one site, country or region: part of all the load balancer's pools. */
struct steer_place {
	char code[PLACE_CODE_MAX + 1];
	uint8_t region; /* region of code, if code is a country */
	uint32_t count;
	const struct steer_pool *pools;
};

struct steer_places {
	const struct steer_place *list;
	uint32_t count;
};

/* Weights for lists of pools of rules and sets, sorted by slot. */
struct steer_weights {
	const struct steer_pool *list;
	uint32_t count;
	uint32_t standard; /* of all other pools */
};

/*
 * A rule or a pool set (S35, S36): if its condition is true, its parts whose bits are set replace those of
 * the load balancer.
 */
struct steer_override {
	const struct expression *condition;
	uint16_t parts; /* PART_* of model.h */
	bool disabled, terminates;
	bool policy_open, by_resolver;
	enum steering_policy policy;
	enum prefer_ecs prefer_ecs;
	enum affinity affinity;
	enum failover failover;
	uint32_t affinity_ttl;
	uint32_t ttl;
	uint32_t fallback; /* slot */
	uint32_t npools;
	const struct steer_pool *pools;
	uint64_t branch; /* a hash of pools */
	struct steer_weights weights;
	struct steer_places places[PLACE_KINDS];
};

/* All sets and rules of a load balancer, and the weights of its own pools for lists without weights. */
struct steer_overrides {
	uint32_t nsets, nrules;
	const struct steer_override *sets, *rules;
	struct steer_weights weights;
};

/* The place of this node, in the role of Cloudflare's PoP. */
struct steer_site {
	char code[PLACE_CODE_MAX + 1]; /* "" if it is not configured */
	char country[3];
	uint8_t region;
	struct geo_point point;
};

/* S20: pins of a client (K of S18) that were created before a generation do not count. */
struct steer_cleared {
	uint64_t key;
	uint64_t since;
};

/* A load balancer prepared for steering. One allocation: free it with free(). */
struct steer_lb {
	struct id id;
	uint32_t number; /* dense, for counters */
	uint32_t ttl;
	enum steering_policy policy;
	enum affinity affinity;
	enum failover failover;
	uint32_t affinity_ttl; /* lifetime of a pin in seconds */
	uint32_t share;        /* a hash of the name: its part of the table of pins */
	bool ecs_allowed;      /* S2: prefer_ecs is not never */
	bool policy_open;      /* geo if there are places, else off */
	enum prefer_ecs prefer_ecs;
	bool by_resolver; /* S1: location_strategy.mode */
	uint8_t prefix_v4, prefix_v6;
	uint8_t max_answers; /* 0: not set */
	uint16_t npools;     /* default_pools; those of places, sets and rules follow them */
	uint32_t nall;       /* number of all pools that it refers to */
	/* In the same allocation; NULL if there are none. */
	const struct steer_places *places; /* PLACE_KINDS entries */
	const struct steer_overrides *overrides;
	uint64_t pins_since; /* S20: the generation in which its pins were cleared; 0: never */
	const struct steer_cleared *cleared;
	uint32_t ncleared;
	struct content content; /* of its name and signed_ttl */
	uint32_t signed_ttl;    /* the largest TTL of its answers, which their signatures cover */
	uint8_t signed_labels;
	uint8_t name_len;
	uint8_t name[NAME_MAX_LEN]; /* wire form, lower case */
	struct steer_pool fallback;
	struct steer_pool pools[];
};

/* K of S18. */
struct affinity_key {
	uint64_t hash;
	uint8_t family;
	uint8_t prefix; /* prefix length that was hashed */
	uint8_t scope;  /* S4: the ECS scope if the key matters; 0 if the resolver's address was used */
	bool from_ecs;
};

/* The kind of a choice, for counters and for explain. */
enum steer_how {
	STEER_NOTHING, /* S14: nothing left */
	STEER_ALL,     /* S15: every candidate, rotated */
	STEER_DRAWN,   /* by weight, or n without repetition */
	STEER_HASHED   /* S18 */
};

struct steer_choice {
	const struct steer_lb *lb;
	const struct pool_table *pool; /* NULL: none (S10) */
	const struct candidates *from; /* the list that the indexes refer to */
	enum steer_how how;
	uint32_t ttl;         /* of the answer */
	bool last_resort;     /* S14 */
	bool client_mattered; /* S4, S5 */
	uint8_t scope;        /* S4: 0 if the client did not matter */
	uint8_t family;       /* TABLE_V4 or TABLE_V6 */
	const uint8_t *cname; /* S16: of the one chosen origin, if its CNAME is the answer; else NULL */
	uint16_t norigins;    /* number of chosen origins */
	uint16_t origin;      /* index of the first of them in from->list */
	uint16_t count;       /* number of addresses; with STEER_ALL: of from->ring, beginning at index[0] */
	uint16_t index[STEER_ANSWERS_MAX]; /* otherwise: their indexes in from->addresses */
	bool pin_wanted;                   /* S20: the server must store pin under pin_key */
	uint64_t pin_key;
	struct pin pin;
};

/* One thing that steering looked at, in order. */
enum steer_step {
	STEP_SET,   /* S36: evaluated; pool: which set; value: 1 if it matches; weight: the prefix of the
		       client's address for which that holds */
	STEP_RULE,  /* S35: the same for a rule */
	STEP_PLACE, /* geo: trace->place is the list that matched */
	STEP_POOL_NEAREST,   /* proximity: value is the great-circle distance in kilometres */
	STEP_POOL_LATENCY,   /* dynamic_latency: value is that of the pool in microseconds; 0: unknown */
	STEP_KEY,            /* value: K; pool: the prefix length */
	STEP_PIN,            /* S20: the client is pinned to a pool; value: the expiry */
	STEP_PIN_BROKEN,     /* S20: the pin is not valid any more */
	STEP_POOL_UNUSABLE,  /* S12: skipped */
	STEP_POOL_SHED,      /* [CF] 3.5: the client was refused; value: 1 by chance, 0 by its hash */
	STEP_POOL_NO_WEIGHT, /* S13: never drawn */
	STEP_POOL_FIRST,     /* off: the first usable pool */
	STEP_POOL_SHARE,     /* random: value is its weight among the usable pools */
	STEP_POOL_COST,      /* random with affinity: value is -log2(u) in 2^-40; divide it by the weight */
	STEP_POOL_CHOSEN,
	STEP_FALLBACK,    /* S14 */
	STEP_ORIGIN_COST, /* S18: value as above, origin is the position in the pool */
	STEP_ORIGIN_SHARE /* S15: value is its weight */
};

struct steer_event {
	enum steer_step step;
	uint32_t pool; /* slot */
	uint32_t origin;
	uint64_t value;
	uint32_t weight;
};

/* Filled unless it is NULL. Events beyond room are dropped. */
struct steer_trace {
	struct steer_event *events;
	size_t count, room;
	const char *place; /* of STEP_PLACE; NULL: the default pools */
	/* If lb is not NULL: the final input of steering. The copy has no pools; they are in this struct. */
	struct steer_lb *lb;
	const struct steer_pool *pools;
	const struct steer_weights *weights; /* NULL: the weights of the pools themselves */
	unsigned npools;
};

struct steering;

/*
 * S1: the place of a client, its source, and the prefix of its ECS address for which it holds (0 if ECS did
 * not matter).
 */
struct steer_location {
	enum { LOCATED_NOWHERE, LOCATED_BY_ECS, LOCATED_BY_RESOLVER, LOCATED_BY_SITE } by;
	struct geo_found found;
	uint8_t area_scope, place_scope;
};
void steer_locate(
    const struct steer_lb *lb, const struct steering *steering, struct steer_location *location);

/* The weight of a pool among those of a rule or a set. */
uint32_t steer_weight(const struct steer_weights *weights, uint32_t slot);

/* S2, S18: K of a prefix. The bits of address beyond its length must be zero. */
uint64_t steer_key_of_prefix(const struct steer_lb *lb, const struct address *address, uint8_t prefix);
/* Keep the first bits of an address; set the others to zero. */
void steer_truncate(struct address *address, unsigned bits);
/* S20: the key of a client's pin in the table. branch: of the list of pools; 0: the load balancer's own. */
uint64_t steer_pin_key(const struct steer_lb *lb, uint64_t key, uint64_t branch);

/* S2: the key of a client for a load balancer. */
struct affinity_key steer_key(const struct steer_lb *lb, const struct steer_client *client);

/* The inputs of steering other than configuration and health. */
struct steering {
	struct steer_client client;
	uint64_t draw;                 /* fresh for each query: the only source of chance */
	uint32_t now_s;                /* wall clock, for pins */
	const struct pins *pins;       /* NULL: none */
	const struct geo *geo;         /* NULL: clients are not located */
	const struct steer_site *site; /* NULL: not configured */
	const uint8_t *query_name;     /* wire form, lower case; NULL: the load balancer's */
	uint16_t query_type;           /* 0: that of the family */
	bool finite;                   /* S101: of more answers than one, only the windows of steer_window */
	struct steer_trace *trace;     /* NULL when answering a query */
};

/* S13 to S21: choose for one query. Any thread; never blocks. */
void steer(const struct steer_lb *lb, const struct pool_slots *slots, const struct steering *steering,
    unsigned family, struct steer_choice *choice);

/* The chosen address at index i. */
static inline const struct candidate_address *
steer_address(const struct steer_choice *choice, unsigned i)
{
	const struct candidates *from = choice->from;

	if (choice->how != STEER_ALL)
		return &from->addresses[choice->index[i]];
	i += choice->index[0];
	return &from->ring[i < from->nring ? i : i - from->nring];
}

/*
 * S18: -log2(hash / 2^64) in units of 2^-40. Integers only, so that all nodes and compilers give equal
 * results.
 */
uint64_t steer_neg_log2(uint64_t hash);

/*
 * S15: the kind of choice among a pool's candidates without affinity, and its number of answers (*n; 0: all).
 */
enum steer_how steer_shape(const struct steer_lb *lb, const struct pool_table *table, unsigned *n);

/* S21: the candidates of a pool that a load balancer answers with. */
const struct candidates *steer_candidates(
    const struct steer_lb *lb, const struct pool_table *table, unsigned family);

/*
 * S101: the number of origins in an answer of a signed zone, if it is not S15's every candidate: 1 to
 * max_answers. 0: every candidate.
 */
unsigned steer_windows(const struct steer_lb *lb, const struct pool_table *table);
/*
 * S101: one of the sets of n origins with which a list can answer, by its place: 0 to from->count - 1. Some
 * places may have the same set. Writes indexes of from->addresses, at most max_answers; returns how many. If
 * that is more than 1 with max_answers = 1, each alone is an answer.
 */
unsigned steer_window(const struct steer_lb *lb, const struct candidates *from, unsigned place, unsigned n,
    uint16_t out[STEER_ANSWERS_MAX]);
/* The share of that place among the answers that are drawn, of *total. The shares of all places add up to it.
 */
uint64_t steer_window_share(const struct candidates *from, unsigned place, unsigned n, uint64_t *total);

/* The first n of S18's ranking for a key, the best first. Returns how many there are. */
unsigned steer_rank(const struct candidates *candidates, uint64_t key, unsigned n, uint16_t *out);

#endif
