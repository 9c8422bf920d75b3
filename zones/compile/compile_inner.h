/* compile_inner.h -- the compiler, for the files compile*.c only. */
#ifndef COMPILE_INNER_H
#define COMPILE_INNER_H

#include "zones/answer/signature_table.h"
#include "zones/compile/graph.h"

/* A walk over the load balancers, in turn. */
struct steered_round {
	size_t turn; /* the next one, ... */
	size_t left; /* ... and how many are to be looked at */
};

/* S109: the tables that a pool would have if one origin died, for each of its candidates. Starts as {0}. */
struct spares {
	const struct pool_entry *pool;
	uint64_t made_of; /* pool->tables, when they were made */
	struct pool_table **tables;
	unsigned count;
};

enum { SPARES_KEPT = 16 };

struct compiler {
	struct config_graph *graph; /* NULL before the first compile */
	struct retired retired;
	struct numbers numbers;
	uint64_t generation, history; /* that was read */
	uint64_t flip;
	uint64_t count;        /* number of the newest count of unknown endpoints */
	bool broken;           /* the last follow failed half-way: read everything next time */
	bool health_known;     /* the health store was read once */
	uint64_t latencies_ms; /* when latencies were last read */
	const struct compiler_signing *signing;
	struct side *side;
	struct signature_table *signatures;     /* of steered RRsets; NULL: there were none */
	struct signature_table *kept;           /* those that a store had that was lost; NULL: none */
	char *served;                           /* see compiler_set_served; NULL: none */
	uint32_t kept_end;                      /* when the last of them ends, seconds since 1970 */
	struct steered_round settling, sparing; /* of compiler_sign_steered */
	uint64_t mark, marked_all;         /* of compiler_mark_steered: the last one, the last one of all */
	struct spares spares[SPARES_KEPT]; /* by slot */
	uint64_t singles, sets;            /* the last sequences that were read of signatures/ and sets/ */
	char error[200];
};

/* Read the signatures of the RRsets of the load balancers that were read, and forget the source. */
void compiler_read_steered(struct compiler *compiler, const struct compiler_signed *signed_by);

/* Keep the signatures of the table before that the table does not have. */
void compiler_keep(struct compiler *compiler, const struct signature_table *before);
/* Forget those that were kept, if nothing needs them any more. Returns true if there were some. */
bool compiler_end_kept(struct compiler *compiler, struct store_txn *signatures);

/* The spares of a pool, valid until the next call. */
const struct spares *compiler_spares(struct compiler *compiler, const struct pool_entry *pool);
void compiler_forget_spares(struct compiler *compiler);

/* Call fn with each RRset of a load balancer that has no signature. Returns false if fn stopped it. */
bool compiler_offer_entry(
    struct compiler *compiler, const struct lb_entry *entry, compiler_steered_fn *fn, void *arg);

#endif
