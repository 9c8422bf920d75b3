#include "admin/api/past.h"

#include "admin/cli/when.h"
#include "admin/look/history.h"
#include "admin/look/status_json.h"
#include "admin/look/timeline.h"
#include "zones/document/document_load.h"

#include <stdlib.h>

enum { PAGE = 100, PAGE_MAX = 1000 };

/* ---- filters ---- */

static bool
read_time(struct call *call, const char *name, int64_t *wall)
{
	const char *text = call_parameter(call, name);

	if (text == NULL || when_read(text, wall))
		return true;
	call_error(call, 400, CODE_INVALID,
	    "%s: it takes a time such as 2026-11-20T12:00:00Z, a date, or how long ago: 90s, 30m, 1h30m, 7d: "
	    "validation failed",
	    name);
	return false;
}

/* pool, lb, origin (patterns), since, until. False with an error in the reply. */
static bool
read_filter(struct call *call, struct filter *filter)
{
	*filter = (struct filter){.pool = call_parameter(call, "pool"),
	    .lb = call_parameter(call, "lb"),
	    .origin = call_parameter(call, "origin"),
	    .since = INT64_MIN,
	    .until = INT64_MAX};
	return read_time(call, "since", &filter->since) && read_time(call, "until", &filter->until);
}

/* ---- the log ---- */

/* With limit or before the newest first, by pages; else as the command prints it. */
void
past_log(struct call *call, const struct route *route, const struct scene *scene)
{
	const char *text = call_parameter(call, "before");
	unsigned after = call_number(call, "after", 0, UINT32_MAX, 0),
		 limit = call_number(call, "limit", 1, PAGE_MAX, PAGE);
	uint64_t before = 0, next = 0;
	struct filter filter;
	struct json *list;
	size_t count;

	(void)route;
	if (!read_filter(call, &filter))
		return;
	if (text != NULL)
		whole_from_text(text, UINT64_MAX, &before);
	if (scene->config == NULL)
		list = json_new_list();
	else if (text != NULL || call_parameter(call, "limit") != NULL)
		list = history_page(scene->config, before, limit, &filter, &next);
	else
		list = history_read(scene->config, after, &filter);
	count = json_count(list);
	call_list(call, list, 1, 0, count);
	if (next > 0)
		json_put_integer(call->reply.info, "before", (long long)next);
}

/* ---- events ---- */

/* One page of what is in the events, the newest first. */
static struct json *
page_of(
    const struct timeline_events *events, const char *kind, unsigned page, unsigned per_page, size_t *total)
{
	struct json *list = json_new_list();
	size_t first = (size_t)(page - 1) * per_page;

	*total = 0;
	for (size_t i = events->count; i > 0; i--) {
		const struct timeline_event *event = &events->list[i - 1];

		if (kind != NULL && strcmp(kind, event->kind) != 0)
			continue;
		if (*total >= first && *total < first + per_page)
			json_add(list, json_read_quietly((struct bytes){event->line, strlen(event->line)}));
		(*total)++;
	}
	return list;
}

static bool
read_all(const struct scene *scene, const struct filter *filter, struct timeline_events *events)
{
	struct timeline *timeline = timeline_new(filter, true);
	struct timeline_cursor cursor = {0, 0};
	bool good = timeline_read(timeline, scene->viewer, &cursor, SIZE_MAX - 1, events);

	timeline_free(timeline);
	timeline_sort(events);
	return good;
}

void
past_events(struct call *call, const struct route *route, const struct scene *scene)
{
	unsigned page = call_number(call, "page", 1, 1000000, 1),
		 per_page = call_number(call, "per_page", 1, PAGE_MAX, PAGE);
	struct timeline_events events = {.list = NULL};
	struct filter filter;
	struct json *list;
	size_t total;

	(void)route;
	if (!read_filter(call, &filter))
		return;
	if (read_all(scene, &filter, &events)) {
		list = page_of(&events, call_parameter(call, "kind"), page, per_page, &total);
		call_list(call, list, page, per_page, total);
	} else {
		call_error(
		    call, 500, CODE_STORE, "the configuration cannot be read: see the log of graycloud-api");
	}
	timeline_forget(&events);
}

/* ---- one origin ---- */

/* As status shows it, with its health events, the newest first. */
static struct json *
origin_json(struct json *pool, const struct timeline_events *events)
{
	struct json *origin = json_clone(json_item(json_member(pool, "origins"), 0));
	size_t total;

	json_put_text(origin, "pool", json_text_of(pool, "name"));
	json_put(origin, "events", page_of(events, "health", 1, PAGE_MAX, &total));
	return origin;
}

void
past_origin(struct call *call, const struct route *route, const struct scene *scene)
{
	struct plan_scope scope = {.pool = call->captures[0]};
	struct filter filter = {
	    .pool = call->captures[0], .origin = call->captures[1], .since = INT64_MIN, .until = INT64_MAX};
	struct timeline_events events = {.list = NULL};
	struct picture *picture;
	struct json *status = NULL, *pool;

	(void)route;
	scene->viewer->scope = scope;
	picture = picture_read(scene->viewer);
	if (picture != NULL) {
		filter_picture(&filter, picture);
		picture->times = true;
		status = picture_json(picture);
	}
	pool = json_item(json_member(status, "pools"), 0);
	if (pool == NULL || json_count(json_member(pool, "origins")) == 0)
		call_error(call, 404, CODE_NOT_FOUND, "there is no pool %s with an origin %s",
		    call->captures[0], call->captures[1]);
	else if (read_all(scene, &filter, &events))
		call_result(call, origin_json(pool, &events));
	timeline_forget(&events);
	json_drop(status);
	picture_free(picture);
	plan_release(scene->viewer->plan);
	scene->viewer->plan = NULL;
}
