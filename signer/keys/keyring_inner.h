/*
 * keyring_inner.h -- what a keyring has: shared by keyring.c, keyring_saved.c and keyring_follow.c.
 */
#ifndef SIGNER_KEYRING_INNER_H
#define SIGNER_KEYRING_INNER_H

#include "signer/keys/key.h"
#include "signer/rollover/key_state.h"
#include "signer/rollover/providers.h"
#include "zones/model/model.h"

#include <limits.h>

enum {
	KEYS_MAX = KEY_STATE_KEYS,
	PUBLISHED_MAX = KEYS_MAX + PROVIDER_KEYS_MAX,
	CDS_ROOM = 2 + DS_OCTETS,
	DNSKEY_ROOM = 2 + DNSKEY_MAX
};

struct keyring {
	uint8_t apex[NAME_MAX_LEN];
	uint32_t zone;
	char *name;
	char policy[ID_LEN + 1];  /* the object that enabled it */
	char directory[PATH_MAX]; /* of its files */
	char *saved;              /* the text of keys/ZONE/state; NULL: not known */
	bool unsaved;             /* it could not be written */
	struct key *keys[KEYS_MAX];
	struct signing_key rows[KEYS_MAX];
	unsigned count;
	struct key *left[2 * KEYS_MAX]; /* keys whose files are to be renamed */
	unsigned nleft;
	struct providers providers;
	struct rollover rollover;
	uint8_t dnskeys[PUBLISHED_MAX * DNSKEY_ROOM], cds[PUBLISHED_MAX * CDS_ROOM],
	    cdnskeys[PUBLISHED_MAX * DNSKEY_ROOM];
};

#endif
