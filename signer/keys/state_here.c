#include "signer/keys/state_here.h"

#include "zones/state/config.h"
#include "zones/state/membership.h"
#include "zones/state/signatures.h"

#include <stdio.h>
#include <unistd.h>

/* A transaction of a store; NULL with problems that do not matter here: the signer reports them. */
static struct store_txn *
begin(const char *directory, enum store_kind kind, struct store **store)
{
	struct problems problems = {0};
	struct store_txn *txn = NULL;

	*store = store_open(directory, kind, STORE_READ, &problems);
	problems_free(&problems);
	return *store != NULL && store_begin(*store, STORE_READ, &txn) == 0 ? txn : NULL;
}

static void
end(struct store *store, struct store_txn *txn)
{
	store_abort(txn);
	if (store != NULL)
		store_close(store);
}

static void
add_key(void *arg, const struct signing_key *key)
{
	struct key_state *state = arg;

	if (state->nkeys < KEY_STATE_KEYS)
		state->keys[state->nkeys++] = *key;
}

/* For people: the name on the roster, else that of the host. */
static void
name_node(struct store_txn *config, char out[LEADER_MAX + 1])
{
	struct membership membership;
	char host[256] = "";

	if (membership_get(config, &membership)) {
		snprintf(out, LEADER_MAX + 1, "%.*s", LEADER_MAX, membership.node);
		return;
	}
	gethostname(host, sizeof host - 1);
	snprintf(out, LEADER_MAX + 1, "%.*s", LEADER_MAX, *host != '\0' ? host : "a node without a name");
}

static bool
is_alive(const char *directory)
{
	struct store *store;
	struct store_txn *sets = begin(directory, STORE_SETS, &store);
	struct signer_beat beat;
	bool alive = sets != NULL && signer_beat_get(sets, &beat) && !signer_dead(&beat, boot_ms());

	end(store, sets);
	return alive;
}

void
state_here_read(const char *directory, const uint8_t *apex, struct state_here *here)
{
	struct store *configs, *stores;
	struct store_txn *config = begin(directory, STORE_CONFIG, &configs),
			 *signatures = begin(directory, STORE_SIGNATURES, &stores);
	struct rollover *rollover = &here->state.rollover;
	struct zone_info zone;

	*here = (struct state_here){.alive = is_alive(directory)};
	memcpy(here->state.apex, apex, name_len(apex));
	if (config != NULL && signatures != NULL && config_zone(config, apex, &zone)) {
		rollover_get(signatures, zone.number, rollover);
		signing_keys_each(signatures, zone.number, add_key, &here->state);
	}
	if (!rollover->leading.follows)
		name_node(config, rollover->leading.name);
	here->known = here->state.nkeys > 0;
	end(stores, signatures);
	end(configs, config);
}
