/* change_run: one change, from the lock of the store to its commit. */
#include "admin/edit/change.h"
#include "admin/edit/guards.h"
#include "admin/edit/preview.h"
#include "admin/look/history.h"

#include <errno.h>
#include <stdlib.h>

enum { RETRIES = 8 };

static char *
entry_head(const struct change_request *request)
{
	struct json *head = json_new_object();
	char *text;

	json_put_integer(head, "time", wall_ms());
	json_put_text(head, "who", request->who);
	json_put_text(head, "command", request->command);
	json_put_text(head, "reason", request->reason != NULL ? request->reason : "");
	text = json_write(head, false);
	json_drop(head);
	return text;
}

static void
check_generation(struct change *change)
{
	uint64_t generation = config_generation(change->txn);

	/* S32 */
	if (change->request->if_generation_given && change->request->if_generation != generation) {
		struct json *since = history_read(change->txn, change->request->if_generation, NULL);
		char *text = history_text(since);

		change_refuse(change, CHANGE_GENERATION,
		    "the configuration is at generation %llu, not %llu: check the changes since and try "
		    "again%s",
		    (unsigned long long)generation, (unsigned long long)change->request->if_generation, text);
		free(text);
		json_drop(since);
	}
}

/* One run of the edit. Returns true if it is over, with the outcome. */
static bool
run_once(struct change *change, struct store *store, change_fn *fn, void *arg, struct change_outcome *outcome)
{
	const struct change_request *request = change->request;
	struct preview *preview = NULL;
	char *head;
	int rc;

	if ((change->edit = config_edit_begin(store, &change->problems)) == NULL) {
		change->fault = CHANGE_FAILED;
		return true;
	}
	change->txn = config_edit_txn(change->edit);
	check_generation(change);
	if (request->dry_run && request->preview)
		preview = preview_begin(store);
	if (change->problems.errors == 0)
		fn(change, arg);
	if (change->problems.errors == 0)
		guards_check(change);
	if (preview != NULL)
		outcome->preview = preview_end(preview, change);
	if (change->problems.errors > 0 || request->dry_run) {
		config_edit_drop(change->edit);
		outcome->done = change->problems.errors == 0;
		return true;
	}
	head = entry_head(request);
	outcome->changed = config_edit_changed(change->edit);
	rc = config_edit_commit(change->edit, (struct bytes){head, strlen(head)}, &outcome->generation);
	free(head);
	if (rc == -ENOSPC && store_full(store))
		return false;
	if (rc != 0)
		change_refuse(change, CHANGE_FAILED,
		    "cannot write the configuration: %s; nothing was changed%s", strerror(-rc),
		    store_write_cure(rc));
	outcome->done = rc == 0;
	outcome->changed = outcome->changed && rc == 0;
	return true;
}

static void
forget_run(struct change *change)
{
	problems_free(&change->problems);
	change->fault = CHANGE_INVALID;
	surroundings_nameservers_free(&change->nameservers);
	free(change->message);
	json_drop(change->result);
	change->message = NULL;
	change->result = NULL;
}

/* A dry run edits a copy and does not block other changes. */
static struct store *
copy_config(struct change *change, struct store *store)
{
	return store != NULL || change->problems.errors == 0
	    ? store_open_copy(store, STORE_CONFIG, &change->problems)
	    : NULL;
}

static void
run_in(struct change *change, const struct change_stores *stores, change_fn *fn, void *arg,
    struct change_outcome *outcome)
{
	struct store *copy = change->request->dry_run ? copy_config(change, stores->config) : NULL;
	struct store *store = change->request->dry_run ? copy : stores->config;
	int runs = 0;

	change->serving = stores->serving;
	/* Without health there are fewer warnings; the change works as well. */
	if (stores->health == NULL || store_begin(stores->health, STORE_READ, &change->health) != 0)
		change->health = NULL;
	if (store == NULL)
		change->fault = CHANGE_FAILED;
	else
		while (!run_once(change, store, fn, arg, outcome) && ++runs < RETRIES)
			forget_run(change);
	store_abort(change->health);
	store_close(copy);
}

static struct store *
open_quietly(const char *state, enum store_kind kind)
{
	struct problems ignored = {0};
	struct store *store = store_open(state, kind, STORE_READ, &ignored);

	problems_free(&ignored);
	return store;
}

static void
open_and_run(struct change *change, change_fn *fn, void *arg, struct change_outcome *outcome)
{
	const struct change_request *request = change->request;
	struct change_stores stores = {.health = open_quietly(request->state, STORE_HEALTH),
	    .serving = open_quietly(request->state, STORE_SERVING)};

	stores.config = store_open(
	    request->state, STORE_CONFIG, request->dry_run ? STORE_READ : STORE_WRITE, &change->problems);
	run_in(change, &stores, fn, arg, outcome);
	store_close(stores.config);
	store_close(stores.health);
	store_close(stores.serving);
}

void
change_run(const struct change_request *request, change_fn *fn, void *arg, struct change_outcome *outcome)
{
	struct change change = {.request = request};

	*outcome = (struct change_outcome){.done = false};
	if (request->stores != NULL)
		run_in(&change, request->stores, fn, arg, outcome);
	else
		open_and_run(&change, fn, arg, outcome);
	outcome->fault = change.fault;
	outcome->problems = change.problems;
	outcome->message = change.message;
	outcome->result = change.result;
	surroundings_nameservers_free(&change.nameservers);
}

void
change_outcome_free(struct change_outcome *outcome)
{
	problems_free(&outcome->problems);
	free(outcome->message);
	json_drop(outcome->preview);
	json_drop(outcome->result);
	*outcome = (struct change_outcome){.done = false};
}
