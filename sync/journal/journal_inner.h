/*
 * journal_inner.h -- the parts of the journal: journal_apply.c applies, journal_propose.c commits,
 * journal_snapshot.c begins clusters and takes and loads snapshots, journal_reset.c takes another history.
 */
#ifndef JOURNAL_INNER_H
#define JOURNAL_INNER_H

#include "sync/engine/own_key.h"
#include "sync/journal/journal.h"
#include "zones/state/proposal.h"

/* The name of an entry that is in parts: "GCP1", digest (32), length (8). */
enum { NAME_LEN = 4 + DIGEST_LEN + 8 };

enum {
	INLINE_MAX = PART_OCTETS, /* a larger entry is sent as parts */
	KNOWN_IDS = 1024,         /* of the newest entries */
	READ_BACK = 64            /* entries that are read again, for their ids */
};

/* An entry that was heard and is not applied yet. */
struct heard_entry {
	uint64_t generation;
	uint8_t *octets; /* the value of its row */
	size_t len;
};

struct known_id {
	uint64_t generation;
	struct id id;
};

/* The proposal at which this node works. */
struct working {
	bool is_set;
	struct id id;
	uint64_t sequence, generation; /* that its entry makes */
	uint64_t at_ms;
	uint8_t *entry;
	size_t len;
	bool sent;      /* a request may have reached the engine */
	bool in_flight; /* and is not answered */
	bool committed; /* the engine has it; it is not applied here yet */
	bool in_parts;  /* its parts are in the engine */
};

struct snapshot_name {
	uint64_t generation;
	uint8_t digest[DIGEST_LEN], last[DIGEST_LEN];
	size_t len; /* 0: there is none */
};

struct journal {
	struct etcd *etcd;
	struct configuration *configuration;
	struct scribe *scribe;
	struct parts *parts;
	const char *state;
	char *prefix;
	bool ready; /* all rows were read */
	bool has_meta, has_gen;
	struct id identity;  /* of the cluster */
	uint64_t generation; /* of the engine */
	int64_t gen_revision;
	struct heard_entry *entries; /* in their order */
	size_t nentries;
	struct known_id known[KNOWN_IDS]; /* of generation n in n % KNOWN_IDS */
	struct store *proposals;
	struct working working;
	struct snapshot_name snapshot, before;
	struct own_key snapshot_key;
	struct snapshot_name taken; /* its parts are being sent */
	bool beginning;             /* a request that begins the cluster or writes a snapshot is in flight */
	uint8_t *fetched;           /* the octets of an entry in parts */
	size_t fetched_len;
	uint64_t fetched_generation;
	bool changed;       /* a snapshot was loaded */
	bool forked;        /* the newest entry here is not that of the engine */
	uint64_t read_from; /* node reset: entries are read from here on; 0: those after the configuration */
	bool again;         /* the session is to read everything again */
	bool pushing;       /* the snapshot that is being sent is that of `node push` */
	bool was_logged;    /* the choice was logged */
	uint64_t retry_ms;  /* not before, after a failure */
	char trouble[256];
	struct journal_counters counters;
};

/* journal_rows.c */
char *journal_key(const struct journal *journal, const char *rest);
/* The id of an entry in the log; NULL if it is not known. */
const struct id *journal_id_of(const struct journal *journal, uint64_t generation);

/* Is the value of an entry's row the name of its parts? */
bool journal_in_parts(struct bytes value);
/* The choice of a person (push, reset) is done: forget it. */
void journal_end_choice(struct journal *journal);

/* journal_propose.c */
void journal_propose(struct journal *journal, const struct reach *reach);
void journal_settle(struct journal *journal);
void journal_forget_working(struct journal *journal);

/* journal_snapshot.c */
void journal_take_meta(struct journal *journal, const char *key, const struct etcd_row *row);
/* Begin the cluster if there is none and this node may. */
void journal_begin_cluster(struct journal *journal, const struct nodes *nodes);
/* Load the snapshot if the log does not reach back to this node. Returns true if something is under way. */
bool journal_catch_up(struct journal *journal);
/* Do what a person has chosen. Returns true if something is under way. */
bool journal_choose(struct journal *journal);
/* Take a snapshot if it is time. */
void journal_keep(struct journal *journal);

/* journal_reset.c */
/* S97, node reset: take the snapshot and all entries after it, at once. Call it until the choice is gone. */
void journal_reset(struct journal *journal);

#endif
