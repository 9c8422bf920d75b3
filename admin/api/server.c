#include "admin/api/server.h"

#include "admin/api/access.h"
#include "admin/api/connections.h"
#include "admin/api/ids.h"
#include "admin/api/metrics.h"
#include "admin/api/replays.h"
#include "admin/api/sending.h"
#include "admin/api/streams.h"
#include "admin/api/web.h"
#include "admin/api/writer.h"
#include "zones/base/text.h"
#include "zones/daemon/tls.h"
#include "zones/state/serving.h"

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

enum { LOOK_AGAIN_MS = 2 };

/* A request from its arrival to its reply. */
struct pending {
	struct server *server;
	struct exchange *exchange;
	struct call *call;
	const struct route *route; /* NULL: not found yet, or none */
	double began;              /* seconds of a clock */
	uint64_t since_ms;         /* of the wait for the nameserver */
	uint64_t generation;       /* that it waits for */
	TAILQ_ENTRY(pending) next;
};
TAILQ_HEAD(pendings, pending);

struct server {
	struct event_base *base;
	const struct options *options;
	struct connections *connections;
	uint16_t ports[API_LISTEN_MAX];
	struct tls *tls; /* NULL: plain HTTP */
	struct viewer viewer;
	struct access *access;
	struct replays *replays;
	struct writer *writer, *lists, *aside, *waiting;
	struct api_metrics *metrics;
	struct streams *streams;
	struct pendings unserved; /* committed, and not yet served */
	struct event *looking;    /* at what the nameserver serves */
	struct id account;
	uint64_t tokens_of; /* the number of the commit that the tokens are of */
};

static double
now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- replies ---- */

/* The method as the client wrote it. */
static const char *
method_text(const struct pending *pending)
{
	return exchange_head(pending->exchange)->method;
}

static void
put_headers(struct exchange *exchange, const struct reply *reply)
{
	exchange_header(exchange, "Cache-Control", "no-store");
	exchange_header(exchange, "X-Content-Type-Options", "nosniff");
	if (reply->generation != 0)
		exchange_header(exchange, "ETag", "\"%llu\"", (unsigned long long)reply->generation);
	if (reply->retry_after != 0)
		exchange_header(exchange, "Retry-After", "%u", reply->retry_after);
}

/* The request is answered with what is in text, and forgotten. */
static void
send_text(struct pending *pending, const char *text)
{
	struct call *call = pending->call;

	api_metrics_count(pending->server->metrics, route_class(pending->route), call->reply.status,
	    call->method != METHOD_GET, now_seconds() - pending->began);
	put_headers(pending->exchange, &call->reply);
	if (text == NULL) {
		sending_file(
		    pending->exchange, call->reply.file, call->reply.file_type, call->reply.file_name);
		call->reply.file = NULL;
	} else {
		exchange_header(pending->exchange, "Content-Type", "application/json");
		exchange_reply(pending->exchange, call->reply.status, text, strlen(text));
	}
	call_free(call);
	free(pending);
}

/* One line for each change: never a token or a body. */
static void
log_change(const struct pending *pending)
{
	const struct call *call = pending->call;

	if (call->method != METHOD_GET && call->caller.name != NULL)
		warnx("token %s from %s: %s %s: %d", call->caller.name, exchange_address(pending->exchange),
		    method_text(pending), call->path, call->reply.status);
}

/* Is the reply to a POST kept for a repeat? Not the secret of a token. */
static bool
is_kept(const struct pending *pending)
{
	return pending->call->method == METHOD_POST && pending->route != NULL && pending->route->act == NULL;
}

/* Send the reply of a call, and forget it. */
static void
reply(struct pending *pending)
{
	struct call *call = pending->call;
	char *text = call->reply.text;

	call->reply.text = NULL;
	if (text == NULL && call->reply.file == NULL)
		text = call_text(call);
	log_change(pending);
	if (is_kept(pending) && call->reply.errors == NULL && !call->dry_run)
		replays_keep(pending->server->replays, call, text, boot_ms());
	send_text(pending, text);
	free(text);
}

/* The reply to what is no request that could be read. */
static char *
fault_text(void *arg, int status)
{
	struct server *server = arg;
	struct call *call = xcalloc(1, sizeof *call);
	char *text;

	if (status == 413)
		call_error(call, status, CODE_HTTP, "the body is larger than %d octets", SERVER_BODY_MAX);
	else if (status == 431)
		call_error(call, status, CODE_HTTP, "the headers are larger than %d octets, or more than %d",
		    SERVER_HEADERS_MAX, HTTP_HEADERS_MAX);
	else
		call_error(call, status, CODE_HTTP, "%s: this is no request of HTTP/1.1 that is served here",
		    http_reason(status));
	text = call_text(call);
	call_free(call);
	api_metrics_count(server->metrics, route_class(NULL), status, false, 0);
	return text;
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

/* A thread has done a call. */
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

/* METHOD_OTHER, with an error in the reply if nobody knows the method. */
static enum method
method_of(struct call *call, const char *text)
{
	static const struct {
		const char *text;
		enum method method;
	} rows[] = {{"GET", METHOD_GET}, {"HEAD", METHOD_GET}, {"POST", METHOD_POST}, {"PUT", METHOD_PUT},
	    {"PATCH", METHOD_PATCH}, {"DELETE", METHOD_DELETE}, {"OPTIONS", METHOD_OTHER},
	    {"TRACE", METHOD_OTHER}, {"CONNECT", METHOD_OTHER}};

	for (size_t i = 0; i < NITEMS(rows); i++)
		if (strcmp(rows[i].text, text) == 0)
			return rows[i].method;
	call_error(call, 501, CODE_METHOD, "%s is no known method", text);
	return METHOD_OTHER;
}

/* If-Match: "GENERATION", or * for any. */
static void
read_headers(struct call *call, const struct http_head *head)
{
	const char *match = http_header(head, "If-Match"), *reason = http_header(head, "X-Graycloud-Reason");
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

static struct call *
read_call(struct exchange *exchange)
{
	const struct http_head *head = exchange_head(exchange);
	struct call *call = xcalloc(1, sizeof *call);
	const char *body;
	size_t len;

	call->method = method_of(call, head->method);
	call->path = xstrdup(head->path);
	call_read_query(call, head->query);
	read_headers(call, head);
	body = exchange_body(exchange, &len);
	call_read_body(call, http_header(head, "Content-Type"), body, len);
	return call;
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

/* S90: a node may join a cluster while this runs. */
static void
look_at_cluster(struct server *server)
{
	struct problems problems = {0};
	struct store **proposals = &server->viewer.stores[STORE_PROPOSALS];

	viewer_news_of(&server->viewer, STORE_CLUSTER);
	if (*proposals == NULL)
		*proposals = store_open(server->viewer.state, STORE_PROPOSALS, STORE_WRITE, &problems);
	problems_free(&problems);
}

/* The stores as they are now, and the tokens. */
static struct store_txn *
look_at_stores(struct server *server)
{
	struct store_txn *txn;

	viewer_news_of(&server->viewer, STORE_CONFIG);
	viewer_news_of(&server->viewer, STORE_HEALTH);
	viewer_news_of(&server->viewer, STORE_SERVING);
	if (viewer_verdicts(&server->viewer) == STORE_CLUSTER)
		look_at_cluster(server);
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
	    .state = server->options->daemon.state,
	    .account = server->options->account};

	scene.health = begin(server, viewer_verdicts(&server->viewer));
	call->reply.generation = config != NULL ? config_generation(config) : 0;
	route->read(call, route, &scene);
	store_abort(scene.health);
}

/* True if the call went to a thread. */
static bool
hand_over(struct pending *pending)
{
	const struct route *route = pending->route;
	struct server *server = pending->server;
	struct call *call = pending->call;
	struct change_stores stores = {server->viewer.stores[STORE_CONFIG],
	    server->viewer.stores[STORE_HEALTH], server->viewer.stores[STORE_SERVING],
	    server->viewer.stores[STORE_CLUSTER], server->viewer.stores[STORE_PROPOSALS]};
	struct writer *writer = server->writer;

	if ((route->change != NULL || route->act != NULL) && call->body == NULL &&
	    call->method != METHOD_DELETE && call->raw == NULL && !route->any_body) {
		call_error(call, 400, CODE_NOT_JSON, "the body is empty: it must be a JSON object");
		return false;
	}
	if (route->any_body && call->reason == NULL && *json_text_of(call->body, "reason") != '\0')
		call->reason = xstrdup(json_text_of(call->body, "reason"));
	call->dry_run |= route->tries;
	if (route->waits)
		writer = server->waiting;
	else if (route->lists)
		writer = server->lists;
	else if (route_is_aside(route, call) || call->dry_run)
		writer = server->aside;
	if (writer_take(writer, call, route, &stores, pending))
		return true;
	call->reply.retry_after = 1;
	call_error(call, 503, CODE_BUSY, "%d requests wait already: ask again", WRITER_WAITING_MAX);
	return false;
}

/* Is it a repeat of a POST whose answer was lost? Then it is answered. */
static bool
replay(struct pending *pending)
{
	const char *count = http_header(exchange_head(pending->exchange), "X-Stainless-Retry-Count"), *text;
	uint64_t retries;

	if (!is_kept(pending) || count == NULL || !whole_from_text(count, UINT32_MAX, &retries) ||
	    retries == 0 || (text = replays_find(pending->server->replays, pending->call, boot_ms())) == NULL)
		return false;
	pending->call->reply.status = 200;
	send_text(pending, text);
	return true;
}

/* Find the client and the route, and check the client's rights. */
static bool
admit(struct pending *pending)
{
	struct server *server = pending->server;
	const struct http_head *head = exchange_head(pending->exchange);
	struct call *call = pending->call;
	struct credentials credentials = {http_header(head, "Authorization"),
	    http_header(head, "X-Auth-Email"), http_header(head, "X-Auth-Key"),
	    exchange_address(pending->exchange)};

	if (call->reply.status == 501)
		return false;
	if (!access_check(server->access, &credentials, call, boot_ms())) {
		api_metrics_refused_token(server->metrics);
		return false;
	}
	if (call->reply.errors == NULL)
		pending->route = route_find(call, server->account.text);
	return pending->route != NULL && route_permitted(call, pending->route);
}

/* The client follows events from now on. False with an error in the reply. */
static bool
follow(struct pending *pending)
{
	struct call *call = pending->call;
	const char *id = http_header(exchange_head(pending->exchange), "Last-Event-ID");
	struct server *server = pending->server;

	if (strcmp(method_text(pending), "HEAD") == 0) {
		call_result(call, NULL);
		return false;
	}
	if (id == NULL)
		id = call_parameter(call, "last_event_id");
	if (!streams_add(server->streams, pending->exchange, id, call->caller.name)) {
		call->reply.retry_after = 5;
		call_error(call, 503, CODE_BUSY, "%d clients follow events already", STREAMS_MAX);
		return false;
	}
	api_metrics_count(
	    server->metrics, route_class(pending->route), 200, false, now_seconds() - pending->began);
	call_free(call);
	free(pending);
	return true;
}

/* Answer a call, or hand it over. */
static void
serve(struct pending *pending)
{
	struct server *server = pending->server;
	struct store_txn *txn = look_at_stores(server);
	bool admitted = admit(pending),
	     here =
		 admitted && pending->route->read != NULL && !route_is_aside(pending->route, pending->call);

	if (here)
		read_now(server, pending->call, pending->route, txn);
	store_abort(txn);
	if (admitted && pending->route->follows
		? follow(pending)
		: admitted && !here && (replay(pending) || hand_over(pending)))
		return;
	reply(pending);
}

static void
on_request(void *arg, struct exchange *exchange)
{
	struct pending *pending;

	/* The dashboard's files need no token; all else does. */
	if (web_answer(exchange))
		return;
	pending = xcalloc(1, sizeof *pending);
	*pending = (struct pending){
	    .server = arg, .exchange = exchange, .call = read_call(exchange), .began = now_seconds()};
	serve(pending);
}

/* ---- start and end ---- */

static bool
open_stores(struct server *server, struct problems *problems)
{
	server->viewer.state = server->options->daemon.state;
	server->viewer.stores[STORE_CONFIG] =
	    store_open(server->options->daemon.state, STORE_CONFIG, STORE_WRITE, problems);
	if (server->viewer.stores[STORE_CONFIG] == NULL)
		return false;
	store_abort(look_at_stores(server));
	return true;
}

static struct api_metrics_present
present(void *arg)
{
	const struct server *server = arg;

	return (struct api_metrics_present){.connections = connections_count(server->connections),
	    .evicted = connections_evicted(server->connections),
	    .writes_waiting = writer_waiting(server->writer),
	    .streams = streams_count(server->streams)};
}

static void
listen_everywhere(struct server *server, struct problems *problems)
{
	const struct options *options = server->options;
	struct address address;
	uint16_t port;

	for (size_t i = 0; i < options->nlisten; i++) {
		address_port_from_text(&address, &port, options->listen[i], PORT_REQUIRED);
		server->ports[i] = connections_listen(server->connections, &address, port);
		if (server->ports[i] == 0)
			problems_error(problems, "--listen %s: %s", options->listen[i], strerror(errno));
	}
	if (options->daemon.metrics != NULL)
		api_metrics_listen(
		    server->metrics, server->base, options->daemon.metrics, present, server, problems);
}

static bool
is_valid(void *arg, const char *token)
{
	const struct server *server = arg;

	return access_still(server->access, token);
}

struct server *
server_new(struct event_base *base, const struct options *options, const struct server_seals *seals,
    struct problems *problems)
{
	struct server *server = xcalloc(1, sizeof *server);
	struct connections_use use = {.most = SERVER_CONNECTIONS_MAX,
	    .head_max = SERVER_HEADERS_MAX,
	    .body_max = SERVER_BODY_MAX,
	    .timeout_s = SERVER_TIMEOUT_S,
	    .request = on_request,
	    .fault = fault_text,
	    .arg = server};

	*server = (struct server){.base = base, .options = options, .account = ids_account(options->account)};
	TAILQ_INIT(&server->unserved);
	server->access = access_new();
	server->replays = replays_new();
	server->metrics = api_metrics_new();
	if ((server->looking = evtimer_new(base, on_look, server)) == NULL)
		errx(1, "out of memory");
	if (options->cert != NULL)
		server->tls = tls_new(options->cert, options->key, "http/1.1", problems);
	server->connections = connections_new(base, &use, server->tls);
	if (problems->errors == 0 && open_stores(server, problems))
		listen_everywhere(server, problems);
	if (problems->errors == 0) {
		server->streams = streams_new(base, &server->viewer, is_valid, server);
		server->writer = writer_new(base, options, seals->writer, on_done);
		server->lists = writer_new(base, options, seals->writer, on_done);
		server->aside = writer_new(base, options, seals->writer, on_done);
		server->waiting = writer_new(base, options, seals->waiting, on_done);
		return server;
	}
	server_free(server);
	return NULL;
}

void
server_free(struct server *server)
{
	struct pending *pending;

	writer_free(server->writer);
	writer_free(server->lists);
	writer_free(server->aside);
	writer_free(server->waiting);
	while ((pending = TAILQ_FIRST(&server->unserved)) != NULL) {
		TAILQ_REMOVE(&server->unserved, pending, next);
		reply(pending);
	}
	streams_free(server->streams);
	connections_free(server->connections);
	api_metrics_free(server->metrics);
	event_free(server->looking);
	viewer_close(&server->viewer);
	access_free(server->access);
	replays_free(server->replays);
	tls_free(server->tls);
	free(server);
}

void
server_print_sockets(const struct server *server, FILE *out)
{
	char text[ADDRESS_PORT_TEXT];
	struct address address;
	uint16_t port;

	for (size_t i = 0; i < server->options->nlisten; i++) {
		address_port_from_text(&address, &port, server->options->listen[i], PORT_REQUIRED);
		fprintf(out, "listening on %s %s\n", server->tls != NULL ? "https" : "http",
		    address_port_to_text(&address, server->ports[i], text));
	}
	if (api_metrics_address(server->metrics) != NULL)
		fprintf(out, "metrics on http://%s/metrics\n", api_metrics_address(server->metrics));
}

void
server_second(struct server *server)
{
	struct problems problems = {0};
	bool changed;

	if (streams_count(server->streams) > 0)
		store_abort(look_at_stores(server)); /* a token may be gone */
	if (server->tls == NULL)
		return;
	if (!tls_reload(server->tls, &changed, &problems))
		problems_print(&problems, "graycloud-api", stderr);
	else if (changed)
		warnx("certificate and key were read again");
	problems_free(&problems);
}
