#include "sync/votes/verdicts.h"

#include "zones/base/array.h"

#include <stdlib.h>

struct verdicts {
	const char *state;
	struct ballot *ballot;
	struct store *store;
	uint64_t last_flip;
	struct health_beat beat;
	bool has_beat, alive, notifies, changed;
	uint64_t isolated_ms;
	struct health_flip *names;
	size_t nnames;
};

struct look {
	struct verdicts *verdicts;
	struct store_txn *txn;
	uint64_t now_ms;
};

struct verdicts *
verdicts_new(const char *state, struct ballot *ballot)
{
	struct verdicts *verdicts = xcalloc(1, sizeof *verdicts);

	verdicts->state = state;
	verdicts->ballot = ballot;
	return verdicts;
}

void
verdicts_free(struct verdicts *verdicts)
{
	if (verdicts == NULL)
		return;
	store_close(verdicts->store);
	free(verdicts->names);
	free(verdicts);
}

/* S91: a stale record says unknown. */
static bool
take_record(void *arg, const struct endpoint *endpoint, const struct health_record *record)
{
	const struct look *look = arg;
	bool stale = health_stale(record, &look->verdicts->beat, look->now_ms);
	struct sheet_vote own = {.endpoint = *endpoint,
	    .vote = stale || record->state > HEALTH_DOWN ? VOTE_UNKNOWN : (enum vote)record->state,
	    .reason = (enum health_reason)record->last_reason,
	    .code = (uint16_t)MIN(record->last_code, UINT16_MAX),
	    .rtt_us = record->rtt_steady_us != 0 ? record->rtt_steady_us : record->rtt_us};

	ballot_own(look->verdicts->ballot, &own);
	return true;
}

static bool
take_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	struct look *look = arg;
	struct verdicts *verdicts = look->verdicts;
	struct health_record record;

	verdicts->last_flip = sequence;
	if (flip->kind == FLIP_ADDRESSES) {
		verdicts->names = array_grow(verdicts->names, verdicts->nnames, sizeof *verdicts->names);
		verdicts->names[verdicts->nnames++] = *flip;
	} else if (flip->kind == FLIP_STATE) {
		if (health_get(look->txn, &flip->endpoint, &record))
			take_record(look, &flip->endpoint, &record);
		else
			ballot_own_gone(verdicts->ballot, &flip->endpoint);
	}
	return true;
}

static void
read_beat(struct look *look)
{
	struct verdicts *verdicts = look->verdicts;
	bool alive, notifies;
	uint64_t isolated_ms;

	verdicts->has_beat = health_beat_get(look->txn, &verdicts->beat);
	alive = verdicts->has_beat && !health_monitor_dead(&verdicts->beat, look->now_ms);
	isolated_ms = alive ? verdicts->beat.isolated_ms : 0;
	notifies = alive && verdicts->beat.notifies;
	verdicts->changed |= alive != verdicts->alive || isolated_ms != verdicts->isolated_ms ||
	    notifies != verdicts->notifies;
	verdicts->notifies = notifies;
	verdicts->alive = alive;
	verdicts->isolated_ms = isolated_ms;
}

static void
read_all(struct look *look)
{
	struct verdicts *verdicts = look->verdicts;

	verdicts->last_flip = health_flip_last(look->txn);
	ballot_own_begin(verdicts->ballot);
	health_each(look->txn, take_record, look);
	ballot_own_end(verdicts->ballot);
}

/* Open the store if there is one, and find out if it has news. */
static enum store_news
poll_store(struct verdicts *verdicts)
{
	struct problems problems = {0};
	enum store_news news = STORE_REPLACED;

	if (verdicts->store == NULL)
		verdicts->store = store_open(verdicts->state, STORE_HEALTH, STORE_READ, &problems);
	else
		news = store_poll(verdicts->store, &problems);
	problems_print(&problems, "graycloud-sync", stderr);
	problems_free(&problems);
	return verdicts->store == NULL ? STORE_LOST : news;
}

bool
verdicts_look(struct verdicts *verdicts, bool all)
{
	struct look look = {.verdicts = verdicts, .now_ms = boot_ms()};
	enum store_news news = poll_store(verdicts);
	bool read = all || news == STORE_CHANGED || news == STORE_REPLACED;

	if (news == STORE_LOST) {
		verdicts->changed |= verdicts->alive;
		verdicts->alive = false;
		return false;
	}
	if (!read || store_begin(verdicts->store, STORE_READ, &look.txn) != 0)
		return false;
	read_beat(&look);
	if (verdicts->has_beat &&
	    (all || news == STORE_REPLACED ||
		!health_flips_after(look.txn, verdicts->last_flip, take_flip, &look)))
		read_all(&look);
	store_abort(look.txn);
	return true;
}

int
verdicts_watch_fd(struct verdicts *verdicts)
{
	return verdicts->store != NULL ? store_watch_fd(verdicts->store) : -1;
}

void
verdicts_watch_clear(struct verdicts *verdicts)
{
	if (verdicts->store != NULL)
		store_watch_clear(verdicts->store);
}

bool
verdicts_alive(const struct verdicts *verdicts)
{
	return verdicts->alive && !health_monitor_dead(&verdicts->beat, boot_ms());
}

bool
verdicts_notifies(const struct verdicts *verdicts)
{
	return verdicts->notifies;
}

uint64_t
verdicts_isolated_ms(const struct verdicts *verdicts)
{
	return verdicts->isolated_ms;
}

bool
verdicts_changed(struct verdicts *verdicts)
{
	bool alive = verdicts_alive(verdicts), changed = verdicts->changed || alive != verdicts->alive;

	verdicts->alive = alive;
	verdicts->changed = false;
	return changed;
}

struct store_txn *
verdicts_begin(struct verdicts *verdicts)
{
	struct store_txn *txn;

	if (verdicts->store == NULL || store_begin(verdicts->store, STORE_PEEK, &txn) != 0)
		return NULL;
	return txn;
}

struct health_flip *
verdicts_names(struct verdicts *verdicts, size_t *count)
{
	struct health_flip *names = verdicts->names;

	*count = verdicts->nnames;
	verdicts->names = NULL;
	verdicts->nnames = 0;
	return names;
}
