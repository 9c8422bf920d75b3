/*
 * check_http_inner.h -- one transfer of an http check, shared by the files of check_http.
 *
 *     check_http.c          libcurl in the event loop; handles that are reused
 *     check_http_request.c  the request: URL, headers, TLS; following redirects
 *     check_http_answer.c   the answer: head and body while they arrive, and the verdict (S23)
 */
#ifndef CHECK_HTTP_INNER_H
#define CHECK_HTTP_INNER_H

#include "monitor/check/check.h"
#include "monitor/check/meter.h"

#include <curl/curl.h>
#include <sys/queue.h>

enum {
	BODY_MAX = 10 * 1024,    /* S34: expected_body is searched in these octets */
	HEADERS_MAX = 64 * 1024, /* of all answers of one check: libcurl keeps every header */
	REDIRECTS_MAX = 5        /* S34 */
};

/* An easy handle, which is reused, and the data of its current check. */
struct transfer {
	SLIST_ENTRY(transfer) idle;
	TAILQ_ENTRY(transfer) over;
	bool is_over; /* libcurl has reported the result */
	CURLcode code;
	CURL *easy;
	struct check *check;
	int fd;          /* connected, until libcurl takes it; then -1 */
	unsigned opened; /* sockets that libcurl asked for: the first is the check's, the others are those of
			    redirects */
	struct meter meter; /* limits everything that the peers send */
	struct meters *meters;
	const char *authorities; /* if the monitor names none */

	/* The request. */
	char *url;          /* of this hop */
	unsigned redirects; /* that were followed */
	struct curl_slist *headers;
	struct curl_slist *connect_to;

	/* The answer. */
	bool in_head;            /* a head has begun */
	bool decided;            /* the result is known: no more octets are needed */
	bool redirected;         /* it redirects to location */
	bool found;              /* expected_body was seen */
	bool wanted_certificate; /* the server asked for a client certificate */
	char *location;          /* of this head; or NULL */
	char *body;              /* BODY_MAX octets, if expected_body is set */
	size_t body_len;
	size_t headers_len; /* received so far */
	char error[CURL_ERROR_SIZE];
};

/* Set up a handle, once. */
void http_request_constants(struct transfer *transfer);
void http_answer_constants(struct transfer *transfer);

/* Send the monitor's request.  Returns 0 or a negative errno; a reason in the check's result then has
 * details. */
int http_request_begin(struct transfer *transfer);
/* Follow the redirect.  Returns REASON_NONE, or the reason why it must not be followed. */
enum health_reason http_request_follow(struct transfer *transfer);
/* Prepare for another answer; the octets of all answers count together. */
void http_answer_again(struct transfer *transfer);
/* Clear the request and the answer. */
void http_request_end(struct transfer *transfer);
void http_answer_end(struct transfer *transfer);

/* The transfer and the check are over. */
void http_answer_finish(struct transfer *transfer);
/* Record status and certificate of every answer, including redirects. */
void http_answer_note(struct transfer *transfer);

#endif
