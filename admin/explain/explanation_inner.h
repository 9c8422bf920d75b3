/* explanation_inner.h -- shared by the parts of an explanation only. */
#ifndef EXPLANATION_INNER_H
#define EXPLANATION_INNER_H

#include "admin/explain/explanation.h"

struct outcome;
struct record;

struct explaining {
	const struct compiler *compiler;
	struct store_txn *config, *health;
	const struct explanation_request *request;
	const struct snapshot *snapshot;
	const struct steering *steering;
	struct answer answer;
	struct steer_trace trace;
	struct steer_lb *plan; /* the load balancer after sets and rules */
	struct json *out;
	struct outcome *outcomes;
	size_t noutcomes;
	struct record **records; /* in the order in which they came */
	size_t nrecords;
	void *record_tree;
};

/* The probability that one answer of a pool contains the candidate with this index. */
double explanation_probability(const struct explaining *on, const struct pool_table *table,
    const struct candidates *from, unsigned index);

/* Add rcode, the records of all outcomes with their probabilities, and the ECS scope. */
void explanation_answer(struct explaining *on);

#endif
