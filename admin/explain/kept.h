/*
 * kept.h -- zones whose signatures are lost (S100), as the nameserver answers them: signed with those that it
 * keeps in its memory, or SERVFAIL for clients with DO if it was started since.
 *
 * Which signatures it keeps is not known here. All that it may have kept is signed by a placeholder, which is
 * recognised by kept_is_placeholder.
 */
#ifndef KEPT_H
#define KEPT_H

#include "zones/compile/compile.h"

/* The notes of the nameserver of a state directory. */
struct kept_notes {
	bool runs;   /* it answers now */
	char *noted; /* zones that are answered signed, one a line (served_signed.h) */
	char *bare;  /* zones of which it has no signature, one a line */
	bool sets;   /* it may have sets of load balancers that the stores do not have */
};

/* serving is NULL if no nameserver has run here. */
void kept_notes_read(struct kept_notes *notes, const char *state, struct store_txn *serving);
void kept_notes_free(struct kept_notes *notes);

/* A source of signatures, around another one, which must outlive it. */
struct kept;
struct kept *kept_new(const struct compiler_signing *source, const struct kept_notes *notes);
const struct compiler_signing *kept_signing(struct kept *kept);
void kept_free(struct kept *kept);
/* After the zones were compiled with it: the sets of their load balancers. */
void kept_sign_steered(const struct kept *kept, struct compiler *compiler);

bool kept_is_placeholder(const struct signature *signature);

/* How a zone of such a compiler is answered. */
enum kept_state { KEPT_NOT_LOST, KEPT_SIGNED, KEPT_BARE };
enum kept_state kept_state_of(const struct zone *zone);

#endif
