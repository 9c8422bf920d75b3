/*
 * check_http_inner.h -- one transfer of an http check, between the files that make it.
 *
 *     check_http.c          libcurl on our loop; handles that are used again and again
 *     check_http_request.c  what is asked: URL, headers, TLS; where a redirect leads
 *     check_http_answer.c   what came: the head and the body as they come, and what that says (S23)
 */
#ifndef CHECK_HTTP_INNER_H
#define CHECK_HTTP_INNER_H

#include "monitor/check/check.h"
#include "monitor/check/meter.h"

#include <curl/curl.h>
#include <sys/queue.h>

enum {
	BODY_MAX = 10 * 1024,    /* S34: expected_body looks at so much */
	HEADERS_MAX = 64 * 1024, /* of all answers of one check: libcurl keeps every header */
	REDIRECTS_MAX = 5        /* S34 */
};

/* An easy handle, used again and again, and what the present check wants of it. */
struct transfer {
	SLIST_ENTRY(transfer) idle;
	TAILQ_ENTRY(transfer) over;
	bool is_over; /* libcurl has said how it ended */
	CURLcode code;
	CURL *easy;
	struct check *check;
	int fd;             /* connected, until libcurl takes it; then -1 */
	unsigned opened;    /* sockets that libcurl asked for: the first is ours, the others are redirects' */
	struct meter meter; /* of all that the peers sent */
	struct meters *meters;
	const char *authorities; /* where the monitor names none */

	/* The request. */
	char *url;          /* of this hop */
	unsigned redirects; /* that were followed */
	struct curl_slist *headers;
	struct curl_slist *connect_to;

	/* The answer. */
	bool in_head;            /* a head has begun */
	bool decided;            /* the answer is known: no more octets are wanted */
	bool redirected;         /* it leads to location, which is to be followed */
	bool found;              /* expected_body was seen */
	bool wanted_certificate; /* the server asked for ours */
	char *location;          /* of this head; or NULL */
	char *body;              /* BODY_MAX octets, where expected_body is looked for */
	size_t body_len;
	size_t headers_len; /* received so far */
	char error[CURL_ERROR_SIZE];
};

/* Once for a handle. */
void http_request_constants(struct transfer *transfer);
void http_answer_constants(struct transfer *transfer);

/* Ask what the monitor asks.  0 or a negative errno; a reason in the check's result then says more. */
int http_request_begin(struct transfer *transfer);
/* Ask again where the answer leads.  REASON_NONE, or why that is not to be. */
enum health_reason http_request_follow(struct transfer *transfer);
/* Another answer is to come; the octets of all count. */
void http_answer_again(struct transfer *transfer);
/* Nothing of the request or the answer is left. */
void http_request_end(struct transfer *transfer);
void http_answer_end(struct transfer *transfer);

/* The transfer is over: so is the check. */
void http_answer_finish(struct transfer *transfer);
/* Note what is told of every answer, also one that leads on: status, certificate. */
void http_answer_note(struct transfer *transfer);

#endif
