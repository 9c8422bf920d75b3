/*
 * key_state.h -- how far the keys of a zone are, as a line of text that goes with the keys to other nodes,
 * and which of two states is obeyed (S111). Pure.
 */
#ifndef SIGNER_KEY_STATE_H
#define SIGNER_KEY_STATE_H

#include "zones/base/problem.h"
#include "zones/dns/name.h"
#include "zones/state/former_keys.h"

enum { KEY_STATE_KEYS = 8, KEY_STATE_FORMER = FORMER_KEYS_MAX };

struct key_state {
	uint8_t apex[NAME_MAX_LEN];
	struct rollover rollover;                /* leading.name is set: the node that leads, or led last */
	struct signing_key keys[KEY_STATE_KEYS]; /* after key_state_read without DNSKEY and DS */
	unsigned nkeys;
	/* Keys that the node of this state knows to have left; the last ones, if there were more. */
	struct former_key former[KEY_STATE_FORMER];
	unsigned nformer;
};

/* One line of JSON without its end; the caller frees it. */
char *key_state_write(const struct key_state *state);
/* Read it. False with a problem, if it is of no use. */
bool key_state_read(struct key_state *state, const char *text, struct problems *problems);

/* Add a key, by its DNSKEY, to those that have left, if there is room and the state does not have it. */
void key_state_add_former(struct key_state *state, const struct signing_key *key);
/* Has this key left, by the state? */
bool key_state_is_former(const struct key_state *state, const struct signing_key *key);

enum key_state_order {
	KEY_STATE_SAME,  /* there is nothing to be taken over */
	KEY_STATE_NEWER, /* it is to be obeyed here */
	KEY_STATE_OLDER,
	KEY_STATE_RIVAL, /* both nodes lead a rollover, and the other one is to follow */
	KEY_STATE_BUSY   /* a procedure that each node goes through alone runs here, and ends first */
};
/* Is a state from another node newer than the one here? */
enum key_state_order key_state_compare(const struct rollover *here, const struct rollover *there);
/*
 * The key here that has, or had, a DS and that a state of a rival does not know; NULL: none. Two nodes began
 * a rollover each, and the other key could be in use: a person has to choose.
 */
const struct signing_key *key_state_loses(const struct key_state *state, const struct rollover *here,
    const struct signing_key *rows, unsigned count);

/* Begin to lead: a new term. The marks and the step stay. */
void leading_begin(struct rollover *rollover);

#endif
