/*
 * udp.h -- the loop of one UDP thread: receive a batch, answer it, send it.
 */
#ifndef DNSD_UDP_H
#define DNSD_UDP_H

#include "dnsd/epoch.h"
#include "dnsd/serve.h"

struct udp;

/* The caller keeps fd.  wildcard: answers leave from the address that received the query.  Returns NULL if
 * memory is exhausted. */
struct udp *udp_new(
    int fd, bool wildcard, struct serve_context *context, struct epochs *epochs, struct epoch_slot *slot);
void udp_free(struct udp *udp);

/*
 * Answer until *stop is set, and then, if *drain is set, the queued queries, because no other process reads
 * the socket.  A thread that waits for a datagram checks these flags after a signal.
 */
void udp_run(struct udp *udp, const _Atomic bool *stop, const _Atomic bool *drain);

#endif
