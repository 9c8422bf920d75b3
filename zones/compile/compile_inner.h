/* compile_inner.h -- the compiler, for the files compile*.c only. */
#ifndef COMPILE_INNER_H
#define COMPILE_INNER_H

#include "zones/answer/signature_table.h"
#include "zones/compile/graph.h"

struct compiler {
	struct config_graph *graph; /* NULL before the first compile */
	struct retired retired;
	struct numbers numbers;
	uint64_t generation;
	uint64_t flip;
	uint64_t count;        /* number of the newest count of unknown endpoints */
	bool broken;           /* the last follow failed half-way: read everything next time */
	bool health_known;     /* the health store was read once */
	uint64_t latencies_ms; /* when latencies were last read */
	const struct compiler_signing *signing;
	struct signature_table *signatures; /* of steered RRsets; NULL: there were none */
	size_t turn;                        /* of compiler_sign_steered: the next load balancer, ... */
	size_t unsettled;                   /* ... and how many are to be looked at */
	uint64_t singles, sets;             /* the last sequences that were read of signatures/ and sets/ */
	char error[200];
};

/* Read the signatures of the RRsets of the load balancers that were read, and forget the source. */
void compiler_read_steered(struct compiler *compiler, const struct compiler_signed *signed_by);

/* Call fn with each RRset of a load balancer that has no signature. Returns false if fn stopped it. */
bool compiler_offer_entry(
    const struct compiler *compiler, const struct lb_entry *entry, compiler_steered_fn *fn, void *arg);

#endif
