#include "admin/api/server.h"

#include "admin/api/access.h"
#include "admin/api/ids.h"
#include "admin/api/replays.h"
#include "admin/api/writer.h"
#include "zones/daemon/tls.h"
#include "zones/state/serving.h"

#include <err.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 2, PAUSE_MS = 100, DESCRIPTORS_OWN = 32 };

/* A request from its arrival to its reply. */
struct pending {
	struct server *server;
	struct evhttp_request *request; /* NULL: the client has gone */
	struct call *call;
	char *address;
	uint64_t since_ms;   /* of the wait for the nameserver */
	uint64_t generation; /* that it waits for */
	TAILQ_ENTRY(pending) next;
};
TAILQ_HEAD(pendings, pending);

struct server {
	struct event_base *base;
	const struct options *options;
	struct evhttp *http;
	struct evhttp_bound_socket *bound[API_LISTEN_MAX];
	size_t nbound;
	struct tls *tls; /* NULL: plain HTTP */
	struct viewer viewer;
	struct access *access;
	struct replays *replays;
	struct writer *writer;
	struct pendings unserved; /* committed, and not yet served */
	struct event *looking;    /* at what the nameserver serves */
	struct event *resuming;   /* after there were too many connections */
	struct id account;
	uint64_t tokens_of; /* the number of the commit that the tokens are of */
};

/* ---- replies ---- */

static void
free_pending(struct pending *pending)
{
	call_free(pending->call);
	free(pending->address);
	free(pending);
}

/* The connection is about to be freed. libevent has detached a request whose client has gone. */
static void
on_closed(struct evhttp_connection *connection, void *arg)
{
	struct pending *pending = arg;

	(void)connection;
	if (evhttp_request_get_connection(pending->request) == NULL)
		evhttp_request_free(pending->request);
	pending->request = NULL;
}

static void
put_headers(struct evhttp_request *request, const struct reply *reply)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	char text[32];

	evhttp_add_header(headers, "Content-Type", "application/json");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	if (reply->generation != 0) {
		snprintf(text, sizeof text, "\"%llu\"", (unsigned long long)reply->generation);
		evhttp_add_header(headers, "ETag", text);
	}
	if (reply->retry_after != 0) {
		snprintf(text, sizeof text, "%u", reply->retry_after);
		evhttp_add_header(headers, "Retry-After", text);
	}
}

static void
send_text(struct pending *pending, const char *text)
{
	struct evbuffer *body = evbuffer_new();
	char length[24];

	evhttp_connection_set_closecb(evhttp_request_get_connection(pending->request), NULL, NULL);
	put_headers(pending->request, &pending->call->reply);
	snprintf(length, sizeof length, "%zu", strlen(text));
	evhttp_add_header(evhttp_request_get_output_headers(pending->request), "Content-Length", length);
	if (evhttp_request_get_command(pending->request) ==
	    EVHTTP_REQ_HEAD) /* libevent would send the body */
		evhttp_send_reply(pending->request, pending->call->reply.status, NULL, NULL);
	else if (body == NULL || evbuffer_add(body, text, strlen(text)) < 0)
		evhttp_send_reply(pending->request, 503, NULL, NULL);
	else
		evhttp_send_reply(pending->request, pending->call->reply.status, NULL, body);
	if (body != NULL)
		evbuffer_free(body);
}

/* One line for each change: never a token or a body. */
static void
log_change(const struct pending *pending)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "?"};
	const struct call *call = pending->call;

	if (call->method != METHOD_GET && call->caller.name != NULL)
		warnx("token %s from %s: %s %s: %d", call->caller.name, pending->address,
		    methods[call->method], call->path, call->reply.status);
}

/* Send the reply of a call, and forget it. */
static void
reply(struct pending *pending)
{
	struct call *call = pending->call;
	char *text = call_text(call);

	log_change(pending);
	if (call->method == METHOD_POST && call->reply.errors == NULL && !call->dry_run)
		replays_keep(pending->server->replays, call, text, boot_ms());
	if (pending->request != NULL)
		send_text(pending, text);
	free(text);
	free_pending(pending);
}

/* ---- the wait for the nameserver ---- */

static bool
is_served(struct pending *pending, const struct serving_status *status)
{
	char *text = NULL;

	if (status == NULL || status->generation >= pending->generation)
		return true;
	if (boot_ms() - pending->since_ms < SERVER_SERVED_MS && status->compile_error[0] == '\0')
		return false;
	text = status->compile_error[0] != '\0'
	    ? xasprintf("the nameserver cannot serve generation %llu and answers as before: %s",
		  (unsigned long long)pending->generation, status->compile_error)
	    : xasprintf("the nameserver still serves generation %llu, not %llu",
		  (unsigned long long)status->generation, (unsigned long long)pending->generation);
	call_message(pending->call, text);
	free(text);
	return true;
}

static void
look_again(struct server *server)
{
	struct timeval wait = {0, LOOK_AGAIN_MS * 1000};

	evtimer_add(server->looking, &wait);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	struct serving_status *status = xcalloc(1, sizeof *status), *running = NULL;
	struct pending *pending, *following;
	struct store_txn *txn;

	(void)fd, (void)what;
	viewer_news_of(&server->viewer, STORE_SERVING);
	if (server->viewer.stores[STORE_SERVING] != NULL &&
	    store_begin(server->viewer.stores[STORE_SERVING], STORE_READ, &txn) == 0) {
		if (serving_get(txn, status) && !serving_dead(status, boot_ms()))
			running = status;
		store_abort(txn);
	}
	for (pending = TAILQ_FIRST(&server->unserved); pending != NULL; pending = following) {
		following = TAILQ_NEXT(pending, next);
		if (!is_served(pending, running))
			continue;
		TAILQ_REMOVE(&server->unserved, pending, next);
		reply(pending);
	}
	free(status);
	if (!TAILQ_EMPTY(&server->unserved))
		look_again(server);
}

/* The writer has done a call. */
static void
on_done(void *arg, struct call *call)
{
	struct pending *pending = arg;

	if (!call->changed) {
		reply(pending);
		return;
	}
	pending->since_ms = boot_ms();
	pending->generation = call->reply.generation;
	TAILQ_INSERT_TAIL(&pending->server->unserved, pending, next);
	on_look(-1, 0, pending->server);
}

/* ---- requests ---- */

static enum method
method_of(const struct evhttp_request *request)
{
	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD:
		return METHOD_GET;
	case EVHTTP_REQ_POST:
		return METHOD_POST;
	case EVHTTP_REQ_PUT:
		return METHOD_PUT;
	case EVHTTP_REQ_PATCH:
		return METHOD_PATCH;
	case EVHTTP_REQ_DELETE:
		return METHOD_DELETE;
	default:
		return METHOD_OTHER;
	}
}

static void
read_query(struct call *call, const char *query)
{
	struct evkeyvalq pairs;
	struct evkeyval *pair;
	size_t count = 0;

	if (query == NULL || evhttp_parse_query_str(query, &pairs) != 0)
		return;
	TAILQ_FOREACH(pair, &pairs, next)
	count++;
	call->parameters = xcalloc(count, sizeof *call->parameters);
	TAILQ_FOREACH(pair, &pairs, next)
	call->parameters[call->nparameters++] = (struct parameter){xstrdup(pair->key), xstrdup(pair->value)};
	evhttp_clear_headers(&pairs);
	call->dry_run = call_flag(call, "dry_run");
	call->preview = call_flag(call, "preview");
	call->force = call_flag(call, "force");
}

/* An empty body is none; those of GET and DELETE are ignored. */
static void
read_body(struct call *call, struct evhttp_request *request)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(input);
	struct problems problems = {0};

	if (len == 0 || call->method == METHOD_GET || call->method == METHOD_DELETE)
		return;
	call->body = json_read((const char *)evbuffer_pullup(input, -1), len, "the body", &problems);
	for (size_t i = 0; i < problems.count && call->body == NULL; i++)
		call_error(call, 400, CODE_NOT_JSON, "%s", problems.items[i].text);
	problems_free(&problems);
}

/* If-Match: "GENERATION", or * for any. */
static void
read_headers(struct call *call, struct evkeyvalq *headers)
{
	const char *match = evhttp_find_header(headers, "If-Match"),
		   *reason = evhttp_find_header(headers, "X-Graycloud-Reason");
	char *digits;
	size_t len;

	if (reason != NULL)
		call->reason = xstrdup(reason);
	if (match == NULL || strcmp(match, "*") == 0)
		return;
	len = strlen(match);
	digits = len >= 2 && *match == '"' ? xasprintf("%.*s", (int)len - 2, match + 1) : xstrdup(match);
	call->if_generation_given = true;
	if (!whole_from_text(digits, UINT64_MAX, &call->if_generation))
		call_error(
		    call, 412, CODE_GENERATION, "If-Match: %s is no generation of this configuration", match);
	free(digits);
}

static struct store_txn *
begin(struct server *server, enum store_kind kind)
{
	struct store_txn *txn = NULL;

	if (server->viewer.stores[kind] == NULL ||
	    store_begin(server->viewer.stores[kind], STORE_READ, &txn) != 0)
		return NULL;
	return txn;
}

/* The stores as they are now, and the tokens. */
static struct store_txn *
look_at_stores(struct server *server)
{
	struct store_txn *txn;

	viewer_news_of(&server->viewer, STORE_CONFIG);
	viewer_news_of(&server->viewer, STORE_HEALTH);
	viewer_news_of(&server->viewer, STORE_SERVING);
	txn = begin(server, STORE_CONFIG);
	if (txn != NULL && store_txn_number(txn) != server->tokens_of) {
		access_reload(server->access, txn);
		server->tokens_of = store_txn_number(txn);
	}
	return txn;
}

static void
read_now(struct server *server, struct call *call, const struct route *route, struct store_txn *config)
{
	struct scene scene = {.config = config,
	    .viewer = &server->viewer,
	    .state = server->options->state,
	    .account = server->options->account};

	scene.health = begin(server, STORE_HEALTH);
	call->reply.generation = config != NULL ? config_generation(config) : 0;
	route->read(call, route, &scene);
	store_abort(scene.health);
}

/* True if the call went to the writer. */
static bool
hand_over(struct pending *pending, const struct route *route)
{
	struct server *server = pending->server;
	struct call *call = pending->call;
	struct change_stores stores = {server->viewer.stores[STORE_CONFIG],
	    server->viewer.stores[STORE_HEALTH], server->viewer.stores[STORE_SERVING]};

	if (call->body == NULL && call->method != METHOD_DELETE) {
		call_error(call, 400, CODE_NOT_JSON, "the body is empty: it must be a JSON object");
		return false;
	}
	if (writer_take(server->writer, call, route, &stores, pending))
		return true;
	call->reply.retry_after = 1;
	call_error(call, 503, CODE_BUSY, "%d changes wait already: ask again", WRITER_WAITING_MAX);
	return false;
}

/* Is it a repeat of a POST whose answer was lost? Then it is answered. */
static bool
replay(struct pending *pending, struct evkeyvalq *headers)
{
	const char *count = evhttp_find_header(headers, "X-Stainless-Retry-Count"), *text;
	uint64_t retries;

	if (pending->call->method != METHOD_POST || count == NULL ||
	    !whole_from_text(count, UINT32_MAX, &retries) || retries == 0 ||
	    (text = replays_find(pending->server->replays, pending->call, boot_ms())) == NULL)
		return false;
	pending->call->reply.status = 200;
	send_text(pending, text);
	free_pending(pending);
	return true;
}

/* Answer a call, or hand it over. */
static void
serve(struct pending *pending, struct evkeyvalq *headers)
{
	struct server *server = pending->server;
	struct call *call = pending->call;
	struct store_txn *txn = look_at_stores(server);
	const struct route *route = NULL;
	struct credentials credentials = {evhttp_find_header(headers, "Authorization"),
	    evhttp_find_header(headers, "X-Auth-Email"), evhttp_find_header(headers, "X-Auth-Key"),
	    pending->address};

	if (access_check(server->access, &credentials, call, boot_ms()) && call->reply.errors == NULL)
		route = route_find(call, server->account.text);
	if (route != NULL && !route_permitted(call, route))
		route = NULL;
	if (route != NULL && route->read != NULL)
		read_now(server, call, route, txn);
	store_abort(txn);
	if (route != NULL && route->read == NULL && (replay(pending, headers) || hand_over(pending, route)))
		return;
	reply(pending);
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct server *server = arg;
	struct pending *pending = xcalloc(1, sizeof *pending);
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	char *address = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(connection, &address, &port);
	*pending = (struct pending){.server = server,
	    .request = request,
	    .call = xcalloc(1, sizeof *pending->call),
	    .address = xstrdup(address != NULL ? address : "?")};
	evhttp_connection_set_closecb(connection, on_closed, pending);
	pending->call->method = method_of(request);
	pending->call->path =
	    xstrdup(uri != NULL && evhttp_uri_get_path(uri) != NULL ? evhttp_uri_get_path(uri) : "/");
	read_query(pending->call, uri != NULL ? evhttp_uri_get_query(uri) : NULL);
	read_headers(pending->call, headers);
	read_body(pending->call, request);
	serve(pending, headers);
}

/* ---- connections ---- */

/* The lowest free descriptor: how many are in use, for the kernel gives the lowest. */
static int
descriptors_in_use(void)
{
	int fd = dup(STDERR_FILENO);

	if (fd >= 0)
		close(fd);
	return fd;
}

static void
pause_listening(struct server *server, bool listen)
{
	struct timeval wait = {0, PAUSE_MS * 1000};

	for (size_t i = 0; i < server->nbound; i++) {
		struct evconnlistener *listener = evhttp_bound_socket_get_listener(server->bound[i]);

		if (listen)
			evconnlistener_enable(listener);
		else
			evconnlistener_disable(listener);
	}
	if (!listen)
		evtimer_add(server->resuming, &wait);
}

static bool
is_full(void)
{
	int used = descriptors_in_use();

	return used < 0 || used >= SERVER_CONNECTIONS_MAX + DESCRIPTORS_OWN;
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	pause_listening(arg, !is_full());
}

/* A connection was accepted. */
static struct bufferevent *
on_connection(struct event_base *base, void *arg)
{
	struct server *server = arg;

	if (is_full())
		pause_listening(server, false);
	return server->tls != NULL ? tls_accept(server->tls, base, -1)
				   : bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
}

static bool
listen_on(struct server *server, const char *text, struct problems *problems)
{
	struct address address;
	char host[46];
	uint16_t port;

	address_port_from_text(&address, &port, text, PORT_REQUIRED);
	server->bound[server->nbound] =
	    evhttp_bind_socket_with_handle(server->http, address_to_text(&address, host), port);
	if (server->bound[server->nbound] == NULL) {
		problems_error(problems, "--listen %s: %s", text, strerror(errno));
		return false;
	}
	server->nbound++;
	return true;
}

/* ---- start and end ---- */

static bool
open_stores(struct server *server, struct problems *problems)
{
	server->viewer.state = server->options->state;
	server->viewer.stores[STORE_CONFIG] =
	    store_open(server->options->state, STORE_CONFIG, STORE_WRITE, problems);
	if (server->viewer.stores[STORE_CONFIG] == NULL)
		return false;
	store_abort(look_at_stores(server));
	return true;
}

static struct event *
timer(struct server *server, event_callback_fn callback)
{
	struct event *event = evtimer_new(server->base, callback, server);

	if (event == NULL)
		errx(1, "out of memory");
	return event;
}

struct server *
server_new(
    struct event_base *base, const struct options *options, void (*seal)(void), struct problems *problems)
{
	struct server *server = xcalloc(1, sizeof *server);

	*server = (struct server){.base = base, .options = options, .account = ids_account(options->account)};
	TAILQ_INIT(&server->unserved);
	server->access = access_new();
	server->replays = replays_new();
	server->looking = timer(server, on_look);
	server->resuming = timer(server, on_resume);
	if ((server->http = evhttp_new(base)) == NULL)
		errx(1, "out of memory");
	evhttp_set_allowed_methods(server->http,
	    EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
		EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT);
	evhttp_set_max_body_size(server->http, SERVER_BODY_MAX);
	evhttp_set_max_headers_size(server->http, SERVER_HEADERS_MAX);
	evhttp_set_timeout(server->http, SERVER_TIMEOUT_S);
	evhttp_set_bevcb(server->http, on_connection, server);
	evhttp_set_gencb(server->http, on_request, server);
	if (options->cert != NULL)
		server->tls = tls_new(options->cert, options->key, "http/1.1", problems);
	if (problems->errors == 0 && open_stores(server, problems))
		for (size_t i = 0; i < options->nlisten; i++)
			listen_on(server, options->listen[i], problems);
	if (problems->errors == 0)
		server->writer = writer_new(base, options->state, seal, on_done);
	if (problems->errors == 0)
		return server;
	server_free(server);
	return NULL;
}

void
server_free(struct server *server)
{
	struct pending *pending;

	writer_free(server->writer);
	while ((pending = TAILQ_FIRST(&server->unserved)) != NULL) {
		TAILQ_REMOVE(&server->unserved, pending, next);
		reply(pending);
	}
	evhttp_free(server->http);
	event_free(server->looking);
	event_free(server->resuming);
	viewer_close(&server->viewer);
	access_free(server->access);
	replays_free(server->replays);
	tls_free(server->tls);
	free(server);
}

static uint16_t
bound_port(int fd)
{
	struct sockaddr_storage bound = {0};
	socklen_t len = sizeof bound;

	if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
		return 0;
	return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
						 : ((struct sockaddr_in *)&bound)->sin_port);
}

void
server_print_sockets(const struct server *server, FILE *out)
{
	char text[ADDRESS_PORT_TEXT];
	struct address address;
	uint16_t port;

	for (size_t i = 0; i < server->nbound; i++) {
		address_port_from_text(&address, &port, server->options->listen[i], PORT_REQUIRED);
		port = bound_port(evhttp_bound_socket_get_fd(server->bound[i]));
		fprintf(out, "listening on %s %s\n", server->tls != NULL ? "https" : "http",
		    address_port_to_text(&address, port, text));
	}
}

void
server_second(struct server *server)
{
	struct problems problems = {0};
	bool changed;

	if (server->tls == NULL)
		return;
	if (!tls_reload(server->tls, &changed, &problems))
		problems_print(&problems, "graycloud-api", stderr);
	else if (changed)
		warnx("certificate and key were read again");
	problems_free(&problems);
}
