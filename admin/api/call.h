/*
 * call.h -- one request of the API: what was asked, by whom, and the reply in the envelope of Cloudflare's v4
 * API ({"result", "success", "errors", "messages", "result_info"}).
 *
 * The loop makes a call and sends its reply; a call that writes is in between with the writer's thread. Only
 * one thread has a call at a time.
 */
#ifndef API_CALL_H
#define API_CALL_H

#include "admin/edit/token.h"
#include "zones/document/json.h"

#include <stdio.h>

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE, METHOD_OTHER };

/* Codes of errors: those of Cloudflare's API, and from 91001 on those that only graycloud has. */
enum {
	CODE_NOT_FOUND = 1001,
	CODE_INVALID = 1002,
	CODE_TAKEN = 1003,
	CODE_IN_USE = 1005,
	CODE_HEADERS = 6003,
	CODE_NOT_JSON = 6007,
	CODE_HEADER_FORMAT = 6111,
	CODE_KEY_FORMAT = 6103,
	CODE_METHOD = 7001,
	CODE_NO_ROUTE = 7003,
	CODE_UNKNOWN_KEY = 9103,
	CODE_NO_CREDENTIALS = 9106,
	CODE_UNKNOWN_TOKEN = 9109,
	CODE_NO_RIGHT = 10000,
	CODE_GUARD = 91001,      /* a guard of S32: ?force=true overrides it */
	CODE_GENERATION = 91002, /* If-Match */
	CODE_NOT_OFFERED = 91003,
	CODE_BUSY = 91004,
	CODE_STORE = 91005,
	CODE_HTTP = 91006,   /* what came is no request */
	CODE_WARNING = 91100 /* in messages */
};

enum { CAPTURES_MAX = 3 };

/* A token as it was when the request came. */
struct caller {
	char *name;
	unsigned rights;
	char **zones;
	size_t nzones; /* 0: all */
};

struct reply {
	int status;          /* 0: none yet */
	struct json *result; /* NULL: null */
	struct json *errors; /* NULL: success */
	struct json *messages;
	struct json *info;    /* result_info, or NULL */
	struct json *preview; /* of a dry run (preview.h), if the caller asked for it; or NULL */
	FILE *file;           /* the reply is this file, from its beginning; NULL: the envelope */
	const char *file_type;
	char *file_name; /* as the client may call it; or NULL */
	uint64_t generation;
	unsigned retry_after; /* seconds; 0: no header */
	char *text;           /* the whole reply, if a thread has written it already; or NULL */
};

struct parameter {
	char *name, *value;
};

struct call {
	enum method method;
	char *path;                   /* as it was asked, without the query */
	char *captures[CAPTURES_MAX]; /* what stood for the * of the route */
	struct parameter *parameters;
	size_t nparameters;
	struct json *body; /* NULL: none */
	char *raw;         /* a body of multipart/form-data, as it came; NULL: none */
	size_t raw_len;
	char *content_type; /* of raw */
	struct caller caller;
	bool dry_run, preview, force, if_generation_given;
	uint64_t if_generation;
	char *reason;
	bool changed; /* something was committed: the reply waits until the nameserver serves it */
	struct reply reply;
};

void call_free(struct call *call);

/* Fill the parameters, dry_run, preview and force from a query as it was sent; NULL: there is none. */
void call_read_query(struct call *call, const char *query);
/*
 * Fill the body from what was sent. An empty body is none, and those of GET and DELETE are ignored; the
 * reply is an error if it is no JSON. type: Content-Type, or NULL; a form (multipart/form-data) stays raw.
 */
void call_read_body(struct call *call, const char *type, const char *text, size_t len);

/* The value of a query parameter; NULL if it was not given. */
const char *call_parameter(const struct call *call, const char *name);
/* The same as a whole number from low to high; standard if it was not given or is none; clamped. */
unsigned call_number(
    const struct call *call, const char *name, unsigned low, unsigned high, unsigned standard);
bool call_flag(const struct call *call, const char *name);

/* May the caller see this zone? name in lower case, no final dot. */
bool call_has_zone(const struct call *call, const char *name);

/* The reply is an error; several calls make several errors, the first decides the status. */
void call_error(struct call *call, int status, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Name the part of the body that the last error is about, as "/posts/3". */
void call_error_at(struct call *call, const char *pointer);
/* A warning beside a success. */
void call_message(struct call *call, const char *text);
/* The findings of a dry run (preview.h); the call owns them. */
void call_preview(struct call *call, struct json *preview);
/* The reply is this file of a content type, which is a literal; the call owns file and name, which may be
 * NULL. */
void call_file(struct call *call, FILE *file, const char *type, char *name);
/* The reply is this; the call owns it. */
void call_result(struct call *call, struct json *result);
/* A list of which the reply has one page, in full with per_page 0; total is the number of all. */
void call_list(struct call *call, struct json *list, unsigned page, unsigned per_page, size_t total);

/* The whole reply as text; malloc. Takes result and messages out of it; status and errors stay. */
char *call_text(struct call *call);

#endif
