#include "monitor/probe/recorder.h"

#include "monitor/judge/verdict.h"
#include "zones/base/array.h"
#include "zones/base/thread.h"
#include "zones/daemon/seal.h"
#include "zones/state/previews.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SAVE_EVERY_S = 10, GROWN_AT_MOST = 12 /* how often a map is doubled for one commit */ };

/* A record of the last run that no endpoint has claimed yet. */
struct leftover {
	struct endpoint endpoint; /* first: the tree compares by it */
	struct health_record record;
};

struct leftover_name {
	char *name; /* first */
	struct name_record record;
};

TAILQ_HEAD(recorded_list, recorded);
TAILQ_HEAD(recorded_names, recorded_name);

struct recorder {
	struct answer {
		struct id id;
		int64_t asked;
		char *text;
	} * answers; /* results of previews that wait */
	size_t nanswers;
	struct store *store;
	char *data_path;
	void (*wake)(void *arg);
	void *wake_arg;
	struct recorded_list all;
	struct recorded_list changed; /* urgent ones first */
	struct recorded_names names, changed_names;
	struct health_flip *flips; /* waiting */
	size_t nflips;
	char **gone; /* hostnames whose records are to be deleted */
	size_t ngone;
	void *leftovers;      /* tsearch tree of struct leftover */
	void *leftover_names; /* the same of struct leftover_name */
	uint64_t last_commit_ms;
	uint64_t started_ms;
	uint32_t endpoints; /* in the last heartbeat */
	uint64_t generation;
	uint64_t isolated_ms;
	bool notifies;
	int logged_error;    /* the last logged failure */
	uint64_t failing_ms; /* since when writes fail; 0: they succeed */
	uint64_t failures;
	bool stuck; /* the store must be opened again before the next write */
	bool away;  /* the store does not exist and cannot be created: data that is written to the old file is
		       lost */

	pthread_t saver;
	bool saving;
	pthread_mutex_t mutex; /* stop */
	pthread_cond_t cond;
	bool stop;
};

static int
compare_endpoints(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct endpoint));
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct leftover_name *)a)->name, ((const struct leftover_name *)b)->name);
}

static void
free_leftover_name(void *memory)
{
	struct leftover_name *leftover = memory;

	free(leftover->name);
	free(leftover);
}

/* --- the last run --- */

struct reading {
	struct recorder *recorder;
	bool other_boot;
	uint64_t now_ms;
};

static bool
remember(void *arg, const struct endpoint *endpoint, const struct health_record *record)
{
	struct reading *reading = arg;
	struct leftover *leftover;

	if (record->state != HEALTH_UP && record->state != HEALTH_SUSPECT && record->state != HEALTH_DOWN)
		return true; /* not a result of a check */
	leftover = xcalloc(1, sizeof *leftover);
	leftover->endpoint = *endpoint;
	leftover->record = *record;
	if (reading->other_boot) /* S25 */
		verdict_carry_over(&leftover->record, reading->now_ms);
	if (tsearch(leftover, &reading->recorder->leftovers, compare_endpoints) == NULL)
		memory_exhausted(0);
	return true;
}

static bool
remember_name(void *arg, const char *name, const struct name_record *record)
{
	struct reading *reading = arg;
	struct leftover_name *leftover = xcalloc(1, sizeof *leftover);

	leftover->name = xstrdup(name);
	leftover->record = *record;
	if (reading->other_boot) {
		leftover->record.resolved_ms = leftover->record.due_ms = 0;
		leftover->record.failing_ms = record->failing_ms == 0 ? 0 : reading->now_ms;
	}
	if (tsearch(leftover, &reading->recorder->leftover_names, compare_names) == NULL)
		memory_exhausted(0);
	return true;
}

static int
read_last_run(struct recorder *recorder)
{
	struct reading reading = {recorder, true, boot_ms()};
	struct health_beat beat;
	struct store_txn *txn;
	bool known;
	int error = store_begin(recorder->store, STORE_READ, &txn);

	if (error != 0)
		return error;
	known = health_beat_get(txn, &beat);
	if (known)
		reading.other_boot = strcmp(beat.boot, boot_id()) != 0;
	if (known && beat.isolated_ms != 0)
		recorder->isolated_ms = reading.other_boot ? reading.now_ms : beat.isolated_ms;
	health_each(txn, remember, &reading);
	name_each(txn, remember_name, &reading);
	store_abort(txn);
	return 0;
}

/* Write the current leftovers of a subtree: after another boot, or into a new store. */
struct rewriting {
	struct store_txn *txn;
	int error;
};

static void
rewrite(const void *node, VISIT visit, void *arg)
{
	const struct leftover *leftover = *(struct leftover *const *)node;
	struct rewriting *rewriting = arg;

	if ((visit == postorder || visit == leaf) && rewriting->error == 0)
		rewriting->error = health_put(rewriting->txn, &leftover->endpoint, &leftover->record);
}

static void
rewrite_name(const void *node, VISIT visit, void *arg)
{
	const struct leftover_name *leftover = *(struct leftover_name *const *)node;
	struct rewriting *rewriting = arg;

	if ((visit == postorder || visit == leaf) && rewriting->error == 0)
		rewriting->error = name_put(rewriting->txn, leftover->name, &leftover->record);
}

/* --- writing --- */

static struct health_beat
make_beat(const struct recorder *recorder, uint32_t endpoints, uint64_t generation)
{
	struct health_beat beat = {
	    .at_ms = boot_ms(),
	    .at_wall = wall_ms(),
	    .started_ms = recorder->started_ms,
	    .pid = (uint32_t)getpid(),
	    .endpoints = endpoints,
	    .generation = generation,
	    .isolated_ms = recorder->isolated_ms,
	    .notifies = recorder->notifies,
	};

	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	snprintf(beat.version, sizeof beat.version, "%s", VERSION);
	return beat;
}

/* A flip to HEALTH_DISABLED also deletes the record. */
static int
write_flips(struct recorder *recorder, struct store_txn *txn)
{
	int error = 0;

	for (size_t i = 0; i < recorder->nflips && error == 0; i++) {
		const struct health_flip *flip = &recorder->flips[i];

		if (flip->kind == FLIP_STATE && flip->state == HEALTH_DISABLED)
			error = health_delete(txn, &flip->endpoint);
		if (error == 0)
			error = health_flip_put(txn, flip);
	}
	return error;
}

/*
 * The record of an endpoint that was never checked is not written: a missing record means unknown, or the
 * last state that the pool remembers (S24).  So does a record without a verdict, which gives the reason
 * (S26).
 */
static bool
is_written(const struct health_record *record)
{
	return record->state != HEALTH_UNKNOWN || record->last_reason != REASON_NONE;
}

static int
write_records(struct recorder *recorder, struct store_txn *txn, bool all)
{
	struct recorded *recorded;
	int error = 0;

	TAILQ_FOREACH(recorded, &recorder->changed, changed)
	{
		if (error != 0 || !(all || recorded->urgent))
			break;
		if (is_written(&recorded->record))
			error = health_put(txn, &recorded->endpoint, &recorded->record);
	}
	return error;
}

static int
write_names(struct recorder *recorder, struct store_txn *txn, bool all)
{
	struct recorded_name *recorded;
	int error = 0;

	for (size_t i = 0; i < recorder->ngone && error == 0; i++)
		error = name_delete(txn, recorder->gone[i]);
	TAILQ_FOREACH(recorded, &recorder->changed_names, changed)
	{
		if (error != 0 || !(all || recorded->urgent))
			break;
		error = name_put(txn, recorded->name, &recorded->record);
	}
	return error;
}

static void
unlist_name(struct recorder *recorder, struct recorded_name *recorded)
{
	if (recorded->listed)
		TAILQ_REMOVE(&recorder->changed_names, recorded, changed);
	recorded->listed = recorded->urgent = false;
}

static void
unlist(struct recorder *recorder, struct recorded *recorded)
{
	if (recorded->listed)
		TAILQ_REMOVE(&recorder->changed, recorded, changed);
	recorded->listed = recorded->urgent = false;
}

/* Forget the committed data. */
static void
written(struct recorder *recorder, bool all)
{
	struct recorded *recorded;
	struct recorded_name *name;

	recorder->nflips = 0;
	while ((recorded = TAILQ_FIRST(&recorder->changed)) != NULL && (all || recorded->urgent))
		unlist(recorder, recorded);
	while ((name = TAILQ_FIRST(&recorder->changed_names)) != NULL && (all || name->urgent))
		unlist_name(recorder, name);
	while (recorder->ngone > 0)
		free(recorder->gone[--recorder->ngone]);
}

/* Logged once for each kind of failure, not each second; waiting data is tried again. */
static void
tell_failure(struct recorder *recorder, int error)
{
	recorder->failures += error != 0;
	recorder->failing_ms = error == 0 ? 0 : recorder->failing_ms != 0 ? recorder->failing_ms : boot_ms();
	recorder->stuck = error == -ENOTRECOVERABLE;
	if (error == recorder->logged_error ||
	    (error == -ENOENT && recorder->logged_error != 0)) /* it is missing because of the failure */
		return;
	recorder->logged_error = error;
	if (error == 0) {
		warnx("%s is written again", recorder->data_path);
		return;
	}
	warnx("cannot write %s: %s; verdicts wait in memory%s", recorder->data_path, strerror(-error),
	    store_write_cure(error));
	if (error == -EBADMSG) /* S27: store_poll then finds it missing, and creates it again */
		unlink(recorder->data_path);
}

static int
write_answers(struct recorder *recorder, struct store_txn *txn)
{
	int error = 0;

	for (size_t i = 0; i < recorder->nanswers && error == 0; i++) {
		const struct answer *answer = &recorder->answers[i];

		error = preview_answer(
		    txn, &answer->id, answer->asked, (struct bytes){answer->text, strlen(answer->text)});
	}
	return error;
}

static void
forget_answers(struct recorder *recorder)
{
	while (recorder->nanswers > 0)
		free(recorder->answers[--recorder->nanswers].text);
}

void
recorder_preview(struct recorder *recorder, const struct id *id, int64_t asked, char *text)
{
	recorder->answers = array_grow(recorder->answers, recorder->nanswers, sizeof *recorder->answers);
	recorder->answers[recorder->nanswers++] = (struct answer){*id, asked, text};
	recorder->wake(recorder->wake_arg);
}

/* One transaction.  With a heartbeat it writes everything that waits, else only urgent data. */
static int
write_all(struct recorder *recorder, const struct health_beat *beat, bool leftovers)
{
	struct rewriting rewriting = {NULL, 0};
	int error = store_begin(recorder->store, STORE_WRITE, &rewriting.txn);

	if (error != 0)
		return error;
	error = write_flips(recorder, rewriting.txn);
	if (error == 0 && leftovers) {
		twalk_r(recorder->leftovers, rewrite, &rewriting);
		twalk_r(recorder->leftover_names, rewrite_name, &rewriting);
		error = rewriting.error;
	}
	if (error == 0)
		error = write_names(recorder, rewriting.txn, beat != NULL);
	if (error == 0)
		error = write_records(recorder, rewriting.txn, beat != NULL);
	if (error == 0)
		error = write_answers(recorder, rewriting.txn);
	if (error == 0 && beat != NULL)
		error = health_beat_put(rewriting.txn, beat);
	if (error == 0)
		return store_commit(rewriting.txn);
	store_abort(rewriting.txn);
	return error;
}

static void
commit(struct recorder *recorder, const struct health_beat *beat, bool leftovers)
{
	int error, tries = 0;

	do
		error = recorder->away ? -ENOENT : write_all(recorder, beat, leftovers);
	while (error == -ENOSPC && store_full(recorder->store) && ++tries < GROWN_AT_MOST);
	recorder->last_commit_ms = boot_ms();
	if (error == 0) {
		written(recorder, beat != NULL);
		forget_answers(recorder);
	}
	tell_failure(recorder, error);
}

unsigned
recorder_wait_ms(const struct recorder *recorder)
{
	uint64_t now = boot_ms(), next = recorder->last_commit_ms + RECORDER_PACE_MS;

	return now >= next ? 0 : (unsigned)(next - now);
}

uint64_t
recorder_failing_since(const struct recorder *recorder)
{
	return recorder->failing_ms;
}

uint64_t
recorder_failures(const struct recorder *recorder)
{
	return recorder->failures;
}

void
recorder_commit(struct recorder *recorder)
{
	commit(recorder, NULL, false);
}

int
recorder_peek(struct recorder *recorder, struct store_txn **txn)
{
	return store_begin(recorder->store, STORE_PEEK, txn);
}

void
recorder_beat(struct recorder *recorder, uint32_t endpoints, uint64_t generation)
{
	struct health_beat beat = make_beat(recorder, endpoints, generation);
	struct problems problems = {0};
	struct recorded *recorded;
	struct recorded_name *name;
	enum store_news news = (recorder->stuck ? store_reopen : store_poll)(recorder->store, &problems);
	bool anew = news == STORE_REPLACED;

	recorder->away = news == STORE_LOST;
	recorder->endpoints = endpoints;
	recorder->generation = generation;
	problems_print(&problems, "graycloud-monitor", stderr);
	problems_free(&problems);
	if (anew) { /* S27 */
		warnx("%s was lost: it is created again from memory", recorder->data_path);
		TAILQ_FOREACH(recorded, &recorder->all, all)
		recorder_checked(recorder, recorded);
		TAILQ_FOREACH(name, &recorder->names, all)
		recorder_name_refreshed(recorder, name);
	}
	store_check_readers(recorder->store);
	commit(recorder, &beat, anew);
}

/* --- data to write --- */

static void
add_flip(struct recorder *recorder, const struct health_flip *flip)
{
	recorder->flips = array_grow(recorder->flips, recorder->nflips, sizeof *recorder->flips);
	if (recorder->nflips == HEALTH_FLIPS_KEPT) /* the store cannot be written, and the feed is full */
		memmove(recorder->flips, recorder->flips + 1, --recorder->nflips * sizeof *recorder->flips);
	recorder->flips[recorder->nflips] = *flip;
	recorder->flips[recorder->nflips].at_ms = boot_ms();
	recorder->flips[recorder->nflips].at_wall = wall_ms();
	if (recorder->nflips++ == 0)
		recorder->wake(recorder->wake_arg);
}

uint64_t
recorder_isolated_since(const struct recorder *recorder)
{
	return recorder->isolated_ms;
}

void
recorder_notifies(struct recorder *recorder)
{
	recorder->notifies = true;
}

void
recorder_isolated(struct recorder *recorder, uint64_t since_ms)
{
	struct health_flip flip = {.kind = FLIP_ISOLATION, .isolated = since_ms != 0};

	recorder->isolated_ms = since_ms;
	add_flip(recorder, &flip);
}

static void
add_state(struct recorder *recorder, const struct recorded *recorded, enum health_state state,
    enum health_state before, enum health_reason reason)
{
	struct health_flip flip = {.endpoint = recorded->endpoint,
	    .state = (uint8_t)state,
	    .before = (uint8_t)before,
	    .reason = (uint8_t)reason};

	add_flip(recorder, &flip);
}

void
recorder_checked(struct recorder *recorder, struct recorded *recorded)
{
	if (recorded->listed)
		return;
	recorded->listed = true;
	TAILQ_INSERT_TAIL(&recorder->changed, recorded, changed);
}

void
recorder_flipped(struct recorder *recorder, struct recorded *recorded, enum health_state before, bool damped)
{
	unlist(recorder, recorded);
	recorded->listed = recorded->urgent = true;
	TAILQ_INSERT_HEAD(&recorder->changed, recorded, changed);
	add_state(recorder, recorded, recorded->record.state, before, recorded->record.last_reason);
	recorder->flips[recorder->nflips - 1].damped = damped;
}

bool
recorder_add(struct recorder *recorder, struct recorded *recorded)
{
	struct leftover **found = tfind(&recorded->endpoint, &recorder->leftovers, compare_endpoints),
			*leftover;

	TAILQ_INSERT_TAIL(&recorder->all, recorded, all);
	recorded->listed = recorded->urgent = false;
	if (found == NULL)
		return false;
	leftover = *found;
	recorded->record = leftover->record;
	tdelete(leftover, &recorder->leftovers, compare_endpoints);
	free(leftover);
	return true;
}

void
recorder_remove(struct recorder *recorder, struct recorded *recorded)
{
	unlist(recorder, recorded);
	TAILQ_REMOVE(&recorder->all, recorded, all);
	if (is_written(&recorded->record))
		add_state(recorder, recorded, HEALTH_DISABLED, recorded->record.state, REASON_NONE);
}

/* --- hostnames --- */

static uint8_t
usable_addresses(const struct name_record *record)
{
	return record->gone ? 0 : record->count;
}

/* now is NULL if the hostname is no longer looked up. */
static void
add_addresses(struct recorder *recorder, const char *name, const struct name_record *before,
    const struct name_record *now)
{
	struct health_flip flip = {.kind = FLIP_ADDRESSES,
	    .endpoint = name_key(name),
	    .count_before = usable_addresses(before),
	    .state = HEALTH_DISABLED};

	if (now != NULL) {
		flip.state = HEALTH_UNKNOWN;
		flip.count = usable_addresses(now);
		flip.reason = now->failure;
	}

	add_flip(recorder, &flip);
}

void
recorder_name_refreshed(struct recorder *recorder, struct recorded_name *recorded)
{
	if (recorded->listed)
		return;
	recorded->listed = true;
	TAILQ_INSERT_TAIL(&recorder->changed_names, recorded, changed);
}

void
recorder_name_changed(
    struct recorder *recorder, struct recorded_name *recorded, const struct name_record *before)
{
	unlist_name(recorder, recorded);
	recorded->listed = recorded->urgent = true;
	TAILQ_INSERT_HEAD(&recorder->changed_names, recorded, changed);
	add_addresses(recorder, recorded->name, before, &recorded->record);
}

bool
recorder_add_name(struct recorder *recorder, struct recorded_name *recorded)
{
	struct leftover_name wanted = {.name = recorded->name}, **found, *leftover;

	TAILQ_INSERT_TAIL(&recorder->names, recorded, all);
	recorded->listed = recorded->urgent = false;
	if ((found = tfind(&wanted, &recorder->leftover_names, compare_names)) == NULL)
		return false;
	leftover = *found;
	recorded->record = leftover->record;
	tdelete(leftover, &recorder->leftover_names, compare_names);
	free_leftover_name(leftover);
	return true;
}

static void
forget_name(struct recorder *recorder, const char *name, const struct name_record *record)
{
	recorder->gone = array_grow(recorder->gone, recorder->ngone, sizeof *recorder->gone);
	recorder->gone[recorder->ngone++] = xstrdup(name);
	add_addresses(recorder, name, record, NULL);
}

void
recorder_remove_name(struct recorder *recorder, struct recorded_name *recorded)
{
	unlist_name(recorder, recorded);
	TAILQ_REMOVE(&recorder->names, recorded, all);
	forget_name(recorder, recorded->name, &recorded->record);
}

void
recorder_forget_rest(struct recorder *recorder)
{
	while (recorder->leftovers != NULL) {
		struct leftover *leftover = *(struct leftover **)recorder->leftovers; /* the root */
		struct recorded gone = {.endpoint = leftover->endpoint, .record = leftover->record};

		tdelete(leftover, &recorder->leftovers, compare_endpoints);
		add_state(recorder, &gone, HEALTH_DISABLED, gone.record.state, REASON_NONE);
		free(leftover);
	}
	while (recorder->leftover_names != NULL) {
		struct leftover_name *leftover = *(struct leftover_name **)recorder->leftover_names;

		tdelete(leftover, &recorder->leftover_names, compare_names);
		forget_name(recorder, leftover->name, &leftover->record);
		free_leftover_name(leftover);
	}
}

/* --- saving --- */

static bool
wait_to_save(struct recorder *recorder)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SAVE_EVERY_S;
	pthread_mutex_lock(&recorder->mutex);
	while (
	    !recorder->stop && pthread_cond_timedwait(&recorder->cond, &recorder->mutex, &until) != ETIMEDOUT)
		continue;
	stop = recorder->stop;
	pthread_mutex_unlock(&recorder->mutex);
	return !stop;
}

/* The saver's thread: at once, because opening may have used the copy, then every 10 s. */
static void *
save(void *arg)
{
	struct recorder *recorder = arg;
	int error, logged_error = 0;

	seal_enter(SEAL_SAVER);
	do {
		error = store_save(recorder->store);
		if (error != logged_error && error != 0 && error != -ENOENT)
			warnx("cannot save a copy of %s: %s%s", recorder->data_path, strerror(-error),
			    store_write_cure(error));
		logged_error = error;
	} while (wait_to_save(recorder));
	return NULL;
}

/* Returns NULL, or the reason why it cannot be started. */
static const char *
start_saver(struct recorder *recorder)
{
	const char *why;

	pthread_mutex_init(&recorder->mutex, NULL);
	thread_condition(&recorder->cond);
	why = thread_start(&recorder->saver, 0, save, recorder);
	recorder->saving = why == NULL;
	return why;
}

static void
stop_saver(struct recorder *recorder)
{
	if (!recorder->saving)
		return;
	pthread_mutex_lock(&recorder->mutex);
	recorder->stop = true;
	pthread_cond_signal(&recorder->cond);
	pthread_mutex_unlock(&recorder->mutex);
	pthread_join(recorder->saver, NULL);
	pthread_cond_destroy(&recorder->cond);
	pthread_mutex_destroy(&recorder->mutex);
	recorder->saving = false;
}

/* --- opening and closing --- */

static void
recorder_free(struct recorder *recorder)
{
	stop_saver(recorder);
	store_close(recorder->store);
	tdestroy(recorder->leftovers, free);
	tdestroy(recorder->leftover_names, free_leftover_name);
	while (recorder->ngone > 0)
		free(recorder->gone[--recorder->ngone]);
	forget_answers(recorder);
	free(recorder->answers);
	free(recorder->gone);
	free(recorder->flips);
	free(recorder->data_path);
	free(recorder);
}

struct recorder *
recorder_open(const char *state, void (*wake)(void *arg), void *arg, struct problems *problems)
{
	struct recorder *recorder = xcalloc(1, sizeof *recorder);
	struct health_beat beat;
	const char *why;
	int error;

	TAILQ_INIT(&recorder->all);
	TAILQ_INIT(&recorder->changed);
	TAILQ_INIT(&recorder->names);
	TAILQ_INIT(&recorder->changed_names);
	recorder->wake = wake;
	recorder->wake_arg = arg;
	recorder->started_ms = boot_ms();
	recorder->data_path = xasprintf("%s/health/data.mdb", state);
	recorder->store = store_open(state, STORE_HEALTH, STORE_WRITE, problems);
	if (recorder->store == NULL)
		goto fail;
	error = read_last_run(recorder);
	if (error != 0) {
		problems_error(problems, "cannot read %s: %s", recorder->data_path, strerror(-error));
		goto fail;
	}
	/* Times of another boot must not be combined with a heartbeat of this boot. */
	beat = make_beat(recorder, 0, 0);
	commit(recorder, &beat, true);
	if ((why = start_saver(recorder)) == NULL)
		return recorder;
	problems_error(problems, "cannot start a thread to save %s: %s", recorder->data_path, why);
fail:
	recorder_free(recorder);
	return NULL;
}

void
recorder_close(struct recorder *recorder)
{
	int error;

	if (recorder == NULL)
		return;
	recorder_beat(recorder, recorder->endpoints, recorder->generation);
	stop_saver(recorder);
	error = store_save(recorder->store);
	if (error != 0)
		warnx("cannot save a copy of %s: %s", recorder->data_path, strerror(-error));
	recorder_free(recorder);
}
