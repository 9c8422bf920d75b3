/*
 * synced -- act as graycloud-sync without an engine: write the cluster store of a node, apply proposals.
 *
 *     synced STATE CLUSTER NODE
 *
 * joins the node of STATE to a cluster, beats, and obeys lines of standard input, each answered by "done" or
 * "error". NODE is on the roster, and its vote is counted by S93. "proposals move" applies a change of its
 * own before the next one. Ends at the end of standard input and at SIGTERM.
 *
 *     node NAME live|gone [isolated] [dead] [generation=N] [schema=N] [ahead=MS] [trouble=WORD]
 *
 *     vote NODE STATE POOL ADDRESS [REASON]
 *
 *     engine reachable|silent|failed [generation=N]
 *
 *     proposals apply|ignore|refuse|move
 *
 *     beat on|off
 *
 *     leave
 */
#include "zones/state/cluster.h"
#include "zones/state/config.h"
#include "zones/state/entry.h"
#include "zones/state/proposal.h"
#include "zones/state/roster.h"

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

enum { TICK_MS = 10, BEAT_MS = 500, WORDS = 12 };

static struct synced {
	const char *state;
	struct membership membership;
	struct store *config, *cluster, *proposals;
	struct cluster_engine engine;
	enum { APPLY, IGNORE, REFUSE, MOVE } fate;
	bool beats, left;
	uint64_t beat_ms, started_ms, refused;
} synced = {.beats = true};

static struct store *
open_store(enum store_kind kind, enum store_access access)
{
	struct problems problems = {0};
	struct store *store = store_open(synced.state, kind, access, &problems);

	problems_print(&problems, "synced", stderr);
	problems_free(&problems);
	return store;
}

static struct store_txn *
begin(struct store *store, enum store_access access)
{
	struct store_txn *txn;
	int rc = store_begin(store, access, &txn);

	if (rc != 0)
		errx(1, "cannot begin: %s", strerror(-rc));
	return txn;
}

static void
commit(struct store_txn *txn)
{
	if (store_commit(txn) != 0)
		errx(1, "cannot commit");
}

static void
set_membership(const struct membership *membership)
{
	struct store_txn *txn = begin(synced.config, STORE_WRITE);

	membership_put(txn, membership);
	commit(txn);
}

static void
write_beat(void)
{
	struct health_beat beat = {.at_ms = boot_ms(),
	    .at_wall = wall_ms(),
	    .started_ms = synced.started_ms,
	    .pid = (uint32_t)getpid()};
	struct store_txn *txn = begin(synced.cluster, STORE_WRITE);
	struct cluster_node self;

	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	snprintf(beat.version, sizeof beat.version, "%s", VERSION);
	health_beat_put(txn, &beat);
	synced.engine.echo_ms = boot_ms();
	cluster_engine_put(txn, &synced.engine);
	if (cluster_node_get(txn, synced.membership.node, &self)) {
		self.beat_ms = boot_ms();
		cluster_node_put(txn, &self);
	}
	commit(txn);
	synced.beat_ms = boot_ms();
}

/* ---- lines ---- */

static const char *
value_of(char **words, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(words[i], name, strlen(name)) == 0 && words[i][strlen(name)] == '=')
			return words[i] + strlen(name) + 1;
	return NULL;
}

static bool
has(char **words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static uint64_t
number_of(char **words, size_t count, const char *name, uint64_t otherwise)
{
	const char *text = value_of(words, count, name);
	uint64_t number;

	return text != NULL && whole_from_text(text, UINT64_MAX, &number) ? number : otherwise;
}

static const char *
set_node(char **words, size_t count)
{
	struct store_txn *txn = begin(synced.cluster, STORE_WRITE),
			 *config = begin(synced.config, STORE_PEEK);
	struct roster roster = roster_read(config);
	const struct roster_node *listed = count > 2 ? roster_find(&roster, words[1]) : NULL;
	struct cluster_node node = {.beat_ms = boot_ms(), .schema = CONFIG_SCHEMA};
	const char *trouble = value_of(words, count, "trouble");

	if (listed != NULL) {
		snprintf(node.name, sizeof node.name, "%s", words[1]);
		snprintf(node.site, sizeof node.site, "%s", listed->site);
		snprintf(node.version, sizeof node.version, "%s", VERSION);
		snprintf(node.trouble, sizeof node.trouble, "%s", trouble != NULL ? trouble : "");
		node.on_roster = 1;
		node.votes = listed->votes;
		node.heard = node.live = strcmp(words[2], "live") == 0;
		node.monitor_alive = !has(words, count, "dead");
		node.isolated_s = has(words, count, "isolated") ? 7 : 0;
		node.self = strcmp(words[1], synced.membership.node) == 0;
		node.generation = number_of(words, count, "generation", config_generation(config));
		node.schema = (uint32_t)number_of(words, count, "schema", CONFIG_SCHEMA);
		node.ahead_ms = (int64_t)number_of(words, count, "ahead", 0);
		cluster_node_put(txn, &node);
	}
	roster_free(&roster);
	store_abort(config);
	commit(txn);
	return listed != NULL ? NULL : "no such node on the roster";
}

static enum vote
vote_of(const char *text)
{
	enum vote vote = VOTE_UNKNOWN;

	while (vote < VOTE_GONE && strcmp(vote_text(vote), text) != 0)
		vote++;
	return vote;
}

/* Put the vote into the ballot of an endpoint, and the joint state that follows. */
static void
count_vote(struct store_txn *txn, const struct roster_node *node, enum vote vote, unsigned reason,
    const struct endpoint *endpoint, unsigned need)
{
	struct cluster_ballot *ballot = xcalloc(1, sizeof *ballot);
	struct vantage vantages[QUORUM_VANTAGES_MAX];
	const char *sites[QUORUM_SITES_MAX];
	struct health_record before, record;
	bool known = health_get(txn, endpoint, &before);
	enum vote was = known ? (enum vote)before.state : VOTE_UNKNOWN, now;
	struct cluster_vote *of = NULL;
	unsigned nsites;

	cluster_ballot_get(txn, endpoint, ballot);
	for (size_t i = 0; i < ballot->count; i++)
		if (strcmp(ballot->votes[i].node, node->name) == 0)
			of = &ballot->votes[i];
	if (of == NULL)
		of = &ballot->votes[ballot->count++];
	if (of->node[0] == '\0' || of->vote != vote) {
		struct cluster_vote_flip flip = {.endpoint = *endpoint,
		    .vote = (uint8_t)vote,
		    .before = of->vote,
		    .reason = (uint8_t)reason,
		    .at_ms = boot_ms(),
		    .at_wall = wall_ms()};

		snprintf(flip.node, sizeof flip.node, "%s", node->name);
		snprintf(flip.site, sizeof flip.site, "%s", node->site);
		cluster_vote_flip_put(txn, &flip);
		of->since_ms = flip.at_ms;
		of->since_wall = flip.at_wall;
	}
	snprintf(of->node, sizeof of->node, "%s", node->name);
	snprintf(of->site, sizeof of->site, "%s", node->site);
	of->vote = (uint8_t)vote;
	of->counts = 1;
	of->reason = (uint8_t)reason;
	of->rtt_us = 1500;
	ballot->need = need;
	cluster_ballot_put(txn, endpoint, ballot);
	now = quorum_decide((enum engine_state)synced.engine.state, VOTE_GONE, vantages,
	    cluster_vantages(ballot, vantages, sites, &nsites), need, was, NULL);
	record = cluster_record(
	    now, now == VOTE_UP ? REASON_NONE : reason, NULL, known ? &before : NULL, boot_ms(), wall_ms());
	health_put(txn, endpoint, &record);
	if (!known || now != was)
		health_flip_put(txn,
		    &(struct health_flip){.endpoint = *endpoint,
			.state = (uint8_t)now,
			.before = (uint8_t)was,
			.reason = (uint8_t)reason,
			.at_ms = boot_ms(),
			.at_wall = wall_ms()});
	free(ballot);
}

static const char *
set_vote(char **words, size_t count)
{
	struct store_txn *txn = begin(synced.cluster, STORE_WRITE),
			 *config = begin(synced.config, STORE_PEEK);
	struct roster roster = roster_read(config);
	const struct roster_node *node = count > 4 ? roster_find(&roster, words[1]) : NULL;
	uint64_t reason = REASON_TCP_TIMEOUT;
	struct pool *pool;
	struct id id;
	size_t found = 0;

	if (count > 5)
		whole_from_text(words[5], REASON_COUNT, &reason);
	if (node != NULL && config_object_id(config, KIND_POOL, words[3], &id) &&
	    (pool = config_pool(config, id.text)) != NULL) {
		for (size_t i = 0; i < pool->norigins; i++)
			for (size_t n = 0;
			     n < pool->njudges && strcmp(pool->origins[i].address, words[4]) == 0; n++) {
				struct endpoint endpoint = health_pool_endpoint(pool,
				    pool->judges[n].monitor.text, &pool->origins[i], &pool->origins[i].ip);

				count_vote(txn, node, vote_of(words[2]), (unsigned)reason, &endpoint,
				    roster_need(&roster, pool));
				found++;
			}
		model_free_pool(pool);
	}
	roster_free(&roster);
	store_abort(config);
	commit(txn);
	return found > 0 ? NULL : "no such node, pool or origin";
}

static const char *
set_engine(char **words, size_t count)
{
	enum engine_state state = ENGINE_REACHABLE;

	while (count > 1 && state < ENGINE_FAILED && strcmp(engine_state_text(state), words[1]) != 0)
		state++;
	synced.engine.state = (uint8_t)state;
	synced.engine.own_member = 1;
	synced.engine.since_ms = boot_ms();
	synced.engine.since_wall = wall_ms();
	synced.engine.generation = number_of(words, count, "generation", synced.engine.generation);
	write_beat();
	return NULL;
}

/* ---- proposals ---- */

static void
answer(const struct id *id, enum cluster_verdict what, uint64_t generation, const char *text)
{
	struct store_txn *txn = begin(synced.cluster, STORE_WRITE);
	struct cluster_outcome outcome = {
	    .what = (uint8_t)what, .generation = generation, .at_ms = boot_ms()};

	snprintf(outcome.text, sizeof outcome.text, "%s", text);
	cluster_outcome_put(txn, id->text, &outcome);
	commit(txn);
}

/* The change of another node: a node object. */
static void
move_on(void)
{
	static const char head[] =
	    "{\"time\":1,\"who\":\"other\",\"command\":\"other\",\"reason\":\"\",\"node\":\"other\"}";
	struct problems problems = {0};
	struct config_edit *edit = config_edit_begin(synced.config, &problems);
	struct id id = id_new();
	char *json = xasprintf(
	    "{\"id\":\"%s\",\"name\":\"moved\",\"site\":\"x\",\"region\":\"\",\"votes\":false}", id.text);
	struct bytes entry;
	uint64_t generation;
	int error;

	config_put_object(edit, KIND_NODE, id.text, "moved", NULL, (struct bytes){json, strlen(json)});
	entry.data = entry_extract(edit, (struct bytes){head, sizeof head - 1}, &id, &entry.len, &error);
	if (entry.data == NULL || entry_apply(synced.config, &entry, 1, &generation, &problems) != 0)
		errx(1, "cannot move");
	free((void *)(uintptr_t)entry.data);
	free(json);
}

static void
settle(struct store_txn *txn, const struct proposal *proposal)
{
	struct problems problems = {0};
	struct store_txn *config = begin(synced.config, STORE_PEEK);
	uint64_t generation = config_generation(config);

	(void)txn;
	store_abort(config);
	if (synced.fate == REFUSE) {
		answer(&proposal->id, OUTCOME_REFUSED, 0, "the engine is full");
		return;
	}
	if (synced.fate == MOVE) {
		move_on();
		synced.fate = APPLY;
		answer(&proposal->id, OUTCOME_MOVED, generation + 1, "");
	} else if (proposal->base != generation)
		answer(&proposal->id, OUTCOME_MOVED, generation, "");
	else if (entry_apply(synced.config, &proposal->entry, 1, &generation, &problems) == 0)
		answer(&proposal->id, OUTCOME_COMMITTED, generation, "");
	else
		answer(&proposal->id, OUTCOME_REFUSED, 0, problems.items[0].text);
	problems_free(&problems);
}

static void
look_at_proposals(void)
{
	struct store_txn *txn, *cluster;
	struct proposal proposal;
	struct cluster_outcome known;
	uint64_t after = 0;

	if (synced.proposals == NULL && (synced.proposals = open_store(STORE_PROPOSALS, STORE_READ)) == NULL)
		return;
	txn = begin(synced.proposals, STORE_READ);
	while (synced.fate != IGNORE && proposal_next(txn, after, boot_ms(), &proposal)) {
		after = proposal.sequence;
		cluster = begin(synced.cluster, STORE_PEEK);
		if (!cluster_outcome_get(cluster, proposal.id.text, &known)) {
			store_abort(cluster);
			settle(txn, &proposal);
		} else
			store_abort(cluster);
	}
	store_abort(txn);
}

/* ---- the loop ---- */

static const char *
obey(char *line)
{
	static const char *const fates[] = {"apply", "ignore", "refuse", "move"};
	char *words[WORDS], *rest;
	size_t count = 0;

	for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < WORDS;
	     word = strtok_r(NULL, " \n", &rest))
		words[count++] = word;
	if (count == 0)
		return "nothing";
	if (strcmp(words[0], "node") == 0)
		return set_node(words, count);
	if (strcmp(words[0], "vote") == 0)
		return set_vote(words, count);
	if (strcmp(words[0], "engine") == 0)
		return set_engine(words, count);
	if (strcmp(words[0], "beat") == 0 && count > 1) {
		synced.beats = strcmp(words[1], "on") == 0;
		return NULL;
	}
	if (strcmp(words[0], "leave") == 0) {
		set_membership(NULL);
		return NULL;
	}
	for (size_t i = 0; strcmp(words[0], "proposals") == 0 && count > 1 && i < NITEMS(fates); i++)
		if (strcmp(words[1], fates[i]) == 0) {
			synced.fate = i;
			return NULL;
		}
	return "no such line";
}

static void
on_signal(int number)
{
	(void)number;
	ended = 1;
}

int
main(int argc, char *argv[])
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[512];

	if (argc != 4)
		errx(2, "usage: synced STATE CLUSTER NODE");
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	synced.state = argv[1];
	synced.started_ms = boot_ms();
	snprintf(synced.membership.cluster, sizeof synced.membership.cluster, "%s", argv[2]);
	snprintf(synced.membership.node, sizeof synced.membership.node, "%s", argv[3]);
	if ((synced.config = open_store(STORE_CONFIG, STORE_WRITE)) == NULL ||
	    (synced.cluster = open_store(STORE_CLUSTER, STORE_WRITE)) == NULL)
		return 1;
	obey((char[]){"engine reachable"});
	set_membership(&synced.membership);
	puts("ready");
	signal(SIGTERM, on_signal);
	while (!ended) {
		const char *fault;

		if (poll(&input, 1, TICK_MS) > 0) {
			if (fgets(line, sizeof line, stdin) == NULL)
				break;
			fault = obey(line);
			printf("%s%s\n", fault != NULL ? "error: " : "done", fault != NULL ? fault : "");
		}
		if (synced.beats && boot_ms() - synced.beat_ms >= BEAT_MS)
			write_beat();
		look_at_proposals();
	}
	store_close(synced.proposals);
	store_close(synced.cluster);
	store_close(synced.config);
	return 0;
}
