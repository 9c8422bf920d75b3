/*
 * etcd.h -- talk to etcd, versions 3.4 and 3.5, over its JSON gateway. The only user of libcurl here.
 *
 * etcd has several endpoints, the clients' addresses of its members. Calls and the watch go to the one that
 * etcd_use() chose; probes go to all. A call is one POST with a time limit. A watch is one POST whose answer
 * does not end; each line of it is a message. With user and password, a call without a valid token first gets
 * one; a token that has ended is renewed without the caller's notice.
 *
 * One thread, that of the event loop; no function waits. Callbacks come from the loop, never from within a
 * function that was called.
 */
#ifndef ETCD_H
#define ETCD_H

#include "sync/engine/answer.h"
#include "sync/engine/request.h"
#include "zones/base/problem.h"

struct event_base;
struct etcd;

enum { ETCD_ENDPOINTS_MAX = 9 };

/* All texts must outlive the client. */
struct etcd_settings {
	const char *endpoints[ETCD_ENDPOINTS_MAX]; /* URLs, as https://192.0.2.1:2379; the own member first */
	size_t nendpoints;
	const char *ca, *cert, *key; /* files in PEM, read for each new connection; or NULL */
	const char *user, *password; /* or NULL */
	unsigned timeout_ms;         /* of a call */
};

/* Returns NULL with problems filled if libcurl cannot start. */
struct etcd *etcd_new(
    struct event_base *base, const struct etcd_settings *settings, struct problems *problems);
/* Calls in progress end without a callback. Accepts NULL. */
void etcd_free(struct etcd *etcd);

/* The reason why a URL of an endpoint is invalid; NULL if it is valid. */
const char *etcd_endpoint_fault(const char *url);

/*
 * Talk to this endpoint from now on. The watch and all calls in progress end without a callback, and no
 * connection of before is used again: it may hang in retransmissions after a cut of the network.
 */
void etcd_use(struct etcd *etcd, size_t endpoint);

/* The answer is valid during the callback. */
typedef void etcd_done_fn(void *arg, const struct etcd_answer *answer);

void etcd_get(struct etcd *etcd, const struct etcd_range *range, etcd_done_fn *done, void *arg);
/* Takes over txn. */
void etcd_commit(struct etcd *etcd, struct etcd_txn *txn, etcd_done_fn *done, void *arg);
/* The same with another time limit. */
void etcd_commit_within(
    struct etcd *etcd, struct etcd_txn *txn, unsigned timeout_ms, etcd_done_fn *done, void *arg);
/* The size of the database and the version of the member. */
void etcd_ask_status(struct etcd *etcd, etcd_done_fn *done, void *arg);

/*
 * Watch all keys that begin with a prefix from a revision on; a watch that runs ends without a callback. The
 * callback gets each message in the order of revisions. The last one has an outcome that is not ETCD_DONE, or
 * is cancelled: the watch has ended, and a new one can be started from the last revision that was seen.
 */
void etcd_watch(struct etcd *etcd, const char *prefix, int64_t from, etcd_done_fn *each, void *arg);

/* The result of a probe. */
struct etcd_probe {
	size_t endpoint;
	bool reached;      /* its machine accepted or refused the connection: the way to it works */
	bool answered;     /* the member answered a read, for which it needs most of the members */
	const char *error; /* if it did not answer: the reason */
};
typedef void etcd_probe_fn(void *arg, const struct etcd_probe *probe);
/*
 * Read a key at all endpoints at the same time, each over a connection of its own. An endpoint whose last
 * probe is in progress is left out.
 */
void etcd_probe_all(struct etcd *etcd, const char *key, etcd_probe_fn *done, void *arg);

/* Octets of bodies so far. */
struct etcd_traffic {
	uint64_t sent, received, calls, failures;
};
struct etcd_traffic etcd_traffic(const struct etcd *etcd);

#endif
