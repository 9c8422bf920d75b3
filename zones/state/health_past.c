#include "zones/state/health_past.h"

#include "zones/base/array.h"
#include "zones/state/hostname.h"

#include <errno.h>
#include <stdlib.h>

static void
note(struct health_past *past, int rc)
{
	if (past->error == 0)
		past->error = rc;
}

/* ---- fields that are unknown for the past ---- */

struct emptied {
	struct endpoint *list;
	size_t count;
};

static bool
list_record(void *arg, const struct endpoint *endpoint, const struct health_record *record)
{
	struct emptied *emptied = arg;

	(void)record;
	emptied->list = array_grow(emptied->list, emptied->count, sizeof *emptied->list);
	emptied->list[emptied->count++] = *endpoint;
	return true;
}

/* Keep the state and its begin. The rest of a record describes the present. */
static void
empty_records(struct store_txn *copy, int64_t wall, struct health_past *past)
{
	struct emptied emptied = {0};
	struct health_record record;

	health_each(copy, list_record, &emptied);
	for (size_t i = 0; i < emptied.count && past->error == 0; i++)
		if (health_get(copy, &emptied.list[i], &record)) {
			record = (struct health_record){.version = HEALTH_RECORD_VERSION,
			    .state = record.state,
			    .verdict = record.verdict,
			    .certificate_days = INT32_MIN,
			    .since_wall = record.since_wall <= wall ? record.since_wall : 0};
			note(past, health_put(copy, &emptied.list[i], &record));
		}
	free(emptied.list);
}

/* ---- flips ---- */

static void
undo_state(struct store_txn *copy, const struct health_flip *flip, struct health_past *past)
{
	struct health_record record = {
	    .version = HEALTH_RECORD_VERSION, .state = flip->before, .certificate_days = INT32_MIN};

	note(past,
	    flip->before == HEALTH_DISABLED ? health_delete(copy, &flip->endpoint)
					    : health_put(copy, &flip->endpoint, &record));
}

/* The last flip up to the moment has the begin of the state, and its reason. */
static void
date_state(struct store_txn *copy, const struct health_flip *flip, struct health_past *past)
{
	struct health_record record;

	if (!health_get(copy, &flip->endpoint, &record) || record.probes > 0 || record.state != flip->state)
		return;
	record.probes = 1; /* dated: flips before this one are of earlier times */
	record.since_wall = flip->at_wall;
	record.last_reason = flip->reason;
	note(past, health_put(copy, &flip->endpoint, &record));
}

static void
add_moved(const struct health_flip *flip, struct health_past *past)
{
	past->moved = array_grow(past->moved, past->nmoved, sizeof *past->moved);
	past->moved[past->nmoved++] =
	    (struct health_moved){flip->endpoint, flip->at_wall, flip->count_before};
}

/*
 * From the newest flip back. Clocks may have been set back, so the first flip that is not later than the
 * moment ends the undoing. The times of those before it do not matter.
 */
static void
read_flips(struct store_txn *copy, int64_t wall, struct health_past *past)
{
	struct store_cursor *cursor = store_cursor_open(copy, TABLE_FLIPS);
	struct bytes key, value;
	struct health_flip flip;
	bool later = true, more;

	if (cursor == NULL) {
		note(past, -ENOMEM);
		return;
	}
	for (more = store_cursor_last(cursor, &key, &value); more && past->error == 0;
	     more = store_cursor_previous(cursor, &key, &value)) {
		if (key.len != 8 || value.len != sizeof flip)
			continue;
		memcpy(&flip, value.data, sizeof flip);
		past->first = get64(key.data);
		past->since = flip.at_wall;
		past->recorded = true;
		later = later && flip.at_wall > wall;
		if (flip.kind == FLIP_STATE && later)
			undo_state(copy, &flip, past);
		else if (flip.kind == FLIP_STATE)
			date_state(copy, &flip, past);
		else if (flip.kind == FLIP_ADDRESSES && later)
			add_moved(&flip, past);
	}
	store_cursor_close(cursor);
}

/* ---- hostnames ---- */

struct unresolved {
	const struct health_past *past;
	char **list;
	size_t count;
};

static bool
list_unresolved(void *arg, const char *name, const struct name_record *record)
{
	struct unresolved *unresolved = arg;
	const struct health_moved *moved = health_past_moved(unresolved->past, name);

	(void)record;
	if (moved != NULL && moved->count_before == 0) {
		unresolved->list = array_grow(unresolved->list, unresolved->count, sizeof *unresolved->list);
		unresolved->list[unresolved->count++] = xstrdup(name);
	}
	return true;
}

/* A hostname that had no address at the moment: its present addresses serve as the last known ones (S16). */
static void
undo_resolutions(struct store_txn *copy, struct health_past *past)
{
	struct unresolved unresolved = {.past = past};

	if (past->nmoved > 0)
		name_each(copy, list_unresolved, &unresolved);
	for (size_t i = 0; i < unresolved.count; i++) {
		struct name_record record;

		if (name_get(copy, unresolved.list[i], &record)) {
			record.gone = 1;
			note(past, name_put(copy, unresolved.list[i], &record));
		}
		free(unresolved.list[i]);
	}
	free(unresolved.list);
}

void
health_past_run(struct store_txn *copy, int64_t wall, struct health_past *past)
{
	*past = (struct health_past){0};
	empty_records(copy, wall, past);
	read_flips(copy, wall, past);
	undo_resolutions(copy, past);
}

void
health_past_free(struct health_past *past)
{
	free(past->moved);
	past->moved = NULL;
	past->nmoved = 0;
}

const struct health_moved *
health_past_moved(const struct health_past *past, const char *hostname)
{
	struct endpoint key = name_key(hostname);
	const struct health_moved *moved = NULL;

	/* Flips were read from the newest back: the last one found was the first after the moment. */
	for (size_t i = 0; i < past->nmoved; i++)
		if (memcmp(&past->moved[i].name, &key, sizeof key) == 0)
			moved = &past->moved[i];
	return moved;
}
