#include "sync/engine/answer.h"

#include "sync/engine/base64.h"
#include "zones/base/array.h"
#include "zones/document/value.h"

#include <stdio.h>
#include <stdlib.h>

struct reading {
	struct etcd_answer *answer;
	uint8_t *at; /* where the next decoded octets go */
};

/* A number, which is a text or a number, and may be missing. */
static bool
read_number(const struct value *value, int64_t *number)
{
	uint64_t whole;

	*number = 0;
	if (value_kind(value) == VALUE_NULL)
		return true;
	if (value_kind(value) == VALUE_INTEGER) {
		*number = value_integer(value);
		return *number >= 0;
	}
	if (value_kind(value) != VALUE_TEXT || !whole_from_text(value_text(value), INT64_MAX, &whole))
		return false;
	*number = (int64_t)whole;
	return true;
}

/* A number of which only equality counts: invalid ones are 0. */
static uint64_t
read_identity(const struct value *value)
{
	uint64_t whole = 0;

	if (value_kind(value) == VALUE_INTEGER)
		return (uint64_t)value_integer(value);
	if (value_kind(value) == VALUE_TEXT && !whole_from_text(value_text(value), UINT64_MAX, &whole))
		return 0;
	return whole;
}

/* Octets in base64; a missing member is empty. A NUL follows them. */
static bool
read_octets(struct reading *reading, const struct value *value, struct bytes *octets)
{
	*octets = (struct bytes){reading->at, 0};
	if (value_kind(value) != VALUE_NULL &&
	    (value_kind(value) != VALUE_TEXT || !base64_read(value_text(value), reading->at, &octets->len)))
		return false;
	reading->at += octets->len;
	*reading->at++ = '\0';
	return true;
}

static bool
read_row(struct reading *reading, const struct value *kv, bool deleted)
{
	struct etcd_answer *answer = reading->answer;
	struct etcd_row row = {.deleted = deleted};
	struct bytes key;

	if (!read_octets(reading, value_member(kv, "key"), &key) ||
	    !read_octets(reading, value_member(kv, "value"), &row.value) ||
	    !read_number(value_member(kv, "mod_revision"), &row.modified) || key.len == 0 ||
	    memchr(key.data, '\0', key.len) != NULL)
		return false;
	row.key = key.data;
	answer->rows = array_grow(answer->rows, answer->count, sizeof *answer->rows);
	answer->rows[answer->count++] = row;
	return true;
}

static bool
read_rows(struct reading *reading, const struct value *range)
{
	const struct value *kvs = value_member(range, "kvs");

	for (const struct value *kv = value_first(kvs); kv != NULL; kv = value_next(kv))
		if (!read_row(reading, kv, false))
			return false;
	reading->answer->more |= value_truth(value_member(range, "more"));
	return true;
}

static bool
read_events(struct reading *reading, const struct value *events)
{
	for (const struct value *event = value_first(events); event != NULL; event = value_next(event)) {
		const struct value *type = value_member(event, "type");
		bool deleted = value_kind(type) == VALUE_TEXT ? strcmp(value_text(type), "DELETE") == 0
							      : value_integer(type) == 1;

		if (!read_row(reading, value_member(event, "kv"), deleted))
			return false;
	}
	return true;
}

static bool
read_head(struct etcd_answer *answer, const struct value *body)
{
	const struct value *header = value_member(body, "header");

	answer->cluster = read_identity(value_member(header, "cluster_id"));
	return value_kind(body) == VALUE_OBJECT &&
	    read_number(value_member(header, "revision"), &answer->revision);
}

static bool
read_call(struct reading *reading, const struct value *body)
{
	struct etcd_answer *answer = reading->answer;
	const struct value *responses = value_member(body, "responses");
	const struct value *token = value_member(body, "token");

	if (!read_head(answer, body) || !read_rows(reading, body))
		return false;
	for (const struct value *each = value_first(responses); each != NULL; each = value_next(each))
		if (!read_rows(reading, value_member(each, "response_range")))
			return false;
	answer->succeeded = value_truth(value_member(body, "succeeded"));
	answer->size = read_identity(value_member(body, "dbSize"));
	snprintf(answer->version, sizeof answer->version, "%s", value_text_of(body, "version"));
	if (value_kind(token) == VALUE_TEXT)
		answer->token = xstrdup(value_text(token));
	return true;
}

static bool
read_watch(struct reading *reading, const struct value *result)
{
	struct etcd_answer *answer = reading->answer;
	const char *reason = value_text_of(result, "cancel_reason");

	if (!read_head(answer, result) || !read_events(reading, value_member(result, "events")) ||
	    !read_number(value_member(result, "compact_revision"), &answer->compacted))
		return false;
	answer->created = value_truth(value_member(result, "created"));
	answer->cancelled = value_truth(value_member(result, "canceled"));
	if (answer->cancelled)
		snprintf(answer->error, sizeof answer->error, "%s",
		    answer->compacted > 0 ? "its history was compacted"
			: *reason != '\0' ? reason
					  : "it cancelled the watch");
	return true;
}

/* The sentence of an error: 3.4 has "error" beside "message", 3.5 only the latter; a watch has an object. */
static void
read_error(struct etcd_answer *answer, const struct value *body, long status)
{
	const struct value *error = value_member(body, "error");
	const char *text = value_text_of(body, "message");

	if (*text == '\0')
		text = value_kind(error) == VALUE_TEXT ? value_text(error) : value_text_of(error, "message");
	answer->outcome = ETCD_REFUSED;
	if (*text != '\0')
		snprintf(answer->error, sizeof answer->error, "%s", text);
	else
		snprintf(answer->error, sizeof answer->error, "it answered with HTTP status %ld", status);
	for (char *at = answer->error; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = ' ';
	answer->unknown_token = strstr(answer->error, "invalid auth token") != NULL ||
	    strstr(answer->error, "revision of auth store is old") != NULL ||
	    strstr(answer->error, "user name is empty") != NULL;
}

/*
 * A refusal is certain only if etcd itself decided before it proposed the change. Time-outs and a lost leader
 * are answers, too, but the change may follow.
 */
static bool
is_certain(const char *error)
{
	static const char *const doubtful[] = {"timed out", "timeout", "leader changed", "no leader",
	    "server stopped", "unavailable", "connection", "deadline", "canceled", "cancelled", "Unavailable",
	    "shutdown"};

	for (size_t i = 0; i < NITEMS(doubtful); i++)
		if (strstr(error, doubtful[i]) != NULL)
			return false;
	return true;
}

static struct value *
begin(struct etcd_answer *answer, struct bytes text, struct reading *reading)
{
	struct value *value = value_read(text);

	*answer = (struct etcd_answer){0};
	/* Decoded octets are fewer than the text; a NUL follows each, in place of the quotes of the text. */
	answer->octets = xmalloc(text.len + 8);
	*reading = (struct reading){answer, answer->octets};
	return value;
}

void
etcd_answer_read(struct etcd_answer *answer, long status, struct bytes body)
{
	struct reading reading;
	struct value *value = begin(answer, body, &reading);

	if (status != 200) {
		read_error(answer, value, status);
		if (status / 100 != 4 || !is_certain(answer->error))
			answer->outcome = ETCD_LOST;
	} else if (!read_call(&reading, value)) {
		answer->count = 0;
		etcd_answer_lost(answer, "its answer is invalid");
	}
	value_free(value);
}

void
etcd_answer_read_line(struct etcd_answer *answer, struct bytes line)
{
	struct reading reading;
	struct value *value = begin(answer, line, &reading);
	const struct value *result = value_member(value, "result");

	if (result == NULL && value_member(value, "error") != NULL) {
		read_error(answer, value, 200);
	} else if (result == NULL || !read_watch(&reading, result)) {
		answer->count = 0;
		etcd_answer_lost(answer, "its answer is invalid");
	}
	value_free(value);
}

void
etcd_answer_lost(struct etcd_answer *answer, const char *why)
{
	answer->outcome = ETCD_LOST;
	snprintf(answer->error, sizeof answer->error, "%s", *why != '\0' ? why : "it does not answer");
}

void
etcd_answer_free(struct etcd_answer *answer)
{
	free(answer->rows);
	free(answer->token);
	free(answer->octets);
	*answer = (struct etcd_answer){0};
}
