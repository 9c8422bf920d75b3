#include "admin/commands/cmd_node_join.h"

#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/look/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 60000, LOOK_US = 50000 };

/* Letters, digits, "-" and "_": the name is a part of keys in the engine. */
static bool
is_cluster_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	return len > 0 && len <= CLUSTER_NAME_MAX && name[len] == '\0';
}

static bool
read_names(struct args *args, struct membership *membership)
{
	const char *cluster = args_word(args, 1), *node = args_word(args, 2);

	if (cluster == NULL || node == NULL) {
		args_misused(args, "name the cluster and this node");
		return false;
	}
	if (!is_cluster_name(cluster) || strlen(node) > NODE_NAME_MAX) {
		report_error(
		    "%s: a name of a cluster has at most %d letters, digits, \"-\" and \"_\", and that of a "
		    "node at most %d octets",
		    cluster, CLUSTER_NAME_MAX, NODE_NAME_MAX);
		return false;
	}
	snprintf(membership->cluster, sizeof membership->cluster, "%s", cluster);
	snprintf(membership->node, sizeof membership->node, "%s", node);
	return true;
}

/* `node init CLUSTER NAME site=fra` becomes `node create NAME site=fra`. */
static enum exit_code
run_create(struct args *args, command_fn *create)
{
	static char word[] = "create";
	struct args shifted = *args;

	shifted.words = args->words + 1;
	shifted.count = args->count - 1;
	shifted.words[0] = word;
	return create(&shifted);
}

/* The state of the configuration before. */
struct before {
	bool joined, on_roster;
	size_t roster;
	uint64_t generation;
};

static bool
look(const struct args *args, const char *name, struct before *before)
{
	struct membership ignored;
	struct store *store;
	struct store_txn *txn;
	struct roster roster;

	*before = (struct before){.joined = false};
	if (!read_begin(args, &store, &txn))
		return false;
	if (txn != NULL) {
		roster = roster_read(txn);
		before->joined = membership_get(txn, &ignored);
		before->generation = config_generation(txn);
		before->roster = roster.count;
		before->on_roster = roster_find(&roster, name) != NULL;
		roster_free(&roster);
		read_end(store, txn);
	}
	return true;
}

static bool
write_membership(const struct args *args, const struct membership *membership)
{
	struct problems problems = {0};
	struct store *store = store_open(args->state, STORE_CONFIG, STORE_WRITE, &problems);
	struct store_txn *txn;
	int error = -1;

	if (store != NULL && (error = store_begin(store, STORE_WRITE, &txn)) == 0) {
		error = membership_put(txn, membership);
		if (error == 0)
			error = store_commit(txn);
		else
			store_abort(txn);
	}
	report_problems(&problems);
	if (store != NULL && error != 0)
		report_error(
		    "cannot write the configuration: %s%s", strerror(-error), store_write_cure(error));
	problems_free(&problems);
	store_close(store);
	return error == 0;
}

/* The stores, open while the command waits. */
struct waiting {
	struct store *config, *cluster;
	char trouble[256];
};

/* Has this node the configuration of the engine? */
static bool
is_done(struct waiting *waiting)
{
	struct cluster_engine engine = {.state = ENGINE_SILENT};
	struct store_txn *txn;
	uint64_t generation = 0;
	bool known = false, chosen = false;

	if (store_begin(waiting->config, STORE_READ, &txn) == 0) {
		generation = config_generation(txn);
		chosen = membership_choice_get(txn) != CHOICE_NONE;
		store_abort(txn);
	}
	if (store_begin(waiting->cluster, STORE_READ, &txn) == 0) {
		known = cluster_engine_get(txn, &engine);
		store_abort(txn);
	}
	memcpy(waiting->trouble, engine.trouble, sizeof waiting->trouble);
	return known && !chosen && engine.state == ENGINE_REACHABLE && engine.generation > 0 &&
	    generation == engine.generation;
}

bool
node_wait_for_sync(const struct args *args)
{
	struct waiting waiting = {.trouble = ""};
	struct problems problems = {0};
	uint64_t end = boot_ms() + WAIT_MS;
	bool done = false;

	waiting.config = store_open(args->state, STORE_CONFIG, STORE_READ, &problems);
	while (!done && boot_ms() < end && waiting.config != NULL) {
		if (waiting.cluster == NULL)
			waiting.cluster = store_open(args->state, STORE_CLUSTER, STORE_READ, &problems);
		else
			store_poll(waiting.cluster, &problems);
		store_poll(waiting.config, &problems);
		done = waiting.cluster != NULL && is_done(&waiting);
		if (!done)
			usleep(LOOK_US);
	}
	if (!done && waiting.cluster == NULL)
		report_error("graycloud-sync does not run: start it, and it does the rest");
	else if (!done)
		report_error("this is not done yet%s%s: `graycloud status` shows when it is",
		    *waiting.trouble != '\0' ? ": " : "", waiting.trouble);
	problems_free(&problems);
	store_close(waiting.cluster);
	store_close(waiting.config);
	return done;
}

static bool
refuse_joined(const struct before *before)
{
	if (before->joined)
		report_error("this node has joined a cluster already: see `graycloud node list`");
	return before->joined;
}

enum exit_code
node_init(struct args *args, command_fn *create)
{
	struct membership membership = {.cluster = ""};
	struct before before;

	if (!read_names(args, &membership))
		return EXIT_USAGE;
	if (!look(args, membership.node, &before) || refuse_joined(&before))
		return EXIT_REFUSED;
	if (before.roster > (before.on_roster ? 1 : 0)) {
		report_error(
		    "the roster has other nodes: a cluster begins with one node; remove the others with "
		    "`graycloud node remove`, and let them join");
		return EXIT_REFUSED;
	}
	if (!before.on_roster && run_create(args, create) != EXIT_DONE)
		return EXIT_REFUSED;
	if (args->dry_run)
		return EXIT_DONE;
	if (!write_membership(args, &membership) || (!args->no_wait && !node_wait_for_sync(args)))
		return EXIT_REFUSED;
	printf("cluster %s: this node is %s\n", membership.cluster, membership.node);
	return EXIT_DONE;
}

enum exit_code
node_join(struct args *args, command_fn *create)
{
	struct membership membership = {.cluster = ""};
	struct before before;

	if (!read_names(args, &membership))
		return EXIT_USAGE;
	if (!look(args, membership.node, &before) || refuse_joined(&before))
		return EXIT_REFUSED;
	if (args->dry_run) {
		report_error("node join has no dry run");
		return EXIT_USAGE;
	}
	if (!write_membership(args, &membership))
		return EXIT_REFUSED;
	if (args->no_wait) {
		printf(
		    "cluster %s: this node joins as %s; put it on the roster with `graycloud node create %s "
		    "site=SITE` if it is not\n",
		    membership.cluster, membership.node, membership.node);
		return EXIT_DONE;
	}
	if (!node_wait_for_sync(args) || !look(args, membership.node, &before))
		return EXIT_REFUSED;
	if (!before.on_roster && run_create(args, create) != EXIT_DONE)
		return EXIT_REFUSED;
	printf("cluster %s: this node is %s\n", membership.cluster, membership.node);
	return EXIT_DONE;
}
