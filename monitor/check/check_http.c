#include "monitor/check/check_tls.h"
#include "monitor/check/meter.h"

#include <curl/curl.h>
#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BODY_MAX = 10 * 1024,    /* S34: expected_body looks at so much */
	HEADERS_MAX = 64 * 1024, /* of all answers of one check: libcurl keeps every header */
	REDIRECTS_MAX = 5,       /* S34 */
	HANDLES_KEPT = 1024      /* idle handles kept for the next checks */
};

/* One transfer: an easy handle, used again and again, and what the present check wants of it. */
struct transfer {
	SLIST_ENTRY(transfer) idle;
	TAILQ_ENTRY(transfer) over;
	bool is_over; /* libcurl has said how it ended */
	CURLcode code;
	CURL *easy;
	struct check *check;
	int fd;          /* connected, until libcurl takes it; then -1 */
	unsigned opened; /* sockets that libcurl asked for: the first is ours, the others are redirects' */
	bool decided;    /* the answer is known: no more octets are wanted */
	bool found;      /* expected_body was seen */
	char *body;      /* BODY_MAX octets, where expected_body is looked for */
	size_t body_len;
	size_t headers_len; /* received so far */
	struct meter meter; /* of all that the peers sent */
	struct meters *meters;
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	char error[CURL_ERROR_SIZE];
};

/* libcurl's multi handle on our event loop, and the idle transfers. */
struct http {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	const char *ca_file;
	SLIST_HEAD(, transfer) idle;
	unsigned nidle;
	TAILQ_HEAD(, transfer) over;
	struct meters meters;
};

static void http_close(void *shared);
static void collect(struct http *http);

/* --- libcurl on libevent --- */

/* A turn of libcurl: a peer that floods gets its share of it (meter.h). */
static void
act(struct http *http, curl_socket_t fd, int bits)
{
	int running;

	meters_enter(&http->meters);
	curl_multi_socket_action(http->multi, fd, bits, &running);
	meters_leave();
	collect(http);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	act(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
timer_callback(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *http = arg;
	struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	(void)multi;
	if (timeout_ms < 0)
		return event_del(http->timer);
	return event_add(http->timer, &wait);
}

static int
socket_callback(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct http *http = arg;
	struct event *event = assigned;
	short wanted = EV_PERSIST;

	(void)easy;
	if (event != NULL)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		wanted |= what & CURL_POLL_IN ? EV_READ : 0;
		wanted |= what & CURL_POLL_OUT ? EV_WRITE : 0;
		event = event_new(http->base, fd, wanted, on_socket, http);
		if (event == NULL || event_add(event, NULL) < 0)
			return -1;
	}
	curl_multi_assign(http->multi, fd, event);
	return 0;
}

/* --- what libcurl asks of a transfer --- */

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	int fd = transfer->fd;

	(void)purpose;
	transfer->fd = -1;
	if (transfer->opened++ > 0) /* a redirect opens its own connection */
		fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (meters_attach(transfer->meters, fd, &transfer->meter))
		return fd;
	close(fd);
	return CURL_SOCKET_BAD;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
	meters_detach(arg, fd);
	return close(fd);
}

static int
socket_options(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const struct transfer *transfer = arg;

	(void)fd, (void)purpose;
	return transfer->opened == 1 ? CURL_SOCKOPT_ALREADY_CONNECTED : CURL_SOCKOPT_OK;
}

/* Is text in the body, without regard to case?  Looks again only where the newest octets could complete it.
 */
static bool
body_has(const struct transfer *transfer, const char *text, size_t from)
{
	size_t len = strlen(text);

	for (size_t at = from < len ? 0 : from - len; at + len <= transfer->body_len; at++)
		if (strncasecmp(transfer->body + at, text, len) == 0)
			return true;
	return false;
}

/* Take octets of the body.  Anything but len ends the transfer: the answer is known. */
static size_t
take_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	const struct monitor *monitor = transfer->check->subject.monitor;
	size_t len = size * count, take, from = transfer->body_len;
	long code = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
	if (!monitor_expects(monitor, code) || monitor->expected_body[0] == '\0') {
		transfer->decided = true;
		return 0;
	}
	take = MIN(len, BODY_MAX - transfer->body_len);
	memcpy(transfer->body + transfer->body_len, data, take);
	transfer->body_len += take;
	transfer->found = body_has(transfer, monitor->expected_body, from);
	transfer->decided = transfer->found || transfer->body_len == BODY_MAX;
	return transfer->decided ? 0 : len;
}

/* Headers without end would fill the memory before the time is over. */
static size_t
take_header(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;

	(void)data;
	transfer->headers_len += size * count;
	return transfer->headers_len > HEADERS_MAX ? 0 : size * count;
}

/* --- transfers, kept for the next check --- */

static void
transfer_free(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	free(transfer);
}

/* What is the same for every check. */
static void
set_constants(struct http *http, struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	transfer->meters = &http->meters;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->meters);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, socket_options);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "graycloud-monitor/" VERSION);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 1024L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	/* A time-out must not wait for the thread that looks up a redirect's name. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	/* A resumed session is not verified: an expired certificate would go unseen. */
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
	/* libcurl parses the authorities once for all handles only where they come from one file. */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

static struct transfer *
transfer_get(struct http *http)
{
	struct transfer *transfer = SLIST_FIRST(&http->idle);

	if (transfer != NULL) {
		SLIST_REMOVE_HEAD(&http->idle, idle);
		http->nidle--;
		return transfer;
	}
	transfer = calloc(1, sizeof *transfer);
	if (transfer == NULL || (transfer->easy = curl_easy_init()) == NULL) {
		free(transfer);
		return NULL;
	}
	set_constants(http, transfer);
	return transfer;
}

/* Back to the idle ones, with nothing of the check left in it. */
static void
transfer_put(struct http *http, struct transfer *transfer)
{
	if (transfer->fd >= 0)
		close(transfer->fd);
	transfer->fd = -1;
	free(transfer->body);
	transfer->body = NULL;
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->connect_to);
	transfer->headers = transfer->connect_to = NULL;
	if (http->nidle >= HANDLES_KEPT) {
		transfer_free(transfer);
		return;
	}
	SLIST_INSERT_HEAD(&http->idle, transfer, idle);
	http->nidle++;
}

/* --- one check --- */

static bool
add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = line == NULL ? NULL : curl_slist_append(*list, line);

	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

static bool
add_header(struct curl_slist **list, const char *name, const char *value)
{
	char *line = NULL;
	bool added;

	/* libcurl drops a header written "Name:"; "Name;" is how it sends one without a value. */
	if (asprintf(&line, *value == '\0' ? "%s;" : "%s: %s", name, value) < 0)
		return false;
	added = add_line(list, line);
	free(line);
	return added;
}

static bool
add_headers(struct transfer *transfer, const struct monitor *monitor, const char *host)
{
	if (host != NULL && !add_header(&transfer->headers, "Host", host))
		return false;
	for (size_t i = 0; i < monitor->nheaders; i++) {
		const struct header *header = &monitor->headers[i];

		/* S23: the User-Agent is ours. */
		if (strcasecmp(header->name, "User-Agent") == 0 || strcasecmp(header->name, "Host") == 0)
			continue;
		if (!add_header(&transfer->headers, header->name, header->value))
			return false;
	}
	return true;
}

/*
 * [CF] 2.4: Host is the origin's, else the monitor's, else the address, and the name in it is sent as SNI. So
 * it stands in the URL, and CONNECT_TO leads its every port, also after a redirect, to the endpoint.
 */
static int
set_target(struct transfer *transfer, const struct check_subject *subject)
{
	const struct monitor *monitor = subject->monitor;
	const char *host = check_host(subject);
	bool v6 = subject->address.family == FAMILY_V6;
	char address[46], literal[64], name[256], *url = NULL, *to = NULL;
	int error = -ENOMEM;

	address_to_text(&subject->address, address);
	snprintf(literal, sizeof literal, v6 ? "[%s]" : "%s", address);
	if (!check_host_name(subject, name))
		snprintf(name, sizeof name, "%s", literal);
	else if (asprintf(&to, "%s::%s:", name, literal) < 0 || !add_line(&transfer->connect_to, to))
		goto out;
	if (!add_headers(transfer, monitor, host))
		goto out;
	if (asprintf(&url, "%s://%s:%u%s%s", monitor->type == MONITOR_HTTPS ? "https" : "http", name,
		monitor->port, monitor->path[0] == '/' ? "" : "/", monitor->path) < 0)
		goto out;
	if (curl_easy_setopt(transfer->easy, CURLOPT_URL, url) == CURLE_OK)
		error = 0;
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
out:
	free(url);
	free(to);
	return error;
}

/* S37: 2 is asked for by ALPN; without TLS nobody can be asked, and it is spoken at once. */
static long
version_of(const struct monitor *monitor)
{
	bool tls = monitor->type == MONITOR_HTTPS;

	switch (monitor->http_version) {
	case HTTP_VERSION_2:
		return tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
	case HTTP_VERSION_AUTO:
		return tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
	default:
		return CURL_HTTP_VERSION_1_1;
	}
}

static int
set_request(struct transfer *transfer, const struct monitor *monitor)
{
	CURL *easy = transfer->easy;
	bool head = strcmp(monitor->method, "HEAD") == 0, get = strcmp(monitor->method, "GET") == 0;

	/* HTTPGET undoes a NOBODY of the check before. */
	curl_easy_setopt(easy, head ? CURLOPT_NOBODY : CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version_of(monitor));
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, monitor->follow_redirects ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, monitor->allow_insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, monitor->allow_insecure ? 0L : 2L);
	if (curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, head || get ? NULL : monitor->method) != CURLE_OK)
		return -ENOMEM;
	if (monitor->expected_body[0] != '\0' && (transfer->body = malloc(BODY_MAX)) == NULL)
		return -ENOMEM;
	return 0;
}

static int
talk(struct check *check)
{
	struct http *http = check->shared;
	struct transfer *transfer = transfer_get(http);
	int error;

	if (transfer == NULL)
		return -ENOMEM;
	transfer->check = check;
	transfer->fd = check->fd;
	check->fd = -1;
	transfer->opened = 0;
	transfer->meter = (struct meter){0};
	transfer->decided = transfer->found = false;
	transfer->body_len = transfer->headers_len = 0;
	transfer->error[0] = '\0';
	error = set_target(transfer, &check->subject);
	if (error == 0)
		error = set_request(transfer, check->subject.monitor);
	if (error == 0 && curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
		error = -ENOMEM;
	if (error != 0) {
		transfer_put(http, transfer);
		return error;
	}
	check->talk = transfer;
	return 0;
}

/* Also closes the connection. */
static void
stop(struct check *check)
{
	struct http *http = check->shared;
	struct transfer *transfer = check->talk;

	check->talk = NULL;
	if (transfer == NULL)
		return;
	if (transfer->is_over)
		TAILQ_REMOVE(&http->over, transfer, over);
	transfer->is_over = false;
	curl_multi_remove_handle(http->multi, transfer->easy);
	transfer_put(http, transfer);
}

/* --- how it ended --- */

/* Alerts and refusals of the handshake come only as OpenSSL's words. */
static enum health_reason
handshake_reason(const struct transfer *transfer, long os_error)
{
	enum health_reason reason = check_tls_handshake_reason(transfer->error);

	return reason == REASON_TLS_HANDSHAKE_FAILURE && os_error == ECONNRESET ? REASON_CONNECTION_RESET
										: reason;
}

static enum health_reason
certificate_reason(const struct transfer *transfer)
{
	long verified = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &verified);
	return check_tls_certificate_reason(verified);
}

/* The connection broke off; libcurl says the same of chunks that are none, but only in words. */
static enum health_reason
broken_reason(const struct transfer *transfer, long os_error)
{
	if (strstr(transfer->error, "chunk") != NULL)
		return REASON_HTTP_INVALID_RESPONSE;
	return os_error == 0 || os_error == EPIPE || os_error == ECONNRESET ? REASON_CONNECTION_RESET
									    : REASON_OTHER_FAILURE;
}

static enum health_reason
answer_reason(const struct transfer *transfer, long code)
{
	const struct monitor *monitor = transfer->check->subject.monitor;
	long version = CURL_HTTP_VERSION_NONE;

	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
	if (monitor->http_version == HTTP_VERSION_2 && version != CURL_HTTP_VERSION_2_0)
		return REASON_HTTP_VERSION_MISMATCH;
	if (!monitor_expects(monitor, code))
		return REASON_RESPONSE_CODE_MISMATCH;
	return monitor->expected_body[0] == '\0' || transfer->found ? REASON_NONE
								    : REASON_RESPONSE_BODY_MISMATCH;
}

/* What a libcurl code says about the endpoint. */
static enum health_reason
failure_reason(const struct transfer *transfer, CURLcode code, long os_error)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return REASON_HTTP_TIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
		return REASON_DNS_UNKNOWN_HOST;
	case CURLE_TOO_MANY_REDIRECTS:
		return REASON_TOO_MANY_REDIRECTS;
	case CURLE_PEER_FAILED_VERIFICATION:
		return certificate_reason(transfer);
	case CURLE_SSL_CONNECT_ERROR:
		return handshake_reason(transfer, os_error);
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return broken_reason(transfer, os_error);
	case CURLE_URL_MALFORMAT: /* ours, or what a redirect named */
		return transfer->opened > 0 ? REASON_HTTP_INVALID_RESPONSE : REASON_MONITOR_CONFIG_ERROR;
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2:
	case CURLE_PARTIAL_FILE:
		return transfer->meter.broken ? REASON_CONNECTION_RESET : REASON_HTTP_INVALID_RESPONSE;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return REASON_HTTP_INVALID_RESPONSE;
	default:
		return REASON_OTHER_FAILURE;
	}
}

/* Days until the server's certificate ends. */
static int32_t
certificate_days(CURL *easy)
{
	static const char label[] = "Expire date:";
	struct curl_certinfo *chain = NULL;
	struct tm when = {0};

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
	    chain->num_of_certs < 1)
		return INT32_MIN;
	for (const struct curl_slist *line = chain->certinfo[0]; line != NULL; line = line->next)
		if (strncmp(line->data, label, sizeof label - 1) == 0 &&
		    strptime(line->data + sizeof label - 1, "%b %e %H:%M:%S %Y", &when) != NULL) {
			double days = difftime(timegm(&when), time(NULL)) / 86400;

			return (int32_t)MAX(-100000, MIN(days, 100000));
		}
	return INT32_MIN;
}

/* It flooded: the answer is somewhere in it, or is not. */
static void
finish_flood(struct check *check)
{
	check_detail(check, "it sent more than %d KiB", METER_ALL / 1024);
	check_finish(check, REASON_HTTP_INVALID_RESPONSE);
}

static void
finish(struct transfer *transfer, CURLcode code)
{
	struct check *check = transfer->check;
	enum health_reason reason;
	long status = 0, os_error = 0, asked = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_error);
	check->result.code = status > 0 ? (uint32_t)status : 0;
	if (check->subject.monitor->type == MONITOR_HTTPS)
		check->result.certificate_days = certificate_days(transfer->easy);
	if (transfer->meter.exceeded && !transfer->decided) {
		finish_flood(check);
		return;
	}
	switch (code) {
	case CURLE_OK:
		check_finish(check, answer_reason(transfer, status));
		break;
	case CURLE_WRITE_ERROR:
	case CURLE_HTTP2_STREAM: /* ours, where the answer is decided */
		check_finish(check,
		    transfer->decided ? answer_reason(transfer, status) : REASON_HTTP_INVALID_RESPONSE);
		break;
	case CURLE_COULDNT_CONNECT: /* of a redirect: the first connection is ours */
		check_finish_errno(check, os_error != 0 ? (int)os_error : ECONNREFUSED);
		break;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		/* libcurl says so, too, of a header line beyond 100 KB. */
		curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &asked);
		if (asked > 0)
			check_finish(check, REASON_HTTP_INVALID_RESPONSE);
		else
			check_finish_errno(check, ENOMEM);
		break;
	case CURLE_SSL_CACERT_BADFILE: /* S26: ours; http_open has said so */
		check_finish_errno(check, EACCES);
		break;
	default:
		reason = failure_reason(transfer, code, os_error);
		if (reason == REASON_OTHER_FAILURE || reason == REASON_TLS_HANDSHAKE_FAILURE)
			check_detail(check, "%s", transfer->error);
		check_finish(check, reason);
	}
}

/*
 * Finish the checks whose transfers are over.  Never from a callback of libcurl.  All its messages are taken
 * first: removing a handle walks those that are left, which is quadratic where thousands end together.
 */
static void
collect(struct http *http)
{
	struct transfer *transfer;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		transfer->code = message->data.result;
		transfer->is_over = true;
		TAILQ_INSERT_TAIL(&http->over, transfer, over);
	}
	while ((transfer = TAILQ_FIRST(&http->over)) != NULL)
		finish(transfer, transfer->code); /* its stop() takes it from the list */
}

static void *
http_open(struct event_base *base)
{
	struct http *http = calloc(1, sizeof *http);

	if (http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(http);
		return NULL;
	}
	SLIST_INIT(&http->idle);
	TAILQ_INIT(&http->over);
	http->base = base;
	http->multi = curl_multi_init();
	http->timer = evtimer_new(base, on_timer, http);
	if (http->multi == NULL || http->timer == NULL) {
		http_close(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, socket_callback);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, timer_callback);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	http->ca_file = check_tls_authorities();
	if (access(http->ca_file, R_OK) < 0)
		warn("%s holds the authorities that checks over TLS trust and cannot be read; until it can, "
		     "they give no verdict "
		     "(install ca-certificates, or name another file in SSL_CERT_FILE)",
		    http->ca_file);
	return http;
}

static void
http_close(void *shared)
{
	struct http *http = shared;
	struct transfer *transfer;

	while ((transfer = SLIST_FIRST(&http->idle)) != NULL) {
		SLIST_REMOVE_HEAD(&http->idle, idle);
		transfer_free(transfer);
	}
	curl_multi_cleanup(http->multi);
	if (http->timer != NULL)
		event_free(http->timer);
	meters_free(&http->meters);
	free(http);
	curl_global_cleanup();
}

const struct check_type check_http = {
    .open = http_open,
    .close = http_close,
    .talk = talk,
    .stop = stop,
    .timeout = REASON_HTTP_TIMEOUT,
};
