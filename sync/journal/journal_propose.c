/* Proposals of this node: one compare-and-swap each, and the log as the witness of lost answers. */
#include "sync/journal/journal_inner.h"

#include "sync/nodes/leavers.h"
#include "zones/document/document_load.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

/* S96: an election is waited for; later a command is refused at once. */
enum { WAIT_MS = 5000 };

static void
decide(struct journal *journal, const struct id *id, enum cluster_verdict what, uint64_t generation,
    const char *text)
{
	struct cluster_outcome outcome = {
	    .what = (uint8_t)what, .generation = generation, .at_ms = boot_ms()};

	snprintf(outcome.text, sizeof outcome.text, "%s", text);
	scribe_outcome(journal->scribe, id, &outcome);
}

void
journal_forget_working(struct journal *journal)
{
	free(journal->working.entry);
	journal->working = (struct working){.is_set = false};
}

static void
finish(struct journal *journal, enum cluster_verdict what, uint64_t generation, const char *text)
{
	decide(journal, &journal->working.id, what, generation, text);
	journal_forget_working(journal);
}

/* Has the log decided on the proposal? */
void
journal_settle(struct journal *journal)
{
	struct working *working = &journal->working;
	const struct id *id;

	if (!working->is_set || !journal->has_gen || journal->generation < working->generation)
		return;
	id = journal_id_of(journal, working->generation);
	if (id == NULL && !journal->ready)
		return; /* the log is being read */
	if (id != NULL && strcmp(id->text, working->id.text) == 0) {
		if (!working->committed)
			journal->counters.commits++;
		working->committed = true;
		if (configuration_generation(journal->configuration) >= working->generation)
			finish(journal, OUTCOME_COMMITTED, working->generation, "");
		return;
	}
	journal->counters.lost_races++;
	finish(journal, OUTCOME_MOVED, journal->generation, "");
}

static struct store_txn *
begin(struct journal *journal)
{
	struct problems problems = {0};
	struct store_txn *txn = NULL;

	if (journal->proposals == NULL)
		journal->proposals = store_open(journal->state, STORE_PROPOSALS, STORE_READ, &problems);
	else
		store_poll(journal->proposals, &problems);
	problems_print(&problems, "graycloud-sync", stderr);
	problems_free(&problems);
	if (journal->proposals == NULL || store_begin(journal->proposals, STORE_READ, &txn) != 0)
		return NULL;
	return txn;
}

/* The oldest proposal without an outcome becomes the one at which this node works. */
static void
choose(struct journal *journal)
{
	struct working *working = &journal->working;
	struct store_txn *txn = begin(journal);
	struct proposal proposal = {.sequence = 0};
	struct entry_head head;

	while (
	    txn != NULL && !working->is_set && proposal_next(txn, proposal.sequence, boot_ms(), &proposal)) {
		if (scribe_has_outcome(journal->scribe, &proposal.id))
			continue;
		journal->counters.proposals++;
		if (!entry_head(proposal.entry, &head)) {
			decide(journal, &proposal.id, OUTCOME_REFUSED, 0, "the change is damaged");
			continue;
		}
		*working = (struct working){.is_set = true,
		    .id = proposal.id,
		    .sequence = proposal.sequence,
		    .generation = head.generation,
		    .at_ms = boot_ms(),
		    .entry = xmemdup(proposal.entry.data, proposal.entry.len),
		    .len = proposal.entry.len,
		    /* A process of before a restart may have sent it. */
		    .sent = boot_ms() > proposal.at_ms + 1000};
	}
	store_abort(txn);
}

static void
on_committed(void *arg, const struct etcd_answer *answer)
{
	struct journal *journal = arg;
	struct working *working = &journal->working;

	working->in_flight = false;
	if (answer->outcome == ETCD_REFUSED) {
		warnx("the engine refused a change: %s", answer->error);
		working->sent = false;
		finish(journal, OUTCOME_REFUSED, 0, answer->error);
	} else if (answer->outcome == ETCD_LOST) {
		warnx("a change is in doubt (%s): the log will show it", answer->error);
	} else if (answer->succeeded) {
		working->committed = true;
		journal->counters.commits++;
	}
	/* Else the swap was lost to another node, or an earlier request of this node won it: the log shows
	 * that.
	 */
}

static void
on_parts(void *arg, const char *why)
{
	struct journal *journal = arg;

	if (why == NULL)
		journal->working.in_parts = true;
	else
		finish(journal, OUTCOME_REFUSED, 0, why);
}

/* The row of an entry in parts: its name, and the front of the entry. */
static uint8_t *
make_name(const struct working *working, size_t *len)
{
	enum { FRONT = 96 };
	size_t front = MIN(working->len, (size_t)FRONT);
	uint8_t *name = xmalloc(4 + DIGEST_LEN + 8 + front);

	memcpy(name, "GCP1", 4);
	digest_of((struct bytes){working->entry, working->len}, name + 4);
	put64(name + 4 + DIGEST_LEN, working->len);
	memcpy(name + 4 + DIGEST_LEN + 8, working->entry, front);
	*len = 4 + DIGEST_LEN + 8 + front;
	return name;
}

struct leaving {
	const struct journal *journal;
	struct etcd_txn *txn;
};

/* S90: a node that is removed leaves no rows. More than a transaction can have are left to the keeper. */
static bool
delete_leaver(void *arg, const struct config_item *item)
{
	const struct leaving *leaving = arg;
	char name[256];

	if (etcd_txn_operations(leaving->txn) + LEAVERS_OPERATIONS > REQUEST_OPERATIONS_MAX)
		return false;
	if (item->what == CONFIG_OBJECT && item->kind == KIND_NODE && item->after.len == 0 &&
	    document_name(item->before, name))
		leavers_delete(leaving->txn, leaving->journal->prefix, name);
	return true;
}

static void
commit(struct journal *journal)
{
	struct working *working = &journal->working;
	struct etcd_txn *txn = etcd_txn_new();
	char number[24], *gen = journal_key(journal, "gen"), *log;
	uint8_t *name = NULL;
	struct bytes value = {working->entry, working->len};

	log = xasprintf("%slog/%012llu", journal->prefix, (unsigned long long)working->generation);
	if (working->in_parts) {
		name = make_name(working, &value.len);
		value.data = name;
	}
	snprintf(number, sizeof number, "%llu", (unsigned long long)working->generation);
	etcd_txn_if_modified(txn, gen, journal->gen_revision);
	etcd_txn_if_modified(txn, log, 0);
	etcd_txn_put(txn, gen, (struct bytes){number, strlen(number)});
	etcd_txn_put(txn, log, value);
	if (working->len <= INLINE_MAX)
		entry_each_item((struct bytes){working->entry, working->len}, delete_leaver,
		    &(struct leaving){journal, txn});
	working->sent = working->in_flight = true;
	etcd_commit(journal->etcd, txn, on_committed, journal);
	free(name);
	free(log);
	free(gen);
}

/* The engine does not answer. A proposal that it may have stays in doubt. */
static void
refuse_late(struct journal *journal, const struct reach *reach)
{
	uint64_t now_ms = boot_ms(), silent_ms = now_ms - MIN(reach->since_ms, now_ms);
	char text[256];

	if (journal->working.sent || silent_ms < WAIT_MS)
		return;
	snprintf(text, sizeof text,
	    "the other nodes cannot be reached (etcd is %s since %llu s): nothing was changed",
	    engine_state_text(reach->state), (unsigned long long)silent_ms / 1000);
	finish(journal, OUTCOME_REFUSED, 0, text);
}

void
journal_propose(struct journal *journal, const struct reach *reach)
{
	struct working *working = &journal->working;

	if (!working->is_set)
		choose(journal);
	if (!working->is_set || working->in_flight || working->committed)
		return;
	if (reach->state != ENGINE_REACHABLE || !journal->ready) {
		refuse_late(journal, reach);
		return;
	}
	journal_settle(journal);
	if (!working->is_set || parts_busy(journal->parts))
		return;
	if (!journal->has_gen || *journal->trouble != '\0') {
		finish(journal, OUTCOME_REFUSED, 0,
		    *journal->trouble != '\0' ? journal->trouble : "the cluster has not begun");
		return;
	}
	if (working->generation != journal->generation + 1)
		finish(journal, OUTCOME_MOVED, journal->generation, "");
	else if (working->len > INLINE_MAX && !working->in_parts)
		parts_send(
		    journal->parts, xmemdup(working->entry, working->len), working->len, on_parts, journal);
	else
		commit(journal);
}
