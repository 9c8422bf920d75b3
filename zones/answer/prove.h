/*
 * prove.h -- signatures and proofs of absence in an answer of a signed zone (RFC 4035 3.1, S104).
 *
 * answer.c decides what is answered; these functions add what a validator needs. All of them do nothing if
 * the client did not set DO or the zone is not signed. Pure functions, any thread, no allocation.
 */
#ifndef PROVE_H
#define PROVE_H

#include "zones/answer/answer.h"

/*
 * The first look is inline: without DO a query pays for nothing else here (bench: instructions of a query).
 *
 * Let the signatures of a fragment follow the records of an item that was made of it.
 */
void prove_signatures(struct answer *answer, struct answer_item *item, const struct fragment *fragment);

static inline void
prove_item(struct answer *answer, struct answer_item *item, const struct fragment *fragment)
{
	if (answer->dnssec_ok && item != NULL && fragment->signed_len > 0)
		prove_signatures(answer, item, fragment);
}

/* The NSEC of a node of the zone, in the authority section, once in an answer. */
void prove_node(struct answer *answer, const struct zone *zone, const struct node *node, enum node_nsec which,
    uint32_t ttl);
/* The NSEC that proves that this name does not exist. */
void prove_absent(struct answer *answer, const struct zone *zone, const uint8_t *name, uint32_t ttl);
/*
 * NXDOMAIN (RFC 4035 3.1.3.2): neither the name nor a wildcard at its closest encloser exists.
 */
void prove_nothing(struct answer *answer, const struct zone *zone, const struct path *path);

/*
 * A wildcard stands for a name (RFC 4035 3.1.3.3): prove that the name itself does not exist, after the whole
 * chain of the answer. The answer remembers it until prove_wildcards.
 */
void prove_wildcard(struct answer *answer, const struct zone *zone, const uint8_t *name, uint32_t ttl);
void prove_wildcards_kept(struct answer *answer);

static inline void
prove_wildcards(struct answer *answer)
{
	if (answer->nwildcards > 0)
		prove_wildcards_kept(answer);
}

#endif
