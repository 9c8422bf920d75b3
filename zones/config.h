/*
 * config.h -- what the config store says: zones, objects, and the feed of changes.
 *
 * The commands write it (config_write.h); the daemons read it here.  A command is one transaction
 * with one entry in `changes`, whose sequence is the generation of the configuration.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "model.h"
#include "rrset.h"
#include "store.h"

/* The last sequence of `changes`; 0 in an empty store. */
uint64_t config_generation(struct store_txn *txn);

/* A zone that is served. */
struct zone_info {
	uint32_t number; /* never reused */
	uint32_t serial; /* of the SOA */
	int64_t loaded;  /* wall clock, milliseconds */
	uint8_t name[NAME_MAX_LEN + 1]; /* wire, lower case */
};

bool config_zone(struct store_txn *txn, const uint8_t *name, struct zone_info *zone);
/* The deepest zone that encloses name (S7). */
bool config_zone_of(struct store_txn *txn, const uint8_t *name, struct zone_info *zone);

/* Callbacks return true to go on.  The functions return false where a callback stopped them. */
typedef bool config_zone_fn(void *arg, const struct zone_info *zone);
bool config_each_zone(struct store_txn *txn, config_zone_fn *fn, void *arg);

/* owner_key is what name_to_key made; rrset points into the transaction.  Damaged rows are passed over. */
typedef bool config_row_fn(void *arg, struct bytes owner_key, const struct rrset *rrset);
/* All rows of a zone, or with owner_key those of one owner, in the order of the keys. */
bool config_each_row(struct store_txn *txn, uint32_t zone, const struct bytes *owner_key,
    config_row_fn *fn, void *arg);

/* The JSON of one object; false where there is none. */
bool config_object(struct store_txn *txn, enum kind kind, const char *id, struct bytes *json);
/* Its id by its name (of a load balancer: lower case, no final dot). */
bool config_object_id(struct store_txn *txn, enum kind kind, const char *name, struct id *id);
typedef bool config_object_fn(void *arg, const struct id *id, struct bytes json);
/* All objects of a kind; in the order of their ids, or of their names. */
bool config_each_object(struct store_txn *txn, enum kind kind, config_object_fn *fn, void *arg);
bool config_each_object_by_name(struct store_txn *txn, enum kind kind, config_object_fn *fn, void *arg);

/* Loaded objects, or NULL where there is none or it cannot be read.  The caller frees with model_free_*. */
struct pool *config_pool(struct store_txn *txn, const char *id);
struct monitor *config_monitor(struct store_txn *txn, const char *id);
struct lb *config_lb(struct store_txn *txn, const char *id);

/* What one change touched.  One command can touch many things; each is told once per change. */
enum config_what {
	CONFIG_OBJECT,   /* kind and id: written or deleted */
	CONFIG_OWNER,    /* zone and owner_key: one RRset of that owner */
	CONFIG_ZONE      /* zone: added, deleted or replaced as a whole */
};

struct config_change {
	uint64_t sequence;
	enum config_what what;
	enum kind kind;
	struct id id;
	uint32_t zone;
	struct bytes owner_key; /* valid during the callback */
};

typedef bool config_change_fn(void *arg, const struct config_change *change);
/* All that changed after a generation.  False where the feed no longer reaches back to it: read everything anew. */
bool config_changes_after(struct store_txn *txn, uint64_t generation, config_change_fn *fn, void *arg);

#endif
