/* value.c: the reader of stored documents reads what json.c, which wrote them, reads. */
#include "zones/document/value.h"

#include "zones/document/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct value *
read_text(const char *text)
{
	return value_read((struct bytes){text, strlen(text)});
}

static bool same(const struct value *value, const struct json *json);

static bool
same_children(const struct value *value, const struct json *json)
{
	const struct value *each = value_first(value);
	const char *key = NULL;
	size_t i = 0;

	if (value_count(value) != json_count(json))
		return false;
	for (; each != NULL; each = value_next(each), i++)
		if (value_kind(value) == VALUE_OBJECT) {
			key = json_next_key(json, key);
			if (strcmp(key, value_key(each)) != 0 || value_member(value, key) != each ||
			    !same(each, json_member(json, key)))
				return false;
		} else if (!same(each, json_item(json, i))) {
			return false;
		}
	return i == json_count(json);
}

static bool
same(const struct value *value, const struct json *json)
{
	switch (json_kind(json)) {
	case JSON_KIND_NULL:
		return value != NULL && value_kind(value) == VALUE_NULL;
	case JSON_KIND_BOOL:
		return value_kind(value) == VALUE_BOOL && value_truth(value) == json_truth(json);
	case JSON_KIND_INTEGER:
		return value_kind(value) == VALUE_INTEGER && value_integer(value) == json_integer_of(json) &&
		    value_number(value) == json_number_of(json);
	case JSON_KIND_REAL:
		return value_kind(value) == VALUE_REAL && value_number(value) == json_number_of(json);
	case JSON_KIND_TEXT:
		return value_kind(value) == VALUE_TEXT && strcmp(value_text(value), json_text(json)) == 0;
	default:
		return value_kind(value) == (json_kind(json) == JSON_KIND_LIST ? VALUE_LIST : VALUE_OBJECT) &&
		    same_children(value, json);
	}
}

static const char *const valid[] = {"{}", "[]", " [ ] ", "{\"a\":1}", "[1,2,3]", "[[],[[]],{}]", "null",
    "true", "[true,false,null]", "0", "-0", "-12", "1.5", "-0.25e+3", "1E2", "2e-2", "9223372036854775807",
    "\"\"", "\"a\\\"b\\\\c\\/d\"", "\"\\b\\f\\n\\r\\t\"", "\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"",
    "\"\xc3\xa9\"", "{\"a,b\":\"[{,\",\"c\":{\"d\":[1,{\"e\":null}],\"f\":\"\"},\"g\":[\"x\"]}",
    "\t{\n\"pools\" : [ \"eu\" , \"us\" ] ,\r\n\"ttl\" : 30 }"};

static const char *const invalid[] = {"", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,]", "[1 2]",
    "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "[1]]", "1 2", "01", "-", "+1", "1.",
    ".5", "1e", "1e+", "0x1", "tru", "truee", "nul", "NaN", "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"",
    "\"\\u12g4\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "\"\x01\"",
    "'a'"};

static void
every_value_reads_as_json_reads_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(valid); i++) {
		struct json *json = json_read_quietly((struct bytes){valid[i], strlen(valid[i])});
		struct value *value = read_text(valid[i]);

		if (json == NULL || value == NULL || !same(value, json))
			fail_msg("%s is read in two ways", valid[i]);
		json_drop(json);
		value_free(value);
	}
}

static void
invalid_text_is_refused_by_both(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(invalid); i++) {
		if (json_read_quietly((struct bytes){invalid[i], strlen(invalid[i])}) != NULL)
			fail_msg("json.c accepts %s", invalid[i]);
		if (read_text(invalid[i]) != NULL)
			fail_msg("value.c accepts %s", invalid[i]);
	}
}

static void
every_cut_of_a_document_is_refused(void **state)
{
	const char *text = valid[NITEMS(valid) - 2];

	(void)state;
	for (size_t len = 0; len < strlen(text); len++)
		assert_null(value_read((struct bytes){text, len}));
}

static void
nesting_ends_at_64_levels(void **state)
{
	char text[131];

	(void)state;
	for (int depth = 1; depth <= 65; depth++) {
		struct value *value;

		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		value = value_read((struct bytes){text, (size_t)depth * 2});
		assert_true((value != NULL) == (depth <= 64));
		value_free(value);
	}
}

static void
members_are_found_in_any_order(void **state)
{
	struct value *value = read_text("{\"a\":1,\"b\":2,\"c\":3,\"d\":{\"a\":4}}");
	static const char *const order[] = {"c", "a", "d", "b", "b", "c", "d", "a"};

	(void)state;
	for (size_t i = 0; i < NITEMS(order); i++) {
		const struct value *member = value_member(value, order[i]);

		assert_string_equal(value_key(member), order[i]);
		assert_null(value_member(value, "e"));
		assert_null(value_member(member, "z"));
	}
	assert_int_equal(value_integer(value_member(value_member(value, "d"), "a")), 4);
	assert_string_equal(value_text_of(value, "a"), "");
	assert_null(value_member(NULL, "a"));
	value_free(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_value_reads_as_json_reads_it),
	    cmocka_unit_test(invalid_text_is_refused_by_both),
	    cmocka_unit_test(every_cut_of_a_document_is_refused),
	    cmocka_unit_test(nesting_ends_at_64_levels),
	    cmocka_unit_test(members_are_found_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
