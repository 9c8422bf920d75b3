/*
 * model.h -- the objects of [CF] 2 as C structs, which the daemons work with.
 *
 * document_load.h creates them from the JSON in the store; every reference is an id. The code that loaded a
 * struct owns it and all that it points to, and frees it with model_free_*. No I/O here. Functions have no
 * state; any thread.
 */
#ifndef MODEL_H
#define MODEL_H

#include "zones/base/address.h"
#include "zones/base/deadline.h"
#include "zones/dns/dnssec.h"
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
enum kind { KIND_MONITOR, KIND_MONITOR_GROUP, KIND_POOL, KIND_LB, KIND_NODE, KIND_DNSSEC, KIND_COUNT };

/* "monitor", "monitor_group", "pool", "load_balancer", "node", "dnssec": as in commands and messages. */
const char *kind_text(enum kind kind);

struct id {
	char text[ID_LEN + 1]; /* "" if there is none */
};

/* True if the text is 32 lower-case hex digits. */
bool id_valid(const char *text);
struct id id_new(void);

enum forced { FORCED_NONE, FORCED_UP, FORCED_DOWN };

/* S24. The numbers are stored in the health store: never change one. */
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

/* The maximum number of addresses of one hostname that are kept, of each family. */
enum { HOSTNAME_ADDRESSES_MAX = 32 };

/* S16: the current addresses of a hostname, and the state of each. */
struct resolved {
	bool gone; /* the name has no address any more: these are the last known ones (S14) */
	unsigned count;
	struct resolved_address {
		struct address address;
		enum health_state state;
	} list[];
};

/*
 * Allocate room for count addresses, filled with zeros. Returns NULL if memory is exhausted. Free it with
 * free().
 */
struct resolved *resolved_new(size_t count);
/* The state of an address in resolved, which may be NULL. HEALTH_UNKNOWN if the address is not in it. */
enum health_state resolved_state(const struct resolved *resolved, const struct address *address);

/* [CF] 2.3 */
struct origin {
	char *name;        /* "" if it has none */
	char *address;     /* as configured; a hostname is in lower case, without the final dot */
	struct address ip; /* of no family if address is a hostname */
	bool unflattened;  /* flatten_cname is false: answer with a CNAME if it is the only origin (S16) */
	struct resolved *resolved; /* addresses of a hostname; set by the code that loads the states; NULL:
				      nothing is known */
	bool enabled;
	unsigned weight;          /* hundredths, 0 to 100; at least 1 if the property is above 0 (S18) */
	char *host;               /* header.Host, or NULL */
	enum forced forced;       /* at the time of loading: a force whose end has passed is not set */
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
	bool votes;           /* true unless it is monitoring_only */
	bool must_be_healthy; /* if this monitor finds an origin down, the origin is down */
};

enum { GROUP_MEMBERS_MAX = 16 };

/* [CF] 2.2 */
enum origin_steering { ORIGIN_RANDOM, ORIGIN_HASH };

/* notification_filter of pools or origins: which changes are notified (S40). */
struct notification_filter {
	bool no_healthy, no_unhealthy; /* no notification of changes to healthy, or to unhealthy */
};

struct pool {
	struct id id;
	char *name;
	bool enabled;
	unsigned minimum_origins;
	enum origin_steering origin_steering; /* the least_* policies are weighted random here ([CF] 3.4) */
	double shed_percent;                  /* load_shedding.default_percent */
	bool shed_by_hash;                    /* load_shedding.default_policy is hash */
	bool placed;                          /* has latitude and longitude */
	double latitude, longitude;
	struct id monitor;
	struct id monitor_group;
	struct judge *judges; /* its monitor, or the enabled members of its group */
	size_t njudges;
	unsigned quorum;        /* S93: how many sites must say down; 0: more than half */
	uint32_t check_regions; /* S93: bits of the regions whose nodes probe and vote; 0: all */
	struct origin *origins;
	size_t norigins;
	struct notification_filter pool_filter, origin_filter;
	struct deadline expiry; /* the earliest of its disabled_until and forced_until that have not passed */
};

/* S90: a node of the roster. */
struct roster_node {
	struct id id;
	char *name;
	char *site;
	uint8_t region;  /* geo_region(); 0: none */
	bool votes;      /* it is a vantage */
	char *addresses; /* for people, separated by blanks */
};

enum dnssec_roll { ROLL_ALL, ROLL_KSK, ROLL_ZSK };
enum dnssec_ending { ENDING_NONE, ENDING_DISABLE, ENDING_KEY_LOST };

/* S105: how a zone is signed. Its name is that of the zone. */
struct dnssec_policy {
	struct id id;
	char *name;
	unsigned algorithm; /* enum dnssec_algorithm */
	char *identity;     /* of the node that enabled it (membership_self): only there a key is made */
	/* S107: requests. The signer compares their numbers with those that it took. */
	uint32_t rollover;  /* how many rollovers were asked for */
	uint32_t cancelled; /* how many were cancelled */
	uint32_t lead;      /* how many requests to lead in place of another node */
	char *node;         /* S111: where the last of them was given (membership_self); "": see identity */
	bool emergency;     /* the last one is without margins */
	enum dnssec_roll roll;
	bool split;         /* make a KSK and a ZSK, in place of one key */
	bool keyless_nodes; /* S109: nodes without keys answer it, too */
	enum dnssec_ending ending;
	char **without; /* names or addresses of servers that are gone */
	size_t nwithout;
	struct public_key *providers; /* S110: keys of other providers that sign the zone, too */
	size_t nproviders;
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

/* The properties that all monitors of a type share. */
struct monitor_kind {
	const char *text; /* as the property is written */
	unsigned port;    /* the port if the property is 0; 0: there is no port */
	bool port_required;
	const char *method; /* [CF] 2.4; "" if the type has none */
};
const struct monitor_kind *monitor_kind(enum monitor_type type);
/* Returns MONITOR_TYPE_COUNT if the text is not a type. */
enum monitor_type monitor_type_of(const char *text);

/* Warn about a certificate that ends in fewer days than this. */
enum { CERTIFICATE_WARN_DAYS = 14 };

struct header {
	char *name;
	char *value;
};

/* [CF] 2.4, limits S34 */
struct monitor {
	struct id id;
	uint32_t edition; /* a hash of all properties: an edit of the monitor changes it */
	char *name;
	enum monitor_type type;
	char *method;
	char *path;
	unsigned
	    port; /* the effective port: if the property is 0, that of the type; 0 if the type has none */
	unsigned interval_s;
	unsigned timeout_ms;
	unsigned retries;
	unsigned consecutive_up;
	unsigned consecutive_down;
	unsigned damping_changes; /* S39; 0: no damping */
	unsigned damping_period_s;
	uint64_t expected_codes[16]; /* bit n: code n is expected; see monitor_expects() */
	char *expected_body;         /* "" accepts every body */
	bool follow_redirects;
	char **redirect_hosts; /* other hosts that redirects may lead to, in lower case; ends with NULL; or
				  NULL */
	bool allow_insecure;
	char *ca_file;            /* trusted authorities instead of the system's, or NULL */
	char *client_certificate; /* sent to a server that asks for a certificate, or NULL */
	char *client_key;         /* NULL: the key is in client_certificate */
	struct address
	    address; /* probed instead of the origin's address; of no family: the origin's address */
	char *host;  /* header.Host, or NULL */
	struct header *headers; /* other headers, one entry for each value */
	size_t nheaders;
	enum http_version http_version;
	bool starttls;
	uint8_t dns_name[NAME_MAX_LEN];
	uint16_t dns_type;
	uint8_t dns_rcode;
	uint8_t *dns_data; /* rdata that one answer must have, uncompressed; NULL: any */
	size_t dns_data_len;
	char **command; /* ends with NULL */
};

static inline bool
monitor_expects(const struct monitor *monitor, long code)
{
	return code >= 0 && code < 1024 && (monitor->expected_codes[code / 64] >> code % 64 & 1);
}

/* S23: the maximum time from a failure to its verdict with one monitor, in milliseconds. */
uint64_t monitor_failover_ms(const struct monitor *monitor);
/* S25: the age in milliseconds at which a record becomes stale. */
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

/* Weights of named pools, and of all others. */
struct pool_weights {
	struct weighted_pool *list;
	size_t count;
	unsigned standard;
};

unsigned pool_weight_of(const struct pool_weights *weights, const struct id *pool);

/* The parts that a rule or a pool set may override. */
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

/*
 * A rule or a pool set ([CF] 2.5, 2.6): the clients that it matches, and the parts that it changes: those
 * whose bit is set.
 */
struct lb_override {
	char *name;
	char *condition; /* in the language of rules; a pool set's match is converted to it (S36) */
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

/* S20: a client whose pins were cleared. */
struct cleared_client {
	struct address client;
	uint8_t prefix;
	uint64_t since; /* generation */
};

/* [CF] 2.1 */
struct lb {
	struct id id;
	char *name;                 /* presentation form without the final dot */
	uint8_t wire[NAME_MAX_LEN]; /* wire form, lower case */
	bool enabled;
	struct deadline
	    expiry;   /* disabled_until, if it has not passed; at that time the load balancer is enabled */
	uint32_t ttl; /* seconds */
	struct id *default_pools;
	size_t npools;
	struct id fallback_pool;
	enum steering_policy steering_policy;
	bool policy_open;            /* the policy is "": geo if there are places, else off ([CF] 3.3) */
	unsigned *pool_weights;      /* hundredths, one for each of default_pools */
	struct pool_weights weights; /* the same, for other lists */
	enum affinity affinity;
	enum failover failover;
	uint32_t affinity_ttl; /* seconds */
	enum prefer_ecs prefer_ecs;
	bool by_resolver; /* location_strategy.mode is resolver_ip, not pop */
	struct place_pools *places;
	size_t nplaces;
	unsigned affinity_prefix_v4;
	unsigned affinity_prefix_v6;
	unsigned max_answers; /* 0: not set (S15) */
	uint64_t pins_since;  /* S20: the generation in which all pins were cleared; 0: never */
	struct cleared_client *cleared;
	size_t ncleared;
	struct lb_override *sets, *rules; /* rules are in the order in which they are applied */
	size_t nsets, nrules;
};

/* Every pool that a load balancer names, once; its default pools first and its fallback pool last. malloc. */
struct id *lb_pools(const struct lb *lb, size_t *count);

void model_free_roster_node(struct roster_node *node);
void model_free_dnssec_policy(struct dnssec_policy *policy);
void model_free_pool(struct pool *pool);
void model_free_monitor(struct monitor *monitor);
void model_free_lb(struct lb *lb);

#endif
