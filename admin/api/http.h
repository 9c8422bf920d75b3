/*
 * http.h -- requests of HTTP/1.1 out of octets (RFC 9112): the head, bodies in chunks, queries.
 *
 * Pure functions over memory: no sockets. Ambiguous requests are refused and not repaired, because something
 * in front may read them in another way.
 */
#ifndef API_HTTP_H
#define API_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_HEADERS_MAX = 100, HTTP_LINE_MAX = 4096 /* of a chunk's size or of a trailer */ };

struct http_header {
	const char *name, *value;
};

struct http_head {
	const char *method; /* as sent; methods are case-sensitive */
	const char *path;   /* begins with / , or is * ; not decoded */
	const char *query;  /* after the question mark; NULL: none */
	unsigned minor;     /* of HTTP/1.x */
	uint64_t length;    /* of the body, if it is not chunked */
	bool chunked, keep_alive;
	bool expects_continue; /* it sends the body after 100 Continue */
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t nheaders;
};

/*
 * Read a head: text is everything up to and including the empty line, and is changed; head points into it.
 * Returns 0, or the status of the refusal: 400, 413 (the body is longer than body_max), 431 (too many
 * headers), 501 (a transfer coding that is not chunked) or 505.
 */
int http_read_head(struct http_head *head, char *text, size_t len, uint64_t body_max);
/* The value of a header; NULL if it was not sent. */
const char *http_header(const struct http_head *head, const char *name);

/* The decoder of a body in chunks; starts as {0}. */
struct http_chunks {
	enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER, CHUNK_DONE, CHUNK_FAULTY } state;
	uint64_t left; /* of the chunk */
};
/*
 * Take octets of the body: returns how many were taken, with the data among them, if any, in *data and
 * *count. Call it again with the rest until it takes none. state is then CHUNK_DONE, or CHUNK_FAULTY, or more
 * has to come.
 */
size_t http_take_chunk(
    struct http_chunks *chunks, const char *in, size_t len, const char **data, size_t *count);

/*
 * The next pair of a query, decoded: true with name and value, which the caller frees, or false at the end.
 * rest moves on. Pairs with invalid escapes or %00 are skipped.
 */
bool http_next_parameter(const char **rest, char **name, char **value);

/*
 * Text without its escapes; a plus sign is a blank if blanks is true. malloc; NULL if an escape is invalid or
 * of NUL.
 */
char *http_decode(const char *text, size_t len, bool blanks);

/* The words of a status. */
const char *http_reason(int status);

#endif
