#include "sync/nodes/configuration.h"

#include <err.h>
#include <stdlib.h>

struct configuration {
	const char *state;
	struct store *store;
	enum store_access access;
	struct membership membership, detached_from;
	bool joined, detached;
	enum membership_choice choice;
	uint64_t generation;
	uint8_t digest[DIGEST_LEN];
};

struct configuration *
configuration_new(const char *state)
{
	struct configuration *configuration = xcalloc(1, sizeof *configuration);

	configuration->state = state;
	configuration->access = STORE_READ;
	return configuration;
}

void
configuration_free(struct configuration *configuration)
{
	if (configuration == NULL)
		return;
	store_close(configuration->store);
	free(configuration);
}

static bool
open_store(struct configuration *configuration, enum store_access access)
{
	struct problems problems = {0};

	configuration->store = store_open(configuration->state, STORE_CONFIG, access, &problems);
	configuration->access = access;
	problems_print(&problems, "graycloud-sync", stderr);
	problems_free(&problems);
	return configuration->store != NULL;
}

static void
read_state(struct configuration *configuration)
{
	struct store_txn *txn;
	bool was_joined = configuration->joined;

	if (store_begin(configuration->store, STORE_READ, &txn) != 0)
		return;
	configuration->joined = membership_get(txn, &configuration->membership);
	configuration->detached =
	    !configuration->joined && membership_detached_get(txn, &configuration->detached_from);
	configuration->choice = membership_choice_get(txn);
	configuration->generation = config_generation(txn);
	entry_last_digest(txn, configuration->digest);
	store_abort(txn);
	if (configuration->joined != was_joined)
		warnx(configuration->joined ? "this node is %s of cluster %s" : "this node stands alone",
		    configuration->membership.node, configuration->membership.cluster);
}

/* Has `graycloud node` written the store? A store that is open for writing does not report that. */
static bool
was_written(struct configuration *configuration, bool *joined)
{
	struct membership ignored;
	enum membership_choice choice;
	struct store_txn *txn;

	*joined = configuration->joined;
	if (configuration->access != STORE_WRITE || !configuration->joined ||
	    store_begin(configuration->store, STORE_PEEK, &txn) != 0)
		return false;
	*joined = membership_get(txn, &ignored);
	choice = membership_choice_get(txn);
	store_abort(txn);
	return !*joined || choice != configuration->choice;
}

bool
configuration_look(struct configuration *configuration)
{
	struct problems problems = {0};
	enum store_news news = STORE_REPLACED;
	bool joined;

	if (configuration->store == NULL && !open_store(configuration, STORE_READ))
		return false;
	news = store_poll(configuration->store, &problems);
	problems_print(&problems, "graycloud-sync", stderr);
	problems_free(&problems);
	if (news != STORE_CHANGED && news != STORE_REPLACED && !was_written(configuration, &joined))
		return false;
	read_state(configuration);
	if (configuration->joined != (configuration->access == STORE_WRITE)) {
		store_close(configuration->store); /* LMDB rule 5: before it is opened again */
		if (open_store(configuration, configuration->joined ? STORE_WRITE : STORE_READ))
			read_state(configuration);
	}
	return true;
}

void
configuration_written(struct configuration *configuration)
{
	if (configuration->store != NULL)
		read_state(configuration);
}

const struct membership *
configuration_membership(const struct configuration *configuration)
{
	return configuration->joined ? &configuration->membership : NULL;
}

const struct membership *
configuration_detached(const struct configuration *configuration)
{
	return configuration->detached ? &configuration->detached_from : NULL;
}

enum membership_choice
configuration_choice(const struct configuration *configuration)
{
	return configuration->choice;
}

struct store *
configuration_store(struct configuration *configuration)
{
	bool joined = false;

	if (configuration->access == STORE_WRITE)
		was_written(configuration, &joined);
	return joined ? configuration->store : NULL;
}

struct store_txn *
configuration_begin(struct configuration *configuration)
{
	struct store_txn *txn;

	if (configuration->store == NULL || store_begin(configuration->store, STORE_PEEK, &txn) != 0)
		return NULL;
	return txn;
}

uint64_t
configuration_generation(const struct configuration *configuration)
{
	return configuration->generation;
}

const uint8_t *
configuration_digest(const struct configuration *configuration)
{
	return configuration->digest;
}

int
configuration_watch_fd(struct configuration *configuration)
{
	return configuration->store != NULL ? store_watch_fd(configuration->store) : -1;
}

void
configuration_watch_clear(struct configuration *configuration)
{
	if (configuration->store != NULL)
		store_watch_clear(configuration->store);
}
