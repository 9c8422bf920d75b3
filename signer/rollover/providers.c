#include "signer/rollover/providers.h"

static void
read_one(void *arg, const struct signing_key *row)
{
	struct providers *providers = arg;

	if (providers->count < PROVIDER_KEYS_MAX)
		providers->rows[providers->count++] = *row;
}

void
providers_read(struct providers *providers, struct store_txn *signatures, uint32_t zone)
{
	*providers = (struct providers){.count = 0};
	provider_keys_each(signatures, zone, read_one, providers);
}

static unsigned
place_of(const struct providers *providers, const struct signing_key *key)
{
	unsigned i = 0;

	while (i < providers->count &&
	    (providers->rows[i].algorithm != key->algorithm || providers->rows[i].key_tag != key->key_tag))
		i++;
	return i;
}

void
providers_list(struct providers *providers, const uint8_t *apex, const struct dnssec_policy *policy)
{
	memset(providers->listed, 0, sizeof providers->listed);
	for (size_t i = 0; i < policy->nproviders; i++) {
		struct signing_key key;
		unsigned place;

		provider_key_describe(&key, apex, &policy->providers[i]);
		place = place_of(providers, &key);
		if (place == PROVIDER_KEYS_MAX)
			continue;
		if (place == providers->count) {
			key.created = wall_ms();
			providers->rows[providers->count++] = key;
		}
		providers->listed[place] = true;
	}
}

static bool
is_hidden(const struct signing_key *row)
{
	for (unsigned i = 0; i < KEY_MARKS; i++)
		if (row->marks[i] != MARK_HIDDEN)
			return false;
	return true;
}

int
providers_write(struct providers *providers, struct store_txn *signatures, uint32_t zone, bool over)
{
	unsigned kept = 0;
	int error = 0;

	for (unsigned i = 0; i < providers->count; i++) {
		const struct signing_key *row = &providers->rows[i];
		bool gone = over && !providers->listed[i] && is_hidden(row);

		if (error == 0)
			error = gone ? provider_key_delete(signatures, zone, row)
				     : provider_key_put(signatures, zone, row);
		if (gone)
			continue;
		providers->listed[kept] = providers->listed[i];
		providers->rows[kept++] = *row;
	}
	providers->count = kept;
	return error;
}

/* Only a key with this flag gets a DS and signs DNSKEY. */
static uint8_t
possible(const struct signing_key *row)
{
	return row->flags & DNSKEY_SEP ? KEY_ALL : KEY_DNSKEY | KEY_DATA;
}

enum rollover_kind
providers_due(const struct providers *providers, const struct rollover *rollover)
{
	bool comes = false, unfinished = false, goes = false, lingers = false;

	for (unsigned i = 0; i < providers->count; i++) {
		const struct signing_key *row = &providers->rows[i];
		uint8_t marks = rollover_marks(row);

		comes |= providers->listed[i] && !(marks & KEY_DATA);
		unfinished |= providers->listed[i] && marks != possible(row);
		goes |= !providers->listed[i] && marks & KEY_DATA;
		lingers |= !providers->listed[i] && !is_hidden(row);
	}
	switch (rollover->kind) {
	case ROLLOVER_NONE:
		return unfinished ? ROLLOVER_PROVIDER_COMES
		    : lingers     ? ROLLOVER_PROVIDER_GOES
				  : ROLLOVER_NONE;
	case ROLLOVER_PROVIDER_COMES: /* a key that was taken back never gets the DS that a step waits for */
		return goes ? ROLLOVER_PROVIDER_GOES : comes ? ROLLOVER_PROVIDER_COMES : ROLLOVER_NONE;
	case ROLLOVER_PROVIDER_GOES:
		return comes ? ROLLOVER_PROVIDER_COMES : goes ? ROLLOVER_PROVIDER_GOES : ROLLOVER_NONE;
	case ROLLOVER_ENABLE:
		return comes && rollover->step == 0 ? ROLLOVER_ENABLE : ROLLOVER_NONE;
	default:
		return ROLLOVER_NONE;
	}
}

void
providers_take_step(struct providers *providers, const struct rollover *rollover, int64_t wall_ms)
{
	const struct rollover_step *step = rollover_step(rollover);
	bool going = rollover->kind == ROLLOVER_PROVIDER_GOES;

	for (unsigned i = 0; i < providers->count && step != NULL && step->providers & KEY_GIVEN; i++) {
		struct signing_key *row = &providers->rows[i];
		uint8_t now = rollover_marks(row);

		if (providers->listed[i] == going)
			continue;
		rollover_mark(
		    row, going ? now & step->providers : now | (step->providers & possible(row)), wall_ms);
	}
}

void
providers_settle(struct providers *providers, int64_t wall_ms)
{
	for (unsigned i = 0; i < providers->count; i++)
		rollover_settle(&providers->rows[i], wall_ms);
}

bool
providers_hold(const struct providers *providers)
{
	for (unsigned i = 0; i < providers->count; i++)
		if (providers->rows[i].marks[MARK_DS] == MARK_EVERYWHERE)
			return true;
	return false;
}
