/* node: the nodes of the roster (S90). */
#include "admin/cli/report.h"
#include "admin/cli/when.h"
#include "admin/commands/cmd_node_choose.h"
#include "admin/commands/cmd_node_join.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"
#include "admin/edit/detach.h"
#include "admin/look/node.h"
#include "admin/look/nodes.h"
#include "zones/state/membership.h"

#include <stdlib.h>

static struct table *
titles(void)
{
	return table_new("NAME", "SITE", "REGION", "VOTES", "ADDRESSES", "DESCRIPTION", NULL);
}

static void
row(struct table *table, const struct json *node)
{
	const char *region = json_text_of(node, "region");
	char *addresses = object_list_text(json_member(node, "addresses"));

	table_cell(table, COLOUR_NONE, "%s", json_text_of(node, "name"));
	table_cell(table, COLOUR_NONE, "%s", json_text_of(node, "site"));
	table_cell(table, COLOUR_NONE, "%s", *region != '\0' ? region : "-");
	table_cell(table, COLOUR_NONE, "%s", json_truth(json_member(node, "votes")) ? "yes" : "no");
	table_cell(table, COLOUR_NONE, "%s", addresses);
	table_cell(table, COLOUR_NONE, "%s", json_text_of(node, "description"));
	free(addresses);
}

/* ---- list, on a node of a cluster ---- */

static void
add_row(struct table *table, const struct nodes_view *view, const struct cluster_node *node)
{
	int64_t beat = nodes_beat_age(view, node);
	bool heard = node->beat_ms != 0;
	char age[16];

	table_cell(table, COLOUR_NONE, "%s%s", node->name, node->self ? " (this)" : "");
	table_cell(table, COLOUR_NONE, "%s", node->site);
	table_cell(table, COLOUR_NONE, "%s", node->region[0] != '\0' ? node->region : "-");
	table_cell(table, COLOUR_NONE, "%s",
	    !node->on_roster  ? "not on the roster"
		: node->votes ? "yes"
			      : "no");
	table_cell(table,
	    !node->live                                     ? COLOUR_BAD
		: !node->votes || cluster_node_counts(node) ? COLOUR_GOOD
							    : COLOUR_UNSURE,
	    "%s", nodes_state_text(node));
	table_cell(table, COLOUR_NONE, "%s", beat >= 0 ? when_age(beat, age) : "never");
	table_cell(table, COLOUR_NONE, "%llu", (unsigned long long)node->generation);
	table_cell(table, COLOUR_NONE, "%s", !heard ? "" : node->monitor_alive ? "alive" : "dead");
	if (node->isolated_s > 0)
		table_cell(table, COLOUR_NONE, "%llus", (unsigned long long)node->isolated_s);
	else
		table_cell(table, COLOUR_NONE, "%s", heard ? "no" : "");
	table_cell(table, COLOUR_NONE, "%u", node->schema);
	table_cell(table, COLOUR_NONE, "%s", node->version);
	table_cell(table, COLOUR_NONE, "%s", node->addresses);
	table_cell(table, COLOUR_NONE, "%s", node->trouble);
}

static void
print_view(const struct nodes_view *view)
{
	const struct cluster_engine *engine = &view->engine;
	struct table *table = table_new("NAME", "SITE", "REGION", "VOTES", "STATE", "BEAT", "GENERATION",
	    "MONITOR", "ISOLATED", "SCHEMA", "VERSION", "ADDRESSES", "TROUBLE", NULL);
	char *line = nodes_line(view);

	for (size_t i = 0; i < view->count; i++)
		add_row(table, view, &view->nodes[i]);
	printf("cluster %s: %s\n", view->membership.cluster, line);
	if (engine->size > 0)
		printf("engine: %.1f MiB of %.0f MiB, %u of %u members up\n",
		    (double)engine->size / (1 << 20), (double)engine->quota / (1 << 20), engine->members_up,
		    engine->members);
	putchar('\n');
	table_print(table, stdout);
	table_free(table);
	free(line);
}

/* The nodes as they are now; NULL: this node stands alone. False after a sentence. */
static bool
read_view(const struct args *args, struct nodes_view **view)
{
	struct store *config_store, *store = NULL;
	struct store_txn *config, *cluster = NULL;

	*view = NULL;
	if (!read_begin(args, &config_store, &config))
		return false;
	if (config != NULL && membership_verdicts(config) == STORE_CLUSTER) {
		cluster = node_verdicts(args->state, config, &store);
		*view = nodes_view_read(config, cluster);
	}
	store_abort(cluster);
	store_close(store);
	read_end(config_store, config);
	return true;
}

/* ---- detach, join, replay ---- */

static enum exit_code
finish(struct problems *problems, const char *format, const struct membership *membership)
{
	bool good = problems->errors == 0;

	report_problems(problems);
	problems_free(problems);
	if (good)
		printf(format, membership->node, membership->cluster);
	return good ? EXIT_DONE : EXIT_REFUSED;
}

static enum exit_code
run_detach(const struct args *args)
{
	struct problems problems = {0};
	struct membership membership = {.node = ""};

	if (args->dry_run)
		return args_misused(args, "detach cannot be tried: --dry-run is for other commands");
	detach_leave(args->state, &membership, &problems);
	return finish(&problems,
	    "node %s stands alone now: its commands and its own monitor count here; cluster %s keeps it on "
	    "the roster\n",
	    &membership);
}

/* Give the commands again that were given while this node stood alone, one after the other. */
static enum exit_code
run_replay(const struct args *args)
{
	struct problems problems = {0};
	struct json *commands = detach_waiting(args->state, &problems);
	struct store *kept = detach_open_kept(args->state, &problems);
	struct detach_replay replay = {.kept = NULL};
	size_t failed = 0;

	if (kept != NULL && store_begin(kept, STORE_READ, &replay.kept) != 0)
		replay.kept = NULL;
	for (size_t i = 0; replay.kept != NULL && i < json_count(commands); i++) {
		const struct json *command = json_item(commands, i);
		struct change_outcome outcome;
		struct change_request request = {.state = args->state,
		    .who = json_text_of(command, "who"),
		    .command = json_text_of(command, "command"),
		    .reason = json_text_of(command, "reason"),
		    .dry_run = args->dry_run,
		    .force = args->force,
		    .how_to_force = "use --force to do it anyway"};

		replay.sequence = (uint64_t)json_integer_of(json_member(command, "sequence"));
		change_run(&request, detach_replay_one, &replay, &outcome);
		printf("%s: %s\n", request.command, outcome.done ? "replayed" : "not replayed");
		report_problems(&outcome.problems);
		failed += !outcome.done;
		change_outcome_free(&outcome);
	}
	store_abort(replay.kept);
	store_close(kept);
	if (problems.errors == 0 && failed == 0 && !args->dry_run)
		detach_forget_kept(args->state);
	json_drop(commands);
	report_problems(&problems);
	problems_free(&problems);
	return failed == 0 ? EXIT_DONE : EXIT_REFUSED;
}

static enum exit_code
run_join(const struct args *args)
{
	struct problems problems = {0};
	struct membership membership = {.node = ""};
	bool replay = args_flag(args, "replay");

	if (args->dry_run)
		return args_misused(args, "join cannot be tried: --dry-run is for other commands");
	detach_return(args->state, args_flag(args, "drop"), replay, &membership, &problems);
	return finish(&problems,
	    replay ? "node %s is part of cluster %s again; `graycloud node replay` gives the commands again, "
		     "once "
		     "`graycloud node list` shows the engine reachable\n"
		   : "node %s is part of cluster %s again\n",
	    &membership);
}

/* ---- all ---- */

static enum exit_code
run_object(struct args *args)
{
	static const struct object_command command = {
	    .kind = KIND_NODE, .delete_verb = "remove", .titles = titles, .row = row};

	return object_command_run(&command, args);
}

enum exit_code
cmd_node(struct args *args)
{
	const char *verb = args_word(args, 0);
	struct nodes_view *view;

	if (verb != NULL && args->count == 1) {
		if (strcmp(verb, "detach") == 0)
			return run_detach(args);
		if (strcmp(verb, "join") == 0)
			return run_join(args);
		if (strcmp(verb, "replay") == 0)
			return run_replay(args);
		if (strcmp(verb, "push") == 0 || strcmp(verb, "reset") == 0)
			return node_choose(args, strcmp(verb, "push") == 0);
	}
	if (verb != NULL && strcmp(verb, "init") == 0)
		return node_init(args, run_object);
	if (verb != NULL && strcmp(verb, "join") == 0)
		return node_join(args, run_object);
	if (verb == NULL || strcmp(verb, "list") != 0 || args->count != 1)
		return run_object(args);
	if (!read_view(args, &view))
		return EXIT_REFUSED;
	if (view == NULL)
		return run_object(args);
	if (args->json) {
		struct json *all = nodes_json(view);

		print_json(json_clone(json_member(all, "nodes")));
		json_drop(all);
	} else {
		print_view(view);
	}
	nodes_view_free(view);
	return EXIT_DONE;
}
