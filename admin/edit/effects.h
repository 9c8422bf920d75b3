/*
 * effects.h -- properties that are set and change nothing, because of what other properties are.
 */
#ifndef EFFECTS_H
#define EFFECTS_H

#include "admin/edit/document.h"

/*
 * One warning for each property of a checked document that differs from its default and has no effect; and
 * one that names all that are kept only for Cloudflare's API (S30).  Pools that a load balancer names are
 * looked up in txn; with NULL, properties that depend on them are left out.
 */
void effects_warn(
    enum kind kind, const struct json *document, struct store_txn *txn, struct problems *problems);

#endif
