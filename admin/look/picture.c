#include "admin/look/picture.h"
#include "admin/cli/report.h"
#include "admin/look/nodes.h"

#include "zones/document/document_load.h"
#include "zones/model/usable.h"
#include "zones/state/config.h"
#include "zones/state/membership.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the stores --- */

/* Open the stores that exist.  Returns false if one exists but cannot be opened.  news: there is new data.
 */
static bool
open_store(struct viewer *viewer, enum store_kind kind, bool *news)
{
	struct problems problems = {0};
	bool failed;

	if (viewer->borrowed) {
		*news = viewer->plan == NULL;
		return true;
	}
	if (viewer->stores[kind] != NULL) {
		enum store_news said = store_poll(viewer->stores[kind], &problems);

		*news = said == STORE_CHANGED || said == STORE_REPLACED;
		problems_free(&problems);
		return true;
	}
	viewer->stores[kind] = store_open(viewer->state, kind, STORE_READ, &problems);
	failed = viewer->stores[kind] == NULL && problems.errors > 0;
	if (!viewer->logged_error[kind])
		report_problems(&problems);
	viewer->logged_error[kind] = failed;
	*news = viewer->stores[kind] != NULL;
	problems_free(&problems);
	return !failed;
}

/* NULL if there is nothing to read. */
static struct store_txn *
begin(struct viewer *viewer, enum store_kind kind)
{
	struct store_txn *txn = NULL;

	if (viewer->stores[kind] == NULL ||
	    store_begin(viewer->stores[kind], viewer->borrowed ? STORE_PEEK : STORE_READ, &txn) != 0)
		return NULL;
	return txn;
}

enum store_kind
viewer_verdicts(const struct viewer *viewer)
{
	enum store_kind kind = STORE_HEALTH;
	struct store_txn *txn;

	if (viewer->stores[STORE_CONFIG] != NULL &&
	    store_begin(viewer->stores[STORE_CONFIG], STORE_PEEK, &txn) == 0) {
		kind = membership_verdicts(txn);
		store_abort(txn);
	}
	return kind;
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

bool
viewer_news_of(struct viewer *viewer, enum store_kind kind)
{
	bool news = false;

	/* A store that cannot be opened is tried again with the next picture. */
	if (viewer->stores[kind] != NULL || !viewer->logged_error[kind])
		open_store(viewer, kind, &news);
	return news;
}

void
viewer_close(struct viewer *viewer)
{
	for (size_t kind = 0; kind < NITEMS(viewer->stores); kind++)
		store_close(viewer->stores[kind]);
	plan_release(viewer->plan);
}

/* The present plan: the viewer's, unless something has been written since. */
static struct plan *
present_plan(struct viewer *viewer, bool news)
{
	struct store_txn *txn;

	if (viewer->plan == NULL || news || plan_ended(viewer->plan)) {
		plan_release(viewer->plan);
		txn = begin(viewer, STORE_CONFIG);
		viewer->plan = plan_read(txn, &viewer->scope);
		store_abort(txn);
	}
	return plan_share(viewer->plan);
}

static void
draw_plan(struct picture *picture)
{
	const struct plan *plan = picture->plan;

	picture->generation = plan->generation;
	picture->has_zones = plan->has_zones;
	picture->npools = plan->npools;
	picture->nlbs = plan->nlbs;
	picture->interventions = &plan->interventions;
	picture->pools = xcalloc(plan->npools, sizeof *picture->pools);
	picture->lbs = xcalloc(plan->nlbs, sizeof *picture->lbs);
	for (size_t i = 0; i < plan->npools; i++)
		picture->pools[i] = (struct pictured_pool){
		    .model = plan->pools[i].model,
		    .monitor = plan->pools[i].monitor,
		    .judges = plan->pools[i].judges,
		    .origins = xcalloc(plan->pools[i].model->norigins, sizeof(struct pictured_origin)),
		};
	for (size_t i = 0; i < plan->nlbs; i++)
		picture->lbs[i] = (struct pictured_lb){
		    .model = plan->lbs[i].model,
		    .lists = plan->lbs[i].lists,
		    .nlists = plan->lbs[i].nlists,
		    .last_resort = xcalloc(plan->lbs[i].nlists, sizeof(bool)),
		};
}

const struct pictured_pool *
picture_pool(const struct picture *picture, const struct id *id)
{
	size_t place = plan_place(picture->plan, id);

	return place == SIZE_MAX ? NULL : &picture->pools[place];
}

/* --- health --- */

/* The store of the verdicts (S90), and what this node's own monitor saw. */
struct verdicts {
	struct store_txn *txn, *own; /* NULL: there is none; equal on a node that stands alone */
};

/* Begin to read, with the nodes of the picture. */
static struct verdicts
verdicts_begin(struct viewer *viewer, struct picture *picture)
{
	struct store_txn *config = NULL, *own = begin(viewer, STORE_HEALTH);
	struct verdicts verdicts = {own, own};

	nodes_view_free(picture->nodes);
	picture->nodes = NULL;
	/* The plan has read the news of the configuration. */
	if (viewer->stores[STORE_CONFIG] != NULL)
		store_begin(viewer->stores[STORE_CONFIG], STORE_PEEK, &config);
	if (membership_verdicts(config) == STORE_CLUSTER) {
		verdicts.txn = begin(viewer, STORE_CLUSTER);
		picture->nodes = nodes_view_read(config, verdicts.txn);
	}
	store_abort(config);
	return verdicts;
}

static void
verdicts_end(struct verdicts *verdicts)
{
	if (verdicts->txn != verdicts->own)
		store_abort(verdicts->txn);
	store_abort(verdicts->own);
}

/* S93: the joint state, with what the own monitor saw. */
static bool
read_joint(struct pictured_check *check, const struct verdicts *verdicts)
{
	struct health_record joint;
	struct cluster_ballot *ballot;

	if (!health_get(verdicts->txn, &check->endpoint, &joint))
		return false;
	if (verdicts->own == NULL || !health_get(verdicts->own, &check->endpoint, &check->record))
		check->record = joint;
	check->record.state = joint.state;
	check->record.verdict = joint.verdict;
	check->record.since_ms = joint.since_ms;
	check->record.since_wall = joint.since_wall;
	check->record.last_reason = joint.last_reason;
	ballot = xcalloc(1, sizeof *ballot);
	if (cluster_ballot_get(verdicts->txn, &check->endpoint, ballot))
		check->votes = xmemdup(
		    ballot, offsetof(struct cluster_ballot, votes) + ballot->count * sizeof *ballot->votes);
	free(ballot);
	return true;
}

static void
read_check(const struct picture *picture, struct pictured_check *check, const struct verdicts *verdicts)
{
	if (verdicts->txn == NULL)
		return;
	if (picture->nodes != NULL) {
		check->known = read_joint(check, verdicts);
		check->stale = check->known && picture->nodes->sync_dead;
		return;
	}
	check->known = health_get(verdicts->txn, &check->endpoint, &check->record);
	check->stale = check->known &&
	    (!picture->beating || health_stale(&check->record, &picture->beat, picture->now_ms));
}

static void
look_at_address(struct picture *picture, const struct pictured_pool *pool, const struct origin *model,
    struct pictured_address *address, const struct verdicts *verdicts)
{
	bool gone = model->resolved != NULL && model->resolved->gone;
	enum health_state states[GROUP_MEMBERS_MAX] = {HEALTH_UNKNOWN};

	if (pool->model->enabled && model->enabled && !gone)
		address->nchecks = MIN(pool->model->njudges, GROUP_MEMBERS_MAX);
	address->checks = xcalloc(address->nchecks, sizeof *address->checks);
	for (size_t n = 0; n < address->nchecks; n++) {
		struct pictured_check *check = &address->checks[n];
		const struct judge *judge = &pool->model->judges[n];

		check->endpoint =
		    health_pool_endpoint(pool->model, judge->monitor.text, model, &address->address);
		read_check(picture, check, verdicts);
		address->stale |= check->stale && judge->votes;
		states[n] = check->known ? check->record.state : HEALTH_UNKNOWN;
	}
	address->state = gone ? HEALTH_UNRESOLVED
			      : status_address(pool->model, model, &address->address,
				    status_of_judges(pool->model->judges, states, address->nchecks));
}

/* The addresses of a hostname, in the model too, for judging and for the output. */
static void
look_at_name(struct pictured_origin *origin, struct origin *model, struct store_txn *health)
{
	free(model->resolved);
	model->resolved = NULL;
	origin->looked_up = health != NULL && name_get(health, model->address, &origin->name);
	if (!origin->looked_up)
		return;
	if ((model->resolved = name_resolved(&origin->name)) == NULL)
		memory_exhausted(0);
	origin->naddresses = model->resolved->count;
}

static void
look_at_origin(struct picture *picture, struct pictured_pool *pool, size_t i, const struct verdicts *verdicts)
{
	struct origin *model = &pool->model->origins[i];
	struct pictured_origin *origin = &pool->origins[i];

	origin->naddresses = 1;
	if (origin_is_hostname(model)) {
		origin->naddresses = 0;
		look_at_name(origin, model, verdicts->txn);
	}
	origin->addresses = xcalloc(origin->naddresses, sizeof *origin->addresses);
	for (size_t n = 0; n < origin->naddresses; n++) {
		struct pictured_address *address = &origin->addresses[n];

		address->address = model->resolved != NULL ? model->resolved->list[n].address : model->ip;
		look_at_address(picture, pool, model, address, verdicts);
		origin->stale |= address->stale;
		if (model->resolved != NULL)
			model->resolved->list[n].state = address->state;
	}
	origin->state = origin_is_hostname(model) ? status_origin(pool->model, model, HEALTH_UNKNOWN)
						  : origin->addresses[0].state;
	origin->healthy = origin_is_healthy(model, origin->state);
}

static void
assess_pool(struct picture *picture, struct pictured_pool *pool, const struct verdicts *verdicts)
{
	size_t count = pool->model->norigins;
	enum health_state *states = xcalloc(count, sizeof *states);
	struct pool_assessment judgement;

	for (size_t i = 0; i < count; i++) {
		look_at_origin(picture, pool, i, verdicts);
		states[i] = pool->origins[i].state;
	}
	judgement = pool_assess(pool->model, states);
	pool->usable = judgement.usable;
	pool->enabled = judgement.enabled;
	pool->healthy = judgement.healthy;
	pool->status = status_pool(pool->model, states);
	free(states);
}

static struct status_of_pool
status_of_pool(const void *arg, const struct id *id)
{
	const struct pictured_pool *pool = picture_pool(arg, id);

	return pool == NULL ? (struct status_of_pool){POOL_CRITICAL, false}
			    : (struct status_of_pool){pool->status, pool->usable};
}

static void
assess_lb(const struct picture *picture, struct pictured_lb *lb)
{
	lb->status = status_lb(lb->model, lb->lists, lb->nlists, status_of_pool, picture, lb->last_resort);
}

static void
look_at_health(struct picture *picture, const struct verdicts *verdicts)
{
	picture->beating = verdicts->own != NULL && health_beat_get(verdicts->own, &picture->beat);
	picture->monitor_dead = !picture->beating || health_monitor_dead(&picture->beat, picture->now_ms);
	picture->last_flip = verdicts->txn == NULL ? 0 : health_flip_last(verdicts->txn);
	for (size_t i = 0; i < picture->npools; i++)
		assess_pool(picture, &picture->pools[i], verdicts);
	for (size_t i = 0; i < picture->nlbs; i++)
		assess_lb(picture, &picture->lbs[i]);
}

static void
free_addresses(struct pictured_origin *origin)
{
	for (size_t i = 0; i < origin->naddresses; i++) {
		for (size_t n = 0; n < origin->addresses[i].nchecks; n++)
			free(origin->addresses[i].checks[n].votes);
		free(origin->addresses[i].checks);
	}
	free(origin->addresses);
}

static void
look_at_nameserver(struct viewer *viewer, struct picture *picture)
{
	struct store_txn *txn = begin(viewer, STORE_SERVING);

	picture->serving = txn != NULL && serving_get(txn, &picture->answering);
	picture->serving_dead = !picture->serving || serving_dead(&picture->answering, picture->now_ms);
	store_abort(txn);
}

/* The store of its beat is opened only where a zone is to be signed: most nameservers have none. */
static void
look_at_signer(struct viewer *viewer, struct picture *picture)
{
	struct store_txn *config = NULL, *sets = NULL;

	if (viewer->stores[STORE_CONFIG] != NULL)
		store_begin(viewer->stores[STORE_CONFIG], STORE_PEEK, &config);
	signer_view_read(&picture->signer, config, NULL);
	if (picture->signer.wanted) {
		viewer_news_of(viewer, STORE_SETS);
		sets = begin(viewer, STORE_SETS);
		signer_view_read(&picture->signer, config, sets);
	}
	store_abort(sets);
	store_abort(config);
}

struct picture *
picture_read(struct viewer *viewer)
{
	struct picture *picture;
	struct verdicts verdicts;
	bool news, ignored;

	if (!open_store(viewer, STORE_CONFIG, &news))
		return NULL;
	open_store(viewer, STORE_HEALTH, &ignored);
	if (viewer_verdicts(viewer) == STORE_CLUSTER)
		open_store(viewer, STORE_CLUSTER, &ignored);
	open_store(viewer, STORE_SERVING, &ignored);
	picture = xcalloc(1, sizeof *picture);
	picture->state = viewer->state;
	picture->now_ms = boot_ms();
	picture->now_wall = wall_ms();
	picture->plan = present_plan(viewer, news);
	draw_plan(picture);
	verdicts = verdicts_begin(viewer, picture);
	look_at_health(picture, &verdicts);
	verdicts_end(&verdicts);
	look_at_nameserver(viewer, picture);
	look_at_signer(viewer, picture);
	return picture;
}

/* The monitor and some pools again; false if that is not all that changed. */
static bool
look_again(struct picture *picture, size_t first, size_t end, const struct verdicts *verdicts)
{
	bool same = true;

	picture->beating = verdicts->own != NULL && health_beat_get(verdicts->own, &picture->beat);
	picture->monitor_dead = !picture->beating || health_monitor_dead(&picture->beat, picture->now_ms);
	if (picture->last_flip != (verdicts->txn == NULL ? 0 : health_flip_last(verdicts->txn)))
		return false;
	for (size_t i = first; i < end && same; i++) {
		enum pool_status status = picture->pools[i].status;

		for (size_t n = 0; n < picture->pools[i].model->norigins; n++) {
			struct pictured_origin *origin = &picture->pools[i].origins[n];

			free_addresses(origin);
			*origin = (struct pictured_origin){.hidden = origin->hidden};
		}
		assess_pool(picture, &picture->pools[i], verdicts);
		same = picture->pools[i].status == status;
		picture->pools[i].status = status;
	}
	return same;
}

/* Does the state of a daemon differ? */
static bool
daemons_differ(const struct picture *a, const struct picture *b)
{
	return a->monitor_dead != b->monitor_dead ||
	    (a->beat.isolated_ms != 0) != (b->beat.isolated_ms != 0) || a->serving_dead != b->serving_dead ||
	    a->answering.ready != b->answering.ready ||
	    signer_view_well(&a->signer) != signer_view_well(&b->signer);
}

bool
picture_refresh(struct viewer *viewer, struct picture *picture, size_t first, size_t end)
{
	struct picture before = *picture;
	struct verdicts verdicts;
	bool same;

	if (viewer_news_of(viewer, STORE_CONFIG) || plan_ended(picture->plan))
		return false;
	viewer_news_of(viewer, STORE_HEALTH);
	if (picture->nodes != NULL)
		viewer_news_of(viewer, STORE_CLUSTER);
	viewer_news_of(viewer, STORE_SERVING);
	picture->now_ms = boot_ms();
	picture->now_wall = wall_ms();
	look_at_nameserver(viewer, picture);
	look_at_signer(viewer, picture);
	verdicts = verdicts_begin(viewer, picture);
	same = look_again(picture, first, end, &verdicts);
	verdicts_end(&verdicts);
	if (!daemons_differ(&before, picture))
		return same;
	before.nodes = picture->nodes;
	*picture = before; /* so that print_transitions sees the difference */
	return false;
}

void
picture_free(struct picture *picture)
{
	if (picture == NULL)
		return;
	for (size_t i = 0; i < picture->npools; i++) {
		for (size_t n = 0; n < picture->pools[i].model->norigins; n++)
			free_addresses(&picture->pools[i].origins[n]);
		free(picture->pools[i].origins);
	}
	for (size_t i = 0; i < picture->nlbs; i++)
		free(picture->lbs[i].last_resort);
	free(picture->pools);
	free(picture->lbs);
	nodes_view_free(picture->nodes);
	plan_release(picture->plan);
	free(picture);
}

bool
picture_all_well(const struct picture *picture)
{
	for (size_t i = 0; i < picture->nlbs; i++)
		if (!picture->lbs[i].hidden &&
		    (picture->lbs[i].status == LB_DEGRADED || picture->lbs[i].status == LB_CRITICAL))
			return false;
	return !picture->monitor_dead && picture->beat.isolated_ms == 0 && !picture->serving_dead &&
	    signer_view_well(&picture->signer) && (picture->nodes == NULL || nodes_all_well(picture->nodes));
}

const char *
picture_pool_name(const struct picture *picture, const struct id *id)
{
	const struct pictured_pool *pool = picture_pool(picture, id);

	return pool == NULL ? "?" : pool->model->name;
}

const char *
picture_history(const struct health_record *record, unsigned most, char out[65])
{
	unsigned count = MIN(record->history_count, most);

	for (unsigned i = 0; i < count; i++)
		out[i] = record->history >> (count - 1 - i) & 1 ? '|' : '.';
	out[count] = '\0';
	return out;
}
