/*
 * shipment.h -- the signatures of one zone as octets that another node takes: what a nameserver without keys
 * needs (S109). `graycloud signatures export` writes them, graycloud-signer there reads them.
 *
 * A shipment is a line "graycloud-signatures 1 LENGTH SHA256" and LENGTH octets, of which it is the digest:
 *
 * flags (1; 1: the zone is whole, 2: it has an item 'F'), state before it and after it (4 times 8 octets
 * each: identity, news, singles, sets), time of its making (8, milliseconds since 1970), length of the apex
 * (1), apex; then items: kind (1), length (4), octets. An item is a row of signatures.h or signing_keys.h:
 *
 * 'Z' the zone; none: it is not signed. 'R' its rollover. 'K' one of its keys (signing_key_encode). 'F' the
 * keys that have left (former_keys.h). 'S' type (2), length (2), owner key, contents of a row of signatures.
 * 'T' a row of steered; its number of the zone is that of the node that wrote it, and means nothing.
 *
 * No private key can be in it: it is written from stores that have none. Stores are read; no function blocks
 * for longer. Any thread.
 */
#ifndef SHIPMENT_H
#define SHIPMENT_H

#include "zones/base/digest.h"
#include "zones/state/signatures.h"

/* ---- states: what a node has of another one's stores ---- */

struct shipment_state {
	uint64_t identity; /* of both stores: another one if either was lost and made again */
	uint64_t news;     /* the last sequence of signature_news.h */
	uint64_t singles, sets;
};

enum { SHIPMENT_STATE_TEXT = 96 };

/* The state of the stores of a signer. False if it has not named them: no zone has nodes without keys. */
bool shipment_state_of(struct store_txn *signatures, struct store_txn *sets, struct shipment_state *out);
/* Name the store, once. Returns true if it was written, or a negative errno. */
int shipment_name(struct store_txn *txn);
char *shipment_state_text(const struct shipment_state *state, char out[SHIPMENT_STATE_TEXT]);
bool shipment_state_read(const char *text, struct shipment_state *out);
/* Has who has a, of the same stores, all that b has? */
bool shipment_state_covers(const struct shipment_state *a, const struct shipment_state *b);

/* ---- writing ---- */

enum { SHIPMENT_LINE = 128 };

struct shipment_order {
	struct store_txn *signatures, *sets;
	uint32_t zone;
	const uint8_t *apex;
	const struct shipment_state *since; /* NULL: all of the zone */
	int64_t made_ms;
	/* Takes the octets behind the line, piece by piece: a zone with a million names has hundreds of MiB.
	 */
	void (*put)(void *arg, const void *octets, size_t len);
	void *arg;
};

struct shipment_written {
	char line[SHIPMENT_LINE]; /* with its end */
	struct shipment_state state;
	size_t signatures;        /* items 'S' and 'T' */
	uint8_t head[DIGEST_LEN]; /* of its items 'Z', 'R', 'K' and 'F': what changes without news */
};

/* False if since is too old for its news: drop what was put, and write all. */
bool shipment_write(const struct shipment_order *order, struct shipment_written *out);

/* ---- reading ---- */

/* Read the line, without its end. False if it is none. */
bool shipment_line_read(const char *line, uint64_t *len, uint8_t digest[DIGEST_LEN]);

enum {
	SHIPMENT_KEYS_MAX = 32, /* more than a zone has, with those of other providers */
	SHIPMENT_KEYS_OCTETS = SHIPMENT_KEYS_MAX * 1024 /* of an RRset of them; an RSA key has about 520 */
};

struct shipment {
	bool whole;
	struct shipment_state before, after;
	int64_t made_ms;
	uint8_t apex[NAME_MAX_LEN];
	struct bytes items;
};

/* Open the octets behind the line, and look at every item. Returns NULL, or what is wrong with them. */
const char *shipment_open(struct shipment *shipment, struct bytes octets);

struct shipment_item {
	char kind;
	struct bytes octets;
};
/* The next item; *at starts as 0. False at the end. */
bool shipment_next(const struct shipment *shipment, size_t *at, struct shipment_item *item);
/* The parts of an item 'S'. False if it is damaged. */
bool shipment_row(
    const struct shipment_item *item, uint16_t *type, struct bytes *owner_key, struct bytes *contents);

#endif
