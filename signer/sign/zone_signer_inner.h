/* zone_signer_inner.h -- the state of the source of signatures, for zone_signer.c and zone_signer_keyless.c.
 */
#ifndef ZONE_SIGNER_INNER_H
#define ZONE_SIGNER_INNER_H

#include "signer/import/known_keys.h"
#include "signer/keys/keyring.h"
#include "signer/sign/signing_threads.h"
#include "signer/time/validity.h"
#include "zones/base/map.h"
#include "zones/compile/compile.h"
#include "zones/state/signatures.h"

enum { BATCH = 1024 };

struct signed_entry {
	uint32_t zone;
	struct keyring *keyring;
	uint32_t first_due, first_end; /* of its signatures; 0: none was met yet */
	uint32_t ttl;                  /* the largest of its RRsets since the start */
	/* S109 */
	bool keyless_nodes; /* nodes without keys answer it, too */
	size_t nnews;       /* signatures that changed in this pass */
	char *name;         /* of a zone whose keys are on another node; else NULL */
	uint8_t apex[NAME_MAX_LEN];
	bool ending; /* the configuration ends its signing */
	size_t missing, lacking;
	struct known_keys *known; /* in this pass, if something was verified */
	char *wrong;              /* what was not used, because it does not verify; NULL: nothing */
	struct zone_ends ends;
	uint8_t *records;      /* of its RRsets of keys, a copy */
	bool rose;             /* its version, in this pass */
	bool renewing;         /* ... because signatures are due */
	struct bytes *renewed; /* the owners of those that were made again, in the order of the build */
	size_t nrenewed;
};

/* A content whose signatures are being made. */
struct pending {
	uint32_t zone;
	uint16_t type;
	uint64_t hash;
	enum signature_order order;
	struct bytes key; /* of the owner, a copy */
	unsigned njobs;
};

/* One is filled while the threads sign the other. */
struct batch {
	size_t count, njobs;
	struct pending pending[BATCH];
	struct signing_job jobs[BATCH * SIGNATURES_MAX];
};

struct zone_signer {
	const struct validity *validity;
	struct signing_threads *threads;
	struct batch *filling, *running;
	struct compiler_signing signing;
	struct map zones; /* of struct signed_entry, by number */
	/* of a pass */
	struct store_txn *txn;
	uint32_t now;
	size_t made;
	int error;
	enum signature_order order;
	bool moved; /* a signature was put in front, or one that is wrong was deleted */
	/* S109: of zones whose keys are on another node */
	size_t used;   /* RRsets whose signatures were looked up */
	uint64_t rows; /* of the store, when more were than are verified all; 0: they were not */
	uint64_t seed; /* of the draw */
	/* of the zone that is being built */
	struct signed_entry *entry;
	struct signature_reader *reader;
	struct zone_signing zone_signing;
	struct signed_zone row;
	size_t apex_len;
	void (*progress)(void *arg);
	void *progress_arg;
};

/*
 * S109: are signatures that were found, of a zone whose keys are on another node, those that a validator
 * takes? Of many some are drawn. If they are not, they are deleted, and the zone has a complaint.
 */
bool zone_signer_trusts(struct zone_signer *signer, const struct bytes *key, const struct signed_set *set,
    uint64_t hash, const struct signature *found, unsigned count);

/* The keys that came with the signatures of a zone, whose row this is; until the end of the pass. */
const struct known_keys *zone_signer_known_keys(
    struct zone_signer *signer, struct signed_entry *entry, const struct signed_zone *row);
void zone_signer_forget_known(struct signed_entry *entry);

static inline struct signed_entry *
zone_signer_at(const struct zone_signer *signer, size_t place)
{
	return signer->zones.items[place];
}

/* NULL if it has no such zone. */
struct signed_entry *zone_signer_entry(const struct zone_signer *signer, uint32_t zone);
/* A new entry of a zone, in place of one that it may have. */
struct signed_entry *zone_signer_add(struct zone_signer *signer, uint32_t zone);

#endif
