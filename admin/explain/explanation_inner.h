/* explanation_inner.h -- shared by the parts of an explanation only. */
#ifndef EXPLANATION_INNER_H
#define EXPLANATION_INNER_H

#include "admin/explain/explanation.h"

struct outcome;
struct record;

/* The parts of an answer that are not records. */
struct drawn {
	unsigned rcode, scope;
	bool authoritative;
	double probability;
};

struct explaining {
	const struct compiler *compiler;
	struct store_txn *config, *health;
	const struct explanation_request *request;
	const struct snapshot *snapshot;
	const struct steering *steering;
	struct answer answer;       /* without DO */
	const struct zone *lb_zone; /* the signed zone of the load balancer that decided; NULL: none */
	struct steer_trace trace;
	struct steer_lb *plan; /* the load balancer after sets and rules */
	struct json *out;
	struct outcome *outcomes; /* for a client without DO */
	/* Answers with DO; outcomes may point into it (the CNAME of a DNAME). */
	struct answer *signed_answer;
	/* The same for a client with DO; NULL: no signed zone is concerned. */
	struct outcome *signed_outcomes;
	size_t noutcomes;
	bool dnssec;             /* the answers that are listed are those of a client with DO */
	struct json *signatures; /* S100 to S102: of each RRset; NULL while records are listed */
	struct record **records; /* in the order in which they came */
	size_t nrecords;
	struct drawn *drawn; /* of the records, each once */
	size_t ndrawn;
	void *record_tree;
};

/* The probability that one answer of a pool contains the candidate with this index. */
double explanation_probability(const struct explaining *on, const struct pool_table *table,
    const struct candidates *from, unsigned index);

/* Add the signatures of an item, and the name of its section. */
void explanation_sign(struct explaining *on, const struct outcome *outcome, const struct outcome *plain,
    const struct answer_item *item, double probability);
/* An outcome that lacks a signature: SERVFAIL (S102). */
void explanation_sign_nothing(struct explaining *on, const struct outcome *plain, double probability);
/* The owner of an item; out is for that of an NSEC. */
const uint8_t *explanation_owner(const struct explaining *on, const struct answer *answer,
    const struct answer_item *item, uint8_t out[2 * NAME_MAX_LEN]);

extern const char *const explanation_sections[];

/* Add the outcomes: rcode and ECS scope of each, and the records of all with their probabilities. */
void explanation_answer(struct explaining *on);

#endif
