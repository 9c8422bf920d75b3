#include "picture.h"

#include "config.h"
#include "document.h"
#include "pool_table.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the stores --- */

/* Open what is there by now.  False where it is there and cannot be opened. */
static bool
open_store(struct viewer *viewer, enum store_kind kind)
{
	struct problems problems = {0};
	bool failed;

	if (viewer->stores[kind] != NULL) {
		store_poll(viewer->stores[kind], &problems);
		problems_free(&problems);
		return true;
	}
	viewer->stores[kind] = store_open(viewer->state, kind, STORE_READ, &problems);
	failed = viewer->stores[kind] == NULL && problems.errors > 0;
	if (!viewer->told[kind])
		problems_print(&problems, "graycloud", stderr);
	viewer->told[kind] = failed;
	problems_free(&problems);
	return !failed;
}

/* NULL where there is nothing to read. */
static struct store_txn *
begin(struct viewer *viewer, enum store_kind kind)
{
	struct store_txn *txn = NULL;

	if (viewer->stores[kind] == NULL || store_begin(viewer->stores[kind], STORE_READ, &txn) != 0)
		return NULL;
	return txn;
}

bool
viewer_news(struct viewer *viewer)
{
	struct problems problems = {0};
	bool news = false;

	for (size_t kind = 0; kind < NITEMS(viewer->stores); kind++)
		if (viewer->stores[kind] != NULL) {
			enum store_news said = store_poll(viewer->stores[kind], &problems);

			news |= said == STORE_CHANGED || said == STORE_REPLACED;
		}
	problems_free(&problems);
	return news;
}

void
viewer_close(struct viewer *viewer)
{
	for (size_t kind = 0; kind < NITEMS(viewer->stores); kind++)
		store_close(viewer->stores[kind]);
}

/* --- the configuration --- */

struct reading {
	struct picture *picture;
	struct store_txn *config;
};

static bool
add_pool(void *arg, const struct id *id, struct bytes json)
{
	struct reading *reading = arg;
	struct picture *picture = reading->picture;
	struct pool *model = document_load_pool(json);
	struct monitor *monitor;
	struct pictured_pool *pool;

	(void)id;
	if (model == NULL)
		return true;
	picture->pools = xrealloc(picture->pools, (picture->npools + 1) * sizeof *picture->pools);
	pool = &picture->pools[picture->npools++];
	*pool = (struct pictured_pool){.model = model};
	pool->origins = xcalloc(model->norigins, sizeof *pool->origins);
	monitor = model->monitor.text[0] == '\0' ? NULL : config_monitor(reading->config, model->monitor.text);
	pool->monitor = monitor == NULL ? NULL : xstrdup(monitor->name);
	model_free_monitor(monitor);
	return true;
}

static int
compare_places(const void *a, const void *b, void *arg)
{
	const struct picture *picture = arg;
	const struct pool *left = picture->pools[*(const size_t *)a].model, *right = picture->pools[*(const size_t *)b].model;

	return strcmp(left->id.text, right->id.text);
}

static void
index_pools(struct picture *picture)
{
	picture->by_id = xcalloc(picture->npools, sizeof *picture->by_id);
	for (size_t i = 0; i < picture->npools; i++)
		picture->by_id[i] = i;
	qsort_r(picture->by_id, picture->npools, sizeof *picture->by_id, compare_places, picture);
}

const struct pictured_pool *
picture_pool(const struct picture *picture, const struct id *id)
{
	size_t low = 0, high = picture->npools;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct pictured_pool *pool = &picture->pools[picture->by_id[middle]];
		int order = strcmp(id->text, pool->model->id.text);

		if (order == 0)
			return pool;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static size_t
place_of(const struct picture *picture, const struct id *id)
{
	const struct pictured_pool *pool = picture_pool(picture, id);

	return pool == NULL ? SIZE_MAX : (size_t)(pool - picture->pools);
}

static bool
add_lb(void *arg, const struct id *id, struct bytes json)
{
	struct reading *reading = arg;
	struct picture *picture = reading->picture;
	struct lb *model = document_load_lb(json);
	struct pictured_lb *lb;

	(void)id;
	if (model == NULL)
		return true;
	picture->lbs = xrealloc(picture->lbs, (picture->nlbs + 1) * sizeof *picture->lbs);
	lb = &picture->lbs[picture->nlbs++];
	*lb = (struct pictured_lb){.model = model, .fallback = place_of(picture, &model->fallback_pool)};
	lb->pools = xcalloc(model->npools, sizeof *lb->pools);
	for (size_t i = 0; i < model->npools; i++)
		lb->pools[i] = place_of(picture, &model->default_pools[i]);
	return true;
}

/* --- health --- */

static void
look_at_origin(struct picture *picture, struct pictured_pool *pool, size_t i, struct store_txn *health)
{
	const struct origin *model = &pool->model->origins[i];
	struct pictured_origin *origin = &pool->origins[i];
	bool probed = pool->monitor != NULL && pool->model->enabled && model->enabled;

	if (probed)
		origin->endpoint = health_endpoint(pool->model->monitor.text, model);
	origin->known = probed && health != NULL && health_get(health, &origin->endpoint, &origin->record);
	origin->state = status_origin(pool->model, model, origin->known ? &origin->record : NULL);
	origin->healthy = origin_is_healthy(model, origin->state);
	origin->stale = origin->known &&
	                (!picture->beating || health_stale(&origin->record, &picture->beat, picture->now_ms));
}

static void
judge_pool(struct picture *picture, struct pictured_pool *pool, struct store_txn *health)
{
	size_t count = pool->model->norigins;
	enum health_state *states = xcalloc(count, sizeof *states);
	struct pool_judgement judgement;

	for (size_t i = 0; i < count; i++) {
		look_at_origin(picture, pool, i, health);
		states[i] = pool->origins[i].state;
	}
	judgement = pool_judge(pool->model, states);
	pool->usable = judgement.usable;
	pool->enabled = judgement.enabled;
	pool->healthy = judgement.healthy;
	pool->status = status_pool(pool->model, states);
	free(states);
}

static void
judge_lb(const struct picture *picture, struct pictured_lb *lb)
{
	enum pool_status *statuses = xcalloc(lb->model->npools, sizeof *statuses);
	bool *usable = xcalloc(lb->model->npools, sizeof *usable);

	for (size_t i = 0; i < lb->model->npools; i++) {
		bool there = lb->pools[i] != SIZE_MAX;

		statuses[i] = there ? picture->pools[lb->pools[i]].status : POOL_CRITICAL;
		usable[i] = there && picture->pools[lb->pools[i]].usable;
	}
	lb->status = status_lb(lb->model, statuses, usable);
	free(statuses);
	free(usable);
}

static void
look_at_health(struct picture *picture, struct store_txn *health)
{
	picture->beating = health != NULL && health_beat_get(health, &picture->beat);
	picture->monitor_dead = !picture->beating || health_monitor_dead(&picture->beat, picture->now_ms);
	picture->last_flip = health == NULL ? 0 : health_flip_last(health);
	for (size_t i = 0; i < picture->npools; i++)
		judge_pool(picture, &picture->pools[i], health);
	for (size_t i = 0; i < picture->nlbs; i++)
		judge_lb(picture, &picture->lbs[i]);
}

struct picture *
picture_read(struct viewer *viewer)
{
	struct picture *picture;
	struct reading reading;
	struct store_txn *txn;

	if (!open_store(viewer, STORE_CONFIG))
		return NULL;
	open_store(viewer, STORE_HEALTH);
	open_store(viewer, STORE_SERVING);
	picture = xcalloc(1, sizeof *picture);
	picture->now_ms = boot_ms();
	picture->now_wall = wall_ms();
	reading = (struct reading){picture, begin(viewer, STORE_CONFIG)};
	if (reading.config != NULL) {
		picture->generation = config_generation(reading.config);
		config_each_object_by_name(reading.config, KIND_POOL, add_pool, &reading);
		index_pools(picture);
		config_each_object_by_name(reading.config, KIND_LB, add_lb, &reading);
		store_abort(reading.config);
	}
	txn = begin(viewer, STORE_HEALTH);
	look_at_health(picture, txn);
	store_abort(txn);
	txn = begin(viewer, STORE_SERVING);
	picture->serving = txn != NULL && serving_get(txn, &picture->answering);
	picture->serving_dead = !picture->serving || serving_dead(&picture->answering, picture->now_ms);
	store_abort(txn);
	return picture;
}

void
picture_free(struct picture *picture)
{
	if (picture == NULL)
		return;
	for (size_t i = 0; i < picture->npools; i++) {
		model_free_pool(picture->pools[i].model);
		free(picture->pools[i].monitor);
		free(picture->pools[i].origins);
	}
	for (size_t i = 0; i < picture->nlbs; i++) {
		model_free_lb(picture->lbs[i].model);
		free(picture->lbs[i].pools);
	}
	free(picture->pools);
	free(picture->by_id);
	free(picture->lbs);
	free(picture);
}

bool
picture_all_well(const struct picture *picture)
{
	for (size_t i = 0; i < picture->nlbs; i++)
		if (picture->lbs[i].status == LB_DEGRADED || picture->lbs[i].status == LB_CRITICAL)
			return false;
	return !picture->monitor_dead && !picture->serving_dead;
}
