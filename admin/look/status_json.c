#include "admin/look/status_json.h"

#include "admin/cli/when.h"
#include "admin/look/filter.h"
#include "admin/look/nodes.h"
#include "admin/look/resolution.h"
#include "admin/look/votes.h"
#include "zones/steer/pool_table.h"

#include <stdlib.h>

static struct json *
time_json(int64_t wall)
{
	char text[32];

	wall_text(wall, text);
	return json_new_text(text);
}

/* S41: the newest last; null if there was no good check. */
static struct json *
times_json(const struct health_record *record, int64_t now_wall)
{
	struct json *list = json_new_list();

	for (unsigned ago = HEALTH_TIMES; ago-- > 0;) {
		uint32_t us = health_time_us(record, ago, now_wall);

		json_add(list, us == 0 ? json_new_null() : json_new_number(us / 1000.0));
	}
	return list;
}

static void
put_record(struct json *json, const struct picture *picture, const struct health_record *record)
{
	char history[65];

	json_put(json, "since", time_json(record->since_wall));
	json_put_text(json, "failure_reason", health_reason_text(record->last_reason));
	json_put_integer(json, "response_code", record->last_code);
	json_put_number(json, "rtt_ms", record->rtt_us / 1000.0);
	json_put_number(json, "rtt_average_ms", record->rtt_ewma_us / 1000.0);
	if (record->last_ms != 0)
		json_put_number(
		    json, "checked_seconds_ago", (double)(picture->now_ms - record->last_ms) / 1000);
	json_put_integer(json, "checks", (long long)record->probes);
	json_put_integer(json, "failures", (long long)record->failures);
	if (record->damped_until_ms != 0)
		json_put(json, "damped_until",
		    time_json(health_damped_until(record, picture->now_ms, picture->now_wall)));
	if (record->certificate_days != INT32_MIN)
		json_put_integer(json, "certificate_days", record->certificate_days);
	if (record->detail[0] != '\0')
		json_put_text(json, "detail", record->detail);
	json_put_text(json, "history", picture_history(record, 64, history));
	if (picture->times)
		json_put(json, "rtt_day_ms", times_json(record, picture->now_wall));
}

/* S93 */
static void
put_votes(struct json *json, const struct pictured_check *check)
{
	if (check->votes != NULL)
		json_put(json, "votes", votes_json(check->votes));
}

/* The records of an address: one, or those of a group's monitors (S38). */
static void
put_checks(struct json *json, const struct picture *picture, const struct pictured_pool *pool,
    const struct pictured_address *address)
{
	struct json *monitors;

	if (pictured_record(address) != NULL)
		put_record(json, picture, pictured_record(address));
	if (address->nchecks == 1)
		put_votes(json, &address->checks[0]);
	if (pool->model->monitor_group.text[0] == '\0')
		return;
	monitors = json_new_list();
	for (size_t n = 0; n < address->nchecks; n++) {
		const struct pictured_check *check = &address->checks[n];
		struct json *one = json_new_object();

		json_put_text(one, "monitor", pool->judges[n]);
		json_put_text(
		    one, "state", health_state_text(check->known ? check->record.state : HEALTH_UNKNOWN));
		json_put_bool(one, "votes", pool->model->judges[n].votes);
		json_put_bool(one, "must_be_healthy", pool->model->judges[n].must_be_healthy);
		json_put_bool(one, "stale", check->stale);
		if (check->known)
			put_record(one, picture, &check->record);
		put_votes(one, check);
		json_add(monitors, one);
	}
	json_put(json, "monitors", monitors);
}

/* S16 */
static void
put_addresses(struct json *json, const struct picture *picture, const struct pictured_pool *pool,
    const struct pictured_origin *origin)
{
	struct json *addresses = json_new_list();

	for (size_t n = 0; n < origin->naddresses; n++) {
		const struct pictured_address *address = &origin->addresses[n];
		struct json *one = json_new_object();
		char text[46];

		json_put_text(one, "address", address_to_text(&address->address, text));
		json_put_text(one, "state", health_state_text(address->state));
		json_put_bool(one, "stale", address->stale);
		put_checks(one, picture, pool, address);
		json_add(addresses, one);
	}
	json_put(json, "addresses", addresses);
	json_put(
	    json, "resolution", resolution_json(origin->looked_up ? &origin->name : NULL, picture->now_wall));
}

static struct json *
origin_json(const struct picture *picture, const struct pictured_pool *pool, size_t i)
{
	const struct origin *model = &pool->model->origins[i];
	const struct pictured_origin *origin = &pool->origins[i];
	struct json *json = json_new_object();

	json_put_text(json, "name", model->name);
	json_put_text(json, "address", model->address);
	json_put_bool(json, "enabled", model->enabled);
	json_put_text(json, "state", health_state_text(origin->state));
	json_put_bool(json, "healthy", origin->healthy && origin->state != HEALTH_DISABLED);
	json_put_text(json, "forced",
	    model->forced == FORCED_UP         ? "up"
		: model->forced == FORCED_DOWN ? "down"
					       : NULL);
	json_put_bool(json, "stale", origin->stale);
	if (origin_is_hostname(model))
		put_addresses(json, picture, pool, origin);
	else
		put_checks(json, picture, pool, &origin->addresses[0]);
	return json;
}

static struct json *
pool_json(const struct picture *picture, const struct pictured_pool *pool)
{
	struct json *json = json_new_object(), *origins = json_new_list();

	json_put_text(json, "id", pool->model->id.text);
	json_put_text(json, "name", pool->model->name);
	json_put_bool(json, "enabled", pool->model->enabled);
	json_put_text(json, "status", status_pool_text(pool->status));
	json_put_bool(json, "usable", pool->usable);
	json_put_text(json, "monitor", pool->model->monitor.text[0] != '\0' ? pool->monitor : NULL);
	json_put_text(
	    json, "monitor_group", pool->model->monitor_group.text[0] != '\0' ? pool->monitor : NULL);
	for (size_t i = 0; i < pool->model->norigins; i++)
		if (!pool->origins[i].hidden)
			json_add(origins, origin_json(picture, pool, i));
	json_put(json, "origins", origins);
	return json;
}

static struct json *
pool_names_json(const struct picture *picture, const struct id *pools, size_t count)
{
	struct json *json = json_new_list();

	for (size_t i = 0; i < count; i++)
		json_add_text(json, picture_pool_name(picture, &pools[i]));
	return json;
}

static struct json *
list_json(const struct picture *picture, const struct pool_list *list, bool last_resort)
{
	struct json *json = json_new_object();
	char *name = lists_text(list);

	json_put_text(json, "list", name);
	json_put(json, "pools", pool_names_json(picture, list->pools, list->npools));
	json_put_text(json, "fallback_pool", picture_pool_name(picture, list->fallback));
	json_put_bool(json, "fallback_in_use", last_resort);
	free(name);
	return json;
}

static struct json *
lb_json(const struct picture *picture, const struct pictured_lb *lb)
{
	struct json *json = json_new_object(), *lists = json_new_list();
	bool any = false;

	for (size_t i = 0; i < lb->nlists; i++) {
		bool last_resort = lb->model->enabled && lb->last_resort[i];

		json_add(lists, list_json(picture, &lb->lists[i], last_resort));
		any |= last_resort;
	}
	json_put_text(json, "id", lb->model->id.text);
	json_put_text(json, "name", lb->model->name);
	json_put_text(json, "status", status_lb_text(lb->status));
	json_put(
	    json, "default_pools", pool_names_json(picture, lb->model->default_pools, lb->model->npools));
	json_put_text(json, "fallback_pool", picture_pool_name(picture, &lb->model->fallback_pool));
	json_put_bool(json, "fallback_in_use", any);
	json_put(json, "lists", lists);
	return json;
}

static struct json *
monitor_json(const struct picture *picture)
{
	struct json *json = json_new_object();

	json_put_bool(json, "alive", !picture->monitor_dead);
	json_put_bool(json, "isolated", !picture->monitor_dead && picture->beat.isolated_ms != 0);
	if (picture->beating) {
		json_put(json, "last_heard", time_json(picture->beat.at_wall));
		json_put_integer(json, "pid", picture->beat.pid);
		json_put_integer(json, "endpoints", picture->beat.endpoints);
		json_put_integer(json, "generation", (long long)picture->beat.generation);
		json_put_text(json, "version", picture->beat.version);
	}
	return json;
}

static struct json *
geography_json(unsigned bits)
{
	struct json *json = json_new_object();

	json_put_bool(json, "countries", bits & GEOGRAPHY_COUNTRIES);
	json_put_bool(json, "coordinates", bits & GEOGRAPHY_COORDINATES);
	return json;
}

/* Load balancers that steer by places that no database has. */
static struct json *
lacking_json(const struct picture *picture)
{
	struct json *json = json_new_list();

	for (size_t i = 0; i < picture->nlbs; i++)
		if (picture_lacks(picture, picture->lbs[i].model) != 0)
			json_add_text(json, picture->lbs[i].model->name);
	return json;
}

static struct json *
nameserver_json(const struct picture *picture)
{
	const struct serving_status *answering = &picture->answering;
	struct json *json = json_new_object();

	json_put_bool(json, "answering", !picture->serving_dead && answering->ready);
	if (picture->serving) {
		json_put_integer(json, "pid", answering->pid);
		json_put_integer(json, "generation", (long long)answering->generation);
		json_put(json, "served_since", time_json(answering->served_wall));
		json_put_text(json, "compile_error",
		    answering->compile_error[0] == '\0' ? NULL : answering->compile_error);
		json_put_text(json, "listeners", answering->listeners);
		json_put_text(json, "version", answering->version);
		json_put(json, "geography", geography_json(answering->geography));
		json_put(json, "without_geography", lacking_json(picture));
	}
	return json;
}

struct json *
picture_interventions_json(const struct picture *picture)
{
	const struct interventions *list = picture->interventions;
	struct json *json = json_new_list();

	for (size_t i = 0; i < list->count; i++) {
		const struct intervention *one = &list->items[i];
		struct json *object;

		if (!filter_intervention(picture, one))
			continue;
		object = json_new_object();
		json_put_text(object, "pool", one->kind == KIND_POOL ? one->name : NULL);
		json_put_text(object, "load_balancer", one->kind == KIND_LB ? one->name : NULL);
		json_put_text(object, "address", one->address);
		json_put_text(object, "what", one->what);
		json_put_text(object, "since", one->since);
		json_put_text(object, "until", one->until);
		json_put_text(object, "who", one->who);
		json_put_text(object, "reason", one->reason);
		json_add(json, object);
	}
	return json;
}

struct json *
picture_pool_json(const struct picture *picture, const struct pictured_pool *pool)
{
	return pool_json(picture, pool);
}

struct json *
picture_json(const struct picture *picture)
{
	struct json *json = json_new_object(), *lbs = json_new_list(), *pools = json_new_list();

	json_put_integer(json, "generation", (long long)picture->generation);
	if (picture->nodes != NULL)
		json_put(json, "nodes", nodes_json(picture->nodes));
	json_put(json, "monitor", monitor_json(picture));
	json_put(json, "nameserver", nameserver_json(picture));
	if (picture->signer.wanted)
		json_put(json, "signer", signer_view_json(&picture->signer));
	for (size_t i = 0; i < picture->nlbs; i++)
		if (!picture->lbs[i].hidden)
			json_add(lbs, lb_json(picture, &picture->lbs[i]));
	for (size_t i = 0; i < picture->npools; i++)
		if (!picture->pools[i].hidden)
			json_add(pools, pool_json(picture, &picture->pools[i]));
	json_put(json, "load_balancers", lbs);
	json_put(json, "pools", pools);
	json_put(json, "interventions", picture_interventions_json(picture));
	return json;
}
