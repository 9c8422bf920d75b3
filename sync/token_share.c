#include "sync/token_share.h"

#include "zones/base/array.h"
#include "zones/state/token_rows.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 32 /* tokens in a request */ };

/* A token of the engine. */
struct shared {
	char name[TOKEN_ROW_NAME_MAX + 1];
	int64_t revision; /* 0: the engine has none */
	uint64_t version; /* 0: damaged, or none */
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
	uint64_t counter; /* of the last comparison */
	bool is_new, in_flight;
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
	share->is_new = true;
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

void
token_share_row(struct token_share *share, const char *name, const struct etcd_row *row)
{
	struct shared *shared = find(share, name);
	bool deleted;

	if (strlen(name) > TOKEN_ROW_NAME_MAX || *name == '\0' || row->value.len > TOKEN_ROW_MAX)
		return;
	if (shared == NULL) {
		share->list = array_grow(share->list, share->count, sizeof *share->list);
		shared = &share->list[share->count++];
		*shared = (struct shared){.revision = 0};
		snprintf(shared->name, sizeof shared->name, "%s", name);
	}
	free(shared->octets);
	shared->octets = row->deleted ? NULL : xmemdup(row->value.data, row->value.len);
	shared->len = row->deleted ? 0 : row->value.len;
	shared->revision = row->deleted ? 0 : row->modified;
	shared->version = row->deleted ? 0 : token_row_version(row->value, &deleted);
	share->is_new = true;
}

/* ---- compare ---- */

struct comparing {
	struct token_share *share;
	struct etcd_txn *txn; /* tokens for the engine; NULL: none */
};

static void
send(struct comparing *comparing, const char *name, int64_t revision, struct bytes row)
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
	etcd_txn_put(comparing->txn, key, row);
	free(key);
}

static bool
compare(void *arg, const char *name, struct bytes row)
{
	struct comparing *comparing = arg;
	struct shared *shared = find(comparing->share, name);
	bool deleted;
	uint64_t version = token_row_version(row, &deleted);

	if (shared != NULL && shared->version >= version) {
		/* Two tokens of one name and version: that of the engine was first. */
		shared->seen = shared->version == version && shared->len == row.len &&
		    memcmp(shared->octets, row.data, row.len) == 0;
		return true;
	}
	if (shared != NULL)
		shared->seen = true;
	if (version > 0 && row.len <= TOKEN_ROW_MAX)
		send(comparing, name, shared != NULL ? shared->revision : 0, row);
	return true;
}

/* Write the tokens that this node has not, or has in an older version. */
static bool
take(struct token_share *share)
{
	struct store *store = configuration_store(share->configuration);
	struct store_txn *txn;
	int error = 0;
	bool any = false;

	for (size_t i = 0; i < share->count; i++)
		any |= !share->list[i].seen && share->list[i].version > 0;
	if (!any)
		return true;
	if (store == NULL || store_begin(store, STORE_WRITE, &txn) != 0)
		return false;
	for (size_t i = 0; i < share->count && error == 0; i++) {
		const struct shared *shared = &share->list[i];

		if (!shared->seen && shared->version > 0)
			error = token_row_put(txn, shared->name, (struct bytes){shared->octets, shared->len});
	}
	if (error == 0)
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

void
token_share_look(struct token_share *share)
{
	struct store_txn *config = configuration_begin(share->configuration);
	struct comparing comparing = {.share = share};
	uint64_t counter;
	bool good;

	if (config == NULL)
		return;
	counter = token_rows_counter(config);
	if (share->in_flight || (!share->is_new && counter == share->counter)) {
		store_abort(config);
		return;
	}
	for (size_t i = 0; i < share->count; i++)
		share->list[i].seen = false;
	token_rows_each(config, compare, &comparing);
	store_abort(config);
	good = take(share);
	share->is_new = !good;
	share->counter = counter;
	if (comparing.txn != NULL) {
		share->in_flight = true;
		etcd_commit(share->etcd, comparing.txn, on_sent, share);
	}
}
