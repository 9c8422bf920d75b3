/*
 * change.h -- the path of every change to the configuration, for the command line and for the API.
 *
 * A change is one transaction: check the generation, edit, let the guards look at the result (S32), and then
 * commit, or with dry_run discard. run.c has that sequence. Nothing here prints or ends the program: the
 * caller gives the author and the edit, and gets the problems, the result and the generation. It waits for
 * the nameserver with serving_wait (serving.h), if it wants to.
 */
#ifndef CHANGE_H
#define CHANGE_H

#include "admin/look/surroundings.h"
#include "zones/document/json.h"
#include "zones/model/quorum.h"
#include "zones/state/config_write.h"

/* The author and the manner of a change. The texts belong to the caller. */
struct change_request {
	const char *state; /* the directory */
	/*
	 * Stores that the process keeps open, because LMDB forbids to open one twice in one process; NULL:
	 * open them. config must be open for writing; the others may be NULL. Of health and cluster
	 * the one with the verdicts is used (S90); proposals must be open for writing.
	 */
	const struct change_stores {
		struct store *config, *health, *serving, *cluster, *proposals;
	} * stores;
	/* For the log: */
	const char *who, *command;
	const char *reason; /* NULL: none */
	bool dry_run;
	bool preview;             /* with dry_run: compare the clients of affected load balancers */
	bool force;               /* a refusal of a guard is only a warning */
	const char *how_to_force; /* for the sentence of a guard: how the caller asks for that */
	bool secrets;             /* the result shows secrets (secrets.h) */
	bool if_generation_given;
	uint64_t if_generation;
};

/* The reason for a refusal, for programs: the first one. */
enum change_fault {
	CHANGE_INVALID,    /* the change breaks a rule */
	CHANGE_TAKEN,      /* the name belongs to another object */
	CHANGE_ABSENT,     /* there is no such object */
	CHANGE_IN_USE,     /* S32: others refer to it */
	CHANGE_GUARDED,    /* S32: force does it anyway */
	CHANGE_GENERATION, /* if_generation is not that of the store */
	CHANGE_FAILED      /* the store cannot be written */
};

/* The result. Starts as {0}; free it with change_outcome_free. */
struct change_outcome {
	bool done;    /* without an error; committed, unless it was a dry run */
	bool changed; /* something was committed */
	uint64_t generation;
	enum change_fault fault; /* if not done */
	struct problems problems;
	char *message;        /* a sentence for people; may be NULL */
	struct json *preview; /* of a dry run, see preview.h; may be NULL */
	struct json *result;  /* as the API answers; may be NULL */
};

struct change {
	const struct change_request *request;
	struct config_edit *edit;
	struct store_txn *txn;    /* of edit: read here */
	struct store_txn *health; /* of the store of the verdicts (S90); NULL: there is none */
	struct store *serving;    /* NULL: there is none */
	struct problems problems;
	enum change_fault fault; /* set by change_refuse */
	bool geography_told;     /* the warning of a nameserver without a database of places was given */
	struct surroundings_nameservers nameservers; /* of the zone that was looked at last */
	/* For the caller; both may stay NULL. */
	char *message;
	struct json *result;
};

/*
 * The edit of a change; it fills problems. It is run again from the start if the map of the store was too
 * small, so it must not keep anything of the first run.
 */
typedef void change_fn(struct change *change, void *arg);
void change_run(
    const struct change_request *request, change_fn *fn, void *arg, struct change_outcome *outcome);
void change_outcome_free(struct change_outcome *outcome);

/* An error of this kind. */
void change_refuse(struct change *change, enum change_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A guard: an error that request->force makes a warning. The sentence names the loss. */
void change_guard(struct change *change, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
