/*
 * signer_view.h -- graycloud-signer as its last beat shows it: for `status`, `doctor` and the API.
 *
 * Signatures end if nothing renews them (S106), so a signer that is dead matters as soon as a zone is to be
 * signed.
 */
#ifndef SIGNER_VIEW_H
#define SIGNER_VIEW_H

#include "zones/document/json.h"
#include "zones/state/signatures.h"

struct signer_view {
	bool wanted; /* the configuration signs a zone */
	bool beats;  /* there is a beat of this boot, maybe an old one */
	bool dead;
	struct signer_beat beat;
	int64_t now; /* seconds since 1970 */
};

/* Read it from transactions of config and of sets/ (NULL: there is none). */
void signer_view_read(struct signer_view *view, struct store_txn *config, struct store_txn *sets);

/* False if an operator should look: it is dead, something cannot be signed, or signatures have ended. */
bool signer_view_well(const struct signer_view *view);
/* "dead", "stuck", "alive". */
const char *signer_view_state(const struct signer_view *view);
/* Have signatures ended, as far as is known? */
bool signer_view_ended(const struct signer_view *view);
/* One line for people, without a newline; malloc. */
char *signer_view_line(const struct signer_view *view);

struct json *signer_view_json(const struct signer_view *view);

#endif
