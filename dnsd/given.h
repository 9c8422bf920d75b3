/*
 * given.h -- listening sockets that this process did not open: the service manager kept them since the last
 * start, or the nameserver that this one replaces hands them over.
 *
 * A socket keeps its queue as long as any process has it open, so a query that arrives while no process reads
 * is answered later. If a member of a SO_REUSEPORT group is closed, its queue is lost: so all sockets of a
 * group are kept, and their number never changes after the first of them was opened.
 */
#ifndef DNSD_GIVEN_H
#define DNSD_GIVEN_H

#include "dnsd/listen.h"

struct given_socket;

/* Starts as {0}. */
struct given {
	struct given_socket *sockets;
	size_t count;
};

/* Room for a socket's name, as the service manager and a successor know it: "udp-192.0.2.1_53". */
enum { GIVEN_NAME = 8 + LISTEN_TEXT };
/* The name of a listener's sockets: kind is "udp", "tcp", "tls" or "metrics". */
char *given_name(char out[GIVEN_NAME], const char *kind, const union sockaddr_any *address);

/* Add a socket; given owns its descriptor from now on. Returns false after a warning, and closes it,
 * if a nameserver cannot listen on it. */
bool given_add(struct given *given, int fd, const char *name);

/*
 * Give the listeners the sockets of their addresses. Port 0 takes the port of a socket that had the same use.
 * A listener with fewer UDP sockets than threads uses some of them twice; with more sockets than threads it
 * gets more threads, with a warning.
 */
void given_offer(struct given *given, struct listener *listeners, size_t count, unsigned threads);
/* The socket of the metrics page, or -1. */
int given_offer_metrics(struct given *given, const struct listener *where);

/* Close unused sockets; calls forget, if it is not NULL, with the name of each. Returns their number.
 */
size_t given_close(struct given *given, void (*forget)(const char *name));

#endif
