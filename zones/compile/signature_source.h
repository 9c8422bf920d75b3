/*
 * signature_source.h -- the source of signatures of a nameserver: the store signatures/. One thread.
 */
#ifndef SIGNATURE_SOURCE_H
#define SIGNATURE_SOURCE_H

#include "zones/compile/compile.h"

struct signature_source;

/* The transaction of signatures/ must stay open until signature_source_free. */
struct signature_source *signature_source_new(struct store_txn *signatures);
const struct compiler_signing *signature_source_signing(struct signature_source *source);
void signature_source_free(struct signature_source *source);

#endif
