/*
 * answer.h -- read what the JSON gateway of etcd answers: rows, results of transactions, lines of a watch,
 * errors.
 *
 * The versions differ: 3.4 and 3.5 name the members of an error differently, numbers of 64 bits are texts or
 * numbers, and members with the value 0, false or "" are missing. The functions here read all of these forms.
 * An answer that is not of this shape is an error with a sentence. Pure functions; any thread.
 */
#ifndef ETCD_ANSWER_H
#define ETCD_ANSWER_H

#include "zones/base/util.h"

/* A row of etcd, or the event of one. */
struct etcd_row {
	const char *key; /* ends with a NUL, and has no other */
	struct bytes value;
	int64_t modified; /* the revision of its last change */
	bool deleted;     /* an event: the row was deleted at that revision */
};

enum etcd_outcome {
	ETCD_DONE,
	ETCD_REFUSED, /* it answered with an error: nothing was changed */
	ETCD_LOST     /* no answer, or no valid one: a change may have been made or not */
};

struct etcd_answer {
	enum etcd_outcome outcome;
	char error[256];    /* the reason, if it is not done; never empty then */
	bool unknown_token; /* refused, because the token has ended or is missing */
	int64_t revision;   /* of the whole store, when it answered */
	uint64_t cluster;   /* the number of the cluster of etcd; another one after a restore from a backup */
	bool succeeded;     /* a transaction: the comparisons were true */
	bool more;          /* a range: there are more rows than the limit */
	struct etcd_row *rows; /* of a range, of the ranges in a transaction, or the events of a watch */
	size_t count;
	/* Of a watch. */
	bool created, cancelled;
	int64_t compacted; /* cancelled because of this: rows up to here are no longer known */
	/* Of maintenance/status. */
	uint64_t size; /* octets of the database file */
	char version[16];
	char *token;     /* of auth/authenticate; or NULL */
	uint8_t *octets; /* keys and values */
};

/*
 * Read the answer to a call: its HTTP status and its body. Free the answer with etcd_answer_free in
 * every case.
 */
void etcd_answer_read(struct etcd_answer *answer, long status, struct bytes body);
/* Read one line of a watch. */
void etcd_answer_read_line(struct etcd_answer *answer, struct bytes line);
/* There is no answer, for this reason. */
void etcd_answer_lost(struct etcd_answer *answer, const char *why);
void etcd_answer_free(struct etcd_answer *answer);

#endif
