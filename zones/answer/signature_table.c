#include "zones/answer/signature_table.h"

#include <stdatomic.h>
#include <stdlib.h>

struct entry {
	_Atomic uint64_t first; /* of the content; 0: free */
	uint64_t second;
	struct signature signature;
};
_Static_assert(sizeof(struct entry) == 96, "one or two cache lines");

enum { SHARD_BITS = 6, SHARDS = 1 << SHARD_BITS, ENTRIES_MIN = 16 };

struct shard {
	uint64_t mask;
	size_t room, count;
	struct entry entries[];
};

struct signature_table {
	_Atomic size_t count;
	_Atomic(struct shard *) shards[SHARDS]; /* NULL: an empty one */
};

/* 0 marks a free entry. */
static uint64_t
first_word(const struct content *content)
{
	return content->words[0] | (content->words[0] == 0);
}

static _Atomic(struct shard *) *
shard_of(const struct signature_table *table, const struct content *content)
{
	return (_Atomic(struct shard *) *)&table->shards[mix64(first_word(content)) >> (64 - SHARD_BITS)];
}

static struct shard *
shard_new(size_t signatures)
{
	size_t entries = ENTRIES_MIN;
	struct shard *shard;

	while (entries * 7 / 10 < signatures)
		entries *= 2;
	shard = xcalloc(1, sizeof *shard + entries * sizeof shard->entries[0]);
	shard->mask = entries - 1;
	shard->room = entries * 7 / 10;
	return shard;
}

/* The entry of a content, or NULL and the place where it would be. */
static struct entry *
find(struct shard *shard, const struct content *content, uint64_t *place)
{
	uint64_t first = first_word(content);

	for (uint64_t i = mix64(first) & shard->mask;; i = (i + 1) & shard->mask) {
		struct entry *entry = &shard->entries[i];
		uint64_t word = atomic_load_explicit(&entry->first, memory_order_acquire);

		*place = i;
		if (word == 0)
			return NULL;
		if (word == first && entry->second == content->words[1])
			return entry;
	}
}

/* A copy with twice the room. */
static struct shard *
grow(const struct shard *old)
{
	struct shard *shard = shard_new(2 * old->room);

	for (uint64_t i = 0; i <= old->mask; i++) {
		const struct entry *entry = &old->entries[i];
		struct content content = {
		    {atomic_load_explicit(&entry->first, memory_order_relaxed), entry->second}};
		uint64_t place;

		if (content.words[0] == 0 || find(shard, &content, &place) != NULL)
			continue;
		memcpy(&shard->entries[place], entry, sizeof *entry);
		shard->count++;
	}
	return shard;
}

struct signature_table *
signature_table_new(size_t signatures)
{
	struct signature_table *table = xcalloc(1, sizeof *table);

	/* Some more in each, because contents are not spread evenly. */
	for (unsigned i = 0; i < SHARDS && signatures > 0; i++)
		atomic_init(&table->shards[i], shard_new(signatures / SHARDS + signatures / SHARDS / 8));
	return table;
}

void
signature_table_free(void *memory)
{
	struct signature_table *table = memory;

	for (unsigned i = 0; table != NULL && i < SHARDS; i++)
		free(atomic_load(&table->shards[i]));
	free(table);
}

/* Make room for one more. */
static struct shard *
make_room(_Atomic(struct shard *) *place, void **replaced)
{
	struct shard *shard = atomic_load_explicit(place, memory_order_relaxed);

	if (shard != NULL && shard->count < shard->room)
		return shard;
	*replaced = shard;
	shard = shard != NULL ? grow(shard) : shard_new(0);
	atomic_store_explicit(place, shard, memory_order_release);
	return shard;
}

void *
signature_table_add(
    struct signature_table *table, const struct content *content, const struct signature *signature)
{
	_Atomic(struct shard *) *place = shard_of(table, content);
	struct shard *shard = atomic_load_explicit(place, memory_order_relaxed);
	void *replaced = NULL;
	struct entry *entry;
	uint64_t at;

	if (shard != NULL && find(shard, content, &at) != NULL)
		return NULL;
	shard = make_room(place, &replaced);
	find(shard, content, &at);
	entry = &shard->entries[at];
	entry->second = content->words[1];
	entry->signature = *signature;
	atomic_store_explicit(&entry->first, first_word(content), memory_order_release);
	shard->count++;
	atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
	return replaced;
}

void
signature_table_drop(struct signature_table *table, const struct content *content)
{
	struct shard *shard = atomic_load_explicit(shard_of(table, content), memory_order_relaxed);
	struct entry *entry;
	uint64_t at;

	if (shard != NULL && (entry = find(shard, content, &at)) != NULL)
		random_bytes(&entry->second, sizeof entry->second);
}

bool
signature_table_find(
    const struct signature_table *table, const struct content *content, struct signature *signature)
{
	struct shard *shard =
	    table != NULL ? atomic_load_explicit(shard_of(table, content), memory_order_acquire) : NULL;
	const struct entry *entry;
	uint64_t at;

	if (shard == NULL || (entry = find(shard, content, &at)) == NULL)
		return false;
	*signature = entry->signature;
	return true;
}

static void
shard_each(const struct shard *shard, signature_table_fn *fn, void *arg)
{
	for (uint64_t i = 0; shard != NULL && i <= shard->mask; i++) {
		const struct entry *entry = &shard->entries[i];
		struct content content = {
		    {atomic_load_explicit(&entry->first, memory_order_relaxed), entry->second}};

		if (content.words[0] != 0)
			fn(arg, &content, &entry->signature);
	}
}

void
signature_table_each(const struct signature_table *table, signature_table_fn *fn, void *arg)
{
	for (unsigned i = 0; table != NULL && i < SHARDS; i++)
		shard_each(atomic_load_explicit(&table->shards[i], memory_order_relaxed), fn, arg);
}

size_t
signature_table_count(const struct signature_table *table)
{
	return table != NULL ? atomic_load_explicit(&table->count, memory_order_relaxed) : 0;
}
