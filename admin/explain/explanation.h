/*
 * explanation.h -- why a client gets an answer: the nameserver's own code run with a trace, put into JSON.
 *
 * Members: name, type, client {resolver, ecs}, zone, found, load_balancer, pool_sets, rules, key, pools,
 * origins, rcode, authoritative, scope, outcomes, records, signatures. Members of random choices have a
 * probability below 1; rcode, authoritative and scope are those of the likeliest outcome. If the question has
 * DO, the records are those of such a client, without RRSIG: these are in signatures, which a signed zone has
 * in any case.
 */
#ifndef EXPLANATION_H
#define EXPLANATION_H

#include "zones/answer/answer.h"
#include "zones/compile/compile.h"
#include "zones/document/json.h"

struct kept_notes;

struct explanation_request {
	uint8_t name[NAME_MAX_LEN]; /* the question's */
	struct question question;
	struct steer_client client;
	const struct geo *geo; /* likewise */
	const struct steer_site *site;
	const struct pins *pins;             /* of a running nameserver, or NULL */
	struct store_txn *signatures, *sets; /* of graycloud-signer; NULL: there are none */
	int64_t at; /* milliseconds since 1970: both transactions show this moment of the past; 0: now */
	const struct kept_notes *kept; /* of zones whose signatures are lost (S100); NULL: none are */
	bool waits; /* S103: the configuration is not answered before all that it needs is signed */
};

/* health may be NULL: then every monitored endpoint is unknown.  compiler has read the stores. */
struct json *explanation_make(const struct compiler *compiler, struct store_txn *config,
    struct store_txn *health, const struct explanation_request *request);

#endif
