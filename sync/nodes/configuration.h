/*
 * configuration.h -- the configuration store, and whether this node has joined a cluster.
 *
 * On a node that has joined, this process is the only writer of the store, so it is opened for writing then.
 * One thread.
 */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include "zones/state/entry.h"
#include "zones/state/membership.h"

struct configuration;

struct configuration *configuration_new(const char *state);
void configuration_free(struct configuration *configuration);

/* Look for news. Returns true if there was any. */
bool configuration_look(struct configuration *configuration);
/* This process has written the store: read it again. */
void configuration_written(struct configuration *configuration);
/* The membership, as of the last look; NULL: this node stands alone. */
const struct membership *configuration_membership(const struct configuration *configuration);

/* The cluster that this node was detached from; NULL: it was not, or it has joined again. */
const struct membership *configuration_detached(const struct configuration *configuration);

/* S97: what a person has chosen, as of the last look. */
enum membership_choice configuration_choice(const struct configuration *configuration);

/* To be used for entry_apply(); NULL: there is no store, or this node was detached. */
struct store *configuration_store(struct configuration *configuration);
/* Begin to read; NULL if there is no store. The caller ends it with store_abort(). */
struct store_txn *configuration_begin(struct configuration *configuration);

/* As of the last look. */
uint64_t configuration_generation(const struct configuration *configuration);
const uint8_t *configuration_digest(const struct configuration *configuration);

int configuration_watch_fd(struct configuration *configuration);
void configuration_watch_clear(struct configuration *configuration);

#endif
