#include "zones/answer/signature_table.h"

#include <stdatomic.h>
#include <stdlib.h>

struct entry {
	_Atomic uint64_t first; /* of the content; 0: free */
	uint64_t second;
	uint32_t inception, expiration;
	uint16_t key_tag;
	uint8_t algorithm;
	uint8_t octets[SIGNATURE_OCTETS];
};
_Static_assert(sizeof(struct entry) == 96, "one or two cache lines");

struct signature_table {
	uint64_t mask;
	size_t room;
	_Atomic size_t count;
	struct entry entries[];
};

/* 0 marks a free entry. */
static uint64_t
first_word(const struct content *content)
{
	return content->words[0] | (content->words[0] == 0);
}

struct signature_table *
signature_table_new(size_t signatures)
{
	size_t entries = 16;
	struct signature_table *table;

	while (entries * 7 / 10 < signatures)
		entries *= 2;
	table = xcalloc(1, sizeof *table + entries * sizeof table->entries[0]);
	table->mask = entries - 1;
	table->room = entries * 7 / 10;
	return table;
}

bool
signature_table_has_room(const struct signature_table *table)
{
	return atomic_load_explicit(&table->count, memory_order_relaxed) < table->room;
}

static const struct entry *
find(const struct signature_table *table, const struct content *content, uint64_t *free_slot)
{
	uint64_t first = first_word(content);

	for (uint64_t i = mix64(first) & table->mask;; i = (i + 1) & table->mask) {
		const struct entry *entry = &table->entries[i];
		uint64_t word = atomic_load_explicit(&entry->first, memory_order_acquire);

		*free_slot = i;
		if (word == 0)
			return NULL;
		if (word == first && entry->second == content->words[1])
			return entry;
	}
}

void
signature_table_add(
    struct signature_table *table, const struct content *content, const struct signature *signature)
{
	uint64_t slot;
	struct entry *entry;

	if (find(table, content, &slot) != NULL)
		return;
	entry = &table->entries[slot];
	entry->second = content->words[1];
	entry->inception = signature->inception;
	entry->expiration = signature->expiration;
	entry->key_tag = signature->key_tag;
	entry->algorithm = signature->algorithm;
	memcpy(entry->octets, signature->octets, sizeof entry->octets);
	atomic_store_explicit(&entry->first, first_word(content), memory_order_release);
	atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
}

void
signature_table_drop(struct signature_table *table, const struct content *content)
{
	uint64_t slot;

	if (find(table, content, &slot) != NULL)
		random_bytes(&table->entries[slot].second, sizeof table->entries[slot].second);
}

struct signature_table *
signature_table_grow(const struct signature_table *old)
{
	struct signature_table *table = signature_table_new(old != NULL ? 2 * old->room : 1024);

	for (uint64_t i = 0; old != NULL && i <= old->mask; i++) {
		const struct entry *entry = &old->entries[i];
		struct content content = {{atomic_load(&entry->first), entry->second}};
		struct signature signature = {.algorithm = entry->algorithm,
		    .key_tag = entry->key_tag,
		    .inception = entry->inception,
		    .expiration = entry->expiration};

		memcpy(signature.octets, entry->octets, sizeof signature.octets);
		if (content.words[0] != 0)
			signature_table_add(table, &content, &signature);
	}
	return table;
}

bool
signature_table_find(
    const struct signature_table *table, const struct content *content, struct signature *signature)
{
	uint64_t slot;
	const struct entry *entry = table != NULL ? find(table, content, &slot) : NULL;

	if (entry == NULL)
		return false;
	signature->inception = entry->inception;
	signature->expiration = entry->expiration;
	signature->key_tag = entry->key_tag;
	signature->algorithm = entry->algorithm;
	memcpy(signature->octets, entry->octets, sizeof signature->octets);
	return true;
}

size_t
signature_table_count(const struct signature_table *table)
{
	return table != NULL ? atomic_load_explicit(&table->count, memory_order_relaxed) : 0;
}
