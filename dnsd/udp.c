#include "dnsd/udp.h"

#include "dnsd/listen.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { REQUEST_ROOM = 4096, CONTROL_ROOM = 64, DRAIN_ROUNDS = 1000 };

/* The buffers of one datagram, reused for each batch. */
struct datagram {
	union sockaddr_any from;
	struct peer peer;
	struct iovec in_iov, out_iov;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_ROOM];
	uint8_t out[EDNS_SIZE];
	uint8_t in[REQUEST_ROOM];
};

struct udp {
	int fd;
	bool wildcard;
	struct serve_context *context;
	struct epochs *epochs;
	struct epoch_slot *slot;
	struct mmsghdr received[SERVE_BATCH];
	struct mmsghdr replies[SERVE_BATCH];
	struct message messages[SERVE_BATCH];
	struct datagram places[SERVE_BATCH];
};

struct udp *
udp_new(int fd, bool wildcard, struct serve_context *context, struct epochs *epochs, struct epoch_slot *slot)
{
	struct udp *udp = calloc(1, sizeof *udp);

	if (udp == NULL)
		return NULL;
	udp->fd = fd;
	udp->wildcard = wildcard;
	udp->context = context;
	udp->epochs = epochs;
	udp->slot = slot;
	for (unsigned i = 0; i < SERVE_BATCH; i++) {
		struct datagram *place = &udp->places[i];

		place->in_iov = (struct iovec){place->in, sizeof place->in};
		udp->received[i].msg_hdr = (struct msghdr){.msg_name = &place->from,
		    .msg_iov = &place->in_iov,
		    .msg_iovlen = 1,
		    .msg_control = wildcard ? place->control : NULL};
		udp->messages[i] = (struct message){
		    .peer = &place->peer, .in = place->in, .out = place->out, .outcap = sizeof place->out};
	}
	return udp;
}

void
udp_free(struct udp *udp)
{
	free(udp);
}

/* Restore the lengths that recvmmsg shortened. */
static inline __attribute__((always_inline)) void
reset(struct udp *udp, int count)
{
	for (int i = 0; i < count; i++) {
		udp->received[i].msg_hdr.msg_namelen = sizeof udp->places[i].from;
		udp->received[i].msg_hdr.msg_controllen = udp->wildcard ? CONTROL_ROOM : 0;
	}
}

/*
 * On a wildcard socket the control message with the destination of the query is sent back unchanged, so that
 * the reply leaves from there.  Only the interface of IPv4 is cleared, so that routing may choose it.
 */
static size_t
reply_control(struct msghdr *header)
{
	struct cmsghdr *control = header->msg_controllen > 0 ? CMSG_FIRSTHDR(header) : NULL;

	if (control == NULL)
		return 0;
	if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO)
		((struct in_pktinfo *)CMSG_DATA(control))->ipi_ifindex = 0;
	else if (control->cmsg_level != IPPROTO_IPV6 || control->cmsg_type != IPV6_PKTINFO)
		return 0;
	return CMSG_ALIGN(control->cmsg_len);
}

static inline __attribute__((always_inline)) void
send_replies(struct udp *udp, int count)
{
	int ready = 0, sent = 0;

	for (int i = 0; i < count; i++) {
		struct datagram *place = &udp->places[i];
		struct msghdr *from = &udp->received[i].msg_hdr;

		if (udp->messages[i].outlen == 0)
			continue;
		place->out_iov = (struct iovec){place->out, udp->messages[i].outlen};
		udp->replies[ready++].msg_hdr = (struct msghdr){.msg_name = &place->from,
		    .msg_namelen = from->msg_namelen,
		    .msg_iov = &place->out_iov,
		    .msg_iovlen = 1,
		    .msg_control = from->msg_control,
		    .msg_controllen = reply_control(from)};
	}
	while (sent < ready) {
		int now = sendmmsg(udp->fd, udp->replies + sent, (unsigned)(ready - sent), 0);

		if (now > 0)
			sent += now;
		else if (errno != EINTR)
			sent++; /* skip a reply that cannot be sent */
	}
}

/* Copy the batch for the query log. */
static void
tap_batch(struct udp *udp, int count, int64_t began)
{
	int64_t now = tap_now();

	for (int i = 0; i < count; i++) {
		const struct message *message = &udp->messages[i];

		tap_put(udp->context->ring, message->peer, message->in, message->inlen, message->out,
		    message->outlen, began, now);
	}
}

/*
 * Handle one batch.  Returns false if there was no datagram. It is compiled twice, so that without a query
 * log no instruction is spent on one.
 */
static inline __attribute__((always_inline)) bool
turn(struct udp *udp, int flags, bool tapped)
{
	int count = recvmmsg(udp->fd, udp->received, SERVE_BATCH, flags, NULL);
	const struct snapshot *snapshot;
	int64_t began = 0;

	if (count <= 0)
		return count < 0 && errno == EINTR; /* not empty, as far as is known */
	snapshot = epoch_enter(udp->epochs, udp->slot);
	if (tapped)
		began = tap_now();
	serve_clock(udp->context);
	for (int i = 0; i < count; i++) {
		peer_from(&udp->places[i].peer, &udp->places[i].from, TRANSPORT_UDP4);
		udp->messages[i].inlen = udp->received[i].msg_len;
	}
	serve_batch(udp->context, snapshot, udp->messages, (unsigned)count);
	if (tapped)
		tap_batch(udp, count, began);
	send_replies(udp, count);
	epoch_leave(udp->slot);
	reset(udp, count);
	return true;
}

static __attribute__((noinline)) bool
turn_plain(struct udp *udp, int flags)
{
	return turn(udp, flags, false);
}

static __attribute__((noinline)) bool
turn_tapped(struct udp *udp, int flags)
{
	return turn(udp, flags, true);
}

void
udp_run(struct udp *udp, const _Atomic bool *stop, const _Atomic bool *drain)
{
	bool (*one)(struct udp * udp, int flags) = udp->context->ring != NULL ? turn_tapped : turn_plain;

	reset(udp, SERVE_BATCH);
	while (!atomic_load_explicit(stop, memory_order_relaxed))
		one(udp, MSG_WAITFORONE);
	for (int round = 0; atomic_load(drain) && round < DRAIN_ROUNDS && one(udp, MSG_DONTWAIT); round++)
		;
}
