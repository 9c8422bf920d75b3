/*
 * parts.h -- octets that are too large for one row of etcd: as chunks of 512 KiB, named by their SHA-256.
 *
 * A chunk that is there already is not sent again. The keys lie outside the prefix that nodes watch. One
 * upload or download at a time; another one ends it without a callback. One thread.
 */
#ifndef PARTS_H
#define PARTS_H

#include "sync/engine/etcd.h"
#include "zones/base/digest.h"

enum { PART_OCTETS = 512 * 1024 };

struct parts;

/* cluster: its name. */
struct parts *parts_new(struct etcd *etcd, const char *cluster);
void parts_free(struct parts *parts);

/* why: NULL if all chunks are in the engine. */
typedef void parts_sent_fn(void *arg, const char *why);
/* Takes over octets. */
void parts_send(struct parts *parts, uint8_t *octets, size_t len, parts_sent_fn *done, void *arg);
/* octets: valid during the callback; with NULL, why is the reason. */
typedef void parts_got_fn(void *arg, struct bytes octets, const char *why);
void parts_fetch(
    struct parts *parts, const uint8_t digest[DIGEST_LEN], size_t len, parts_got_fn *done, void *arg);
bool parts_busy(const struct parts *parts);
/* The connection ended: no callback follows. */
void parts_stop(struct parts *parts);
/* Delete the chunks of a digest. */
void parts_delete(struct parts *parts, struct etcd_txn *txn, const uint8_t digest[DIGEST_LEN]);

#endif
