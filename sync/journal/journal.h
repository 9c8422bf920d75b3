/*
 * journal.h -- S96, S97: the log of changes in the engine: proposals of this node go in, entries of all come
 * out and are applied in their order. It also begins a cluster, joins one, and takes snapshots.
 *
 * Rows of the engine:
 *
 *   meta          JSON: identity of the configuration, format
 *   gen           the generation; its revision is compared in each commit
 *   log/GEN       an entry (entry.h), or the name of its parts
 *   snapshot      JSON: generation, digest and length of the snapshot's parts, digest of the newest entry in
 * it; the same of the snapshot before
 *
 * The first node, whose roster names itself alone, creates the rows. A node whose configuration is empty, or
 * older than the log that is kept, takes the snapshot.
 *
 * A proposal is committed by one transaction that compares the revision of gen. If the answer is lost, the
 * proposal stays in doubt: it is sent again with the same comparison, so at most one of both can succeed, and
 * an entry with its id in the log shows that it did. One thread.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include "sync/engine/parts.h"
#include "sync/engine/reach.h"
#include "sync/nodes/configuration.h"
#include "sync/nodes/nodes.h"
#include "sync/votes/scribe.h"

struct journal;

/* All arguments must outlive the journal. prefix: of all keys. */
struct journal *journal_new(struct etcd *etcd, struct configuration *configuration, struct scribe *scribe,
    const char *state, const char *prefix);
void journal_free(struct journal *journal);

/* The generation from which on entries are read. */
uint64_t journal_first_entry(const struct journal *journal);
/* The session: everything is read again; a row; all rows were read; the connection ended. */
void journal_begun(struct journal *journal);
void journal_row(struct journal *journal, const char *key, const struct etcd_row *row);
void journal_ready(struct journal *journal);
void journal_ended(struct journal *journal);

/*
 * Apply entries, answer and send proposals. keeper: this node takes snapshots. Returns true if the
 * configuration changed.
 */
bool journal_work(struct journal *journal, const struct reach *reach, const struct nodes *nodes, bool keeper);

/* The session is to read everything again: another history was chosen. True once. */
bool journal_wants_again(struct journal *journal);

/* Of the engine, as of the last row; 0: unknown. */
uint64_t journal_generation(const struct journal *journal);
/* A sentence: why this node does not apply entries; "": it does. */
const char *journal_trouble(const struct journal *journal);
struct journal_counters {
	uint64_t proposals, commits, lost_races, applied, snapshots;
};
struct journal_counters journal_counters(const struct journal *journal);

int journal_watch_fd(struct journal *journal);
void journal_watch_clear(struct journal *journal);

#endif
