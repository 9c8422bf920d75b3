/*
 * takeover.h -- the part of the nameserver that replaces another (replace.h).
 */
#ifndef DNSD_TAKEOVER_H
#define DNSD_TAKEOVER_H

#include "dnsd/server.h"

/*
 * Ask the nameserver that runs on the state directory for its sockets (into server->given), the lock of its
 * store and its cookie secrets. It is not changed. Returns true if there is one, and if none runs: then
 * server->takeover stays NULL, and the start continues as usual. Returns false with problems filled if the
 * running nameserver cannot be replaced. Call this before threads start.
 */
bool takeover_begin(struct server *server, struct problems *problems);
/* The cookie secrets, if only the predecessor knew them; else NULL. */
const struct cookie_secrets *takeover_secrets(const struct server *server);

/* This process is ready to answer: make the predecessor stop writing the serving store, and wait until this
 * process has its generation. Returns false with problems filled: the predecessor continues. */
bool takeover_prepare(struct server *server, struct problems *problems);
/*
 * The threads of this process run: make those of the predecessor end, and serve the connections that it hands
 * over, now and later on the event loop. If it hangs it is killed. Returns false with problems filled if it
 * continues because this process took too long.
 */
bool takeover_complete(struct server *server, struct problems *problems);
/* Give up; the predecessor continues. Accepts NULL. */
void takeover_free(struct takeover *takeover);

#endif
