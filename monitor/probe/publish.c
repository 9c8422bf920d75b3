#include "monitor/probe/publish.h"

#include "monitor/judge/verdict.h"
#include "zones/base/array.h"
#include "zones/daemon/seal.h"

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

TAILQ_HEAD(published_list, published);
TAILQ_HEAD(published_names, published_name);

struct publish {
	struct store *store;
	char *data_path;
	void (*wake)(void *arg);
	void *wake_arg;
	struct published_list all;
	struct published_list changed; /* urgent ones first */
	struct published_names names, changed_names;
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
	int logged_error;    /* the last logged failure */
	uint64_t failing_ms; /* since when writes fail; 0: they succeed */
	uint64_t failures;
	bool stuck; /* the store must be opened again before the next write */

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
	struct publish *publish;
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
	if (tsearch(leftover, &reading->publish->leftovers, compare_endpoints) == NULL)
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
	if (tsearch(leftover, &reading->publish->leftover_names, compare_names) == NULL)
		memory_exhausted(0);
	return true;
}

static int
read_last_run(struct publish *publish)
{
	struct reading reading = {publish, true, boot_ms()};
	struct health_beat beat;
	struct store_txn *txn;
	bool known;
	int error = store_begin(publish->store, STORE_READ, &txn);

	if (error != 0)
		return error;
	known = health_beat_get(txn, &beat);
	if (known)
		reading.other_boot = strcmp(beat.boot, boot_id()) != 0;
	if (known && beat.isolated_ms != 0)
		publish->isolated_ms = reading.other_boot ? reading.now_ms : beat.isolated_ms;
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
make_beat(const struct publish *publish, uint32_t endpoints, uint64_t generation)
{
	struct health_beat beat = {
	    .at_ms = boot_ms(),
	    .at_wall = wall_ms(),
	    .started_ms = publish->started_ms,
	    .pid = (uint32_t)getpid(),
	    .endpoints = endpoints,
	    .generation = generation,
	    .isolated_ms = publish->isolated_ms,
	};

	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	snprintf(beat.version, sizeof beat.version, "%s", VERSION);
	return beat;
}

/* A flip to HEALTH_DISABLED also deletes the record. */
static int
write_flips(struct publish *publish, struct store_txn *txn)
{
	int error = 0;

	for (size_t i = 0; i < publish->nflips && error == 0; i++) {
		const struct health_flip *flip = &publish->flips[i];

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
write_records(struct publish *publish, struct store_txn *txn, bool all)
{
	struct published *published;
	int error = 0;

	TAILQ_FOREACH(published, &publish->changed, changed)
	{
		if (error != 0 || !(all || published->urgent))
			break;
		if (is_written(&published->record))
			error = health_put(txn, &published->endpoint, &published->record);
	}
	return error;
}

static int
write_names(struct publish *publish, struct store_txn *txn, bool all)
{
	struct published_name *published;
	int error = 0;

	for (size_t i = 0; i < publish->ngone && error == 0; i++)
		error = name_delete(txn, publish->gone[i]);
	TAILQ_FOREACH(published, &publish->changed_names, changed)
	{
		if (error != 0 || !(all || published->urgent))
			break;
		error = name_put(txn, published->name, &published->record);
	}
	return error;
}

static void
unlist_name(struct publish *publish, struct published_name *published)
{
	if (published->listed)
		TAILQ_REMOVE(&publish->changed_names, published, changed);
	published->listed = published->urgent = false;
}

static void
unlist(struct publish *publish, struct published *published)
{
	if (published->listed)
		TAILQ_REMOVE(&publish->changed, published, changed);
	published->listed = published->urgent = false;
}

/* Forget what was committed. */
static void
written(struct publish *publish, bool all)
{
	struct published *published;
	struct published_name *name;

	publish->nflips = 0;
	while ((published = TAILQ_FIRST(&publish->changed)) != NULL && (all || published->urgent))
		unlist(publish, published);
	while ((name = TAILQ_FIRST(&publish->changed_names)) != NULL && (all || name->urgent))
		unlist_name(publish, name);
	while (publish->ngone > 0)
		free(publish->gone[--publish->ngone]);
}

/* Logged once for each kind of failure, not each second; waiting data is tried again. */
static void
tell_failure(struct publish *publish, int error)
{
	publish->failures += error != 0;
	publish->failing_ms = error == 0 ? 0 : publish->failing_ms != 0 ? publish->failing_ms : boot_ms();
	publish->stuck = error == -ENOTRECOVERABLE;
	if (error == publish->logged_error ||
	    (error == -ENOENT && publish->logged_error != 0)) /* it is missing because of the failure */
		return;
	publish->logged_error = error;
	if (error == 0) {
		warnx("%s is written again", publish->data_path);
		return;
	}
	warnx("cannot write %s: %s; verdicts wait in memory%s", publish->data_path, strerror(-error),
	    store_write_cure(error));
	if (error == -EBADMSG) /* S27: store_poll then finds it missing, and creates it again */
		unlink(publish->data_path);
}

/* One transaction.  With a heartbeat it writes everything that waits, else only urgent data. */
static int
write_all(struct publish *publish, const struct health_beat *beat, bool leftovers)
{
	struct rewriting rewriting = {NULL, 0};
	int error = store_begin(publish->store, STORE_WRITE, &rewriting.txn);

	if (error != 0)
		return error;
	error = write_flips(publish, rewriting.txn);
	if (error == 0 && leftovers) {
		twalk_r(publish->leftovers, rewrite, &rewriting);
		twalk_r(publish->leftover_names, rewrite_name, &rewriting);
		error = rewriting.error;
	}
	if (error == 0)
		error = write_names(publish, rewriting.txn, beat != NULL);
	if (error == 0)
		error = write_records(publish, rewriting.txn, beat != NULL);
	if (error == 0 && beat != NULL)
		error = health_beat_put(rewriting.txn, beat);
	if (error == 0)
		return store_commit(rewriting.txn);
	store_abort(rewriting.txn);
	return error;
}

static void
commit(struct publish *publish, const struct health_beat *beat, bool leftovers)
{
	int error, tries = 0;

	do
		error = write_all(publish, beat, leftovers);
	while (error == -ENOSPC && store_full(publish->store) && ++tries < GROWN_AT_MOST);
	publish->last_commit_ms = boot_ms();
	if (error == 0)
		written(publish, beat != NULL);
	tell_failure(publish, error);
}

unsigned
publish_wait_ms(const struct publish *publish)
{
	uint64_t now = boot_ms(), next = publish->last_commit_ms + PUBLISH_PACE_MS;

	return now >= next ? 0 : (unsigned)(next - now);
}

uint64_t
publish_failing_since(const struct publish *publish)
{
	return publish->failing_ms;
}

uint64_t
publish_failures(const struct publish *publish)
{
	return publish->failures;
}

void
publish_commit(struct publish *publish)
{
	commit(publish, NULL, false);
}

int
publish_peek(struct publish *publish, struct store_txn **txn)
{
	return store_begin(publish->store, STORE_PEEK, txn);
}

void
publish_beat(struct publish *publish, uint32_t endpoints, uint64_t generation)
{
	struct health_beat beat = make_beat(publish, endpoints, generation);
	struct problems problems = {0};
	struct published *published;
	struct published_name *name;
	bool anew = (publish->stuck ? store_reopen : store_poll)(publish->store, &problems) == STORE_REPLACED;

	publish->endpoints = endpoints;
	publish->generation = generation;
	problems_print(&problems, "graycloud-monitor", stderr);
	problems_free(&problems);
	if (anew) { /* S27 */
		warnx("%s was lost: it is created again from memory", publish->data_path);
		TAILQ_FOREACH(published, &publish->all, all)
		publish_checked(publish, published);
		TAILQ_FOREACH(name, &publish->names, all)
		publish_name_refreshed(publish, name);
	}
	store_check_readers(publish->store);
	commit(publish, &beat, anew);
}

/* --- data to write --- */

static void
add_flip(struct publish *publish, const struct health_flip *flip)
{
	publish->flips = array_grow(publish->flips, publish->nflips, sizeof *publish->flips);
	if (publish->nflips == HEALTH_FLIPS_KEPT) /* the store cannot be written, and the feed is full */
		memmove(publish->flips, publish->flips + 1, --publish->nflips * sizeof *publish->flips);
	publish->flips[publish->nflips] = *flip;
	publish->flips[publish->nflips].at_ms = boot_ms();
	publish->flips[publish->nflips].at_wall = wall_ms();
	if (publish->nflips++ == 0)
		publish->wake(publish->wake_arg);
}

uint64_t
publish_isolated_since(const struct publish *publish)
{
	return publish->isolated_ms;
}

void
publish_isolated(struct publish *publish, uint64_t since_ms)
{
	struct health_flip flip = {.kind = FLIP_ISOLATION, .isolated = since_ms != 0};

	publish->isolated_ms = since_ms;
	add_flip(publish, &flip);
}

static void
add_state(struct publish *publish, const struct published *published, enum health_state state,
    enum health_state before, enum health_reason reason)
{
	struct health_flip flip = {.endpoint = published->endpoint,
	    .state = (uint8_t)state,
	    .before = (uint8_t)before,
	    .reason = (uint8_t)reason};

	add_flip(publish, &flip);
}

void
publish_checked(struct publish *publish, struct published *published)
{
	if (published->listed)
		return;
	published->listed = true;
	TAILQ_INSERT_TAIL(&publish->changed, published, changed);
}

void
publish_flipped(struct publish *publish, struct published *published, enum health_state before, bool damped)
{
	unlist(publish, published);
	published->listed = published->urgent = true;
	TAILQ_INSERT_HEAD(&publish->changed, published, changed);
	add_state(publish, published, published->record.state, before, published->record.last_reason);
	publish->flips[publish->nflips - 1].damped = damped;
}

bool
publish_add(struct publish *publish, struct published *published)
{
	struct leftover **found = tfind(&published->endpoint, &publish->leftovers, compare_endpoints),
			*leftover;

	TAILQ_INSERT_TAIL(&publish->all, published, all);
	published->listed = published->urgent = false;
	if (found == NULL)
		return false;
	leftover = *found;
	published->record = leftover->record;
	tdelete(leftover, &publish->leftovers, compare_endpoints);
	free(leftover);
	return true;
}

void
publish_remove(struct publish *publish, struct published *published)
{
	unlist(publish, published);
	TAILQ_REMOVE(&publish->all, published, all);
	if (is_written(&published->record))
		add_state(publish, published, HEALTH_DISABLED, published->record.state, REASON_NONE);
}

/* --- hostnames --- */

static uint8_t
usable_addresses(const struct name_record *record)
{
	return record->gone ? 0 : record->count;
}

/* now is NULL if the hostname is no longer looked up. */
static void
add_addresses(struct publish *publish, const char *name, const struct name_record *before,
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

	add_flip(publish, &flip);
}

void
publish_name_refreshed(struct publish *publish, struct published_name *published)
{
	if (published->listed)
		return;
	published->listed = true;
	TAILQ_INSERT_TAIL(&publish->changed_names, published, changed);
}

void
publish_name_changed(
    struct publish *publish, struct published_name *published, const struct name_record *before)
{
	unlist_name(publish, published);
	published->listed = published->urgent = true;
	TAILQ_INSERT_HEAD(&publish->changed_names, published, changed);
	add_addresses(publish, published->name, before, &published->record);
}

bool
publish_add_name(struct publish *publish, struct published_name *published)
{
	struct leftover_name wanted = {.name = published->name}, **found, *leftover;

	TAILQ_INSERT_TAIL(&publish->names, published, all);
	published->listed = published->urgent = false;
	if ((found = tfind(&wanted, &publish->leftover_names, compare_names)) == NULL)
		return false;
	leftover = *found;
	published->record = leftover->record;
	tdelete(leftover, &publish->leftover_names, compare_names);
	free_leftover_name(leftover);
	return true;
}

static void
forget_name(struct publish *publish, const char *name, const struct name_record *record)
{
	publish->gone = array_grow(publish->gone, publish->ngone, sizeof *publish->gone);
	publish->gone[publish->ngone++] = xstrdup(name);
	add_addresses(publish, name, record, NULL);
}

void
publish_remove_name(struct publish *publish, struct published_name *published)
{
	unlist_name(publish, published);
	TAILQ_REMOVE(&publish->names, published, all);
	forget_name(publish, published->name, &published->record);
}

void
publish_forget_rest(struct publish *publish)
{
	while (publish->leftovers != NULL) {
		struct leftover *leftover = *(struct leftover **)publish->leftovers; /* the root */
		struct published gone = {.endpoint = leftover->endpoint, .record = leftover->record};

		tdelete(leftover, &publish->leftovers, compare_endpoints);
		add_state(publish, &gone, HEALTH_DISABLED, gone.record.state, REASON_NONE);
		free(leftover);
	}
	while (publish->leftover_names != NULL) {
		struct leftover_name *leftover = *(struct leftover_name **)publish->leftover_names;

		tdelete(leftover, &publish->leftover_names, compare_names);
		forget_name(publish, leftover->name, &leftover->record);
		free_leftover_name(leftover);
	}
}

/* --- saving --- */

static bool
wait_to_save(struct publish *publish)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SAVE_EVERY_S;
	pthread_mutex_lock(&publish->mutex);
	while (!publish->stop && pthread_cond_timedwait(&publish->cond, &publish->mutex, &until) != ETIMEDOUT)
		continue;
	stop = publish->stop;
	pthread_mutex_unlock(&publish->mutex);
	return !stop;
}

/* The saver's thread: at once, because opening may have used the copy, then every 10 s. */
static void *
save(void *arg)
{
	struct publish *publish = arg;
	int error, logged_error = 0;

	seal_enter(SEAL_SAVER);
	do {
		error = store_save(publish->store);
		if (error != logged_error && error != 0 && error != -ENOENT)
			warnx("cannot save a copy of %s: %s%s", publish->data_path, strerror(-error),
			    store_write_cure(error));
		logged_error = error;
	} while (wait_to_save(publish));
	return NULL;
}

static bool
start_saver(struct publish *publish)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&publish->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&publish->cond, &attributes);
	pthread_condattr_destroy(&attributes);
	publish->saving = pthread_create(&publish->saver, NULL, save, publish) == 0;
	return publish->saving;
}

static void
stop_saver(struct publish *publish)
{
	if (!publish->saving)
		return;
	pthread_mutex_lock(&publish->mutex);
	publish->stop = true;
	pthread_cond_signal(&publish->cond);
	pthread_mutex_unlock(&publish->mutex);
	pthread_join(publish->saver, NULL);
	pthread_cond_destroy(&publish->cond);
	pthread_mutex_destroy(&publish->mutex);
	publish->saving = false;
}

/* --- opening and closing --- */

static void
publish_free(struct publish *publish)
{
	stop_saver(publish);
	store_close(publish->store);
	tdestroy(publish->leftovers, free);
	tdestroy(publish->leftover_names, free_leftover_name);
	while (publish->ngone > 0)
		free(publish->gone[--publish->ngone]);
	free(publish->gone);
	free(publish->flips);
	free(publish->data_path);
	free(publish);
}

struct publish *
publish_open(const char *state, void (*wake)(void *arg), void *arg, struct problems *problems)
{
	struct publish *publish = xcalloc(1, sizeof *publish);
	struct health_beat beat;
	int error;

	TAILQ_INIT(&publish->all);
	TAILQ_INIT(&publish->changed);
	TAILQ_INIT(&publish->names);
	TAILQ_INIT(&publish->changed_names);
	publish->wake = wake;
	publish->wake_arg = arg;
	publish->started_ms = boot_ms();
	publish->data_path = xasprintf("%s/health/data.mdb", state);
	publish->store = store_open(state, STORE_HEALTH, STORE_WRITE, problems);
	if (publish->store == NULL)
		goto fail;
	error = read_last_run(publish);
	if (error != 0) {
		problems_error(problems, "cannot read %s: %s", publish->data_path, strerror(-error));
		goto fail;
	}
	/* Times of another boot must not be combined with a heartbeat of this boot. */
	beat = make_beat(publish, 0, 0);
	commit(publish, &beat, true);
	if (start_saver(publish))
		return publish;
	problems_error(problems, "cannot start a thread to save %s", publish->data_path);
fail:
	publish_free(publish);
	return NULL;
}

void
publish_close(struct publish *publish)
{
	int error;

	if (publish == NULL)
		return;
	publish_beat(publish, publish->endpoints, publish->generation);
	stop_saver(publish);
	error = store_save(publish->store);
	if (error != 0)
		warnx("cannot save a copy of %s: %s", publish->data_path, strerror(-error));
	publish_free(publish);
}
