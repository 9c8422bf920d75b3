/*
 * model.h -- the objects of [CF] 2 as C structs: what the daemons act on.
 *
 * document.h makes them from the JSON that the store keeps; every reference is an id.  A struct and
 * all that it points to belong to whoever loaded it and go with its model_free_*.  No I/O here.
 */
#ifndef MODEL_H
#define MODEL_H

#include "name.h"
#include "util.h"

enum {
	ID_LEN = 32,          /* lower-case hex digits */
	POOL_ORIGINS_MAX = 1024, /* S17 */
	LB_POOLS_MAX = 256,
	WEIGHT_ONE = 100      /* weights are whole hundredths */
};

/* The kinds of objects that have an id, a name and a JSON document. */
enum kind { KIND_MONITOR, KIND_MONITOR_GROUP, KIND_POOL, KIND_LB, KIND_COUNT };

/* "monitor", "monitor_group", "pool", "load_balancer": as people and messages write them. */
const char *kind_text(enum kind kind);

struct id {
	char text[ID_LEN + 1]; /* "" where there is none */
};

/* 32 hex digits? */
bool id_valid(const char *text);
struct id id_new(void);

/* An IP address; family 0 means none (a hostname, or nothing). */
enum family { FAMILY_NONE = 0, FAMILY_V4 = 4, FAMILY_V6 = 6 };

struct address {
	uint8_t family; /* enum family */
	uint8_t bytes[16];
};

/* Reads an IPv4 or IPv6 address literal, nothing else. */
bool address_from_text(struct address *address, const char *text);
char *address_to_text(const struct address *address, char out[46]);
/* Reads ADDRESS:PORT, IPv6 as [ADDRESS]:PORT. */
bool address_port_from_text(struct address *address, uint16_t *port, const char *text);
static inline unsigned
address_len(const struct address *address)
{
	return address->family == FAMILY_V4 ? 4 : address->family == FAMILY_V6 ? 16 : 0;
}

enum forced { FORCED_NONE, FORCED_UP, FORCED_DOWN };

/* S24.  The numbers stand in the health store: never change one. */
enum health_state {
	HEALTH_UNKNOWN = 0,
	HEALTH_UP = 1,
	HEALTH_SUSPECT = 2,
	HEALTH_DOWN = 3,
	HEALTH_DISABLED = 4,
	HEALTH_UNMONITORED = 5,
	HEALTH_UNRESOLVED = 6
};

const char *health_state_text(enum health_state state);

/* [CF] 2.3 */
struct origin {
	char *name;    /* "" where it has none */
	char *address; /* as configured */
	struct address ip;
	bool enabled;
	unsigned weight; /* hundredths, 0 to 100; at least 1 where the property is above 0 (S18) */
	char *host;      /* header.Host, or NULL */
	enum forced forced;      /* as it is at the time of loading: an end that has passed is no force */
	char *affinity_group;     /* or NULL */
	enum health_state seeded; /* S24: the state when its monitor was attached; HEALTH_UNKNOWN: none */
};

/* [CF] 2.2 */
enum origin_steering { ORIGIN_RANDOM, ORIGIN_HASH };

/* notification_filter of pools or origins: which changes are told (S40). */
struct notification_filter {
	bool no_healthy, no_unhealthy; /* changes to this are not */
};

struct pool {
	struct id id;
	char *name;
	bool enabled;
	unsigned minimum_origins;
	enum origin_steering origin_steering; /* the least_* policies are weighted random here ([CF] 3.4) */
	double shed_percent;                  /* load_shedding.default_percent */
	bool shed_by_hash;                    /* load_shedding.default_policy */
	bool placed;                          /* has latitude and longitude */
	double latitude, longitude;
	struct id monitor;
	struct id monitor_group;
	struct origin *origins;
	size_t norigins;
	struct notification_filter pool_filter, origin_filter;
	int64_t ends; /* wall clock, milliseconds: when the first of its disabled_until and forced_until passes; 0: none */
};

enum monitor_type { MONITOR_HTTP, MONITOR_HTTPS, MONITOR_TCP };

struct header {
	char *name;
	char *value;
};

/* [CF] 2.4, limits S34 */
struct monitor {
	struct id id;
	char *name;
	enum monitor_type type;
	char *method;
	char *path;
	unsigned port; /* the real one: 80 or 443 where the property is 0 */
	unsigned interval_s;
	unsigned timeout_ms;
	unsigned retries;
	unsigned consecutive_up;
	unsigned consecutive_down;
	unsigned damping_changes;  /* S39; 0: none */
	unsigned damping_period_s;
	uint64_t expected_codes[16]; /* bit n: code n is expected; see monitor_expects() */
	char *expected_body;         /* "" accepts every body */
	bool follow_redirects;
	bool allow_insecure;
	char *host;             /* header.Host, or NULL */
	struct header *headers; /* the others, one for each value */
	size_t nheaders;
};

static inline bool
monitor_expects(const struct monitor *monitor, long code)
{
	return code >= 0 && code < 1024 && (monitor->expected_codes[code / 64] >> code % 64 & 1);
}

/* S23's bounds of one monitor, in milliseconds. */
uint64_t monitor_failover_ms(const struct monitor *monitor);
/* S25: a record older than this is stale. */
uint64_t monitor_stale_ms(const struct monitor *monitor);

enum steering_policy { STEERING_OFF, STEERING_RANDOM, STEERING_GEO, STEERING_PROXIMITY };
enum affinity { AFFINITY_NONE, AFFINITY_IP };
enum failover { FAILOVER_NONE, FAILOVER_TEMPORARY, FAILOVER_STICKY }; /* zero_downtime_failover (S21) */
enum prefer_ecs { ECS_ALWAYS, ECS_NEVER, ECS_PROXIMITY, ECS_GEO };

enum { PLACE_CODE_MAX = 15 };

/* The pools of one site, country or region. */
enum place_kind { PLACE_SITE, PLACE_COUNTRY, PLACE_REGION };

struct place_pools {
	enum place_kind kind;
	char code[PLACE_CODE_MAX + 1];
	struct id *pools;
	size_t npools;
};

/* [CF] 2.1 */
struct lb {
	struct id id;
	char *name;                  /* presentation form without the final dot */
	uint8_t wire[NAME_MAX_LEN];  /* lower case */
	bool enabled;
	uint32_t ttl; /* seconds */
	struct id *default_pools;
	size_t npools;
	struct id fallback_pool;
	enum steering_policy steering_policy; /* "" reads as off ([CF] 3.3) */
	unsigned *pool_weights;               /* hundredths, one for each of default_pools */
	enum affinity affinity;
	enum failover failover;
	uint32_t affinity_ttl; /* seconds */
	enum prefer_ecs prefer_ecs;
	bool by_resolver; /* location_strategy.mode resolver_ip, not pop */
	struct place_pools *places;
	size_t nplaces;
	unsigned affinity_prefix_v4;
	unsigned affinity_prefix_v6;
	unsigned max_answers; /* 0: not set (S15) */
};

void model_free_pool(struct pool *pool);
void model_free_monitor(struct monitor *monitor);
void model_free_lb(struct lb *lb);

#endif
