/*
 * rules.h -- S93: how the votes on an endpoint are counted, by the pools that use it.
 *
 * All pools that use an endpoint count alike (health_pool_endpoint). One thread.
 */
#ifndef RULES_H
#define RULES_H

#include "zones/state/health.h"

struct rules;

struct rules *rules_new(void);
void rules_free(struct rules *rules);

/* Read the pools. health: the own store, for the addresses of hostnames; or NULL. */
void rules_read(struct rules *rules, struct store_txn *config, struct store_txn *health);

/* The rule of one endpoint. */
struct rule {
	unsigned quorum;        /* the number of sites; 0: more than half */
	uint32_t check_regions; /* those that vote; 0: all */
	/*
	 * S16: an address of a hostname, which not all nodes may know: sites that do not probe it do not
	 * count.
	 */
	bool resolved;
};
/* Endpoints that no pool here uses have the rule of an address that only another node knows. */
const struct rule *rules_of(const struct rules *rules, const struct endpoint *endpoint);

#endif
