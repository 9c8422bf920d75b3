#include "dnsd/view.h"

#include "zones/base/array.h"

#include <stdlib.h>
#include <time.h>

struct waiting {
	uint64_t epoch;
	void (*fn)(void *memory);
	void *memory;
};

struct views {
	_Alignas(64) _Atomic(const struct snapshot *) current;
	_Atomic uint64_t epoch;
	struct view_slot slots[VIEW_SLOTS_MAX];
	_Atomic unsigned nslots;
	/* used only by the publisher */
	struct waiting *waiting;
	size_t count;
};

struct views *
views_new(void)
{
	struct views *views = aligned_alloc(64, (sizeof *views + 63) / 64 * 64);

	if (views == NULL)
		return NULL;
	memset(views, 0, sizeof *views);
	atomic_store(&views->epoch, 1);
	return views;
}

void
views_free(struct views *views)
{
	if (views == NULL)
		return;
	for (size_t i = 0; i < views->count; i++)
		views->waiting[i].fn(views->waiting[i].memory);
	free(views->waiting);
	free(views);
}

struct view_slot *
views_slot(struct views *views)
{
	unsigned next = atomic_fetch_add(&views->nslots, 1);

	return next < VIEW_SLOTS_MAX ? &views->slots[next] : NULL;
}

const struct snapshot *
view_enter(struct views *views, struct view_slot *slot)
{
	atomic_store(&slot->epoch, atomic_load(&views->epoch));
	/*
	 * If the publisher did not see this slot, it raised the epoch, and stored its pointers, before this
	 * second look: then the pointers loaded below are new.
	 */
	(void)atomic_load(&views->epoch);
	return atomic_load(&views->current);
}

void
view_leave(struct view_slot *slot)
{
	atomic_store_explicit(&slot->epoch, 0, memory_order_release);
}

uint64_t
views_publish(struct views *views, const struct snapshot *snapshot)
{
	if (snapshot != NULL)
		atomic_store(&views->current, snapshot);
	return atomic_fetch_add(&views->epoch, 1) + 1;
}

uint64_t
views_epoch(const struct views *views)
{
	return atomic_load(&views->epoch);
}

void
views_synchronize(struct views *views)
{
	uint64_t epoch = atomic_fetch_add(&views->epoch, 1) + 1;
	unsigned nslots = MIN(atomic_load(&views->nslots), VIEW_SLOTS_MAX);
	const struct timespec moment = {.tv_nsec = 100000};

	for (unsigned i = 0; i < nslots; i++)
		for (uint64_t at; (at = atomic_load(&views->slots[i].epoch)) != 0 && at < epoch;)
			nanosleep(&moment, NULL);
}

static void
wait_for_readers(void *arg, void (*fn)(void *), void *memory)
{
	struct views *views = arg;

	views->waiting = array_grow(views->waiting, views->count, sizeof *views->waiting);
	views->waiting[views->count++] = (struct waiting){atomic_load(&views->epoch), fn, memory};
}

struct retire
views_retire(struct views *views)
{
	return (struct retire){wait_for_readers, views};
}

size_t
views_reclaim(struct views *views)
{
	unsigned nslots = MIN(atomic_load(&views->nslots), VIEW_SLOTS_MAX);
	uint64_t oldest = UINT64_MAX;
	size_t kept = 0;

	for (unsigned i = 0; i < nslots; i++) {
		uint64_t epoch = atomic_load(&views->slots[i].epoch);

		if (epoch != 0)
			oldest = MIN(oldest, epoch);
	}
	for (size_t i = 0; i < views->count; i++) {
		if (views->waiting[i].epoch <= oldest)
			views->waiting[i].fn(views->waiting[i].memory);
		else
			views->waiting[kept++] = views->waiting[i];
	}
	views->count = kept;
	return kept;
}
