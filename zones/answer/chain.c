#include "zones/answer/chain.h"

#include "zones/base/array.h"

#include <stdlib.h>

enum {
	CHUNK = 256,             /* names of a new chunk; at most twice as many after edits */
	CHUNK_OCTETS = 28 << 10, /* of the keys of a new chunk; likewise */
	TOP = 24,
	LARGE = 32, /* chunks of a chain that caches may not hold */
	LINE = 64,
	COVERS = 1 /* flag of an entry */
};

struct chunk {
	uint64_t number; /* of the edit that made it; 0: the build */
	uint32_t octets;
	uint32_t count;
	uint64_t parts[];
	/* uint16_t starts[count + 1], of each entry in the octets that follow: flag, rest of the key */
};

struct top {
	uint8_t start[TOP]; /* of the first key, filled with zeros */
	uint8_t skip;       /* octets that all keys of the chunk share; at most TOP */
	struct chunk *chunk;
};

/* The entries of a chunk that is being made, with whole keys. */
struct draft {
	unsigned count;
	uint32_t starts[2 * CHUNK + 2];
	uint8_t octets[2 * CHUNK_OCTETS + 2 * NAME_MAX_KEY + 4];
};

struct chain {
	uint64_t number;
	size_t count;
	size_t ncovering;
	size_t ntops;
	struct top *tops;
	struct draft *draft; /* while it is built */
	uint8_t apex[NAME_MAX_LEN];
};

/* ---- chunks ---- */

static const uint16_t *
starts_of(const struct chunk *chunk)
{
	return (const uint16_t *)(chunk->parts + chunk->count);
}

/* The flag and the rest of the key of an entry. */
static struct bytes
entry_at(const struct chunk *chunk, size_t i)
{
	const uint16_t *starts = starts_of(chunk);
	const uint8_t *octets = (const uint8_t *)(starts + chunk->count + 1);

	return (struct bytes){octets + starts[i], (size_t)(starts[i + 1] - starts[i])};
}

static bool
entry_covers(const struct chunk *chunk, size_t i)
{
	return *(const uint8_t *)entry_at(chunk, i).data & COVERS;
}

static void
pad(struct chain_key *key)
{
	memset(key->octets + key->len, 0, sizeof key->octets - NAME_MAX_KEY);
}

static void
key_at(const struct top *top, size_t i, struct chain_key *key)
{
	struct bytes entry = entry_at(top->chunk, i);

	memcpy(key->octets, top->start, top->skip);
	memcpy(key->octets + top->skip, (const uint8_t *)entry.data + 1, entry.len - 1);
	key->len = top->skip + entry.len - 1;
	pad(key);
}

static void
key_copy(struct chain_key *out, const struct bytes *key)
{
	out->len = MIN(key->len, (size_t)NAME_MAX_KEY);
	memcpy(out->octets, key->data, out->len);
	pad(out);
}

static int
compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order != 0 ? order : a_len < b_len ? -1 : a_len > b_len;
}

/* Compare an entry with a key that begins as all of its chunk. */
static int
compare_entry(const struct top *top, size_t i, const struct chain_key *key)
{
	uint64_t part = get64(key->octets + top->skip);
	struct bytes entry;

	if (top->chunk->parts[i] != part)
		return top->chunk->parts[i] < part ? -1 : 1;
	entry = entry_at(top->chunk, i);
	return compare((const uint8_t *)entry.data + 1, entry.len - 1, key->octets + top->skip,
	    key->len - MIN(key->len, (size_t)top->skip));
}

/* ---- search ---- */

struct position {
	size_t top, entry;
	bool equal;
};

/* The last chunk whose first key is not after the key; the first one if there is none. */
static size_t
find_top(const struct chain *chain, const struct chain_key *key)
{
	size_t low = 0, high = chain->ntops;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;
		const struct top *top = &chain->tops[middle];
		int order = memcmp(top->start, key->octets, TOP);

		if (order > 0 || (order == 0 && compare_entry(top, 0, key) > 0))
			high = middle;
		else
			low = middle;
	}
	return low;
}

/* The last name that is not after the key. Returns false if there is none. */
static bool
find(const struct chain *chain, const struct chain_key *key, struct position *position)
{
	const struct top *top;
	size_t low = 0, high;
	int order;

	if (chain->ntops == 0)
		return false;
	*position = (struct position){.top = find_top(chain, key)};
	top = &chain->tops[position->top];
	high = top->chunk->count;
	/* If the key differs in the octets that all share, it is before or after all of them. */
	order = memcmp(top->start, key->octets, top->skip);
	if (order > 0 || (order == 0 && compare_entry(top, 0, key) > 0))
		return false;
	if (order < 0)
		low = high - 1;
	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (compare_entry(top, middle, key) > 0)
			high = middle;
		else
			low = middle;
	}
	position->entry = low;
	position->equal = order == 0 && compare_entry(top, low, key) == 0;
	return true;
}

void
chain_cover(const struct chain *chain, const uint8_t *name, struct chain_key *owner)
{
	struct position position = {0};
	struct chain_key key;

	key.len = name_to_key(key.octets, name, chain->apex);
	pad(&key);
	if (!find(chain, &key, &position) && chain->ntops == 0)
		*owner = (struct chain_key){.len = 1};
	else
		key_at(&chain->tops[position.top], position.entry, owner);
}

bool
chain_is_large(const struct chain *chain)
{
	return chain->ntops >= LARGE;
}

void
chain_prefetch(const struct chain *chain, const uint8_t *name)
{
	const struct top *top;
	struct chain_key key;

	key.len = name_to_key(key.octets, name, chain->apex);
	pad(&key);
	top = &chain->tops[find_top(chain, &key)];
	__builtin_prefetch(top->chunk);
	for (size_t i = LINE; i < sizeof *top->chunk + CHUNK * sizeof top->chunk->parts[0]; i += LINE)
		__builtin_prefetch((const uint8_t *)top->chunk + i);
}

bool
chain_has(const struct chain *chain, const struct bytes *wanted, bool *covers)
{
	struct position position;
	struct chain_key key;
	bool has;

	key_copy(&key, wanted);
	has = find(chain, &key, &position) && position.equal;
	if (covers != NULL)
		*covers = has && entry_covers(chain->tops[position.top].chunk, position.entry);
	return has;
}

bool
chain_covered(const struct chain *chain, const struct bytes *key)
{
	const uint8_t *octets = key->data;
	uint8_t above[NAME_MAX_KEY] = {0};
	bool covers = false;

	if (chain->ncovering == 0 || key->len <= 1)
		return false;
	chain_has(chain, &(struct bytes){above, 1}, &covers);
	/* Each label but the last one ends the key of a name above, with one zero more. */
	for (size_t i = 0; !covers && i + 2 < key->len; i++) {
		above[i] = octets[i];
		if (octets[i] != 0)
			continue;
		above[i + 1] = 0;
		chain_has(chain, &(struct bytes){above, i + 2}, &covers);
	}
	return covers;
}

bool
chain_after(const struct chain *chain, const struct bytes *wanted, struct chain_key *found)
{
	struct position at = {0};
	struct chain_key key;

	key_copy(&key, wanted);
	if (find(chain, &key, &at) && ++at.entry == chain->tops[at.top].chunk->count)
		at.top++, at.entry = 0;
	if (at.top >= chain->ntops)
		return false;
	key_at(&chain->tops[at.top], at.entry, found);
	return true;
}

bool
chain_before(const struct chain *chain, const struct bytes *wanted, struct chain_key *found)
{
	struct position at;
	struct chain_key key;

	key_copy(&key, wanted);
	if (!find(chain, &key, &at))
		return false;
	if (at.equal && at.entry == 0) {
		if (at.top == 0)
			return false;
		at.entry = chain->tops[--at.top].chunk->count;
	}
	key_at(&chain->tops[at.top], at.entry - at.equal, found);
	return true;
}

bool
chain_walk_has(struct chain_walk *walk, const struct bytes *key, struct chain_key *next)
{
	const struct chain *chain = walk->chain;
	const struct top *top = &chain->tops[walk->top];
	struct bytes entry;

	if (walk->top == chain->ntops)
		return false;
	entry = entry_at(top->chunk, walk->entry);
	if (key->len != top->skip + entry.len - 1 || memcmp(key->data, top->start, top->skip) != 0 ||
	    memcmp((const uint8_t *)key->data + top->skip, (const uint8_t *)entry.data + 1, entry.len - 1) !=
		0)
		return false;
	if (++walk->entry == top->chunk->count)
		walk->top++, walk->entry = 0;
	if (walk->top < chain->ntops)
		key_at(&chain->tops[walk->top], walk->entry, next);
	else
		*next = (struct chain_key){.len = 1};
	return true;
}

size_t
chain_count(const struct chain *chain)
{
	return chain->count;
}

size_t
chain_octets(const struct chain *chain)
{
	size_t octets = sizeof *chain + chain->ntops * sizeof *chain->tops;

	for (size_t i = 0; i < chain->ntops; i++)
		octets += chain->tops[i].chunk->octets;
	return octets;
}

/* ---- make chunks ---- */

static void
draft_add(struct draft *draft, const void *key, size_t len, bool covers)
{
	uint32_t at = draft->starts[draft->count];

	draft->octets[at] = covers ? COVERS : 0;
	memcpy(draft->octets + at + 1, key, len);
	draft->starts[++draft->count] = at + 1 + (uint32_t)len;
}

static struct bytes
draft_key(const struct draft *draft, unsigned i)
{
	return (struct bytes){
	    draft->octets + draft->starts[i] + 1, draft->starts[i + 1] - draft->starts[i] - 1};
}

/* The keys are in order: all share what the first and the last share. */
static uint8_t
shared_octets(const struct bytes *first, const struct bytes *last)
{
	const uint8_t *a = first->data, *b = last->data;
	uint8_t skip = 0;

	while (skip < TOP && skip < MIN(first->len, last->len) && a[skip] == b[skip])
		skip++;
	return skip;
}

/* Make a chunk of the entries from one to before another. */
static struct top
make_chunk(const struct draft *draft, unsigned from, unsigned to, uint64_t number)
{
	struct bytes first = draft_key(draft, from), last = draft_key(draft, to - 1);
	struct top top = {.skip = shared_octets(&first, &last)};
	uint32_t count = to - from, rest = draft->starts[to] - draft->starts[from] - count * top.skip;
	size_t octets = sizeof *top.chunk + count * sizeof(uint64_t) + (count + 1) * sizeof(uint16_t) + rest;
	uint16_t *starts, used = 0;
	uint8_t *out;

	top.chunk = xmalloc(octets);
	top.chunk->number = number;
	top.chunk->octets = (uint32_t)octets;
	top.chunk->count = count;
	starts = (uint16_t *)(top.chunk->parts + count);
	out = (uint8_t *)(starts + count + 1);
	memcpy(top.start, first.data, MIN(first.len, (size_t)TOP));
	for (unsigned i = 0; i < count; i++) {
		struct bytes key = draft_key(draft, from + i);
		const uint8_t *octet = key.data;
		size_t len = key.len - top.skip;
		uint8_t part[8] = {0};

		memcpy(part, octet + top.skip, MIN(len, sizeof part));
		top.chunk->parts[i] = get64(part);
		starts[i] = used;
		out[used] = octet[-1];
		memcpy(out + used + 1, octet + top.skip, len);
		used = (uint16_t)(used + 1 + len);
	}
	starts[count] = used;
	return top;
}

struct chain *
chain_new(const uint8_t *apex)
{
	struct chain *chain = xcalloc(1, sizeof *chain);

	memcpy(chain->apex, apex, name_len(apex));
	chain->draft = xmalloc(sizeof *chain->draft);
	chain->draft->count = 0;
	chain->draft->starts[0] = 0;
	return chain;
}

static void
flush(struct chain *chain)
{
	if (chain->draft->count == 0)
		return;
	chain->tops = array_grow(chain->tops, chain->ntops, sizeof *chain->tops);
	chain->tops[chain->ntops++] = make_chunk(chain->draft, 0, chain->draft->count, 0);
	chain->draft->count = 0;
}

void
chain_add(struct chain *chain, const struct bytes *key, bool covers)
{
	struct draft *draft = chain->draft;

	if (draft->count == CHUNK || draft->starts[draft->count] > CHUNK_OCTETS)
		flush(chain);
	draft_add(draft, key->data, MIN(key->len, (size_t)NAME_MAX_KEY), covers);
	chain->count++;
	chain->ncovering += covers;
}

void
chain_seal(struct chain *chain)
{
	flush(chain);
	free(chain->draft);
	chain->draft = NULL;
}

static void
free_shell(void *memory)
{
	struct chain *chain = memory;

	free(chain->tops);
	free(chain->draft);
	free(chain);
}

void
chain_free(struct chain *chain)
{
	if (chain == NULL)
		return;
	for (size_t i = 0; i < chain->ntops; i++)
		free(chain->tops[i].chunk);
	free_shell(chain);
}

/* ---- edit ---- */

struct chain *
chain_edit(const struct chain *old, uint64_t number, const struct retire *retire)
{
	struct chain *chain = xmemdup(old, sizeof *old);

	chain->number = number;
	chain->tops = xmemdup(old->tops, old->ntops * sizeof *old->tops);
	retire->add(retire->arg, free_shell, (void *)(uintptr_t)old);
	return chain;
}

uint64_t
chain_number(const struct chain *chain)
{
	return chain->number;
}

void
chain_edit_drop(struct chain *chain)
{
	for (size_t i = 0; i < chain->ntops; i++)
		if (chain->tops[i].chunk->number == chain->number)
			free(chain->tops[i].chunk);
	free_shell(chain);
}

static void
drop_chunk(const struct chain *chain, struct chunk *chunk, const struct retire *retire)
{
	if (chunk->number == chain->number)
		free(chunk);
	else
		retire->add(retire->arg, free, chunk);
}

/* Put 0 to 2 chunks in the place of one. */
static void
replace_top(struct chain *chain, size_t at, const struct top *new, size_t count, const struct retire *retire)
{
	struct top *tops = chain->tops;

	if (at < chain->ntops)
		drop_chunk(chain, tops[at].chunk, retire);
	if (at == chain->ntops || count != 1) {
		size_t rest = at < chain->ntops ? chain->ntops - at - 1 : 0;

		tops = xmalloc((at + count + rest) * sizeof *tops);
		if (at > 0)
			memcpy(tops, chain->tops, at * sizeof *tops);
		if (rest > 0)
			memcpy(tops + at + count, chain->tops + at + 1, rest * sizeof *tops);
		free(chain->tops);
		chain->tops = tops;
		chain->ntops = at + count + rest;
	}
	if (count > 0)
		memcpy(tops + at, new, count * sizeof *tops);
}

/* Write the chunk at a position again: without an entry, or with a key (NULL: none) after it. */
static void
rewrite(struct chain *chain, const struct position *position, bool without, bool first,
    const struct bytes *key, bool covers, const struct retire *retire)
{
	const struct top *old = position->top < chain->ntops ? &chain->tops[position->top] : NULL;
	struct draft *draft = xmalloc(sizeof *draft);
	size_t count = old != NULL ? old->chunk->count : 0, n = 0;
	struct top new[2];
	unsigned half;

	draft->count = 0;
	draft->starts[0] = 0;
	if (first)
		draft_add(draft, key->data, key->len, covers);
	for (size_t i = 0; i < count; i++) {
		struct chain_key other;

		key_at(old, i, &other);
		if (i != position->entry || !without)
			draft_add(draft, other.octets, other.len, entry_covers(old->chunk, i));
		if (i == position->entry && key != NULL && !first)
			draft_add(draft, key->data, key->len, covers);
	}
	half = draft->count > 2 * CHUNK || draft->starts[draft->count] > 2 * CHUNK_OCTETS ? draft->count / 2
											  : draft->count;
	if (draft->count > 0)
		new[n++] = make_chunk(draft, 0, half, chain->number);
	if (half < draft->count)
		new[n++] = make_chunk(draft, half, draft->count, chain->number);
	replace_top(chain, position->top, new, n, retire);
	free(draft);
}

void
chain_put(struct chain *chain, const struct bytes *key, bool covers, const struct retire *retire)
{
	struct position position = {0};
	struct chain_key padded;
	bool found;

	key_copy(&padded, key);
	found = find(chain, &padded, &position);
	if (found && position.equal)
		chain->ncovering -= entry_covers(chain->tops[position.top].chunk, position.entry);
	else
		chain->count++;
	chain->ncovering += covers;
	rewrite(chain, &position, found && position.equal, !found, key, covers, retire);
}

void
chain_remove(struct chain *chain, const struct bytes *key, const struct retire *retire)
{
	struct position position;
	struct chain_key padded;

	key_copy(&padded, key);
	if (!find(chain, &padded, &position) || !position.equal)
		return;
	chain->ncovering -= entry_covers(chain->tops[position.top].chunk, position.entry);
	chain->count--;
	rewrite(chain, &position, true, false, NULL, false, retire);
}
