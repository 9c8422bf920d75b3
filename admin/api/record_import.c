#include "admin/api/record_import.h"

#include "admin/api/record_shape.h"
#include "zones/base/text.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>
#include <strings.h>

/* ---- the form ---- */

/* Where a text begins, or NULL. */
static const char *
find(const char *from, const char *end, const char *text)
{
	return from < end ? memmem(from, (size_t)(end - from), text, strlen(text)) : NULL;
}

/* Do the headers of a part name this field? */
static bool
is_named(const char *from, const char *end, const char *name)
{
	static const char parameter[] = "name=";
	char *head = xasprintf("%.*s", (int)(end - from), from);
	bool is = false;

	for (const char *at = head; !is && (at = strcasestr(at, parameter)) != NULL;) {
		/* Not filename= */
		bool whole = at > head && strchr("; \t", at[-1]) != NULL;
		bool quoted = (at += sizeof parameter - 1)[0] == '"';
		size_t len = strcspn(at + quoted, quoted ? "\"" : "\r\n; \t");

		is = whole && len == strlen(name) && strncasecmp(at + quoted, name, len) == 0;
	}
	free(head);
	return is;
}

/* The boundary, which may be in quotes and is not empty (RFC 2046 5.1.1). NULL if there is none. */
static char *
boundary_of(const char *type)
{
	const char *boundary = type != NULL ? strcasestr(type, "boundary=") : NULL;
	size_t len;

	if (boundary == NULL)
		return NULL;
	boundary += strlen("boundary=");
	boundary += *boundary == '"';
	len = strcspn(boundary, "\"; \t");
	return len > 0 ? xasprintf("%.*s", (int)len, boundary) : NULL;
}

char *
record_import_field(const char *form, size_t len, const char *boundary, const char *name)
{
	char *dashes = xasprintf("--%s", boundary), *next = xasprintf("\r\n--%s", boundary), *text = NULL;
	const char *end = form + len, *at = find(form, end, dashes);

	while (at != NULL && text == NULL) {
		const char *head = at + strlen(dashes), *body = find(head, end, "\r\n\r\n"), *stop;

		if (body == NULL || (stop = find(body + 2, end, next)) == NULL)
			break;
		body += 4;
		if (is_named(head, body, name) && stop >= body &&
		    memchr(body, '\0', (size_t)(stop - body)) == NULL)
			text = xasprintf("%.*s", (int)(stop - body), body);
		at = stop + 2;
	}
	free(next);
	free(dashes);
	return text;
}

/* ---- the file ---- */

enum { LINES_BEFORE = 2 };

/* "the file:5: ..." with the lines that were put before it taken off. */
static char *
sentence(const char *text)
{
	static const char prefix[] = "the file:";
	const char *at = text + sizeof prefix - 1;
	uint64_t line;

	if (strncmp(text, prefix, sizeof prefix - 1) != 0 || !whole_at(&at, UINT32_MAX, &line) ||
	    line <= LINES_BEFORE)
		return xstrdup(text);
	return xasprintf("line %llu%s", (unsigned long long)(line - LINES_BEFORE), at);
}

/* A file of records alone gets the SOA that a whole zone must have. */
static bool
read_whole(const char *text, const struct zone_info *zone, bool soa, struct zone_data *data,
    struct problems *problems)
{
	char name[NAME_MAX_TEXT], *whole;
	bool good;

	name_to_text(zone->name, name);
	whole = xasprintf("$ORIGIN %s\n$TTL %d\n%s\n%s%s", name, RECORD_TTL_AUTOMATIC, text, soa ? name : "",
	    soa ? " 300 IN SOA . . 1 2 3 4 5\n" : "");
	good = zonefile_read("the file", whole, zone->name, false, data, problems);
	free(whole);
	return good;
}

static bool
has_no_soa(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		if (strstr(problems->items[i].text, "has no SOA") != NULL)
			return true;
	return false;
}

bool
record_import_read(struct call *call, const struct zone_info *zone, struct zone_data *data)
{
	char *boundary = boundary_of(call->content_type),
	     *text =
		 boundary != NULL ? record_import_field(call->raw, call->raw_len, boundary, "file") : NULL;
	struct problems problems = {0};
	bool good = false;

	if (text == NULL)
		call_error(call, 400, CODE_NOT_JSON,
		    "the body must be multipart/form-data with a field \"file\" that is a master file");
	else if (strlen(text) > RECORD_IMPORT_MAX)
		call_error(
		    call, 413, CODE_RECORD_CONTENT, "the file has more than %d octets", RECORD_IMPORT_MAX);
	else if (strcasestr(text, "$INCLUDE") != NULL || strcasestr(text, "$GENERATE") != NULL)
		call_error(call, 400, CODE_RECORD_CONTENT,
		    "the file must have its records itself: $INCLUDE and $GENERATE are not taken from "
		    "clients");
	else {
		good = read_whole(text, zone, false, data, &problems);
		if (!good && has_no_soa(&problems)) {
			problems_free(&problems);
			problems = (struct problems){0};
			good = read_whole(text, zone, true, data, &problems);
		}
	}
	for (size_t i = 0; i < problems.count; i++) {
		char *clean = sentence(problems.items[i].text);

		if (good)
			call_message(call, clean);
		else if (problems.items[i].severity == PROBLEM_ERROR)
			call_error(call, 400, CODE_RECORD_CONTENT, "%s", clean);
		free(clean);
	}
	problems_free(&problems);
	free(text);
	free(boundary);
	return good;
}
