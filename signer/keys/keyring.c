#include "signer/keys/keyring.h"

#include "signer/keys/keyring_saved.h"
#include "signer/keys/retired.h"
#include "zones/state/served_signed.h"
#include "zones/state/zone_folder.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADOPTED_MAX = 2 };

static void
add(struct keyring *keyring, struct key *key, const struct signing_key *row)
{
	keyring->rows[keyring->count] = *row;
	keyring->keys[keyring->count++] = key;
}

static struct key_id
id_of(const struct signing_key *row)
{
	return (struct key_id){row->algorithm, row->key_tag};
}

static struct rollover_clock
clock_now(void)
{
	return (struct rollover_clock){.wall_ms = wall_ms(), .boot_ms = boot_ms()};
}

/* ---- open ---- */

struct loading {
	struct keyring *keyring;
	bool lost; /* the files are not there */
	struct problems *problems;
};

static void
load(void *arg, const struct signing_key *row)
{
	struct loading *loading = arg;
	struct keyring *keyring = loading->keyring;
	struct key *key;

	if (keyring->count == KEYS_MAX)
		return;
	key = loading->lost ? NULL : key_load(keyring->apex, row, keyring->directory, loading->problems);
	if (key != NULL || loading->lost)
		add(keyring, key, row);
}

/* Two keys of one tag make validators try both (RFC 4034 appendix B). */
static bool
tag_is_used(const struct keyring *keyring, uint16_t tag)
{
	for (unsigned i = 0; i < keyring->count; i++)
		if (keyring->rows[i].key_tag == tag)
			return true;
	for (unsigned i = 0; i < keyring->providers.count; i++)
		if (keyring->providers.rows[i].key_tag == tag)
			return true;
	return false;
}

/* Make a key with its files. Its marks are hidden. */
static bool
make_key(struct keyring *keyring, unsigned algorithm, bool sep, struct problems *problems)
{
	struct signing_key row;
	struct key *key = NULL;

	if (keyring->count == KEYS_MAX)
		return false;
	do {
		key_free(key);
		key = key_new(keyring->apex, algorithm, (uint16_t)(DNSKEY_ZONE | (sep ? DNSKEY_SEP : 0)));
		key_describe(key, &row);
	} while (tag_is_used(keyring, row.key_tag));
	if (!key_save(key, keyring->directory, problems)) {
		key_free(key);
		return false;
	}
	add(keyring, key, &row);
	return true;
}

/* Has the zone a key of its own for data, a ZSK? */
static bool
is_split(const struct keyring *keyring)
{
	for (unsigned i = 0; i < keyring->count; i++)
		if (!(keyring->rows[i].flags & DNSKEY_SEP))
			return true;
	return false;
}

/*
 * Set the marks of the keys to those of the step. Every other key leaves with the old one, of which an
 * imported zone can have two (KSK and ZSK): a key that leaves never gets a mark.
 */
static void
take_step(struct keyring *keyring, int64_t wall)
{
	const struct rollover *rollover = &keyring->rollover;
	const struct rollover_step *step = rollover_step(rollover);

	/* Where a ZSK signs data, the KSK does not. */
	uint8_t enabled = is_split(keyring) ? (uint8_t)~KEY_DATA : KEY_ALL;
	bool one = rollover->kind == ROLLOVER_KSK || rollover->kind == ROLLOVER_ZSK;

	for (unsigned i = 0; i < keyring->count && step != NULL; i++) {
		struct signing_key *row = &keyring->rows[i];
		struct key_id id = id_of(row);

		if (key_id_same(&id, &rollover->new))
			rollover_mark(
			    row, rollover->kind == ROLLOVER_ENABLE ? step->new &enabled : step->new, wall);
		else if (key_id_same(&id, &rollover->old) || (!one && rollover->old.algorithm != 0))
			rollover_mark(row, step->old & rollover_marks(row), wall);
	}
	providers_take_step(&keyring->providers, rollover, wall);
}

static void
enable_first(struct keyring *keyring)
{
	struct rollover_clock now = clock_now();
	struct key_id new = id_of(&keyring->rows[0]);

	rollover_begin(&keyring->rollover, ROLLOVER_ENABLE, NULL, &new, &now);
	take_step(keyring, now.wall_ms);
}

/* The first key is the one that gets a DS. */
static void
put_sep_first(struct keyring *keyring)
{
	for (unsigned i = 1; i < keyring->count; i++) {
		struct signing_key row = keyring->rows[i];
		struct key *key = keyring->keys[i];

		if (keyring->rows[0].flags & DNSKEY_SEP || !(row.flags & DNSKEY_SEP))
			continue;
		keyring->rows[i] = keyring->rows[0];
		keyring->keys[i] = keyring->keys[0];
		keyring->rows[0] = row;
		keyring->keys[0] = key;
	}
}

/*
 * Keys whose rows are gone, because signatures/ was lost or the zone was deleted and loaded again: a new key
 * would not match the DS at the parent. If there are several, all sign: that is valid with any of their DS.
 */
static void
adopt(struct loading *loading)
{
	struct keyring *keyring = loading->keyring;
	DIR *directory = opendir(keyring->directory);
	struct dirent *entry;

	while (directory != NULL && keyring->count < ADOPTED_MAX && (entry = readdir(directory)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');
		struct signing_key row;
		struct key *key;

		if (end == NULL || strcmp(end, ".private") != 0)
			continue;
		key = key_adopt(keyring->apex, keyring->directory, entry->d_name,
		    key_flags_beside(keyring->directory, entry->d_name), loading->problems);
		if (key == NULL)
			continue;
		key_describe(key, &row);
		row.created = wall_ms();
		/* A ZSK that was imported signs data alone. */
		rollover_mark(&row,
		    row.flags & DNSKEY_SEP ? KEY_DNSKEY | KEY_SIGNS | KEY_DATA : KEY_DNSKEY | KEY_DATA,
		    row.created);
		add(keyring, key, &row);
	}
	put_sep_first(keyring);
	if (directory != NULL)
		closedir(directory);
}

/* Not in place of keys that are lost: those that it would make match no DS at the parent. */
static void
make_first(
    struct keyring *keyring, const char *state, const struct dnssec_policy *policy, struct problems *problems)
{
	char all[PATH_MAX];

	if (served_signed_has(state, policy->name)) {
		problems_error(problems,
		    "its keys are lost, and none is made in their place: bring them back, or end signing "
		    "with "
		    "`graycloud dnssec disable %s --force`",
		    policy->name);
		return;
	}
	snprintf(all, sizeof all, "%s/keys", state);
	if (!zone_folder_make(all, problems) || !make_key(keyring, policy->algorithm, true, problems))
		return;
	if (policy->split && make_key(keyring, policy->algorithm, false, problems))
		rollover_mark(&keyring->rows[1], KEY_DNSKEY | KEY_DATA, wall_ms());
}

struct keyring *
keyring_open(struct store_txn *signatures, const char *state, const struct zone_info *zone,
    const struct dnssec_policy *policy, bool make, struct problems *problems)
{
	struct keyring *keyring = xcalloc(1, sizeof *keyring);
	struct loading loading = {keyring, policy->ending == ENDING_KEY_LOST, problems};
	size_t before = problems->errors;
	char *directory;
	bool known, recovered;

	directory = key_directory(state, policy->name);
	snprintf(keyring->directory, sizeof keyring->directory, "%s", directory);
	free(directory);
	memcpy(keyring->apex, zone->name, name_len(zone->name));
	keyring->zone = zone->number;
	keyring->name = xstrdup(policy->name);
	snprintf(keyring->policy, sizeof keyring->policy, "%s", policy->id.text);
	rollover_get(signatures, zone->number, &keyring->rollover);
	providers_read(&keyring->providers, signatures, zone->number);
	providers_list(&keyring->providers, keyring->apex, policy);
	signing_keys_each(signatures, zone->number, load, &loading);
	if (loading.lost)
		return keyring;
	known = keyring->count > 0; /* with a problem it is dropped below */
	recovered = problems->errors == before && !known && keyring_recover(keyring, policy, problems);
	if (problems->errors == before && !known && !recovered)
		adopt(&loading);
	if (problems->errors == before && keyring->count == 0) {
		if (make)
			make_first(keyring, state, policy, problems);
		else if (*policy->identity == '\0')
			problems_error(problems,
			    "zone %s has no key: make one with `graycloud dnssec enable %s` at one node, or "
			    "bring "
			    "it with `graycloud dnssec keys import`",
			    policy->name, policy->name);
		else
			problems_error(problems,
			    "zone %s was enabled on another node, and its keys are not here: bring them with "
			    "`graycloud dnssec keys import`",
			    policy->name);
	}
	if (problems->errors == before && keyring->count > 0) {
		if (known)
			return keyring;
		if (!recovered)
			enable_first(keyring);
		if (keyring_put(keyring, signatures) == 0)
			return keyring;
		problems_error(problems, "the row of a key cannot be written");
	}
	keyring_free(keyring);
	return NULL;
}

void
keyring_free(struct keyring *keyring)
{
	if (keyring == NULL)
		return;
	for (unsigned i = 0; i < keyring->count; i++)
		key_free(keyring->keys[i]);
	for (unsigned i = 0; i < keyring->nleft; i++)
		key_free(keyring->left[i]);
	free(keyring->name);
	free(keyring->saved);
	free(keyring);
}

bool
keyring_can_sign(const struct keyring *keyring)
{
	return keyring->count > 0 && keyring->keys[0] != NULL;
}

void
keyring_apex(const struct keyring *keyring, uint8_t apex[NAME_MAX_LEN])
{
	memcpy(apex, keyring->apex, name_len(keyring->apex));
}

const char *
keyring_name(const struct keyring *keyring)
{
	return keyring->name;
}

/* ---- who signs ---- */

/*
 * RFC 7344 4.1: CDS and CDNSKEY are signed by a key that DNSKEY and a DS have. Those that sign data sign
 * them, too, so that no algorithm lacks while one comes or goes.
 */
static bool
signs(const struct signing_key *row, uint16_t type)
{
	bool keys = key_shows(row, MARK_SIGNS), data = key_shows(row, MARK_DATA);

	if (type == TYPE_CDS || type == TYPE_CDNSKEY)
		return keys || data;
	return type == TYPE_DNSKEY ? keys : data;
}

unsigned
keyring_signers(const struct keyring *keyring, uint16_t type, struct key *out[SIGNATURES_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < keyring->count && count < SIGNATURES_MAX; i++)
		if (signs(&keyring->rows[i], type))
			out[count++] = keyring->keys[i];
	return count;
}

struct key *
keyring_key(const struct keyring *keyring, const struct key_id *id)
{
	for (unsigned i = 0; i < keyring->count; i++) {
		struct key_id its = id_of(&keyring->rows[i]);

		if (key_id_same(&its, id))
			return keyring->keys[i];
	}
	return NULL;
}

bool
keyring_fits(const struct keyring *keyring, uint16_t type, const struct signature *signatures, unsigned count)
{
	unsigned wanted = 0, found = 0;

	for (unsigned i = 0; i < keyring->count && wanted < SIGNATURES_MAX; i++) {
		const struct signing_key *row = &keyring->rows[i];

		if (!signs(row, type))
			continue;
		wanted++;
		for (unsigned n = 0; n < count; n++)
			found += signatures[n].algorithm == row->algorithm &&
			    signatures[n].key_tag == row->key_tag;
	}
	return wanted == count && found == count;
}

unsigned
keyring_data(const struct keyring *keyring, struct key_id out[DATA_KEYS_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < keyring->count && count < DATA_KEYS_MAX; i++)
		if (key_shows(&keyring->rows[i], MARK_DATA))
			out[count++] = id_of(&keyring->rows[i]);
	return count;
}

/* ---- RRsets ---- */

static int
compare_records(const void *a, const void *b)
{
	return memcmp((const uint8_t *)a + 2, (const uint8_t *)b + 2, DS_OCTETS);
}

/* The keys of the zone, then those of other providers. NULL: no more. */
static const struct signing_key *
row_at(const struct keyring *keyring, unsigned i)
{
	if (i < keyring->count)
		return &keyring->rows[i];
	i -= keyring->count;
	return i < keyring->providers.count ? &keyring->providers.rows[i] : NULL;
}

/* The DNSKEYs of keys that have a mark, one after the other. */
static struct rrset
dnskeys(const struct keyring *keyring, uint8_t *records, enum key_mark mark)
{
	struct rrset set = {.records = records};
	const struct signing_key *row;

	for (unsigned i = 0; (row = row_at(keyring, i)) != NULL; i++) {
		uint16_t len = signing_key_dnskey_len(row);

		if (!key_shows(row, mark))
			continue;
		put16(records + set.len, len);
		memcpy(records + set.len + 2, row->dnskey, len);
		set.len += 2u + len;
		set.count++;
	}
	return set;
}

static struct rrset
ds_records(const struct keyring *keyring, uint8_t *records)
{
	struct rrset set = {.records = records};
	const struct signing_key *row;

	for (unsigned i = 0; (row = row_at(keyring, i)) != NULL; i++) {
		if (!key_shows(row, MARK_DS))
			continue;
		put16(records + set.len, DS_OCTETS);
		memcpy(records + set.len + 2, row->ds, DS_OCTETS);
		set.len += CDS_ROOM;
		set.count++;
	}
	qsort(records, set.count, CDS_ROOM, compare_records);
	return set;
}

/* RFC 8078 4: the records that ask for the deletion of all DS. */
static struct rrset
deletion(uint16_t type)
{
	static const uint8_t cds[] = {0, 5, 0, 0, 0, 0, 0}, cdnskey[] = {0, 5, 0, 0, 3, 0, 0};

	return (struct rrset){.count = 1, .records = type == TYPE_CDS ? cds : cdnskey, .len = sizeof cds};
}

unsigned
keyring_rrsets(const struct keyring *keyring, uint32_t ttl, struct rrset out[SIGNED_KEYS_MAX])
{
	struct keyring *made = (struct keyring *)(uintptr_t)keyring;
	const struct rollover_step *step = rollover_step(&keyring->rollover);
	bool delete_ds = step != NULL && step->delete_ds;
	unsigned count = 1;

	out[0] = dnskeys(keyring, made->dnskeys, MARK_DNSKEY);
	/* RFC 7344 4: CDS and CDNSKEY show the parent which DS it should have. */
	out[1] = delete_ds ? deletion(TYPE_CDNSKEY) : dnskeys(keyring, made->cdnskeys, MARK_DS);
	out[2] = delete_ds ? deletion(TYPE_CDS) : ds_records(keyring, made->cds);
	out[0].type = TYPE_DNSKEY;
	out[1].type = TYPE_CDNSKEY;
	out[2].type = TYPE_CDS;
	if (out[1].count > 0)
		count = 3;
	for (unsigned i = 0; i < count; i++)
		out[i].ttl = ttl;
	return count;
}

/* ---- procedures ---- */

unsigned
keyring_rows(const struct keyring *keyring, const struct signing_key **rows)
{
	*rows = keyring->rows;
	return keyring->count;
}

struct rollover *
keyring_rollover(struct keyring *keyring)
{
	return &keyring->rollover;
}

/* The key that leaves: of a rollover of all keys one that signs data. */
static struct key_id
leaving(const struct keyring *keyring, enum rollover_kind kind)
{
	for (unsigned i = 0; i < keyring->count; i++) {
		const struct signing_key *row = &keyring->rows[i];

		if (kind == ROLLOVER_KSK
			? key_shows(row, MARK_SIGNS)
			: key_shows(row, MARK_DATA) && (kind != ROLLOVER_ZSK || !(row->flags & DNSKEY_SEP)))
			return id_of(row);
	}
	return (struct key_id){0};
}

/* The key that has the DS, or gets it. */
static struct key_id
entering(const struct keyring *keyring)
{
	for (unsigned i = 0; i < keyring->count; i++)
		if (keyring->rows[i].flags & DNSKEY_SEP)
			return id_of(&keyring->rows[i]);
	return (struct key_id){0};
}

bool
keyring_roll(struct keyring *keyring, enum rollover_kind kind, unsigned algorithm,
    const struct rollover_clock *now, struct problems *problems)
{
	struct key_id old = leaving(keyring, kind), new;

	if ((kind == ROLLOVER_KSK || kind == ROLLOVER_ZSK) && !is_split(keyring)) {
		problems_error(problems, "its key signs all: it has no KSK and ZSK");
		return false;
	}
	if (!make_key(keyring, algorithm, kind != ROLLOVER_ZSK, problems))
		return false;
	new = id_of(&keyring->rows[keyring->count - 1]);
	leading_begin(&keyring->rollover);
	rollover_begin(&keyring->rollover, kind, &old, &new, now);
	take_step(keyring, now->wall_ms);
	return true;
}

void
keyring_begin(struct keyring *keyring, enum rollover_kind kind, const struct rollover_clock *now)
{
	struct key_id old = keyring->rollover.old, new = keyring->rollover.new;

	if (kind == ROLLOVER_PROVIDER_COMES || kind == ROLLOVER_PROVIDER_GOES) {
		old = new = (struct key_id){0};
	} else if (kind == ROLLOVER_ENABLE) {
		new = entering(keyring);
		old = (struct key_id){0};
	} else if (kind != ROLLOVER_CANCEL) {
		old = leaving(keyring, kind);
		new = (struct key_id){0};
	}
	rollover_begin(&keyring->rollover, kind, &old, &new, now);
	take_step(keyring, now->wall_ms);
}

bool
keyring_take_providers(
    struct keyring *keyring, const struct dnssec_policy *policy, const struct rollover_clock *now)
{
	enum rollover_kind kind;

	providers_list(&keyring->providers, keyring->apex, policy);
	kind = providers_due(&keyring->providers, &keyring->rollover);
	if (kind == ROLLOVER_NONE)
		return false;
	keyring_begin(keyring, kind, now);
	return true;
}

const struct providers *
keyring_providers(const struct keyring *keyring)
{
	return &keyring->providers;
}

static bool
all_hidden(const struct signing_key *row)
{
	for (unsigned i = 0; i < KEY_MARKS; i++)
		if (row->marks[i] != MARK_HIDDEN)
			return false;
	return true;
}

void
keyring_advance(struct keyring *keyring, const struct rollover_clock *now)
{
	for (unsigned i = 0; i < keyring->count; i++)
		rollover_settle(&keyring->rows[i], now->wall_ms);
	providers_settle(&keyring->providers, now->wall_ms);
	rollover_advance(&keyring->rollover, now);
	take_step(keyring, now->wall_ms);
}

/* ---- rows and files ---- */

/* S109: for nodes without keys that were away when keys left. */
static int
put_former(const struct keyring *keyring, struct store_txn *signatures)
{
	struct key_state state = {.nkeys = keyring->count};

	memcpy(state.apex, keyring->apex, name_len(keyring->apex));
	memcpy(state.keys, keyring->rows, keyring->count * sizeof *keyring->rows);
	for (unsigned i = 0; i < keyring->nleft; i++) {
		struct signing_key row;

		key_describe(keyring->left[i], &row);
		key_state_add_former(&state, &row);
	}
	retired_read(keyring->directory, &state);
	return former_keys_put(signatures, keyring->zone, state.former, state.nformer);
}

int
keyring_put(struct keyring *keyring, struct store_txn *signatures)
{
	bool over = keyring->rollover.kind == ROLLOVER_NONE;
	unsigned kept = 0;
	int error = rollover_put(signatures, keyring->zone, &keyring->rollover);

	for (unsigned i = 0; i < keyring->count; i++) {
		struct signing_key *row = &keyring->rows[i];
		bool gone = over && keyring->keys[i] != NULL && all_hidden(row);

		if (gone) {
			keyring->left[keyring->nleft++] = keyring->keys[i];
			continue;
		}
		if (error == 0)
			error = signing_key_put(signatures, keyring->zone, row);
		keyring->keys[kept] = keyring->keys[i];
		keyring->rows[kept++] = *row;
	}
	keyring->count = kept;
	for (unsigned i = 0; i < keyring->nleft && error == 0; i++) {
		struct signing_key row;

		key_describe(keyring->left[i], &row);
		error = signing_key_delete(signatures, keyring->zone, &row);
	}
	if (error == 0)
		error = providers_write(&keyring->providers, signatures, keyring->zone, over);
	if (error == 0)
		error = put_former(keyring, signatures);
	if (error == 0 && keyring_can_sign(keyring))
		keyring_save_state(keyring);
	return error;
}

void
keyring_retire_files(struct keyring *keyring)
{
	for (unsigned i = 0; i < keyring->nleft; i++) {
		key_retire(keyring->left[i], keyring->directory);
		key_free(keyring->left[i]);
	}
	keyring->nleft = 0;
}
