/*
 * keyring.h -- the keys of one signed zone: their rows in signatures/, their files, the procedure that
 * changes them (rollover.h), and the RRsets of the apex that are made of them (S105, S107).
 */
#ifndef SIGNER_KEYRING_H
#define SIGNER_KEYRING_H

#include "signer/keys/key.h"
#include "signer/rollover/providers.h"
#include "zones/model/model.h"
#include "zones/state/config.h"
#include "zones/state/signatures.h"

struct keyring;

/*
 * The keys of a zone. If it has none and make is true, one is made, with its files and its row, and the
 * procedure ROLLOVER_ENABLE begins. NULL with problems if a key cannot be used: then nothing is signed, and
 * no key is made in its place. If the policy says that the keys are lost, only their rows are read.
 */
struct keyring *keyring_open(struct store_txn *signatures, const char *state, const struct zone_info *zone,
    const struct dnssec_policy *policy, bool make, struct problems *problems);
void keyring_free(struct keyring *keyring);
/* False if its private keys are lost (ENDING_KEY_LOST). */
bool keyring_can_sign(const struct keyring *keyring);

/* The zone: its apex in wire form, and its name. */
void keyring_apex(const struct keyring *keyring, uint8_t apex[NAME_MAX_LEN]);
const char *keyring_name(const struct keyring *keyring);

/* The keys that sign RRsets of this type. Returns how many. */
unsigned keyring_signers(const struct keyring *keyring, uint16_t type, struct key *out[SIGNATURES_MAX]);
/* The key with this name; NULL: none. */
struct key *keyring_key(const struct keyring *keyring, const struct key_id *id);
/* Are these the signatures that RRsets of this type have now? */
bool keyring_fits(
    const struct keyring *keyring, uint16_t type, const struct signature *signatures, unsigned count);
/* The keys that sign zone data. Returns how many. */
unsigned keyring_data(const struct keyring *keyring, struct key_id out[DATA_KEYS_MAX]);

/* The RRsets of the apex: DNSKEY, and CDS and CDNSKEY if the parent is to have a DS, or none any longer. The
 * keyring owns the records. ttl: theirs. */
unsigned keyring_rrsets(const struct keyring *keyring, uint32_t ttl, struct rrset out[SIGNED_KEYS_MAX]);

/* ---- procedures ---- */

/* The rows of the keys. Returns how many. */
unsigned keyring_rows(const struct keyring *keyring, const struct signing_key **rows);
/* The row of the procedure. After a change, call keyring_put in the same pass. */
struct rollover *keyring_rollover(struct keyring *keyring);
/*
 * Begin a procedure that brings a new key, which is made here. Returns false with problems if its files
 * cannot be written.
 */
bool keyring_roll(struct keyring *keyring, enum rollover_kind kind, unsigned algorithm,
    const struct rollover_clock *now, struct problems *problems);
/* S110: begin the procedure by which keys of other providers come or go, if the policy asks for one. True if
 * so. */
bool keyring_take_providers(
    struct keyring *keyring, const struct dnssec_policy *policy, const struct rollover_clock *now);
const struct providers *keyring_providers(const struct keyring *keyring);
/* Begin a procedure that makes no key: ROLLOVER_ENABLE, _DISABLE, _MOVE_OUT, _KEY_LOST or _CANCEL. */
void keyring_begin(struct keyring *keyring, enum rollover_kind kind, const struct rollover_clock *now);
/* Finish the step, and go to the next one. Keys that are hidden leave the keyring. */
void keyring_advance(struct keyring *keyring, const struct rollover_clock *now);
/* Write all rows. Returns 0 or a negative errno. */
int keyring_put(struct keyring *keyring, struct store_txn *signatures);
/* After the commit: rename the files of keys that left, so that they are not used again. */
void keyring_retire_files(struct keyring *keyring);

#endif
