/* Checks over HTTP: libcurl in the event loop, its sockets and its handles. */
#include "monitor/check/check_http_inner.h"
#include "monitor/check/check_tls.h"
#include "zones/daemon/curl_loop.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HANDLES_KEPT = 1024 /* idle handles kept for the next checks */ };

/* libcurl in the event loop, and the idle transfers. */
struct http {
	struct curl_loop *loop;
	CURLM *multi; /* of the loop */
	const char *authorities;
	SLIST_HEAD(, transfer) idle;
	unsigned nidle;
	TAILQ_HEAD(, transfer) over;
	struct meters meters;
};

static void http_close(void *shared);
static void collect(struct http *http);

/* A turn of libcurl: a flooding peer gets only its share of it (meter.h). */
static void
act(void *arg, curl_socket_t fd, int bits)
{
	struct http *http = arg;
	int running;

	meters_enter(&http->meters);
	curl_multi_socket_action(http->multi, fd, bits, &running);
	meters_leave();
	collect(http);
}

/* --- callbacks of libcurl --- */

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	int fd = transfer->fd;

	(void)purpose;
	transfer->fd = -1;
	transfer->meter.connected = transfer->opened++ == 0;
	if (!transfer->meter.connected) /* a redirect opens its own connection */
		fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	meters_attach(transfer->meters, fd, &transfer->meter);
	return fd;
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

/* --- transfers, kept for the next check --- */

static void
transfer_free(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	free(transfer);
}

static void
set_constants(struct http *http, struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	transfer->meters = &http->meters;
	transfer->authorities = http->authorities;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->meters);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, socket_options);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, transfer);
	http_request_constants(transfer);
	http_answer_constants(transfer);
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
	transfer = xcalloc(1, sizeof *transfer);
	if ((transfer->easy = curl_easy_init()) == NULL) {
		free(transfer);
		return NULL;
	}
	set_constants(http, transfer);
	return transfer;
}

/* Clear a transfer and return it to the idle ones. */
static void
transfer_put(struct http *http, struct transfer *transfer)
{
	if (transfer->fd >= 0)
		close(transfer->fd);
	transfer->fd = -1;
	http_request_end(transfer);
	http_answer_end(transfer);
	if (http->nidle >= HANDLES_KEPT) {
		transfer_free(transfer);
		return;
	}
	SLIST_INSERT_HEAD(&http->idle, transfer, idle);
	http->nidle++;
}

/* --- one check --- */

/* Removing a handle closes its connection, and TLS then reads once more: limit that, too. */
static void
take_away(struct http *http, struct transfer *transfer)
{
	meters_enter(&http->meters);
	curl_multi_remove_handle(http->multi, transfer->easy);
	meters_leave();
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
	error = http_request_begin(transfer);
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
	take_away(http, transfer);
	transfer_put(http, transfer);
}

/* The answer redirects to another URL: request it in the same attempt. */
static void
go_on(struct http *http, struct transfer *transfer)
{
	struct check *check = transfer->check;
	enum health_reason reason;

	http_answer_note(transfer);
	TAILQ_REMOVE(&http->over, transfer, over);
	transfer->is_over = false;
	take_away(http, transfer);
	reason = http_request_follow(transfer);
	http_answer_again(transfer);
	if (reason != REASON_NONE)
		check_finish(check, reason);
	else if (curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
		check_finish_errno(check, ENOMEM);
}

/*
 * Finish the checks whose transfers are over.  Never call it from a callback of libcurl.  Take all messages
 * of libcurl first: removing a handle searches the remaining messages, which is quadratic if thousands end
 * together.
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
	while ((transfer = TAILQ_FIRST(&http->over)) != NULL) /* both take it from the list */
		if (transfer->redirected)
			go_on(http, transfer);
		else
			http_answer_finish(transfer);
}

static void *
http_open(struct event_base *base)
{
	struct http *http = xcalloc(1, sizeof *http);

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(http);
		return NULL;
	}
	SLIST_INIT(&http->idle);
	TAILQ_INIT(&http->over);
	if ((http->loop = curl_loop_new(base, act, http)) == NULL) {
		http_close(http);
		return NULL;
	}
	http->multi = curl_loop_multi(http->loop);
	http->authorities = check_tls_authorities();
	if (access(http->authorities, R_OK) < 0)
		warn("cannot read %s, the authorities that checks over TLS trust; until it can be read, "
		     "these checks give no verdict "
		     "(install ca-certificates, or set SSL_CERT_FILE to another file)",
		    http->authorities);
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
	curl_loop_free(http->loop);
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
    .outlives_reset = true,
};
