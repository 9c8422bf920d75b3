#include "dnsd/tcp.h"

#include "dnsd/listen.h"
#include "zones/daemon/tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <err.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum { LENGTH = 2, OUTPUT_MAX = 128 << 10, INPUT_MAX = LENGTH + UINT16_MAX };

struct connection {
	struct tcp *tcp;
	struct bufferevent *buffers;
	struct event *deadline;
	struct peer peer;
	bool closing; /* the client sends no more: close when everything is written */
	struct network *network;
	uint64_t turn; /* time of its last answer or its arrival, counted in such events */
	struct connection *older, *newer;
};

/* The connections of one client network, in the order of their turns. */
struct network {
	uint64_t prefix;
	unsigned count;
	struct connection *oldest, *newest;
	struct network *next, **link;
};

struct tcp {
	struct event_base *base;
	struct evconnlistener *listener;
	struct tls *tls; /* NULL: plain */
	struct serve_context *context;
	struct epochs *epochs;
	struct epoch_slot *slot;
	struct network *networks;
	_Atomic unsigned count; /* only the thread of the loop writes it */
	unsigned most, most_of_network;
	void (*give)(void *arg, struct parcel *parcel); /* another process takes over; NULL: none */
	void *give_arg;
	uint64_t turns;
	struct timeval idle;
	struct event *pause; /* a pause until descriptors are free again */
	bool said;
	uint8_t out[UINT16_MAX];
};

/* /24 or /56: the network that one client may have addresses in. */
static uint64_t
prefix_of(const struct address *address)
{
	if (address->family == FAMILY_V4)
		return (uint64_t)address->bytes[0] << 16 | address->bytes[1] << 8 | address->bytes[2];
	return get64(address->bytes) >> 8 | UINT64_C(1) << 60;
}

static void
leave_turn(struct connection *connection)
{
	struct network *network = connection->network;

	*(connection->older != NULL ? &connection->older->newer : &network->oldest) = connection->newer;
	*(connection->newer != NULL ? &connection->newer->older : &network->newest) = connection->older;
}

static void
take_turn(struct connection *connection)
{
	struct network *network = connection->network;

	connection->turn = ++connection->tcp->turns;
	connection->newer = NULL;
	connection->older = network->newest;
	*(network->newest != NULL ? &network->newest->newer : &network->oldest) = connection;
	network->newest = connection;
}

/* It got an answer: move it to the end of the list. */
static void
renew_turn(struct connection *connection)
{
	leave_turn(connection);
	take_turn(connection);
}

/* Find or create the network of a prefix.  Returns NULL if memory is exhausted. */
static struct network *
network_of(struct tcp *tcp, uint64_t prefix)
{
	struct network *network = tcp->networks;

	while (network != NULL && network->prefix != prefix)
		network = network->next;
	if (network != NULL || (network = calloc(1, sizeof *network)) == NULL)
		return network;
	network->prefix = prefix;
	network->next = tcp->networks;
	network->link = &tcp->networks;
	if (network->next != NULL)
		network->next->link = &network->next;
	tcp->networks = network;
	return network;
}

/* Free it if it has no connections. */
static void
leave_network(struct network *network)
{
	if (network->count > 0)
		return;
	if (network->next != NULL)
		network->next->link = network->link;
	*network->link = network->next;
	free(network);
}

/* The network with most connections; of equal ones, the one with the connection that has waited longest. */
static struct network *
largest_network(const struct tcp *tcp)
{
	struct network *largest = NULL;

	for (struct network *network = tcp->networks; network != NULL; network = network->next)
		if (network->oldest != NULL && /* it has older connections than the new one */
		    (largest == NULL || network->count > largest->count ||
			(network->count == largest->count && network->oldest->turn < largest->oldest->turn)))
			largest = network;
	return largest;
}

static void
close_connection(struct connection *connection)
{
	leave_turn(connection);
	connection->network->count--;
	leave_network(connection->network);
	connection->tcp->count--;
	event_free(connection->deadline);
	bufferevent_free(connection->buffers);
	free(connection);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	close_connection(arg);
}

/* A whole request at the front of the input; NULL if it is incomplete. */
static const uint8_t *
next_request(struct evbuffer *input, size_t *len)
{
	uint8_t prefix[LENGTH];

	if (evbuffer_copyout(input, prefix, LENGTH) < LENGTH)
		return NULL;
	*len = get16(prefix);
	if (evbuffer_get_length(input) < LENGTH + *len)
		return NULL;
	return evbuffer_pullup(input, (ev_ssize_t)(LENGTH + *len));
}

/* Answer one request.  Returns false if memory is exhausted.  Only an answer restarts the time-out. */
static bool
answer_request(struct connection *connection, const uint8_t *request, size_t len)
{
	struct tcp *tcp = connection->tcp;
	const struct snapshot *snapshot = epoch_enter(tcp->epochs, tcp->slot);
	size_t outlen;
	struct evbuffer *output = bufferevent_get_output(connection->buffers);
	uint8_t prefix[LENGTH];
	struct tap_ring *ring = tcp->context->ring;
	int64_t began = ring != NULL ? tap_now() : 0;

	serve_clock(tcp->context);
	outlen = serve(
	    tcp->context, snapshot, &connection->peer, request + LENGTH, len, tcp->out, sizeof tcp->out);
	epoch_leave(tcp->slot);
	if (ring != NULL)
		tap_put(ring, &connection->peer, request + LENGTH, len, tcp->out, outlen, began, tap_now());
	if (outlen == 0)
		return true;
	event_add(connection->deadline, &tcp->idle);
	renew_turn(connection);
	put16(prefix, (uint16_t)outlen);
	return evbuffer_add(output, prefix, LENGTH) == 0 && evbuffer_add(output, tcp->out, outlen) == 0;
}

/* Hand over a connection without pending answers.  Returns false if it stays, unchanged. */
static bool
give_away(struct connection *connection)
{
	struct tcp *tcp = connection->tcp;
	struct evbuffer *input = bufferevent_get_input(connection->buffers);
	size_t len = evbuffer_get_length(input);
	struct parcel *parcel;

	if (tcp->give == NULL || tcp->tls != NULL || connection->closing ||
	    evbuffer_get_length(bufferevent_get_output(connection->buffers)) > 0 ||
	    (parcel = calloc(1, sizeof *parcel + len)) == NULL)
		return false;
	parcel->fd = bufferevent_getfd(connection->buffers);
	parcel->len = len;
	evbuffer_copyout(input, parcel->octets, len);
	bufferevent_setfd(connection->buffers, -1); /* otherwise it would be closed with them */
	close_connection(connection);
	tcp->give(tcp->give_arg, parcel);
	return true;
}

/*
 * Answer the received requests while the client reads the answers: with OUTPUT_MAX unread octets this stops
 * reading, and TCP makes the client wait.
 */
static void
on_read(struct bufferevent *buffers, void *arg)
{
	struct connection *connection = arg;
	struct evbuffer *input = bufferevent_get_input(buffers), *output = bufferevent_get_output(buffers);
	const uint8_t *request;
	size_t len;

	while (evbuffer_get_length(output) < OUTPUT_MAX && (request = next_request(input, &len)) != NULL) {
		if (!answer_request(connection, request, len)) {
			close_connection(connection);
			return;
		}
		evbuffer_drain(input, LENGTH + len);
	}
	if (evbuffer_get_length(output) >= OUTPUT_MAX)
		bufferevent_disable(buffers, EV_READ);
	else if (connection->closing && evbuffer_get_length(output) == 0)
		close_connection(connection);
	else
		give_away(connection);
}

/* The output is empty: continue with waiting requests. */
static void
on_written(struct bufferevent *buffers, void *arg)
{
	struct connection *connection = arg;

	if (!connection->closing)
		bufferevent_enable(buffers, EV_READ);
	event_add(connection->deadline, &connection->tcp->idle);
	on_read(buffers, connection);
}

static void
on_end(struct bufferevent *buffers, short what, void *arg)
{
	struct connection *connection = arg;

	if (what & BEV_EVENT_CONNECTED) /* the TLS handshake is complete */
		return;
	/* A half-closed connection still gets its answers. */
	if (what & BEV_EVENT_EOF && evbuffer_get_length(bufferevent_get_output(buffers)) > 0) {
		connection->closing = true;
		bufferevent_disable(buffers, EV_READ);
		return;
	}
	close_connection(connection);
}

/* A network with too many connections, including the new one, loses the one that has waited longest. */
static void
make_room(struct tcp *tcp, const struct network *newcomers)
{
	if (newcomers->count > tcp->most_of_network)
		close_connection(newcomers->oldest);
	else if (tcp->count >= tcp->most)
		close_connection(largest_network(tcp)->oldest);
}

/* Create the buffers of a connection.  Returns false if memory is exhausted: fd is then closed. */
static bool
open_connection(struct tcp *tcp, struct connection *connection, int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	connection->tcp = tcp;
	connection->deadline = evtimer_new(tcp->base, on_deadline, connection);
	connection->buffers = tcp->tls != NULL ? tls_accept(tcp->tls, tcp->base, fd)
					       : bufferevent_socket_new(tcp->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (connection->deadline == NULL || connection->buffers == NULL) {
		if (connection->deadline != NULL)
			event_free(connection->deadline);
		if (connection->buffers == NULL)
			close(fd);
		else
			bufferevent_free(connection->buffers);
		return false;
	}
	return true;
}

/* The received part of its next request. */
static void
put_back(struct bufferevent *buffers, const struct parcel *parcel)
{
	struct evbuffer *input = bufferevent_get_input(buffers);

	evbuffer_unfreeze(input, 0);
	evbuffer_add(input, parcel->octets, parcel->len);
	evbuffer_freeze(input, 0);
}

/* parcel: NULL for a new connection. */
static void
take(struct tcp *tcp, int fd, const struct sockaddr *from, const struct parcel *parcel)
{
	struct connection *connection = calloc(1, sizeof *connection);
	struct network *network = NULL;
	struct peer peer;

	peer_from(
	    &peer, (const union sockaddr_any *)from, tcp->tls != NULL ? TRANSPORT_TLS4 : TRANSPORT_TCP4);
	if (connection == NULL || (network = network_of(tcp, prefix_of(&peer.address))) == NULL) {
		free(connection);
		close(fd);
		return;
	}
	network->count++; /* it stays while others close */
	make_room(tcp, network);
	if (!open_connection(tcp, connection, fd)) {
		network->count--;
		leave_network(network);
		free(connection);
		return;
	}
	connection->peer = peer;
	connection->network = network;
	take_turn(connection);
	tcp->count++;
	bufferevent_setcb(connection->buffers, on_read, on_written, on_end, connection);
	bufferevent_setwatermark(connection->buffers, EV_READ, 0, INPUT_MAX);
	if (parcel != NULL && parcel->len > 0)
		put_back(connection->buffers, parcel);
	bufferevent_enable(connection->buffers, EV_READ | EV_WRITE);
	event_add(connection->deadline, &tcp->idle);
}

void
tcp_take(struct tcp *tcp, int fd, const struct sockaddr *from)
{
	take(tcp, fd, from, NULL);
}

static void
on_connect(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	(void)listener;
	(void)len;
	tcp_take(arg, fd, from);
}

/* No descriptor or memory for another connection: the backlog would wake the loop again at once, so pause for
 * a moment. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval moment = {.tv_usec = 100000};
	struct tcp *tcp = arg;

	if (!tcp->said)
		warn("cannot accept a TCP connection (logged once)");
	tcp->said = true;
	evconnlistener_disable(listener);
	event_add(tcp->pause, &moment);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *tcp = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(tcp->listener);
}

/* A limit that the environment may set. */
static unsigned
limit_of(const char *name, unsigned most, unsigned standard)
{
	const char *text = getenv(name);
	uint64_t value;

	return text != NULL && whole_from_text(text, most, &value) && value > 0 ? (unsigned)value : standard;
}

void
tcp_limits_init(struct tcp_limits *limits, unsigned connections)
{
	limits->connections = limit_of("GRAYCLOUD_TCP_CONNECTIONS", connections, connections);
	limits->idle_ms = limit_of("GRAYCLOUD_TCP_IDLE_MS", TCP_IDLE_LONGEST_MS, TCP_IDLE_MS);
}

struct tcp *
tcp_new(struct event_base *base, int fd, const struct tcp_limits *limits, struct tls *tls,
    struct serve_context *context, struct epochs *epochs, struct epoch_slot *slot)
{
	struct tcp *tcp = calloc(1, sizeof *tcp);

	if (tcp == NULL)
		return NULL;
	tcp->base = base;
	tcp->tls = tls;
	tcp->context = context;
	tcp->epochs = epochs;
	tcp->slot = slot;
	tcp->most = limits->connections;
	tcp->most_of_network = MIN(MAX(tcp->most / TCP_NETWORK_PART, TCP_NETWORK_MIN), tcp->most);
	tcp->idle =
	    (struct timeval){.tv_sec = limits->idle_ms / 1000, .tv_usec = limits->idle_ms % 1000 * 1000};
	tcp->pause = evtimer_new(base, on_pause_over, tcp);
	tcp->listener = evconnlistener_new(base, on_connect, tcp, LEV_OPT_CLOSE_ON_EXEC, -1, fd);
	if (tcp->listener == NULL || tcp->pause == NULL) {
		tcp_free(tcp);
		return NULL;
	}
	evconnlistener_set_error_cb(tcp->listener, on_accept_error);
	return tcp;
}

void
tcp_free(struct tcp *tcp)
{
	if (tcp == NULL)
		return;
	while (tcp->networks != NULL)
		close_connection(tcp->networks->oldest);
	if (tcp->listener != NULL)
		evconnlistener_free(tcp->listener);
	if (tcp->pause != NULL)
		event_free(tcp->pause);
	free(tcp);
}

void
tcp_leave(struct tcp *tcp, void (*give)(void *arg, struct parcel *parcel), void *arg)
{
	struct network *next;

	tcp->give = give;
	tcp->give_arg = arg;
	event_del(tcp->pause);
	evconnlistener_disable(tcp->listener);
	for (struct network *network = tcp->networks; network != NULL; network = next) {
		next = network->next; /* it is freed with its last connection */
		for (struct connection *one = network->oldest, *newer; one != NULL; one = newer) {
			newer = one->newer;
			give_away(one);
		}
	}
}

void
tcp_adopt(struct tcp *tcp, struct parcel *parcel)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof from;

	if (getpeername(parcel->fd, (struct sockaddr *)&from, &len) < 0)
		close(parcel->fd);
	else
		take(tcp, parcel->fd, (const struct sockaddr *)&from, parcel);
	free(parcel);
}

unsigned
tcp_count(const struct tcp *tcp)
{
	return tcp->count;
}

void
tcp_stop(struct tcp *tcp)
{
	struct timeval moment = {.tv_usec = 50000};

	event_del(tcp->pause);
	evconnlistener_disable(tcp->listener);
	/* Received requests are answered within this time; slower clients must ask another server. */
	event_base_loopexit(tcp->base, tcp->count > 0 ? &moment : NULL);
}
