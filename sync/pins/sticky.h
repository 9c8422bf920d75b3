/*
 * sticky.h -- S99: tell the other nodes of this node's sticky pins that differ.
 *
 * The nameserver writes them to a ring (pin_news.h). At most once a second the new ones go to the engine as
 * documents (pin_sheet.h) under pins/NODE/NUMBER: at most 1,000 a second, of these at most 64 of one network
 * of resolvers; proven ones first, then confirmed ones. The pins that wait are bounded; more are dropped and
 * counted. The documents stay in the engine until all their pins have ended, for
 * nodes that connect later. A request that is carried out late changes nothing (own_key.h). One thread.
 */
#ifndef SYNC_STICKY_H
#define SYNC_STICKY_H

#include "sync/engine/etcd.h"

enum {
	STICKY_MS = 1000,           /* between two requests */
	STICKY_AT_ONCE = 1000,      /* pins of a request */
	STICKY_OF_ONE = 64,         /* of these, of one network */
	STICKY_WAITING = 4096,      /* of each rank */
	STICKY_WAITING_OF_ONE = 256 /* of one network */
};

struct sticky;

/* state: the state directory; prefix: of all keys; node: the name of this one. All are copied. */
struct sticky *sticky_new(struct etcd *etcd, const char *state, const char *prefix, const char *node);
/* Accepts NULL. */
void sticky_free(struct sticky *sticky);

/* A connection: everything is read again; a row of this node was read or reported; all were read; it ended.
 */
void sticky_begun(struct sticky *sticky);
void sticky_own(struct sticky *sticky, unsigned number, const struct etcd_row *row);
void sticky_ready(struct sticky *sticky);
void sticky_ended(struct sticky *sticky);
/* The engine has lost all documents of this node: send them again. */
void sticky_lost(struct sticky *sticky);

/* Read the ring, and send what waits. second: once a second. */
void sticky_look(struct sticky *sticky, bool second, uint64_t now_ms);

/* The number of a document in "NODE/NUMBER", and the name; false if it is none. */
bool sticky_key(const char *rest, char *node, size_t size, unsigned *number);

struct sticky_counters {
	uint64_t sent;    /* pins */
	uint64_t dropped; /* because too many waited, or the ring was overwritten */
	size_t waiting;
};
struct sticky_counters sticky_counters(const struct sticky *sticky);

#endif
