/*
 * config.h -- read the config store: zones, objects, and the feed of changes.
 *
 * The commands write it (config_write.h); the daemons read it here. A command is one transaction with one
 * entry in `changes`; the sequence of that entry is the generation of the configuration. Use the functions on
 * the thread of the transaction. Octets that they return are valid until the transaction ends.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "zones/dns/rrset.h"
#include "zones/model/model.h"
#include "zones/store/store.h"

/* The version of the rows' layout. A program neither reads nor writes a store of a higher one. */
#ifndef TEST_SCHEMA /* a test builds programs of the next one */
#define TEST_SCHEMA 1
#endif
enum { CONFIG_SCHEMA = TEST_SCHEMA };

/*
 * The schema of the program that wrote the store; 0 if the store is empty. If it is above CONFIG_SCHEMA, read
 * nothing.
 */
uint32_t config_schema(struct store_txn *txn);

/* The last sequence of `changes`; 0 if the store is empty. */
uint64_t config_generation(struct store_txn *txn);

/* A zone that is served. */
struct zone_info {
	uint32_t number;                /* never reused */
	uint32_t serial;                /* serial of the SOA */
	int64_t loaded;                 /* wall clock, milliseconds since 1970 */
	uint8_t name[NAME_MAX_LEN + 1]; /* wire form, lower case */
};

bool config_zone(struct store_txn *txn, const uint8_t *name, struct zone_info *zone);
/* Find the deepest zone that encloses name (S7). Returns false if there is none. */
bool config_zone_of(struct store_txn *txn, const uint8_t *name, struct zone_info *zone);

/* A callback returns true to go on. A function returns false if a callback stopped it. */
typedef bool config_zone_fn(void *arg, const struct zone_info *zone);
bool config_each_zone(struct store_txn *txn, config_zone_fn *fn, void *arg);

/* owner_key is the result of name_to_key; rrset points into the transaction. Damaged rows are skipped. */
typedef bool config_row_fn(void *arg, struct bytes owner_key, const struct rrset *rrset);
/* All rows of a zone, or if owner_key is not empty, the rows of that owner; in the order of the keys. */
bool config_each_row(
    struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, config_row_fn *fn, void *arg);

/* The rows of an owner in the zone here that has it, if there is one. */
void config_each_row_of(struct store_txn *txn, const uint8_t *owner, config_row_fn *fn, void *arg);

/* The first owner of a zone whose key is equal to or larger than from. Returns false if there is none. */
bool config_owner_from(
    struct store_txn *txn, uint32_t zone, struct bytes from, uint8_t key[NAME_MAX_KEY], size_t *len);

/*
 * The identity of this configuration, created with its first change and never changed. Empty before.
 */
struct id config_identity(struct store_txn *txn);

/* The JSON of one object. Returns false if there is none. */
bool config_object(struct store_txn *txn, enum kind kind, const char *id, struct bytes *json);
/*
 * The id of an object by its name (of a load balancer: lower case, no final dot). Returns false if there is
 * none.
 */
bool config_object_id(struct store_txn *txn, enum kind kind, const char *name, struct id *id);
/* S105: is the zone of this apex (lower case) enabled for DNSSEC, or on the way out of it? */
bool config_signs(struct store_txn *txn, const uint8_t *apex);
typedef bool config_object_fn(void *arg, const struct id *id, struct bytes json);
/* All objects of a kind, in the order of their ids or of their names. */
bool config_each_object(struct store_txn *txn, enum kind kind, config_object_fn *fn, void *arg);
bool config_each_object_by_name(struct store_txn *txn, enum kind kind, config_object_fn *fn, void *arg);
/* Only names and ids; no object is read. */
typedef bool config_name_fn(void *arg, struct bytes name, const struct id *id);
bool config_each_name(struct store_txn *txn, enum kind kind, config_name_fn *fn, void *arg);
/* The same for the names after a name, which need not exist. */
bool config_each_object_after(
    struct store_txn *txn, enum kind kind, const char *name, config_object_fn *fn, void *arg);

typedef bool config_referrer_fn(void *arg, enum kind kind, const struct id *id, struct bytes json);
/*
 * All objects whose documents mention an id, in the order of their own ids: the pools of a monitor, the load
 * balancers of a pool. They are found by an index, so the cost does not depend on how many others there are.
 */
bool config_each_referrer(struct store_txn *txn, const struct id *id, config_referrer_fn *fn, void *arg);
/* All pools that have an origin with this address or host name, in the form that documents keep. */
bool config_each_pool_of_address(
    struct store_txn *txn, const char *address, config_referrer_fn *fn, void *arg);

/* Load an object. Returns NULL if there is none or it cannot be read. Free it with model_free_*. */
struct pool *config_pool(struct store_txn *txn, const char *id);
/*
 * Load a pool from its document, with the members of its monitor group. Returns NULL as document_load_pool
 * does.
 */
struct pool *config_pool_of(struct store_txn *txn, struct bytes json);
/*
 * A pool as it was at a generation, as far as the log reaches back; the members of its monitor group are
 * the present ones. NULL, too, if everything was replaced since.
 */
struct pool *config_pool_at(struct store_txn *txn, const char *id, uint64_t generation);
struct monitor *config_monitor(struct store_txn *txn, const char *id);
struct lb *config_lb(struct store_txn *txn, const char *id);

/*
 * The part of the configuration that one change touched. One command can touch many; each is reported once
 * per change.
 */
enum config_what {
	CONFIG_OBJECT, /* kind and id: written or deleted */
	CONFIG_OWNER,  /* zone and owner_key: one RRset of that owner */
	CONFIG_ZONE,   /* zone: added, deleted or replaced as a whole */
	CONFIG_NOTE,   /* zone: the note of a record (record_notes.h); never in the feed */
	CONFIG_ALL     /* everything, by a restore; never in the feed, which then does not reach back */
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
/*
 * A number that is another one after the history of this node was replaced by that of other nodes (S97, `node
 * reset`): then a generation that was read has another content, and changes after it do not follow.
 */
uint64_t config_history(struct store_txn *txn);
/*
 * Report all changes after a generation, the oldest first. Returns false if the feed no longer reaches back
 * to it: read everything again.
 */
bool config_changes_after(struct store_txn *txn, uint64_t generation, config_change_fn *fn, void *arg);

/*
 * The history for people: one entry for each command after a sequence, the oldest first. The texts are JSON
 * as config_write.h wrote it: head is an object of time, who, command and reason.
 */
typedef bool config_history_fn(void *arg, uint64_t sequence, struct bytes head);
bool config_each_command(struct store_txn *txn, uint64_t after, config_history_fn *fn, void *arg);

/* One item that a command changed: its content before and after, each empty if it did not exist. */
struct config_item {
	enum config_what what;
	bool kept_for_undo; /* a row of a zone that was deleted as a whole: reported here, not in the feed */
	enum kind kind;     /* of an object */
	struct id id;
	uint32_t zone;          /* of an RRset, a note, or a whole zone */
	struct bytes owner_key; /* of an RRset; of a whole zone its name in wire form */
	uint16_t type;
	struct bytes before, after; /* JSON, or the values of rrset.h or of a note; empty for a whole zone */
	enum config_zone_fate { CONFIG_ZONE_ADDED = 1, CONFIG_ZONE_DELETED, CONFIG_ZONE_REPLACED } fate;
};
typedef bool config_item_fn(void *arg, const struct config_item *item);
bool config_each_item(struct store_txn *txn, uint64_t sequence, config_item_fn *fn, void *arg);
/* Read the octets of one item as `changes` keeps them. False if they are damaged. */
bool config_item_decode(struct bytes octets, struct config_item *item);

#endif
