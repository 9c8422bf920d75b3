/*
 * request.h -- write the requests to etcd as JSON: ranges, transactions, watches, log-ins.
 *
 * Each function returns a text that the caller frees. Pure functions; any thread.
 */
#ifndef ETCD_REQUEST_H
#define ETCD_REQUEST_H

#include "zones/base/util.h"

/* etcd refuses a transaction with more operations, and a request with more octets (of values, decoded). */
enum { REQUEST_OPERATIONS_MAX = 128, REQUEST_OCTETS_MAX = 1024 * 1024 };

struct etcd_range {
	const char *key;
	bool prefix;      /* all keys that begin with it, in their order */
	const char *from; /* with prefix: begin at this key; NULL: at the first */
	const char *to;   /* with prefix: end before this key; NULL: at the last */
	int64_t revision; /* as it was then; 0: now */
	int64_t limit;    /* maximum number of rows; 0: all */
	bool keys_only;
	unsigned timeout_ms; /* 0: that of all calls */
};
char *request_range(const struct etcd_range *range);

/* Watch all keys that begin with a prefix, from a revision on. */
char *request_watch(const char *prefix, int64_t from);
char *request_login(const char *user, const char *password);

/* A transaction: if all comparisons are true, all operations are done, else none. */
struct etcd_txn;

struct etcd_txn *etcd_txn_new(void);
/* Accepts NULL. */
void etcd_txn_free(struct etcd_txn *txn);
/* Compare the revision of the last change of a key; 0: the key does not exist. */
void etcd_txn_if_modified(struct etcd_txn *txn, const char *key, int64_t revision);
void etcd_txn_put(struct etcd_txn *txn, const char *key, struct bytes value);
void etcd_txn_delete(struct etcd_txn *txn, const char *key);
/* Delete all keys from `from` up to and without `to`. */
void etcd_txn_delete_range(struct etcd_txn *txn, const char *from, const char *to);
/* The number of operations, and the octets of their keys and values, so far. */
unsigned etcd_txn_operations(const struct etcd_txn *txn);
size_t etcd_txn_octets(const struct etcd_txn *txn);
/* Write it, and free it. */
char *request_txn(struct etcd_txn *txn);

#endif
