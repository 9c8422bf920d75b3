/*
 * [CF] 2.4: icmp_ping is good if the echo is answered; udp_icmp if also a UDP packet to the
 * monitor's port is not answered by ICMP "port unreachable".
 *
 * All checks share one socket for each family: a ping socket if the kernel allows it for this user
 * (net.ipv4.ping_group_range), else a raw one (CAP_NET_RAW).  An echo is identified by its sequence number,
 * its address and eight random octets, which only a host that saw the request can return. ICMP errors arrive
 * in the error queue, with the request that caused them.
 */
#include "monitor/check/check.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	ECHO_LEN = 16, /* header and the random octets */
	NONCE_LEN = 8,
	RECEIVE_BUFFER = 1 << 20, /* a start pings thousands together */
	UDP_WAIT_MS = 200,        /* minimum time to wait for "port unreachable", */
	UDP_WAIT_RTTS = 4         /* or this number of round-trip times of the ping */
};

/* One for each family. */
static struct ping_socket {
	int domain, protocol;
	uint8_t request, reply; /* ICMP types */
	int fd;
	bool raw;
	int error; /* the reason if there is no socket */
	bool logged_error;
	struct event *readable;
} sockets[2] = {
    {.domain = AF_INET, .protocol = IPPROTO_ICMP, .request = ICMP_ECHO, .reply = ICMP_ECHOREPLY, .fd = -1},
    {.domain = AF_INET6,
	.protocol = IPPROTO_ICMPV6,
	.request = ICMP6_ECHO_REQUEST,
	.reply = ICMP6_ECHO_REPLY,
	.fd = -1},
};

struct ping {
	struct check *check;
	struct icmp *icmp;
	uint16_t sequence;
	bool waiting; /* for an echo; the check is then in the list `pending` */
	uint8_t nonce[NONCE_LEN];
	int udp; /* -1 while it pings */
	struct event *refused, *silence;
};

struct icmp {
	struct event_base *base;
	uint16_t ident; /* of raw sockets; the kernel chooses that of ping sockets */
	uint16_t next;
	struct ping *pending[UINT16_MAX + 1];
};

/* --- the sockets --- */

static void
set_options(const struct ping_socket *ping)
{
	int on = 1, room = RECEIVE_BUFFER;
	struct icmp_filter only_replies = {~(1u << ICMP_ECHOREPLY)};
	struct icmp6_filter only_replies6;

	setsockopt(ping->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(ping->fd, ping->domain == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
	    ping->domain == AF_INET ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on);
	if (!ping->raw)
		return;
	/* Ignore the ICMP messages of other processes. */
	ICMP6_FILTER_SETBLOCKALL(&only_replies6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &only_replies6);
	if (ping->domain == AF_INET)
		setsockopt(ping->fd, SOL_RAW, ICMP_FILTER, &only_replies, sizeof only_replies);
	else
		setsockopt(ping->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only_replies6, sizeof only_replies6);
}

static void
socket_open(struct ping_socket *ping)
{
	static const int types[] = {SOCK_DGRAM, SOCK_RAW};

	for (size_t i = 0; i < NITEMS(types) && ping->fd < 0; i++) {
		ping->fd = socket(ping->domain, types[i] | SOCK_NONBLOCK | SOCK_CLOEXEC, ping->protocol);
		ping->raw = types[i] == SOCK_RAW;
		ping->error = errno;
	}
	if (ping->fd >= 0)
		set_options(ping);
}

void
check_icmp_prepare(void)
{
	for (size_t i = 0; i < NITEMS(sockets); i++)
		socket_open(&sockets[i]);
}

/* --- packets --- */

/* RFC 1071 */
static uint16_t
checksum(const uint8_t *octets, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += get16(octets + i);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static struct ping_socket *
socket_of(const struct check *check)
{
	return &sockets[check->subject.address.family == FAMILY_V6];
}

static int
send_echo(const struct ping *ping)
{
	const struct ping_socket *by = socket_of(ping->check);
	struct check_subject subject = ping->check->subject;
	struct monitor no_port = *subject.monitor;
	struct sockaddr_storage to;
	uint8_t packet[ECHO_LEN] = {by->request};
	socklen_t len;

	no_port.port = 0;
	subject.monitor = &no_port;
	len = check_sockaddr(&subject, &to);
	put16(packet + 4, ping->icmp->ident);
	put16(packet + 6, ping->sequence);
	memcpy(packet + 8, ping->nonce, NONCE_LEN);
	if (by->domain == AF_INET) /* for IPv6 the kernel does it */
		put16(packet + 2, checksum(packet, sizeof packet));
	/* A pending error of the socket about another address is returned first. */
	for (int try = 0; try < 2; try++)
		if (sendto(by->fd, packet, sizeof packet, 0, (const struct sockaddr *)&to, len) >= 0)
			return 0;
	return errno == EAGAIN ? -ENOBUFS : -errno;
}

/* The ping to which a message belongs: icmp is the echo, or the request that an error quotes, perhaps its
 * header alone. */
static struct ping *
find_ping(const struct icmp *all, const struct ping_socket *by, const uint8_t *icmp, size_t len,
    const struct sockaddr_storage *peer)
{
	struct ping *ping;
	const void *address = by->domain == AF_INET
	    ? (const void *)&((const struct sockaddr_in *)peer)->sin_addr
	    : (const void *)&((const struct sockaddr_in6 *)peer)->sin6_addr;

	if (len < 8 || icmp[1] != 0 || peer->ss_family != by->domain ||
	    (by->raw && get16(icmp + 4) != all->ident))
		return NULL;
	ping = all->pending[get16(icmp + 6)];
	if (ping == NULL || socket_of(ping->check) != by ||
	    memcmp(address, ping->check->subject.address.bytes, by->domain == AF_INET ? 4 : 16) != 0 ||
	    memcmp(icmp + 8, ping->nonce, MIN(len - 8, NONCE_LEN)) != 0)
		return NULL;
	return ping;
}

/* --- udp_icmp: the second half --- */

static void
on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct ping *ping = arg;
	uint8_t octet;

	(void)what;
	if (recv(fd, &octet, 1, 0) >= 0) /* an answer is good, too */
		check_finish(ping->check, REASON_NONE);
	else if (errno == ECONNREFUSED)
		check_finish(ping->check, REASON_UDP_PORT_UNREACHABLE);
	else if (errno != EAGAIN && errno != EINTR)
		check_finish_errno(ping->check, errno);
}

static void
on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct ping *ping = arg;

	(void)fd, (void)what;
	check_finish(ping->check, REASON_NONE);
}

/* The time to wait for "port unreachable": the time of the attempt must not end first. */
static struct timeval
silence_after(const struct check *check)
{
	uint64_t spent_us = (boot_ns() - check->began_ns) / 1000,
		 whole_us = (uint64_t)check->subject.monitor->timeout_ms * 1000;
	uint64_t wait_us = MAX(UDP_WAIT_MS * UINT64_C(1000), UDP_WAIT_RTTS * (uint64_t)check->result.rtt_us);

	wait_us = MIN(wait_us, (whole_us - MIN(spent_us, whole_us)) / 2);
	return (struct timeval){(time_t)(wait_us / 1000000), (suseconds_t)(wait_us % 1000000)};
}

static int
udp_begin(struct ping *ping)
{
	struct check *check = ping->check;
	struct timeval wait = silence_after(check);
	struct sockaddr_storage to;
	socklen_t len = check_sockaddr(&check->subject, &to);

	ping->udp = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ping->udp < 0 || connect(ping->udp, (const struct sockaddr *)&to, len) < 0 ||
	    send(ping->udp, "", 1, 0) < 0)
		return -errno;
	ping->refused = event_new(ping->icmp->base, ping->udp, EV_READ | EV_PERSIST, on_udp, ping);
	ping->silence = evtimer_new(ping->icmp->base, on_silence, ping);
	if (ping->refused == NULL || ping->silence == NULL || event_add(ping->refused, NULL) < 0 ||
	    event_add(ping->silence, &wait) < 0)
		return -ENOMEM;
	return 0;
}

/* --- echoes --- */

static void
pending_remove(struct ping *ping)
{
	if (ping->waiting)
		ping->icmp->pending[ping->sequence] = NULL;
	ping->waiting = false;
}

static void
on_echo(struct ping *ping)
{
	struct check *check = ping->check;
	uint64_t took_us = (boot_ns() - check->began_ns) / 1000;
	int error;

	pending_remove(ping);
	check->result.rtt_us = (uint32_t)MAX(1, took_us);
	if (check->subject.monitor->type == MONITOR_ICMP_PING)
		check_finish(check, REASON_NONE);
	else if ((error = udp_begin(ping)) == -ECONNREFUSED)
		check_finish(check, REASON_UDP_PORT_UNREACHABLE);
	else if (error != 0)
		check_finish_errno(check, -error);
}

static void
take_reply(const struct icmp *all, const struct ping_socket *by, const uint8_t *packet, size_t len,
    const struct sockaddr_storage *peer)
{
	size_t head = by->raw && by->domain == AF_INET && len > 0 ? (packet[0] & 15u) * 4 : 0; /* of IP */
	struct ping *ping;

	if (len < head + ECHO_LEN || packet[head] != by->reply)
		return;
	ping = find_ping(all, by, packet + head, len - head, peer);
	if (ping != NULL)
		on_echo(ping);
}

/* Handle an ICMP error about a request; its sender is in the control message, peer is where the request
 * went. */
static void
take_error(const struct icmp *all, const struct ping_socket *by, struct msghdr *message,
    const uint8_t *packet, size_t len)
{
	struct ping *ping =
	    len > 0 && packet[0] == by->request ? find_ping(all, by, packet, len, message->msg_name) : NULL;
	struct cmsghdr *control = ping == NULL ? NULL : CMSG_FIRSTHDR(message);

	for (; control != NULL; control = CMSG_NXTHDR(message, control)) {
		struct sock_extended_err error;

		if ((control->cmsg_level != IPPROTO_IP || control->cmsg_type != IP_RECVERR) &&
		    (control->cmsg_level != IPPROTO_IPV6 || control->cmsg_type != IPV6_RECVERR))
			continue;
		memcpy(&error, CMSG_DATA(control), sizeof error);
		/* "Prohibited" by a remote router is not a local failure (S26). */
		check_finish_errno(
		    ping->check, error.ee_errno == EACCES ? EHOSTUNREACH : (int)error.ee_errno);
		return;
	}
}

/* Read one message, from the error queue or not.  Returns false if no message waits. */
static bool
receive(const struct icmp *all, const struct ping_socket *by, int flags)
{
	uint8_t packet[256];
	char control[512];
	struct sockaddr_storage peer = {0};
	struct iovec octets = {packet, sizeof packet};
	struct msghdr message = {.msg_name = &peer,
	    .msg_namelen = sizeof peer,
	    .msg_iov = &octets,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof control};
	ssize_t len = recvmsg(by->fd, &message, flags);

	if (len < 0)
		return errno != EAGAIN && errno != EINTR &&
		    !(flags & MSG_ERRQUEUE); /* an error that is queued, too */
	if (flags & MSG_ERRQUEUE)
		take_error(all, by, &message, packet, (size_t)len);
	else
		take_reply(all, by, packet, (size_t)len, &peer);
	return true;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	const struct icmp *all = arg;
	const struct ping_socket *by = fd == sockets[0].fd ? &sockets[0] : &sockets[1];
	unsigned left = 1024; /* then continue with other events */

	(void)what;
	while (left-- > 0 && (receive(all, by, 0) || receive(all, by, MSG_ERRQUEUE)))
		continue;
}

/* --- one check --- */

static int
not_permitted(struct check *check, struct ping_socket *by)
{
	if (!by->logged_error)
		warnx("icmp_ping and udp_icmp monitors give no verdict on IPv%d: this user may open neither "
		      "a ping socket "
		      "(net.ipv4.ping_group_range) nor a raw one (CAP_NET_RAW): %s",
		    by->domain == AF_INET ? 4 : 6, strerror(by->error));
	by->logged_error = true;
	if (by->error == EPERM || by->error == EACCES)
		check->result.reason = REASON_PING_NOT_PERMITTED;
	return -by->error;
}

static int
socket_use(struct check *check, struct icmp *icmp)
{
	struct ping_socket *by = socket_of(check);

	if (by->fd < 0) /* the setting of the system may have changed */
		socket_open(by);
	if (by->fd < 0)
		return not_permitted(check, by);
	if (by->readable != NULL)
		return 0;
	by->readable = event_new(icmp->base, by->fd, EV_READ | EV_PERSIST, on_readable, icmp);
	return by->readable == NULL || event_add(by->readable, NULL) < 0 ? -ENOMEM : 0;
}

static void
stop(struct check *check)
{
	struct ping *ping = check->talk;

	check->talk = NULL;
	if (ping == NULL)
		return;
	pending_remove(ping);
	if (ping->refused != NULL)
		event_free(ping->refused);
	if (ping->silence != NULL)
		event_free(ping->silence);
	if (ping->udp >= 0)
		close(ping->udp);
	free(ping);
}

/* Give the ping a number that no other has; there are more than checks at once. */
static void
pending_add(struct ping *ping)
{
	struct icmp *icmp = ping->icmp;

	while (icmp->pending[icmp->next] != NULL)
		icmp->next++;
	ping->sequence = icmp->next++;
	icmp->pending[ping->sequence] = ping;
	ping->waiting = true;
}

static int
talk(struct check *check)
{
	struct icmp *icmp = check->shared;
	int error = socket_use(check, icmp);
	struct ping *ping = error != 0 ? NULL : xcalloc(1, sizeof *ping);

	if (ping == NULL)
		return error != 0 ? error : -ENOMEM;
	*ping = (struct ping){.check = check, .icmp = icmp, .udp = -1};
	random_bytes(ping->nonce, sizeof ping->nonce);
	check->talk = ping;
	pending_add(ping);
	error = send_echo(ping);
	if (error != 0)
		stop(check);
	return error;
}

static void *
icmp_open(struct event_base *base)
{
	struct icmp *icmp = xcalloc(1, sizeof *icmp);

	icmp->base = base;
	random_bytes(&icmp->ident, sizeof icmp->ident);
	return icmp;
}

static void
icmp_close(void *shared)
{
	for (size_t i = 0; i < NITEMS(sockets); i++) {
		if (sockets[i].readable != NULL)
			event_free(sockets[i].readable);
		sockets[i].readable = NULL;
	}
	free(shared);
}

const struct check_type check_icmp = {
    .open = icmp_open,
    .close = icmp_close,
    .talk = talk,
    .stop = stop,
    .timeout = REASON_ICMP_TIMEOUT,
    .alone = true,
};
