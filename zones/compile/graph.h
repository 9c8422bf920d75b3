/*
 * graph.h -- the configuration as a graph, which a compiler updates (only compile.c uses it). One thread.
 *
 * Load balancers refer to pools, pools to endpoints and hostnames, zones to load balancers. A change
 * propagates along these links.
 *
 *   graph_base.c     numbers for counters, retired memory
 *   graph_pool.c     pools in their slots
 *   graph_uses.c     endpoints and hostnames of pools
 *   graph_lb.c       load balancers
 *   graph_zones.c    zones with their load balancers
 *   graph.c          create and free a graph
 *   graph_read.c     read a whole store
 *   graph_names.c    read the data of a few names
 *   graph_edit.c     edit owners of zones
 *   graph_signed.c   zones whose signatures changed
 *   graph_follow.c   follow the changes of a store
 *   graph_latency.c  latencies of pools
 *
 * A file calls only those above it.
 */
#ifndef GRAPH_H
#define GRAPH_H

#include "zones/base/map.h"
#include "zones/compile/compile.h"
#include "zones/state/hostname.h"

struct pool_entry;

/* The pools that refer to an entry. */
struct users {
	struct pool_entry **list;
	size_t count;
};

struct endpoint_entry {
	struct endpoint key;
	enum health_state state; /* HEALTH_UNKNOWN until the monitor's first verdict */
	struct users users;
	bool in_store;  /* mark of a full read */
	bool fresh;     /* not yet looked up in the health store */
	uint64_t count; /* the last count that included it */
};

/* A hostname of at least one enabled origin. */
struct name_entry {
	struct endpoint key; /* name_key() */
	char *name;
	struct resolved *resolved; /* without states; NULL until the monitor has resolved it */
	struct users users;
	bool in_store, fresh; /* as for an endpoint */
	uint64_t count;
};

/* The endpoints and hostnames that the origins of a pool refer to. */
struct pool_uses {
	size_t norigins, nendpoints;
	struct origin_uses {
		struct name_entry *name; /* of a hostname whose origin is enabled */
		size_t first, count; /* index of its first endpoint (one for each judged address and judge);
					number of its judged addresses */
	} * origins;
	struct endpoint_entry **endpoints;
};

struct pool_entry {
	struct id id;
	uint32_t slot;
	struct pool *model;        /* NULL: referred to, but does not exist */
	enum health_state *states; /* of each origin, as steering judges it (S24) */
	uint32_t *numbers;         /* of each origin, for counters */
	struct pool_uses uses;
	struct pool_entry *next_dirty;
	uint32_t latency_us; /* S41; 0: unknown */
	bool by_latency;     /* a load balancer chooses it by latency, or did */
	bool dirty;
	bool used;       /* mark of a walk over the load balancers */
	bool changed;    /* its table was replaced since the last compiler_mark_steered() */
	uint64_t marked; /* the mark at which it had changed */
	uint64_t tables; /* how many it had */
};

struct lb_entry {
	struct id id;
	struct lb *model;
	struct zone_entry *zone;   /* NULL: no served zone encloses it */
	struct steer_lb *compiled; /* NULL while disabled */
	uint32_t number;
	/* Only graycloud-signer uses these: its RRsets may have no signatures, and its sets without one
	 * origin. */
	bool unsettled, unspared;
	uint64_t settled; /* the mark up to which its RRsets have signatures */
};

/* The owners of a zone that a graph of a few names has. */
struct zone_owners {
	struct owner_key {
		uint8_t key[NAME_MAX_KEY];
		size_t len;
	} * keys;
	size_t count;
};

struct zone_entry {
	uint32_t number;
	struct zone_info info;
	struct zone *zone;
	struct zone_owners *only; /* NULL: all */
	bool listed;              /* mark of a walk over the store */
	bool ahead;               /* a newer configuration than that of the graph has other rows */
	bool rebuild;
	bool resigned;    /* ... because of its signatures alone */
	uint64_t refused; /* the version of signatures that lack more than those in use; 0: none */
};

/* Memory to free after publication. */
struct retired {
	struct retired_item {
		void (*fn)(void *memory);
		void *memory;
	} * items;
	size_t count;
};

struct config_graph {
	/*
	 * Of pool_entry, lb_entry, zone_entry, endpoint_entry, name_entry. The index of a pool is its slot:
	 * pools are never removed.
	 */
	struct map pools, lbs, lbs_by_name, zones, zones_by_name, endpoints, names;
	bool fresh, fresh_names; /* an endpoint is fresh; a hostname is */
	bool by_latency;         /* a pool is */
	struct config_graph
	    *before; /* during a full read: the health known so far, until the health store is read again */
	struct deadline next_expiry; /* of all models */
	struct pool_entry *dirty;    /* to be judged again */
	bool building;               /* zones: all else is in its place, and health may be followed */
	bool resigned; /* signatures changed beside a newer configuration, which is followed next */
	struct pool_slots *shared; /* snapshots point to it; replaced when it grows */
	const struct zone_table *table;
	const struct compiler_signing *signing;   /* NULL: no zone is signed */
	struct side *side;                        /* to build large zones; NULL: none */
	const struct signature_table *signatures; /* of steered RRsets; for the next snapshots */
	const struct signature_table *kept;       /* see snapshot.h */
	const char *served;                       /* see compiler_set_served */
	struct snapshot *snapshot;
	struct retired *retired;
	struct numbers *numbers;
	char error[200]; /* the reason why the last read or follow failed */
};

/* Numbers for counters outlive graphs: a number always identifies the same load balancer or origin. */
struct numbered {
	size_t len;
	char text[]; /* "FIRST", NUL, "SECOND", NUL */
};

struct numbers {
	struct map map; /* of numbered: the index of an item is its number */
};

/* ---- graph_base.c ---- */

/* Ignores NULL. */
void retired_add(struct retired *retired, void (*fn)(void *), void *memory);
struct retire graph_retire(struct config_graph *graph);

/* The number of a load balancer ("", name) or of an origin (pool, address). */
uint32_t numbers_of(struct numbers *numbers, const char *first, const char *second);
void numbers_free(struct numbers *numbers);

/* ---- graph.c ---- */

struct config_graph *graph_new(struct retired *retired, struct numbers *numbers);
/* Retire all memory that readers may use, and free the rest. Accepts NULL. */
void graph_drop(struct config_graph *graph);

static inline struct bytes
graph_id_key(const struct id *id)
{
	return (struct bytes){id->text, ID_LEN};
}

static inline struct bytes
graph_number_key(const uint32_t *number)
{
	return (struct bytes){number, sizeof *number};
}

/* ---- graph_pool.c ---- */

static inline struct pool_entry *
graph_pool_at(const struct config_graph *graph, uint32_t slot)
{
	return graph->pools.items[slot];
}

map_key_fn graph_pool_key;
/* The entry of a pool. It is created if the pool is referred to for the first time. */
struct pool_entry *graph_pool(struct config_graph *graph, const struct id *id);
struct pool_entry *graph_find_pool(const struct config_graph *graph, const struct id *id);
/*
 * Take ownership of a model (NULL: the pool was deleted) and find the endpoints and hostnames of its origins.
 */
void graph_set_pool(struct config_graph *graph, struct pool_entry *pool, struct pool *model);
/* Mark a pool to be judged again. */
void graph_dirty(struct config_graph *graph, struct pool_entry *pool);
/* Judge the marked pools and put their new tables into their slots. Returns true if there was one. */
bool graph_update_tables(struct config_graph *graph);
/* Set the addresses of a hostname (NULL: nothing is known), and update all its pools. */
void graph_set_addresses(
    struct config_graph *graph, struct name_entry *entry, const struct name_record *record);
/* Retire all tables and free all entries. */
void graph_drop_pools(struct config_graph *graph);

/* ---- graph_latency.c ---- */

/*
 * Read the latencies of the pools, and note those that changed. Pools whose latency is known are skipped
 * unless known is true.
 */
void graph_look_at_latencies(struct config_graph *graph, struct store_txn *health, bool known);

/* ---- graph_uses.c ---- */

/* An endpoint that is used before and after a change keeps its state if the new uses are added first. */
struct endpoint_entry *graph_endpoint(const struct config_graph *graph, const struct endpoint *key);
struct name_entry *graph_name(const struct config_graph *graph, const struct endpoint *key);
/* Find the endpoints and hostnames of a model's origins, hostnames with their addresses. */
void graph_use(
    struct config_graph *graph, struct pool_entry *pool, struct pool *model, struct pool_uses *uses);
void graph_leave(struct config_graph *graph, struct pool_entry *pool, struct pool_uses *uses);
void graph_free_uses(struct pool_uses *uses);
/* Derive the states of a pool's origins and addresses from those of their endpoints. */
void graph_derive_states(struct pool_entry *pool);
map_key_fn graph_endpoint_key, graph_name_key;
void graph_drop_endpoint(void *endpoint);
void graph_drop_name(void *name);

/* ---- graph_lb.c ---- */

/* Takes ownership of the model. */
/* Compile a disabled load balancer, and forget that again. */
void graph_wake_lb(struct config_graph *graph, struct lb_entry *entry);
void graph_put_to_sleep(struct lb_entry *entry);
struct lb_entry *graph_add_lb(struct config_graph *graph, struct lb *model);
/* Enable a load balancer whose disabled_until has passed. The caller must edit its owner in the zone. */
void graph_enable_lb(struct config_graph *graph, struct lb_entry *entry);
void graph_remove_lb(struct config_graph *graph, struct lb_entry *entry);
struct lb_entry *graph_find_lb(const struct config_graph *graph, const struct id *id);
struct lb_entry *graph_lb_by_name(const struct config_graph *graph, const uint8_t *wire);
map_key_fn graph_lb_key, graph_lb_name_key;

/* ---- graph_zones.c ---- */

struct zone_entry *graph_find_zone(const struct config_graph *graph, uint32_t number);
struct zone_entry *graph_add_zone(struct config_graph *graph, const struct zone_info *info);
void graph_remove_zone(struct config_graph *graph, struct zone_entry *entry);
/* The deepest served zone that encloses a name (S7). */
struct zone_entry *graph_zone_of(const struct config_graph *graph, const uint8_t *name);
/* Build the marked zones. Returns false with a sentence in graph->error if one is damaged. */
bool graph_build_zones(struct config_graph *graph, struct store_txn *txn);
/*
 * S100: is the zone signed, and should be, while the stores have lost its signatures? Then it stays as it is:
 * it is neither edited nor built again.
 */
bool graph_is_lost(const struct config_graph *graph, const struct zone_entry *entry);
/* Create a snapshot of the current graph. The previous one is retired. */
void graph_make_snapshot(struct config_graph *graph, uint64_t generation);
/* The key of a load balancer's owner in a zone. Returns false if it would be too long. */
bool graph_owner_key(
    const struct lb_entry *entry, const struct zone_entry *zone, uint8_t key[NAME_MAX_KEY], size_t *len);
int graph_compare_keys(const void *a, size_t a_len, const void *b, size_t b_len);
/* All RRsets of one owner, as config_each_row passes them to graph_gather_row. */
struct owner_rows {
	struct rrset rrsets[NODE_RRSETS_MAX + 1];
	unsigned count;
};
bool graph_gather_row(void *arg, struct bytes key, const struct rrset *rrset);
map_key_fn graph_zone_key, graph_zone_name_key;

/* ---- graph_edit.c ---- */

struct owner_change {
	uint32_t zone;
	size_t len;
	uint8_t *key;
};
/*
 * Edit the changed owners in their zones, or mark a zone to be built again if that costs less. Sorts them.
 * Owners of these zones whose signatures were renewed are edited, too, unless alone is true. Returns false if
 * a zone is damaged.
 */
bool graph_edit_owners(
    struct config_graph *graph, struct store_txn *txn, struct owner_change *owners, size_t count, bool alone);

/* The same for the owners of a signed zone whose signatures were renewed, if they are better. False: build it
 * again. */
bool graph_renew_zone(struct config_graph *graph, struct store_txn *txn, struct zone_entry *entry);

/* Pass each RRset of an owner that is to be signed to the find of signing (snapshot.h, zone_each_signed). */
void graph_each_signed(const struct config_graph *graph, struct store_txn *txn,
    const struct zone_entry *entry, const struct bytes *key, const struct zone_signing *signing);

/*
 * Enable these load balancers of a signed zone, one after the other, in a copy of it, for the signatures that
 * this makes; then drop the copy. They stay compiled.
 */
void graph_foresee(
    struct config_graph *graph, struct store_txn *txn, struct lb_entry *const *entries, size_t count);

/* ---- graph_signed.c ---- */

/*
 * Renew the signatures of zones that were built with older ones, or mark these zones to be built again;
 * complete: also those that lacked some. Returns true if there was one.
 */
bool graph_follow_signed(struct config_graph *graph, struct store_txn *txn, bool complete);
/*
 * S106: the same while newer configurations than that of this generation wait, for zones whose rows they do
 * not change. Returns true if there was one.
 */
bool graph_renew_behind(struct config_graph *graph, struct store_txn *txn, uint64_t generation);

/* ---- reading stores.  False with a sentence in graph->error. ---- */

/* Read a whole transaction into an empty graph, with the health that another graph (or NULL) knows. */
bool graph_read(struct config_graph *graph, struct store_txn *txn, struct config_graph *before);
/*
 * Read only the data that answers for these names need; names that answers lead to must be passed, too.
 * complete is false if that cannot be determined without reading everything.
 */
bool graph_read_names(struct config_graph *graph, struct store_txn *txn, const uint8_t *const *names,
    size_t count, bool *complete);
/*
 * Follow the changes after a generation. lost: some changes are not in the feed any more; nothing was
 * changed.
 */
bool graph_follow(struct config_graph *graph, struct store_txn *txn, uint64_t generation, bool *lost);
/*
 * Enable the load balancers whose disabled_until has passed, and publish; the later ends set next_expiry.
 * enabled: there were some.
 */
bool graph_follow_ends(struct config_graph *graph, struct store_txn *txn, uint64_t generation, bool *enabled);

#endif
