/*
 * takeover.h -- the part of the nameserver that replaces another (replace.h).
 */
#ifndef DNSD_TAKEOVER_H
#define DNSD_TAKEOVER_H

#include "dnsd/server.h"

/*
 * Ask the nameserver that runs on the state directory for its sockets (into server->given), the lock of its
 * store and its cookie secrets. Nothing of it changes. True if there is one, and if none runs: then
 * server->takeover stays NULL, and the start goes on as any other. False with problems filled if the one that
 * runs cannot be replaced. Before threads start.
 */
bool takeover_begin(struct server *server, struct problems *problems);
/* Secrets of cookies that only the predecessor knew; NULL: there are none. */
const struct cookie_secrets *takeover_secrets(const struct server *server);

/* This process could answer now: have the predecessor write no more of what is answered, and wait until what
 * it answers is answered here, too. False with problems filled: the predecessor goes on. */
bool takeover_prepare(struct server *server, struct problems *problems);
/*
 * The threads of this process run: have those of the predecessor end, and serve the connections that it gives
 * away, now and later on the event loop. It is killed if it hangs. False with problems filled: it goes on, as
 * this one took too long.
 */
bool takeover_complete(struct server *server, struct problems *problems);
/* Give up; the predecessor goes on. NULL is accepted. */
void takeover_free(struct takeover *takeover);

#endif
