#include "dnsd/epoch.h"

#include "zones/base/array.h"

#include <stdlib.h>
#include <time.h>

struct waiting {
	uint64_t epoch;
	void (*fn)(void *memory);
	void *memory;
};

struct epochs {
	_Alignas(64) _Atomic(const struct snapshot *) current;
	_Atomic uint64_t epoch;
	struct epoch_slot slots[EPOCH_SLOTS_MAX];
	_Atomic unsigned nslots;
	/* used only by the publisher */
	struct waiting *waiting;
	size_t count;
};

struct epochs *
epochs_new(void)
{
	struct epochs *epochs = aligned_alloc(64, (sizeof *epochs + 63) / 64 * 64);

	if (epochs == NULL)
		return NULL;
	memset(epochs, 0, sizeof *epochs);
	atomic_store(&epochs->epoch, 1);
	return epochs;
}

void
epochs_free(struct epochs *epochs)
{
	if (epochs == NULL)
		return;
	for (size_t i = 0; i < epochs->count; i++)
		epochs->waiting[i].fn(epochs->waiting[i].memory);
	free(epochs->waiting);
	free(epochs);
}

struct epoch_slot *
epochs_slot(struct epochs *epochs)
{
	unsigned next = atomic_fetch_add(&epochs->nslots, 1);

	return next < EPOCH_SLOTS_MAX ? &epochs->slots[next] : NULL;
}

const struct snapshot *
epoch_enter(struct epochs *epochs, struct epoch_slot *slot)
{
	atomic_store(&slot->epoch, atomic_load(&epochs->epoch));
	/*
	 * If the publisher did not see this slot, it raised the epoch, and stored its pointers, before this
	 * second look: then the pointers loaded below are new.
	 */
	(void)atomic_load(&epochs->epoch);
	return atomic_load(&epochs->current);
}

void
epoch_leave(struct epoch_slot *slot)
{
	atomic_store_explicit(&slot->epoch, 0, memory_order_release);
}

uint64_t
epochs_publish(struct epochs *epochs, const struct snapshot *snapshot)
{
	if (snapshot != NULL)
		atomic_store(&epochs->current, snapshot);
	return atomic_fetch_add(&epochs->epoch, 1) + 1;
}

uint64_t
epochs_now(const struct epochs *epochs)
{
	return atomic_load(&epochs->epoch);
}

void
epochs_synchronize(struct epochs *epochs)
{
	uint64_t epoch = atomic_fetch_add(&epochs->epoch, 1) + 1;
	unsigned nslots = MIN(atomic_load(&epochs->nslots), EPOCH_SLOTS_MAX);
	const struct timespec moment = {.tv_nsec = 100000};

	for (unsigned i = 0; i < nslots; i++)
		for (uint64_t at; (at = atomic_load(&epochs->slots[i].epoch)) != 0 && at < epoch;)
			nanosleep(&moment, NULL);
}

static void
wait_for_readers(void *arg, void (*fn)(void *), void *memory)
{
	struct epochs *epochs = arg;

	epochs->waiting = array_grow(epochs->waiting, epochs->count, sizeof *epochs->waiting);
	epochs->waiting[epochs->count++] = (struct waiting){atomic_load(&epochs->epoch), fn, memory};
}

struct retire
epochs_retire(struct epochs *epochs)
{
	return (struct retire){wait_for_readers, epochs};
}

size_t
epochs_reclaim(struct epochs *epochs)
{
	unsigned nslots = MIN(atomic_load(&epochs->nslots), EPOCH_SLOTS_MAX);
	uint64_t oldest = UINT64_MAX;
	size_t kept = 0;

	for (unsigned i = 0; i < nslots; i++) {
		uint64_t epoch = atomic_load(&epochs->slots[i].epoch);

		if (epoch != 0)
			oldest = MIN(oldest, epoch);
	}
	for (size_t i = 0; i < epochs->count; i++) {
		if (epochs->waiting[i].epoch <= oldest)
			epochs->waiting[i].fn(epochs->waiting[i].memory);
		else
			epochs->waiting[kept++] = epochs->waiting[i];
	}
	epochs->count = kept;
	return kept;
}
