/*
 * keyless.h -- the zones whose keys are on other nodes (S109), and the shipments that wait to be taken.
 *
 * STATE/keyless/ZONE is a directory while this node has no keys for the zone: a setting of this node alone. A
 * shipment for it (zones/state/shipment.h) is the file "next" there. graycloud-signer makes and deletes all
 * of it: as a daemon, and when the commands run it.
 */
#ifndef SIGNER_KEYLESS_H
#define SIGNER_KEYLESS_H

#include "zones/base/problem.h"
#include "zones/base/util.h"

bool keyless_has(const char *state, const char *zone);
/* Refused with problems if its keys are here. */
bool keyless_mark(const char *state, const char *zone, struct problems *problems);
/* Returns false with problems if it cannot be removed. A zone that is not marked is good, too. */
bool keyless_unmark(const char *state, const char *zone, struct problems *problems);

/* An inotify descriptor that becomes readable when a mark or a shipment comes or goes; -1: there is none. */
int keyless_watch(const char *state);
void keyless_watch_clear(int fd);
/* Does a shipment wait, of any zone? */
bool keyless_waiting(const char *state);

/*
 * Put a file in the place of the next shipment of a zone, which then is gone from its own. Returns 0;
 * -EEXIST: one waits there already; or another negative errno.
 */
int keyless_put(const char *state, const char *zone, const char *file);
/* Map the shipment that waits. False if there is none. */
bool keyless_open(const char *state, const char *zone, struct bytes *octets);
bool keyless_map(const char *file, struct bytes *octets);
void keyless_close(struct bytes *octets);
/* It is taken, or refused. */
void keyless_done(const char *state, const char *zone);
bool keyless_is_waiting(const char *state, const char *zone);

#endif
