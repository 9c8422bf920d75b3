/*
 * signatures.h -- the stores of graycloud-signer: signatures/ (written through to the disk) and sets/ (which
 * is not, like health/: lost signatures are made again).
 *
 * graycloud-signer writes them; dnsd and the commands read them. Rows, with octets in parentheses:
 *
 * signatures: zone (4), owner key, type (2) -> for each content, those in use first: hash (8, signed_hash),
 * count (1), signatures of SIGNATURE_ROW octets each. The contents before stay for who is behind.
 *
 * signed_zones: zone (4) -> version (8), generation (8), count (1), for each RRset of its apex that is made
 * from its keys: type (2), TTL (4), count (2), length (4), records as in rrset.h; then the keys by whose
 * signatures steered RRsets are found: count (1), algorithm (1) and key tag (2) of each. A zone is signed
 * while it has this row. The version rises when its signatures were renewed or its keys changed: then it must
 * be built again.
 *
 * keys, rollovers: see signing_keys.h.
 *
 * steered, in signatures (addresses alone, CNAMEs) and in sets (two and more): sequence (8) -> one
 * steered_signature.
 *
 * signer: in sets "signer" -> struct signer_beat; in signatures "generation" -> 8 octets, and "renewed", zone
 * (4), version (8) -> the owners whose signatures were renewed under this version: length (2), owner key;
 * "news" -> see signature_news.h; in both "identity", "imported", zone (4) -> see imported.h and shipment.h,
 * "pruned" -> the last sequence of steered when rows were deleted (8), and "newest" -> the time of the newest
 * signature (4). In sets "parent" and "trusted" -> see parent_time.h.
 *
 * Use the functions on the thread of the transaction.
 */
#ifndef SIGNATURES_H
#define SIGNATURES_H

#include "zones/dns/dnssec.h"
#include "zones/store/store.h"

enum {
	SIGNATURE_ROW = 1 + 2 + 4 + 4 + SIGNATURE_OCTETS,
	SIGNED_KEYS_MAX = 3,   /* RRsets of the apex that are made from keys: DNSKEY, CDS, CDNSKEY */
	SIGNER_DEAD_MS = 5000, /* no beat for so long: the signer is dead */
	STEERED_ADDRESSES_MAX = 1024
};

/* ---- signatures of zone data ---- */

/*
 * Find the signatures of a content. Returns how many there are, at most SIGNATURES_MAX; 0: none. Walks in the
 * order of the rows are cheap: the reader keeps a cursor, until a row is written. Free the reader before the
 * transaction ends.
 */
struct signature_reader;
struct signature_reader *signature_reader_new(struct store_txn *txn, uint32_t zone);
void signature_reader_free(struct signature_reader *reader);
unsigned signature_find(struct signature_reader *reader, const struct bytes *owner_key, uint16_t type,
    uint64_t hash, struct signature out[SIGNATURES_MAX]);

/* Forget a content of an owner and type. */
int signature_drop(
    struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type, uint64_t hash);

/* Is the content that signature_find found last behind those that are in use? Then put it in front again. */
bool signature_is_behind(const struct signature_reader *reader);

/*
 * Write the signatures of a content of an owner and type: in front of the others, or if it is not in use yet,
 * behind those that are (SIGNATURE_LATER). The last ones are lost if there are too many.
 */
enum signature_order { SIGNATURE_NOW, SIGNATURE_LATER };
int signature_put(struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type,
    uint64_t hash, const struct signature *signatures, unsigned count, enum signature_order order);
/*
 * The same for many of them: cheaper in the order of the rows. Free the writer before the transaction ends.
 */
struct signature_writer;
struct signature_writer *signature_writer_new(struct store_txn *txn);
void signature_writer_free(struct signature_writer *writer);
int signature_write_next(struct signature_writer *writer, uint32_t zone, const struct bytes *owner_key,
    uint16_t type, uint64_t hash, const struct signature *signatures, unsigned count,
    enum signature_order order);

/*
 * Look at some rows of signatures after a place, in circles, and delete those for which needed returns false.
 * The place starts as {0} and moves on. Returns how many were deleted, or a negative errno.
 */
struct signature_place {
	uint8_t key[4 + NAME_MAX_KEY + 2];
	size_t len;
};
typedef bool signature_needed_fn(void *arg, uint32_t zone, const struct bytes *owner_key, uint16_t type);
int signatures_sweep(struct store_txn *txn, struct signature_place *place, unsigned rows,
    signature_needed_fn *needed, void *arg);

/*
 * Whole rows, which another node takes (shipment.h): all contents of an owner and type. signature_merge puts
 * those contents in front of the ones that are there; *changed: it was not the same row already.
 */
bool signature_row(
    struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type, struct bytes *value);
typedef void signature_row_fn(void *arg, const struct bytes *owner_key, uint16_t type, struct bytes value);
void signature_rows_each(struct store_txn *txn, uint32_t zone, signature_row_fn *fn, void *arg);
int signature_merge(struct store_txn *txn, uint32_t zone, const struct bytes *owner_key, uint16_t type,
    struct bytes value, bool *changed);
/* How many rows there are, of all zones. */
uint64_t signature_rows_count(struct store_txn *txn);
/* The signatures of the first content of a row. Returns how many. */
unsigned signature_row_first(struct bytes value, struct signature out[SIGNATURES_MAX]);
/* The same of the content with a hash. */
unsigned signature_row_find(struct bytes value, uint64_t hash, struct signature out[SIGNATURES_MAX]);

/* Delete all rows of a zone: its signatures, its keys, itself. */
int signatures_drop_zone(struct store_txn *txn, uint32_t zone);

/* ---- zones ---- */

struct signed_zone {
	uint64_t version;
	uint64_t generation; /* of the configuration whose data is signed */
	unsigned nkeys;
	struct rrset keys[SIGNED_KEYS_MAX]; /* records point into the transaction */
	unsigned ndata;
	struct key_id data[DATA_KEYS_MAX]; /* that sign its data */
};

/* Returns false if the zone is not signed. */
bool signed_zone_get(struct store_txn *txn, uint32_t zone, struct signed_zone *out);
/* The row itself. */
bool signed_zone_row(struct store_txn *txn, uint32_t zone, struct bytes *value);
bool signed_zone_decode(struct bytes value, struct signed_zone *out);
/* How many RRsets of its apex a row says that it has: more than SIGNED_KEYS_MAX are not read. */
unsigned signed_zone_rrsets(struct bytes value);
int signed_zone_put(struct store_txn *txn, uint32_t zone, const struct signed_zone *in);
/* Call fn with each signed zone, by number. */
typedef void signed_zone_fn(void *arg, uint32_t zone);
void signed_zones_each(struct store_txn *txn, signed_zone_fn *fn, void *arg);
bool signed_zones_any(struct store_txn *txn);

/*
 * A version that only renewed signatures: these are the owners. The rows of the last versions are kept.
 * signatures_renewed calls fn with the owners of all versions after one; false if the zone must be built
 * again instead: the keys changed, too, or there were too many owners, or it was too long ago.
 */
enum { RENEWED_MAX = 10000 };
int signatures_renewed_put(
    struct store_txn *txn, uint32_t zone, uint64_t version, const struct bytes *owner_keys, size_t count);
typedef void signatures_renewed_fn(void *arg, const struct bytes *owner_key);
bool signatures_renewed(
    struct store_txn *txn, uint32_t zone, uint64_t after, signatures_renewed_fn *fn, void *arg);

/* ---- steered RRsets ---- */

struct steered_signature {
	uint32_t zone;
	uint32_t ttl;  /* original TTL */
	uint16_t type; /* A, AAAA or CNAME */
	struct signature signature;
	uint8_t owner[NAME_MAX_LEN]; /* lower case */
	/* Of A and AAAA. */
	uint16_t count;
	const uint8_t *addresses; /* 4 or 16 octets each */
	/* Of a CNAME. */
	uint8_t target[NAME_MAX_LEN];
};

/* Call fn with each row after a sequence. Returns the last sequence. Damaged rows are skipped. */
typedef void steered_fn(void *arg, const struct steered_signature *row);
uint64_t steered_each(struct store_txn *txn, uint64_t after, steered_fn *fn, void *arg);
int steered_append(struct store_txn *txn, const struct steered_signature *row);
/* The last sequence. */
uint64_t steered_last(struct store_txn *txn);
/* A row as octets, which the caller frees; and back, false if they are no row. */
uint8_t *steered_encode(const struct steered_signature *row, size_t *len);
bool steered_decode(struct steered_signature *row, const struct bytes *value);
/* Its RRset. Returns the records, which the caller frees. */
uint8_t *steered_rrset(const struct steered_signature *row, struct rrset *out);
uint64_t steered_count(struct store_txn *txn);
/* As signatures_sweep: rows after a sequence, in circles. */
typedef bool steered_keep_fn(void *arg, const struct steered_signature *row);
int steered_sweep(struct store_txn *txn, uint64_t *sequence, unsigned rows, steered_keep_fn *keep, void *arg);
/* Delete the rows for which keep returns false, the oldest first. Returns 0 or a negative errno. */
int steered_prune(struct store_txn *txn, steered_keep_fn *keep, void *arg);

/* ---- the signer ---- */

struct signer_beat {
	uint32_t pid;
	uint64_t at_ms;      /* CLOCK_BOOTTIME */
	uint64_t generation; /* of signer_generation */
	int64_t expires;     /* when the first signature ends, seconds since 1970; 0: there is none */
	uint64_t nsignatures;
	char boot[40];
	char version[16];
	char fault[200]; /* why nothing is signed; "" if all is well */
};

/* In sets/, each second. */
bool signer_beat_get(struct store_txn *sets, struct signer_beat *beat);
int signer_beat_put(struct store_txn *sets, const struct signer_beat *beat);
bool signer_dead(const struct signer_beat *beat, uint64_t now_ms);

/* S106: the time of the newest signature in a store, seconds since 1970; 0: there is none. In both stores. */
uint32_t signer_newest(struct store_txn *txn);
int signer_newest_put(struct store_txn *txn, uint32_t now);

/*
 * S106: how far the clock was ahead of that since the boot when the signer last looked, in ms. In sets/.
 * False if that was in another boot, or never.
 */
bool signer_clock_get(struct store_txn *sets, int64_t *ahead_ms);
int signer_clock_put(struct store_txn *sets, int64_t ahead_ms);

/* S103: all that this generation of the configuration needs is signed. In signatures/. 0: none yet. */
uint64_t signer_generation(struct store_txn *signatures);
int signer_generation_put(struct store_txn *signatures, uint64_t generation);

#endif
