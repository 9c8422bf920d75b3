/*
 * server.h -- the API: one loop for requests and reads, a thread for changes, one for long work,
 * and one that waits for others.
 *
 * Each read runs in one transaction. A change is answered when the nameserver serves its generation, at most
 * SERVER_SERVED_MS later. Limits hold memory: connections, size of a request, waiting changes.
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "admin/api/options.h"
#include "zones/base/problem.h"

#include <stdio.h>

enum {
	SERVER_CONNECTIONS_MAX = 256,
	SERVER_BODY_MAX = 1 << 20,
	SERVER_HEADERS_MAX = 16384,
	SERVER_TIMEOUT_S = 30, /* for a request to come, a reply to be taken, an idle connection */
	SERVER_SERVED_MS = 5000
};

struct event_base;
struct server;

/*
 * Open stores and sockets. NULL with problems filled. The seals are called on the threads for changes and
 * long work, and on the one that waits for others; they may be NULL.
 */
struct server_seals {
	void (*writer)(void), (*waiting)(void);
};
struct server *server_new(struct event_base *base, const struct options *options,
    const struct server_seals *seals, struct problems *problems);
/* Finish the change in progress, and close everything. */
void server_free(struct server *server);

/* Print "listening on http ADDRESS:PORT" for each socket, with the port that the kernel chose for 0. */
void server_print_sockets(const struct server *server, FILE *out);

/* Read certificate and key again if they changed; called each second. */
void server_second(struct server *server);

#endif
