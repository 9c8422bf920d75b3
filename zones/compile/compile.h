/*
 * compile.h -- make the snapshot of what the stores say, wholly once and then by its changes.
 *
 * A compiler belongs to one thread.  It keeps what it needs to follow the feeds of changes and flips: which
 * pool uses which endpoint, which load balancer stands in which zone.  A change of health replaces pool
 * tables in their slots under the running snapshot; a change of configuration makes a new snapshot that
 * shares what did not change.
 */
#ifndef COMPILE_H
#define COMPILE_H

#include "zones/answer/snapshot.h"
#include "zones/model/status.h"
#include "zones/state/config.h"
#include "zones/state/health.h"
#include "zones/steer/steer.h"

struct compiler;

enum compiled {
	COMPILED_SAME,   /* nothing to publish */
	COMPILED_TABLES, /* pool tables were replaced in their slots */
	COMPILED_NEW,    /* compiler_snapshot() is a new one */
	COMPILED_FAILED  /* the old one stays good; compiler_error() says why */
};

struct compiler *compiler_new(void);
void compiler_free(struct compiler *compiler);

/*
 * One that has read both stores, for a command: it looks once and follows nothing.  health is NULL where
 * there is none.  NULL with a sentence where it cannot be.
 */
struct compiler *compiler_read(struct store_txn *config, struct store_txn *health, struct problems *problems);

/*
 * The same for a few names: it has what answers for them need, and costs what they cost. An answer that leads
 * to another name (a CNAME, a nameserver) is right when that name was given too.
 */
struct compiler *compiler_read_names(struct store_txn *config, struct store_txn *health,
    const uint8_t *const *names, size_t count, struct problems *problems);

/* Follow the config store.  anew: read all of it (the store was replaced). */
enum compiled compiler_config(struct compiler *compiler, struct store_txn *txn, bool anew);

/*
 * Follow the health store.  anew: it was replaced, and verdicts known so far hold until it has its own (S27).
 */
enum compiled compiler_health(struct compiler *compiler, struct store_txn *txn, bool anew);

/*
 * What the configuration says until a time (disabled_until, forced_until): compiler_expired() tells if the
 * first of these times has passed, compiler_expire() makes the pools as the configuration says without it.
 */
bool compiler_expired(const struct compiler *compiler);
enum compiled compiler_expire(struct compiler *compiler, struct store_txn *txn);

/* The newest snapshot; NULL before the first compile. */
const struct snapshot *compiler_snapshot(const struct compiler *compiler);

/*
 * After publication: hand over all that was replaced.  Nothing is handed over while the last compile stands
 * half-done: the snapshot that readers have still needs it.
 */
void compiler_retire(struct compiler *compiler, const struct retire *retire);

/* Why the last compile failed: one sentence, owned by the compiler. */
const char *compiler_error(const struct compiler *compiler);

/*
 * Endpoints that matter to enabled load balancers and whose state is unknown (S29): of enabled origins that
 * are not forced, in enabled pools that are used.  Walks all load balancers.
 */
size_t compiler_unknown(struct compiler *compiler);

struct compiled_counts {
	size_t zones, lbs, pools, endpoints;
};
/* Of load balancers and the origins that each may answer with, one that several of its lists have counted for
 * each.  Walks all load balancers. */
size_t compiler_pairs(const struct compiler *compiler);
void compiler_counts(const struct compiler *compiler, struct compiled_counts *counts);

/* S28, for each pool that is there and each load balancer, disabled ones too; geography: what a load balancer
 * asks of databases of places (lists.h).  Load balancers are judged only where a pool of theirs is not
 * Healthy. */
struct compiled_status {
	void *arg;
	void (*pool)(void *arg, const char *name, enum pool_status status);
	void (*lb)(void *arg, const char *name, enum lb_status status, unsigned geography);
};
void compiler_status(const struct compiler *compiler, const struct compiled_status *status);

/* Names behind the numbers of counters; false where a number is not known.  The texts live with the compiler.
 */
bool compiler_lb_name(const struct compiler *compiler, uint32_t number, const char **name);
bool compiler_origin_name(
    const struct compiler *compiler, uint32_t number, const char **pool, const char **address);

/*
 * For what-if: from now on every origin of an address or hostname is forced up or down, whatever is
 * configured.  Call before the snapshot is used.  Returns how many origins there are.
 */
size_t compiler_force(struct compiler *compiler, const char *address, enum forced forced);

/* For explain: the model of an enabled load balancer; NULL where there is none. */
const struct lb *compiler_lb(const struct compiler *compiler, const struct id *id);

/* For explain: the model behind a slot, and the state of each of its origins as steering judges it. */
const struct pool *compiler_pool(
    const struct compiler *compiler, uint32_t slot, const enum health_state **states);

#endif
