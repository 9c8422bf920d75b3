#include "follow.h"

#include "config.h"
#include "document.h"

#include <err.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>

/* A monitor that some target uses. */
struct watched_monitor {
	struct id id; /* first: the trees compare by it */
	struct monitor *model;
	uint64_t round; /* that it was read in */
	LIST_HEAD(, target) targets;
};

struct watched_pool {
	struct id id; /* first */
	struct target **targets; /* one for each origin that is probed */
	size_t ntargets;
	uint64_t round;
};

struct follow {
	struct schedule *schedule;
	struct publish *publish;
	const char *state;
	struct store *store; /* NULL while there is none */
	uint64_t next_open_ms; /* not before */
	bool told;             /* why it cannot be opened */
	uint64_t generation;
	uint64_t round; /* readings so far */
	int64_t next_end; /* of a pool's disabled_until: read all again then; 0: none */
	void *monitors, *pools, *targets; /* tsearch trees */
};

/* What one reading works with. */
struct reading {
	struct follow *follow;
	struct store_txn *txn;
};

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static int
compare_targets(const void *a, const void *b)
{
	const struct target *left = a, *right = b;

	return memcmp(&left->published.endpoint, &right->published.endpoint, sizeof(struct endpoint));
}

static void *
find(void **tree, const void *key, int (*compare)(const void *, const void *))
{
	void **node = tfind(key, tree, compare);

	return node == NULL ? NULL : *node;
}

static void
insert(void **tree, void *item, int (*compare)(const void *, const void *))
{
	if (tsearch(item, tree, compare) == NULL)
		errx(1, "out of memory");
}

/* --- monitors --- */

static struct watched_monitor *
watch_monitor(struct reading *reading, const struct id *id)
{
	struct follow *follow = reading->follow;
	struct watched_monitor *watched = find(&follow->monitors, id, compare_ids);
	struct monitor *model;

	if (watched != NULL || (model = config_monitor(reading->txn, id->text)) == NULL)
		return watched;
	watched = xcalloc(1, sizeof *watched);
	watched->id = *id;
	watched->model = model;
	watched->round = follow->round;
	LIST_INIT(&watched->targets);
	insert(&follow->monitors, watched, compare_ids);
	return watched;
}

static void
unwatch_monitor(struct follow *follow, struct watched_monitor *watched)
{
	tdelete(watched, &follow->monitors, compare_ids);
	model_free_monitor(watched->model);
	free(watched);
}

/* The monitor was edited.  One that is gone goes when the last pool lets go of it. */
static void
reread_monitor(struct reading *reading, const struct id *id)
{
	struct watched_monitor *watched = find(&reading->follow->monitors, id, compare_ids);
	struct monitor *before, *after;
	struct target *target;

	if (watched == NULL || watched->round == reading->follow->round ||
	    (after = config_monitor(reading->txn, id->text)) == NULL)
		return;
	before = watched->model;
	watched->model = after;
	watched->round = reading->follow->round;
	LIST_FOREACH(target, &watched->targets, siblings)
		schedule_update(target, after);
	model_free_monitor(before);
}

/* --- targets --- */

static struct target *
use_target(struct follow *follow, struct watched_monitor *watched, const struct origin *origin)
{
	struct target key = {.published.endpoint = health_endpoint(watched->id.text, origin)};
	struct target *target = find(&follow->targets, &key, compare_targets);

	if (target == NULL) {
		target = schedule_add(follow->schedule, &key.published.endpoint, watched->model, origin);
		target->watched = watched;
		LIST_INSERT_HEAD(&watched->targets, target, siblings);
		insert(&follow->targets, target, compare_targets);
	}
	target->users++;
	return target;
}

static void
release_target(struct follow *follow, struct target *target, bool keep)
{
	struct watched_monitor *watched = target->watched;

	if (--target->users > 0)
		return;
	tdelete(target, &follow->targets, compare_targets);
	LIST_REMOVE(target, siblings);
	schedule_remove(target, keep);
	if (LIST_EMPTY(&watched->targets))
		unwatch_monitor(follow, watched);
}

/* --- pools --- */

static void
release_targets(struct follow *follow, struct target **targets, size_t count, bool keep)
{
	for (size_t i = 0; i < count; i++)
		release_target(follow, targets[i], keep);
	free(targets);
}

/* S24: disabled origins and the origins of disabled pools are not probed. */
static void
probe_pool(struct reading *reading, struct watched_pool *watched, const struct pool *pool)
{
	struct watched_monitor *monitor = NULL;

	if (pool != NULL && pool->enabled && pool->monitor.text[0] != '\0')
		monitor = watch_monitor(reading, &pool->monitor);
	if (monitor == NULL)
		return;
	watched->targets = xcalloc(pool->norigins, sizeof(struct target *));
	for (size_t i = 0; i < pool->norigins; i++)
		if (pool->origins[i].enabled && pool->origins[i].ip.family != FAMILY_NONE)
			watched->targets[watched->ntargets++] = use_target(reading->follow, monitor, &pool->origins[i]);
	if (LIST_EMPTY(&monitor->targets)) /* all its origins are disabled */
		unwatch_monitor(reading->follow, monitor);
}

/* pool is NULL where it was deleted. */
static void
follow_pool(struct reading *reading, const struct id *id, const struct pool *pool)
{
	struct follow *follow = reading->follow;
	struct watched_pool *watched = find(&follow->pools, id, compare_ids);
	struct target **before = NULL;
	size_t nbefore = 0;

	if (pool != NULL && pool->ends != 0 && (follow->next_end == 0 || pool->ends < follow->next_end))
		follow->next_end = pool->ends;
	if (watched == NULL && pool == NULL)
		return;
	if (watched == NULL) {
		watched = xcalloc(1, sizeof *watched);
		watched->id = *id;
		insert(&follow->pools, watched, compare_ids);
	}
	/* What is used before and after never falls to no user, and so keeps its state. */
	before = watched->targets;
	nbefore = watched->ntargets;
	watched->targets = NULL;
	watched->ntargets = 0;
	watched->round = follow->round;
	probe_pool(reading, watched, pool);
	release_targets(follow, before, nbefore, false);
	if (pool == NULL) {
		tdelete(watched, &follow->pools, compare_ids);
		free(watched);
	}
}

/* --- reading --- */

static bool
on_change(void *arg, const struct config_change *change)
{
	struct reading *reading = arg;
	struct pool *pool;

	if (change->what != CONFIG_OBJECT)
		return true;
	if (change->kind == KIND_MONITOR)
		reread_monitor(reading, &change->id);
	if (change->kind == KIND_POOL) {
		pool = config_pool(reading->txn, change->id.text);
		follow_pool(reading, &change->id, pool);
		model_free_pool(pool);
	}
	return true;
}

static bool
on_pool(void *arg, const struct id *id, struct bytes json)
{
	struct pool *pool = document_load_pool(json);

	follow_pool(arg, id, pool);
	model_free_pool(pool);
	return true;
}

static bool
on_monitor(void *arg, const struct id *id, struct bytes json)
{
	(void)json;
	reread_monitor(arg, id);
	return true;
}

/* A pool that was not met in this reading is no longer there. */
struct search {
	uint64_t round;
	const struct watched_pool *gone;
};

static void
find_gone(const void *node, VISIT visit, void *arg)
{
	const struct watched_pool *watched = *(struct watched_pool *const *)node;
	struct search *search = arg;

	if ((visit == postorder || visit == leaf) && watched->round != search->round)
		search->gone = watched;
}

static void
read_everything(struct reading *reading)
{
	struct search search;

	config_each_object(reading->txn, KIND_MONITOR, on_monitor, reading);
	config_each_object(reading->txn, KIND_POOL, on_pool, reading);
	for (;;) {
		search = (struct search){reading->follow->round, NULL};
		twalk_r(reading->follow->pools, find_gone, &search);
		if (search.gone == NULL)
			return;
		struct id id = search.gone->id;

		follow_pool(reading, &id, NULL);
	}
}

static void
read_config(struct follow *follow, bool replaced)
{
	struct reading reading = {.follow = follow};
	int error = store_begin(follow->store, STORE_READ, &reading.txn);

	if (error != 0) {
		warnx("cannot read %s/config: %s; what was read before stays in use", follow->state, strerror(-error));
		return;
	}
	if (config_schema(reading.txn) > CONFIG_SCHEMA) {
		warnx("%s/config was written by a newer graycloud: use that version of graycloud-monitor; what was read before "
		    "stays in use", follow->state);
		store_abort(reading.txn);
		return;
	}
	follow->round++;
	/* Another store's feed says nothing about what was read before. */
	if (replaced || follow->round == 1 ||
	    !config_changes_after(reading.txn, follow->generation, on_change, &reading))
		read_everything(&reading);
	follow->generation = config_generation(reading.txn);
	store_abort(reading.txn);
	if (follow->round == 1)
		publish_forget_rest(follow->publish);
}

/* Look for the store once a second, and say once why it cannot be opened. */
static bool
open_config(struct follow *follow)
{
	struct problems problems = {0};

	if (follow->store != NULL)
		return true;
	if (boot_ms() < follow->next_open_ms)
		return false;
	follow->next_open_ms = boot_ms() + 1000;
	follow->store = store_open(follow->state, STORE_CONFIG, STORE_READ, &problems);
	if (!follow->told)
		problems_print(&problems, "graycloud-monitor", stderr);
	follow->told = follow->store == NULL && problems.count > 0;
	problems_free(&problems);
	if (follow->store != NULL)
		read_config(follow, true);
	return follow->store != NULL;
}

bool
follow_poll(struct follow *follow)
{
	struct problems problems = {0};
	enum store_news news;
	bool ended;

	if (!open_config(follow))
		return false;
	news = store_poll(follow->store, &problems);
	/* What was disabled for a time is probed again. */
	ended = follow->next_end != 0 && wall_ms() >= follow->next_end;
	if (ended)
		follow->next_end = 0;
	if (news == STORE_CHANGED || news == STORE_REPLACED || ended) {
		read_config(follow, news == STORE_REPLACED || ended);
		news = store_poll(follow->store, &problems);
	}
	problems_print(&problems, "graycloud-monitor", stderr);
	problems_free(&problems);
	return news == STORE_CHANGED; /* DESIGN, LMDB rule 1 */
}

int
follow_watch_fd(struct follow *follow)
{
	return follow->store == NULL ? -1 : store_watch_fd(follow->store);
}

void
follow_watch_clear(struct follow *follow)
{
	store_watch_clear(follow->store);
}

int
follow_peek(struct follow *follow, struct store_txn **txn)
{
	return follow->store == NULL ? -ENOENT : store_begin(follow->store, STORE_PEEK, txn);
}

uint64_t
follow_generation(const struct follow *follow)
{
	return follow->generation;
}

struct follow *
follow_new(struct schedule *schedule, struct publish *publish, const char *state)
{
	struct follow *follow = xcalloc(1, sizeof *follow);

	follow->schedule = schedule;
	follow->publish = publish;
	follow->state = state;
	return follow;
}

void
follow_free(struct follow *follow)
{
	if (follow == NULL)
		return;
	while (follow->pools != NULL) {
		struct watched_pool *watched = *(struct watched_pool **)follow->pools; /* the root */

		release_targets(follow, watched->targets, watched->ntargets, true);
		tdelete(watched, &follow->pools, compare_ids);
		free(watched);
	}
	store_close(follow->store);
	free(follow);
}
