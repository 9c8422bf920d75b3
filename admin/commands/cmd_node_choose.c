#include "admin/commands/cmd_node_choose.h"

#include "admin/cli/report.h"
#include "admin/commands/cmd_node_join.h"
#include "admin/commands/command_change.h"
#include "admin/look/history.h"
#include "admin/look/node.h"
#include "admin/look/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The two histories. */
struct histories {
	bool joined, sync_dead, reachable, trouble;
	uint64_t own, engine;  /* generations; engine 0: it has none */
	struct json *commands; /* of this node beyond the engine's generation */
};

static bool
look(const struct args *args, struct histories *histories)
{
	struct store *config_store, *store = NULL;
	struct store_txn *config, *cluster = NULL;
	struct nodes_view *view = NULL;

	*histories = (struct histories){.joined = false};
	if (!read_begin(args, &config_store, &config))
		return false;
	if (config != NULL && membership_verdicts(config) == STORE_CLUSTER) {
		cluster = node_verdicts(args->state, config, &store);
		view = nodes_view_read(config, cluster);
	}
	if (view != NULL) {
		*histories = (struct histories){.joined = true,
		    .sync_dead = view->sync_dead,
		    .reachable = view->engine.state == ENGINE_REACHABLE,
		    .trouble = view->engine.trouble[0] != '\0',
		    .own = view->generation,
		    .engine = view->engine.generation};
		histories->commands = history_read(config, histories->engine, NULL);
	}
	nodes_view_free(view);
	store_abort(cluster);
	store_close(store);
	read_end(config_store, config);
	return true;
}

/* Refuse what cannot be done, or needs no choice. */
static bool
is_possible(const struct histories *histories)
{
	if (!histories->joined)
		report_error("this node stands alone: there is no other history");
	else if (histories->sync_dead)
		report_error("graycloud-sync does not run: start it first");
	else if (!histories->reachable)
		report_error("the engine is not reachable: nothing was changed");
	else if (!histories->trouble) /* generations alone may be a second old */
		report_error("this node and the engine have the same history: there is nothing to choose");
	else
		return true;
	return false;
}

/* S32: what would be lost needs --force. */
static bool
is_allowed(const struct args *args, const struct histories *histories, bool push)
{
	size_t count = json_count(histories->commands);
	char *text;

	if (args->force || args->dry_run)
		return true;
	if (push && histories->own < histories->engine) {
		report_error(
		    "the engine has generation %llu and this node %llu: commands of the others would "
		    "be lost; use --force to do it anyway",
		    (unsigned long long)histories->engine, (unsigned long long)histories->own);
		return false;
	}
	if (!push && count > 0) {
		text = history_text(histories->commands);
		report_error("%zu commands that the engine does not have would be lost; use --force to do it "
			     "anyway, or `graycloud node push` to keep them:%s",
		    count, text);
		free(text);
		return false;
	}
	if (!push && histories->own == histories->engine) {
		report_error(
		    "the newest commands of this node, which the engine does not have, would be lost; use "
		    "--force to do it anyway");
		return false;
	}
	return true;
}

static bool
write_choice(const struct args *args, bool push)
{
	struct problems problems = {0};
	struct store *store = store_open(args->state, STORE_CONFIG, STORE_WRITE, &problems);
	char *copy = xasprintf("%s/config/reset.mdb", args->state);
	struct store_txn *txn;
	int error = -1;

	if (store != NULL && !push && (error = store_copy(store, copy)) != 0)
		report_error("cannot write %s: %s; nothing was changed", copy, strerror(-error));
	else if (store != NULL && (error = store_begin(store, STORE_WRITE, &txn)) == 0) {
		error = membership_choice_put(txn, push ? CHOICE_PUSH : CHOICE_RESET);
		if (error == 0)
			error = store_commit(txn);
		else
			store_abort(txn);
		if (error != 0)
			report_error("cannot write the configuration: %s", strerror(-error));
	}
	report_problems(&problems);
	problems_free(&problems);
	store_close(store);
	free(copy);
	return error == 0;
}

static void
print_plan(const struct histories *histories, bool push)
{
	size_t count = json_count(histories->commands);
	char *text = count > 0 ? history_text(histories->commands) : xstrdup("");

	printf("this node has generation %llu, and the engine %llu\n", (unsigned long long)histories->own,
	    (unsigned long long)histories->engine);
	if (count > 0)
		printf("commands of this node that the engine does not have:%s\n", text);
	puts(push ? "push: the engine and all nodes would get the history of this node"
		  : "reset: this node would get the history of the engine");
	free(text);
}

enum exit_code
node_choose(struct args *args, bool push)
{
	struct histories histories;
	enum exit_code code = EXIT_REFUSED;

	if (!look(args, &histories))
		return EXIT_REFUSED;
	if (is_possible(&histories) && is_allowed(args, &histories, push)) {
		if (args->dry_run) {
			print_plan(&histories, push);
			code = EXIT_DONE;
		} else if (write_choice(args, push) && (args->no_wait || node_wait_for_sync(args))) {
			puts(push ? "the engine has the history of this node"
				  : "this node has the history of the engine; a copy of what it had is "
				    "config/reset.mdb");
			code = EXIT_DONE;
		}
	}
	json_drop(histories.commands);
	return code;
}
