/*
 * steer.h -- choose the pool and the origins that a client is sent to.
 *
 * Pure functions over immutable tables: no I/O, no clock, no allocation, no hidden randomness.  Equal
 * arguments give equal choices, so a test is a table of rows, and what `graycloud explain` prints is
 * what the wire says.
 */
#ifndef STEER_H
#define STEER_H

#include "zones/expression/expression.h"
#include "zones/steer/pins.h"
#include "zones/steer/pool_table.h"

/* Of addresses that were chosen; of all of a pool's (S17). */
enum { STEER_ANSWERS_MAX = 64, STEER_ALL_MAX = 1024 };

/* Who asks. */
struct steer_client {
	struct address resolver;
	struct address ecs; /* family 0: none was sent, or SOURCE 0 (S3) */
	uint8_t source;     /* prefix length of ecs */
	uint8_t covered;    /* S3: bits that stood before the IPv4 address that ecs carried in IPv6; else 0 */
};

/* S3: who asks.  source 0: nothing is known but the resolver. */
void steer_client_init(
    struct steer_client *client, const struct address *resolver, const struct address *ecs, unsigned source);

struct steer_pool {
	uint32_t slot;
	uint32_t weight; /* hundredths, under random */
};

/* The pools of one site, country or region: a part of all the load balancer's. */
struct steer_place {
	char code[PLACE_CODE_MAX + 1];
	uint8_t region; /* of code, where it is one */
	uint32_t count;
	const struct steer_pool *pools;
};

struct steer_places {
	const struct steer_place *list;
	uint32_t count;
};

/* Weights for lists of pools that rules and sets bring along, sorted by slot. */
struct steer_weights {
	const struct steer_pool *list;
	uint32_t count;
	uint32_t standard; /* of all others */
};

/* A rule or a pool set (S35, S36): where its condition is true, the parts whose bits are set take the place
 * of the load balancer's. */
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

/* All of a load balancer's, and the weights of its own pools for lists that come without any. */
struct steer_overrides {
	uint32_t nsets, nrules;
	const struct steer_override *sets, *rules;
	struct steer_weights weights;
};

/* This node's own place, in the role of Cloudflare's PoP. */
struct steer_site {
	char code[PLACE_CODE_MAX + 1]; /* "" where it is not told */
	char country[3];
	uint8_t region;
	struct geo_point point;
};

/* S20: the pins of a client (K of S18) that were made before a generation do not count. */
struct steer_cleared {
	uint64_t key;
	uint64_t since;
};

/* A load balancer ready for steering.  One allocation: free() ends it. */
struct steer_lb {
	struct id id;
	uint32_t number; /* dense, for counters */
	uint32_t ttl;
	enum steering_policy policy;
	enum affinity affinity;
	enum failover failover;
	uint32_t affinity_ttl; /* seconds a pin lasts */
	uint32_t share;        /* a hash of the name: its part of the table of pins */
	bool ecs_allowed;      /* S2: prefer_ecs is not never */
	bool policy_open;      /* geo where there are places, else off */
	enum prefer_ecs prefer_ecs;
	bool by_resolver; /* S1: location_strategy.mode */
	uint8_t prefix_v4, prefix_v6;
	uint8_t max_answers; /* 0: not set */
	uint16_t npools;     /* default_pools; those of places, sets and rules follow them */
	uint32_t nall;       /* of pools, whoever names them */
	/* In the same allocation; NULL where there are none. */
	const struct steer_places *places; /* PLACE_KINDS of them */
	const struct steer_overrides *overrides;
	uint64_t pins_since; /* S20: the generation in which its pins were cleared; 0: never */
	const struct steer_cleared *cleared;
	uint32_t ncleared;
	uint8_t name_len;
	uint8_t name[NAME_MAX_LEN]; /* lower-case wire */
	struct steer_pool fallback;
	struct steer_pool pools[];
};

/* K of S18. */
struct affinity_key {
	uint64_t hash;
	uint8_t family;
	uint8_t prefix; /* length that was hashed */
	uint8_t scope;  /* S4: the ECS scope if the key mattered; 0 where the resolver's address served */
	bool from_ecs;
};

/* Where a choice came from, for answers' counters and for explain. */
enum steer_how {
	STEER_NOTHING, /* S14: nothing left */
	STEER_ALL,     /* S15: every candidate, rotated */
	STEER_DRAWN,   /* by weight, or n without repetition */
	STEER_HASHED   /* S18 */
};

struct steer_choice {
	const struct steer_lb *lb;
	const struct pool_table *pool; /* NULL: none (S10) */
	const struct candidates *from; /* the list that indexes point into */
	enum steer_how how;
	uint32_t ttl;         /* of the answer */
	bool last_resort;     /* S14 */
	bool client_mattered; /* S4, S5 */
	uint8_t scope;        /* S4: 0 where the client did not matter */
	uint8_t family;       /* TABLE_V4 or TABLE_V6 */
	const uint8_t *cname; /* S16: of the one origin that is answered, where it is to be; else NULL */
	uint16_t norigins;    /* that are answered, ... */
	uint16_t origin;      /* ... and the first one's place in from->list */
	uint16_t count;       /* of addresses; how == STEER_ALL: of from->ring, beginning at index[0] */
	uint16_t index[STEER_ANSWERS_MAX]; /* else: their places in from->addresses */
	bool pin_wanted;                   /* S20: the server is to put pin under pin_key */
	uint64_t pin_key;
	struct pin pin;
};

/* One thing that steering looked at, in order. */
enum steer_step {
	STEP_SET,   /* S36: asked; pool: which; value: does it match? weight: within which prefix of the
		       client's address */
	STEP_RULE,  /* S35: the same */
	STEP_PLACE, /* geo: trace->place is the list that matched */
	STEP_POOL_NEAREST,   /* proximity: value is the great-circle distance in kilometres */
	STEP_POOL_LATENCY,   /* dynamic_latency: value is the pool's, in microseconds; 0: not known */
	STEP_KEY,            /* value: K; prefix in `pool` */
	STEP_PIN,            /* S20: the client is pinned to a pool; value: until when */
	STEP_PIN_BROKEN,     /* S20: its pin holds no more */
	STEP_POOL_UNUSABLE,  /* S12: stepped over */
	STEP_POOL_SHED,      /* [CF] 3.5: refused; value: 1 by chance, 0 by the client's hash */
	STEP_POOL_NO_WEIGHT, /* S13: never drawn */
	STEP_POOL_FIRST,     /* off: the first usable */
	STEP_POOL_SHARE,     /* random: value is its weight among the usable */
	STEP_POOL_COST, /* random with affinity: value is -log2(u) in 2^-40, to be divided by the weight */
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

/* Filled where it is not NULL; events beyond room are dropped. */
struct steer_trace {
	struct steer_event *events;
	size_t count, room;
	const char *place; /* of STEP_PLACE; NULL: the default pools */
	/* Where lb is not NULL: what steering went by in the end.  The copy is without pools, which are
	 * these. */
	struct steer_lb *lb;
	const struct steer_pool *pools;
	const struct steer_weights *weights; /* NULL: as the pools have them */
	unsigned npools;
};

struct steering;

/* S1: where a client is, by what, and within which prefix of its ECS address that holds (0 where ECS did not
 * matter). */
struct steer_location {
	enum { LOCATED_NOWHERE, LOCATED_BY_ECS, LOCATED_BY_RESOLVER, LOCATED_BY_SITE } by;
	struct geo_found found;
	uint8_t area_scope, place_scope;
};
void steer_locate(
    const struct steer_lb *lb, const struct steering *steering, struct steer_location *location);

/* The weight of a pool among those of a rule or a set. */
uint32_t steer_weight(const struct steer_weights *weights, uint32_t slot);

/* S2, S18: K of a prefix, whose bits beyond its length are zero. */
uint64_t steer_key_of_prefix(const struct steer_lb *lb, const struct address *address, uint8_t prefix);
/* Keep the first bits of an address. */
void steer_truncate(struct address *address, unsigned bits);
/* S20: under which key of the table the pin of a client is kept.  branch: of the list of pools; 0: the load
 * balancer's own. */
uint64_t steer_pin_key(const struct steer_lb *lb, uint64_t key, uint64_t branch);

/* S2: the key of a client for a load balancer. */
struct affinity_key steer_key(const struct steer_lb *lb, const struct steer_client *client);

/* What steering goes by beside configuration and health. */
struct steering {
	struct steer_client client;
	uint64_t draw;                 /* fresh for each query: all chance comes from it */
	uint32_t now_s;                /* wall clock, for pins */
	const struct pins *pins;       /* NULL: none */
	const struct geo *geo;         /* NULL: nobody is located */
	const struct steer_site *site; /* NULL: not told */
	const uint8_t *query_name;     /* wire, lower case; NULL: the load balancer's */
	uint16_t query_type;           /* 0: that of the family */
	struct steer_trace *trace;     /* NULL on the path of a query */
};

/* S13 to S21: choose for one query.  Any thread; never blocks. */
void steer(const struct steer_lb *lb, const struct pool_slots *slots, const struct steering *steering,
    unsigned family, struct steer_choice *choice);

/* The address at place i of those that were chosen. */
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
 * S18: -log2(hash / 2^64) in units of 2^-40.  Integers only, so that every node and every compiler agrees.
 */
uint64_t steer_neg_log2(uint64_t hash);

/* S15: what kind of choice a pool's candidates get where there is no affinity, and how many (0: all). */
enum steer_how steer_shape(const struct steer_lb *lb, const struct pool_table *table, unsigned *n);

/* S21: those of a pool's candidates that a load balancer answers with. */
const struct candidates *steer_candidates(
    const struct steer_lb *lb, const struct pool_table *table, unsigned family);

/* The first n of S18's ranking for a key, best first; returns how many there are. */
unsigned steer_rank(const struct candidates *candidates, uint64_t key, unsigned n, uint16_t *out);

#endif
