/*
 * Bodies from strangers as graycloud-api takes them. The first octet says for what: a PUT or a PATCH of each
 * kind of object, a record, a form with a master file. Never a crash; what is shown of an object that was
 * accepted, sent again, is accepted as the same.
 */
#include "admin/api/record_data.h"
#include "admin/api/record_import.h"
#include "admin/api/record_shape.h"
#include "admin/api/shape.h"
#include "admin/edit/document.h"
#include "zones/zonefile/zonefile.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ONE "0123456789abcdef0123456789abcdef"
#define TWO "fedcba9876543210fedcba9876543210"

/* The kinds of the API, and what is stored of each before. */
enum { KINDS = KIND_LB + 1 };
static const char *const before[KINDS] = {[KIND_MONITOR] = "{\"type\":\"tcp\",\"name\":\"web\",\"port\":80}",
    [KIND_MONITOR_GROUP] = "{\"name\":\"both\",\"description\":\"\",\"members\":[{\"monitor_id\":\"" ONE "\","
			   "\"enabled\":true,\"monitoring_only\":false,\"must_be_healthy\":false}]}",
    [KIND_POOL] = "{\"name\":\"eu\",\"origins\":[{\"address\":\"192.0.2.1\",\"forced\":\"down\"},"
		  "{\"address\":\"192.0.2.2\",\"weight\":0.5}]}",
    [KIND_LB] = "{\"name\":\"www.example.com\",\"default_pools\":[\"" ONE "\"],\"fallback_pool\":\"" TWO "\","
		"\"max_answers\":2}"};

static const struct document_alias aliases[] = {{KIND_POOL, ONE, {ONE}}, {KIND_POOL, TWO, {TWO}},
    {KIND_MONITOR, ONE, {ONE}}, {KIND_MONITOR_GROUP, ONE, {ONE}}};
static const struct document_scope scope = {.aliases = aliases, .naliases = NITEMS(aliases), .secrets = true};

/* A checked document as the store keeps it. */
static void
complete(struct json *document)
{
	json_put_text(document, "id", ONE);
	if (json_text(json_member(document, "name")) == NULL)
		json_put_text(document, "name", "derived");
}

static struct json *
stored_before(enum kind kind)
{
	struct problems problems = {0};
	struct json *input = json_read(before[kind], strlen(before[kind]), "before", &problems);
	struct json *stored = document_check(kind, input, &scope, &problems);

	assert(stored != NULL);
	complete(stored);
	json_drop(input);
	problems_free(&problems);
	return stored;
}

static void
sent_again_is_the_same(enum kind kind, const struct json *stored)
{
	struct problems problems = {0};
	struct json *shown = shape_show(kind, stored, NULL, true), *document, *again, *seen;

	json_remove(shown, "id");
	document = shape_put(kind, stored, shown);
	again = document_check(kind, document, &scope, &problems);
	assert(again != NULL);
	complete(again);
	seen = shape_show(kind, again, NULL, true);
	json_remove(seen, "id");
	assert(json_same(seen, shown));
	json_drop(seen);
	json_drop(again);
	json_drop(document);
	json_drop(shown);
	problems_free(&problems);
}

static void
take_object(enum kind kind, bool patch, const struct json *input)
{
	struct problems problems = {0};
	struct json *stored = stored_before(kind),
		    *document = patch ? shape_patch(stored, input) : shape_put(kind, stored, input), *kept;

	json_remove(document, "id");
	kept = document_check(kind, document, &scope, &problems);
	assert((kept == NULL) == (problems.errors > 0));
	if (kept != NULL) {
		complete(kept);
		sent_again_is_the_same(kind, kept);
	}
	json_drop(kept);
	json_drop(document);
	json_drop(stored);
	problems_free(&problems);
}

static void
take_record(const struct json *input)
{
	static const uint8_t apex[] = "\7example\3com";
	struct call *call = xcalloc(1, sizeof *call);
	struct record_input record = {0};

	if (!record_shape_take(call, input, apex, &record))
		assert(call->reply.errors != NULL);
	free(record.rdata);
	json_drop(record.note);
	call_free(call);
}

/* Its first line is the boundary, as the type of the form has it. */
static void
take_form(const char *text, size_t len)
{
	struct call *call = xcalloc(1, sizeof *call);
	struct zone_info zone = {.number = 1, .name = "\7example\3com"};
	struct zone_data data = {0};
	const char *line = memchr(text, '\n', len);

	if (line != NULL && line - text <= 72) {
		call->content_type =
		    xasprintf("multipart/form-data; boundary=%.*s", (int)(line - text), text);
		call->raw_len = len - (size_t)(line + 1 - text);
		call->raw = xmemdup(line + 1, call->raw_len);
		if (!record_import_read(call, &zone, &data))
			assert(call->reply.errors != NULL);
	}
	zone_data_free(&data);
	call_free(call);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum { OBJECTS = 2 * KINDS, RECORD = OBJECTS, FORM, ALL };
	char *text;
	struct json *input;
	struct problems problems = {0};
	unsigned what;

	if (len == 0)
		return 0;
	what = data[0] % ALL;
	text = xasprintf("%.*s", (int)len - 1, (const char *)data + 1);
	if (what == FORM) {
		take_form((const char *)data + 1, len - 1);
	} else if ((input = json_read((const char *)data + 1, len - 1, "fuzz", &problems)) != NULL) {
		if (what == RECORD)
			take_record(input);
		else if (json_kind(input) == JSON_KIND_OBJECT)
			take_object((enum kind)(what % KINDS), what >= KINDS, input);
		json_drop(input);
	}
	problems_free(&problems);
	free(text);
	return 0;
}
