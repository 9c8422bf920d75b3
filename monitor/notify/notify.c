#include "monitor/notify/notify.h"

#include "monitor/notify/notify_lb.h"
#include "monitor/notify/turn.h"
#include "zones/base/array.h"
#include "zones/model/status.h"
#include "zones/model/usable.h"
#include "zones/state/config_feed.h"
#include "zones/state/hostname.h"
#include "zones/state/membership.h"

#include <event2/event.h>
#include <search.h>
#include <stdlib.h>

/* The last state of an origin that was reported.  Nothing: no verdict is known yet. */
enum reported { REPORTED_NOTHING, REPORTED_HEALTHY, REPORTED_UNHEALTHY };

struct reported_pool {
	struct id id; /* first: the tree compares by it */
	struct pool *model;
	enum reported *reported; /* one for each origin */
	enum pool_status status; /* POOL_HEALTH_UNKNOWN: nothing was reported */
	bool settled;        /* since it was read, every origin has had a result, or enough time for one */
	uint64_t settles_ms; /* at the latest, by awake_ms, because nothing is checked during a sleep */
	uint64_t round;      /* the reading that found it */
	struct pool_now now; /* for load balancers */
};

struct verdict {
	struct endpoint endpoint; /* first: sorted by it */
	struct health_record record;
};

struct notify {
	struct follow *follow;
	struct recorder *recorder;
	enum store_kind kind;  /* S90: of the store of the verdicts */
	struct store *cluster; /* NULL: not opened */
	struct event *timer;
	struct event *soon; /* there are more load balancers to look at */
	struct courier *couriers[COURIERS_MAX];
	size_t ncouriers;
	void *pools; /* tsearch tree */
	struct notify_lbs *lbs;
	struct config_feed feed;
	uint64_t round, last_flip, looks;
	bool unsettled;           /* some pool is */
	struct verdict *last_run; /* freed after the first reading of the configuration */
	size_t nlast_run;
	struct turn *turn;       /* another node may report */
	struct notice **pending; /* to send now */
	size_t npending;
};

/* One look. */
struct look {
	struct notify *notify;
	struct store_txn *config, *health;
	uint64_t store; /* the number of the configuration store */
};

/* --- the last run --- */

static int
compare_verdicts(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct endpoint));
}

static bool
remember(void *arg, const struct endpoint *endpoint, const struct health_record *record)
{
	struct notify *notify = arg;

	notify->last_run = array_grow(notify->last_run, notify->nlast_run, sizeof *notify->last_run);
	notify->last_run[notify->nlast_run++] = (struct verdict){*endpoint, *record};
	return true;
}

static void
read_last_run(struct notify *notify, struct store_txn *txn)
{
	notify->nlast_run = 0;
	free(notify->last_run);
	notify->last_run = NULL;
	health_each(txn, remember, notify);
	notify->last_flip = health_flip_last(txn);
	if (notify->nlast_run > 1)
		qsort(notify->last_run, notify->nlast_run, sizeof *notify->last_run, compare_verdicts);
}

/* --- the store of the verdicts (S90) --- */

/* Begin to read it; false if it cannot be read now. */
static bool
begin_verdicts(struct look *look)
{
	struct notify *notify = look->notify;
	enum store_kind before = notify->kind;
	struct problems problems = {0};

	notify->kind = membership_verdicts(look->config);
	if (notify->kind == STORE_HEALTH)
		return recorder_peek(notify->recorder, &look->health) == 0;
	if (notify->cluster == NULL)
		notify->cluster =
		    store_open(follow_state(notify->follow), STORE_CLUSTER, STORE_READ, &problems);
	else
		store_poll(notify->cluster, &problems); /* it may have been replaced */
	problems_free(&problems);
	if (notify->cluster == NULL || store_begin(notify->cluster, STORE_READ, &look->health) != 0)
		return false;
	/* At the start, the joint states are those of before. */
	if (before != notify->kind && notify->round == 0)
		read_last_run(notify, look->health);
	notify->unsettled |= before != notify->kind;
	return true;
}

/* --- the state of a pool --- */

/* The record of an endpoint, as it is now or as it was in the last run. */
static bool
find_record(
    const struct look *look, bool last_run, const struct endpoint *endpoint, struct health_record *record)
{
	const struct verdict *found;

	if (!last_run)
		return health_get(look->health, endpoint, record);
	if (look->notify->nlast_run == 0)
		return false;
	found = bsearch(
	    endpoint, look->notify->last_run, look->notify->nlast_run, sizeof *found, compare_verdicts);
	if (found != NULL)
		*record = found->record;
	return found != NULL;
}

/* The states of the origins and the pool's status; whole is false if a probed address has no
 * verdict, or a stale one. */
struct pool_state {
	const struct look *look;
	const struct pool *pool;
	bool last_run;
	enum health_state *states;
	struct health_record *records; /* for each origin: the record that best explains its state */
	enum pool_status status;
	bool usable;
	bool whole;
};

/* S38: the combined verdict of the monitors about one address. */
static enum health_state
verdict_of(struct pool_state *state, const struct origin *origin, const struct address *address,
    struct health_record *telling)
{
	enum health_state verdicts[GROUP_MEMBERS_MAX];
	size_t count = MIN(state->pool->njudges, GROUP_MEMBERS_MAX);
	uint64_t now = boot_ms();

	for (size_t i = 0; i < count; i++) {
		struct endpoint endpoint =
		    health_pool_endpoint(state->pool, state->pool->judges[i].monitor.text, origin, address);
		struct health_record record = {.state = HEALTH_UNKNOWN};
		bool known = find_record(state->look, state->last_run, &endpoint, &record) &&
		    record.state != HEALTH_UNKNOWN;

		verdicts[i] = known ? (enum health_state)record.state : HEALTH_UNKNOWN;
		if (state->pool->judges[i].votes)
			state->whole &= known &&
			    (state->last_run ||
				(record.last_ms != 0 && now <= record.last_ms + record.stale_after_ms));
		/* Prefer one that is down, then the newest change. */
		if (known && (telling->state != HEALTH_DOWN || record.state == HEALTH_DOWN) &&
		    (record.state != telling->state || record.since_ms > telling->since_ms))
			*telling = record;
	}
	return status_of_judges(state->pool->judges, verdicts, count);
}

static enum health_state
state_of(struct pool_state *state, struct origin *origin, struct health_record *telling)
{
	struct name_record name;

	if (!origin_is_hostname(origin))
		return status_origin(state->pool, origin, verdict_of(state, origin, &origin->ip, telling));
	free(origin->resolved);
	origin->resolved =
	    name_get(state->look->health, origin->address, &name) ? name_resolved(&name) : NULL;
	state->whole &= origin->resolved != NULL;
	for (unsigned i = 0; origin->resolved != NULL && i < origin->resolved->count; i++) {
		struct resolved_address *address = &origin->resolved->list[i];

		address->state = status_address(state->pool, origin, &address->address,
		    verdict_of(state, origin, &address->address, telling));
	}
	return status_origin(state->pool, origin, HEALTH_UNKNOWN);
}

static struct pool_state
view_pool(const struct look *look, struct pool *pool, bool last_run)
{
	struct pool_state state = {.look = look,
	    .pool = pool,
	    .last_run = last_run,
	    .whole = true,
	    .states = xcalloc(pool->norigins, sizeof *state.states),
	    .records = xcalloc(pool->norigins, sizeof *state.records)};

	for (size_t i = 0; i < pool->norigins; i++) {
		bool probed = pool->enabled && pool->origins[i].enabled && pool->njudges > 0,
		     whole = state.whole;

		state.states[i] = state_of(&state, &pool->origins[i], &state.records[i]);
		if (!probed)
			state.whole = whole;
	}
	state.status = status_pool(pool, state.states);
	state.usable = pool_assess(pool, state.states).usable;
	return state;
}

static void
view_free(struct pool_state *state)
{
	free(state->states);
	free(state->records);
}

/* --- notices --- */

static void
add_pending(struct notify *notify, struct notice *notice)
{
	notify->pending = array_grow(notify->pending, notify->npending, sizeof *notify->pending);
	notify->pending[notify->npending++] = notice;
}

static void
add_notice(struct notify *notify, struct notice *notice)
{
	turn_keep(notify->turn, notice, boot_ms());
}

/* Send what is this node's to report. */
static void
send_pending(struct notify *notify)
{
	struct notice *notice;

	while ((notice = turn_next(notify->turn)) != NULL)
		add_pending(notify, notice);
	if (notify->npending == 0)
		return;
	for (size_t i = 0; i < notify->ncouriers; i++)
		courier_send(notify->couriers[i], notify->pending, notify->npending);
	for (size_t i = 0; i < notify->npending; i++)
		notice_drop(notify->pending[i]);
	notify->npending = 0;
}

static bool
filtered(const struct notification_filter *filter, bool healthy)
{
	return healthy ? filter->no_healthy : filter->no_unhealthy;
}

static enum reported
reported_of(enum health_state state)
{
	switch (state) {
	case HEALTH_UP:
	case HEALTH_SUSPECT:
		return REPORTED_HEALTHY;
	case HEALTH_DOWN:
	case HEALTH_UNRESOLVED:
		return REPORTED_UNHEALTHY;
	default:
		return REPORTED_NOTHING;
	}
}

/* S40: up and suspect count as one; a first verdict is news if it is bad; the end of judging is not news.
 */
static void
report_origin(struct notify *notify, struct reported_pool *pool, size_t i, const struct pool_state *state)
{
	static const char *const words[] = {"unknown", "up", "down"};
	const struct health_record *record = &state->records[i];
	enum reported before = pool->reported[i], now = reported_of(state->states[i]);
	struct notice *notice;

	if (now == REPORTED_NOTHING || now == before)
		return;
	pool->reported[i] = now;
	if ((before == REPORTED_NOTHING && now == REPORTED_HEALTHY) ||
	    filtered(&pool->model->origin_filter, now == REPORTED_HEALTHY))
		return;
	notice = notice_new(NOTICE_ORIGIN, record->since_wall != 0 ? record->since_wall : wall_ms());
	notice->pool_id = xstrdup(pool->id.text);
	notice->pool = xstrdup(pool->model->name);
	notice->address = xstrdup(pool->model->origins[i].address);
	notice->name = xstrdup(pool->model->origins[i].name);
	notice->before = words[before];
	notice->after = health_state_text(state->states[i]);
	notice->healthy = now == REPORTED_HEALTHY;
	if (!notice->healthy && record->last_reason != REASON_NONE)
		notice->reason = health_reason_text(record->last_reason);
	if (record->damped_until_ms != 0)
		notice->damped_until = health_damped_until(record, boot_ms(), wall_ms());
	add_notice(notify, notice);
}

static void
report_status(struct notify *notify, struct reported_pool *pool, const struct pool_state *state)
{
	enum pool_status before = pool->status, now = state->status;
	struct pool_assessment judgement = pool_assess(pool->model, state->states);
	bool healthy = now == POOL_HEALTHY || now == POOL_DEGRADED;
	struct notice *notice;

	if (now == POOL_HEALTH_UNKNOWN || now == POOL_DISABLED || now == before)
		return;
	pool->status = now;
	if ((before == POOL_HEALTH_UNKNOWN && now == POOL_HEALTHY) ||
	    filtered(&pool->model->pool_filter, healthy))
		return;
	notice = notice_new(NOTICE_POOL, wall_ms());
	notice->pool_id = xstrdup(pool->id.text);
	notice->pool = xstrdup(pool->model->name);
	notice->before = status_pool_text(before);
	notice->after = status_pool_text(now);
	notice->healthy = healthy;
	notice->healthy_origins = judgement.healthy;
	notice->origins = judgement.enabled;
	add_notice(notify, notice);
}

static void
report_lb(
    void *arg, const struct id *id, const char *name, const char *before, const char *after, bool healthy)
{
	struct notice *notice = notice_new(NOTICE_LB, wall_ms());

	notice->lb_id = xstrdup(id->text);
	notice->lb = xstrdup(name);
	notice->before = before;
	notice->after = after;
	notice->healthy = healthy;
	add_notice(arg, notice);
}

/* --- pools --- */

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static struct reported_pool *
find_pool(const struct notify *notify, const struct id *id)
{
	struct reported_pool **found = tfind(id, &notify->pools, compare_ids);

	return found == NULL ? NULL : *found;
}

static void
reported_pool_free(void *arg)
{
	struct reported_pool *pool = arg;

	model_free_pool(pool->model);
	free(pool->reported);
	free(pool);
}

/* The time when even the slowest origin must have a result. */
static uint64_t
settles_ms(const struct look *look, const struct pool *model)
{
	uint64_t takes = 0;

	for (size_t i = 0; i < model->njudges; i++) {
		struct monitor *monitor = config_monitor(look->config, model->judges[i].monitor.text);

		if (monitor != NULL)
			takes = MAX(takes,
			    monitor->interval_s * UINT64_C(1000) +
				monitor->timeout_ms * (monitor->retries + 1));
		model_free_monitor(monitor);
	}
	return awake_ms() + takes;
}

/* The last report about an origin before the pool was edited. */
static enum reported
reported_before(const struct reported_pool *before, const struct origin *origin)
{
	for (size_t i = 0; before != NULL && i < before->model->norigins; i++)
		if (strcmp(before->model->origins[i].address, origin->address) == 0)
			return before->reported[i];
	return REPORTED_NOTHING;
}

/* A pool of the last run: use the verdicts of that run as the last report. */
static void
take_last_run(const struct look *look, struct reported_pool *pool)
{
	struct pool_state state = view_pool(look, pool->model, true);

	for (size_t i = 0; i < pool->model->norigins; i++)
		pool->reported[i] = reported_of(state.states[i]);
	if (state.whole && state.status != POOL_DISABLED)
		pool->status = state.status;
	pool->now.was_known = state.whole;
	pool->now.was = (struct status_of_pool){state.status, state.usable};
	view_free(&state);
}

static void
forget_pool(struct notify *notify, struct reported_pool *pool)
{
	tdelete(pool, &notify->pools, compare_ids);
	reported_pool_free(pool);
}

/* Takes ownership of model; NULL: the pool was deleted. */
static void
read_pool(struct look *look, const struct id *id, struct pool *model)
{
	struct notify *notify = look->notify;
	struct reported_pool *before = find_pool(notify, id), *pool;

	if (model == NULL) {
		if (before != NULL)
			forget_pool(notify, before);
		return;
	}
	deadline_add(&notify->feed.next_end, &model->expiry);
	pool = xcalloc(1, sizeof *pool);
	*pool = (struct reported_pool){.id = *id,
	    .model = model,
	    .reported = xcalloc(model->norigins, sizeof *pool->reported),
	    .status = before != NULL ? before->status : POOL_HEALTH_UNKNOWN,
	    .settles_ms = settles_ms(look, model),
	    .round = notify->round};
	for (size_t i = 0; i < model->norigins; i++)
		pool->reported[i] = reported_before(before, &model->origins[i]);
	if (before != NULL) {
		pool->now = before->now;
		forget_pool(notify, before);
	} else if (notify->round == 1)
		take_last_run(look, pool);
	if (tsearch(pool, &notify->pools, compare_ids) == NULL)
		memory_exhausted(0);
}

/* --- the configuration --- */

static bool
on_change(void *arg, const struct config_change *change)
{
	struct look *look = arg;

	if (change->what != CONFIG_OBJECT)
		return true;
	if (change->kind == KIND_POOL)
		read_pool(look, &change->id, config_pool(look->config, change->id.text));
	if (change->kind == KIND_LB)
		notify_lbs_edited(look->notify->lbs, look->config, &change->id);
	/* The models of pools contain the members of a group. */
	return change->kind != KIND_MONITOR_GROUP;
}

static bool
on_pool(void *arg, const struct id *id, struct bytes json)
{
	struct look *look = arg;

	read_pool(look, id, config_pool_of(look->config, json));
	return true;
}

/* A pool that this reading did not find was deleted. */
struct search {
	uint64_t round;
	struct reported_pool *gone;
};

static void
find_gone(const void *node, VISIT visit, void *arg)
{
	struct reported_pool *pool = *(struct reported_pool *const *)node;
	struct search *search = arg;

	if ((visit == postorder || visit == leaf) && pool->round != search->round)
		search->gone = pool;
}

static void
read_everything(void *arg)
{
	struct look *look = arg;
	struct notify *notify = look->notify;
	struct search search;

	config_each_object(look->config, KIND_POOL, on_pool, look);
	notify_lbs_read(notify->lbs, look->config);
	for (;;) {
		search = (struct search){.round = notify->round};
		twalk_r(notify->pools, find_gone, &search);
		if (search.gone == NULL)
			return;
		forget_pool(notify, search.gone);
	}
}

/* Returns true if anything was read. */
static bool
read_config(struct look *look)
{
	struct notify *notify = look->notify;
	const struct config_reader reader = {on_change, read_everything, look};

	notify->round++;
	if (!config_feed_read(&notify->feed, look->config, look->store, &reader))
		return false;
	free(notify->last_run);
	notify->last_run = NULL;
	notify->nlast_run = 0;
	return true;
}

/* --- looking --- */

/* Load balancers are judged by the current state of the pool. */
static void
note_now(struct notify *notify, struct reported_pool *pool, const struct pool_state *state)
{
	struct pool_now *now = &pool->now;

	if (now->changed != 0 && now->settled == pool->settled && now->now.status == state->status &&
	    now->now.usable == state->usable)
		return;
	now->settled = pool->settled;
	now->now = (struct status_of_pool){state->status, state->usable};
	now->changed = notify->looks;
	notify_lbs_wake(notify->lbs);
}

static const struct pool_now *
pool_now(const void *arg, const struct id *id)
{
	const struct reported_pool *pool = find_pool(arg, id);

	return pool == NULL ? NULL : &pool->now;
}

static void
look_at_pool(const void *node, VISIT visit, void *arg)
{
	struct reported_pool *pool = *(struct reported_pool *const *)node;
	struct look *look = arg;
	struct pool_state state;

	if (visit != postorder && visit != leaf)
		return;
	state = view_pool(look, pool->model, false);
	pool->settled |= state.whole || awake_ms() >= pool->settles_ms;
	for (size_t i = 0; pool->settled && i < pool->model->norigins; i++)
		report_origin(look->notify, pool, i, &state);
	if (pool->settled)
		report_status(look->notify, pool, &state);
	look->notify->unsettled |= !pool->settled;
	note_now(look->notify, pool, &state);
	view_free(&state);
}

static void
look_around(struct look *look)
{
	static const struct timeval soon = {0, 1000};
	struct notify *notify = look->notify;
	uint64_t last_flip = health_flip_last(look->health);

	notify->looks++;
	if (read_config(look) || last_flip != notify->last_flip || notify->unsettled) {
		notify->last_flip = last_flip;
		notify->unsettled = false;
		twalk_r(notify->pools, look_at_pool, look);
	}
	if (notify_lbs_look(notify->lbs, look->config, notify->looks, pool_now, report_lb, notify) &&
	    notify->soon != NULL)
		event_add(notify->soon, &soon);
	send_pending(notify);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct look look = {.notify = arg};

	(void)fd, (void)what;
	if (follow_peek(look.notify->follow, &look.config, &look.store) != 0)
		return;
	if (begin_verdicts(&look)) {
		turn_look(
		    look.notify->turn, look.notify->kind == STORE_CLUSTER ? look.health : NULL, boot_ms());
		look_around(&look);
		store_abort(look.health);
	}
	store_abort(look.config);
}

void
notify_isolated(struct notify *notify, bool isolated)
{
	struct notice *notice;

	if (notify == NULL)
		return;
	notice = notice_new(NOTICE_MONITOR, wall_ms());
	notice->before = isolated ? "judging" : "isolated";
	notice->after = isolated ? "isolated" : "judging";
	notice->healthy = !isolated;
	add_pending(notify, notice); /* each node reports its own */
	send_pending(notify);
}

/* --- metrics --- */

static void
expose(const struct notify *notify, FILE *page, const char *name, const char *type, const char *help,
    double (*value)(const struct courier_counters *counters))
{
	exposition_family(page, name, type, help);
	for (size_t i = 0; i < notify->ncouriers; i++) {
		struct courier_counters counters = courier_counters(notify->couriers[i]);

		exposition_sample(
		    page, name, value(&counters), "receiver", courier_label(notify->couriers[i]), NULL);
	}
}

static double
sent(const struct courier_counters *counters)
{
	return (double)counters->sent;
}
static double
failed(const struct courier_counters *counters)
{
	return (double)counters->failed;
}
static double
lost(const struct courier_counters *counters)
{
	return (double)counters->lost;
}
static double
waiting(const struct courier_counters *counters)
{
	return (double)counters->waiting;
}

void
notify_expose(const struct notify *notify, FILE *page)
{
	if (notify == NULL)
		return;
	expose(notify, page, "graycloud_notifications_sent_total", "counter",
	    "Events that a receiver accepted.", sent);
	expose(notify, page, "graycloud_notifications_failed_total", "counter", "Deliveries that failed.",
	    failed);
	expose(notify, page, "graycloud_notifications_lost_total", "counter",
	    "Events that were dropped because the queue was full, or that were refused.", lost);
	exposition_value(page, "graycloud_notifications_turn", "gauge",
	    "1 if this node reports changes; of the nodes of a cluster one does (S40).",
	    turn_is_ours(notify->turn));
	expose(notify, page, "graycloud_notifications_waiting", "gauge", "Events that wait for delivery.",
	    waiting);
}

/* --- beginning and end --- */

struct notify *
notify_new(struct event_base *base, struct follow *follow, struct recorder *recorder, const char *const *urls,
    size_t count, struct problems *problems)
{
	static const struct timeval second = {1, 0};
	struct notify *notify = xcalloc(1, sizeof *notify);
	struct store_txn *txn;

	notify->follow = follow;
	notify->recorder = recorder;
	notify->kind = STORE_HEALTH;
	notify->turn = turn_new();
	recorder_notifies(recorder);
	for (size_t i = 0; i < count; i++) {
		struct courier *courier = courier_start(urls[i], problems);

		if (courier == NULL) {
			notify_free(notify);
			return NULL;
		}
		notify->couriers[notify->ncouriers++] = courier;
	}
	if (recorder_peek(recorder, &txn) == 0) {
		read_last_run(notify, txn);
		store_abort(txn);
	}
	notify->timer = event_new(base, -1, EV_PERSIST, on_timer, notify);
	notify->soon = evtimer_new(base, on_timer, notify);
	notify->lbs = notify_lbs_new();
	if (notify->timer == NULL || notify->soon == NULL || event_add(notify->timer, &second) < 0)
		memory_exhausted(0);
	return notify;
}

void
notify_free(struct notify *notify)
{
	if (notify == NULL)
		return;
	if (notify->timer != NULL) {
		on_timer(-1, 0, notify); /* changes that are not reported now would never be reported */
		event_free(notify->timer);
		event_free(notify->soon);
	}
	for (size_t i = 0; i < notify->ncouriers; i++)
		courier_hurry(notify->couriers[i]);
	for (size_t i = 0; i < notify->ncouriers; i++)
		courier_stop(notify->couriers[i]);
	tdestroy(notify->pools, reported_pool_free);
	notify_lbs_free(notify->lbs);
	turn_free(notify->turn);
	store_close(notify->cluster);
	free(notify->last_run);
	free(notify->pending);
	free(notify);
}
