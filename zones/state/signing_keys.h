/*
 * signing_keys.h -- rows of the store signatures/: what each key of a signed zone is for, and how far the
 * procedure is that changes it. graycloud-signer writes them; the commands show them. The keys themselves are
 * files that only the signer reads.
 *
 * keys: zone (4), algorithm (1), key tag (2) -> struct signing_key.
 *
 * Keys of other providers that sign the zone, too (S110), in keys: zone (4), 255, algorithm (1), key tag (2)
 * -> struct signing_key. Nothing here signs with them.
 *
 * rollovers: zone (4) -> struct rollover.
 *
 * Use the functions on the thread of the transaction.
 */
#ifndef SIGNING_KEYS_H
#define SIGNING_KEYS_H

#include "zones/dns/dnssec.h"
#include "zones/store/store.h"

/* A key has four marks: it is in DNSKEY, signs DNSKEY, the parent has its DS, it signs the zone's data. */
enum key_mark { MARK_DNSKEY, MARK_SIGNS, MARK_DS, MARK_DATA, KEY_MARKS };
enum mark_state {
	MARK_HIDDEN,     /* nobody can have it */
	MARK_COMING,     /* published, but not yet everywhere */
	MARK_EVERYWHERE, /* every server shows it, and what it replaced has left all caches */
	MARK_GOING       /* not published any longer, but still at some servers or in caches */
};

struct signing_key {
	uint8_t algorithm;
	uint16_t key_tag;
	uint16_t flags;           /* of the DNSKEY */
	int64_t created;          /* wall clock, milliseconds since 1970 */
	uint8_t marks[KEY_MARKS]; /* enum mark_state */
	int64_t since[KEY_MARKS]; /* wall clock; 0: never */
	uint8_t dnskey[DNSKEY_MAX];
	uint8_t ds[DS_OCTETS];
};

/* Is it published, or asked for at the parent? */
static inline bool
key_shows(const struct signing_key *key, enum key_mark mark)
{
	return key->marks[mark] == MARK_COMING || key->marks[mark] == MARK_EVERYWHERE;
}

/* Octets of its DNSKEY: those of Ed25519 are fewer. */
uint16_t signing_key_dnskey_len(const struct signing_key *key);

typedef void signing_key_fn(void *arg, const struct signing_key *key);
void signing_keys_each(struct store_txn *txn, uint32_t zone, signing_key_fn *fn, void *arg);
int signing_key_put(struct store_txn *txn, uint32_t zone, const struct signing_key *key);
/* The same as octets, for another node (shipment.h). */
enum { SIGNING_KEY_OCTETS = 3 + 2 + 8 + KEY_MARKS * 9 + DNSKEY_MAX + DS_OCTETS };
void signing_key_encode(const struct signing_key *key, uint8_t out[SIGNING_KEY_OCTETS]);
bool signing_key_decode(struct bytes octets, struct signing_key *out);
int signing_key_delete(struct store_txn *txn, uint32_t zone, const struct signing_key *key);

/* The same for the keys of other providers. Their marks: DNSKEY and DS as here; signs DNSKEY, signs data:
 * answers of their nameservers may have their signatures. */
void provider_keys_each(struct store_txn *txn, uint32_t zone, signing_key_fn *fn, void *arg);
int provider_key_put(struct store_txn *txn, uint32_t zone, const struct signing_key *key);
int provider_key_delete(struct store_txn *txn, uint32_t zone, const struct signing_key *key);
/* Its row, without marks. apex: in wire form. */
void provider_key_describe(struct signing_key *out, const uint8_t *apex, const struct public_key *key);

/* ---- rollovers ---- */

/* Procedures; signer/rollover/rollover.h has their steps. */
enum rollover_kind {
	ROLLOVER_NONE,
	ROLLOVER_ENABLE,
	ROLLOVER_KEY,       /* one key for all (CSK), same algorithm */
	ROLLOVER_ALGORITHM, /* the same with another algorithm */
	ROLLOVER_EMERGENCY, /* the old key was stolen */
	ROLLOVER_CANCEL,    /* back to the old key, before its DS changed */
	ROLLOVER_DISABLE,
	ROLLOVER_KEY_LOST,         /* disable without the key */
	ROLLOVER_DISABLED,         /* all is done: the zone is not signed */
	ROLLOVER_KSK,              /* of a zone with two keys: the one that signs DNSKEY */
	ROLLOVER_ZSK,              /* ... and the one that signs data */
	ROLLOVER_PROVIDER_COMES,   /* keys of another provider come (S110) */
	ROLLOVER_PROVIDER_GOES,    /* ... and leave */
	ROLLOVER_MOVE_OUT,         /* the zone leaves for another provider */
	ROLLOVER_CANCEL_ALGORITHM, /* as ROLLOVER_CANCEL, of a key that signs data already */
	ROLLOVER_KINDS
};

enum { ROLLOVER_SERVERS_MAX = 16, ROLLOVER_TEXT = 200, LEADER_MAX = 63 };

/* S108: has a resolver validated the DS that a look saw? */
enum ds_validation {
	DS_NOT_VALIDATED,  /* signer has no --resolver, or it did not answer */
	DS_VALIDATED,      /* it validates the parent, so that it must say AD for the DS */
	DS_UNSIGNED_PARENT /* it does not say AD for the parent */
};

/*
 * Nodes with the same keys: one of them leads a rollover, and the others follow the states that it exports.
 * A higher term is obeyed, and of one leader the later change: struct key_state in
 * signer/rollover/key_state.h.
 */
struct leading {
	uint32_t term;   /* raised by each rollover that begins and by each take-over; 0: there was none */
	uint32_t change; /* of the marks, counted since the first */
	uint64_t leader; /* a random number that the leading node drew for the term; 0: none */
	bool follows;    /* another node leads */
	int64_t taken;   /* wall clock of the last state that was taken over; 0: never */
	uint32_t led;    /* the newest request to lead that was taken */
	uint32_t asked;  /* the newest request for a rollover that the leading node had taken */
	char name[LEADER_MAX + 1]; /* of the leading node, for people; "": this node */
};

struct rollover {
	uint8_t kind; /* enum rollover_kind */
	uint8_t step; /* from 0 */
	uint8_t steps;
	bool hurry;         /* one look is enough, and no margin */
	uint32_t request;   /* the newest request of the configuration that was taken */
	uint32_t cancelled; /* the newest request to cancel that was taken */
	struct key_id old, new;
	/* Wall clock, milliseconds since 1970; 0: not yet. */
	int64_t began, since; /* the procedure, the step */
	int64_t looked;       /* the last look at all servers */
	int64_t first, shown; /* when all showed the step, for the first time and again */
	int64_t until;        /* the next step is not before this */
	uint64_t until_boot;  /* the same by boot_ms(), in this boot of the machine */
	uint64_t boot;        /* a hash of boot_id() */
	/* The largest TTLs, in seconds, that caches may go by; 0: not known. */
	uint32_t ttl_dnskey, ttl_ds, ttl_data;
	uint32_t ttl_ns;           /* the same of the NS records at the parent */
	uint32_t failed_looks;     /* in a row */
	char doing[ROLLOVER_TEXT]; /* the step, for people */
	/* Which servers do not show the step, for people: at most ROLLOVER_SERVERS_MAX, and how many there
	 * are. */
	unsigned nlacking;
	char lacking[ROLLOVER_SERVERS_MAX][ROLLOVER_TEXT];
	struct leading leading;
	uint8_t validation; /* of the DS, at the last look: enum ds_validation */
};

/* Does another node take the steps of a rollover that runs? */
bool rollover_follows(const struct rollover *rollover);
/* A procedure that brings a key or takes one back: one node leads it. All others each node goes through
 * alone. */
bool rollover_kind_is_led(enum rollover_kind kind);
/* Is it one of those that cancel another one? */
bool rollover_kind_cancels(enum rollover_kind kind);
/* The name of a procedure, for people and JSON: "key rollover". */
const char *rollover_kind_text(enum rollover_kind kind);

/* Returns false, and *out is empty, if there is no row. */
bool rollover_get(struct store_txn *txn, uint32_t zone, struct rollover *out);
bool rollover_decode(struct bytes value, struct rollover *out);
/* The row itself. */
bool rollover_row(struct store_txn *txn, uint32_t zone, struct bytes *value);
int rollover_row_put(struct store_txn *txn, uint32_t zone, struct bytes value);
int rollover_put(struct store_txn *txn, uint32_t zone, const struct rollover *in);
int rollover_delete(struct store_txn *txn, uint32_t zone);

#endif
