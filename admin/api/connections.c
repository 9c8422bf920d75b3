#include "admin/api/connections.h"

#include "zones/base/text.h"
#include "zones/base/util.h"
#include "zones/daemon/tls.h"

#include <err.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LISTENERS_MAX = 16, PAUSE_MS = 100, LINGER_S = 5, INPUT_MAX = 128 << 10 };

struct network {
	uint64_t prefix;
	unsigned count;
	LIST_ENTRY(network) next;
};

struct connection {
	struct connections *all;
	struct bufferevent *buffers;
	struct event *deadline;
	struct network *network;
	char address[46];
	struct exchange *exchange; /* that is received or answered; NULL: none */
	bool receiving;            /* the first octets of a request have come */
	bool answering;            /* the exchange is with the user */
	bool ended;                /* the client sends no more */
	bool closing;              /* close it when the output is taken */
	bool lingering;            /* refused: what comes now is thrown away */
	TAILQ_ENTRY(connection) next;
};
TAILQ_HEAD(connection_list, connection);

struct exchange {
	struct connection *connection; /* NULL: the client has gone */
	char address[46];
	char *text; /* of the head */
	struct http_head head;
	struct http_chunks chunks;
	struct evbuffer *body;
	struct evbuffer *headers; /* of the reply */
	bool chunked;             /* the reply is sent in chunks */
	bool silent;              /* HEAD: the reply has no body */
	bool begun;
	void (*moved)(void *arg);
	void (*gone)(void *arg);
	void *arg;
};

struct connections {
	struct event_base *base;
	struct connections_use use;
	struct tls *tls;
	struct evconnlistener *listeners[LISTENERS_MAX];
	size_t nlisteners;
	struct event *resuming;
	struct connection_list list; /* the one that was answered, or came, longest ago is first */
	LIST_HEAD(, network) networks;
	unsigned count;
	uint64_t evicted;
};

/* ---- networks ---- */

/* /24 or /56, as dnsd counts them. */
static uint64_t
prefix_of(const struct address *address)
{
	if (address->family == FAMILY_V4)
		return (uint64_t)address->bytes[0] << 16 | address->bytes[1] << 8 | address->bytes[2];
	return get64(address->bytes) >> 8 | UINT64_C(1) << 60;
}

static struct network *
network_of(struct connections *all, uint64_t prefix)
{
	struct network *network;

	LIST_FOREACH(network, &all->networks, next)
	if (network->prefix == prefix)
		return network;
	network = xcalloc(1, sizeof *network);
	network->prefix = prefix;
	LIST_INSERT_HEAD(&all->networks, network, next);
	return network;
}

/* ---- the end of a connection ---- */

static void
free_exchange(struct exchange *exchange)
{
	if (exchange == NULL)
		return;
	evbuffer_free(exchange->body);
	evbuffer_free(exchange->headers);
	free(exchange->text);
	free(exchange);
}

/* The client has gone: an exchange that is being answered stays with the user. */
static void
leave_exchange(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	connection->exchange = NULL;
	if (exchange == NULL)
		return;
	exchange->connection = NULL;
	if (!connection->answering)
		free_exchange(exchange);
	else if (exchange->gone != NULL)
		exchange->gone(exchange->arg);
}

static void
close_connection(struct connection *connection)
{
	struct connections *all = connection->all;

	TAILQ_REMOVE(&all->list, connection, next);
	all->count--;
	if (--connection->network->count == 0) {
		LIST_REMOVE(connection->network, next);
		free(connection->network);
	}
	event_free(connection->deadline);
	bufferevent_free(connection->buffers);
	leave_exchange(connection);
	free(connection);
}

static void
set_deadline(struct connection *connection, unsigned seconds)
{
	const struct timeval wait = {seconds, 0};

	event_add(connection->deadline, &wait);
}

/* ---- replies ---- */

static size_t
untaken(const struct connection *connection)
{
	return evbuffer_get_length(bufferevent_get_output(connection->buffers));
}

static void
put_head(struct exchange *exchange, int status, long long length)
{
	struct connection *connection = exchange->connection;
	struct evbuffer *output = bufferevent_get_output(connection->buffers);
	char date[40];
	time_t now = time(NULL);
	struct tm tm;

	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	exchange->chunked = length < 0 && exchange->head.minor == 1;
	if ((connection->ended && evbuffer_get_length(bufferevent_get_input(connection->buffers)) == 0) ||
	    (length < 0 && !exchange->chunked) || !exchange->head.keep_alive)
		connection->closing = true;
	evbuffer_add_printf(output, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, http_reason(status), date);
	evbuffer_add_buffer(output, exchange->headers);
	if (length >= 0)
		evbuffer_add_printf(output, "Content-Length: %lld\r\n", length);
	else if (exchange->chunked)
		evbuffer_add_printf(output, "Transfer-Encoding: chunked\r\n");
	if (connection->closing)
		evbuffer_add_printf(output, "Connection: close\r\n");
	else if (exchange->head.minor == 0)
		evbuffer_add_printf(output, "Connection: keep-alive\r\n");
	evbuffer_add(output, "\r\n", 2);
}

/* The exchange is over: the connection waits for the next request, behind all others. */
static void
finish(struct exchange *exchange)
{
	struct connection *connection = exchange->connection;

	if (connection != NULL) {
		connection->exchange = NULL;
		connection->answering = false;
		TAILQ_REMOVE(&connection->all->list, connection, next);
		TAILQ_INSERT_TAIL(&connection->all->list, connection, next);
	}
	free_exchange(exchange);
}

void
exchange_header(struct exchange *exchange, const char *name, const char *format, ...)
{
	va_list args;

	evbuffer_add_printf(exchange->headers, "%s: ", name);
	va_start(args, format);
	evbuffer_add_vprintf(exchange->headers, format, args);
	va_end(args);
	evbuffer_add(exchange->headers, "\r\n", 2);
}

void
exchange_reply(struct exchange *exchange, int status, const char *body, size_t len)
{
	if (exchange->connection != NULL) {
		put_head(exchange, status, (long long)len);
		if (!exchange->silent)
			bufferevent_write(exchange->connection->buffers, body, len);
	}
	finish(exchange);
}

void
exchange_begin(struct exchange *exchange, int status, long long length, void (*moved)(void *arg),
    void (*gone)(void *arg), void *arg)
{
	exchange->moved = moved;
	exchange->gone = gone;
	exchange->arg = arg;
	exchange->begun = true;
	if (exchange->connection != NULL)
		put_head(exchange, status, length);
}

void
exchange_send(struct exchange *exchange, const char *text, size_t len)
{
	struct evbuffer *output;

	if (exchange->connection == NULL || exchange->silent || len == 0)
		return;
	output = bufferevent_get_output(exchange->connection->buffers);
	if (exchange->chunked)
		evbuffer_add_printf(output, "%zx\r\n", len);
	evbuffer_add(output, text, len);
	if (exchange->chunked)
		evbuffer_add(output, "\r\n", 2);
}

size_t
exchange_untaken(const struct exchange *exchange)
{
	return exchange->connection != NULL ? untaken(exchange->connection) : 0;
}

void
exchange_end(struct exchange *exchange, bool whole)
{
	struct connection *connection = exchange->connection;

	exchange->gone = NULL;
	if (connection != NULL && !whole) {
		close_connection(connection);
		free_exchange(exchange);
		return;
	}
	if (connection != NULL && exchange->chunked && !exchange->silent)
		bufferevent_write(connection->buffers, "0\r\n\r\n", 5);
	finish(exchange);
	/* The client may have taken the sent data already. */
	if (connection != NULL)
		bufferevent_trigger(connection->buffers, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

const struct http_head *
exchange_head(const struct exchange *exchange)
{
	return &exchange->head;
}

const char *
exchange_body(struct exchange *exchange, size_t *len)
{
	*len = evbuffer_get_length(exchange->body);
	return *len > 0 ? (const char *)evbuffer_pullup(exchange->body, -1) : "";
}

const char *
exchange_address(const struct exchange *exchange)
{
	return exchange->address;
}

/* ---- requests ---- */

static struct exchange *
exchange_new(struct connection *connection)
{
	struct exchange *exchange = xcalloc(1, sizeof *exchange);

	exchange->connection = connection;
	memcpy(exchange->address, connection->address, sizeof exchange->address);
	exchange->body = evbuffer_new();
	exchange->headers = evbuffer_new();
	if (exchange->body == NULL || exchange->headers == NULL)
		memory_exhausted(0);
	connection->exchange = exchange;
	return exchange;
}

/* The request is refused; nothing after it is read, because nobody knows where the next one begins. */
static void
refuse(struct connection *connection, int status)
{
	struct connections *all = connection->all;
	struct exchange *exchange =
	    connection->exchange != NULL ? connection->exchange : exchange_new(connection);
	char *body = all->use.fault(all->use.arg, status);

	connection->closing = connection->lingering = connection->answering = true;
	exchange_header(exchange, "Content-Type", "application/json");
	exchange_reply(exchange, status, body, strlen(body));
	set_deadline(connection, LINGER_S);
	free(body);
}

/* True if the head is here. */
static bool
read_head(struct connection *connection)
{
	const struct connections_use *use = &connection->all->use;
	struct evbuffer *input = bufferevent_get_input(connection->buffers);
	struct evbuffer_ptr end;
	struct exchange *exchange;
	char two[2];
	size_t len;
	int status;

	while (evbuffer_copyout(input, two, 2) == 2 && memcmp(two, "\r\n", 2) == 0)
		evbuffer_drain(input, 2); /* RFC 9112 2.2 */
	end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
	len = end.pos >= 0 ? (size_t)end.pos + 4 : evbuffer_get_length(input);
	if (len > use->head_max)
		refuse(connection, 431);
	if (end.pos < 0 || len > use->head_max)
		return false;
	exchange = exchange_new(connection);
	exchange->text = xmalloc(len + 1);
	evbuffer_remove(input, exchange->text, len);
	exchange->text[len] = '\0';
	status = http_read_head(&exchange->head, exchange->text, len, use->body_max);
	exchange->silent = strcmp(exchange->head.method, "HEAD") == 0;
	if (status != 0) {
		refuse(connection, status);
		return false;
	}
	/* A client that sends the body in a segment of its own may wait for the acknowledgement of the head.
	 */
	if (exchange->head.chunked || exchange->head.length > 0)
		setsockopt(bufferevent_getfd(connection->buffers), IPPROTO_TCP, TCP_QUICKACK, &(int){1},
		    sizeof(int));
	if (exchange->head.expects_continue && evbuffer_get_length(input) == 0)
		bufferevent_write(connection->buffers, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	return true;
}

/* True if the body is here. */
static bool
read_chunks(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct evbuffer *input = bufferevent_get_input(connection->buffers);
	size_t len, taken, count;
	const char *data;

	do {
		len = evbuffer_get_length(input);
		taken = http_take_chunk(&exchange->chunks,
		    len > 0 ? (const char *)evbuffer_pullup(input, -1) : "", len, &data, &count);
		if (count > 0)
			evbuffer_add(exchange->body, data, count);
		evbuffer_drain(input, taken);
	} while (taken > 0);
	if (exchange->chunks.state == CHUNK_FAULTY)
		refuse(connection, 400);
	else if (evbuffer_get_length(exchange->body) > connection->all->use.body_max)
		refuse(connection, 413);
	else
		return exchange->chunks.state == CHUNK_DONE;
	return false;
}

static bool
read_body(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	size_t have = evbuffer_get_length(exchange->body);

	if (exchange->head.chunked)
		return read_chunks(connection);
	evbuffer_remove_buffer(
	    bufferevent_get_input(connection->buffers), exchange->body, exchange->head.length - have);
	return evbuffer_get_length(exchange->body) == exchange->head.length;
}

/* A closing connection waits until the client closes, or its unread octets would make the kernel reset it. */
static void
linger(struct connection *connection)
{
	if (connection->lingering && connection->all->tls == NULL && !connection->ended)
		shutdown(bufferevent_getfd(connection->buffers), SHUT_WR);
	else
		close_connection(connection);
}

/* Continue with what has come, if the client has taken the last reply. */
static void
go_on(struct connection *connection)
{
	struct connections *all = connection->all;
	struct evbuffer *input = bufferevent_get_input(connection->buffers);

	if (connection->lingering)
		evbuffer_drain(input, evbuffer_get_length(input));
	if (connection->answering || untaken(connection) > 0)
		return;
	if (connection->closing) {
		linger(connection);
		return;
	}
	if (connection->exchange == NULL && evbuffer_get_length(input) > 0 && !read_head(connection)) {
		if (connection->ended && !connection->closing)
			close_connection(connection);
		return;
	}
	if (connection->exchange != NULL && read_body(connection)) {
		event_del(connection->deadline);
		connection->receiving = false;
		connection->answering = true;
		all->use.request(all->use.arg, connection->exchange);
	} else if (connection->ended && !connection->closing) {
		close_connection(connection);
	}
}

/* ---- callbacks ---- */

static void
on_read(struct bufferevent *buffers, void *arg)
{
	struct connection *connection = arg;

	(void)buffers;
	/* The first octet of a request: it has so long to come. */
	if (!connection->receiving && !connection->answering && !connection->lingering) {
		connection->receiving = true;
		set_deadline(connection, connection->all->use.timeout_s);
	}
	go_on(connection);
}

/* The client has taken everything. */
static void
on_written(struct bufferevent *buffers, void *arg)
{
	struct connection *connection = arg;
	struct exchange *exchange = connection->exchange;

	(void)buffers;
	if (connection->answering && exchange != NULL) {
		if (exchange->begun && exchange->moved != NULL)
			exchange->moved(exchange->arg);
		return;
	}
	if (!connection->lingering)
		set_deadline(connection, connection->all->use.timeout_s);
	go_on(connection);
}

static void
on_event(struct bufferevent *buffers, short what, void *arg)
{
	struct connection *connection = arg;

	if (what & BEV_EVENT_CONNECTED) /* the TLS handshake is complete */
		return;
	connection->ended = true;
	/* A half-closed connection still gets its replies, but a reply that goes on ends. */
	if (what & BEV_EVENT_EOF &&
	    (connection->answering ? !connection->exchange->begun : untaken(connection) > 0)) {
		connection->closing |=
		    !connection->answering && evbuffer_get_length(bufferevent_get_input(buffers)) == 0;
		bufferevent_disable(buffers, EV_READ);
		return;
	}
	close_connection(connection);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	close_connection(arg);
}

/* ---- new connections ---- */

static struct connection *
longest_idle(const struct connections *all, const struct network *network)
{
	struct connection *connection;

	TAILQ_FOREACH(connection, &all->list, next)
	if (!connection->answering && (network == NULL || connection->network == network))
		return connection;
	return NULL;
}

/* There is one too many. */
static void
make_room(struct connections *all)
{
	struct network *network, *largest = NULL;
	struct connection *victim;

	LIST_FOREACH(network, &all->networks, next)
	if (largest == NULL || network->count > largest->count)
		largest = network;
	victim = longest_idle(all, largest);
	if (victim == NULL)
		victim = longest_idle(all, NULL);
	if (victim == NULL) /* not reached: the newest has no request yet */
		return;
	all->evicted++;
	close_connection(victim);
}

static void
set_address(struct address *address, const struct sockaddr *from)
{
	if (from->sa_family == AF_INET6) {
		const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;

		if (IN6_IS_ADDR_V4MAPPED(v6)) {
			*address = (struct address){.family = FAMILY_V4};
			memcpy(address->bytes, v6->s6_addr + 12, 4);
			return;
		}
		*address = (struct address){.family = FAMILY_V6};
		memcpy(address->bytes, v6->s6_addr, 16);
	} else {
		*address = (struct address){.family = FAMILY_V4};
		memcpy(address->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	}
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct connections *all = arg;
	struct connection *connection = xcalloc(1, sizeof *connection);
	const struct timeval patience = {all->use.timeout_s, 0};
	struct address address;
	int on = 1;

	(void)listener, (void)len;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	set_address(&address, from);
	address_to_text(&address, connection->address);
	connection->all = all;
	connection->buffers = all->tls != NULL ? tls_accept(all->tls, all->base, fd)
					       : bufferevent_socket_new(all->base, fd, BEV_OPT_CLOSE_ON_FREE);
	connection->deadline = evtimer_new(all->base, on_deadline, connection);
	if (connection->buffers == NULL || connection->deadline == NULL)
		memory_exhausted(0);
	connection->network = network_of(all, prefix_of(&address));
	connection->network->count++;
	all->count++;
	TAILQ_INSERT_TAIL(&all->list, connection, next);
	bufferevent_setcb(connection->buffers, on_read, on_written, on_event, connection);
	bufferevent_setwatermark(connection->buffers, EV_READ, 0, INPUT_MAX);
	bufferevent_set_timeouts(connection->buffers, NULL, &patience);
	set_deadline(connection, all->use.timeout_s);
	bufferevent_enable(connection->buffers, EV_READ | EV_WRITE);
	if (all->count > all->use.most)
		make_room(all);
}

static void
listen_or_pause(struct connections *all, bool listening)
{
	for (size_t i = 0; i < all->nlisteners; i++)
		if (listening)
			evconnlistener_enable(all->listeners[i]);
		else
			evconnlistener_disable(all->listeners[i]);
}

/* No descriptors: wait until some are free. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	const struct timeval wait = {0, PAUSE_MS * 1000};
	struct connections *all = arg;

	(void)listener;
	listen_or_pause(all, false);
	evtimer_add(all->resuming, &wait);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	listen_or_pause(arg, true);
}

/* ---- start and end ---- */

struct connections *
connections_new(struct event_base *base, const struct connections_use *use, struct tls *tls)
{
	struct connections *all = xcalloc(1, sizeof *all);

	*all = (struct connections){.base = base, .use = *use, .tls = tls};
	TAILQ_INIT(&all->list);
	LIST_INIT(&all->networks);
	if ((all->resuming = evtimer_new(base, on_resume, all)) == NULL)
		memory_exhausted(0);
	return all;
}

void
connections_free(struct connections *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->nlisteners; i++)
		evconnlistener_free(all->listeners[i]);
	while (!TAILQ_EMPTY(&all->list))
		close_connection(TAILQ_FIRST(&all->list));
	event_free(all->resuming);
	free(all);
}

static socklen_t
socket_address(struct sockaddr_storage *to, const struct address *address, uint16_t port)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;

	memset(to, 0, sizeof *to);
	if (address->family == FAMILY_V6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, address->bytes, 16);
		return sizeof *v6;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	memcpy(&v4->sin_addr, address->bytes, 4);
	return sizeof *v4;
}

uint16_t
connections_listen(struct connections *all, const struct address *address, uint16_t port)
{
	struct sockaddr_storage bound;
	socklen_t len = socket_address(&bound, address, port);
	struct evconnlistener *listener = evconnlistener_new_bind(all->base, on_accept, all,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 128, (struct sockaddr *)&bound,
	    (int)len);

	if (listener == NULL)
		return 0;
	evconnlistener_set_error_cb(listener, on_accept_error);
	all->listeners[all->nlisteners++] = listener;
	len = sizeof bound;
	if (getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&bound, &len) < 0)
		return 0;
	return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
						 : ((struct sockaddr_in *)&bound)->sin_port);
}

unsigned
connections_count(const struct connections *all)
{
	return all->count;
}

uint64_t
connections_evicted(const struct connections *all)
{
	return all->evicted;
}
