/*
 * state_here.h -- the keys of a zone as the stores of this node have them, for a process that is not the
 * signer (transfer.h).
 */
#ifndef SIGNER_STATE_HERE_H
#define SIGNER_STATE_HERE_H

#include "signer/rollover/key_state.h"

struct state_here {
	bool known; /* the zone is signed here: state is filled, and has this node's name if it leads */
	bool alive; /* the signer runs */
	struct key_state state;
};

/* Read it. Stores that are not there, or cannot be read, are treated as empty. */
void state_here_read(const char *directory, const uint8_t *apex, struct state_here *here);

#endif
