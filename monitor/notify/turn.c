#include "monitor/notify/turn.h"

#include <stdlib.h>

enum whose { WHOSE_UNKNOWN, WHOSE_OURS, WHOSE_OTHERS };

struct kept {
	struct notice *notice;
	uint64_t at_ms;
};

struct turn {
	enum whose whose;
	char reporter[NODE_NAME_MAX + 1]; /* WHOSE_OTHERS: that node */
	uint64_t reporter_ms;             /* its last beat */
	struct kept *kept;                /* a ring of TURN_KEPT_MAX */
	size_t first, count;
};

struct turn *
turn_new(void)
{
	struct turn *turn = xcalloc(1, sizeof *turn);

	turn->kept = xcalloc(TURN_KEPT_MAX, sizeof *turn->kept);
	return turn;
}

static struct notice *
take_first(struct turn *turn)
{
	struct notice *notice = turn->kept[turn->first].notice;

	turn->first = (turn->first + 1) % TURN_KEPT_MAX;
	turn->count--;
	return notice;
}

void
turn_free(struct turn *turn)
{
	if (turn == NULL)
		return;
	while (turn->count > 0)
		notice_drop(take_first(turn));
	free(turn->kept);
	free(turn);
}

static uint64_t
before(uint64_t ms, uint64_t by)
{
	return ms - MIN(ms, by);
}

/* Another node has reported what happened before this time. */
static void
drop_before(struct turn *turn, uint64_t ms)
{
	while (turn->count > 0 && turn->kept[turn->first].at_ms < ms)
		notice_drop(take_first(turn));
}

struct search {
	const struct turn *turn;
	struct cluster_node first;    /* that may report */
	struct cluster_node reporter; /* that has reported until now */
	bool found, found_reporter, others;
};

static bool
may_report(const struct cluster_node *node)
{
	return node->on_roster && node->live && node->notifies && node->monitor_alive &&
	    node->isolated_s == 0;
}

/* Nodes come in the order of their names. */
static bool
consider(void *arg, const struct cluster_node *node)
{
	struct search *search = arg;

	if (strcmp(node->name, search->turn->reporter) == 0) {
		search->reporter = *node;
		search->found_reporter = true;
	}
	if (!may_report(node))
		return true;
	search->others |= !node->self;
	if (!search->found)
		search->first = *node;
	search->found = true;
	return true;
}

/* The time until which another node has reported for sure; 0: none has. */
static uint64_t
reported_until(const struct turn *turn, const struct search *search, uint64_t now_ms)
{
	if (turn->whose == WHOSE_OTHERS) {
		bool gone = !search->found_reporter || !may_report(&search->reporter);

		return gone ? before(turn->reporter_ms, TURN_OVERLAP_MS) : before(now_ms, TURN_RETURN_MS);
	}
	/* After a start: another one has stood in for this node. */
	return turn->whose == WHOSE_UNKNOWN && search->others ? before(now_ms, TURN_RETURN_MS) : 0;
}

static void
take_over(struct turn *turn, uint64_t until_ms)
{
	drop_before(turn, until_ms);
	turn->whose = WHOSE_OURS;
	turn->reporter[0] = '\0';
}

static void
leave_to(struct turn *turn, const struct cluster_node *node)
{
	turn->whose = WHOSE_OTHERS;
	snprintf(turn->reporter, sizeof turn->reporter, "%s", node->name);
	turn->reporter_ms = node->beat_ms;
	drop_before(turn, before(node->beat_ms, TURN_OVERLAP_MS));
}

void
turn_look(struct turn *turn, struct store_txn *cluster, uint64_t now_ms)
{
	struct cluster_engine engine = {.state = ENGINE_SILENT};
	struct search search = {.turn = turn};

	if (cluster == NULL) {
		take_over(turn, 0);
		return;
	}
	cluster_engine_get(cluster, &engine);
	if (engine.state == ENGINE_SILENT) /* nothing changes (S94), and it stays as it is */
		return;
	if (engine.state == ENGINE_FAILED) {
		take_over(turn, turn->whose == WHOSE_OTHERS ? before(turn->reporter_ms, TURN_OVERLAP_MS) : 0);
		return;
	}
	cluster_node_each(cluster, consider, &search);
	if (search.found && !search.first.self)
		leave_to(turn, &search.first);
	else
		take_over(turn, reported_until(turn, &search, now_ms));
}

bool
turn_is_ours(const struct turn *turn)
{
	return turn->whose == WHOSE_OURS;
}

void
turn_keep(struct turn *turn, struct notice *notice, uint64_t now_ms)
{
	if (turn->count == TURN_KEPT_MAX)
		notice_drop(take_first(turn));
	turn->kept[(turn->first + turn->count++) % TURN_KEPT_MAX] = (struct kept){notice, now_ms};
}

struct notice *
turn_next(struct turn *turn)
{
	return turn->whose == WHOSE_OURS && turn->count > 0 ? take_first(turn) : NULL;
}
