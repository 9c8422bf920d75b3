#include "admin/explain/reading.h"

#include "admin/explain/kept.h"
#include "zones/compile/signature_source.h"

#include <stdlib.h>

/* A chain of CNAMEs ends after 16 links; names of its data come one step later. */
enum { ROUNDS_MAX = 20, NAMES_MAX = 512 };

struct names {
	uint8_t *list[NAMES_MAX];
	size_t count;
};

static bool
add_name(struct names *names, const uint8_t *name)
{
	uint8_t lower[NAME_MAX_LEN + 1];

	name_lower(lower, name);
	for (size_t i = 0; i < names->count; i++)
		if (name_len(names->list[i]) == name_len(lower) &&
		    memcmp(names->list[i], lower, name_len(lower)) == 0)
			return false;
	if (names->count == NAMES_MAX)
		return false;
	names->list[names->count++] = xmemdup(lower, name_len(lower));
	return true;
}

/* A word that ends with a dot is treated as a domain name; if it is none, it costs only a look-up. */
static bool
add_words(struct names *names, const char *text)
{
	char *copy = xstrdup(text), *rest;
	bool grew = false;

	for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		uint8_t name[NAME_MAX_LEN];
		size_t len = strlen(word);

		if (len > 1 && word[len - 1] == '.' && name_from_text(name, word, NULL) > 0)
			grew |= add_name(names, name);
	}
	free(copy);
	return grew;
}

/* The names of the answer, and those that its data name. Returns whether there are new ones. */
static bool
add_answered(struct names *names, const struct json *explanation)
{
	const struct json *records = json_member(explanation, "records");
	bool grew = false;

	for (size_t i = 0; i < json_count(records); i++) {
		grew |= add_words(names, json_text_of(json_item(records, i), "name"));
		grew |= add_words(names, json_text_of(json_item(records, i), "data"));
	}
	return grew;
}

/* ---- signatures ---- */

/* At a moment of the past, zones that were enabled then answer as signed zones (S101); signatures are not
 * known. */
struct past_signing {
	struct store_txn *config;
	struct zone_signing signing;
};

static size_t
find_nothing(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	(void)arg, (void)key, (void)set, (void)out;
	return 0;
}

static const struct zone_signing *
was_enabled(void *arg, const struct zone_info *zone)
{
	struct past_signing *past = arg;

	past->signing = (struct zone_signing){.arg = past, .find = find_nothing, .version = 1};
	return config_signs(past->config, zone->name) ? &past->signing : NULL;
}

/* Which compilers need all names: the NSECs of a signed zone are those of its neighbours, too. */
static bool
needs_neighbours(const struct json *explanation)
{
	const struct json *list = json_member(explanation, "signatures");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *row = json_item(list, i);

		if (strcmp(json_text_of(row, "type"), "NSEC") == 0 ||
		    strcmp(json_text_of(row, "state"), "missing") == 0)
			return true;
	}
	return false;
}

struct reading {
	struct store_txn *config, *health;
	const struct explanation_request *request;
	const struct compiler_signed *signed_by;
	const struct kept *kept; /* NULL: no signatures are lost */
	struct problems *problems;
};

static struct json *
explain_names(const struct reading *reading, const struct names *names)
{
	struct compiler *compiler = compiler_read_names(reading->config, reading->health, reading->signed_by,
	    names != NULL ? (const uint8_t *const *)names->list : NULL, names != NULL ? names->count : 0,
	    reading->problems);
	struct json *out = NULL;

	if (compiler != NULL && reading->kept != NULL)
		kept_sign_steered(reading->kept, compiler);
	if (compiler != NULL)
		out = explanation_make(compiler, reading->config, reading->health, reading->request);
	compiler_free(compiler);
	return out;
}

static struct json *
explain_all(const struct reading *reading)
{
	struct names names = {.count = 0};
	bool grew = add_name(&names, reading->request->name);
	struct json *out = NULL;

	for (int round = 0; grew && round < ROUNDS_MAX; round++) {
		json_drop(out);
		out = explain_names(reading, &names);
		grew = out != NULL && add_answered(&names, out);
	}
	if (out != NULL && needs_neighbours(out)) {
		json_drop(out);
		out = explain_names(reading, NULL);
	}
	for (size_t i = 0; i < names.count; i++)
		free(names.list[i]);
	return out;
}

static struct json *
explain_past(struct reading *reading)
{
	struct past_signing past = {.config = reading->config};
	const struct compiler_signing enabled = {.arg = &past, .zone = was_enabled};
	const struct compiler_signed signed_by = {.signing = &enabled};

	reading->signed_by = &signed_by;
	return explain_all(reading);
}

static struct json *
explain_now(struct reading *reading)
{
	const struct explanation_request *request = reading->request;
	struct signature_source *source = signature_source_new(request->signatures, reading->config);
	struct kept *kept =
	    request->kept != NULL ? kept_new(signature_source_signing(source), request->kept) : NULL;
	const struct compiler_signed signed_by = {
	    .signing = kept != NULL ? kept_signing(kept) : signature_source_signing(source),
	    .signatures = request->signatures,
	    .sets = request->sets,
	    .served = kept != NULL ? request->kept->noted : NULL};
	struct json *out;

	reading->signed_by = &signed_by;
	reading->kept = kept;
	out = explain_all(reading);
	kept_free(kept);
	signature_source_free(source);
	return out;
}

struct json *
reading_explain(struct store_txn *config, struct store_txn *health, const struct explanation_request *request,
    struct problems *problems)
{
	struct reading reading = {config, health, request, NULL, NULL, problems};

	return request->at != 0 ? explain_past(&reading) : explain_now(&reading);
}
