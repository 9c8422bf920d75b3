/* served.c: which configuration is explained and exported, and the sentence of those that wait (S103). */
#include "admin/explain/served.h"

#include "signer_place.h"
#include "zones/state/serving.h"

/* make_place writes generation 2, which is signed; the newest one is 4. */
enum { ANSWERED = 2, NEWEST = 4 };

#define WAIT ANSWERED_TEXT "; 3 to 4 wait since 1970-01-01T00:00:00.001Z: "
#define ANSWERED_TEXT "this is generation 2, which the nameserver answers"

static struct store *serving, *sets;
static struct served_stores stores;

static int
set_up(void **state)
{
	struct problems problems = {0};
	struct place *place;

	if (make_place(state) != 0)
		return -1;
	place = *state;
	put_zone(place);
	put_pool(place, "eu");
	serving = store_open(place->directory, STORE_SERVING, STORE_WRITE, &problems);
	sets = store_open(place->directory, STORE_SETS, STORE_WRITE, &problems);
	stores = (struct served_stores){.state = place->directory, .config_store = place->config};
	return serving != NULL && sets != NULL &&
		store_begin(place->config, STORE_READ, &stores.config) == 0 &&
		store_begin(place->signatures, STORE_READ, &stores.signatures) == 0 &&
		store_begin(serving, STORE_WRITE, &stores.serving) == 0 &&
		store_begin(sets, STORE_WRITE, &stores.sets) == 0
	    ? 0
	    : -1;
}

static int
tear_down(void **state)
{
	store_abort(stores.sets);
	store_abort(stores.serving);
	store_abort(stores.signatures);
	store_abort(stores.config);
	store_close(sets);
	store_close(serving);
	return drop_place(state);
}

/* ---- the daemons ---- */

struct nameserver {
	uint64_t generation;
	bool waits;
	const char *error; /* NULL: none */
	unsigned age_ms;   /* of its beat */
	bool starts;       /* it is not ready */
};

static void
put_nameserver(const struct nameserver *nameserver)
{
	struct serving_status *status = xcalloc(1, sizeof *status);

	status->pid = 1;
	status->beat_ms = boot_ms() - nameserver->age_ms;
	status->generation = nameserver->generation;
	status->ready = !nameserver->starts;
	status->waits = nameserver->waits;
	snprintf(status->boot, sizeof status->boot, "%s", boot_id());
	snprintf(status->compile_error, sizeof status->compile_error, "%s",
	    nameserver->error != NULL ? nameserver->error : "");
	assert_int_equal(serving_put(stores.serving, status), 0);
	free(status);
}

enum signer { ALIVE, STUCK, DEAD };

static void
put_signer(enum signer signer)
{
	struct signer_beat beat = {.pid = 1, .at_ms = boot_ms() - (signer == DEAD ? 60000 : 0)};

	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	snprintf(beat.fault, sizeof beat.fault, "%s", signer == STUCK ? "a key is missing" : "");
	assert_int_equal(signer_beat_put(stores.sets, &beat), 0);
}

/* ---- rows ---- */

struct row {
	struct nameserver nameserver;
	enum signer signer;
	long long explained, exported; /* generations; exported 0: it is refused */
	const char *state;             /* NULL: there is no sentence */
	const char *text;              /* of the one that is exported, or of the refusal */
};

static void
expect_explained(const struct row *row)
{
	struct explanation_request *request = xcalloc(1, sizeof *request);
	struct steer_site site = {.code = ""};
	struct address resolver;
	struct problems problems = {0};
	const struct json *served;
	struct json *out;

	name_from_text(request->name, "example.com.", NULL);
	path_init(&request->question.path, request->name);
	request->question.class = CLASS_IN;
	request->question.type = TYPE_SOA;
	address_from_text(&resolver, "127.0.0.1");
	steer_client_init(&request->client, &resolver, &(struct address){.family = FAMILY_NONE}, 0);
	request->site = &site;
	request->signatures = stores.signatures;
	request->sets = stores.sets;
	out = served_explain(&stores, request, SERVED_NOW, &problems);
	assert_non_null(out);
	assert_int_equal(json_integer_of(json_member(out, "generation")), row->explained);
	served = json_member(out, "served");
	assert_int_equal(served != NULL, row->state != NULL);
	if (served != NULL) {
		assert_string_equal(json_text_of(served, "state"), row->state);
		assert_int_equal(
		    json_integer_of(json_member(served, "generation")), row->nameserver.generation);
		assert_int_equal(json_integer_of(json_member(served, "newest")), NEWEST);
	}
	if (served != NULL && row->explained == row->exported)
		assert_string_equal(json_text_of(served, "text"), row->text);
	json_drop(out);
	problems_free(&problems);
	free(request);
}

static void
expect_exported(const struct row *row)
{
	struct problems problems = {0};
	struct served_config answered;
	struct store_txn *config = served_open(&answered, &stores, &problems);

	assert_int_equal(config != NULL, row->exported != 0);
	assert_int_equal(problems.errors, row->exported != 0 ? 0 : 1);
	if (config == NULL)
		assert_string_equal(problems.items[0].text, row->text);
	else
		assert_int_equal(config_generation(config), row->exported);
	assert_int_equal(answered.served != NULL, config != NULL && row->state != NULL);
	if (answered.served != NULL) {
		assert_string_equal(json_text_of(answered.served, "state"), row->state);
		assert_string_equal(json_text_of(answered.served, "text"), row->text);
	}
	served_close(&answered);
	problems_free(&problems);
}

static void
expect_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		put_nameserver(&rows[i].nameserver);
		put_signer(rows[i].signer);
		expect_explained(&rows[i]);
		expect_exported(&rows[i]);
	}
}

static void
while_it_waits_for_the_signer_the_answered_one_is_shown(void **state)
{
	static const char ALIVE_TEXT[] = WAIT "graycloud-signer has not signed yet all that is needed (S103)",
			  DEAD_TEXT[] = WAIT "graycloud-signer is dead: start it (S103)",
			  STUCK_TEXT[] = WAIT "graycloud-signer is stuck: a key is missing (S103)";
	static const struct row rows[] = {
	    /* In the first second the nameserver says nothing; then its sentence is no fault. */
	    {{ANSWERED, .waits = true}, ALIVE, ANSWERED, ANSWERED, "signer", ALIVE_TEXT},
	    {{ANSWERED, .waits = true, .error = "4 waits"}, ALIVE, ANSWERED, ANSWERED, "signer", ALIVE_TEXT},
	    {{ANSWERED, .waits = true}, DEAD, ANSWERED, ANSWERED, "signer dead", DEAD_TEXT},
	    {{ANSWERED, .waits = true, .error = "4 waits"}, DEAD, ANSWERED, ANSWERED, "signer dead",
		DEAD_TEXT},
	    {{ANSWERED, .waits = true}, STUCK, ANSWERED, ANSWERED, "signer stuck", STUCK_TEXT},
	};

	(void)state;
	expect_rows(rows, NITEMS(rows));
}

static void
while_it_cannot_be_compiled_the_answered_one_is_shown(void **state)
{
	static const char FAULT_TEXT[] = WAIT "the nameserver cannot compile it: pool eu has no name (S103)";
	static const struct row rows[] = {
	    {{ANSWERED, .error = "pool eu has no name"}, ALIVE, ANSWERED, ANSWERED, "fault", FAULT_TEXT},
	    {{ANSWERED, .error = "pool eu has no name"}, DEAD, ANSWERED, ANSWERED, "fault", FAULT_TEXT},
	    {{ANSWERED, .error = "pool eu has no name"}, STUCK, ANSWERED, ANSWERED, "fault", FAULT_TEXT},
	};

	(void)state;
	expect_rows(rows, NITEMS(rows));
}

static void
while_it_is_compiled_the_newest_one_is_explained_and_the_answered_one_exported(void **state)
{
	static const struct row rows[] = {
	    {{ANSWERED, .error = NULL}, ALIVE, NEWEST, ANSWERED, "compiling",
		WAIT "the nameserver compiles it (S103)"},
	    {{3, .error = NULL}, ALIVE, NEWEST, 3, "compiling",
		"this is generation 3, which the nameserver answers; 4 waits since 1970-01-01T00:00:00.001Z: "
		"the nameserver compiles it (S103)"},
	};

	(void)state;
	expect_rows(rows, NITEMS(rows));
}

static void
without_a_nameserver_the_newest_one_is_shown(void **state)
{
	static const char TEXT[] =
	    "this is generation 4: no nameserver runs here, and the last one answered 2; one that starts "
	    "answers 4 if graycloud-signer has signed it in time, else the newest one that is signed (S103)";
	static const struct row rows[] = {
	    {{ANSWERED, .age_ms = 60000}, ALIVE, NEWEST, NEWEST, "stopped", TEXT},
	    {{ANSWERED, .age_ms = 60000, .waits = true, .error = "4 waits"}, DEAD, NEWEST, NEWEST, "stopped",
		TEXT},
	    {{ANSWERED, .starts = true}, ALIVE, NEWEST, NEWEST, "stopped", TEXT},
	};

	(void)state;
	expect_rows(rows, NITEMS(rows));
}

static void
the_newest_one_that_is_answered_needs_no_sentence(void **state)
{
	static const struct row rows[] = {
	    {{NEWEST, .error = NULL}, ALIVE, NEWEST, NEWEST, NULL, NULL},
	    {{NEWEST, .error = NULL}, DEAD, NEWEST, NEWEST, NULL, NULL},
	    /* It was read a moment after the configuration. */
	    {{NEWEST + 1, .error = NULL}, ALIVE, NEWEST, NEWEST, NULL, NULL},
	    {{0, .starts = true}, ALIVE, NEWEST, NEWEST, NULL, NULL},
	};

	(void)state;
	expect_rows(rows, NITEMS(rows));
}

static void
without_a_nameserver_the_newest_one_that_is_signed_needs_no_sentence(void **state)
{
	static const struct row rows[] = {
	    {{ANSWERED, .age_ms = 60000}, ALIVE, NEWEST, NEWEST, NULL, NULL},
	};

	store_abort(stores.signatures);
	sign(*state, NEWEST);
	assert_int_equal(
	    store_begin(((struct place *)*state)->signatures, STORE_READ, &stores.signatures), 0);
	expect_rows(rows, NITEMS(rows));
}

static void
one_of_a_configuration_that_was_replaced_is_not_exported(void **state)
{
	static const struct row rows[] = {
	    {{9, .waits = true}, ALIVE, NEWEST, 0, "signer",
		"the nameserver answers generation 9 of the configuration before, which is not known here: "
		"graycloud-signer has not signed yet all that is needed"},
	    {{9, .error = "pool eu has no name"}, ALIVE, NEWEST, 0, "fault",
		"the nameserver answers generation 9 of the configuration before, which is not known here: "
		"the nameserver cannot compile it: pool eu has no name"},
	};

	(void)state;
	expect_rows(rows, NITEMS(rows));
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(while_it_waits_for_the_signer_the_answered_one_is_shown),
	    STORE_TEST(while_it_cannot_be_compiled_the_answered_one_is_shown),
	    STORE_TEST(while_it_is_compiled_the_newest_one_is_explained_and_the_answered_one_exported),
	    STORE_TEST(without_a_nameserver_the_newest_one_is_shown),
	    STORE_TEST(the_newest_one_that_is_answered_needs_no_sentence),
	    STORE_TEST(without_a_nameserver_the_newest_one_that_is_signed_needs_no_sentence),
	    STORE_TEST(one_of_a_configuration_that_was_replaced_is_not_exported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
