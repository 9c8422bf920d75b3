/*
 * publisher_inner.h -- the publisher's state, for publisher.c, publisher_signed.c and publisher_inner.c.
 */
#ifndef DNSD_PUBLISHER_INNER_H
#define DNSD_PUBLISHER_INNER_H

#include "dnsd/epoch.h"
#include "dnsd/publisher_options.h"
#include "dnsd/signed_stores.h"
#include "zones/state/config_past.h"
#include "zones/state/served_signed.h"
#include "zones/state/serving.h"

#include <pthread.h>

struct publisher {
	struct publisher_options options;
	struct epochs *epochs;
	struct store *serving; /* NULL: another process writes the serving store */
	struct store *given;   /* the next value of serving */
	bool yield;            /* close serving */
	pthread_cond_t yielded;
	int wake_fd;
	struct followed config, health;
	struct signed_stores signed_by;
	struct served_signed *served; /* the zones that are answered signed */
	char *bare;                   /* those of them without a signature, for the serving store */
	bool noted;                   /* both are those of the snapshot */
	struct signer_beat signer;    /* the newest one; zeros: there was none */
	uint64_t waiting_ms; /* since when a configuration waits for the signer (S103); 0: none does */
	struct compiler *compiler;
	struct side *side; /* builds large zones with the compiler; NULL: none */
	pthread_t thread;
	int stop_fd;
	pthread_mutex_t lock; /* guards the compiler, the report, given and yield */
	struct publisher_report report;
	struct serving_status status;
	uint64_t started_ms, beat_ms;
	bool ready;
	bool went_back;  /* to the configuration that is signed, or tried to */
	bool unverified; /* S109: at the start: nobody has verified what this configuration needs */
	bool dirty;      /* the status changed: write it now */
	bool large;      /* the last change was large: there is memory to release */
	_Atomic uint8_t geography;
	_Atomic int64_t certificate_until;
	_Atomic(struct pins *) pins; /* NULL: not yet */
	uint64_t last_pins;          /* S99: the last document of other nodes */
	int logged_error;            /* the last write failure that was logged */
};

/* Publish what the compiler made. With the lock. */
void publisher_publish(struct publisher *publisher, enum compiled compiled);
/* S29: is the longest wait at a start over? */
bool publisher_has_waited(const struct publisher *publisher);

/* ---- publisher_signed.c: signed zones ---- */

/*
 * Compile the configuration, unless it waits for the signer: then *held is true, and it is to be looked at
 * again.
 */
enum compiled publisher_compile(
    struct publisher *publisher, struct store_txn *txn, bool anew, struct signing *signing, bool *held);

/* New signatures: of a zone, or of sets after a flip. */
void publisher_follow_signatures(struct publisher *publisher);
/* S103: a new configuration came. If the stores of signatures were not there yet, look for them first. */
void publisher_meet_signatures(struct publisher *publisher);

/* S100: note the zones that are answered signed, for the next start, and those without a signature. */
void publisher_note_signed(struct publisher *publisher);
/* ... and whether it has sets that the stores may have lost. */
void publisher_note_kept(struct publisher *publisher);

/*
 * S103: the signer has not signed the newest configuration in time. Compile the one that it signed last in
 * its place, as the nameserver that ran before answered: what came after it waits as a change that comes now.
 * Once, at the start. Without the lock.
 */
void publisher_go_back(struct publisher *publisher);

/*
 * S103: to compile what ends by itself while a newer configuration waits: a transaction of the configuration
 * that is answered, in a copy, if it is needed and the log has it; else config. past starts as {0} and is to
 * be closed. Without the lock.
 */
struct store_txn *publisher_answered(
    struct publisher *publisher, struct store_txn *config, struct config_past_copy *past);

#endif
