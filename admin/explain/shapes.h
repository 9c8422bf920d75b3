/*
 * shapes.h -- in a signed zone a load balancer answers with finitely many sets of addresses (S101): each of
 * them, how often, and its signature.
 */
#ifndef SHAPES_H
#define SHAPES_H

#include "admin/explain/explanation_inner.h"
#include "admin/explain/outcomes.h"

struct shape {
	const struct steer_choice *choice; /* its addresses */
	double probability;
	unsigned of;          /* S102: the number of addresses of a set that has no signature yet; else 1 */
	unsigned nsignatures; /* 0: there are none, or they were not asked for */
	struct signature signatures[DATA_KEYS_MAX];
};

typedef void shape_fn(void *arg, const struct shape *shape);

/*
 * The sets of the pool that decided an outcome; the outcome is one for a client without DO. dnssec: as a
 * client with DO gets them.
 */
void shapes_each(
    const struct explaining *on, const struct outcome *outcome, bool dnssec, shape_fn *fn, void *arg);

/* The probability that an answer of n origins of a list contains the candidate. */
double shapes_probability(
    const struct explaining *on, const struct candidates *from, unsigned candidate, unsigned n);

#endif
