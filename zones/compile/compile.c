#include "zones/compile/compile_inner.h"

#include "zones/dns/idn.h"
#include "zones/document/schema.h"

#include <stdlib.h>

enum { LATENCIES_MS = 900 }; /* the monitor writes them once a second */

struct compiler *
compiler_new(void)
{
	content_init();
	return xcalloc(1, sizeof(struct compiler));
}

void
compiler_set_side(struct compiler *compiler, struct side *side)
{
	compiler->side = side;
}

static void
free_now(void *arg, void (*fn)(void *), void *memory)
{
	(void)arg;
	fn(memory);
}

void
compiler_retire(struct compiler *compiler, const struct retire *retire)
{
	struct retired *retired = &compiler->retired;

	if (compiler->broken)
		return;
	for (size_t i = 0; i < retired->count; i++)
		retire->add(retire->arg, retired->items[i].fn, retired->items[i].memory);
	retired->count = 0;
}

void
compiler_free(struct compiler *compiler)
{
	struct retire now = {free_now, NULL};

	if (compiler == NULL)
		return;
	graph_drop(compiler->graph);
	compiler->broken = false;
	compiler_retire(compiler, &now);
	free(compiler->retired.items);
	free(compiler->served);
	signature_table_free(compiler->signatures);
	signature_table_free(compiler->kept);
	compiler_forget_spares(compiler);
	numbers_free(&compiler->numbers);
	free(compiler);
}

static enum compiled
failed(struct compiler *compiler, const char *why)
{
	snprintf(compiler->error, sizeof compiler->error, "%s", why);
	return COMPILED_FAILED;
}

/* Discard a failed read. Its memory was never published: it has its own list and is freed at once. */
static enum compiled
failed_read(struct compiler *compiler, struct config_graph *graph, struct retired *made)
{
	enum compiled result = failed(compiler, graph->error);

	graph_drop(graph);
	for (size_t i = 0; i < made->count; i++)
		made->items[i].fn(made->items[i].memory);
	free(made->items);
	return result;
}

/* Take over a graph that was read completely. */
static enum compiled
begin_world(struct compiler *compiler, struct config_graph *graph, struct retired *made)
{
	for (size_t i = 0; i < made->count; i++)
		retired_add(&compiler->retired, made->items[i].fn, made->items[i].memory);
	free(made->items);
	graph->retired = &compiler->retired;
	compiler_forget_spares(compiler);
	graph_drop(compiler->graph);
	compiler->graph = graph;
	compiler->generation = graph->snapshot->generation;
	compiler->broken = false;
	return COMPILED_NEW;
}

static struct config_graph *
new_graph(const struct compiler *compiler, struct retired *made)
{
	struct config_graph *graph = graph_new(made, (struct numbers *)(uintptr_t)&compiler->numbers);

	graph->signing = compiler->signing;
	graph->side = compiler->side;
	graph->signatures = compiler->signatures;
	graph->kept = compiler->kept;
	graph->served = compiler->served;
	return graph;
}

/* Read everything into a new graph. The old one is retired after publication. */
static enum compiled
read_all(struct compiler *compiler, struct store_txn *txn)
{
	struct retired made = {0};
	struct config_graph *graph = new_graph(compiler, &made);

	return graph_read(graph, txn, compiler->graph) ? begin_world(compiler, graph, &made)
						       : failed_read(compiler, graph, &made);
}

/* The same for a few names. If that is not possible, read everything. */
static enum compiled
read_names(struct compiler *compiler, struct store_txn *txn, const uint8_t *const *names, size_t count)
{
	struct retired made = {0};
	struct config_graph *graph = new_graph(compiler, &made);
	bool complete;

	if (!graph_read_names(graph, txn, names, count, &complete))
		return failed_read(compiler, graph, &made);
	if (complete)
		return begin_world(compiler, graph, &made);
	failed_read(compiler, graph, &made);
	return read_all(compiler, txn);
}

void
compiler_distrust(struct compiler *compiler)
{
	compiler->broken = compiler->graph != NULL;
}

static size_t
live_pools(const struct config_graph *graph)
{
	size_t count = 0;

	for (uint32_t slot = 0; slot < graph->pools.count; slot++)
		count += graph_pool_at(graph, slot)->model != NULL;
	return count;
}

static enum compiled
compile_config(struct compiler *compiler, struct store_txn *txn, bool anew)
{
	uint64_t generation = config_generation(txn);
	bool lost;

	if (config_schema(txn) > CONFIG_SCHEMA)
		return failed(compiler,
		    "the configuration was written by a newer graycloud: use that version of graycloud-dnsd");
	if (compiler->graph == NULL || anew || compiler->broken || generation < compiler->generation)
		return read_all(compiler, txn);
	if (generation == compiler->generation)
		return COMPILED_SAME;
	/* Slots of deleted pools are not reused. When most are unused, read a new graph without them. */
	if (compiler->graph->pools.count > 64 &&
	    compiler->graph->pools.count > 4 * live_pools(compiler->graph) && !compiler_has_lost(compiler))
		return read_all(compiler, txn);
	if (graph_follow(compiler->graph, txn, compiler->generation, &lost)) {
		compiler->generation = generation;
		return COMPILED_NEW;
	}
	if (!lost) {
		compiler->broken = true;
		failed(compiler, compiler->graph->error);
	}
	return read_all(compiler, txn);
}

enum compiled
compiler_config(struct compiler *compiler, struct store_txn *txn, bool anew)
{
	uint64_t history = config_history(txn);
	enum compiled compiled = compile_config(compiler, txn, anew || history != compiler->history);

	if (compiled != COMPILED_FAILED)
		compiler->history = history;
	return compiled;
}

static void
set_state(struct compiler *compiler, struct endpoint_entry *entry, enum health_state state)
{
	if (entry->state == state)
		return;
	entry->state = state;
	for (size_t i = 0; i < entry->users.count; i++)
		graph_dirty(compiler->graph, entry->users.list[i]);
}

/* The state of a walk over a feed: its position, and the error on the way. */
struct following {
	struct compiler *compiler;
	struct store_txn *txn;
};

static void
read_name(struct following *following, struct name_entry *entry)
{
	struct name_record record;
	bool known = name_get(following->txn, entry->name, &record);

	graph_set_addresses(following->compiler->graph, entry, known ? &record : NULL);
}

static bool
follow_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	struct following *following = arg;
	struct compiler *compiler = following->compiler;
	struct endpoint_entry *entry = graph_endpoint(compiler->graph, &flip->endpoint);
	struct name_entry *name;

	compiler->flip = sequence;
	if (flip->kind == FLIP_ADDRESSES) {
		if ((name = graph_name(compiler->graph, &flip->endpoint)) != NULL)
			read_name(following, name);
		return true;
	}
	if (flip->kind == FLIP_STATE && entry != NULL)
		set_state(compiler, entry, flip->state == HEALTH_DISABLED ? HEALTH_UNKNOWN : flip->state);
	return true;
}

static bool
read_record(void *arg, const struct endpoint *endpoint, const struct health_record *record)
{
	struct compiler *compiler = ((struct following *)arg)->compiler;
	struct endpoint_entry *entry = graph_endpoint(compiler->graph, endpoint);

	if (entry == NULL)
		return true;
	entry->in_store = true;
	/* S27: a new store without a verdict does not remove a known one. */
	if (record->state != HEALTH_UNKNOWN)
		set_state(compiler, entry, record->state);
	return true;
}

/* Clear the marks. If forget is true, endpoints without a mark become unknown. */
static void
sweep_endpoints(struct compiler *compiler, bool forget)
{
	for (size_t i = 0; i < compiler->graph->endpoints.count; i++) {
		struct endpoint_entry *entry = compiler->graph->endpoints.items[i];

		if (forget && !entry->in_store)
			set_state(compiler, entry, HEALTH_UNKNOWN);
		entry->in_store = false;
	}
}

static bool
read_addresses(void *arg, const char *name, const struct name_record *record)
{
	struct following *following = arg;
	struct endpoint key = name_key(name);
	struct name_entry *entry = graph_name(following->compiler->graph, &key);

	if (entry == NULL)
		return true;
	entry->in_store = true;
	graph_set_addresses(following->compiler->graph, entry, record);
	return true;
}

/* If forget is true, forget the addresses of hostnames whose records are gone. Clear the marks. */
static void
sweep_names(struct compiler *compiler, bool forget)
{
	for (size_t i = 0; i < compiler->graph->names.count; i++) {
		struct name_entry *entry = compiler->graph->names.items[i];

		if (forget && !entry->in_store && entry->resolved != NULL)
			graph_set_addresses(compiler->graph, entry, NULL);
		entry->in_store = false;
	}
}

/*
 * Look up hostnames and endpoints that came with the configuration or with an address: their flips may have
 * been read before they were known here.
 */
static void
look_up_fresh_names(struct following *following)
{
	struct map *names = &following->compiler->graph->names;

	for (size_t i = 0; i < names->count; i++) {
		struct name_entry *entry = names->items[i];

		if (entry->fresh)
			read_name(following, entry);
		entry->fresh = false;
	}
}

static void
look_up_fresh_endpoints(struct following *following)
{
	struct map *endpoints = &following->compiler->graph->endpoints;

	for (size_t i = 0; i < endpoints->count; i++) {
		struct endpoint_entry *entry = endpoints->items[i];
		struct health_record record;

		if (!entry->fresh)
			continue;
		entry->fresh = false;
		if (health_get(following->txn, &entry->key, &record) && record.state != HEALTH_UNKNOWN)
			set_state(following->compiler, entry, record.state);
	}
}

/*
 * Read all of the store. If it is the same store, a record that is gone was deleted; in a new store it is
 * only not there yet (S27).
 */
static void
read_health(struct following *following, bool forget)
{
	struct compiler *compiler = following->compiler;

	name_each(following->txn, read_addresses, following);
	sweep_names(compiler, forget);
	sweep_endpoints(compiler, false);
	health_each(following->txn, read_record, following);
	sweep_endpoints(compiler, forget);
}

/*
 * Judge the pools whose health changed, and once a period those whose latency changed. A pool gets its first
 * latency at once.
 */
static bool
update_health(struct compiler *compiler, struct store_txn *txn, bool all)
{
	uint64_t now = boot_ms();
	bool due = all || now - compiler->latencies_ms >= LATENCIES_MS;
	bool changed = graph_update_tables(compiler->graph);

	if (due)
		compiler->latencies_ms = now;
	graph_look_at_latencies(compiler->graph, txn, due);
	return graph_update_tables(compiler->graph) || changed;
}

enum compiled
compiler_health(struct compiler *compiler, struct store_txn *txn, bool anew)
{
	struct following following = {.compiler = compiler, .txn = txn};
	uint64_t last = health_flip_last(txn);
	bool all;

	if (compiler->graph == NULL)
		return COMPILED_SAME;
	all = anew || !compiler->health_known || last < compiler->flip;
	if (!all && last != compiler->flip)
		all = !health_flips_after(txn, compiler->flip, follow_flip, &following);
	if (all) {
		read_health(&following, !anew && compiler->health_known);
		compiler->health_known = true;
		compiler->flip = last;
	}
	if (compiler->graph->fresh_names) {
		compiler->graph->fresh_names = false;
		look_up_fresh_names(&following);
	}
	if (compiler->graph->fresh) {
		compiler->graph->fresh = false;
		look_up_fresh_endpoints(&following);
	}
	return update_health(compiler, txn, all) ? COMPILED_TABLES : COMPILED_SAME;
}

const struct snapshot *
compiler_snapshot(const struct compiler *compiler)
{
	return compiler->graph != NULL ? compiler->graph->snapshot : NULL;
}

const char *
compiler_error(const struct compiler *compiler)
{
	return compiler->error;
}

/* Mark the pools of enabled load balancers. */
static void
mark_pools(const struct config_graph *graph)
{
	for (uint32_t slot = 0; slot < graph->pools.count; slot++)
		graph_pool_at(graph, slot)->used = false;
	for (size_t i = 0; i < graph->lbs.count; i++) {
		const struct steer_lb *lb = ((const struct lb_entry *)graph->lbs.items[i])->compiled;

		if (lb == NULL)
			continue;
		graph_pool_at(graph, lb->fallback.slot)->used = true;
		for (unsigned p = 0; p < lb->nall; p++)
			graph_pool_at(graph, lb->pools[p].slot)->used = true;
	}
}

/*
 * Count each endpoint once, even if several origins use it; also count each hostname that was not resolved
 * yet.
 */
static size_t
count_unknown(struct pool_entry *pool, uint64_t count)
{
	size_t unknown = 0, judges = pool->model != NULL ? pool->model->njudges : 0;

	for (size_t i = 0; pool->model != NULL && i < pool->model->norigins; i++) {
		const struct origin_uses *use = &pool->uses.origins[i];

		if (use->name != NULL && use->name->resolved == NULL && use->name->count != count &&
		    pool->model->origins[i].forced != FORCED_DOWN) {
			use->name->count = count;
			unknown++;
		}
		/* S38: also wait for each voting monitor if the others have already decided. */
		for (size_t n = 0;
		     n < use->count * judges && (pool->states[i] == HEALTH_UNKNOWN || judges > 1); n++) {
			struct endpoint_entry *endpoint = pool->uses.endpoints[use->first + n];

			if (endpoint->count == count || endpoint->state != HEALTH_UNKNOWN ||
			    pool->model->origins[i].forced != FORCED_NONE ||
			    !pool->model->judges[n % judges].votes)
				continue;
			endpoint->count = count;
			unknown++;
		}
	}
	return unknown;
}

size_t
compiler_unknown(struct compiler *compiler)
{
	struct config_graph *graph = compiler->graph;
	size_t unknown = 0;

	if (graph == NULL)
		return 0;
	compiler->count++;
	mark_pools(graph);
	for (uint32_t slot = 0; slot < graph->pools.count; slot++)
		if (graph_pool_at(graph, slot)->used)
			unknown += count_unknown(graph_pool_at(graph, slot), compiler->count);
	return unknown;
}

void
compiler_counts(const struct compiler *compiler, struct compiled_counts *counts)
{
	const struct config_graph *graph = compiler->graph;

	*counts = (struct compiled_counts){0};
	if (graph == NULL)
		return;
	*counts = (struct compiled_counts){.zones = graph->zones.count,
	    .lbs = graph->lbs.count,
	    .pools = live_pools(graph),
	    .endpoints = graph->endpoints.count};
}

/* A number's text is "FIRST", NUL, "SECOND", NUL; a load balancer has an empty first text. */
static const char *
number_text(const struct compiler *compiler, uint32_t number, const char **second)
{
	const char *first;

	if (number >= compiler->numbers.map.count)
		return NULL;
	first = ((const struct numbered *)compiler->numbers.map.items[number])->text;
	*second = first + strlen(first) + 1;
	return first;
}

bool
compiler_lb_name(const struct compiler *compiler, uint32_t number, const char **name)
{
	return number_text(compiler, number, name) != NULL;
}

bool
compiler_origin_name(
    const struct compiler *compiler, uint32_t number, const char **pool, const char **address)
{
	return (*pool = number_text(compiler, number, address)) != NULL;
}

const struct lb *
compiler_lb(const struct compiler *compiler, const struct id *id)
{
	const struct lb_entry *entry = compiler->graph != NULL ? graph_find_lb(compiler->graph, id) : NULL;

	return entry != NULL ? entry->model : NULL;
}

const struct pool *
compiler_pool(const struct compiler *compiler, uint32_t slot, const enum health_state **states)
{
	if (compiler->graph == NULL || slot >= compiler->graph->pools.count)
		return NULL;
	*states = graph_pool_at(compiler->graph, slot)->states;
	return graph_pool_at(compiler->graph, slot)->model;
}

size_t
compiler_force(struct compiler *compiler, const char *text, enum forced forced)
{
	struct address address;
	bool literal = address_from_text(&address, text);
	char *name = literal ? NULL : host_name_clean(text); /* in the form that pools store */
	struct config_graph *graph = compiler->graph;
	size_t count = 0;

	for (uint32_t slot = 0; graph != NULL && slot < graph->pools.count; slot++) {
		struct pool_entry *pool = graph_pool_at(graph, slot);

		for (size_t i = 0; pool->model != NULL && i < pool->model->norigins; i++) {
			struct origin *origin = &pool->model->origins[i];

			if (literal ? memcmp(&origin->ip, &address, sizeof address) != 0
				    : name == NULL || strcmp(origin->address, name) != 0)
				continue;
			origin->forced = forced;
			graph_dirty(graph, pool);
			count++;
		}
	}
	free(name);
	if (graph != NULL)
		graph_update_tables(graph);
	return count;
}

bool
compiler_expired(const struct compiler *compiler)
{
	return compiler->graph != NULL && deadline_passed(&compiler->graph->next_expiry);
}

bool
compiler_enables(const struct compiler *compiler)
{
	const struct config_graph *graph = compiler->graph;

	for (size_t i = 0; graph != NULL && i < graph->lbs.count; i++)
		if (deadline_passed(&((const struct lb_entry *)graph->lbs.items[i])->model->expiry))
			return true;
	return false;
}

enum compiled
compiler_expire(struct compiler *compiler, struct store_txn *txn)
{
	struct config_graph *graph = compiler->graph;
	bool enabled, good;

	if (!compiler_expired(compiler))
		return COMPILED_SAME;
	graph->next_expiry = (struct deadline){0};
	for (uint32_t slot = 0; slot < graph->pools.count; slot++) {
		struct pool_entry *pool = graph_pool_at(graph, slot);
		struct pool *model;

		if (pool->model == NULL || !deadline_is_set(&pool->model->expiry))
			continue;
		if (!deadline_passed(&pool->model->expiry))
			deadline_add(&graph->next_expiry, &pool->model->expiry);
		else if ((model = config_pool_at(txn, pool->id.text, compiler->generation)) != NULL)
			graph_set_pool(graph, pool, model);
	}
	good = graph_follow_ends(graph, txn, compiler->generation, &enabled);
	if (good)
		return enabled ? COMPILED_NEW : graph_update_tables(graph) ? COMPILED_TABLES : COMPILED_SAME;
	compiler->broken = true;
	failed(compiler, graph->error);
	return read_all(compiler, txn);
}

static struct compiler *
read_once(
    struct compiler *compiler, enum compiled compiled, struct store_txn *health, struct problems *problems)
{
	if (compiled == COMPILED_NEW) {
		if (health != NULL)
			compiler_health(compiler, health, true);
		return compiler;
	}
	problems_error(problems, "the configuration cannot be compiled: %s", compiler_error(compiler));
	compiler_free(compiler);
	return NULL;
}

struct compiler *
compiler_read(struct store_txn *config, struct store_txn *health, struct problems *problems)
{
	struct compiler *compiler = compiler_new();

	return read_once(compiler, compiler_config(compiler, config, true), health, problems);
}

struct compiler *
compiler_read_names(struct store_txn *config, struct store_txn *health,
    const struct compiler_signed *signed_by, const uint8_t *const *names, size_t count,
    struct problems *problems)
{
	struct compiler *compiler = compiler_new();
	bool known = config_schema(config) <= CONFIG_SCHEMA;

	if (signed_by != NULL)
		compiler->signing = signed_by->signing;
	if (signed_by != NULL && signed_by->served != NULL)
		compiler_set_served(compiler, signed_by->served);
	compiler = read_once(compiler,
	    known && names != NULL ? read_names(compiler, config, names, count)
				   : compiler_config(compiler, config, true),
	    health, problems);
	if (compiler != NULL && signed_by != NULL)
		compiler_read_steered(compiler, signed_by);
	return compiler;
}
