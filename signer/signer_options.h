/* signer_options.h -- the settings of graycloud-signer. */
#ifndef SIGNER_OPTIONS_STRUCT_H
#define SIGNER_OPTIONS_STRUCT_H

#include "signer/settle/rollovers.h"
#include "signer/time/validity.h"

struct signer_options {
	const char *state; /* directory */
	struct validity validity;
	struct rollover_options rollover;
	bool trust_clock; /* S106: a person says that the clock is right */
	unsigned threads; /* that sign, with the one of signer_look; 1 to KEY_LANES */
};

#endif
