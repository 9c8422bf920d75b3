#include "zones/compile/world.h"

#include <search.h>
#include <stdlib.h>

/* Every entry begins with its key. */
int
world_by_id(const void *a, const void *b)
{
	return strcmp(((const struct id *)a)->text, ((const struct id *)b)->text);
}

int
world_by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
by_name(const void *a, const void *b)
{
	const struct lb_entry *x = a, *y = b;
	size_t xlen = name_len(x->model->wire), ylen = name_len(y->model->wire);

	return xlen != ylen ? (xlen < ylen ? -1 : 1) : memcmp(x->model->wire, y->model->wire, xlen);
}

void *
world_find(void *const *root, const void *key, int (*compare)(const void *, const void *))
{
	void *node = tfind(key, root, compare);

	return node != NULL ? *(void **)node : NULL;
}

bool
retired_add(struct retired *retired, void (*fn)(void *), void *memory)
{
	if (memory == NULL)
		return true;
	if (retired->count == retired->room) {
		size_t room = retired->room ? retired->room * 2 : 64;
		void *grown = realloc(retired->items, room * sizeof *retired->items);

		if (grown == NULL)
			return false; /* better never freed than freed too early */
		retired->items = grown;
		retired->room = room;
	}
	retired->items[retired->count++] = (struct retired_item){fn, memory};
	return true;
}

static void
retire_add(void *arg, void (*fn)(void *), void *memory)
{
	retired_add(arg, fn, memory);
}

struct retire
world_retire(struct world *world)
{
	return (struct retire){retire_add, world->retired};
}

static int
by_text(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return x->len != y->len ? (x->len < y->len ? -1 : 1) : memcmp(x->text, y->text, x->len);
}

uint32_t
numbers_of(struct numbers *numbers, const char *first, const char *second)
{
	size_t first_len = strlen(first) + 1, len = first_len + strlen(second) + 1;
	struct numbered wanted = {.text = xmalloc(len), .len = len}, *known;

	memcpy(wanted.text, first, first_len);
	memcpy(wanted.text + first_len, second, len - first_len);
	if ((known = world_find(&numbers->tree, &wanted, by_text)) != NULL) {
		free(wanted.text);
		return known->number;
	}
	if (numbers->count == numbers->room) {
		numbers->room = numbers->room ? numbers->room * 2 : 64;
		numbers->items = xrealloc(numbers->items, numbers->room * sizeof(void *));
	}
	known = xmemdup(&wanted, sizeof wanted);
	known->number = (uint32_t)numbers->count;
	numbers->items[numbers->count++] = known;
	tsearch(known, &numbers->tree, by_text);
	return known->number;
}

struct world *
world_new(struct retired *retired, struct numbers *numbers)
{
	struct world *world = calloc(1, sizeof *world);

	if (world != NULL) {
		world->retired = retired;
		world->numbers = numbers;
	}
	return world;
}

/* Pools */

void
world_drop_pool(struct pool_entry *pool)
{
	world_free_uses(&pool->uses);
	free(pool->states);
	free(pool->numbers);
	model_free_pool(pool->model);
	free(pool);
}

static void
pool_forget_model(struct world *world, struct pool_entry *pool)
{
	world_leave(world, pool, &pool->uses);
	free(pool->states);
	free(pool->numbers);
	model_free_pool(pool->model);
	pool->states = NULL;
	pool->numbers = NULL;
	pool->model = NULL;
}

void
world_free_slots(void *memory)
{
	struct pool_slots *slots = memory;

	if (slots == NULL)
		return;
	free((void *)slots->tables);
	free((void *)slots->usable);
	free(slots);
}

/* A larger array of slots with the same tables; the snapshot that uses it is made by the caller. */
static bool
grow_slots(struct world *world)
{
	uint32_t room = world->room ? world->room * 2 : 64;
	struct pool_slots *grown = calloc(1, sizeof *grown);
	struct pool_entry **by_slot = realloc(world->by_slot, room * sizeof *by_slot);

	if (by_slot != NULL)
		world->by_slot = by_slot;
	if (grown != NULL) {
		grown->tables = calloc(room, sizeof *grown->tables);
		grown->usable = calloc(room / 64, sizeof *grown->usable);
	}
	if (grown == NULL || by_slot == NULL || grown->tables == NULL || grown->usable == NULL) {
		world_free_slots(grown);
		return false;
	}
	grown->count = room;
	for (uint32_t i = 0; i < world->slots; i++)
		atomic_store(&grown->tables[i], pool_slot_table(world->shared, i));
	for (uint32_t i = 0; i < world->room / 64; i++)
		atomic_store(&grown->usable[i], atomic_load(&world->shared->usable[i]));
	retired_add(world->retired, world_free_slots, world->shared);
	world->shared = grown;
	world->room = room;
	return true;
}

/* The entry of a pool; made where a load balancer names it first. */
struct pool_entry *
world_pool(struct world *world, const struct id *id)
{
	struct pool_entry *entry = world_find(&world->pools, id, world_by_id), *known;

	if (entry != NULL)
		return entry;
	if ((world->slots == world->room && !grow_slots(world)) || (entry = calloc(1, sizeof *entry)) == NULL)
		return NULL;
	entry->id = *id;
	entry->slot = world->slots;
	if (world->before != NULL && (known = world_find(&world->before->pools, id, world_by_id)) != NULL)
		entry->latency_us = known->latency_us;
	if (tsearch(entry, &world->pools, world_by_id) == NULL) {
		free(entry);
		return NULL;
	}
	world->by_slot[world->slots++] = entry;
	return entry;
}

/* Take over a model (NULL: the pool was deleted) and find what its origins use. */
bool
world_set_pool(struct world *world, struct pool_entry *pool, struct pool *model)
{
	size_t count = model != NULL ? model->norigins : 0;
	enum health_state *states = calloc(count + 1, sizeof *states);
	uint32_t *numbers = calloc(count + 1, sizeof *numbers);
	struct pool_uses uses;

	/* The new uses first, so that an endpoint in both keeps its state. */
	if (states == NULL || numbers == NULL || !world_use(world, pool, model, &uses)) {
		free(states);
		free(numbers);
		model_free_pool(model);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		numbers[i] = numbers_of(world->numbers, model->name, model->origins[i].address);
	pool_forget_model(world, pool);
	pool->model = model;
	pool->uses = uses;
	pool->states = states;
	pool->numbers = numbers;
	if (model != NULL)
		deadline_add(&world->next_end, &model->ends);
	world_dirty(world, pool);
	return true;
}

static bool
settle_pool(struct world *world, struct pool_entry *pool)
{
	struct pool_slots *slots = world->shared;
	uint64_t bit = UINT64_C(1) << pool->slot % 64;
	struct pool_table *table = NULL;

	if (pool->model != NULL) {
		world_judge(pool);
		if ((table = pool_table_new(pool->model, pool->states, pool->numbers)) == NULL)
			return false;
		table->latency_us = pool->latency_us;
	}
	retired_add(world->retired, free, (void *)(uintptr_t)pool_slot_table(slots, pool->slot));
	atomic_store_explicit(&slots->tables[pool->slot], table, memory_order_release);
	if (table != NULL && table->usable)
		atomic_fetch_or_explicit(&slots->usable[pool->slot / 64], bit, memory_order_release);
	else
		atomic_fetch_and_explicit(&slots->usable[pool->slot / 64], ~bit, memory_order_release);
	pool->dirty = false;
	return true;
}

void
world_dirty(struct world *world, struct pool_entry *pool)
{
	if (pool->dirty)
		return;
	pool->dirty = true;
	pool->next_dirty = world->dirty;
	world->dirty = pool;
}

bool
world_settle(struct world *world, bool *changed)
{
	*changed = world->dirty != NULL;
	for (; world->dirty != NULL; world->dirty = world->dirty->next_dirty)
		if (!settle_pool(world, world->dirty))
			return false;
	return true;
}

/* Load balancers */

struct lb_entry *
world_lb_by_name(struct world *world, const uint8_t *wire)
{
	struct lb model;
	struct lb_entry wanted = {.model = &model};

	name_lower(model.wire, wire);
	return world_find(&world->lb_names, &wanted, by_name);
}

void
world_remove_lb(struct world *world, struct lb_entry *entry)
{
	tdelete(entry, &world->lb_names, by_name);
	tdelete(entry, &world->lbs, world_by_id);
	world->nlbs--;
	retired_add(world->retired, free, entry->compiled);
	model_free_lb(entry->model);
	free(entry);
}

struct lb_entry *
world_add_lb(struct world *world, struct lb *model)
{
	struct lb_entry *entry = calloc(1, sizeof *entry);

	if (entry == NULL) {
		model_free_lb(model);
		return NULL;
	}
	entry->id = model->id;
	entry->model = model;
	entry->number = numbers_of(world->numbers, "", model->name);
	if ((model->enabled && (entry->compiled = world_compile_lb(world, entry)) == NULL) ||
	    tsearch(entry, &world->lbs, world_by_id) == NULL ||
	    tsearch(entry, &world->lb_names, by_name) == NULL) {
		tdelete(entry, &world->lbs, world_by_id);
		free(entry->compiled);
		free(entry);
		model_free_lb(model);
		return NULL;
	}
	world->nlbs++;
	return entry;
}
