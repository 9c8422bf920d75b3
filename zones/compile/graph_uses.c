/*
 * graph_uses.c -- the hostnames that the pools of a graph use, and the endpoints of all addresses (S16, S24).
 */
#include "zones/compile/graph.h"

#include "zones/base/array.h"
#include "zones/model/status.h"

#include <stdlib.h>

static struct bytes
endpoint_bytes(const struct endpoint *key)
{
	return (struct bytes){key, sizeof *key};
}

struct bytes
graph_endpoint_key(const void *item)
{
	return endpoint_bytes(&((const struct endpoint_entry *)item)->key);
}

struct bytes
graph_name_key(const void *item)
{
	return endpoint_bytes(&((const struct name_entry *)item)->key);
}

struct endpoint_entry *
graph_endpoint(const struct config_graph *graph, const struct endpoint *key)
{
	return map_find(&graph->endpoints, endpoint_bytes(key));
}

struct name_entry *
graph_name(const struct config_graph *graph, const struct endpoint *key)
{
	return map_find(&graph->names, endpoint_bytes(key));
}

static void
users_add(struct users *users, struct pool_entry *pool)
{
	users->list = array_grow(users->list, users->count, sizeof(struct pool_entry *));
	users->list[users->count++] = pool;
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
endpoint_use(struct config_graph *graph, const struct endpoint *key, struct pool_entry *pool)
{
	struct endpoint_entry *entry = graph_endpoint(graph, key), *known;

	if (entry == NULL) {
		entry = xcalloc(1, sizeof *entry);
		entry->key = *key;
		entry->fresh = graph->fresh = true;
		if (graph->before != NULL && (known = graph_endpoint(graph->before, key)) != NULL)
			entry->state = known->state;
		map_add(&graph->endpoints, entry);
	}
	users_add(&entry->users, pool);
	return entry;
}

void
graph_drop_endpoint(void *memory)
{
	struct endpoint_entry *entry = memory;

	free(entry->users.list);
	free(entry);
}

static void
endpoint_leave(struct config_graph *graph, struct endpoint_entry *entry, struct pool_entry *pool)
{
	users_remove(&entry->users, pool);
	if (entry->users.count > 0)
		return;
	map_remove(&graph->endpoints, graph_endpoint_key(entry));
	graph_drop_endpoint(entry);
}

/* Hostnames */

static struct resolved *
copy_resolved(const struct resolved *from)
{
	return from != NULL ? xmemdup(from, sizeof *from + from->count * sizeof from->list[0]) : NULL;
}

static struct name_entry *
name_use(struct config_graph *graph, const char *name, struct pool_entry *pool)
{
	struct endpoint key = name_key(name);
	struct name_entry *entry = graph_name(graph, &key), *known;

	if (entry == NULL) {
		entry = xcalloc(1, sizeof *entry);
		entry->key = key;
		entry->name = xstrdup(name);
		entry->fresh = graph->fresh_names = true;
		if (graph->before != NULL && (known = graph_name(graph->before, &key)) != NULL)
			entry->resolved = copy_resolved(known->resolved);
		map_add(&graph->names, entry);
	}
	users_add(&entry->users, pool);
	return entry;
}

void
graph_drop_name(void *memory)
{
	struct name_entry *entry = memory;

	free(entry->name);
	free(entry->users.list);
	free(entry->resolved);
	free(entry);
}

static void
name_leave(struct config_graph *graph, struct name_entry *entry, struct pool_entry *pool)
{
	users_remove(&entry->users, pool);
	if (entry->users.count > 0)
		return;
	map_remove(&graph->names, graph_name_key(entry));
	graph_drop_name(entry);
}

/* Uses of one pool */

void
graph_leave(struct config_graph *graph, struct pool_entry *pool, struct pool_uses *uses)
{
	for (size_t i = 0; i < uses->norigins; i++)
		if (uses->origins[i].name != NULL)
			name_leave(graph, uses->origins[i].name, pool);
	for (size_t i = 0; i < uses->nendpoints; i++)
		endpoint_leave(graph, uses->endpoints[i], pool);
	graph_free_uses(uses);
}

void
graph_free_uses(struct pool_uses *uses)
{
	free(uses->origins);
	free(uses->endpoints);
	*uses = (struct pool_uses){0};
}

/* Find the hostnames of the enabled origins, put their addresses into the model, and count the endpoints. */
static void
use_names(struct config_graph *graph, struct pool_entry *pool, struct pool *model, struct pool_uses *uses)
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
			use->name = name_use(graph, origin->address, pool);
			free(origin->resolved);
			origin->resolved = copy_resolved(use->name->resolved);
			use->count = monitored && origin->resolved != NULL && !origin->resolved->gone
			    ? origin->resolved->count
			    : 0;
		}
		uses->nendpoints += use->count * model->njudges;
	}
}

static void
use_endpoints(
    struct config_graph *graph, struct pool_entry *pool, const struct pool *model, struct pool_uses *uses)
{
	uses->endpoints = xcalloc(uses->nendpoints, sizeof *uses->endpoints);
	for (size_t i = 0; i < model->norigins; i++)
		for (size_t n = 0; n < uses->origins[i].count * model->njudges; n++) {
			const struct origin *origin = &model->origins[i];
			const struct address *address = origin_is_hostname(origin)
			    ? &origin->resolved->list[n / model->njudges].address
			    : &origin->ip;
			struct endpoint key = health_pool_endpoint(
			    model, model->judges[n % model->njudges].monitor.text, origin, address);

			uses->endpoints[uses->origins[i].first + n] = endpoint_use(graph, &key, pool);
		}
}

void
graph_use(struct config_graph *graph, struct pool_entry *pool, struct pool *model, struct pool_uses *uses)
{
	*uses = (struct pool_uses){0};
	if (model == NULL)
		return;
	uses->norigins = model->norigins;
	uses->origins = xcalloc(uses->norigins, sizeof *uses->origins);
	use_names(graph, pool, model, uses);
	use_endpoints(graph, pool, model, uses);
}

/* S38: the state of one address of an origin. */
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

/* S24: set the states of the origins, and of the addresses of hostnames, as steering uses them. */
void
graph_derive_states(struct pool_entry *pool)
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
