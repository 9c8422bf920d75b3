/*
 * compile.h -- compile the stores into a snapshot: completely once, then by following changes.
 *
 * A compiler belongs to one thread. It keeps the data that it needs to follow the feeds of changes and flips:
 * the endpoints of each pool, the zone of each load balancer. A change of health replaces pool tables in
 * their slots under the running snapshot. A change of configuration creates a new snapshot that shares all
 * unchanged data.
 */
#ifndef COMPILE_H
#define COMPILE_H

#include "zones/answer/snapshot.h"
#include "zones/model/status.h"
#include "zones/state/config.h"
#include "zones/state/health.h"
#include "zones/state/signatures.h"
#include "zones/steer/steer.h"

struct compiler;
struct side;

/*
 * The source of signatures (S100). zone returns NULL if a zone is not signed; the result is valid until the
 * next call. The nameserver's is signature_source.h, graycloud-signer has one that signs.
 */
typedef void compiler_renewed_fn(void *arg, const struct bytes *owner_key);
struct compiler_signing {
	void *arg;
	const struct zone_signing *(*zone)(void *arg, const struct zone_info *info);
	/*
	 * Call fn with the owners whose signatures were renewed since a version of the zone. False: there is
	 * more that changed, and it must be built again. NULL: that is always so.
	 */
	bool (*renewed)(
	    void *arg, const struct zone_info *info, uint64_t version, compiler_renewed_fn *fn, void *fn_arg);
	/*
	 * S100: does the configuration sign a zone that zone() does not find, and did the signer not end it?
	 * NULL: that never is so.
	 */
	bool (*lost)(void *arg, const struct zone_info *info);
	/* S109: are the sets without one origin of the zone's load balancers signed, too? NULL: of none. */
	bool (*spares)(void *arg, uint32_t zone);
};

enum compiled {
	COMPILED_SAME,   /* nothing to publish */
	COMPILED_TABLES, /* pool tables, or parts of the table of signatures, were replaced in their places */
	COMPILED_NEW,    /* compiler_snapshot() is a new one */
	COMPILED_FAILED  /* the old one stays valid; compiler_error() has the reason */
};

struct compiler *compiler_new(void);
/* Before the first compile: a thread that does a part of the work of large zones. */
void compiler_set_side(struct compiler *compiler, struct side *side);
void compiler_free(struct compiler *compiler);

/*
 * Create a compiler that has read both stores once and follows no changes; for a command. health is NULL if
 * there is no such store. Returns NULL with a sentence in problems if that fails.
 */
struct compiler *compiler_read(struct store_txn *config, struct store_txn *health, struct problems *problems);

/* The signatures for a command that reads once. */
struct compiler_signed {
	const struct compiler_signing *signing; /* NULL: no zone is signed */
	struct store_txn *signatures, *sets;    /* of steered RRsets; NULL: there are none */
	const char *served;                     /* as compiler_set_served; NULL: none */
};

/*
 * The same for a few names (NULL: for all): it reads only the data that answers for them need, at the cost of
 * these names. An answer that leads to another name (a CNAME, a nameserver) is correct only if that name was
 * passed, too. The same holds for the chain of names of a signed zone: only for all names are its NSECs
 * found. signed_by may be NULL.
 */
struct compiler *compiler_read_names(struct store_txn *config, struct store_txn *health,
    const struct compiler_signed *signed_by, const uint8_t *const *names, size_t count,
    struct problems *problems);

/* Follow the config store. With the flag (the store was replaced), read all of it. */
enum compiled compiler_config(struct compiler *compiler, struct store_txn *txn, bool anew);

/*
 * Follow the health store. With the flag, the store was replaced; known verdicts stay valid until it has its
 * own (S27).
 */
enum compiled compiler_health(struct compiler *compiler, struct store_txn *txn, bool anew);

/* The source for all later compiles; it must be valid during each of them. NULL: no zone is signed. */
void compiler_set_signing(struct compiler *compiler, const struct compiler_signing *signing);
/*
 * Follow the stores of the signer; sets is NULL if there is none. With the flag (a store was replaced), read
 * them wholly. Zones whose signatures changed are built again from config.
 */
enum compiled compiler_signatures(struct compiler *compiler, struct store_txn *config,
    struct store_txn *signatures, struct store_txn *sets, bool anew);
/* Only the steered RRsets of these stores: signatures that a configuration needs are there before it. */
enum compiled compiler_steered(
    struct compiler *compiler, struct store_txn *signatures, struct store_txn *sets);
/*
 * S103: true if a change of the configuration needs signatures that the signer has not made yet, so that the
 * running snapshot must stay in use. The same holds while the signer is ahead: it keeps what one
 * configuration needs, and that before it; and while signatures of a zone of the running snapshot are lost.
 * signatures is NULL if the store cannot be read; with the flag, the configuration was replaced.
 */
bool compiler_waits_for_signer(
    const struct compiler *compiler, struct store_txn *config, struct store_txn *signatures, bool anew);
/*
 * Are zones of the running snapshot being built? Then the source of signatures, which the build calls, may
 * follow health and sign load balancers: those of the zones that are not built yet are signed as before.
 */
bool compiler_is_building(const struct compiler *compiler);
/*
 * S100: the zones that were answered signed before this compiler began, one a line, for the first compile: if
 * their signatures are lost, they are signed zones that have none. compiler_signed_names writes those of the
 * snapshot like that, in the order of their octets; the caller frees it.
 */
void compiler_set_served(struct compiler *compiler, const char *names);
char *compiler_signed_names(const struct compiler *compiler);
/* Those of which there is no signature, because they were lost before the zone was compiled. */
char *compiler_bare_names(const struct compiler *compiler);
/* Has it sets of load balancers whose store was lost? */
bool compiler_keeps_sets(const struct compiler *compiler);
/* S100: is a zone of the snapshot signed whose signatures are lost? It stays as it is. */
bool compiler_has_lost(const struct compiler *compiler);
/* The rows that were read last may be wrong: nothing is published before everything was read again. */
void compiler_distrust(struct compiler *compiler);
/* Is a zone of the snapshot signed? */
bool compiler_has_signed(const struct compiler *compiler);
/* The number of RRsets of signed zones that have no signature, and of one zone. */
size_t compiler_unsigned(const struct compiler *compiler);
size_t compiler_zone_unsigned(const struct compiler *compiler, uint32_t zone);

/*
 * S109: pass each RRset of an owner that is to be signed to the find of signing, as this configuration has
 * it, and its NSECs as the chain of the snapshot has them: if that is of another configuration, or if the
 * zone is not signed in it, they may be others. One owner costs the same in any zone.
 */
void compiler_each_signed(const struct compiler *compiler, struct store_txn *config, uint32_t zone,
    const struct bytes *owner_key, const struct zone_signing *signing);

/*
 * An RRset that a load balancer of a signed zone can answer with, now or after any flip of health: each
 * address alone, the sets that it would answer with now, the CNAMEs of its origins; of a zone that has nodes
 * without keys also the sets that it would answer with after the death of any one origin. row has everything
 * but the signature.
 */
enum { SPARE_ORIGINS_MAX = 64 }; /* S109: of a pool with more origins there are no sets without one of them */
/*
 * Mark the load balancers whose pools changed since the last call; all: every one. compiler_sign_steered then
 * takes marked ones, in turn, and calls fn with each RRset that has no signature in the table of the
 * compiler, until fn returns false, or pause, which is called before each load balancer, returns true. That
 * load balancer stays marked. Returns true if marked ones may be left. Sets without one origin come last,
 * after those of all load balancers. pause may call compiler_sign_wanted.
 */
typedef bool compiler_steered_fn(
    void *arg, const struct steered_signature *row, const struct content *content);
typedef bool compiler_pause_fn(void *arg);
void compiler_mark_steered(struct compiler *compiler, bool all);
bool compiler_sign_steered(
    struct compiler *compiler, compiler_steered_fn *fn, compiler_pause_fn *pause, void *arg);
/* The same for one load balancer (a wire name) if it is marked. Returns true if it was. */
bool compiler_sign_wanted(struct compiler *compiler, const uint8_t *name, compiler_steered_fn *fn, void *arg);
/*
 * S103: load balancers that are disabled until a known time: edit their zones as they will be then, one end
 * after the other, so that the source of signatures makes what is missing, and call fn as
 * compiler_sign_steered does. Nothing of it is kept. At most 4 of a zone, those that end first. Returns false
 * if fn stopped it.
 */
bool compiler_foresees(const struct compiler *compiler);
bool compiler_foresee(
    struct compiler *compiler, struct store_txn *config, compiler_steered_fn *fn, void *arg);
/* Call fn with every RRset of every load balancer, signed or not, until it returns false. */
void compiler_each_steered(struct compiler *compiler, compiler_steered_fn *fn, void *arg);
/*
 * The contents of every RRset that a load balancer of a signed zone can answer with, without a key, sorted by
 * octets. Returns how many; the caller frees *out. 0: there is no such load balancer.
 */
size_t compiler_contents(struct compiler *compiler, const struct id *id, struct content **out);
/*
 * S109: how many sets without one origin a load balancer (a wire name) can answer with that are not among
 * those that it would answer with now: a key of a zone that has nodes without keys signs each of them. Zones
 * need not be signed. 0 if there is no such load balancer.
 */
size_t compiler_spare_sets(struct compiler *compiler, const uint8_t *name);

/* The same of a row. */
struct content compiler_bare_content(const struct steered_signature *row);
/* The content of a row. */
struct content compiler_content(const struct steered_signature *row);
/* The signature of a content in the table. Returns false if there is none. */
bool compiler_find_steered(
    const struct compiler *compiler, const struct content *content, struct signature *signature);
/* Forget the table of signatures: the next compiler_signatures reads it from the stores. */
void compiler_forget_steered(struct compiler *compiler);
/* Forget one, which is deleted from the store. As the next function. */
void compiler_drop_steered(struct compiler *compiler, const struct content *content);
/* Note a signature that was made. Only for a compiler whose snapshot nobody else reads. */
void compiler_add_steered(
    struct compiler *compiler, const struct content *content, const struct signature *signature);

/*
 * Settings with an end (disabled_until, forced_until): compiler_expired() is true if the first of these ends
 * has passed; compiler_expire() then compiles the pools and load balancers without the settings that have
 * ended.
 */
bool compiler_expired(const struct compiler *compiler);
/*
 * Is one of them a load balancer, whose name is then read again? While a newer configuration waits, pass a
 * transaction of the one that was compiled (config_past.h).
 */
bool compiler_enables(const struct compiler *compiler);
enum compiled compiler_expire(struct compiler *compiler, struct store_txn *txn);

/* The newest snapshot; NULL before the first compile. */
const struct snapshot *compiler_snapshot(const struct compiler *compiler);

/*
 * After publication: pass all replaced memory to retire. Nothing is passed if the last compile stopped
 * half-way, because the snapshot of the readers still needs it.
 */
void compiler_retire(struct compiler *compiler, const struct retire *retire);

/* The reason why the last compile failed: one sentence, owned by the compiler. */
const char *compiler_error(const struct compiler *compiler);

/*
 * The number of endpoints that enabled load balancers need and whose state is unknown (S29): those of enabled
 * origins that are not forced, in enabled pools that are used. Reads all load balancers.
 */
size_t compiler_unknown(struct compiler *compiler);

struct compiled_counts {
	size_t zones, lbs, pools, endpoints;
};
/*
 * The number of pairs of a load balancer and an origin that it may answer with. An origin in several of its
 * lists is counted for each of them. Reads all load balancers.
 */
size_t compiler_pairs(const struct compiler *compiler);
void compiler_counts(const struct compiler *compiler, struct compiled_counts *counts);

/*
 * S28, for each existing pool and each load balancer, including disabled ones. geography: the data that the
 * load balancer needs from databases of places (lists.h). A load balancer is judged only if one of its pools
 * is not Healthy.
 */
struct compiled_status {
	void *arg;
	void (*pool)(void *arg, const char *name, enum pool_status status);
	void (*lb)(void *arg, const char *name, enum lb_status status, unsigned geography);
};
void compiler_status(const struct compiler *compiler, const struct compiled_status *status);

/*
 * The names for the numbers of counters. Returns false if a number is unknown. The compiler owns the texts.
 */
bool compiler_lb_name(const struct compiler *compiler, uint32_t number, const char **name);
bool compiler_origin_name(
    const struct compiler *compiler, uint32_t number, const char **pool, const char **address);

/*
 * For what-if: force every origin of an address or hostname up or down, ignoring its
 * configuration. Call it before the snapshot is used. Returns the number of such origins.
 */
size_t compiler_force(struct compiler *compiler, const char *address, enum forced forced);

/* For explain: the model of an enabled load balancer, or NULL. */
const struct lb *compiler_lb(const struct compiler *compiler, const struct id *id);

/* For explain: the model of a slot, and the state of each of its origins as steering judges it. */
const struct pool *compiler_pool(
    const struct compiler *compiler, uint32_t slot, const enum health_state **states);

#endif
