/* change_run: one change, from the lock of the store to its commit. */
#include "admin/edit/change.h"
#include "admin/edit/guards.h"
#include "admin/edit/preview.h"
#include "admin/edit/propose.h"
#include "admin/look/history.h"
#include "zones/state/membership.h"

#include <errno.h>
#include <stdlib.h>

/* A run is repeated if the map was too small; and on a node of a cluster, if another change came first. */
enum { RETRIES = 8, RACES_MS = 20000 };

struct running {
	struct change *change;
	struct store *store; /* that is edited */
	const struct change_stores *stores;
	bool moved; /* another change came first */
};

/* node: the name of this node in the cluster; NULL: it stands alone. */
static char *
entry_head(const struct change_request *request, const char *node)
{
	struct json *head = json_new_object();
	char *text;

	json_put_integer(head, "time", wall_ms());
	json_put_text(head, "who", request->who);
	json_put_text(head, "command", request->command);
	json_put_text(head, "reason", request->reason != NULL ? request->reason : "");
	if (node != NULL)
		json_put_text(head, "node", node);
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

/* Commit the edit here. Returns false if the map was too small, so that it must run again. */
static bool
commit(struct change *change, struct store *store, struct bytes head, struct change_outcome *outcome)
{
	int rc;

	outcome->changed = config_edit_changed(change->edit);
	rc = config_edit_commit(change->edit, head, &outcome->generation);
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

/* One run of the edit. Returns true if it is over, with the outcome. */
static bool
run_once(struct running *running, change_fn *fn, void *arg, struct change_outcome *outcome)
{
	struct change *change = running->change;
	const struct change_request *request = change->request;
	struct preview *preview = NULL;
	char node[NODE_NAME_MAX + 1], *head;
	bool joined, over;

	if ((change->edit = config_edit_begin(running->store, &change->problems)) == NULL) {
		change->fault = CHANGE_FAILED;
		return true;
	}
	change->txn = config_edit_txn(change->edit);
	joined = !request->dry_run && propose_joined(change->txn, node);
	check_generation(change);
	if (joined && change->problems.errors == 0)
		propose_check(change, running->stores->cluster);
	if (request->dry_run && request->preview)
		preview = preview_begin(running->store);
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
	head = entry_head(request, joined ? node : NULL);
	over = joined ? propose_edit(change, running->stores, (struct bytes){head, strlen(head)}, outcome) ==
		PROPOSED_SETTLED
		      : commit(change, running->store, (struct bytes){head, strlen(head)}, outcome);
	running->moved |= joined && !over;
	free(head);
	return over;
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

static enum store_kind
verdicts_of(struct store *config)
{
	enum store_kind kind = STORE_HEALTH;
	struct store_txn *txn;

	if (config != NULL && store_begin(config, STORE_PEEK, &txn) == 0) {
		kind = membership_verdicts(txn);
		store_abort(txn);
	}
	return kind;
}

static void
run_until_settled(struct running *running, change_fn *fn, void *arg, struct change_outcome *outcome)
{
	uint64_t end = boot_ms() + RACES_MS;
	int runs = 0;

	while (!run_once(running, fn, arg, outcome)) {
		if (running->moved ? boot_ms() >= end : ++runs >= RETRIES) {
			change_refuse(running->change, CHANGE_FAILED, "%s: nothing was changed",
			    running->moved ? "other changes came first, again and again"
					   : "the disk is full");
			return;
		}
		forget_run(running->change);
	}
}

static void
run_in(struct change *change, const struct change_stores *stores, change_fn *fn, void *arg,
    struct change_outcome *outcome)
{
	struct store *copy = change->request->dry_run ? copy_config(change, stores->config) : NULL;
	struct store *store = change->request->dry_run ? copy : stores->config;
	struct store *verdicts =
	    verdicts_of(stores->config) == STORE_CLUSTER ? stores->cluster : stores->health;
	struct running running = {.change = change, .store = store, .stores = stores};

	change->serving = stores->serving;
	/* Without health there are fewer warnings; the change works as well. */
	if (verdicts == NULL || store_begin(verdicts, STORE_READ, &change->health) != 0)
		change->health = NULL;
	if (store == NULL)
		change->fault = CHANGE_FAILED;
	else
		run_until_settled(&running, fn, arg, outcome);
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
	struct change_stores stores = {.serving = open_quietly(request->state, STORE_SERVING)};

	stores.config = store_open(
	    request->state, STORE_CONFIG, request->dry_run ? STORE_READ : STORE_WRITE, &change->problems);
	if (verdicts_of(stores.config) == STORE_CLUSTER) {
		stores.cluster = open_quietly(request->state, STORE_CLUSTER);
		if (!request->dry_run)
			stores.proposals =
			    store_open(request->state, STORE_PROPOSALS, STORE_WRITE, &change->problems);
	} else
		stores.health = open_quietly(request->state, STORE_HEALTH);
	run_in(change, &stores, fn, arg, outcome);
	store_close(stores.config);
	store_close(stores.health);
	store_close(stores.cluster);
	store_close(stores.proposals);
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
