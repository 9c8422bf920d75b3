#include "sync/engine/parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_MS = 5000 };

struct parts {
	struct etcd *etcd;
	char *root; /* of all keys */
	bool busy, sending;
	uint8_t digest[DIGEST_LEN];
	uint8_t *octets;
	size_t len, done; /* done: octets that were sent or received */
	parts_sent_fn *sent;
	parts_got_fn *got;
	void *arg;
};

struct parts *
parts_new(struct etcd *etcd, const char *cluster)
{
	struct parts *parts = xcalloc(1, sizeof *parts);

	parts->etcd = etcd;
	parts->root = xasprintf("/graycloud/%s.part/", cluster);
	return parts;
}

void
parts_stop(struct parts *parts)
{
	free(parts->octets);
	parts->octets = NULL;
	parts->busy = false;
}

void
parts_free(struct parts *parts)
{
	if (parts == NULL)
		return;
	parts_stop(parts);
	free(parts->root);
	free(parts);
}

bool
parts_busy(const struct parts *parts)
{
	return parts->busy;
}

/* All chunks of a digest begin with this key. */
static char *
key_of(const struct parts *parts, const uint8_t digest[DIGEST_LEN])
{
	char hex[2 * DIGEST_LEN + 1];

	hex_from_octets(hex, digest, DIGEST_LEN);
	return xasprintf("%s%s/", parts->root, hex);
}

static void
end(struct parts *parts, const char *why)
{
	uint8_t *octets = parts->octets;

	parts->octets = NULL;
	parts->busy = false;
	if (parts->sending)
		parts->sent(parts->arg, why);
	else
		parts->got(parts->arg,
		    why == NULL ? (struct bytes){octets, parts->len} : (struct bytes){NULL, 0}, why);
	free(octets);
}

/* ---- sending ---- */

static void send_chunk(struct parts *parts);

static void
on_sent(void *arg, const struct etcd_answer *answer)
{
	struct parts *parts = arg;

	if (answer->outcome != ETCD_DONE) {
		end(parts, answer->error);
		return;
	}
	parts->done = MIN(parts->done + PART_OCTETS, parts->len);
	send_chunk(parts);
}

static void
send_chunk(struct parts *parts)
{
	struct etcd_txn *txn;
	char *key, *chunk;

	if (parts->done == parts->len) {
		end(parts, NULL);
		return;
	}
	txn = etcd_txn_new();
	key = key_of(parts, parts->digest);
	chunk = xasprintf("%s%06zu", key, parts->done / PART_OCTETS);
	etcd_txn_put(txn, chunk,
	    (struct bytes){parts->octets + parts->done, MIN((size_t)PART_OCTETS, parts->len - parts->done)});
	etcd_commit_within(parts->etcd, txn, CHUNK_MS, on_sent, parts);
	free(chunk);
	free(key);
}

/* Chunks that are there from the first on without a gap need not be sent. */
static void
on_present(void *arg, const struct etcd_answer *answer)
{
	struct parts *parts = arg;
	size_t present = 0;

	if (answer->outcome != ETCD_DONE) {
		end(parts, answer->error);
		return;
	}
	for (size_t i = 0; i < answer->count; i++) {
		uint64_t number;
		const char *slash = strrchr(answer->rows[i].key, '/');

		if (!whole_from_text(slash + 1, SIZE_MAX / PART_OCTETS, &number) || number != present)
			break;
		present++;
	}
	parts->done = MIN(present * PART_OCTETS, parts->len);
	send_chunk(parts);
}

void
parts_send(struct parts *parts, uint8_t *octets, size_t len, parts_sent_fn *done, void *arg)
{
	char *key;

	parts_stop(parts);
	parts->busy = parts->sending = true;
	parts->octets = octets;
	parts->len = len;
	parts->done = 0;
	parts->sent = done;
	parts->arg = arg;
	digest_of((struct bytes){octets, len}, parts->digest);
	key = key_of(parts, parts->digest);
	etcd_get(parts->etcd,
	    &(struct etcd_range){.key = key, .prefix = true, .keys_only = true, .timeout_ms = CHUNK_MS},
	    on_present, parts);
	free(key);
}

/* ---- fetching ---- */

static void fetch_chunk(struct parts *parts);

static void
on_chunk(void *arg, const struct etcd_answer *answer)
{
	struct parts *parts = arg;
	uint8_t digest[DIGEST_LEN];
	size_t wanted = MIN((size_t)PART_OCTETS, parts->len - parts->done);

	if (answer->outcome != ETCD_DONE) {
		end(parts, answer->error);
		return;
	}
	if (answer->count != 1 || answer->rows[0].value.len != wanted) {
		end(parts, "a part is missing in the engine");
		return;
	}
	memcpy(parts->octets + parts->done, answer->rows[0].value.data, wanted);
	parts->done += wanted;
	if (parts->done < parts->len) {
		fetch_chunk(parts);
		return;
	}
	digest_of((struct bytes){parts->octets, parts->len}, digest);
	end(parts,
	    memcmp(digest, parts->digest, sizeof digest) == 0 ? NULL : "a part in the engine is damaged");
}

static void
fetch_chunk(struct parts *parts)
{
	char *key = key_of(parts, parts->digest),
	     *chunk = xasprintf("%s%06zu", key, parts->done / PART_OCTETS);

	etcd_get(parts->etcd, &(struct etcd_range){.key = chunk, .timeout_ms = CHUNK_MS}, on_chunk, parts);
	free(chunk);
	free(key);
}

void
parts_fetch(struct parts *parts, const uint8_t digest[DIGEST_LEN], size_t len, parts_got_fn *done, void *arg)
{
	parts_stop(parts);
	parts->busy = true;
	parts->sending = false;
	parts->octets = xmalloc(len);
	parts->len = len;
	parts->done = 0;
	parts->got = done;
	parts->arg = arg;
	memcpy(parts->digest, digest, DIGEST_LEN);
	fetch_chunk(parts);
}

void
parts_delete(struct parts *parts, struct etcd_txn *txn, const uint8_t digest[DIGEST_LEN])
{
	char *from = key_of(parts, digest), *to = xstrdup(from);

	to[strlen(to) - 1]++;
	etcd_txn_delete_range(txn, from, to);
	free(from);
	free(to);
}
