/*
 * S37: dns asks one question and is good if the rcode is as expected and, if data is expected, one answer has
 * it.
 *
 * It first sends a datagram from a socket of its own: a random port, connected, so that only the endpoint can
 * reply. If the answer has TC, it asks over TCP. A datagram with another id or question is ignored; over TCP
 * it is a failure.
 */
#include "monitor/check/check.h"
#include "monitor/check/dns_response.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	MESSAGE_MAX = 65535,
	DATAGRAM_MAX = 4096 /* 512 would be normal */
};

struct dns {
	struct check *check;
	struct event_base *base;
	int udp;
	struct event *readable;
	struct bufferevent *tcp;
	uint8_t query[2 + DNS_QUERY_MAX]; /* with its length before it, as TCP requires */
	size_t len;                       /* length of the message */
};

/* Finish the check with the result of the response. */
static void
finish(struct check *check, const struct dns_verdict *verdict)
{
	check->result.code = verdict->rcode;
	check_detail(check, "%s", verdict->detail);
	check_finish(check, verdict->reason);
}

/* --- over TCP --- */

static void
on_tcp_read(struct bufferevent *connection, void *arg)
{
	struct dns *dns = arg;
	struct evbuffer *input = bufferevent_get_input(connection);
	size_t have = evbuffer_get_length(input), want;
	const uint8_t *octets = evbuffer_pullup(input, (ev_ssize_t)have);
	struct dns_verdict verdict;

	if (have < 2 || have - 2 < (want = get16(octets)))
		return;
	if (dns_response_check(dns->check->subject.monitor, dns->query + 2, octets + 2, want, &verdict))
		finish(dns->check, &verdict);
	else
		check_finish(dns->check, REASON_DNS_INVALID_RESPONSE);
}

static void
on_tcp_event(struct bufferevent *connection, short what, void *arg)
{
	struct dns *dns = arg;
	int error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_CONNECTED)
		bufferevent_write(connection, dns->query, 2 + dns->len);
	else if (what & BEV_EVENT_ERROR)
		check_finish_errno(dns->check, error != 0 ? error : ECONNRESET);
	else {
		check_detail(dns->check, "closed before the answer");
		check_finish(dns->check, REASON_DNS_INVALID_RESPONSE);
	}
}

static int
tcp_begin(struct dns *dns)
{
	struct sockaddr_storage to;
	socklen_t len = check_sockaddr(&dns->check->subject, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0)
		return -errno;
	event_del(dns->readable);
	dns->tcp = bufferevent_socket_new(dns->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (dns->tcp == NULL) {
		close(fd);
		return -ENOMEM;
	}
	bufferevent_setcb(dns->tcp, on_tcp_read, NULL, on_tcp_event, dns);
	bufferevent_setwatermark(dns->tcp, EV_READ, 0, 2 + MESSAGE_MAX);
	bufferevent_enable(dns->tcp, EV_READ | EV_WRITE);
	/* A connect that fails at once is an event, too. */
	return bufferevent_socket_connect(dns->tcp, (const struct sockaddr *)&to, (int)len) < 0
	    ? -ECONNREFUSED
	    : 0;
}

/* --- over UDP --- */

static void
on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct dns *dns = arg;
	uint8_t message[DATAGRAM_MAX];
	ssize_t got = recv(fd, message, sizeof message, 0);
	struct dns_verdict verdict;
	int error;

	(void)what;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0 && errno == ECONNREFUSED)
		check_finish(dns->check, REASON_UDP_PORT_UNREACHABLE);
	else if (got < 0)
		check_finish_errno(dns->check, errno);
	else if (!dns_response_check(
		     dns->check->subject.monitor, dns->query + 2, message, (size_t)got, &verdict))
		return; /* the answer to another question, or late */
	else if (!verdict.truncated)
		finish(dns->check, &verdict);
	else if ((error = tcp_begin(dns)) != 0)
		check_finish_errno(dns->check, -error);
}

static int
udp_begin(struct dns *dns)
{
	struct sockaddr_storage to;
	socklen_t len = check_sockaddr(&dns->check->subject, &to);

	dns->udp = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dns->udp < 0 || connect(dns->udp, (const struct sockaddr *)&to, len) < 0 ||
	    send(dns->udp, dns->query + 2, dns->len, 0) < 0)
		return -errno;
	dns->readable = event_new(dns->base, dns->udp, EV_READ | EV_PERSIST, on_udp, dns);
	return dns->readable == NULL || event_add(dns->readable, NULL) < 0 ? -ENOMEM : 0;
}

static void
stop(struct check *check)
{
	struct dns *dns = check->talk;

	check->talk = NULL;
	if (dns == NULL)
		return;
	if (dns->readable != NULL)
		event_free(dns->readable);
	if (dns->tcp != NULL)
		bufferevent_free(dns->tcp);
	if (dns->udp >= 0)
		close(dns->udp);
	free(dns);
}

static int
talk(struct check *check)
{
	struct dns *dns = xcalloc(1, sizeof *dns);
	int error;

	dns->check = check;
	dns->base = check->shared;
	dns->udp = -1;
	check->talk = dns;
	dns->len = dns_query(check->subject.monitor, dns->query + 2);
	put16(dns->query, (uint16_t)dns->len);
	error = udp_begin(dns);
	if (error != 0)
		stop(check);
	return error;
}

static void *
dns_open(struct event_base *base)
{
	return base;
}

static void
dns_close(void *shared)
{
	(void)shared;
}

const struct check_type check_dns = {
    .open = dns_open,
    .close = dns_close,
    .talk = talk,
    .stop = stop,
    .timeout = REASON_DNS_TIMEOUT,
    .alone = true,
};
