/*
 * world.h -- what a compiler knows of the configuration while it follows it (used by compile.c alone).
 *
 * Entries are found by binary trees (tsearch) whose nodes begin with their key.  Functions return false where
 * memory is exhausted.
 */
#ifndef WORLD_H
#define WORLD_H

#include "zones/compile/compile.h"
#include "zones/state/hostname.h"

struct pool_entry;

/* The pools that something matters to. */
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
	uint64_t count; /* the last count that met it */
};

/* A hostname that some enabled origin has. */
struct name_entry {
	struct endpoint key; /* name_key() */
	char *name;
	struct resolved *resolved; /* without states; NULL until the monitor has looked */
	struct users users;
	bool in_store, fresh; /* as an endpoint's */
	uint64_t count;
};

/* What the origins of a pool use. */
struct pool_uses {
	size_t norigins, nendpoints;
	struct origin_uses {
		struct name_entry *name; /* of a hostname whose origin is enabled */
		size_t first, count;     /* of its endpoints, those of each address for each judge; of its
					    addresses that are judged */
	} * origins;
	struct endpoint_entry **endpoints;
};

struct pool_entry {
	struct id id;
	uint32_t slot;
	struct pool *model;        /* NULL: referenced, but not there */
	enum health_state *states; /* of each origin, as steering judges it (S24) */
	uint32_t *numbers;         /* of each origin, for counters */
	struct pool_uses uses;
	struct pool_entry *next_dirty;
	uint32_t latency_us; /* S41; 0: not known */
	bool by_latency;     /* some load balancer chooses it by that, or did */
	bool dirty;
	bool used; /* mark of a walk over the load balancers */
};

struct lb_entry {
	struct id id;
	struct lb *model;
	struct zone_entry *zone;   /* NULL: no served zone encloses it */
	struct steer_lb *compiled; /* NULL while disabled */
	uint32_t number;
};

/* The owners that a world of a few names has of a zone. */
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
	bool rebuild;
};

/* A vector of things to free after publication. */
struct retired {
	struct retired_item {
		void (*fn)(void *memory);
		void *memory;
	} * items;
	size_t count, room;
};

struct world {
	void *pools, *lbs, *lb_names, *zones, *zone_names, *endpoints, *names; /* tsearch roots */
	size_t nlbs, nzones, nendpoints;
	bool fresh, fresh_names; /* some endpoint is; some hostname */
	bool by_latency;         /* some pool is */
	struct world
	    *before; /* while everything is read: what is known until the health store is read again */
	struct pool_entry **by_slot;
	struct deadline next_end; /* of all the models' ends; 0: none */
	struct pool_entry *dirty; /* to be judged anew */
	uint32_t slots, room;
	struct pool_slots *shared; /* what snapshots point to; replaced when it grows */
	const struct zone_table *table;
	struct snapshot *snapshot;
	struct retired *retired;
	struct numbers *numbers;
	char error[200]; /* why the last read or follow failed */
};

/* Numbers for counters outlive worlds: a number always means the same load balancer or origin. */
struct numbers {
	void *tree;
	struct numbered {
		char *text; /* "lb\0name" or "pool\0address" with two NULs inside */
		size_t len;
		uint32_t number;
	} * *items;
	size_t count, room;
};

struct world *world_new(struct retired *retired, struct numbers *numbers);
/* Retire all that readers may hold, free the rest. */
void world_drop(struct world *world);

/* Read everything of a transaction into an empty world, with what another world knows of health where there
 * is one. */
bool world_read(struct world *world, struct store_txn *txn, struct world *before);
/*
 * Read what answers for these names need, and no more; names that answers lead to are to be given too.
 * complete is false if that cannot be told without reading everything.
 */
bool world_read_names(
    struct world *world, struct store_txn *txn, const uint8_t *const *names, size_t count, bool *complete);
/* The rows of these owners, in the order of their keys. */
bool world_each_owner(
    struct store_txn *txn, uint32_t zone, struct zone_owners *only, config_row_fn *fn, void *arg);
/* Follow the changes after a generation. */
bool world_follow(struct world *world, struct store_txn *txn, uint64_t generation, bool *lost);

/* Judge the pools that are dirty and put their new tables into their slots.  *changed tells whether any was.
 */
bool world_settle(struct world *world, bool *changed);
void world_dirty(struct world *world, struct pool_entry *pool);

/* world_uses.c.  Endpoints that are used before and after a change keep their state where the new uses come
 * first. */
/* Look up how fast the pools answer, of those whose latency is known only if known is set, and note the
 * changed ones. */
void world_look_at_latencies(struct world *world, struct store_txn *health, bool known);
struct endpoint_entry *world_endpoint(struct world *world, const struct endpoint *key);
struct name_entry *world_name(struct world *world, const struct endpoint *key);
/* What a model's origins use, hostnames with their addresses; on failure nothing is used. */
bool world_use(struct world *world, struct pool_entry *pool, struct pool *model, struct pool_uses *uses);
void world_leave(struct world *world, struct pool_entry *pool, struct pool_uses *uses);
void world_free_uses(struct pool_uses *uses);
/* A hostname has other addresses (NULL: nothing is known of it): all its pools follow. */
bool world_set_addresses(struct world *world, struct name_entry *entry, const struct name_record *record);
/* The states of a pool's origins and addresses, from what is known of their endpoints. */
void world_judge(struct pool_entry *pool);
void world_drop_endpoint(void *endpoint);
void world_drop_name(void *name);

/* Between world.c and world_zones.c. */
void *world_find(void *const *root, const void *key, int (*compare)(const void *, const void *));
int world_by_id(const void *a, const void *b);
int world_by_number(const void *a, const void *b);
struct retire world_retire(struct world *world);
void world_free_slots(void *slots);
/* The entry of a pool; made where a load balancer names it first. */
struct pool_entry *world_pool(struct world *world, const struct id *id);
/* Take over a model (NULL: the pool was deleted) and find the endpoints of its origins. */
bool world_set_pool(struct world *world, struct pool_entry *pool, struct pool *model);
void world_drop_pool(struct pool_entry *pool);
/* What steering goes by, of a load balancer's model: one allocation. */
struct steer_lb *world_compile_lb(struct world *world, const struct lb_entry *entry);
/* Takes over the model in every case. */
struct lb_entry *world_add_lb(struct world *world, struct lb *model);
void world_remove_lb(struct world *world, struct lb_entry *entry);
struct lb_entry *world_lb_by_name(struct world *world, const uint8_t *wire);
/* All RRsets of one owner, as config_each_row gives them to world_gather_row. */
struct owner_rows {
	struct rrset rrsets[NODE_RRSETS_MAX + 1];
	unsigned count;
};
bool world_gather_row(void *arg, struct bytes key, const struct rrset *rrset);

/* Entries of a tree as an array, so that they can be changed while we go through them.  Free items. */
struct array {
	void **items;
	size_t count;
};
bool world_array(struct array *array, void *root, size_t count);

struct zone_entry *world_add_zone(struct world *world, const struct zone_info *info);
void world_remove_zone(struct world *world, struct zone_entry *entry);
/* Build the zones that are marked. */
bool world_build_zones(struct world *world, struct store_txn *txn);
/* A snapshot of what the world has now; the one before is retired. */
bool world_publish(struct world *world, uint64_t generation);
/* The key of a load balancer's owner; false where it would be too long. */
bool world_lb_key(
    const struct lb_entry *entry, const struct zone_entry *zone, uint8_t key[NAME_MAX_KEY], size_t *len);
int world_compare_keys(const void *a, size_t a_len, const void *b, size_t b_len);
/* The deepest served zone that encloses a name (S7). */
struct zone_entry *world_zone_of(struct world *world, const uint8_t *name);

bool retired_add(struct retired *retired, void (*fn)(void *), void *memory);
uint32_t numbers_of(struct numbers *numbers, const char *first, const char *second);

#endif
