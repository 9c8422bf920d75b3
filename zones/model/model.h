/*
 * model.h -- the objects of [CF] 2 as C structs: what the daemons act on.
 *
 * document.h makes them from the JSON that the store keeps; every reference is an id.  A struct and
 * all that it points to belong to whoever loaded it and go with its model_free_*.  No I/O here.
 */
#ifndef MODEL_H
#define MODEL_H

#include "zones/base/address.h"
#include "zones/base/deadline.h"
#include "zones/dns/name.h"

enum {
	ID_LEN = 32,             /* lower-case hex digits */
	POOL_ORIGINS_MAX = 1024, /* S17 */
	LB_POOLS_MAX = 256,      /* of one list */
	LB_RULES_MAX = 256,
	LB_POOL_SETS_MAX = 1000, /* [CF] 2.6 */
	TOPOLOGY_ENTRIES_MAX = 1000,
	WEIGHT_ONE = 100 /* weights are whole hundredths */
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

/* Addresses of one hostname that are kept, of each family. */
enum { HOSTNAME_ADDRESSES_MAX = 32 };

/* S16: what a hostname stands for now, and what is known of each address. */
struct resolved {
	bool gone; /* the name has no address any more: these are the last known (S14) */
	unsigned count;
	struct resolved_address {
		struct address address;
		enum health_state state;
	} list[];
};

/* All of it zero; NULL where memory is exhausted.  free() ends it. */
struct resolved *resolved_new(size_t count);
/* The state of an address in resolved, which may be NULL; HEALTH_UNKNOWN where it is not there. */
enum health_state resolved_state(const struct resolved *resolved, const struct address *address);

/* [CF] 2.3 */
struct origin {
	char *name;                /* "" where it has none */
	char *address;             /* as configured; a hostname is in lower case, without the final dot */
	struct address ip;         /* of no family where address is a hostname */
	bool unflattened;          /* flatten_cname is false: a CNAME where it is the only origin (S16) */
	struct resolved *resolved; /* of a hostname, by whoever knows; NULL: nothing is known */
	bool enabled;
	unsigned weight;          /* hundredths, 0 to 100; at least 1 where the property is above 0 (S18) */
	char *host;               /* header.Host, or NULL */
	enum forced forced;       /* as it is at the time of loading: an end that has passed is no force */
	char *affinity_group;     /* or NULL */
	enum health_state seeded; /* S24: the state when its monitor was attached; HEALTH_UNKNOWN: none */
	struct resolved *seeds;   /* the same of each address of a hostname; NULL: none */
};

static inline bool
origin_is_hostname(const struct origin *origin)
{
	return origin->ip.family == FAMILY_NONE;
}

/* S38: a monitor that probes the origins of a pool, alone or as a member of a group. */
struct judge {
	struct id monitor;
	bool votes;           /* it is not monitoring_only */
	bool must_be_healthy; /* down by it is down */
};

enum { GROUP_MEMBERS_MAX = 16 };

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
	struct judge *judges; /* its monitor, or the enabled members of its group */
	size_t njudges;
	struct origin *origins;
	size_t norigins;
	struct notification_filter pool_filter, origin_filter;
	struct deadline expiry; /* the first of its disabled_until and forced_until that lie ahead */
};

enum monitor_type {
	MONITOR_HTTP,
	MONITOR_HTTPS,
	MONITOR_TCP,
	MONITOR_SMTP,
	MONITOR_UDP_ICMP,
	MONITOR_ICMP_PING,
	MONITOR_DNS,
	MONITOR_EXEC,
	MONITOR_TYPE_COUNT
};
enum http_version { HTTP_VERSION_1_1, HTTP_VERSION_2, HTTP_VERSION_AUTO };

/* What every monitor of a type has in common. */
struct monitor_kind {
	const char *text; /* as the property is written */
	unsigned port;    /* where the property is 0; 0: there is none */
	bool port_required;
	const char *method; /* [CF] 2.4; "" where the type has none */
};
const struct monitor_kind *monitor_kind(enum monitor_type type);
/* MONITOR_TYPE_COUNT where the text is no type. */
enum monitor_type monitor_type_of(const char *text);

/* A certificate that ends in fewer days is warned about. */
enum { CERTIFICATE_WARN_DAYS = 14 };

struct header {
	char *name;
	char *value;
};

/* [CF] 2.4, limits S34 */
struct monitor {
	struct id id;
	uint32_t edition; /* a hash of all it says: another one once it is edited */
	char *name;
	enum monitor_type type;
	char *method;
	char *path;
	unsigned port; /* the real one: that of the type where the property is 0; 0 where the type has none */
	unsigned interval_s;
	unsigned timeout_ms;
	unsigned retries;
	unsigned consecutive_up;
	unsigned consecutive_down;
	unsigned damping_changes; /* S39; 0: none */
	unsigned damping_period_s;
	uint64_t expected_codes[16]; /* bit n: code n is expected; see monitor_expects() */
	char *expected_body;         /* "" accepts every body */
	bool follow_redirects;
	char **redirect_hosts; /* other hosts that redirects may lead to, in lower case; ended by NULL; or
				  NULL */
	bool allow_insecure;
	char *ca_file;            /* authorities that are trusted, in place of the system's, or NULL */
	char *client_certificate; /* what a server that asks for it is shown, or NULL */
	char *client_key;         /* NULL: in client_certificate */
	struct address address;   /* what is probed in place of the origin's address; of no family: that */
	char *host;               /* header.Host, or NULL */
	struct header *headers;   /* the others, one for each value */
	size_t nheaders;
	enum http_version http_version;
	bool starttls;
	uint8_t dns_name[NAME_MAX_LEN];
	uint16_t dns_type;
	uint8_t dns_rcode;
	uint8_t *dns_data; /* rdata that one answer has, uncompressed; NULL: any */
	size_t dns_data_len;
	char **command; /* ended by NULL */
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

enum steering_policy {
	STEERING_OFF,
	STEERING_RANDOM,
	STEERING_GEO,
	STEERING_PROXIMITY,
	STEERING_DYNAMIC_LATENCY
};
enum affinity { AFFINITY_NONE, AFFINITY_IP };
enum failover { FAILOVER_NONE, FAILOVER_TEMPORARY, FAILOVER_STICKY }; /* zero_downtime_failover (S21) */
enum prefer_ecs { ECS_ALWAYS, ECS_NEVER, ECS_PROXIMITY, ECS_GEO };

enum { PLACE_CODE_MAX = 15 };

/* The pools of one site, country or region. */
enum place_kind { PLACE_SITE, PLACE_COUNTRY, PLACE_REGION, PLACE_KINDS };

struct place_pools {
	enum place_kind kind;
	char code[PLACE_CODE_MAX + 1];
	struct id *pools;
	size_t npools;
};

struct weighted_pool {
	struct id pool;
	unsigned weight; /* hundredths */
};

/* Weights of pools that are named, and of all others. */
struct pool_weights {
	struct weighted_pool *list;
	size_t count;
	unsigned standard;
};

unsigned pool_weight_of(const struct pool_weights *weights, const struct id *pool);

/* What a rule or a pool set may override. */
enum {
	PART_POOLS = 1 << 0, /* the default pools */
	PART_WEIGHTS = 1 << 1,
	PART_FALLBACK = 1 << 2,
	PART_POLICY = 1 << 3,
	PART_SITES = 1 << 4, /* the three maps of places, in the order of enum place_kind */
	PART_COUNTRIES = 1 << 5,
	PART_REGIONS = 1 << 6,
	PART_TTL = 1 << 7,
	PART_AFFINITY = 1 << 8,
	PART_AFFINITY_TTL = 1 << 9,
	PART_FAILOVER = 1 << 10,
	PART_PREFER_ECS = 1 << 11,
	PART_MODE = 1 << 12,
	PARTS = 13
};

/* A rule or a pool set ([CF] 2.5, 2.6): whom it is for, and what it changes: those parts whose bit is set. */
struct lb_override {
	char *name;
	char *condition; /* in the language of rules; a pool set's match is put into it (S36) */
	bool disabled, terminates;
	unsigned parts;
	struct id *pools;
	size_t npools;
	struct pool_weights weights;
	struct id fallback_pool;
	enum steering_policy steering_policy;
	bool policy_open; /* as in struct lb */
	struct place_pools *places;
	size_t nplaces;
	uint32_t ttl;
	enum affinity affinity;
	uint32_t affinity_ttl;
	enum failover failover;
	enum prefer_ecs prefer_ecs;
	bool by_resolver;
};

/* [CF] 2.1 */
/* S20: a client whose pins were cleared. */
struct cleared_client {
	struct address client;
	uint8_t prefix;
	uint64_t since; /* generation */
};

struct lb {
	struct id id;
	char *name;                 /* presentation form without the final dot */
	uint8_t wire[NAME_MAX_LEN]; /* lower case */
	bool enabled;
	struct deadline expiry; /* of its disabled_until, if that lies ahead: then it is enabled */
	uint32_t ttl;           /* seconds */
	struct id *default_pools;
	size_t npools;
	struct id fallback_pool;
	enum steering_policy steering_policy;
	bool policy_open;            /* it is "": geo where there are places, else off ([CF] 3.3) */
	unsigned *pool_weights;      /* hundredths, one for each of default_pools */
	struct pool_weights weights; /* the same, for other lists */
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
	uint64_t pins_since;  /* S20: the generation in which all pins were cleared; 0: never */
	struct cleared_client *cleared;
	size_t ncleared;
	struct lb_override *sets, *rules; /* rules in the order in which they are applied */
	size_t nsets, nrules;
};

/* Every pool that a load balancer names, once, its default pools first and its fallback pool last; malloc. */
struct id *lb_pools(const struct lb *lb, size_t *count);

void model_free_pool(struct pool *pool);
void model_free_monitor(struct monitor *monitor);
void model_free_lb(struct lb *lb);

#endif
