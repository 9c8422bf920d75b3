#include "zones/compile/compile.h"

#include "zones/compile/world.h"
#include "zones/document/schema.h"

#include <search.h>
#include <stdlib.h>

enum { LATENCIES_MS = 900 }; /* the monitor writes them once a second */

struct compiler {
	struct world *world; /* NULL before the first compile */
	struct retired retired;
	struct numbers numbers;
	uint64_t generation;
	uint64_t flip;
	uint64_t count;        /* of the counts of unknown endpoints */
	bool broken;           /* the last follow failed half-way: read everything next time */
	bool health_known;     /* the health store was read once */
	uint64_t latencies_ms; /* when they were last looked at */
	char error[200];
};

struct compiler *
compiler_new(void)
{
	return calloc(1, sizeof(struct compiler));
}

static void
free_now(void *arg, void (*fn)(void *), void *memory)
{
	(void)arg;
	fn(memory);
}

/* The entries of a tree are freed apart from its nodes. */
static void
keep_entry(void *entry)
{
	(void)entry;
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
	world_drop(compiler->world);
	compiler->broken = false;
	compiler_retire(compiler, &now);
	free(compiler->retired.items);
	tdestroy(compiler->numbers.tree, keep_entry);
	for (size_t i = 0; i < compiler->numbers.count; i++) {
		free(compiler->numbers.items[i]->text);
		free(compiler->numbers.items[i]);
	}
	free(compiler->numbers.items);
	free(compiler);
}

static enum compiled
failed(struct compiler *compiler, const char *why)
{
	snprintf(compiler->error, sizeof compiler->error, "%s", why);
	return COMPILED_FAILED;
}

/* What a failed read made is not published: it has a list of its own, freed at once. */
static enum compiled
failed_read(struct compiler *compiler, struct world *world, struct retired *made)
{
	enum compiled result = failed(compiler, world->error);

	world_drop(world);
	for (size_t i = 0; i < made->count; i++)
		made->items[i].fn(made->items[i].memory);
	free(made->items);
	return result;
}

/* Take over a world that was read. */
static enum compiled
begin_world(struct compiler *compiler, struct world *world, struct retired *made)
{
	for (size_t i = 0; i < made->count; i++)
		retired_add(&compiler->retired, made->items[i].fn, made->items[i].memory);
	free(made->items);
	world->retired = &compiler->retired;
	world_drop(compiler->world);
	compiler->world = world;
	compiler->generation = world->snapshot->generation;
	compiler->broken = false;
	return COMPILED_NEW;
}

/* Read everything into a new world; the old one goes after publication. */
static enum compiled
read_all(struct compiler *compiler, struct store_txn *txn)
{
	struct retired made = {0};
	struct world *world = world_new(&made, &compiler->numbers);

	if (world == NULL)
		return failed(compiler, "memory is exhausted");
	return world_read(world, txn, compiler->world) ? begin_world(compiler, world, &made)
						       : failed_read(compiler, world, &made);
}

/* The same for a few names; everything if that does not do. */
static enum compiled
read_names(struct compiler *compiler, struct store_txn *txn, const uint8_t *const *names, size_t count)
{
	struct retired made = {0};
	struct world *world = world_new(&made, &compiler->numbers);
	bool complete;

	if (world == NULL)
		return failed(compiler, "memory is exhausted");
	if (!world_read_names(world, txn, names, count, &complete))
		return failed_read(compiler, world, &made);
	if (complete)
		return begin_world(compiler, world, &made);
	failed_read(compiler, world, &made);
	return read_all(compiler, txn);
}

static size_t
live_pools(const struct world *world)
{
	size_t count = 0;

	for (uint32_t i = 0; i < world->slots; i++)
		count += world->by_slot[i]->model != NULL;
	return count;
}

enum compiled
compiler_config(struct compiler *compiler, struct store_txn *txn, bool anew)
{
	uint64_t generation = config_generation(txn);
	bool lost;

	if (config_schema(txn) > CONFIG_SCHEMA)
		return failed(compiler,
		    "the configuration was written by a newer graycloud: use that version of graycloud-dnsd");
	if (compiler->world == NULL || anew || compiler->broken || generation < compiler->generation)
		return read_all(compiler, txn);
	if (generation == compiler->generation)
		return COMPILED_SAME;
	/* Slots of deleted pools are not used again; when most are dead a new world has none of them. */
	if (compiler->world->slots > 64 && compiler->world->slots > 4 * live_pools(compiler->world))
		return read_all(compiler, txn);
	if (world_follow(compiler->world, txn, compiler->generation, &lost)) {
		compiler->generation = generation;
		return COMPILED_NEW;
	}
	if (!lost) {
		compiler->broken = true;
		failed(compiler, compiler->world->error);
	}
	return read_all(compiler, txn);
}

static void
set_state(struct compiler *compiler, struct endpoint_entry *entry, enum health_state state)
{
	if (entry->state == state)
		return;
	entry->state = state;
	for (size_t i = 0; i < entry->users.count; i++)
		world_dirty(compiler->world, entry->users.list[i]);
}

/* Whoever follows a feed has its place there, and what failed on the way. */
struct following {
	struct compiler *compiler;
	struct store_txn *txn;
	bool exhausted;
};

static void
read_name(struct following *following, struct name_entry *entry)
{
	struct name_record record;
	bool known = name_get(following->txn, entry->name, &record);

	following->exhausted |=
	    !world_set_addresses(following->compiler->world, entry, known ? &record : NULL);
}

static bool
follow_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	struct following *following = arg;
	struct compiler *compiler = following->compiler;
	struct endpoint_entry *entry = world_endpoint(compiler->world, &flip->endpoint);
	struct name_entry *name;

	compiler->flip = sequence;
	if (flip->kind == FLIP_ADDRESSES) {
		if ((name = world_name(compiler->world, &flip->endpoint)) != NULL)
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
	struct endpoint_entry *entry = world_endpoint(compiler->world, endpoint);

	if (entry == NULL)
		return true;
	entry->in_store = true;
	/* S27: a new store that has no verdict yet takes none away. */
	if (record->state != HEALTH_UNKNOWN)
		set_state(compiler, entry, record->state);
	return true;
}

struct sweep {
	struct compiler *compiler;
	bool forget;
};

static void
clear_mark(const void *node, VISIT visit, void *arg)
{
	struct endpoint_entry *entry = *(struct endpoint_entry *const *)node;
	struct sweep *sweep = arg;

	if (visit != postorder && visit != leaf)
		return;
	if (sweep->forget && !entry->in_store)
		set_state(sweep->compiler, entry, HEALTH_UNKNOWN);
	entry->in_store = false;
}

static bool
read_addresses(void *arg, const char *name, const struct name_record *record)
{
	struct following *following = arg;
	struct endpoint key = name_key(name);
	struct name_entry *entry = world_name(following->compiler->world, &key);

	if (entry == NULL)
		return true;
	entry->in_store = true;
	following->exhausted |= !world_set_addresses(following->compiler->world, entry, record);
	return true;
}

/* Hostnames live in their tree while their pools follow: gather first. */
struct gathering {
	struct name_entry **list;
	size_t count;
	bool fresh; /* those that are, else those that are no longer in the store */
};

static void
gather_name(const void *node, VISIT visit, void *arg)
{
	struct name_entry *entry = *(struct name_entry *const *)node;
	struct gathering *gathering = arg;

	if (visit != postorder && visit != leaf)
		return;
	if (gathering->fresh ? entry->fresh : !entry->in_store)
		gathering->list[gathering->count++] = entry;
	if (gathering->fresh)
		entry->fresh = false;
	else
		entry->in_store = false;
}

static void
count_name(const void *node, VISIT visit, void *arg)
{
	(void)node;
	if (visit == postorder || visit == leaf)
		++*(size_t *)arg;
}

/* Look up the hostnames that are fresh, or forget those whose records are gone. */
static void
sweep_names(struct following *following, bool fresh, bool forget)
{
	struct gathering gathering = {.fresh = fresh};
	size_t count = 0;

	twalk_r(following->compiler->world->names, count_name, &count);
	if ((gathering.list = calloc(count + 1, sizeof *gathering.list)) == NULL) {
		following->exhausted = true;
		return;
	}
	twalk_r(following->compiler->world->names, gather_name, &gathering);
	for (size_t i = 0; i < gathering.count; i++)
		if (fresh)
			read_name(following, gathering.list[i]);
		else if (forget && gathering.list[i]->resolved != NULL)
			following->exhausted |=
			    !world_set_addresses(following->compiler->world, gathering.list[i], NULL);
	free(gathering.list);
}

/* Endpoints that came with the configuration or with an address: their flips may have been read before we
 * knew them. */
static void
look_up_fresh(const void *node, VISIT visit, void *arg)
{
	struct endpoint_entry *entry = *(struct endpoint_entry *const *)node;
	struct following *following = arg;
	struct health_record record;

	if ((visit != postorder && visit != leaf) || !entry->fresh)
		return;
	entry->fresh = false;
	if (health_get(following->txn, &entry->key, &record) && record.state != HEALTH_UNKNOWN)
		set_state(following->compiler, entry, record.state);
}

/* Everything that the store has.  In the same store a record that is gone was deleted; in a new one it is
 * only not there yet (S27). */
static void
read_health(struct following *following, bool forget)
{
	struct world *world = following->compiler->world;
	struct sweep sweep = {following->compiler, false};

	name_each(following->txn, read_addresses, following);
	sweep_names(following, false, forget);
	twalk_r(world->endpoints, clear_mark, &sweep);
	health_each(following->txn, read_record, following);
	sweep.forget = forget;
	twalk_r(world->endpoints, clear_mark, &sweep);
}

/* Judge the pools whose health changed, and once a period those whose latency did. A pool gets its first
 * latency at once. */
static bool
settle_health(struct compiler *compiler, struct store_txn *txn, bool all, bool *changed)
{
	uint64_t now = boot_ms();
	bool slower, due = all || now - compiler->latencies_ms >= LATENCIES_MS;

	if (!world_settle(compiler->world, changed))
		return false;
	if (due)
		compiler->latencies_ms = now;
	world_look_at_latencies(compiler->world, txn, due);
	if (!world_settle(compiler->world, &slower))
		return false;
	*changed |= slower;
	return true;
}

enum compiled
compiler_health(struct compiler *compiler, struct store_txn *txn, bool anew)
{
	struct following following = {.compiler = compiler, .txn = txn};
	uint64_t last = health_flip_last(txn);
	bool changed, all;

	if (compiler->world == NULL)
		return COMPILED_SAME;
	all = anew || !compiler->health_known || last < compiler->flip;
	if (!all && last != compiler->flip)
		all = !health_flips_after(txn, compiler->flip, follow_flip, &following);
	if (all) {
		read_health(&following, !anew && compiler->health_known);
		compiler->health_known = true;
		compiler->flip = last;
	}
	if (compiler->world->fresh_names) {
		compiler->world->fresh_names = false;
		sweep_names(&following, true, false);
	}
	if (compiler->world->fresh) {
		compiler->world->fresh = false;
		twalk_r(compiler->world->endpoints, look_up_fresh, &following);
	}
	if (!settle_health(compiler, txn, all, &changed) || following.exhausted) {
		compiler->health_known = false; /* read all of it next time */
		return failed(compiler, "memory is exhausted");
	}
	return changed ? COMPILED_TABLES : COMPILED_SAME;
}

const struct snapshot *
compiler_snapshot(const struct compiler *compiler)
{
	return compiler->world != NULL ? compiler->world->snapshot : NULL;
}

const char *
compiler_error(const struct compiler *compiler)
{
	return compiler->error;
}

static void
mark_pools(const void *node, VISIT visit, void *arg)
{
	const struct steer_lb *lb = (*(struct lb_entry *const *)node)->compiled;
	const struct world *world = arg;

	if ((visit != postorder && visit != leaf) || lb == NULL)
		return;
	world->by_slot[lb->fallback.slot]->used = true;
	for (unsigned i = 0; i < lb->nall; i++)
		world->by_slot[lb->pools[i].slot]->used = true;
}

/* Each endpoint counts once, however many origins it stands for; and so does a hostname that nobody has
 * looked up yet. */
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
		/* S38: who votes is waited for, also where others have decided already. */
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
	struct world *world = compiler->world;
	size_t unknown = 0;

	if (world == NULL)
		return 0;
	compiler->count++;
	for (uint32_t i = 0; i < world->slots; i++)
		world->by_slot[i]->used = false;
	twalk_r(world->lbs, mark_pools, world);
	for (uint32_t i = 0; i < world->slots; i++)
		if (world->by_slot[i]->used)
			unknown += count_unknown(world->by_slot[i], compiler->count);
	return unknown;
}

void
compiler_counts(const struct compiler *compiler, struct compiled_counts *counts)
{
	const struct world *world = compiler->world;

	*counts = (struct compiled_counts){0};
	if (world == NULL)
		return;
	*counts = (struct compiled_counts){.zones = world->nzones,
	    .lbs = world->nlbs,
	    .pools = live_pools(world),
	    .endpoints = world->nendpoints};
}

/* S28, by slot. */
struct judging {
	const struct world *world;
	const struct compiled_status *out;
	struct status_of_pool *pools;
};

static struct status_of_pool
judged_pool(const void *arg, const struct id *id)
{
	const struct judging *judging = arg;
	const struct pool_entry *pool = world_find(&judging->world->pools, id, world_by_id);

	return pool != NULL && pool->model != NULL ? judging->pools[pool->slot]
						   : (struct status_of_pool){POOL_CRITICAL, false};
}

/* Are all pools of a load balancer good, so that it is Healthy by whatever list?  Weights may rule out some.
 */
static bool
all_good(const struct judging *judging, const struct steer_lb *lb)
{
	if (lb->policy == STEERING_RANDOM || lb->overrides != NULL)
		return false;
	for (uint32_t i = 0; i < lb->nall; i++) {
		const struct status_of_pool *pool = &judging->pools[lb->pools[i].slot];

		if (pool->status != POOL_HEALTHY && !(pool->status == POOL_HEALTH_UNKNOWN && pool->usable))
			return false;
	}
	return true;
}

static enum lb_status
judge_lb(const struct judging *judging, const struct lb_entry *entry)
{
	struct pool_list *lists;
	enum lb_status status;
	bool *last_resort;
	size_t count;

	if (!entry->model->enabled)
		return LB_DISABLED;
	lists = lists_of(entry->model, &count);
	last_resort = xcalloc(MAX(count, 1u), sizeof *last_resort);
	status = status_lb(entry->model, lists, count, judged_pool, judging, last_resort);
	free(last_resort);
	free(lists);
	return status;
}

static void
tell_lb(const void *node, VISIT visit, void *arg)
{
	const struct lb_entry *entry = *(struct lb_entry *const *)node;
	const struct judging *judging = arg;

	if (visit != postorder && visit != leaf)
		return;
	judging->out->lb(judging->out->arg, entry->model->name,
	    entry->compiled != NULL && all_good(judging, entry->compiled) ? LB_HEALTHY
									  : judge_lb(judging, entry),
	    entry->model->enabled ? lists_geography(entry->model) : 0);
}

void
compiler_status(const struct compiler *compiler, const struct compiled_status *status)
{
	const struct world *world = compiler->world;
	struct judging judging = {.world = world, .out = status};

	if (world == NULL)
		return;
	judging.pools = xcalloc(MAX(world->slots, 1u), sizeof *judging.pools);
	for (uint32_t i = 0; i < world->slots; i++) {
		const struct pool_entry *pool = world->by_slot[i];

		judging.pools[i] = (struct status_of_pool){POOL_CRITICAL, false};
		if (pool->model == NULL)
			continue;
		judging.pools[i].status = status_pool(pool->model, pool->states);
		judging.pools[i].usable = pool_judge(pool->model, pool->states).usable;
		status->pool(status->arg, pool->model->name, judging.pools[i].status);
	}
	twalk_r(world->lbs, tell_lb, &judging);
	free(judging.pools);
}

struct pairs {
	const struct world *world;
	size_t count;
};

static void
count_pairs(const void *node, VISIT visit, void *arg)
{
	const struct steer_lb *lb = (*(struct lb_entry *const *)node)->compiled;
	struct pairs *pairs = arg;

	for (unsigned i = 0; (visit == postorder || visit == leaf) && lb != NULL && i <= lb->nall; i++) {
		uint32_t slot = i < lb->nall ? lb->pools[i].slot : lb->fallback.slot;
		const struct pool *model = pairs->world->by_slot[slot]->model;

		pairs->count += model != NULL ? model->norigins : 0;
	}
}

size_t
compiler_pairs(const struct compiler *compiler)
{
	struct pairs pairs = {.world = compiler->world};

	if (compiler->world != NULL)
		twalk_r(compiler->world->lbs, count_pairs, &pairs);
	return pairs.count;
}

/* A text of numbers is "FIRST", NUL, "SECOND", NUL; a load balancer's first is empty. */
static const char *
number_text(const struct compiler *compiler, uint32_t number, const char **second)
{
	const char *first;

	if (number >= compiler->numbers.count)
		return NULL;
	first = compiler->numbers.items[number]->text;
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
	const struct lb_entry *entry =
	    compiler->world != NULL ? world_find(&compiler->world->lbs, id, world_by_id) : NULL;

	return entry != NULL ? entry->model : NULL;
}

const struct pool *
compiler_pool(const struct compiler *compiler, uint32_t slot, const enum health_state **states)
{
	if (compiler->world == NULL || slot >= compiler->world->slots)
		return NULL;
	*states = compiler->world->by_slot[slot]->states;
	return compiler->world->by_slot[slot]->model;
}

long
compiler_force(struct compiler *compiler, const char *text, enum forced forced)
{
	struct address address;
	bool literal = address_from_text(&address, text);
	char *name = literal ? NULL : schema_clean_host_name(text); /* as pools keep it */
	struct world *world = compiler->world;
	long count = 0;
	bool changed;

	for (uint32_t slot = 0; world != NULL && slot < world->slots; slot++) {
		struct pool_entry *pool = world->by_slot[slot];

		for (size_t i = 0; pool->model != NULL && i < pool->model->norigins; i++) {
			struct origin *origin = &pool->model->origins[i];

			if (literal ? memcmp(&origin->ip, &address, sizeof address) != 0
				    : name == NULL || strcmp(origin->address, name) != 0)
				continue;
			origin->forced = forced;
			world_dirty(world, pool);
			count++;
		}
	}
	free(name);
	return world == NULL || world_settle(world, &changed) ? count : -1;
}

bool
compiler_end_passed(const struct compiler *compiler)
{
	return compiler->world != NULL && deadline_passed(&compiler->world->next_end);
}

enum compiled
compiler_pass_ends(struct compiler *compiler, struct store_txn *txn)
{
	struct world *world = compiler->world;
	bool changed;

	if (!compiler_end_passed(compiler))
		return COMPILED_SAME;
	world->next_end = (struct deadline){0};
	for (uint32_t slot = 0; slot < world->slots; slot++) {
		struct pool_entry *pool = world->by_slot[slot];
		struct pool *model;

		if (pool->model == NULL || !deadline_is_set(&pool->model->ends))
			continue;
		if (!deadline_passed(&pool->model->ends))
			deadline_add(&world->next_end, &pool->model->ends);
		else if ((model = config_pool(txn, pool->id.text)) != NULL &&
		    !world_set_pool(world, pool, model))
			return failed(compiler, "memory is exhausted");
	}
	if (!world_settle(world, &changed))
		return failed(compiler, "memory is exhausted");
	return changed ? COMPILED_TABLES : COMPILED_SAME;
}

static struct compiler *
read_once(
    struct compiler *compiler, enum compiled compiled, struct store_txn *health, struct problems *problems)
{
	if (compiled == COMPILED_NEW &&
	    (health == NULL || compiler_health(compiler, health, true) != COMPILED_FAILED))
		return compiler;
	problems_error(problems, "the configuration cannot be compiled: %s",
	    compiler != NULL ? compiler_error(compiler) : "memory is exhausted");
	compiler_free(compiler);
	return NULL;
}

struct compiler *
compiler_read(struct store_txn *config, struct store_txn *health, struct problems *problems)
{
	struct compiler *compiler = compiler_new();

	return read_once(compiler,
	    compiler != NULL ? compiler_config(compiler, config, true) : COMPILED_FAILED, health, problems);
}

struct compiler *
compiler_read_names(struct store_txn *config, struct store_txn *health, const uint8_t *const *names,
    size_t count, struct problems *problems)
{
	struct compiler *compiler = compiler_new();

	return read_once(compiler,
	    compiler == NULL                            ? COMPILED_FAILED
		: config_schema(config) > CONFIG_SCHEMA ? compiler_config(compiler, config, true)
							: read_names(compiler, config, names, count),
	    health, problems);
}
