#include "monitor/probe/follow.h"

#include "zones/base/array.h"
#include "zones/model/status.h"
#include "zones/state/config_feed.h"
#include "zones/state/config_log.h"
#include "zones/state/membership.h"
#include "zones/state/roster.h"

#include <err.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>

/* A monitor that some target uses. */
struct watched_monitor {
	struct id id; /* first: the trees compare by it */
	struct monitor *model;
	uint64_t round; /* the last reading that found it */
	unsigned users; /* pools */
	LIST_HEAD(, target) targets;
};

/* The use of a hostname by a pool. */
struct name_use {
	struct hostname *hostname;
	struct watched_pool *pool;
	LIST_ENTRY(name_use) siblings;
};

struct watched_pool {
	struct id id;                      /* first */
	struct pool *model;                /* NULL: nothing of it is used */
	struct watched_monitor **monitors; /* one for each judge of the model; NULL if it is missing */
	struct name_use *names;            /* of each origin; hostname is NULL if it has none */
	struct target **targets;           /* one for each address that is probed */
	size_t ntargets;
	uint64_t round;
};

struct follow {
	struct schedule *schedule;
	struct resolver *resolver;
	struct recorder *recorder;
	const char *state;
	struct store *store;   /* NULL while there is none */
	uint64_t next_open_ms; /* not before */
	bool logged_error;     /* the failure to open it was logged */
	uint64_t stores;       /* opened so far */
	struct config_feed feed;
	uint64_t round; /* readings so far */
	bool arriving;  /* the targets being added are new addresses of a hostname */
	void *monitors, *pools, *targets, *hostnames; /* tsearch trees */
	bool joined;                                  /* S90: this node is part of a cluster */
};

/* The data of one reading. */
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

	return memcmp(&left->recorded.endpoint, &right->recorded.endpoint, sizeof(struct endpoint));
}

static int
compare_hostnames(const void *a, const void *b)
{
	return strcmp(
	    ((const struct hostname *)a)->recorded.name, ((const struct hostname *)b)->recorded.name);
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
		memory_exhausted(0);
}

/* --- monitors --- */

static struct watched_monitor *
watch_monitor(struct reading *reading, const struct id *id)
{
	struct follow *follow = reading->follow;
	struct watched_monitor *watched = find(&follow->monitors, id, compare_ids);
	struct monitor *model;

	if (watched != NULL)
		watched->users++;
	if (watched != NULL || (model = config_monitor(reading->txn, id->text)) == NULL)
		return watched;
	watched = xcalloc(1, sizeof *watched);
	watched->users = 1;
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
	if (watched == NULL || --watched->users > 0)
		return;
	tdelete(watched, &follow->monitors, compare_ids);
	model_free_monitor(watched->model);
	free(watched);
}

/* The monitor was edited.  A deleted one is freed when the last pool releases it. */
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
use_target(struct follow *follow, const struct pool *pool, struct watched_monitor *watched,
    const struct origin *origin, const struct address *address)
{
	struct target key = {
	    .recorded.endpoint = health_pool_endpoint(pool, watched->id.text, origin, address)};
	struct target *target = find(&follow->targets, &key, compare_targets);

	if (target == NULL) {
		target =
		    schedule_add(follow->schedule, &key.recorded.endpoint, watched->model, origin, address);
		LIST_INSERT_HEAD(&watched->targets, target, siblings);
		insert(&follow->targets, target, compare_targets);
		if (follow->arriving)
			schedule_be_patient(target);
	}
	target->users++;
	return target;
}

static void
release_target(struct follow *follow, struct target *target, bool keep)
{
	if (--target->users > 0)
		return;
	tdelete(target, &follow->targets, compare_targets);
	LIST_REMOVE(target, siblings);
	schedule_remove(target, keep);
}

static void
release_targets(struct follow *follow, struct target **targets, size_t count, bool keep)
{
	for (size_t i = 0; i < count; i++)
		release_target(follow, targets[i], keep);
	free(targets);
}

/* --- hostnames --- */

static void
use_name(struct follow *follow, struct name_use *use, struct watched_pool *pool, char *name)
{
	struct hostname key = {.recorded.name = name};

	use->pool = pool;
	use->hostname = find(&follow->hostnames, &key, compare_hostnames);
	if (use->hostname == NULL) {
		use->hostname = resolver_add(follow->resolver, name);
		insert(&follow->hostnames, use->hostname, compare_hostnames);
	}
	LIST_INSERT_HEAD(&use->hostname->uses, use, siblings);
}

static void
release_names(struct follow *follow, struct name_use *uses, size_t count, bool keep)
{
	for (size_t i = 0; uses != NULL && i < count; i++) {
		struct hostname *hostname = uses[i].hostname;

		if (hostname == NULL)
			continue;
		LIST_REMOVE(&uses[i], siblings);
		if (!LIST_EMPTY(&hostname->uses))
			continue;
		tdelete(hostname, &follow->hostnames, compare_hostnames);
		resolver_remove(hostname, keep);
	}
	free(uses);
}

/* --- pools --- */

static void
probe(struct follow *follow, struct watched_pool *watched, const struct origin *origin,
    const struct address *address)
{
	size_t judges = watched->model->njudges;

	watched->targets =
	    array_grow_by(watched->targets, watched->ntargets, judges, sizeof *watched->targets);
	for (size_t n = 0; n < judges; n++)
		if (watched->monitors[n] != NULL)
			watched->targets[watched->ntargets++] =
			    use_target(follow, watched->model, watched->monitors[n], origin, address);
}

/* The endpoints of a pool, by the current addresses.  S24: disabled origins are not probed. */
static void
probe_pool(struct follow *follow, struct watched_pool *watched)
{
	for (size_t i = 0; watched->model->njudges > 0 && i < watched->model->norigins; i++) {
		const struct origin *origin = &watched->model->origins[i];
		const struct name_record *record;

		if (!origin->enabled)
			continue;
		if (!origin_is_hostname(origin)) {
			probe(follow, watched, origin, &origin->ip);
			continue;
		}
		record = &watched->names[i].hostname->recorded.record;
		for (unsigned n = 0; n < record->count && !record->gone; n++)
			probe(follow, watched, origin, &record->addresses[n]);
	}
}

/* Targets that are used before and after never lose their last user, and so keep their state. */
static void
on_addresses(void *arg, struct hostname *hostname)
{
	struct follow *follow = arg;
	struct name_use *use;

	follow->arriving = hostname->known;
	LIST_FOREACH(use, &hostname->uses, siblings)
	{
		struct target **before = use->pool->targets;
		size_t nbefore = use->pool->ntargets;

		use->pool->targets = NULL;
		use->pool->ntargets = 0;
		probe_pool(follow, use->pool);
		release_targets(follow, before, nbefore, false);
	}
	follow->arriving = false;
}

/* S38: the combined verdict of a pool's monitors about an address. */
static enum health_state
verdict_of(const struct follow *follow, const struct name_use *use, const struct address *address)
{
	const struct watched_pool *pool = use->pool;
	const struct origin *origin = &pool->model->origins[use - pool->names];
	enum health_state verdicts[GROUP_MEMBERS_MAX];
	size_t count = MIN(pool->model->njudges, GROUP_MEMBERS_MAX);

	for (size_t n = 0; n < count; n++) {
		struct target key = {.recorded.endpoint = health_pool_endpoint(
					 pool->model, pool->model->judges[n].monitor.text, origin, address)};
		const struct target *target =
		    find((void **)(uintptr_t)&follow->targets, &key, compare_targets);

		verdicts[n] = target == NULL ? HEALTH_UNKNOWN : target->recorded.record.state;
	}
	return status_of_judges(pool->model->judges, verdicts, count);
}

/* S16: in every pool with a monitor one of them is good, or all have a verdict. */
static bool
on_judged(void *arg, const struct hostname *hostname, const struct address *addresses, unsigned count)
{
	const struct follow *follow = arg;
	const struct name_use *use;

	LIST_FOREACH(use, &hostname->uses, siblings)
	{
		unsigned unknown = 0, good = 0;

		for (unsigned i = 0; use->pool->model->njudges > 0 && i < count; i++) {
			enum health_state state = verdict_of(follow, use, &addresses[i]);

			good += state == HEALTH_UP || state == HEALTH_SUSPECT;
			unknown += state == HEALTH_UNKNOWN;
		}
		if (good == 0 && unknown > 0)
			return false;
	}
	return true;
}

/* Release everything that a pool uses. */
static void
release_pool(struct follow *follow, struct watched_pool *watched, bool keep)
{
	release_targets(follow, watched->targets, watched->ntargets, keep);
	release_names(follow, watched->names, watched->model == NULL ? 0 : watched->model->norigins, keep);
	for (size_t n = 0; watched->model != NULL && n < watched->model->njudges; n++)
		unwatch_monitor(follow, watched->monitors[n]);
	free(watched->monitors);
	model_free_pool(watched->model);
}

/* S24: do not probe disabled pools, and do not look up their hostnames.  Takes ownership of the model. */
static void
look_at_pool(struct reading *reading, struct watched_pool *watched, struct pool *model)
{
	if (model == NULL || !model->enabled) {
		model_free_pool(model);
		return;
	}
	watched->model = model;
	watched->names = xcalloc(model->norigins, sizeof *watched->names);
	watched->monitors = xcalloc(model->njudges, sizeof(struct watched_monitor *));
	for (size_t n = 0; n < model->njudges; n++)
		watched->monitors[n] = watch_monitor(reading, &model->judges[n].monitor);
	for (size_t i = 0; i < model->norigins; i++)
		if (model->origins[i].enabled && origin_is_hostname(&model->origins[i]))
			use_name(reading->follow, &watched->names[i], watched, model->origins[i].address);
	probe_pool(reading->follow, watched);
}

/* S93: on a node of a cluster, only nodes of the pool's check_regions probe it. */
static bool
probes_here(struct reading *reading, const struct pool *pool)
{
	const struct roster_node *node;
	struct membership membership;
	struct roster roster;
	bool here = true;

	if (pool->check_regions == 0 || !membership_get(reading->txn, &membership))
		return true;
	roster = roster_read(reading->txn);
	if ((node = roster_find(&roster, membership.node)) != NULL)
		here = (pool->check_regions >> node->region & 1) != 0;
	roster_free(&roster);
	return here;
}

/* pool is NULL if it was deleted; takes ownership of it. */
static void
follow_pool(struct reading *reading, const struct id *id, struct pool *pool)
{
	struct follow *follow = reading->follow;
	struct watched_pool *watched = find(&follow->pools, id, compare_ids), *after = NULL;

	if (store_torn(follow->store)) { /* do not use anything that was read */
		model_free_pool(pool);
		return;
	}
	if (pool != NULL) {
		deadline_add(&follow->feed.next_end, &pool->expiry);
		if (!probes_here(reading, pool))
			pool->njudges = 0;
		after = xcalloc(1, sizeof *after);
		after->id = *id;
		after->round = follow->round;
		/* Add the new uses first, so that targets in both never lose their last user. */
		look_at_pool(reading, after, pool);
	}
	if (watched != NULL) {
		tdelete(watched, &follow->pools, compare_ids);
		release_pool(follow, watched, false);
		free(watched);
	}
	if (pool != NULL)
		insert(&follow->pools, after, compare_ids);
}

/* --- reading --- */

/* S38: the pools of a monitor group, collected first, because following them changes their tree. */
struct grouped {
	const struct id *group;
	struct id *pools;
	size_t count;
};

static void
find_grouped(const void *node, VISIT visit, void *arg)
{
	const struct watched_pool *watched = *(struct watched_pool *const *)node;
	struct grouped *grouped = arg;

	if ((visit != postorder && visit != leaf) || watched->model == NULL ||
	    compare_ids(&watched->model->monitor_group, grouped->group) != 0)
		return;
	grouped->pools = array_grow(grouped->pools, grouped->count, sizeof *grouped->pools);
	grouped->pools[grouped->count++] = watched->id;
}

static void
follow_group(struct reading *reading, const struct id *id)
{
	struct grouped grouped = {.group = id};

	twalk_r(reading->follow->pools, find_grouped, &grouped);
	for (size_t i = 0; i < grouped.count; i++)
		follow_pool(reading, &grouped.pools[i], config_pool(reading->txn, grouped.pools[i].text));
	free(grouped.pools);
}

static bool
on_pool(void *arg, const struct id *id, struct bytes json)
{
	struct reading *reading = arg;

	follow_pool(reading, id, config_pool_of(reading->txn, json));
	return true;
}

static bool
on_change(void *arg, const struct config_change *change)
{
	struct reading *reading = arg;

	if (change->what != CONFIG_OBJECT)
		return true;
	if (change->kind == KIND_MONITOR)
		reread_monitor(reading, &change->id);
	if (change->kind == KIND_MONITOR_GROUP)
		follow_group(reading, &change->id);
	if (change->kind == KIND_POOL)
		follow_pool(reading, &change->id, config_pool(reading->txn, change->id.text));
	if (change->kind == KIND_NODE && reading->follow->joined)
		config_each_object(reading->txn, KIND_POOL, on_pool, reading);
	return true;
}

static bool
on_monitor(void *arg, const struct id *id, struct bytes json)
{
	(void)json;
	reread_monitor(arg, id);
	return true;
}

/* A pool that this reading did not find was deleted. */
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
read_everything(void *arg)
{
	struct reading *reading = arg;
	struct search search;

	config_each_object(reading->txn, KIND_MONITOR, on_monitor, reading);
	config_each_object(reading->txn, KIND_POOL, on_pool, reading);
	while (!store_torn(reading->follow->store)) {
		search = (struct search){reading->follow->round, NULL};
		twalk_r(reading->follow->pools, find_gone, &search);
		if (search.gone == NULL)
			return;
		struct id id = search.gone->id;

		follow_pool(reading, &id, NULL);
	}
}

static void
read_config(struct follow *follow)
{
	struct reading reading = {.follow = follow};
	const struct config_reader reader = {on_change, read_everything, &reading};
	int error = store_begin(follow->store, STORE_READ, &reading.txn);
	struct membership membership;
	uint64_t before = follow->feed.generation;

	if (error != 0) {
		warnx("cannot read %s/config: %s; the previous configuration stays in use", follow->state,
		    strerror(-error));
		config_feed_forget(&follow->feed);
		return;
	}
	if (config_schema(reading.txn) > CONFIG_SCHEMA) {
		warnx("%s/config was written by a newer graycloud: use that version of graycloud-monitor; "
		      "the previous configuration "
		      "stays in use",
		    follow->state);
		store_abort(reading.txn);
		config_feed_forget(&follow->feed);
		return;
	}
	follow->round++;
	config_feed_read(&follow->feed, reading.txn, follow->stores, &reader);
	if (membership_get(reading.txn, &membership) != follow->joined) {
		follow->joined = !follow->joined;
		config_each_object(reading.txn, KIND_POOL, on_pool, &reading);
	}
	store_abort(reading.txn);
	if (store_torn(follow->store)) { /* store_poll opens it again, as a new store */
		config_feed_forget(&follow->feed);
		return;
	}
	if (follow->feed.generation != before || follow->round == 1)
		config_log(follow->store, before);
	if (follow->round == 1)
		recorder_forget_rest(follow->recorder);
}

/* Look for the store once a second; log a failure to open it once. */
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
	if (!follow->logged_error)
		problems_print(&problems, "graycloud-monitor", stderr);
	follow->logged_error = follow->store == NULL && problems.count > 0;
	problems_free(&problems);
	if (follow->store == NULL)
		return false;
	follow->stores++;
	read_config(follow);
	return true;
}

bool
follow_poll(struct follow *follow)
{
	struct problems problems = {0};
	enum store_news news;

	if (!open_config(follow))
		return false;
	news = store_poll(follow->store, &problems);
	follow->stores += news == STORE_REPLACED;
	/* Probe pools again when their disabled_until has passed. */
	if (news == STORE_CHANGED || news == STORE_REPLACED || deadline_passed(&follow->feed.next_end)) {
		read_config(follow);
		news = store_poll(follow->store, &problems);
	}
	problems_print(&problems, "graycloud-monitor", stderr);
	problems_free(&problems);
	return news == STORE_CHANGED; /* store.h, LMDB rule 1 */
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
follow_peek(struct follow *follow, struct store_txn **txn, uint64_t *store)
{
	*store = follow->stores;
	return follow->store == NULL ? -ENOENT : store_begin(follow->store, STORE_PEEK, txn);
}

struct visiting {
	follow_pool_fn *fn;
	void *arg;
};

static void
visit_pool(const void *node, VISIT visit, void *arg)
{
	const struct watched_pool *watched = *(struct watched_pool *const *)node;
	const struct visiting *visiting = arg;

	if ((visit == postorder || visit == leaf) && watched->model != NULL)
		visiting->fn(visiting->arg, watched->model->name, watched->targets, watched->ntargets);
}

void
follow_each_pool(const struct follow *follow, follow_pool_fn *fn, void *arg)
{
	struct visiting visiting = {fn, arg};

	twalk_r(follow->pools, visit_pool, &visiting);
}

const char *
follow_state(const struct follow *follow)
{
	return follow->state;
}

uint64_t
follow_generation(const struct follow *follow)
{
	return follow->feed.generation;
}

struct follow *
follow_new(struct schedule *schedule, struct resolver *resolver, struct recorder *recorder, const char *state)
{
	struct follow *follow = xcalloc(1, sizeof *follow);

	follow->schedule = schedule;
	follow->resolver = resolver;
	resolver_on_change(resolver, on_addresses, on_judged, follow);
	follow->recorder = recorder;
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

		tdelete(watched, &follow->pools, compare_ids);
		release_pool(follow, watched, true);
		free(watched);
	}
	store_close(follow->store);
	free(follow);
}
