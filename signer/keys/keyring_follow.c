#include "signer/keys/keyring_follow.h"

#include "signer/keys/keyring_inner.h"

static int
row_of(const struct keyring *keyring, const struct signing_key *key)
{
	for (unsigned i = 0; i < keyring->count; i++)
		if (keyring->rows[i].algorithm == key->algorithm && keyring->rows[i].key_tag == key->key_tag)
			return (int)i;
	return -1;
}

/* Load the keys of a state that are not here. False with a problem, and none is kept. */
static bool
load_new(const struct keyring *keyring, const struct key_state *state, struct key *new[KEYS_MAX],
    struct problems *problems)
{
	bool good = true;

	for (unsigned i = 0; i < state->nkeys; i++) {
		struct key_id id = (struct key_id){state->keys[i].algorithm, state->keys[i].key_tag};

		if (row_of(keyring, &state->keys[i]) >= 0)
			continue;
		new[i] = key_find(keyring->apex, &id, state->keys[i].flags, keyring->directory, problems);
		good &= new[i] != NULL;
	}
	for (unsigned i = 0; i < state->nkeys && !good; i++) {
		key_free(new[i]);
		new[i] = NULL;
	}
	return good;
}

/* The keys of a state, each with its marks, in place of those that are here. */
static void
take_keys(struct keyring *keyring, const struct key_state *state, struct key *new[KEYS_MAX])
{
	struct key *keys[KEYS_MAX];
	struct signing_key rows[KEYS_MAX];

	for (unsigned i = 0; i < state->nkeys; i++) {
		const struct signing_key *there = &state->keys[i];
		int at = row_of(keyring, there);

		keys[i] = at >= 0 ? keyring->keys[at] : new[i];
		if (at >= 0)
			keyring->keys[at] = NULL;
		key_describe(keys[i], &rows[i]);
		rows[i].created = there->created;
		memcpy(rows[i].marks, there->marks, sizeof rows[i].marks);
		memcpy(rows[i].since, there->since, sizeof rows[i].since);
	}
	for (unsigned i = 0; i < keyring->count; i++)
		if (keyring->keys[i] != NULL)
			keyring->left[keyring->nleft++] = keyring->keys[i];
	keyring->count = state->nkeys;
	memcpy(keyring->keys, keys, state->nkeys * sizeof *keys);
	memcpy(keyring->rows, rows, state->nkeys * sizeof *rows);
}

bool
keyring_follow(
    struct keyring *keyring, const struct key_state *state, int64_t wall_ms, struct problems *problems)
{
	struct rollover *rollover = &keyring->rollover, before = *rollover;
	struct key *new[KEYS_MAX] = {NULL};

	if (!load_new(keyring, state, new, problems))
		return false;
	take_keys(keyring, state, new);
	*rollover = state->rollover;
	rollover->request = before.request;
	rollover->cancelled = before.cancelled;
	rollover->leading.led = before.leading.led;
	rollover->leading.follows = true;
	rollover->leading.taken = wall_ms;
	rollover->ttl_dnskey = MAX(rollover->ttl_dnskey, before.ttl_dnskey);
	rollover->ttl_ds = MAX(rollover->ttl_ds, before.ttl_ds);
	rollover->ttl_data = MAX(rollover->ttl_data, before.ttl_data);
	rollover->ttl_ns = MAX(rollover->ttl_ns, before.ttl_ns);
	return true;
}

void
keyring_lead(struct keyring *keyring)
{
	struct rollover *rollover = &keyring->rollover;

	leading_begin(rollover);
	rollover->looked = rollover->first = rollover->shown = rollover->until = 0;
	rollover->until_boot = rollover->boot = 0;
	rollover->nlacking = 0;
}
