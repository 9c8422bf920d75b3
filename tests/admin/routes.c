/* admin/api/route.h: every route is in docs/openapi.json, and nothing else is. */
#include "admin/api/route.h"
#include "zones/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct json *
read_document(void)
{
	FILE *file = fopen("docs/openapi.json", "re");
	char *text = NULL;
	size_t room = 0, len;
	struct problems problems = {0};
	struct json *document;

	assert_non_null(file);
	len = (size_t)getdelim(&text, &room, '\0', file);
	fclose(file);
	document = json_read(text, len, "docs/openapi.json", &problems);
	assert_non_null(document);
	free(text);
	return document;
}

/* "/zones/{zone_id}" as the table has it: a star for each name. */
static char *
pattern_of(const char *path)
{
	char *pattern = xstrdup(path), *to = pattern;

	for (const char *from = path; *from != '\0'; from++) {
		*to++ = *from == '{' ? '*' : *from;
		if (*from == '{')
			from = strchr(from, '}');
	}
	*to = '\0';
	return pattern;
}

static bool
documents(const struct json *paths, const char *method, const char *pattern)
{
	bool found = false;

	for (const char *path = json_next_key(paths, NULL); path != NULL; path = json_next_key(paths, path)) {
		char *same = pattern_of(path), *lower = xstrdup(method);

		for (char *at = lower; *at != '\0'; at++)
			*at = (char)(*at | 0x20);
		found |= strcmp(same, pattern) == 0 && json_member(json_member(paths, path), lower) != NULL;
		free(same);
		free(lower);
	}
	return found;
}

static void
each_route_is_documented(void **unused)
{
	struct json *document = read_document();
	const struct json *paths = json_member(document, "paths");
	const char *method, *pattern;

	(void)unused;
	for (size_t i = 0; route_at(i, &method, &pattern); i++)
		if (!documents(paths, method, pattern))
			fail_msg(
			    "docs/openapi.json has no %s %s: add it to tests/tools/openapi", method, pattern);
	json_drop(document);
}

static void
each_operation_is_a_route(void **unused)
{
	struct json *document = read_document();
	const struct json *paths = json_member(document, "paths");
	size_t operations = 0, routes = 0;
	const char *method, *pattern;

	(void)unused;
	for (const char *path = json_next_key(paths, NULL); path != NULL; path = json_next_key(paths, path))
		for (const char *key = json_next_key(json_member(paths, path), NULL); key != NULL;
		     key = json_next_key(json_member(paths, path), key))
			operations++;
	while (route_at(routes, &method, &pattern))
		routes++;
	assert_int_equal(operations, routes);
	json_drop(document);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_route_is_documented),
	    cmocka_unit_test(each_operation_is_a_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
