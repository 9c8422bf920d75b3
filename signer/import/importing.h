/*
 * importing.h -- shipments from another node on standard input, for the graycloud-signer that runs here
 * (S109). An errand of the commands.
 */
#ifndef SIGNER_IMPORTING_H
#define SIGNER_IMPORTING_H

#include "zones/base/problem.h"

#include <stdio.h>

/*
 * Take shipments until the input ends: check the digest of each, hand it over, and wait until it is taken
 * before the next one; at the end at most 5 s. Prints a line for the first one of each zone, and on stderr
 * why one is refused; the others are taken, but if the sender must begin again, it ends. Returns false if one
 * was cut or refused; with problems if nothing can be taken.
 */
bool importing_run(const char *state, FILE *in, struct problems *problems);

#endif
