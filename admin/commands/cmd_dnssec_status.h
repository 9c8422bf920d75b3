/*
 * cmd_dnssec_status.h -- the state of signed zones, for `dnssec` and `zone delete`: keys, marks, and what a
 * procedure waits for (S107, S108).
 */
#ifndef CMD_DNSSEC_STATUS_H
#define CMD_DNSSEC_STATUS_H

#include "admin/cli/args.h"
#include "zones/state/signatures.h"
#include "zones/state/signing_keys.h"

/* The name of a zone as objects have it, for any spelling; NULL stays NULL. */
const char *dnssec_clean_name(const char *word, char out[NAME_MAX_TEXT]);

enum { STATE_KEYS_MAX = 8 };

/* One zone, as the signer has it. */
struct dnssec_state {
	bool alive; /* the signer runs */
	bool known; /* the configuration has the zone as signed */
	bool signed_now;
	unsigned nkeys;
	struct signing_key keys[STATE_KEYS_MAX]; /* its own; those of other providers do not count */
	bool any_ds;                             /* a key has a DS at the parent, or one is asked for */
	struct rollover rollover;
};
/* False after a sentence on stderr. */
bool dnssec_state_read(const struct args *args, const char *zone, struct dnssec_state *state);
/* Refuse what only the node with the keys can do, with a sentence. True if that is another one (S109). */
bool dnssec_keys_are_elsewhere(const struct args *args, const char *zone);

enum exit_code dnssec_status_run(struct args *args);
enum exit_code dnssec_ds_run(struct args *args);

#endif
