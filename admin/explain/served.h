/*
 * served.h -- which configuration is explained or exported: the one that the nameserver here answers now, the
 * newest one, or any that the log reaches back to.
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
#include "zones/state/config_past.h"

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

/*
 * The configuration that the nameserver here answers, for others: that of the stores, or a copy of it that
 * was run backwards. If no nameserver runs, the newest one. End it with served_close in every case.
 */
struct served_config {
	struct store_txn *config;     /* NULL: it is not known, and problems say why */
	struct json *served;          /* as the member of an explanation; NULL: it is the newest one */
	struct config_past_copy past; /* for earlier_has_zone */
};
struct store_txn *served_open(
    struct served_config *out, const struct served_stores *stores, struct problems *problems);
void served_close(struct served_config *served);

/* Which generation the running nameserver answers, and since when, for the past; 0: none runs. */
struct past_answered served_since(struct store_txn *serving);

/* For others that go by the newest configuration: the sentence that it is not answered yet; malloc. NULL: it
 * is. */
char *served_sentence(const struct served_stores *stores);

#endif
