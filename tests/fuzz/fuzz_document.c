/*
 * Documents from strangers: never a crash, an accepted one loads, and its output is accepted again as the
 * same.  The first octet chooses the kind.
 */
#include "admin/edit/document.h"
#include "zones/document/document_load.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char ID[] = "0123456789abcdef0123456789abcdef";

static bool
loads(enum kind kind, const struct json *kept)
{
	struct json *stored = json_clone(kept);
	struct bytes text;
	bool good = true;

	json_put_text(stored, "id", ID);
	if (json_text(json_member(stored, "name")) == NULL)
		json_put_text(stored, "name", "derived");
	text.data = json_write(stored, false);
	text.len = strlen(text.data);
	if (kind == KIND_POOL) {
		struct pool *pool = document_load_pool(text);

		good = pool != NULL;
		model_free_pool(pool);
	} else if (kind == KIND_MONITOR) {
		struct monitor *monitor = document_load_monitor(text);

		good = monitor != NULL;
		model_free_monitor(monitor);
	} else if (kind == KIND_LB) {
		struct lb *lb = document_load_lb(text);

		good = lb != NULL;
		model_free_lb(lb);
	}
	free((void *)(uintptr_t)text.data);
	json_drop(stored);
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char OTHER[] = "fedcba9876543210fedcba9876543210";
	static const struct document_alias aliases[] = {
	    {KIND_POOL, "eu", {"0123456789abcdef0123456789abcdef"}},
	    {KIND_POOL, "us", {"fedcba9876543210fedcba9876543210"}},
	    {KIND_MONITOR, "web", {"0123456789abcdef0123456789abcdef"}},
	    {KIND_POOL, ID, {"0123456789abcdef0123456789abcdef"}},
	    {KIND_POOL, OTHER, {"fedcba9876543210fedcba9876543210"}},
	    {KIND_MONITOR, ID, {"0123456789abcdef0123456789abcdef"}}};
	struct document_scope scope = {.aliases = aliases, .naliases = NITEMS(aliases), .secrets = true};
	struct problems problems = {0};
	struct json *input, *kept, *shown, *again;
	enum kind kind;

	if (len == 0)
		return 0;
	kind = (enum kind)(data[0] % KIND_COUNT);
	if ((input = json_read((const char *)data + 1, len - 1, "fuzz", &problems)) != NULL) {
		kept = document_check(kind, input, &scope, &problems);
		assert((kept == NULL) == (problems.errors > 0));
		if (kept != NULL) {
			assert(loads(kind, kept));
			shown = document_show(kind, kept, &scope, DOCUMENT_API);
			json_remove(shown, "id");
			again = document_check(kind, shown, &scope, &problems);
			assert(again != NULL && json_same(again, kept));
			json_drop(again);
			json_drop(shown);
		}
		json_drop(kept);
		json_drop(input);
	}
	problems_free(&problems);
	return 0;
}
