#include "sync/nodes/beat.h"

#include "zones/document/json.h"
#include "zones/document/value.h"

#include <stdio.h>

char *
beat_write(const struct beat *beat)
{
	struct json *document = json_new_object();
	char hex[2 * DIGEST_LEN + 1], *text;

	hex_from_octets(hex, beat->digest, DIGEST_LEN);
	json_put_integer(document, "instance", (long long)beat->instance);
	json_put_integer(document, "count", (long long)beat->count);
	json_put_bool(document, "monitor", beat->monitor_alive);
	json_put_bool(document, "notifies", beat->notifies);
	json_put_bool(document, "isolated", beat->isolated);
	json_put_integer(document, "isolated_s", (long long)beat->isolated_s);
	json_put_integer(document, "generation", (long long)beat->generation);
	json_put_text(document, "digest", hex);
	json_put_integer(document, "schema", beat->schema);
	json_put_integer(document, "endpoints", beat->endpoints);
	json_put_integer(document, "wall", beat->wall);
	json_put_text(document, "version", beat->version);
	if (beat->trouble[0] != '\0')
		json_put_text(document, "trouble", beat->trouble);
	text = json_write(document, false);
	json_drop(document);
	return text;
}

/* A whole number of at most `most`; false if there is none. */
static bool
read_whole(const struct value *document, const char *name, uint64_t most, uint64_t *number)
{
	const struct value *value = value_member(document, name);
	long long whole = value_integer(value);

	if (value_kind(value) != VALUE_INTEGER || whole < 0 || (uint64_t)whole > most)
		return false;
	*number = (uint64_t)whole;
	return true;
}

static bool
read_document(struct beat *beat, const struct value *document)
{
	uint64_t schema, endpoints, wall;
	const char *digest = value_text_of(document, "digest");

	if (!read_whole(document, "instance", INT64_MAX, &beat->instance) ||
	    !read_whole(document, "count", INT64_MAX, &beat->count) ||
	    !read_whole(document, "isolated_s", INT64_MAX, &beat->isolated_s) ||
	    !read_whole(document, "generation", INT64_MAX, &beat->generation) ||
	    !read_whole(document, "schema", UINT32_MAX, &schema) ||
	    !read_whole(document, "endpoints", UINT32_MAX, &endpoints) ||
	    !read_whole(document, "wall", INT64_MAX, &wall) || strlen(digest) != 2 * DIGEST_LEN ||
	    !octets_from_hex(beat->digest, digest, DIGEST_LEN))
		return false;
	beat->schema = (uint32_t)schema;
	beat->endpoints = (uint32_t)endpoints;
	beat->wall = (int64_t)wall;
	beat->monitor_alive = value_truth(value_member(document, "monitor"));
	beat->notifies = value_truth(value_member(document, "notifies")); /* older nodes do not say */
	beat->isolated = value_truth(value_member(document, "isolated"));
	snprintf(beat->version, sizeof beat->version, "%s", value_text_of(document, "version"));
	snprintf(beat->trouble, sizeof beat->trouble, "%s", value_text_of(document, "trouble"));
	return true;
}

bool
beat_read(struct beat *beat, struct bytes text)
{
	struct value *document = value_read(text);
	bool good;

	*beat = (struct beat){0};
	good = read_document(beat, document);
	value_free(document);
	return good;
}
