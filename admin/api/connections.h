/*
 * connections.h -- HTTP connections, plain or TLS: requests in, replies out, and limits on what strangers may
 * take.
 *
 * If there are too many connections, the network (/24, /56) with the most loses the one that has been idle
 * longest, so that nobody can shut others out. A connection is idle while no request of it is being answered.
 * Requests of one connection are answered one after the other. One thread: that of the event base.
 *
 * libevent 2.1's evhttp could not keep these limits: it does not show connections that have not asked, and
 * writes its own errors as HTML.
 */
#ifndef API_CONNECTIONS_H
#define API_CONNECTIONS_H

#include "admin/api/http.h"
#include "zones/base/address.h"
#include "zones/base/problem.h"

#include <stdarg.h>

struct event_base;
struct tls;
struct connections;
struct exchange;

struct connections_use {
	unsigned most; /* connections */
	size_t head_max, body_max;
	unsigned timeout_s; /* for a request to come, a reply to be taken, and an idle connection */
	/* A request has come: end it with exchange_reply, or exchange_begin and exchange_end; now or later.
	 */
	void (*request)(void *arg, struct exchange *exchange);
	/* The body of the reply to a request that is refused before that, as JSON; malloc. */
	char *(*fault)(void *arg, int status);
	void *arg;
};

struct connections *connections_new(
    struct event_base *base, const struct connections_use *use, struct tls *tls);
/* Close all. Exchanges that go on stay valid, and must be ended. Accepts NULL. */
void connections_free(struct connections *connections);
/* Listen there. Returns the port that the kernel chose; 0 with errno set if it is not possible. */
uint16_t connections_listen(struct connections *connections, const struct address *address, uint16_t port);
unsigned connections_count(const struct connections *connections);
/* How many were closed to make room for others. */
uint64_t connections_evicted(const struct connections *connections);

/* ---- a request and its reply ---- */

const struct http_head *exchange_head(const struct exchange *exchange);
/* Until the reply; the text is not ended by NUL. */
const char *exchange_body(struct exchange *exchange, size_t *len);
/* The client's address. */
const char *exchange_address(const struct exchange *exchange);

/* A header of the reply. The value is printed, and must have no line break. */
void exchange_header(struct exchange *exchange, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Send the reply, and end the exchange. A client that has gone gets nothing. */
void exchange_reply(struct exchange *exchange, int status, const char *body, size_t len);

/*
 * A reply in parts. length: of the whole body, or -1: unknown. arg is for moved, which is called when the
 * client has taken everything that was sent, and for gone, called once if the client goes or takes nothing
 * for timeout_s; then the exchange must still be ended.
 */
void exchange_begin(struct exchange *exchange, int status, long long length, void (*moved)(void *arg),
    void (*gone)(void *arg), void *arg);
void exchange_send(struct exchange *exchange, const char *text, size_t len);
/* Octets that were sent and that the client has not taken yet. */
size_t exchange_untaken(const struct exchange *exchange);
/* The whole body was sent; otherwise (whole false) the connection is closed, so that the client sees it. */
void exchange_end(struct exchange *exchange, bool whole);

#endif
