#include "admin/api/web.h"

#include "admin/api/connections.h"
#include "zones/base/siphash.h"
#include "zones/base/util.h"

#include <stdio.h>
#include <string.h>

struct file {
	const char *name;
	const unsigned char *data;
	size_t len;
};

/* static const struct file files[], made from the folder. */
#include <web_files.inc>

/* Nothing from elsewhere, nothing inline, and no page around this one. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const char *
type_of(const char *name)
{
	static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
	    {".css", "text/css; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
	    {".svg", "image/svg+xml"}};
	const char *suffix = strrchr(name, '.');

	for (size_t i = 0; i < NITEMS(types) && suffix != NULL; i++)
		if (strcmp(suffix, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

/* / is index.html, /web/NAME the others. */
static const struct file *
find(const char *path)
{
	static const char folder[] = "/web/";
	const char *name = strcmp(path, "/") == 0           ? "index.html"
	    : strncmp(path, folder, sizeof folder - 1) == 0 ? path + sizeof folder - 1
							    : "";

	for (size_t i = 0; i < NITEMS(files); i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

static void
add_headers(struct exchange *exchange, const struct file *file, const char *tag)
{
	exchange_header(exchange, "Content-Type", "%s", type_of(file->name));
	exchange_header(exchange, "Content-Security-Policy", "%s", policy);
	exchange_header(exchange, "X-Content-Type-Options", "nosniff");
	exchange_header(exchange, "Referrer-Policy", "no-referrer");
	exchange_header(exchange, "Cross-Origin-Opener-Policy", "same-origin");
	exchange_header(exchange, "Cross-Origin-Resource-Policy", "same-origin");
	/* A browser asks each time whether its copy is still good: an upgrade shows at once. */
	exchange_header(exchange, "Cache-Control", "no-cache");
	exchange_header(exchange, "ETag", "%s", tag);
}

bool
web_answer(struct exchange *exchange)
{
	const struct http_head *head = exchange_head(exchange);
	const struct file *file = find(head->path);
	const char *have = http_header(head, "If-None-Match");
	char tag[32];

	if (file == NULL || (strcmp(head->method, "GET") != 0 && strcmp(head->method, "HEAD") != 0))
		return false;
	snprintf(tag, sizeof tag, "\"%016llx\"",
	    (unsigned long long)siphash((uint64_t[2]){0, 0}, file->data, file->len));
	add_headers(exchange, file, tag);
	if (have != NULL && strcmp(have, tag) == 0)
		exchange_reply(exchange, 304, NULL, 0);
	else
		exchange_reply(exchange, 200, (const char *)file->data, file->len);
	return true;
}
