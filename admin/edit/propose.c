#include "admin/edit/propose.h"

#include "admin/cli/when.h"
#include "zones/state/cluster.h"
#include "zones/state/entry.h"
#include "zones/state/proposal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 5 };

bool
propose_joined(struct store_txn *config, char node[NODE_NAME_MAX + 1])
{
	struct membership membership;

	if (!membership_get(config, &membership))
		return false;
	memcpy(node, membership.node, sizeof membership.node);
	return true;
}

/* ---- may it be proposed? ---- */

static char *
silence(const struct cluster_engine *engine)
{
	uint64_t now = boot_ms();
	char age[16];

	when_age((int64_t)(now - MIN(engine->since_ms, now)), age);
	return xasprintf(
	    "the other nodes cannot be reached (the engine is %s since %s%s%s): nothing was changed",
	    engine_state_text((enum engine_state)engine->state), age, engine->trouble[0] != '\0' ? ": " : "",
	    engine->trouble);
}

/* S98: a live node that could not apply it. */
static bool
find_old(void *arg, const struct cluster_node *node)
{
	char **text = arg;

	if (!node->live || node->schema >= CONFIG_SCHEMA)
		return true;
	*text = xasprintf(
	    "node %s knows schema %u only, and this command would write %d: upgrade it first; nothing "
	    "was changed",
	    node->name, node->schema, CONFIG_SCHEMA);
	return false;
}

/* The reason why nothing can be committed now; NULL: it can. malloc. */
static char *
obstacle(struct store *cluster)
{
	struct cluster_engine engine;
	struct health_beat beat;
	struct store_txn *txn;
	char *text = NULL, age[16];

	if (cluster == NULL || store_begin(cluster, STORE_PEEK, &txn) != 0)
		return xstrdup("graycloud-sync does not run: nothing was changed");
	if (!health_beat_get(txn, &beat) || !cluster_engine_get(txn, &engine))
		text = xstrdup("graycloud-sync does not run: nothing was changed");
	else if (health_monitor_dead(&beat, boot_ms()))
		text = xasprintf("graycloud-sync is dead since %s: nothing was changed",
		    when_age(wall_ms() - beat.at_wall, age));
	else if (engine.state != ENGINE_REACHABLE)
		text = silence(&engine);
	else
		cluster_node_each(txn, find_old, &text);
	store_abort(txn);
	return text;
}

void
propose_check(struct change *change, struct store *cluster)
{
	char *text = obstacle(cluster);

	if (text != NULL)
		change_refuse(change, CHANGE_FAILED, "%s", text);
	free(text);
}

/* ---- propose ---- */

static int
write_proposal(struct store *proposals, const struct proposal *proposal)
{
	int error = -ENOSPC;

	for (int i = 0; i < 8 && error == -ENOSPC; i++) {
		struct store_txn *txn;

		if ((error = store_begin(proposals, STORE_WRITE, &txn)) != 0)
			return error;
		if ((error = proposal_put(txn, proposal, boot_ms())) == 0)
			error = store_commit(txn);
		else
			store_abort(txn);
		if (error == -ENOSPC && !store_full(proposals))
			return error;
	}
	return error;
}

static void
delete_proposal(struct store *proposals, const struct id *id)
{
	struct store_txn *txn;

	/* If it stays, the next command deletes it. */
	if (store_begin(proposals, STORE_WRITE, &txn) != 0)
		return;
	if (proposal_delete(txn, id->text) == 0)
		store_commit(txn);
	else
		store_abort(txn);
}

static bool
wait_for_outcome(struct store *cluster, const struct proposal *proposal, struct cluster_outcome *outcome)
{
	/* A zone of a million records travels for seconds: 2 s more for each MiB. */
	uint64_t end = boot_ms() + PROPOSAL_WAIT_MS + proposal->entry.len / 512;
	bool known = false;

	for (;;) {
		struct store_txn *txn;

		if (store_begin(cluster, STORE_PEEK, &txn) == 0) {
			known = cluster_outcome_get(txn, proposal->id.text, outcome);
			store_abort(txn);
		}
		if (known || boot_ms() >= end)
			return known;
		poll(NULL, 0, LOOK_MS);
	}
}

static enum proposed
settle(struct change *change, const struct id *id, bool known, const struct cluster_outcome *settled,
    struct change_outcome *outcome)
{
	if (!known) {
		change_refuse(change, CHANGE_FAILED,
		    "the other nodes have not settled it yet; if it is committed, `graycloud log` will show "
		    "it, as %s",
		    id->text);
		return PROPOSED_SETTLED;
	}
	switch (settled->what) {
	case OUTCOME_COMMITTED:
		outcome->generation = settled->generation;
		outcome->changed = outcome->done = true;
		return PROPOSED_SETTLED;
	case OUTCOME_MOVED:
		return PROPOSED_AGAIN;
	default:
		change_refuse(change, CHANGE_FAILED,
		    "the other nodes did not take it (%s): nothing was changed", settled->text);
		return PROPOSED_SETTLED;
	}
}

static enum proposed
send(struct change *change, const struct change_stores *stores, const struct proposal *proposal,
    struct change_outcome *outcome)
{
	struct cluster_outcome settled = {.what = 0};
	enum proposed result;
	bool known;
	int error;

	if (stores->proposals == NULL || stores->cluster == NULL) {
		change_refuse(change, CHANGE_FAILED,
		    "the store of proposals cannot be written: is graycloud-sync installed here? Nothing was "
		    "changed");
		return PROPOSED_SETTLED;
	}
	if ((error = write_proposal(stores->proposals, proposal)) != 0) {
		change_refuse(change, CHANGE_FAILED, "cannot write the proposal: %s; nothing was changed%s",
		    strerror(-error), store_write_cure(error));
		return PROPOSED_SETTLED;
	}
	known = wait_for_outcome(stores->cluster, proposal, &settled);
	result = settle(change, &proposal->id, known, &settled, outcome);
	if (known)
		delete_proposal(stores->proposals, &proposal->id);
	return result;
}

enum proposed
propose_edit(struct change *change, const struct change_stores *stores, struct bytes head,
    struct change_outcome *outcome)
{
	struct proposal proposal = {.id = id_new(), .at_ms = boot_ms()};
	uint64_t base = config_edit_sequence(change->edit) - 1;
	enum proposed result = PROPOSED_SETTLED;
	uint8_t *entry;
	int error;

	proposal.base = base;
	if (!config_edit_changed(change->edit)) {
		/* Nothing, or a preview: that is no part of the configuration, and stays at this node. */
		error = config_edit_commit(change->edit, head, &outcome->generation);
		if (error == 0)
			outcome->done = true;
		else
			change_refuse(change, CHANGE_FAILED,
			    "cannot write the configuration: %s; nothing was changed%s", strerror(-error),
			    store_write_cure(error));
		return PROPOSED_SETTLED;
	}
	entry = entry_extract(change->edit, head, &proposal.id, &proposal.entry.len, &error);
	proposal.entry.data = entry;
	outcome->generation = base;
	if (entry != NULL)
		result = send(change, stores, &proposal, outcome);
	else if (error == -EOPNOTSUPP)
		change_refuse(change, CHANGE_INVALID,
		    "this node is part of a cluster, whose configuration is not replaced as a whole: "
		    "`graycloud "
		    "node detach` "
		    "first, or use `graycloud apply --prune`");
	else if (error != 0)
		change_refuse(change, CHANGE_FAILED,
		    "cannot write the configuration: %s; nothing was changed%s", strerror(-error),
		    store_write_cure(error));
	else
		outcome->done = true;
	free(entry);
	return result;
}
