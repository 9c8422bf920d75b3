#include "sync/votes/scribe.h"

#include "sync/nodes/leavers.h"
#include "zones/base/array.h"
#include "zones/base/thread.h"
#include "zones/daemon/seal.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Votes alone change no answer: they wait, and are written in portions, so that the loop is not held up. */
enum { VOTES_WAIT_MS = 200, VOTES_PACE_MS = 50, VOTES_AT_ONCE = 1000 };
enum { SAVE_EVERY_S = 10, GROWN_AT_MOST = 12 /* how often a map is doubled for one commit */ };

struct decided {
	struct id id;
	struct cluster_outcome outcome;
};

struct heard_pins {
	char *node;
	uint16_t number;
	uint8_t *octets;
	size_t len;
};

struct scribe {
	struct store *store;
	struct ballot *ballot;
	struct verdicts *verdicts;
	char *path;
	uint64_t started_ms;
	struct decided *outcomes;
	size_t noutcomes;
	struct heard_pins *pins;
	size_t npins;
	struct health_flip *names;
	size_t nnames;
	int logged_error;
	uint64_t failures;
	bool stuck;
	uint8_t engine;    /* its state as it was written last */
	uint64_t votes_ms; /* when votes are to be written; 0: none wait */
	pthread_t saver;
	bool saving, stop;
	bool sealed;           /* the thread is sealed, because that which starts it is */
	pthread_mutex_t mutex; /* stop */
	pthread_cond_t cond;
};

/* ---- saving ---- */

static bool
wait_to_save(struct scribe *scribe)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SAVE_EVERY_S;
	pthread_mutex_lock(&scribe->mutex);
	while (!scribe->stop && pthread_cond_timedwait(&scribe->cond, &scribe->mutex, &until) != ETIMEDOUT)
		continue;
	stop = scribe->stop;
	pthread_mutex_unlock(&scribe->mutex);
	return !stop;
}

static void
save_once(struct scribe *scribe, int *logged_error)
{
	int error = store_save(scribe->store);

	if (error != *logged_error && error != 0 && error != -ENOENT)
		warnx("cannot save a copy of %s: %s%s", scribe->path, strerror(-error),
		    store_write_cure(error));
	*logged_error = error;
}

static void *
save(void *arg)
{
	struct scribe *scribe = arg;
	int logged_error = 0;

	if (!scribe->sealed)
		seal_enter(SEAL_SAVER);
	do
		save_once(scribe, &logged_error);
	while (wait_to_save(scribe));
	return NULL;
}

static void
start_saver(struct scribe *scribe, struct problems *problems)
{
	const char *why;

	pthread_mutex_init(&scribe->mutex, NULL);
	thread_condition(&scribe->cond);
	why = thread_start(&scribe->saver, 0, save, scribe);
	scribe->saving = why == NULL;
	if (why != NULL)
		problems_error(problems, "cannot start a thread to save %s: %s", scribe->path, why);
}

static void
stop_saver(struct scribe *scribe)
{
	if (!scribe->saving)
		return;
	pthread_mutex_lock(&scribe->mutex);
	scribe->stop = true;
	pthread_cond_signal(&scribe->cond);
	pthread_mutex_unlock(&scribe->mutex);
	pthread_join(scribe->saver, NULL);
	pthread_cond_destroy(&scribe->cond);
	pthread_mutex_destroy(&scribe->mutex);
	scribe->saving = false;
}

/* ---- rows ---- */

static int
write_joint(struct store_txn *txn, struct store_txn *health, struct ballot *ballot, const struct voted *voted)
{
	struct health_record own, before, record;
	struct cluster_ballot row;
	bool has_own = health != NULL && health_get(health, &voted->endpoint, &own);
	bool has_before = health_get(txn, &voted->endpoint, &before);
	int error;

	if (ballot_abandoned(voted)) {
		struct health_flip gone = {.endpoint = voted->endpoint,
		    .state = HEALTH_DISABLED,
		    .before = (uint8_t)voted->joint,
		    .at_ms = boot_ms(),
		    .at_wall = wall_ms()};

		error = has_before ? health_flip_put(txn, &gone) : 0;
		error = error != 0 ? error : health_delete(txn, &voted->endpoint);
		return error != 0 ? error : cluster_ballot_delete(txn, &voted->endpoint);
	}
	record = cluster_record(voted->joint, voted->reason, has_own ? &own : NULL,
	    has_before ? &before : NULL, boot_ms(), wall_ms());
	error = health_put(txn, &voted->endpoint, &record);
	ballot_row(ballot, voted, &row);
	return error != 0 ? error : cluster_ballot_put(txn, &voted->endpoint, &row);
}

static int
write_joint_flips(struct store_txn *txn, const struct ballot *ballot)
{
	size_t count;
	const struct health_flip *flips = ballot_joint_flips(ballot, &count);
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++)
		error = health_flip_put(txn, &flips[i]);
	return error;
}

/* The part of the ballot that one commit writes, beside the joint states. */
struct portion {
	bool votes; /* also votes that decided nothing */
	size_t at;  /* where the endpoints end that were written */
	size_t flips;
};

/* Endpoints of which only votes changed. */
static int
write_votes(struct store_txn *txn, struct store_txn *health, struct ballot *ballot, struct portion *portion)
{
	struct voted *voted;
	int error = 0;

	for (unsigned i = 0; i < VOTES_AT_ONCE && error == 0; i++)
		if ((voted = ballot_unwritten(ballot, false, &portion->at)) != NULL)
			error = write_joint(txn, health, ballot, voted);
	return error;
}

/* Changes of votes. No change of a joint state is read without those that made it (S95: events). */
static int
write_vote_flips(struct store_txn *txn, const struct ballot *ballot, struct portion *portion)
{
	size_t count, joint;
	const struct cluster_vote_flip *flips = ballot_flips(ballot, &count);
	int error = 0;

	ballot_joint_flips(ballot, &joint);
	if (joint == 0)
		count = portion->votes ? MIN(count, VOTES_AT_ONCE) : 0;
	for (; portion->flips < count && error == 0; portion->flips++)
		error = cluster_vote_flip_put(txn, &flips[portion->flips]);
	return error;
}

struct copying {
	struct store_txn *txn;
	int error;
};

static bool
copy_name(void *arg, const char *name, const struct name_record *record)
{
	struct copying *copying = arg;
	struct name_record old;

	if (name_get(copying->txn, name, &old) && memcmp(&old, record, sizeof old) == 0)
		return true;
	copying->error = name_put(copying->txn, name, record);
	return copying->error == 0;
}

struct leftovers {
	struct store_txn *health;
	char **names;
	size_t count;
};

static bool
find_leftover(void *arg, const char *name, const struct name_record *record)
{
	struct leftovers *leftovers = arg;
	struct name_record ignored;

	(void)record;
	if (!name_get(leftovers->health, name, &ignored)) {
		leftovers->names = array_grow(leftovers->names, leftovers->count, sizeof *leftovers->names);
		leftovers->names[leftovers->count++] = xstrdup(name);
	}
	return true;
}

/* Hostnames as the own monitor resolves them. */
static int
copy_names(struct store_txn *txn, struct store_txn *health)
{
	struct copying copying = {txn, 0};
	struct leftovers leftovers = {.health = health};

	if (health == NULL)
		return 0;
	name_each(health, copy_name, &copying);
	if (copying.error == 0)
		name_each(txn, find_leftover, &leftovers);
	while (leftovers.count > 0) {
		char *name = leftovers.names[--leftovers.count];

		if (copying.error == 0)
			copying.error = name_delete(txn, name);
		free(name);
	}
	free(leftovers.names);
	return copying.error;
}

static int
write_beat(struct store_txn *txn, const struct scribe *scribe, const struct scribe_page *page)
{
	struct health_beat beat = {.at_ms = boot_ms(),
	    .at_wall = wall_ms(),
	    .started_ms = scribe->started_ms,
	    .pid = (uint32_t)getpid(),
	    .endpoints = (uint32_t)ballot_count(scribe->ballot),
	    .generation = page->generation,
	    .isolated_ms = verdicts_isolated_ms(scribe->verdicts)};

	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	snprintf(beat.version, sizeof beat.version, "%s", VERSION);
	return health_beat_put(txn, &beat);
}

static int
write_nodes(struct store_txn *txn, const struct scribe_page *page)
{
	int error = 0;

	for (unsigned i = 0; i < page->nodes->count && error == 0; i++) {
		struct cluster_node row = nodes_row(page->nodes, i);

		if (row.on_roster || row.live || row.self)
			error = cluster_node_put(txn, &row);
		else
			error = cluster_node_delete(txn, row.name);
	}
	return error != 0 ? error : cluster_engine_put(txn, &page->engine);
}

static bool
keep_pins(void *arg, const char *node)
{
	return leavers_is_here(arg, node);
}

struct gone {
	const struct nodes *nodes;
	char name[NODE_NAME_MAX + 1]; /* of the first one; "": there is none */
};

static bool
find_gone(void *arg, const struct cluster_node *node)
{
	struct gone *gone = arg;

	if (leavers_is_here(gone->nodes, node->name))
		return true;
	memcpy(gone->name, node->name, sizeof gone->name);
	return false;
}

/* Nodes that left, perhaps while this process did not run: their rows and their pins. */
static int
delete_leavers(struct store_txn *txn, const struct scribe_page *page)
{
	int error = cluster_pins_sweep(txn, keep_pins, (void *)(uintptr_t)page->nodes);

	while (error == 0) {
		struct gone gone = {.nodes = page->nodes};

		cluster_node_each(txn, find_gone, &gone);
		if (gone.name[0] == '\0')
			break;
		error = cluster_node_delete(txn, gone.name);
	}
	return error;
}

static int
write_pins(struct store_txn *txn, const struct heard_pins *pins)
{
	if (pins->len == 0)
		return cluster_pins_delete(txn, pins->node, pins->number);
	return cluster_pins_put(txn, pins->node, pins->number, (struct bytes){pins->octets, pins->len});
}

static int
write_rows(struct scribe *scribe, struct store_txn *txn, struct store_txn *health,
    const struct scribe_page *page, bool second, struct portion *portion)
{
	struct voted *voted;
	size_t at = 0;
	int error = 0;

	portion->at = portion->flips = 0;
	while (error == 0 && (voted = ballot_unwritten(scribe->ballot, true, &at)) != NULL)
		error = write_joint(txn, health, scribe->ballot, voted);
	error = error != 0 ? error : write_joint_flips(txn, scribe->ballot);
	if (error == 0 && portion->votes)
		error = write_votes(txn, health, scribe->ballot, portion);
	error = error != 0 ? error : write_vote_flips(txn, scribe->ballot, portion);
	if (error == 0 && (second || scribe->nnames > 0))
		error = copy_names(txn, health);
	for (size_t i = 0; i < scribe->nnames && error == 0; i++)
		error = health_flip_put(txn, &scribe->names[i]);
	for (size_t i = 0; i < scribe->noutcomes && error == 0; i++)
		error = cluster_outcome_put(txn, scribe->outcomes[i].id.text, &scribe->outcomes[i].outcome);
	for (size_t i = 0; i < scribe->npins && error == 0; i++)
		error = write_pins(txn, &scribe->pins[i]);
	error = error != 0 ? error : write_nodes(txn, page);
	if (error == 0 && second && page->settled)
		error = delete_leavers(txn, page);
	if (error == 0 && second)
		error = write_beat(txn, scribe, page);
	return error;
}

/* Write all in one transaction; again if the map was too small. */
static int
commit(struct scribe *scribe, const struct scribe_page *page, bool second, struct portion *portion)
{
	int error;
	unsigned tries = 0;

	do {
		struct store_txn *health = verdicts_begin(scribe->verdicts), *txn;

		if ((error = store_begin(scribe->store, STORE_WRITE, &txn)) == 0) {
			error = write_rows(scribe, txn, health, page, second, portion);
			if (error == 0)
				error = store_commit(txn);
			else
				store_abort(txn);
		}
		store_abort(health);
	} while (error == -ENOSPC && store_full(scribe->store) && ++tries < GROWN_AT_MOST);
	return error;
}

static void
note_error(struct scribe *scribe, int error)
{
	if (error != 0)
		scribe->failures++;
	if (error != 0 && error != scribe->logged_error)
		warnx("cannot write %s: %s%s", scribe->path, strerror(-error), store_write_cure(error));
	if (error == 0 && scribe->logged_error != 0)
		warnx("%s can be written again", scribe->path);
	scribe->logged_error = error;
	scribe->stuck = error == -ENOTRECOVERABLE;
}

/* Once a second: has the store been lost? */
static void
maintain(struct scribe *scribe)
{
	struct problems problems = {0};
	enum store_news news = (scribe->stuck ? store_reopen : store_poll)(scribe->store, &problems);

	problems_print(&problems, "graycloud-sync", stderr);
	problems_free(&problems);
	if (news == STORE_REPLACED) {
		warnx("%s was lost: it is created again from memory", scribe->path);
		ballot_lost(scribe->ballot);
	}
	store_check_readers(scribe->store);
}

/* Do votes that differ wait? */
static bool
votes_wait(const struct scribe *scribe)
{
	size_t at = 0, flips;

	ballot_flips(scribe->ballot, &flips);
	return flips > 0 || ballot_unwritten(scribe->ballot, false, &at) != NULL;
}

static void
take_names(struct scribe *scribe)
{
	size_t count;
	struct health_flip *names = verdicts_names(scribe->verdicts, &count);

	for (size_t i = 0; i < count; i++) {
		scribe->names = array_grow(scribe->names, scribe->nnames, sizeof *scribe->names);
		scribe->names[scribe->nnames++] = names[i];
	}
	free(names);
}

static void
forget_pins(struct scribe *scribe)
{
	while (scribe->npins > 0) {
		struct heard_pins *pins = &scribe->pins[--scribe->npins];

		free(pins->node);
		free(pins->octets);
	}
}

void
scribe_write(struct scribe *scribe, const struct scribe_page *page, bool second)
{
	struct portion portion = {0};
	size_t joint;
	int error;

	take_names(scribe);
	if (second)
		maintain(scribe);
	ballot_joint_flips(scribe->ballot, &joint);
	if (scribe->votes_ms == 0 && votes_wait(scribe))
		scribe->votes_ms = boot_ms() + VOTES_WAIT_MS;
	portion.votes = scribe->votes_ms != 0 && boot_ms() >= scribe->votes_ms;
	if (!second && scribe->nnames == 0 && scribe->noutcomes == 0 && scribe->npins == 0 && joint == 0 &&
	    !portion.votes && scribe->engine == page->engine.state)
		return;
	error = commit(scribe, page, second, &portion);
	note_error(scribe, error);
	if (portion.votes)
		scribe->votes_ms = boot_ms() + VOTES_PACE_MS;
	if (error != 0)
		return;
	ballot_written(scribe->ballot, portion.at, portion.flips);
	scribe->nnames = scribe->noutcomes = 0;
	forget_pins(scribe);
	scribe->engine = page->engine.state;
	if (!votes_wait(scribe))
		scribe->votes_ms = 0;
}

void
scribe_outcome(struct scribe *scribe, const struct id *id, const struct cluster_outcome *outcome)
{
	scribe->outcomes = array_grow(scribe->outcomes, scribe->noutcomes, sizeof *scribe->outcomes);
	scribe->outcomes[scribe->noutcomes++] = (struct decided){*id, *outcome};
}

/* Of a document that waits already only the newest stays: they are bounded while the store cannot be written.
 */
static struct heard_pins *
waiting_pins(struct scribe *scribe, const char *node, unsigned number)
{
	for (size_t i = 0; i < scribe->npins; i++)
		if (scribe->pins[i].number == number && strcmp(scribe->pins[i].node, node) == 0)
			return &scribe->pins[i];
	scribe->pins = array_grow(scribe->pins, scribe->npins, sizeof *scribe->pins);
	scribe->pins[scribe->npins] = (struct heard_pins){.node = xstrdup(node), .number = (uint16_t)number};
	return &scribe->pins[scribe->npins++];
}

void
scribe_pins(struct scribe *scribe, const char *node, unsigned number, struct bytes document)
{
	struct heard_pins *pins = waiting_pins(scribe, node, number);

	free(pins->octets);
	pins->octets = xmalloc(document.len + 1);
	memcpy(pins->octets, document.data, document.len);
	pins->len = document.len;
}

bool
scribe_has_outcome(struct scribe *scribe, const struct id *id)
{
	struct cluster_outcome ignored;
	struct store_txn *txn;
	bool found = false;

	for (size_t i = 0; i < scribe->noutcomes; i++)
		found |= strcmp(scribe->outcomes[i].id.text, id->text) == 0;
	if (found || store_begin(scribe->store, STORE_PEEK, &txn) != 0)
		return found;
	found = cluster_outcome_get(txn, id->text, &ignored);
	store_abort(txn);
	return found;
}

uint64_t
scribe_failures(const struct scribe *scribe)
{
	return scribe->failures;
}

int
scribe_error(const struct scribe *scribe)
{
	return scribe->logged_error;
}

/* ---- opening and closing ---- */

static bool
restore(void *arg, const struct endpoint *endpoint, const struct health_record *record)
{
	if (record->state <= HEALTH_DOWN)
		ballot_restore(arg, endpoint, (enum vote)record->state);
	return true;
}

struct scribe *
scribe_open(const char *state, struct ballot *ballot, struct verdicts *verdicts, bool sealed,
    struct problems *problems)
{
	struct scribe *scribe = xcalloc(1, sizeof *scribe);
	struct store_txn *txn;

	scribe->ballot = ballot;
	scribe->verdicts = verdicts;
	scribe->sealed = sealed;
	scribe->started_ms = boot_ms();
	scribe->path = xasprintf("%s/cluster/data.mdb", state);
	scribe->store = store_open(state, STORE_CLUSTER, STORE_WRITE, problems);
	if (scribe->store != NULL && store_begin(scribe->store, STORE_READ, &txn) == 0) {
		health_each(txn, restore, ballot);
		store_abort(txn);
	}
	if (scribe->store != NULL)
		start_saver(scribe, problems);
	if (scribe->store != NULL && scribe->saving)
		return scribe;
	store_close(scribe->store);
	free(scribe->path);
	free(scribe);
	return NULL;
}

void
scribe_close(struct scribe *scribe)
{
	int logged_error = 0;

	if (scribe == NULL)
		return;
	stop_saver(scribe);
	save_once(scribe, &logged_error);
	store_close(scribe->store);
	forget_pins(scribe);
	free(scribe->pins);
	free(scribe->outcomes);
	free(scribe->names);
	free(scribe->path);
	free(scribe);
}
