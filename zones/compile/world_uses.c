/*
 * world_uses.c -- what the pools of a world use: hostnames, and the endpoints of all addresses (S16, S24).
 */
#include "zones/compile/world.h"

#include "zones/model/status.h"

#include <search.h>
#include <stdlib.h>

static int
by_endpoint(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct endpoint));
}

struct endpoint_entry *
world_endpoint(struct world *world, const struct endpoint *key)
{
	return world_find(&world->endpoints, key, by_endpoint);
}

struct name_entry *
world_name(struct world *world, const struct endpoint *key)
{
	return world_find(&world->names, key, by_endpoint);
}

static bool
users_add(struct users *users, struct pool_entry *pool)
{
	struct pool_entry **grown = realloc(users->list, (users->count + 1) * sizeof *grown);

	if (grown == NULL)
		return false;
	users->list = grown;
	grown[users->count++] = pool;
	return true;
}

static void
users_remove(struct users *users, const struct pool_entry *pool)
{
	for (size_t i = 0; i < users->count; i++)
		if (users->list[i] == pool) {
			users->list[i] = users->list[--users->count];
			return;
		}
}

/* Endpoints */

static struct endpoint_entry *
endpoint_use(struct world *world, const struct endpoint *key, struct pool_entry *pool)
{
	struct endpoint_entry *entry = world_endpoint(world, key), *known;

	if (entry == NULL) {
		if ((entry = calloc(1, sizeof *entry)) == NULL)
			return NULL;
		entry->key = *key;
		entry->fresh = world->fresh = true;
		if (world->before != NULL && (known = world_endpoint(world->before, key)) != NULL)
			entry->state = known->state;
		if (tsearch(entry, &world->endpoints, by_endpoint) == NULL) {
			free(entry);
			return NULL;
		}
		world->nendpoints++;
	}
	return users_add(&entry->users, pool) ? entry : NULL;
}

void
world_drop_endpoint(void *memory)
{
	struct endpoint_entry *entry = memory;

	free(entry->users.list);
	free(entry);
}

static void
endpoint_leave(struct world *world, struct endpoint_entry *entry, struct pool_entry *pool)
{
	users_remove(&entry->users, pool);
	if (entry->users.count > 0)
		return;
	tdelete(entry, &world->endpoints, by_endpoint);
	world->nendpoints--;
	world_drop_endpoint(entry);
}

/* Hostnames */

static struct resolved *
copy_resolved(const struct resolved *from)
{
	struct resolved *copy = from != NULL ? resolved_new(from->count) : NULL;

	if (copy != NULL)
		memcpy(copy, from, sizeof *from + from->count * sizeof from->list[0]);
	return copy;
}

static struct name_entry *
name_use(struct world *world, const char *name, struct pool_entry *pool)
{
	struct endpoint key = name_key(name);
	struct name_entry *entry = world_name(world, &key), *known;

	if (entry == NULL) {
		if ((entry = calloc(1, sizeof *entry)) == NULL)
			return NULL;
		entry->key = key;
		if ((entry->name = strdup(name)) == NULL) {
			free(entry);
			return NULL;
		}
		entry->fresh = world->fresh_names = true;
		if (world->before != NULL && (known = world_name(world->before, &key)) != NULL)
			entry->resolved = copy_resolved(known->resolved);
		if (tsearch(entry, &world->names, by_endpoint) == NULL) {
			world_drop_name(entry);
			return NULL;
		}
	}
	return users_add(&entry->users, pool) ? entry : NULL;
}

void
world_drop_name(void *memory)
{
	struct name_entry *entry = memory;

	free(entry->name);
	free(entry->users.list);
	free(entry->resolved);
	free(entry);
}

static void
name_leave(struct world *world, struct name_entry *entry, struct pool_entry *pool)
{
	users_remove(&entry->users, pool);
	if (entry->users.count > 0)
		return;
	tdelete(entry, &world->names, by_endpoint);
	world_drop_name(entry);
}

/* What one pool uses */

void
world_leave(struct world *world, struct pool_entry *pool, struct pool_uses *uses)
{
	for (size_t i = 0; uses->origins != NULL && i < uses->norigins; i++)
		if (uses->origins[i].name != NULL)
			name_leave(world, uses->origins[i].name, pool);
	for (size_t i = 0; uses->endpoints != NULL && i < uses->nendpoints; i++)
		if (uses->endpoints[i] != NULL)
			endpoint_leave(world, uses->endpoints[i], pool);
	world_free_uses(uses);
}

void
world_free_uses(struct pool_uses *uses)
{
	free(uses->origins);
	free(uses->endpoints);
	*uses = (struct pool_uses){0};
}

/* The hostnames of the origins that are enabled, with their addresses in the model; and how many endpoints
 * there will be. */
static bool
use_names(struct world *world, struct pool_entry *pool, struct pool *model, struct pool_uses *uses)
{
	bool monitored = model->njudges > 0;

	for (size_t i = 0; i < model->norigins; i++) {
		struct origin *origin = &model->origins[i];
		struct origin_uses *use = &uses->origins[i];

		use->first = uses->nendpoints;
		if (!model->enabled || !origin->enabled)
			continue;
		use->count = monitored;
		if (origin_is_hostname(origin)) {
			if ((use->name = name_use(world, origin->address, pool)) == NULL)
				return false;
			free(origin->resolved);
			origin->resolved = copy_resolved(use->name->resolved);
			if (origin->resolved == NULL && use->name->resolved != NULL)
				return false;
			use->count = monitored && origin->resolved != NULL && !origin->resolved->gone
			    ? origin->resolved->count
			    : 0;
		}
		uses->nendpoints += use->count * model->njudges;
	}
	return true;
}

static bool
use_endpoints(struct world *world, struct pool_entry *pool, const struct pool *model, struct pool_uses *uses)
{
	if ((uses->endpoints = calloc(uses->nendpoints + 1, sizeof *uses->endpoints)) == NULL)
		return false;
	for (size_t i = 0; i < model->norigins; i++)
		for (size_t n = 0; n < uses->origins[i].count * model->njudges; n++) {
			const struct origin *origin = &model->origins[i];
			const struct address *address = origin_is_hostname(origin)
			    ? &origin->resolved->list[n / model->njudges].address
			    : &origin->ip;
			struct endpoint key =
			    health_endpoint(model->judges[n % model->njudges].monitor.text, origin, address);
			struct endpoint_entry *entry = endpoint_use(world, &key, pool);

			uses->endpoints[uses->origins[i].first + n] = entry;
			if (entry == NULL)
				return false;
		}
	return true;
}

bool
world_use(struct world *world, struct pool_entry *pool, struct pool *model, struct pool_uses *uses)
{
	*uses = (struct pool_uses){.norigins = model != NULL ? model->norigins : 0};
	uses->origins = calloc(uses->norigins + 1, sizeof *uses->origins);
	if (uses->origins != NULL &&
	    (model == NULL ||
		(use_names(world, pool, model, uses) && use_endpoints(world, pool, model, uses))))
		return true;
	world_leave(world, pool, uses);
	return false;
}

bool
world_set_addresses(struct world *world, struct name_entry *entry, const struct name_record *record)
{
	struct resolved *resolved = record != NULL ? name_resolved(record) : NULL;
	struct array users = {
	    .items = calloc(entry->users.count + 1, sizeof *users.items), .count = entry->users.count};
	bool done = users.items != NULL && (record == NULL || resolved != NULL);

	if (!done) {
		free(resolved);
		free(users.items);
		return false;
	}
	free(entry->resolved);
	entry->resolved = resolved;
	/* A copy: the list changes while its pools take up their new addresses and leave the old ones. */
	memcpy(users.items, entry->users.list, users.count * sizeof *users.items);
	for (size_t i = 0; i < users.count && done; i++) {
		struct pool_entry *pool = users.items[i];
		struct pool_uses uses;

		if ((done = world_use(world, pool, pool->model, &uses))) {
			world_leave(world, pool, &pool->uses);
			pool->uses = uses;
			world_dirty(world, pool);
		}
	}
	free(users.items);
	return done;
}

/* S38: what is known of one address of an origin. */
static enum health_state
verdict_of(const struct pool_entry *pool, size_t i, size_t address)
{
	const struct origin_uses *use = &pool->uses.origins[i];
	size_t count = MIN(pool->model->njudges, GROUP_MEMBERS_MAX);
	struct endpoint_entry *const *endpoints =
	    &pool->uses.endpoints[use->first + address * pool->model->njudges];
	enum health_state verdicts[GROUP_MEMBERS_MAX];

	if (address >= use->count)
		return HEALTH_UNKNOWN;
	for (size_t n = 0; n < count; n++)
		verdicts[n] = endpoints[n]->state;
	return status_of_judges(pool->model->judges, verdicts, count);
}

/* S24: what steering takes for the states of the origins, and of the addresses of hostnames. */
void
world_judge(struct pool_entry *pool)
{
	for (size_t i = 0; i < pool->model->norigins; i++) {
		struct origin *origin = &pool->model->origins[i];

		for (unsigned n = 0; origin->resolved != NULL && n < origin->resolved->count; n++) {
			struct resolved_address *address = &origin->resolved->list[n];

			address->state =
			    status_address(pool->model, origin, &address->address, verdict_of(pool, i, n));
		}
		pool->states[i] = status_origin(pool->model, origin, verdict_of(pool, i, 0));
	}
}
