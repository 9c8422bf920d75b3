/*
 * origin -- web servers for tests to probe: origin [--tls CERT KEY] ADDRESS:PORT ...
 *
 * Listens on each address (port 0: a free one; "same": that of the address before it), prints them as they
 * are bound, a line each, then `ready`. GET /health and / are answered with 200 and "ok ADDRESS:PORT", other
 * paths with 404.  Lines on standard input change one listener; ADDRESS means ADDRESS:PORT if it is
 * the only one.  Each is answered with `done`, or with `error: ...`.
 *
 *     ADDRESS down           refuse connections; the port stays reserved
 *     ADDRESS up             listen on the same port again, and answer as in the beginning
 *     ADDRESS code 503       answer with that status
 *     ADDRESS body TEXT      answer with that body
 *     ADDRESS redirect URL   answer 302 and that Location
 *     ADDRESS silent         accept, read, and say nothing
 *     ADDRESS reset          reset the connection when the request has come
 *     ADDRESS slow           a byte of the answer a second
 *     ADDRESS delay 50       answer this number of milliseconds later
 *     ADDRESS count          print how many requests it had
 *     ADDRESS last           print the last request: METHOD URI host=HOST agent=USER-AGENT
 *
 * Ends at the end of standard input and at SIGTERM or SIGINT.
 */
#include "zones/base/util.h"

#include <arpa/inet.h>
#include <err.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum mode { MODE_ANSWER, MODE_REDIRECT, MODE_SILENT, MODE_RESET, MODE_SLOW, MODE_DELAY };

struct listener {
	struct sockaddr_storage address;
	socklen_t address_len;
	char host[64], name[80]; /* "127.0.0.2", "127.0.0.2:8080" */
	int reserved; /* bound and never listening: no other process gets the port while this is down */
	struct evhttp *http; /* NULL while down */
	enum mode mode;
	int code, delay_ms;
	char *body, *location, *last;
	unsigned long count;
};

/* A connection that gets its answer a byte a second. */
struct drip {
	struct event *timer;
	struct evhttp_connection *connection;
	char *text, *at;
};

static struct event_base *base;
static SSL_CTX *tls;
static struct listener *listeners;
static size_t nlisteners;

static void
drip_free(struct evhttp_connection *connection, void *arg)
{
	struct drip *drip = arg;

	(void)connection;
	event_free(drip->timer);
	free(drip->text);
	free(drip);
}

static void
drip_byte(int fd, short what, void *arg)
{
	struct drip *drip = arg;

	(void)fd;
	(void)what;
	if (*drip->at != '\0')
		bufferevent_write(evhttp_connection_get_bufferevent(drip->connection), drip->at++, 1);
}

static void
drip_start(struct evhttp_request *request, const struct listener *listener)
{
	struct timeval second = {.tv_sec = 1};
	struct drip *drip = xcalloc(1, sizeof *drip);

	drip->connection = evhttp_request_get_connection(request);
	drip->at = drip->text = xasprintf("HTTP/1.1 %d Slow\r\nContent-Length: %zu\r\n\r\n%s", listener->code,
	    strlen(listener->body), listener->body);
	drip->timer = event_new(base, -1, EV_PERSIST, drip_byte, drip);
	event_add(drip->timer, &second);
	evhttp_connection_set_closecb(drip->connection, drip_free, drip);
}

/* Not inside evhttp's own callback: it still uses the connection. */
static void
reset_later(int fd, short what, void *arg)
{
	struct sockaddr nowhere = {
	    .sa_family = AF_UNSPEC}; /* to connect to it sends RST; evhttp alone would send FIN */

	(void)fd;
	(void)what;
	connect(bufferevent_getfd(evhttp_connection_get_bufferevent(arg)), &nowhere, sizeof nowhere);
	evhttp_connection_free(arg);
}

static void
answer(struct evhttp_request *request, const struct listener *listener)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();
	int code = listener->code;

	if (path != NULL && strcmp(path, "/health") != 0 && strcmp(path, "/") != 0 && *path != '\0')
		code = 404;
	if (listener->mode == MODE_REDIRECT) {
		evhttp_add_header(headers, "Location", listener->location);
		code = 302;
	}
	evhttp_add_header(headers, "Content-Type", "text/plain");
	evbuffer_add(body, listener->body, strlen(listener->body));
	evhttp_send_reply(request, code, NULL, body);
	evbuffer_free(body);
}

/* An answer that waits. */
struct wait {
	struct event *timer;
	struct evhttp_request *request;
	const struct listener *listener;
};

static void
wait_free(struct evhttp_connection *connection, void *arg)
{
	struct wait *wait = arg;

	(void)connection;
	event_free(wait->timer);
	free(wait);
}

static void
wait_over(int fd, short what, void *arg)
{
	struct wait *wait = arg;

	(void)fd;
	(void)what;
	answer(wait->request, wait->listener);
}

static void
wait_start(struct evhttp_request *request, const struct listener *listener)
{
	struct timeval delay = {
	    .tv_sec = listener->delay_ms / 1000, .tv_usec = listener->delay_ms % 1000 * 1000};
	struct wait *wait = xcalloc(1, sizeof *wait);

	wait->request = request;
	wait->listener = listener;
	wait->timer = evtimer_new(base, wait_over, wait);
	evtimer_add(wait->timer, &delay);
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), wait_free, wait);
}

static const char *
method_text(struct evhttp_request *request)
{
	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_POST:
		return "POST";
	default:
		return "OTHER";
	}
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const char *host = evhttp_find_header(headers, "Host"),
		   *agent = evhttp_find_header(headers, "User-Agent");
	struct timeval now = {0};
	struct listener *listener = arg;

	listener->count++;
	free(listener->last);
	listener->last = xasprintf("%s %s host=%s agent=%s", method_text(request),
	    evhttp_request_get_uri(request), host ? host : "", agent ? agent : "");
	switch (listener->mode) {
	case MODE_SILENT:
		break;
	case MODE_RESET:
		event_base_once(
		    base, -1, EV_TIMEOUT, reset_later, evhttp_request_get_connection(request), &now);
		break;
	case MODE_SLOW:
		drip_start(request, listener);
		break;
	case MODE_DELAY:
		wait_start(request, listener);
		break;
	default:
		answer(request, listener);
	}
}

static struct bufferevent *
on_accept_tls(struct event_base *event_base, void *arg)
{
	(void)arg;
	return bufferevent_openssl_socket_new(
	    event_base, -1, SSL_new(tls), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

static int
bind_socket(const struct listener *listener)
{
	int fd = socket(listener->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    bind(fd, (const struct sockaddr *)&listener->address, listener->address_len) < 0)
		err(1, "%s", listener->name);
	return fd;
}

static void
go_down(struct listener *listener)
{
	if (listener->http != NULL)
		evhttp_free(listener->http); /* closes connections too */
	listener->http = NULL;
}

static void
go_up(struct listener *listener)
{
	int fd;

	listener->mode = MODE_ANSWER;
	listener->code = 200;
	free(listener->body);
	listener->body = xasprintf("ok %s\n", listener->name);
	if (listener->http != NULL)
		return;
	fd = bind_socket(listener);
	listener->http = evhttp_new(base);
	evhttp_set_allowed_methods(listener->http, UINT16_MAX);
	evhttp_set_gencb(listener->http, on_request, listener);
	if (tls != NULL)
		evhttp_set_bevcb(listener->http, on_accept_tls, NULL);
	if (listen(fd, 1024) < 0 || evhttp_accept_socket(listener->http, fd) < 0)
		err(1, "%s", listener->name);
}

/* "127.0.0.2:0", "[::1]:8080" */
static void
listener_open(struct listener *listener, const char *text)
{
	struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	const char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[';
	char host[64], port[8];

	if (colon == NULL || (size_t)(colon - text) >= sizeof host)
		errx(2, "%s: ADDRESS:PORT expected", text);
	if (listener > listeners && strcmp(colon + 1, "same") == 0)
		colon = strrchr(listener[-1].name, ':');
	snprintf(host, sizeof host, "%.*s", (int)(strrchr(text, ':') - text) - 2 * bracket, text + bracket);
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		errx(2, "%s: ADDRESS:PORT expected", text);
	memcpy(&listener->address, found->ai_addr, found->ai_addrlen);
	listener->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	snprintf(listener->name, sizeof listener->name, "%s", text);
	listener->reserved = bind_socket(listener);
	getsockname(listener->reserved, (struct sockaddr *)&listener->address, &listener->address_len);
	getnameinfo((struct sockaddr *)&listener->address, listener->address_len, listener->host,
	    sizeof listener->host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(listener->name, sizeof listener->name, bracket ? "[%s]:%s" : "%s:%s", listener->host, port);
	go_up(listener);
}

static struct listener *
listener_find(const char *name)
{
	struct listener *found = NULL;

	for (size_t i = 0; i < nlisteners; i++)
		if (strcmp(listeners[i].name, name) == 0)
			return &listeners[i];
	for (size_t i = 0; i < nlisteners; i++)
		if (strcmp(listeners[i].host, name) == 0) {
			if (found != NULL)
				return NULL;
			found = &listeners[i];
		}
	return found;
}

static bool
command(struct listener *listener, const char *word, const char *rest)
{
	if (strcmp(word, "down") == 0)
		go_down(listener);
	else if (strcmp(word, "up") == 0)
		go_up(listener);
	else if (strcmp(word, "code") == 0 && atoi(rest) >= 100 && atoi(rest) <= 999) {
		listener->mode = MODE_ANSWER;
		listener->code = atoi(rest);
	} else if (strcmp(word, "body") == 0) {
		listener->mode = MODE_ANSWER;
		free(listener->body);
		listener->body = xstrdup(rest);
	} else if (strcmp(word, "redirect") == 0) {
		listener->mode = MODE_REDIRECT;
		free(listener->location);
		listener->location = xstrdup(rest);
	} else if (strcmp(word, "silent") == 0)
		listener->mode = MODE_SILENT;
	else if (strcmp(word, "reset") == 0)
		listener->mode = MODE_RESET;
	else if (strcmp(word, "slow") == 0)
		listener->mode = MODE_SLOW;
	else if (strcmp(word, "delay") == 0 && atoi(rest) > 0) {
		listener->mode = MODE_DELAY;
		listener->delay_ms = atoi(rest);
	} else if (strcmp(word, "count") == 0)
		printf("%lu\n", listener->count);
	else if (strcmp(word, "last") == 0)
		printf("%s\n", listener->last ? listener->last : "none");
	else
		return false;
	return true;
}

static void
on_input(int fd, short what, void *arg)
{
	static struct evbuffer *input;
	char *line;

	(void)what;
	(void)arg;
	if (input == NULL)
		input = evbuffer_new();
	if (evbuffer_read(input, fd, -1) <= 0) {
		event_base_loopbreak(base);
		return;
	}
	while ((line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF)) != NULL) {
		char *name = strtok(line, " "), *word = name ? strtok(NULL, " ") : NULL,
		     *rest = word ? strtok(NULL, "") : NULL;
		struct listener *listener = word ? listener_find(name) : NULL;

		if (listener == NULL)
			printf("error: expected ADDRESS COMMAND, with an address of this process\n");
		else if (!command(listener, word, rest ? rest : ""))
			printf("error: unknown command %s\n", word);
		else
			printf("done\n");
		free(line);
	}
}

static void
on_signal(int number, short what, void *arg)
{
	(void)number;
	(void)what;
	(void)arg;
	event_base_loopbreak(base);
}

int
main(int argc, char **argv)
{
	int first = 1;

	if (argc > 3 && strcmp(argv[1], "--tls") == 0) {
		tls = SSL_CTX_new(TLS_server_method());
		if (SSL_CTX_use_certificate_chain_file(tls, argv[2]) != 1 ||
		    SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) != 1)
			errx(1, "%s or %s cannot be used", argv[2], argv[3]);
		first = 4;
	}
	if (first >= argc)
		errx(2, "usage: origin [--tls CERT KEY] ADDRESS:PORT ...");
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	base = event_base_new();
	nlisteners = (size_t)(argc - first);
	listeners = xcalloc(nlisteners, sizeof *listeners);
	for (size_t i = 0; i < nlisteners; i++) {
		listener_open(&listeners[i], argv[first + (int)i]);
		printf("%s\n", listeners[i].name);
	}
	event_add(evsignal_new(base, SIGTERM, on_signal, NULL), NULL);
	event_add(evsignal_new(base, SIGINT, on_signal, NULL), NULL);
	if (event_add(event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, NULL), NULL) < 0)
		errx(1, "standard input must be a pipe or a terminal");
	printf("ready\n");
	event_base_dispatch(base);
	/* The process ends here, and all of it with it: without leaks to tell, for the sanitizers. */
	fflush(stdout);
	_exit(0);
}
