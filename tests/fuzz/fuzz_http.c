/*
 * Requests from strangers as graycloud-api reads them: the head, a body in chunks, the query, and the route
 * of the path. Never a crash; a body that comes in pieces is the same body.
 */
#include "admin/api/http.h"
#include "admin/api/route.h"
#include "zones/base/util.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { BODY_MAX = 1 << 20 };

/* Decode a body that comes in steps of this number of octets. Returns its length; state is the last. */
static size_t
decode(const char *in, size_t len, size_t step, char *out, struct http_chunks *chunks)
{
	size_t at = 0, seen = 0, written = 0, taken, count;
	const char *piece;

	*chunks = (struct http_chunks){.left = 0};
	while (seen < len) {
		seen = MIN(len, seen + step);
		do {
			taken = http_take_chunk(chunks, in + at, seen - at, &piece, &count);
			assert(taken <= seen - at && count <= taken);
			memcpy(out + written, count > 0 ? piece : "", count);
			written += count;
			at += taken;
		} while (taken > 0);
	}
	return written;
}

static void
look_at_body(const char *in, size_t len)
{
	char *whole = xmalloc(len + 1), *pieces = xmalloc(len + 1);
	struct http_chunks a, b;
	size_t n = decode(in, len, len + 1, whole, &a), m = decode(in, len, 1, pieces, &b);

	/* A line that is too long is faulty as soon as it is seen as a whole. */
	if (a.state != CHUNK_FAULTY && b.state != CHUNK_FAULTY)
		assert(n == m && memcmp(whole, pieces, n) == 0 && a.state == b.state);
	free(whole);
	free(pieces);
}

static void
look_at_request(const struct http_head *head)
{
	static const char account[] = "0123456789abcdef0123456789abcdef";
	struct call *call = xcalloc(1, sizeof *call);

	for (size_t i = 0; i < head->nheaders; i++)
		assert(*head->headers[i].name != '\0' && strpbrk(head->headers[i].value, "\r\n") == NULL);
	call->path = xstrdup(head->path);
	call->method = (enum method)(strlen(head->method) % (METHOD_OTHER + 1));
	call_read_query(call, head->query);
	for (size_t i = 0; i < call->nparameters; i++)
		assert(call_parameter(call, call->parameters[i].name) != NULL);
	call_number(call, "page", 1, 100, 1);
	if (route_find(call, account) == NULL)
		assert(call->reply.errors != NULL);
	free(call_text(call));
	call_free(call);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
	size_t head_len = end != NULL ? (size_t)(end - data) + 4 : len;
	char *text = xmalloc(head_len + 1);
	struct http_head *head = xcalloc(1, sizeof *head);
	int status;

	memcpy(text, data, head_len);
	text[head_len] = '\0';
	status = http_read_head(head, text, head_len, BODY_MAX);
	assert(
	    status == 0 || status == 400 || status == 413 || status == 431 || status == 501 || status == 505);
	if (status == 0) {
		assert(end != NULL && head->length <= BODY_MAX && !(head->chunked && head->length > 0));
		look_at_request(head);
	}
	look_at_body((const char *)data + head_len, len - head_len);
	free(text);
	free(head);
	return 0;
}
