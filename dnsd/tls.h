/*
 * tls.h -- DNS over TLS (RFC 7858): certificate and key, read again when their files change.  The only user
 * of OpenSSL.
 */
#ifndef DNSD_TLS_H
#define DNSD_TLS_H

#include "zones/base/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct tls;
struct bufferevent;
struct event_base;

/* Read certificate chain and key (PEM).  Returns NULL with problems filled. */
struct tls *tls_new(const char *cert, const char *key, struct problems *problems);
void tls_free(struct tls *tls);

/*
 * Read both again if a file has changed.  Returns false with problems filled if they are faulty: the old ones
 * stay in use.  *changed: whether there are new ones.  Call it on one thread; connections on others continue.
 */
bool tls_reload(struct tls *tls, bool *changed, struct problems *problems);

/* The end of the certificate in use, milliseconds since 1970.  Call it on the thread of tls_reload. */
int64_t tls_until(struct tls *tls);

/* The server's side of TLS on a connected socket, which it owns from then on.  Returns NULL if memory is
 * exhausted.  Any thread. */
struct bufferevent *tls_accept(struct tls *tls, struct event_base *base, int fd);

#endif
