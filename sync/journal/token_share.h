/*
 * token_share.h -- S96: the tokens of the API are the same at all nodes: rows of TABLE_TOKENS here and
 * token/NAME in the engine, of which the higher version counts (token_rows.h).
 *
 * A token that was created or disabled here goes to the engine, and one that another node has changed comes
 * from there. The secret is nowhere, only its SHA-256. One thread.
 */
#ifndef TOKEN_SHARE_H
#define TOKEN_SHARE_H

#include "sync/engine/etcd.h"
#include "sync/nodes/configuration.h"

struct token_share;

/* All arguments must outlive the result, but prefix. */
struct token_share *token_share_new(
    struct etcd *etcd, struct configuration *configuration, const char *prefix);
/* Accepts NULL. */
void token_share_free(struct token_share *share);

/* The connection begins: all rows are read again. */
void token_share_begun(struct token_share *share);
/* A row of token/ (name: the rest of its key). */
void token_share_row(struct token_share *share, const char *name, const struct etcd_row *row);
/* Compare, if anything has changed. Call it while the connection is ready. */
void token_share_look(struct token_share *share);

#endif
