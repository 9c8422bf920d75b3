#include "zones/answer/chain.h"

#include <stdlib.h>

enum { CHUNK = 256, TOP = 24 };

struct entry {
	uint64_t part; /* 8 octets of the key, after the chunk's skip */
	const struct node *node;
};

struct top {
	uint8_t start[TOP]; /* of the first key, filled with zeros */
	uint8_t skip;       /* octets that all keys of the chunk share; at most TOP */
};

struct chain {
	const uint8_t *apex;
	size_t count;
	struct top *tops;
	struct entry *entries;
};

struct key {
	uint8_t octets[NAME_MAX_KEY + TOP + 8]; /* zeros follow it */
	size_t len;
};

static void
key_of(struct key *key, const uint8_t *name, const uint8_t *apex)
{
	key->len = name_to_key(key->octets, name, apex);
	memset(key->octets + key->len, 0, TOP + 8);
}

static void
key_of_node(struct key *key, const struct node *node, const uint8_t *apex)
{
	uint8_t owner[2 * NAME_MAX_LEN];

	memcpy(owner, node_name(node), node->name_len);
	memcpy(owner + node->name_len, apex, name_len(apex));
	key_of(key, owner, apex);
}

static int
compare(const struct key *a, const struct key *b)
{
	int order = memcmp(a->octets, b->octets, MIN(a->len, b->len));

	return order != 0 ? order : a->len < b->len ? -1 : a->len > b->len;
}

/* Is the node's name after the key? */
static bool
after(const struct chain *chain, const struct node *node, const struct key *key)
{
	struct key its;

	key_of_node(&its, node, chain->apex);
	return compare(&its, key) > 0;
}

struct chain *
chain_new(size_t names, const uint8_t *apex)
{
	struct chain *chain = xcalloc(1, sizeof *chain);

	chain->apex = apex;
	chain->tops = xcalloc(names / CHUNK + 1, sizeof *chain->tops);
	chain->entries = xmalloc((names + 1) * sizeof *chain->entries);
	return chain;
}

void
chain_add(struct chain *chain, const struct node *node)
{
	chain->entries[chain->count++].node = node;
}

/* The keys are in order: all of a chunk share what its first and its last share. */
static void
seal_chunk(struct chain *chain, size_t chunk)
{
	struct entry *entries = chain->entries + chunk * CHUNK;
	size_t count = MIN(chain->count - chunk * CHUNK, CHUNK);
	struct top *top = &chain->tops[chunk];
	struct key first, key;

	key_of_node(&first, entries[0].node, chain->apex);
	key_of_node(&key, entries[count - 1].node, chain->apex);
	memcpy(top->start, first.octets, TOP);
	while (top->skip < TOP && top->skip < MIN(first.len, key.len) &&
	    first.octets[top->skip] == key.octets[top->skip])
		top->skip++;
	for (size_t i = 0; i < count; i++) {
		key_of_node(&key, entries[i].node, chain->apex);
		entries[i].part = get64(key.octets + top->skip);
	}
}

void
chain_seal(struct chain *chain)
{
	for (size_t chunk = 0; chunk * CHUNK < chain->count; chunk++)
		seal_chunk(chain, chunk);
}

void
chain_free(struct chain *chain)
{
	if (chain == NULL)
		return;
	free(chain->tops);
	free(chain->entries);
	free(chain);
}

/* The last chunk whose first key is not after the key. The first key of all is the apex. */
static size_t
find_chunk(const struct chain *chain, const struct key *key)
{
	size_t low = 0, high = (chain->count + CHUNK - 1) / CHUNK;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;
		int order = memcmp(chain->tops[middle].start, key->octets, TOP);

		if (order > 0 || (order == 0 && after(chain, chain->entries[middle * CHUNK].node, key)))
			high = middle;
		else
			low = middle;
	}
	return low;
}

const struct node *
chain_cover(const struct chain *chain, const uint8_t *name)
{
	struct key key;
	size_t chunk, low = 0, high;
	const struct entry *entries;
	const struct top *top;
	uint64_t part;

	key_of(&key, name, chain->apex);
	chunk = find_chunk(chain, &key);
	top = &chain->tops[chunk];
	entries = chain->entries + chunk * CHUNK;
	high = MIN(chain->count - chunk * CHUNK, CHUNK);
	/* It is not before the first key: if it differs in the shared octets, it is after all keys. */
	if (memcmp(top->start, key.octets, top->skip) != 0)
		return entries[high - 1].node;
	part = get64(key.octets + top->skip);
	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (entries[middle].part > part ||
		    (entries[middle].part == part && after(chain, entries[middle].node, &key)))
			high = middle;
		else
			low = middle;
	}
	return entries[low].node;
}

size_t
chain_count(const struct chain *chain)
{
	return chain->count;
}

size_t
chain_octets(const struct chain *chain)
{
	return sizeof *chain + chain->count * sizeof(struct entry) +
	    (chain->count / CHUNK + 1) * sizeof(struct top);
}

const struct node *
chain_at(const struct chain *chain, size_t i)
{
	return chain->entries[i].node;
}
