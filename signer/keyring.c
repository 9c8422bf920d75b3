#include "signer/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { KEYS_MAX = 8 };

struct keyring {
	uint8_t apex[NAME_MAX_LEN];
	char *name;
	struct key *keys[KEYS_MAX];
	struct signing_key rows[KEYS_MAX];
	unsigned count;
	uint8_t dnskeys[KEYS_MAX * (2 + DNSKEY_MAX)], cds[KEYS_MAX * (2 + DS_OCTETS)];
};

struct loading {
	struct keyring *keyring;
	const struct zone_info *zone;
	const char *directory;
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
	key = key_load(loading->zone->name, row, loading->directory, loading->problems);
	if (key == NULL)
		return;
	keyring->rows[keyring->count] = *row;
	keyring->keys[keyring->count++] = key;
}

/* A key of no other tag in the zone: two keys of one tag make validators try both (RFC 4034 appendix B). */
static struct key *
make_key(struct store_txn *signatures, const struct zone_info *zone, const struct dnssec_policy *policy,
    const char *directory, struct problems *problems)
{
	struct key *key = key_new(zone->name, policy->algorithm, DNSKEY_ZONE | DNSKEY_SEP);
	struct signing_key row;

	key_describe(key, &row);
	row.state = KEY_ACTIVE;
	if (key_save(key, directory, problems) && signing_key_put(signatures, zone->number, &row) == 0)
		return key;
	key_free(key);
	return NULL;
}

/*
 * Keys whose rows are gone, because signatures/ was lost or the zone was deleted and loaded again: a new key
 * would not match the DS at the parent.
 */
static void
adopt(struct loading *loading, struct store_txn *signatures)
{
	struct keyring *keyring = loading->keyring;
	DIR *directory = opendir(loading->directory);
	struct dirent *entry;

	while (directory != NULL && keyring->count < KEYS_MAX && (entry = readdir(directory)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');
		struct signing_key *row = &keyring->rows[keyring->count];
		struct key *key;

		if (end == NULL || strcmp(end, ".private") != 0)
			continue;
		key = key_adopt(loading->zone->name, loading->directory, entry->d_name,
		    DNSKEY_ZONE | DNSKEY_SEP, loading->problems);
		if (key == NULL)
			continue;
		key_describe(key, row);
		row->state = KEY_ACTIVE;
		row->created = wall_ms();
		keyring->keys[keyring->count++] = key;
		if (signing_key_put(signatures, loading->zone->number, row) != 0)
			problems_error(loading->problems, "the row of a key cannot be written");
	}
	if (directory != NULL)
		closedir(directory);
}

static bool
make_directory(const char *path, struct problems *problems)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	problems_error(problems, "cannot create %s: %s", path, strerror(errno));
	return false;
}

struct keyring *
keyring_open(struct store_txn *signatures, const char *state, const struct zone_info *zone,
    const struct dnssec_policy *policy, bool make, struct problems *problems)
{
	struct keyring *keyring = xcalloc(1, sizeof *keyring);
	char directory[PATH_MAX], all[PATH_MAX];
	struct loading loading = {keyring, zone, directory, problems};
	size_t before = problems->errors;

	snprintf(all, sizeof all, "%s/keys", state);
	snprintf(directory, sizeof directory, "%s/keys/%s", state, policy->name);
	memcpy(keyring->apex, zone->name, name_len(zone->name));
	keyring->name = xstrdup(policy->name);
	signing_keys_each(signatures, zone->number, load, &loading);
	if (problems->errors == before && keyring->count == 0)
		adopt(&loading, signatures);
	if (problems->errors == before && keyring->count == 0) {
		if (!make)
			problems_error(problems,
			    "zone %s was enabled on another node, and its keys are not here: bring them with "
			    "`graycloud dnssec keys import`",
			    policy->name);
		else if (make_directory(all, problems) &&
		    (keyring->keys[0] = make_key(signatures, zone, policy, directory, problems)) != NULL)
			key_describe(keyring->keys[keyring->count++], &keyring->rows[0]);
	}
	if (problems->errors == before && keyring->count > 0)
		return keyring;
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
	free(keyring->name);
	free(keyring);
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

struct key *
keyring_key(const struct keyring *keyring, uint16_t type)
{
	(void)type;
	return keyring->keys[0];
}

bool
keyring_knows(const struct keyring *keyring, uint16_t type, const struct signature *signature)
{
	struct signature ours;

	key_begin(keyring_key(keyring, type), &ours);
	return ours.algorithm == signature->algorithm && ours.key_tag == signature->key_tag;
}

/* Octets of a DNSKEY: those of Ed25519 are fewer. */
static uint16_t
dnskey_len(const struct signing_key *row)
{
	return row->algorithm == ALGORITHM_ED25519 ? 4 + 32 : DNSKEY_MAX;
}

static int
compare_records(const void *a, const void *b)
{
	return memcmp((const uint8_t *)a + 2, (const uint8_t *)b + 2, DS_OCTETS);
}

unsigned
keyring_rrsets(const struct keyring *keyring, uint32_t ttl, struct rrset out[SIGNED_KEYS_MAX])
{
	struct keyring *made = (struct keyring *)(uintptr_t)keyring;
	size_t dnskeys = 0;

	for (unsigned i = 0; i < keyring->count; i++) {
		uint16_t len = dnskey_len(&keyring->rows[i]);

		put16(made->dnskeys + dnskeys, len);
		memcpy(made->dnskeys + dnskeys + 2, keyring->rows[i].dnskey, len);
		dnskeys += 2u + len;
		put16(made->cds + i * (2 + DS_OCTETS), DS_OCTETS);
		memcpy(made->cds + i * (2 + DS_OCTETS) + 2, keyring->rows[i].ds, DS_OCTETS);
	}
	qsort(made->cds, keyring->count, 2 + DS_OCTETS, compare_records);
	/* RFC 7344 4: CDS and CDNSKEY tell the parent which DS it should have. */
	out[0] = (struct rrset){.type = TYPE_DNSKEY,
	    .ttl = ttl,
	    .count = (uint16_t)keyring->count,
	    .records = made->dnskeys,
	    .len = dnskeys};
	out[1] = out[0];
	out[1].type = TYPE_CDNSKEY;
	out[2] = (struct rrset){.type = TYPE_CDS,
	    .ttl = ttl,
	    .count = (uint16_t)keyring->count,
	    .records = made->cds,
	    .len = keyring->count * (2 + DS_OCTETS)};
	return 3;
}
