/*
 * transfer.h -- keys of a zone that come from another program or another node, and that go there (S105,
 * S111).
 *
 * The text has, in any order, private keys (BIND's form, which ldns has too, or PEM, which Knot DNS has) and
 * DNSKEY records. A line "; file NAME" begins each file, and a line "; state JSON" has the state of the keys
 * at the node that wrote it (key_state.h). graycloud-signer --take-keys and --give-keys read and write it on
 * standard input and output; the commands run that program, so that no other one has the code for keys.
 */
#ifndef SIGNER_TRANSFER_H
#define SIGNER_TRANSFER_H

#include "zones/base/problem.h"

#include <stdio.h>

/*
 * Check all keys of a text, and unless check is true write them into STATE/keys/ZONE; a state is handed to
 * the signer, which takes it over within 5 seconds if it runs. zone: "" takes that of the DNSKEY records.
 * Returns the name of the zone, and in *said a remark for people, both to be freed; NULL with problems, and
 * nothing is written.
 */
char *transfer_take(
    const char *state, const char *zone, FILE *in, bool check, char **said, struct problems *problems);
/* Write the keys of a zone, and their state if it is signed here. */
bool transfer_give(const char *state, const char *zone, FILE *out, struct problems *problems);

#endif
