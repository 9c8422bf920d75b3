/*
 * scribe.h -- write the cluster store (cluster.h) as its only writer.
 *
 * Joint states that changed are written at once, with their votes; votes alone a little later and in
 * portions; the beat, the nodes and the engine each second. The store is written without fsync: a thread
 * saves a copy every 10 s. If the store is lost, it is written again from memory. One thread, except for that
 * which this module starts.
 */
#ifndef SCRIBE_H
#define SCRIBE_H

#include "sync/votes/verdicts.h"

struct scribe;

/*
 * Open the store and restore the joint states into the ballot. sealed: this thread is sealed already
 * (seal.h), and so are those that it starts. Returns NULL with problems filled.
 */
struct scribe *scribe_open(const char *state, struct ballot *ballot, struct verdicts *verdicts, bool sealed,
    struct problems *problems);
/* Write a last time, and close. Accepts NULL. */
void scribe_close(struct scribe *scribe);

/* The other rows of the store. */
struct scribe_page {
	const struct nodes *nodes;
	struct cluster_engine engine;
	uint64_t generation; /* of the configuration that was applied last */
	bool settled; /* all rows of the engine were read: what it does not have is deleted here, too */
};
/* Write what changed; second: also what is written each second. */
void scribe_write(struct scribe *scribe, const struct scribe_page *page, bool second);
/* The outcome of a proposal; written with the next scribe_write(), which happens at once. */
void scribe_outcome(struct scribe *scribe, const struct id *id, const struct cluster_outcome *outcome);
/* S99: a document of sticky pins of another node; empty: it was deleted. Written with the next
 * scribe_write(). */
void scribe_pins(struct scribe *scribe, const char *node, unsigned number, struct bytes document);
bool scribe_has_outcome(struct scribe *scribe, const struct id *id);

uint64_t scribe_failures(const struct scribe *scribe);
/* The error of the last write, a negative errno; 0: it succeeded. */
int scribe_error(const struct scribe *scribe);

#endif
