#include "admin/api/http.h"

#include "zones/base/util.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 9110 5.6.2 */
static bool
is_token(const char *text)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";

	return *text != '\0' && text[strspn(text, letters)] == '\0';
}

/* Printable ASCII without blanks: RFC 3986 allows no more in a target. */
static bool
is_target(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return false;
	return *text != '\0';
}

/* Cut the next line off. NULL if there is none, or if it has a NUL, CR or LF in it. */
static char *
next_line(char **rest, const char *end)
{
	char *line = *rest, *stop = memchr(line, '\r', (size_t)(end - line));

	if (stop == NULL || stop + 1 >= end || stop[1] != '\n')
		return NULL;
	*stop = '\0';
	*rest = stop + 2;
	return strlen(line) == (size_t)(stop - line) && strchr(line, '\n') == NULL ? line : NULL;
}

/* ---- the request line ---- */

static int
read_version(struct http_head *head, const char *version)
{
	if (strcmp(version, "HTTP/1.1") == 0)
		head->minor = 1;
	else if (strcmp(version, "HTTP/1.0") != 0)
		return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
	head->keep_alive = head->minor == 1;
	return 0;
}

/* A path, or the whole URI as a proxy sends it (RFC 9112 3.2.2). */
static int
read_target(struct http_head *head, char *target)
{
	char *query;

	if (!is_target(target) || strchr(target, '#') != NULL)
		return 400;
	if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
		target = strstr(target, "//") + 2;
		target += strcspn(target, "/?");
	}
	if ((query = strchr(target, '?')) != NULL) {
		*query = '\0';
		head->query = query + 1;
	}
	head->path = *target == '\0' ? "/" : target;
	return *head->path == '/' || strcmp(head->path, "*") == 0 || strcmp(head->method, "CONNECT") == 0
	    ? 0
	    : 400;
}

static int
read_request_line(struct http_head *head, char *line)
{
	char *target = strchr(line, ' '), *version;
	int status;

	if (target == NULL)
		return 400;
	*target++ = '\0';
	if ((version = strchr(target, ' ')) == NULL)
		return 400;
	*version++ = '\0';
	head->method = line;
	if (!is_token(head->method))
		return 400;
	status = read_version(head, version);
	return status != 0 ? status : read_target(head, target);
}

/* ---- headers ---- */

static int
add_header(struct http_head *head, char *line)
{
	char *value = strchr(line, ':'), *end;

	/* A line that begins with a blank continues the one before: no client writes that any more. */
	if (value == NULL)
		return 400;
	*value++ = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	if (!is_token(line))
		return 400;
	if (head->nheaders == HTTP_HEADERS_MAX)
		return 431;
	head->headers[head->nheaders++] = (struct http_header){line, value};
	return 0;
}

const char *
http_header(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->nheaders; i++)
		if (strcasecmp(head->headers[i].name, name) == 0)
			return head->headers[i].value;
	return NULL;
}

/* Is the word in a list with commas? */
static bool
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; *list != '\0'; list += strcspn(list, ",")) {
		list += strspn(list, ", \t");
		if (strncasecmp(list, word, len) == 0 && strchr(", \t", list[len]) != NULL)
			return true;
	}
	return false;
}

/* RFC 9112 6.3: how long is the body? */
static int
read_framing(struct http_head *head, uint64_t body_max)
{
	const char *coding = http_header(head, "Transfer-Encoding"), *length = NULL;

	for (size_t i = 0; i < head->nheaders; i++)
		if (strcasecmp(head->headers[i].name, "Content-Length") == 0) {
			if (length != NULL && strcmp(length, head->headers[i].value) != 0)
				return 400;
			length = head->headers[i].value;
		}
	if (coding != NULL && (length != NULL || head->minor == 0))
		return 400;
	if (coding != NULL && strcasecmp(coding, "chunked") != 0)
		return 501;
	head->chunked = coding != NULL;
	if (length == NULL)
		return 0;
	if (*length == '\0' || length[strspn(length, "0123456789")] != '\0')
		return 400;
	return whole_from_text(length, body_max, &head->length) ? 0 : 413;
}

static int
read_connection(struct http_head *head)
{
	const char *connection = http_header(head, "Connection"), *expect = http_header(head, "Expect");

	if (connection != NULL && has_word(connection, "close"))
		head->keep_alive = false;
	else if (connection != NULL && has_word(connection, "keep-alive"))
		head->keep_alive = true;
	head->expects_continue =
	    head->minor == 1 && expect != NULL && strcasecmp(expect, "100-continue") == 0;
	/* RFC 9112 3.2 */
	return head->minor == 1 && http_header(head, "Host") == NULL ? 400 : 0;
}

int
http_read_head(struct http_head *head, char *text, size_t len, uint64_t body_max)
{
	char *rest = text, *line = next_line(&rest, text + len);
	int status;

	*head = (struct http_head){.method = ""};
	if (line == NULL)
		return 400;
	status = read_request_line(head, line);
	while (status == 0) {
		line = next_line(&rest, text + len);
		if (line == NULL)
			return 400;
		if (*line == '\0')
			break;
		status = add_header(head, line);
	}
	if (status == 0)
		status = read_framing(head, body_max);
	return status != 0 ? status : read_connection(head);
}

/* ---- chunks ---- */

/* The size, in hexadecimal digits; extensions behind a semicolon are ignored. */
static bool
read_size(struct http_chunks *chunks, const char *line, size_t len)
{
	size_t i = 0;

	chunks->left = 0;
	for (; i < len && hex_digit(line[i]) >= 0; i++) {
		if (chunks->left >> 40 != 0)
			return false;
		chunks->left = chunks->left << 4 | (uint64_t)hex_digit(line[i]);
	}
	if (i == 0 || (i < len && line[i] != ';' && line[i] != ' ' && line[i] != '\t'))
		return false;
	chunks->state = chunks->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
	return true;
}

size_t
http_take_chunk(struct http_chunks *chunks, const char *in, size_t len, const char **data, size_t *count)
{
	const char *line_feed = memchr(in, '\n', len);
	size_t line;
	bool good = true;

	*count = 0;
	if (chunks->state == CHUNK_DATA) {
		*data = in;
		*count = (size_t)MIN((uint64_t)len, chunks->left);
		chunks->left -= *count;
		if (chunks->left == 0)
			chunks->state = CHUNK_END;
		return *count;
	}
	if (chunks->state == CHUNK_DONE || chunks->state == CHUNK_FAULTY)
		return 0;
	if (line_feed == NULL) {
		if (len > HTTP_LINE_MAX)
			chunks->state = CHUNK_FAULTY;
		return 0;
	}
	line = (size_t)(line_feed - in);
	if (line == 0 || in[line - 1] != '\r')
		good = false;
	else if (chunks->state == CHUNK_SIZE)
		good = read_size(chunks, in, line - 1);
	else if (chunks->state == CHUNK_TRAILER)
		chunks->state = line == 1 ? CHUNK_DONE : CHUNK_TRAILER;
	else if ((good = line == 1)) /* CHUNK_END */
		chunks->state = CHUNK_SIZE;
	if (!good)
		chunks->state = CHUNK_FAULTY;
	return good ? line + 1 : 0;
}

/* ---- queries ---- */

char *
http_decode(const char *text, size_t len, bool blanks)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '+' && blanks)
			c = ' ';
		if (c == '%') {
			if (len - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
				goto bad;
			c = (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
			i += 2;
		}
		if (c == '\0')
			goto bad;
		out[n++] = c;
	}
	out[n] = '\0';
	return out;
bad:
	free(out);
	return NULL;
}

bool
http_next_parameter(const char **rest, char **name, char **value)
{
	while (*rest != NULL && **rest != '\0') {
		const char *pair = *rest;
		size_t len = strcspn(pair, "&"), key = strcspn(pair, "=&");

		*rest = pair + len + (pair[len] == '&');
		*name = http_decode(pair, key, true);
		*value = key < len ? http_decode(pair + key + 1, len - key - 1, true) : xstrdup("");
		if (key > 0 && *name != NULL && *value != NULL)
			return true;
		free(*name);
		free(*value);
	}
	return false;
}

const char *
http_reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {{200, "OK"}, {204, "No Content"}, {302, "Found"}, {303, "See Other"},
	    {304, "Not Modified"}, {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"},
	    {404, "Not Found"}, {405, "Method Not Allowed"}, {408, "Request Timeout"},
	    {412, "Precondition Failed"}, {413, "Content Too Large"}, {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
	    {501, "Not Implemented"}, {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < NITEMS(rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Status";
}
