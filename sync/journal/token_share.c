#include "sync/journal/token_share.h"

#include "zones/base/array.h"
#include "zones/state/token_rows.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 32 /* tokens in a request */, SWEEP_MS = 3600 * 1000, DAY_MS = 86400 * 1000 };

/* A token of the engine. */
struct shared {
	char name[TOKEN_ROW_NAME_MAX + 1];
	int64_t revision;
	struct token_row row; /* version 0: damaged */
	uint8_t *octets;
	size_t len;
	bool seen; /* this node has it, too */
};

struct token_share {
	struct etcd *etcd;
	struct configuration *configuration;
	char *prefix;
	struct shared *list;
	size_t count;
	uint64_t counter;  /* of the last comparison */
	uint64_t sweep_ms; /* the next comparison because of time alone */
	bool is_new, in_flight;
	bool begun; /* a connection, and nothing was compared since */
};

struct token_share *
token_share_new(struct etcd *etcd, struct configuration *configuration, const char *prefix)
{
	struct token_share *share = xcalloc(1, sizeof *share);

	share->etcd = etcd;
	share->configuration = configuration;
	share->prefix = xstrdup(prefix);
	return share;
}

void
token_share_begun(struct token_share *share)
{
	while (share->count > 0)
		free(share->list[--share->count].octets);
	share->in_flight = false;
	share->is_new = share->begun = true;
}

void
token_share_free(struct token_share *share)
{
	if (share == NULL)
		return;
	token_share_begun(share);
	free(share->list);
	free(share->prefix);
	free(share);
}

static struct shared *
find(struct token_share *share, const char *name)
{
	for (size_t i = 0; i < share->count; i++)
		if (strcmp(share->list[i].name, name) == 0)
			return &share->list[i];
	return NULL;
}

/* The engine has it no more. */
static void
forget(struct token_share *share, struct shared *shared)
{
	if (shared == NULL)
		return;
	free(shared->octets);
	*shared = share->list[--share->count];
}

void
token_share_row(struct token_share *share, const char *name, const struct etcd_row *row)
{
	struct shared *shared = find(share, name);

	if (strlen(name) > TOKEN_ROW_NAME_MAX || *name == '\0' || row->value.len > TOKEN_ROW_MAX)
		return;
	share->is_new = true;
	if (row->deleted) {
		forget(share, shared);
		return;
	}
	if (shared == NULL) {
		share->list = array_grow(share->list, share->count, sizeof *share->list);
		shared = &share->list[share->count++];
		*shared = (struct shared){.revision = 0};
		snprintf(shared->name, sizeof shared->name, "%s", name);
	}
	free(shared->octets);
	shared->octets = xmemdup(row->value.data, row->value.len);
	shared->len = row->value.len;
	shared->revision = row->modified;
	shared->row = token_row_read(row->value);
}

/* ---- compare ---- */

struct comparing {
	struct token_share *share;
	struct etcd_txn *txn; /* tokens for the engine; NULL: none */
	int64_t now_wall, seen_wall;
	uint64_t seen_counter;
	bool away;     /* so long that rows of deleted tokens may be gone */
	char **doomed; /* names of rows to be deleted here */
	size_t ndoomed;
};

/* Write a row to the engine, or delete it there. */
static void
send(struct comparing *comparing, const char *name, int64_t revision, const struct bytes *row)
{
	char *key;

	if (comparing->share->in_flight)
		return;
	if (comparing->txn == NULL)
		comparing->txn = etcd_txn_new();
	if (etcd_txn_operations(comparing->txn) == AT_ONCE)
		return; /* the next comparison has it */
	key = xasprintf("%stoken/%s", comparing->share->prefix, name);
	etcd_txn_if_modified(comparing->txn, key, revision);
	if (row != NULL)
		etcd_txn_put(comparing->txn, key, *row);
	else
		etcd_txn_delete(comparing->txn, key);
	free(key);
}

static void
doom(struct comparing *comparing, const char *name)
{
	comparing->doomed = array_grow(comparing->doomed, comparing->ndoomed, sizeof *comparing->doomed);
	comparing->doomed[comparing->ndoomed++] = xstrdup(name);
}

/*
 * The engine has no token of this name. A row of a deleted one only keeps others from bringing it back. After
 * a long absence a token that is not there was deleted, unless it was created meanwhile, by any clock.
 */
static void
compare_alone(struct comparing *comparing, const char *name, const struct token_row *row, struct bytes octets)
{
	bool was_deleted = comparing->away && row->created_wall <= comparing->seen_wall + DAY_MS;

	if (token_row_ended(row, comparing->now_wall) || (was_deleted && !row->deleted))
		doom(comparing, name);
	else if (!row->deleted && row->version > 0 && octets.len <= TOKEN_ROW_MAX)
		send(comparing, name, 0, &octets);
}

static bool
compare(void *arg, const char *name, struct bytes octets)
{
	struct comparing *comparing = arg;
	struct shared *shared = find(comparing->share, name);
	struct token_row row = token_row_read(octets);

	if (shared == NULL) {
		compare_alone(comparing, name, &row, octets);
		return true;
	}
	if (shared->row.version >= row.version || comparing->away) {
		/* Two tokens of one name and version: that of the engine was first. */
		shared->seen =
		    shared->len == octets.len && memcmp(shared->octets, octets.data, octets.len) == 0;
		return true;
	}
	shared->seen = true;
	if (octets.len <= TOKEN_ROW_MAX)
		send(comparing, name, shared->revision, &octets);
	return true;
}

/* Rows of tokens that were deleted long ago leave the engine, and this node. */
static void
sweep(struct comparing *comparing)
{
	for (size_t i = 0; i < comparing->share->count; i++) {
		struct shared *shared = &comparing->share->list[i];

		if (!token_row_ended(&shared->row, comparing->now_wall))
			continue;
		shared->seen = true;
		send(comparing, shared->name, shared->revision, NULL);
	}
}

/* Are the tokens here and in the engine the same? */
static bool
is_same(const struct comparing *comparing)
{
	for (size_t i = 0; i < comparing->share->count; i++)
		if (!comparing->share->list[i].seen && comparing->share->list[i].row.version > 0)
			return false;
	return comparing->txn == NULL && comparing->ndoomed == 0 && !comparing->share->in_flight;
}

static int
write_rows(const struct comparing *comparing, struct store_txn *txn, bool same, uint64_t counter)
{
	const struct token_share *share = comparing->share;
	int error = same ? token_rows_seen_put(txn, comparing->now_wall, counter) : 0;

	for (size_t i = 0; i < share->count && error == 0; i++) {
		const struct shared *shared = &share->list[i];

		if (!shared->seen && shared->row.version > 0)
			error = token_row_put(txn, shared->name, (struct bytes){shared->octets, shared->len});
	}
	for (size_t i = 0; i < comparing->ndoomed && error == 0; i++)
		error = token_row_delete(txn, comparing->doomed[i]);
	return error;
}

/* Write the tokens that this node has not, or has in an older version; and that they are the same. */
static bool
take(const struct comparing *comparing, uint64_t counter)
{
	struct store *store = configuration_store(comparing->share->configuration);
	struct store_txn *txn;
	bool same = is_same(comparing);
	int error;

	if (same && counter == comparing->seen_counter && comparing->now_wall >= comparing->seen_wall &&
	    comparing->now_wall - comparing->seen_wall < DAY_MS)
		return true;
	if (store == NULL || store_begin(store, STORE_WRITE, &txn) != 0)
		return false;
	if ((error = write_rows(comparing, txn, same, counter)) == 0)
		error = store_commit(txn);
	else
		store_abort(txn);
	if (error != 0)
		warnx("cannot write tokens: %s%s", strerror(-error), store_write_cure(error));
	return error == 0;
}

static void
on_sent(void *arg, const struct etcd_answer *answer)
{
	struct token_share *share = arg;

	share->in_flight = false;
	share->is_new = true; /* the rows come by the watch; others wait, or it is tried again */
	if (answer->outcome != ETCD_DONE)
		warnx("cannot write tokens to the engine: %s", answer->error);
}

/* S96: was this node away for longer than rows of deleted tokens stay? An engine without any is a new one. */
static bool
was_away(const struct comparing *comparing, bool has_seen)
{
	bool any = false;

	for (size_t i = 0; i < comparing->share->count; i++)
		any |= comparing->share->list[i].row.version > 0;
	return comparing->share->begun && has_seen && any &&
	    comparing->now_wall - comparing->seen_wall > TOKEN_DELETED_KEPT_MS - DAY_MS;
}

static void
compare_all(struct comparing *comparing, struct store_txn *config)
{
	struct token_share *share = comparing->share;

	comparing->now_wall = wall_ms();
	comparing->away =
	    was_away(comparing, token_rows_seen(config, &comparing->seen_wall, &comparing->seen_counter));
	for (size_t i = 0; i < share->count; i++)
		share->list[i].seen = false;
	token_rows_each(config, compare, comparing);
	sweep(comparing);
	if (comparing->away)
		warnx("this node was away for more than 29 days: it takes the tokens of the other nodes");
}

void
token_share_look(struct token_share *share)
{
	struct store_txn *config = configuration_begin(share->configuration);
	struct comparing comparing = {.share = share};
	uint64_t counter, now_ms = boot_ms();
	bool good;

	if (config == NULL)
		return;
	counter = token_rows_counter(config);
	if (share->in_flight || (!share->is_new && counter == share->counter && now_ms < share->sweep_ms)) {
		store_abort(config);
		return;
	}
	compare_all(&comparing, config);
	store_abort(config);
	good = take(&comparing, counter);
	while (comparing.ndoomed > 0)
		free(comparing.doomed[--comparing.ndoomed]);
	free(comparing.doomed);
	share->is_new = !good;
	share->begun &= !good;
	share->counter = counter;
	share->sweep_ms = now_ms + SWEEP_MS;
	if (comparing.txn != NULL) {
		share->in_flight = true;
		etcd_commit(share->etcd, comparing.txn, on_sent, share);
	}
}
