/*
 * tls.h -- the server's side of TLS: certificate and key, read again when their files change.
 */
#ifndef DAEMON_TLS_H
#define DAEMON_TLS_H

#include "zones/base/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct tls;
struct bufferevent;
struct event_base;

/*
 * Read certificate chain and key (PEM). protocol is the one of RFC 7301 that is spoken here, such as "dot"
 * (RFC 7858). The texts must outlive the result. Returns NULL with problems filled.
 */
struct tls *tls_new(const char *cert, const char *key, const char *protocol, struct problems *problems);
void tls_free(struct tls *tls);

/*
 * Read both again if a file has changed.  Returns false with problems filled if they are faulty: the old ones
 * stay in use.  *changed: whether there are new ones.  Call it on one thread; connections on others continue.
 */
bool tls_reload(struct tls *tls, bool *changed, struct problems *problems);

/* The end of the certificate in use, milliseconds since 1970. Call it on the thread of tls_reload. */
int64_t tls_until(struct tls *tls);

/*
 * The end of the first certificate in a file (PEM), milliseconds since 1970; 0 if there is none. Any thread.
 */
int64_t tls_file_until(const char *path);

/*
 * The server's side of TLS on a connected socket, which it owns from then on; -1: the socket is set later.
 * Returns NULL if memory is exhausted. Any thread.
 */
struct bufferevent *tls_accept(struct tls *tls, struct event_base *base, int fd);

#endif
