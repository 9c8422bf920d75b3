#include "sync/engine/etcd.h"

#include "zones/base/array.h"
#include "zones/daemon/curl_loop.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

enum {
	CONNECT_MS = 700,
	PROBE_MS = 1000,
	BODY_MOST = 512 * 1024 * 1024, /* of an answer */
	LINE_MOST = 64 * 1024 * 1024   /* of a watch */
};

enum purpose { CALL, WATCH, PROBE };

/* The connections of exchanges. etcd_use() begins another one, which is how libcurl forgets connections. */
struct channel {
	struct etcd *etcd;
	struct curl_loop *loop;
	CURLM *multi;   /* of the loop */
	unsigned users; /* exchanges, and one while it is in use for new ones */
};

/* One POST, or two of them if a token is needed first. */
struct exchange {
	struct etcd *etcd;
	struct channel *channel;
	CURL *easy;
	enum purpose purpose;
	size_t endpoint;
	const char *path;
	char *body;
	char *login;                /* the body of a log-in that is in progress; or NULL */
	struct curl_slist *headers; /* with a token, else NULL */
	bool renewed;               /* the token was refused once */
	uint8_t *data;
	size_t len, read; /* of data; of a watch: the octets in lines that were handled */
	bool too_long;
	etcd_done_fn *done;
	etcd_probe_fn *probed;
	void *arg;
	CURLcode code;
	bool is_over, is_dropped;
	char error[CURL_ERROR_SIZE];
	TAILQ_ENTRY(exchange) all;
};

struct etcd {
	struct event_base *base;
	struct etcd_settings settings;
	struct channel *channel, *probes;
	struct curl_slist *headers;
	size_t endpoint;
	char *token;
	bool collecting;
	struct etcd_traffic traffic;
	TAILQ_HEAD(, exchange) exchanges;
};

static void collect(struct channel *channel);

static void
act(void *arg, curl_socket_t fd, int bits)
{
	struct channel *channel = arg;
	int running;

	curl_multi_socket_action(channel->multi, fd, bits, &running);
	collect(channel);
}

/* NULL if libcurl cannot start. */
static struct channel *
channel_new(struct etcd *etcd)
{
	struct channel *channel = xcalloc(1, sizeof *channel);

	*channel =
	    (struct channel){.etcd = etcd, .loop = curl_loop_new(etcd->base, act, channel), .users = 1};
	if (channel->loop == NULL) {
		free(channel);
		return NULL;
	}
	channel->multi = curl_loop_multi(channel->loop);
	return channel;
}

static void
channel_release(struct channel *channel)
{
	if (channel == NULL || --channel->users > 0)
		return;
	curl_loop_free(channel->loop);
	free(channel);
}

/* --- an exchange --- */

static size_t
on_data(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *exchange = arg;
	size_t len = size * count, most = exchange->purpose == WATCH ? LINE_MOST : BODY_MOST;

	exchange->etcd->traffic.received += len;
	if (len > most - MIN(exchange->len, most)) {
		exchange->too_long = true;
		return 0;
	}
	exchange->data = array_grow_by(exchange->data, exchange->len, len + 1, 1);
	memcpy(exchange->data + exchange->len, data, len);
	exchange->len += len;
	return len;
}

static void
set_security(CURL *easy, const struct etcd_settings *settings)
{
	if (settings->ca != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca);
	if (settings->cert != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, settings->cert);
	if (settings->key != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, settings->key);
	/* Files that were replaced count from the next connection on. */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

static void
set_options(struct exchange *exchange)
{
	const struct etcd_settings *settings = &exchange->etcd->settings;
	CURL *easy = exchange->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "graycloud-sync/" VERSION);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a hanging look-up */
	set_security(easy, settings);
	if (exchange->purpose != WATCH)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
		    exchange->purpose == PROBE ? (long)PROBE_MS : (long)settings->timeout_ms);
	if (exchange->purpose == PROBE)
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	if (exchange->purpose != CALL)
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

/* Send the log-in if a token is missing, else the request itself. */
static void
send_next(struct exchange *exchange)
{
	struct etcd *etcd = exchange->etcd;
	bool login = etcd->settings.user != NULL && etcd->token == NULL;
	char url[512];

	free(exchange->login);
	exchange->login = login ? request_login(etcd->settings.user, etcd->settings.password) : NULL;
	curl_slist_free_all(exchange->headers);
	exchange->headers = NULL;
	if (!login && etcd->token != NULL) {
		char *line = xasprintf("Authorization: %s", etcd->token);

		exchange->headers = curl_slist_append(NULL, line);
		free(line);
		exchange->headers = curl_slist_append(exchange->headers, "Content-Type: application/json");
		exchange->headers = curl_slist_append(exchange->headers, "Expect:");
	}
	snprintf(url, sizeof url, "%s%s", etcd->settings.endpoints[exchange->endpoint],
	    login ? "/v3/auth/authenticate" : exchange->path);
	exchange->len = exchange->read = 0;
	exchange->error[0] = '\0';
	curl_easy_setopt(exchange->easy, CURLOPT_URL, url);
	curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER,
	    exchange->headers != NULL ? exchange->headers : etcd->headers);
	curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDS, login ? exchange->login : exchange->body);
	curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)strlen(login ? exchange->login : exchange->body));
	etcd->traffic.sent += strlen(login ? exchange->login : exchange->body);
	if (curl_multi_add_handle(exchange->channel->multi, exchange->easy) != CURLM_OK)
		memory_exhausted(0);
}

/* Takes over body. */
static struct exchange *
begin(struct etcd *etcd, enum purpose purpose, size_t endpoint, const char *path, char *body)
{
	struct exchange *exchange = xcalloc(1, sizeof *exchange);

	*exchange = (struct exchange){
	    .etcd = etcd, .purpose = purpose, .endpoint = endpoint, .path = path, .body = body};
	exchange->channel = purpose == PROBE ? etcd->probes : etcd->channel;
	exchange->channel->users++;
	if ((exchange->easy = curl_easy_init()) == NULL)
		memory_exhausted(0);
	set_options(exchange);
	TAILQ_INSERT_TAIL(&etcd->exchanges, exchange, all);
	etcd->traffic.calls++;
	send_next(exchange);
	return exchange;
}

static void
release(struct exchange *exchange)
{
	struct etcd *etcd = exchange->etcd;

	TAILQ_REMOVE(&etcd->exchanges, exchange, all);
	curl_multi_remove_handle(exchange->channel->multi, exchange->easy);
	curl_easy_cleanup(exchange->easy);
	channel_release(exchange->channel);
	curl_slist_free_all(exchange->headers);
	free(exchange->login);
	free(exchange->body);
	free(exchange->data);
	free(exchange);
}

/* End it without a callback; while its callback runs, its end follows. */
static void
drop(struct exchange *exchange)
{
	if (exchange->etcd->collecting)
		exchange->is_dropped = true;
	else
		release(exchange);
}

/* --- the end of an exchange --- */

static const char *
failure(const struct exchange *exchange)
{
	if (exchange->too_long)
		return "its answer is too long";
	if (exchange->error[0] != '\0')
		return exchange->error;
	return exchange->code == CURLE_OK ? "it ended the connection" : curl_easy_strerror(exchange->code);
}

static void
read_answer(const struct exchange *exchange, struct etcd_answer *answer)
{
	long status = 0;

	curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
	if (exchange->code == CURLE_OK)
		etcd_answer_read(answer, status, (struct bytes){exchange->data, exchange->len});
	else
		*answer = (struct etcd_answer){0};
	if (exchange->code != CURLE_OK)
		etcd_answer_lost(answer, failure(exchange));
}

/* The log-in has ended. Returns true if the request itself follows. */
static bool
logged_in(struct exchange *exchange, const struct etcd_answer *answer)
{
	struct etcd *etcd = exchange->etcd;

	if (answer->outcome != ETCD_DONE || answer->token == NULL)
		return false;
	free(etcd->token);
	etcd->token = xstrdup(answer->token);
	curl_multi_remove_handle(exchange->channel->multi, exchange->easy);
	send_next(exchange);
	return true;
}

/* The token has ended: get another one, once. Returns true if the request is sent again. */
static bool
renew(struct exchange *exchange, const struct etcd_answer *answer)
{
	struct etcd *etcd = exchange->etcd;

	if (!answer->unknown_token || etcd->settings.user == NULL)
		return false;
	free(etcd->token);
	etcd->token = NULL;
	if (exchange->renewed)
		return false;
	exchange->renewed = true;
	curl_multi_remove_handle(exchange->channel->multi, exchange->easy);
	send_next(exchange);
	return true;
}

/* Accepted or refused, both show that the way to the machine works. */
static bool
was_reached(const struct exchange *exchange)
{
	curl_off_t connected = 0;
	long error = 0;

	curl_easy_getinfo(exchange->easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &error);
	if (exchange->code == CURLE_COULDNT_CONNECT)
		return error == ECONNREFUSED;
	return exchange->code == CURLE_OK || connected > 0;
}

static void
report(struct exchange *exchange, const struct etcd_answer *answer)
{
	struct etcd_probe probe = {exchange->endpoint, was_reached(exchange),
	    answer->outcome == ETCD_DONE && exchange->login == NULL, answer->error};

	if (answer->outcome != ETCD_DONE)
		exchange->etcd->traffic.failures++;
	if (exchange->purpose == PROBE)
		exchange->probed(exchange->arg, &probe);
	else
		exchange->done(exchange->arg, answer);
}

/* A watch: the next whole line. Returns false if there is none. */
static bool
take_line(struct exchange *exchange)
{
	uint8_t *from = exchange->data + exchange->read, *end;
	struct etcd_answer answer;

	if (exchange->purpose != WATCH || exchange->login != NULL || exchange->is_dropped ||
	    exchange->data == NULL)
		return false;
	end = memchr(from, '\n', exchange->len - exchange->read);
	if (end == NULL)
		return false;
	etcd_answer_read_line(&answer, (struct bytes){from, (size_t)(end - from)});
	exchange->read += (size_t)(end - from) + 1;
	if (answer.unknown_token && renew(exchange, &answer)) {
		etcd_answer_free(&answer);
		return false;
	}
	if (answer.outcome != ETCD_DONE || answer.cancelled)
		exchange->is_dropped = true; /* nothing follows */
	report(exchange, &answer);
	etcd_answer_free(&answer);
	return true;
}

/* Move the beginning of the next line to the front. */
static void
take_lines(struct exchange *exchange)
{
	while (take_line(exchange))
		continue;
	if (exchange->read > 0) {
		exchange->len -= exchange->read;
		memmove(exchange->data, exchange->data + exchange->read, exchange->len);
		exchange->read = 0;
	}
	if (exchange->len == 0 && exchange->data != NULL) {
		free(exchange->data);
		exchange->data = NULL;
	}
}

static void
finish(struct exchange *exchange)
{
	struct etcd_answer answer;

	exchange->is_over = false;
	read_answer(exchange, &answer);
	if (exchange->login != NULL ? logged_in(exchange, &answer) : renew(exchange, &answer)) {
		etcd_answer_free(&answer);
		return;
	}
	if (exchange->purpose == WATCH && answer.outcome == ETCD_DONE)
		etcd_answer_lost(&answer, failure(exchange));
	exchange->is_dropped = true;
	report(exchange, &answer);
	etcd_answer_free(&answer);
}

/* Handle the messages that arrived, and the exchanges that ended. Never call it from a callback of libcurl.
 */
static void
collect(struct channel *channel)
{
	struct etcd *etcd = channel->etcd;
	struct exchange *exchange, *next;
	CURLMsg *message;
	int left;

	if (etcd->collecting)
		return;
	etcd->collecting = true;
	while ((message = curl_multi_info_read(channel->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
		exchange->code = message->data.result;
		exchange->is_over = true;
	}
	TAILQ_FOREACH(exchange, &etcd->exchanges, all)
	{
		if (!exchange->is_dropped)
			take_lines(exchange);
		if (!exchange->is_dropped && exchange->is_over)
			finish(exchange);
	}
	etcd->collecting = false;
	for (exchange = TAILQ_FIRST(&etcd->exchanges); exchange != NULL; exchange = next) {
		next = TAILQ_NEXT(exchange, all);
		if (exchange->is_dropped)
			release(exchange);
	}
}

/* --- calls --- */

const char *
etcd_endpoint_fault(const char *url)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *host = NULL, *path = NULL, *query = NULL, *user = NULL;
	const char *fault = NULL;

	if (parts == NULL)
		memory_exhausted(0);
	if (strlen(url) > 400 || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK || *host == '\0' ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
		fault = "write a URL such as https://192.0.2.1:2379";
	} else {
		curl_url_get(parts, CURLUPART_PATH, &path, 0);
		curl_url_get(parts, CURLUPART_QUERY, &query, 0);
		curl_url_get(parts, CURLUPART_USER, &user, 0);
		if ((path != NULL && strcmp(path, "/") != 0) || query != NULL || user != NULL ||
		    url[strlen(url) - 1] == '/')
			fault = "write only scheme, address and port, such as https://192.0.2.1:2379";
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(path);
	curl_free(query);
	curl_free(user);
	curl_url_cleanup(parts);
	return fault;
}

void
etcd_get(struct etcd *etcd, const struct etcd_range *range, etcd_done_fn *done, void *arg)
{
	struct exchange *exchange = begin(etcd, CALL, etcd->endpoint, "/v3/kv/range", request_range(range));

	exchange->done = done;
	exchange->arg = arg;
}

void
etcd_commit_within(
    struct etcd *etcd, struct etcd_txn *txn, unsigned timeout_ms, etcd_done_fn *done, void *arg)
{
	struct exchange *exchange = begin(etcd, CALL, etcd->endpoint, "/v3/kv/txn", request_txn(txn));

	curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	exchange->done = done;
	exchange->arg = arg;
}

void
etcd_commit(struct etcd *etcd, struct etcd_txn *txn, etcd_done_fn *done, void *arg)
{
	etcd_commit_within(etcd, txn, etcd->settings.timeout_ms, done, arg);
}

void
etcd_ask_status(struct etcd *etcd, etcd_done_fn *done, void *arg)
{
	struct exchange *exchange =
	    begin(etcd, CALL, etcd->endpoint, "/v3/maintenance/status", xstrdup("{}"));

	exchange->done = done;
	exchange->arg = arg;
}

/* End exchanges of one purpose, or of all but probes. */
static void
drop_all(struct etcd *etcd, bool watch_only)
{
	struct exchange *exchange, *next;

	for (exchange = TAILQ_FIRST(&etcd->exchanges); exchange != NULL; exchange = next) {
		next = TAILQ_NEXT(exchange, all);
		if (exchange->purpose == WATCH || (!watch_only && exchange->purpose == CALL))
			drop(exchange);
	}
}

void
etcd_watch(struct etcd *etcd, const char *prefix, int64_t from, etcd_done_fn *each, void *arg)
{
	struct exchange *exchange;

	drop_all(etcd, true);
	exchange = begin(etcd, WATCH, etcd->endpoint, "/v3/watch", request_watch(prefix, from));
	exchange->done = each;
	exchange->arg = arg;
}

void
etcd_use(struct etcd *etcd, size_t endpoint)
{
	struct channel *channel = channel_new(etcd);

	if (channel == NULL)
		memory_exhausted(0);
	drop_all(etcd, false);
	channel_release(etcd->channel);
	etcd->channel = channel;
	etcd->endpoint = endpoint;
}

void
etcd_probe_all(struct etcd *etcd, const char *key, etcd_probe_fn *done, void *arg)
{
	for (size_t i = 0; i < etcd->settings.nendpoints; i++) {
		struct exchange *exchange;
		bool busy = false;

		TAILQ_FOREACH(exchange, &etcd->exchanges, all)
		busy |= exchange->purpose == PROBE && exchange->endpoint == i && !exchange->is_dropped;
		if (busy)
			continue;
		exchange =
		    begin(etcd, PROBE, i, "/v3/kv/range", request_range(&(struct etcd_range){.key = key}));
		exchange->probed = done;
		exchange->arg = arg;
	}
}

struct etcd_traffic
etcd_traffic(const struct etcd *etcd)
{
	return etcd->traffic;
}

/* --- the client --- */

struct etcd *
etcd_new(struct event_base *base, const struct etcd_settings *settings, struct problems *problems)
{
	struct etcd *etcd = xcalloc(1, sizeof *etcd);

	etcd->base = base;
	etcd->settings = *settings;
	TAILQ_INIT(&etcd->exchanges);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		etcd->channel = channel_new(etcd);
		etcd->probes = channel_new(etcd);
	}
	if (etcd->channel == NULL || etcd->probes == NULL) {
		problems_error(problems, "cannot start libcurl");
		etcd_free(etcd);
		return NULL;
	}
	etcd->headers = curl_slist_append(NULL, "Content-Type: application/json");
	etcd->headers = curl_slist_append(etcd->headers, "Expect:");
	if (etcd->headers == NULL)
		memory_exhausted(0);
	return etcd;
}

void
etcd_free(struct etcd *etcd)
{
	struct exchange *exchange;

	if (etcd == NULL)
		return;
	while ((exchange = TAILQ_FIRST(&etcd->exchanges)) != NULL)
		release(exchange);
	channel_release(etcd->channel);
	channel_release(etcd->probes);
	curl_slist_free_all(etcd->headers);
	free(etcd->token);
	free(etcd);
	curl_global_cleanup();
}
