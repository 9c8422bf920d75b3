/*
 * served.h -- which configuration is explained: the one that the nameserver here answers now, the newest one,
 * or any that the log reaches back to.
 *
 * The newest one may wait for signatures (S103), or the nameserver cannot compile it. Then the explanation
 * has a member "served": generation (answered now), newest, state ("signer dead", "signer stuck", "signer",
 * "fault", "compiling", "stopped"), since (when the first one came that is not answered, null if not known)
 * and text, a sentence of all that. If the signatures of the zone are lost (S100), "notes" has a sentence.
 */
#ifndef SERVED_H
#define SERVED_H

#include "admin/explain/past.h"
#include "zones/base/problem.h"

struct served_stores {
	const char *state; /* the directory */
	struct store *config_store;
	struct store_txn *config;                               /* of it */
	struct store_txn *health, *serving, *signatures, *sets; /* NULL: there are none */
};

/* Values of a wanted generation beside its number. */
#define SERVED_NOW UINT64_C(0)
#define SERVED_NEWEST UINT64_MAX

/* Read "newest" or a number above 0. */
bool served_generation_read(const char *text, uint64_t *generation);

/* As reading_explain, by the wanted generation. NULL with problems. */
struct json *served_explain(const struct served_stores *stores, struct explanation_request *request,
    uint64_t generation, struct problems *problems);

/* Which generation the running nameserver answers, and since when, for the past; 0: none runs. */
struct past_answered served_since(struct store_txn *serving);

/* For others that go by the newest configuration: the sentence that it is not answered yet; malloc. NULL: it
 * is. */
char *served_sentence(const struct served_stores *stores);

#endif
