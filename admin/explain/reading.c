#include "admin/explain/reading.h"

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

struct json *
reading_explain(struct store_txn *config, struct store_txn *health, const struct explanation_request *request,
    struct problems *problems)
{
	struct names names = {.count = 0};
	struct json *out = NULL;
	bool grew = add_name(&names, request->name);

	for (int round = 0; grew && round < ROUNDS_MAX; round++) {
		struct compiler *compiler = compiler_read_names(
		    config, health, (const uint8_t *const *)names.list, names.count, problems);

		json_drop(out);
		out = compiler != NULL ? explanation_make(compiler, config, health, request) : NULL;
		grew = out != NULL && add_answered(&names, out);
		compiler_free(compiler);
	}
	for (size_t i = 0; i < names.count; i++)
		free(names.list[i]);
	return out;
}
