/* What the tests of documents share: a configuration to refer to, and documents that are good. */
#ifndef TESTS_DOCUMENT_WORLD_H
#define TESTS_DOCUMENT_WORLD_H

#include "admin/edit/document.h"
#include "zones/document/document_load.h"
#include "zones/document/schema.h"
#include "zones/state/config_write.h"
#include "zones/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* A configuration with a monitor "web" and the pools "eu" and "us", for references. */
struct world {
	char *directory;
	struct store *store;
	struct config_edit *edit;
	struct document_scope scope;
};

__attribute__((unused)) static const char WEB[] = "00000000000000000000000000000001";
__attribute__((unused)) static const char EU[] = "00000000000000000000000000000002";
__attribute__((unused)) static const char US[] = "00000000000000000000000000000003";

static inline void
put(struct world *world, enum kind kind, const char *id, const char *name)
{
	char *text = xasprintf("{\"id\":\"%s\",\"name\":\"%s\"}", id, name);

	config_put_object(world->edit, kind, id, name, NULL, (struct bytes){text, strlen(text)});
	free(text);
}

static inline int
make_world(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);
	struct problems problems = {0};

	world->directory = mkdtemp(xstrdup("/tmp/graycloud-document-XXXXXX"));
	world->store = store_open(world->directory, STORE_CONFIG, STORE_WRITE, &problems);
	world->edit = config_edit_begin(world->store, &problems);
	world->scope.txn = config_edit_txn(world->edit);
	put(world, KIND_MONITOR, WEB, "web");
	put(world, KIND_POOL, EU, "eu");
	put(world, KIND_POOL, US, "us");
	*state = world;
	return 0;
}

static inline int
drop_world(void **state)
{
	struct world *world = *state;
	char *command = xasprintf("rm -rf %s", world->directory);

	config_edit_drop(world->edit);
	store_close(world->store);
	free(world->directory);
	free(world);
	int rc = system(command);
	free(command);
	return rc;
}

/* Check a document; returns the kept document, and the sentences in *said, a line each. */
static inline struct json *
check(void **state, enum kind kind, const char *text, char **said)
{
	struct world *world = *state;
	struct problems problems = {0};
	struct json *input = json_read(text, strlen(text), "row", &problems);
	struct json *kept = document_check(kind, input, &world->scope, &problems);
	size_t len;
	FILE *out = open_memstream(said, &len);

	problems_print(&problems, "", out);
	fclose(out);
	assert_int_equal(kept == NULL, problems.errors > 0);
	problems_free(&problems);
	json_drop(input);
	return kept;
}

#define ORIGIN "\"origins\":[{\"address\":\"192.0.2.1\"}]"
#define POOL "{\"name\":\"p\"," ORIGIN
#define LB "{\"name\":\"www.example.com\",\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\""
#define RULE(overrides) LB ",\"rules\":[{\"name\":\"r\",\"overrides\":{" overrides "}}]}"
#define SET(rest, overrides) LB ",\"pool_sets\":[{\"name\":\"s\"," rest "\"overrides\":{" overrides "}}]}"
#define MONITOR "{\"name\":\"m\""

#endif
