#include "admin/api/record_index.h"

#include "zones/base/arena.h"
#include "zones/base/array.h"

#include <pthread.h>
#include <stdlib.h>

enum { UNSORTED_MAX = 1024 };

struct entry {
	uint64_t hash;
	const uint8_t *owner; /* length (2), owner key; in the arena */
};

struct index {
	struct id identity; /* of the configuration */
	uint64_t history;
	uint32_t zone;       /* its number; 0: the place is free */
	uint64_t generation; /* that it has followed */
	struct entry *entries;
	size_t count, sorted; /* of entries; those behind sorted are newer */
	size_t made;          /* entries when it was made */
	struct arena arena;
	uint64_t used; /* the least is replaced */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct index indexes[RECORD_INDEXES_MAX];
static uint64_t uses;

static void
clear(struct index *index)
{
	free(index->entries);
	arena_free(&index->arena);
	*index = (struct index){.zone = 0};
}

static int
compare(const void *a_arg, const void *b_arg)
{
	const struct entry *a = a_arg, *b = b_arg;

	return (a->hash > b->hash) - (a->hash < b->hash);
}

static void
sort(struct index *index)
{
	if (index->count > 1)
		qsort(index->entries, index->count, sizeof *index->entries, compare);
	index->sorted = index->count;
}

/* ---- make and follow ---- */

struct making {
	struct index *index;
	struct store_txn *txn;
	const struct zone_info *zone;
	bool replaced; /* the zone as a whole */
};

static bool
add_rrset(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	const struct making *making = arg;
	struct index *index = making->index;
	uint8_t owner[2 + NAME_MAX_KEY];

	put16(owner, (uint16_t)owner_key.len);
	memcpy(owner + 2, owner_key.data, owner_key.len);
	index->entries = array_grow(index->entries, index->count, sizeof *index->entries);
	index->entries[index->count++] =
	    (struct entry){record_rrset_hash(making->zone, owner_key, rrset->type),
		arena_keep(&index->arena, owner, 2 + owner_key.len)};
	return true;
}

/* An owner that was written has all of its RRsets once more: what is double or gone does no harm. */
static bool
follow_change(void *arg, const struct config_change *change)
{
	struct making *making = arg;

	if (change->zone != making->zone->number)
		return true;
	if (change->what == CONFIG_ZONE)
		making->replaced = true;
	else if (change->what == CONFIG_OWNER)
		config_each_row(making->txn, making->zone->number, &change->owner_key, add_rrset, making);
	return !making->replaced;
}

/* Bring the index to the generation of the transaction. False if it must be made again. */
static bool
follow(struct index *index, struct store_txn *txn, const struct zone_info *zone)
{
	struct making making = {.index = index, .txn = txn, .zone = zone};
	uint64_t generation = config_generation(txn);
	struct id identity = config_identity(txn);

	/* An older transaction finds what it has: nothing is taken out of an index. */
	if (strcmp(identity.text, index->identity.text) != 0 || index->history != config_history(txn))
		return false;
	if (generation <= index->generation)
		return true;
	if (!config_changes_after(txn, index->generation, follow_change, &making))
		return false;
	index->generation = generation;
	if (index->count - index->sorted > UNSORTED_MAX)
		sort(index);
	/* One that has grown by what is gone is made again. */
	return index->count < UNSORTED_MAX || index->count < 4 * index->made;
}

static void
make(struct index *index, struct store_txn *txn, const struct zone_info *zone)
{
	struct making making = {.index = index, .txn = txn, .zone = zone};

	clear(index);
	index->zone = zone->number;
	index->identity = config_identity(txn);
	index->history = config_history(txn);
	index->generation = config_generation(txn);
	config_each_row(txn, zone->number, NULL, add_rrset, &making);
	sort(index);
	index->made = index->count;
}

static struct index *
index_of(struct store_txn *txn, const struct zone_info *zone)
{
	struct index *found = &indexes[0];

	for (size_t i = 0; i < NITEMS(indexes); i++) {
		if (indexes[i].zone == zone->number) {
			found = &indexes[i];
			break;
		}
		if (indexes[i].used < found->used)
			found = &indexes[i];
	}
	if (found->zone != zone->number || !follow(found, txn, zone))
		make(found, txn, zone);
	found->used = ++uses;
	return found;
}

/* ---- ask ---- */

static bool
report(const struct entry *entry, record_owner_fn *fn, void *arg)
{
	return fn(arg, (struct bytes){entry->owner + 2, get16(entry->owner)});
}

void
record_index_find(
    struct store_txn *txn, const struct zone_info *zone, uint64_t hash, record_owner_fn *fn, void *arg)
{
	const struct index *index;
	size_t low = 0, high;
	bool on = true;

	pthread_mutex_lock(&lock);
	index = index_of(txn, zone);
	high = index->sorted;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->entries[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; on && low < index->sorted && index->entries[low].hash == hash; low++)
		on = report(&index->entries[low], fn, arg);
	for (size_t i = index->sorted; on && i < index->count; i++)
		if (index->entries[i].hash == hash)
			on = report(&index->entries[i], fn, arg);
	pthread_mutex_unlock(&lock);
}

void
record_index_drop_all(void)
{
	for (size_t i = 0; i < NITEMS(indexes); i++)
		clear(&indexes[i]);
}
