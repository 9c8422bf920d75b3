/*
 * tls.h -- DNS over TLS (RFC 7858): certificate and key, read anew when their files change.  The only user of
 * OpenSSL.
 */
#ifndef DNSD_TLS_H
#define DNSD_TLS_H

#include "zones/base/problem.h"

#include <stdbool.h>

struct tls;
struct bufferevent;
struct event_base;

/* Read certificate chain and key (PEM).  NULL with problems filled. */
struct tls *tls_new(const char *cert, const char *key, struct problems *problems);
void tls_free(struct tls *tls);

/*
 * Read both anew if a file has changed since.  False with problems filled where they are faulty: the old ones
 * stay.  *changed tells whether there are new ones.  One thread; connections on others go on undisturbed.
 */
bool tls_reload(struct tls *tls, bool *changed, struct problems *problems);

/* A server's end of TLS over a connected socket, which belongs to it from then on.  NULL where memory is
 * exhausted.  Any thread. */
struct bufferevent *tls_accept(struct tls *tls, struct event_base *base, int fd);

#endif
