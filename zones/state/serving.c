#include "zones/state/serving.h"

#include <poll.h>

static const struct bytes STATUS_KEY = {"status", 6}, BARE_KEY = {"bare", 4};

bool
serving_get(struct store_txn *txn, struct serving_status *status)
{
	struct bytes value;

	/* A record of another length is of another version: treat it as missing. */
	if (!store_get(txn, TABLE_SERVING, STATUS_KEY, &value) || value.len != sizeof *status)
		return false;
	memcpy(status, value.data, sizeof *status);
	return true;
}

int
serving_put(struct store_txn *txn, const struct serving_status *status)
{
	return store_put(txn, TABLE_SERVING, STATUS_KEY, (struct bytes){status, sizeof *status});
}

char *
serving_bare(struct store_txn *txn)
{
	struct bytes value;

	if (!store_get(txn, TABLE_SERVING, BARE_KEY, &value))
		return xstrdup("");
	return xasprintf("%.*s", (int)value.len, (const char *)value.data);
}

int
serving_put_bare(struct store_txn *txn, const char *names)
{
	return *names != '\0' ? store_put(txn, TABLE_SERVING, BARE_KEY, (struct bytes){names, strlen(names)})
			      : store_delete(txn, TABLE_SERVING, BARE_KEY);
}

bool
serving_dead(const struct serving_status *status, uint64_t now_ms)
{
	return strcmp(status->boot, boot_id()) != 0 || now_ms > status->beat_ms + SERVING_DEAD_MS;
}

static bool
look(struct store *store, struct serving_status *status)
{
	struct store_txn *txn;
	bool found;

	if (store_begin(store, STORE_READ, &txn) != 0)
		return false;
	found = serving_get(txn, status) && !serving_dead(status, boot_ms());
	store_abort(txn);
	return found;
}

enum serving_outcome
serving_wait(const char *state, uint64_t generation, unsigned timeout_ms, struct serving_status *status)
{
	struct problems problems = {0};
	struct store *store = store_open(state, STORE_SERVING, STORE_READ, &problems);
	uint64_t end = boot_ms() + timeout_ms, now;
	enum serving_outcome outcome = SERVING_NOBODY;

	problems_free(&problems);
	if (store == NULL)
		return SERVING_NOBODY;
	while (look(store, status)) {
		if (status->generation >= generation) {
			outcome = SERVING_SERVED;
			break;
		}
		outcome = status->compile_error[0] != '\0' ? SERVING_FAILED : SERVING_LATE;
		if ((now = boot_ms()) >= end)
			break;

		/*
		 * LMDB rule 1: the watch wakes this thread. 10 ms limit the delay if a change comes between
		 * look and poll.
		 */
		struct pollfd watch = {.fd = store_watch_fd(store), .events = POLLIN};

		poll(&watch, 1, (int)MIN(10, end - now));
		store_watch_clear(store);
		outcome = SERVING_NOBODY;
	}
	store_close(store);
	return outcome;
}
