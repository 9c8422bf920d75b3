/*
 * signature_source.h -- the source of signatures of a nameserver: the store signatures/. One thread.
 */
#ifndef SIGNATURE_SOURCE_H
#define SIGNATURE_SOURCE_H

#include "zones/compile/compile.h"

struct signature_source;

/*
 * signatures is NULL if the store cannot be read: then the signatures of all zones that config signs are
 * lost.
 *
 * Only the zones that config signs have signatures: the rows of one that it does not sign any longer stay in
 * signatures/ until graycloud-signer has seen that. Both transactions must stay open until
 * signature_source_free.
 */
struct signature_source *signature_source_new(struct store_txn *signatures, struct store_txn *config);
const struct compiler_signing *signature_source_signing(struct signature_source *source);
void signature_source_free(struct signature_source *source);

#endif
