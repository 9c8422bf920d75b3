#include "admin/look/filter.h"

#include "admin/cli/when.h"
#include "zones/document/json.h"

#include <fnmatch.h>

/* ---- the options ---- */

static bool
read_time(const struct args *args, const char *name, int64_t *wall)
{
	const char *text = args_value(args, name);

	if (text == NULL || when_read(text, wall))
		return true;
	args_misused(args,
	    "--%s \"%s\": it takes a time such as 2026-11-20T12:00:00Z, a date, or how long ago: 90s, 30m, "
	    "1h30m, "
	    "7d",
	    name, text);
	return false;
}

enum exit_code
filter_read(const struct args *args, struct filter *filter)
{
	*filter = (struct filter){.pool = args_value(args, "pool"),
	    .lb = args_value(args, "lb"),
	    .origin = args_value(args, "origin"),
	    .since = INT64_MIN,
	    .until = INT64_MAX};
	if (!read_time(args, "since", &filter->since) || !read_time(args, "until", &filter->until))
		return EXIT_USAGE;
	if (filter->since >= filter->until) {
		args_misused(args, "--since is not before --until");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* A pattern that only one name fits. */
static const char *
whole_name(const char *pattern)
{
	return pattern != NULL && strpbrk(pattern, "*?[\\") == NULL ? pattern : NULL;
}

struct plan_scope
filter_scope(const struct filter *filter, char room[46])
{
	struct plan_scope scope = {.lb = whole_name(filter->lb), .pool = whole_name(filter->pool)};
	struct address address;

	if (filter->origin != NULL && address_from_text(&address, filter->origin))
		scope.address = address_to_text(&address, room);
	return scope;
}

bool
filter_names(const struct filter *filter)
{
	return filter->pool != NULL || filter->lb != NULL || filter->origin != NULL;
}

bool
filter_time(const struct filter *filter, int64_t wall)
{
	return wall >= filter->since && wall < filter->until;
}

static bool
fits(const char *pattern, const char *text)
{
	return pattern == NULL || fnmatch(pattern, text, FNM_CASEFOLD) == 0;
}

/* An origin by its address, in any spelling, or its name. */
static bool
origin_fits(const char *pattern, const char *address, const char *name)
{
	struct address a, b;

	if (address_from_text(&a, pattern))
		return address_from_text(&b, address) && memcmp(&a, &b, sizeof a) == 0;
	return fits(pattern, address) || (*name != '\0' && fits(pattern, name));
}

/* ---- pictures ---- */

static void
mark_used(struct picture *picture, const struct id *id)
{
	struct pictured_pool *pool = (struct pictured_pool *)(uintptr_t)picture_pool(picture, id);

	if (pool != NULL)
		pool->asked = true;
}

/* The pools of the load balancers that fit, in one walk: there may be very many of both. */
static void
mark_pools(const struct filter *filter, struct picture *picture)
{
	for (size_t i = 0; i < picture->npools; i++)
		picture->pools[i].asked = filter->lb == NULL;
	for (size_t i = 0; filter->lb != NULL && i < picture->nlbs; i++) {
		const struct pictured_lb *lb = &picture->lbs[i];

		if (!fits(filter->lb, lb->model->name))
			continue;
		for (size_t n = 0; n < lb->nlists; n++) {
			mark_used(picture, lb->lists[n].fallback);
			for (size_t p = 0; p < lb->lists[n].npools; p++)
				mark_used(picture, &lb->lists[n].pools[p]);
		}
	}
}

static bool
pool_fits(const struct filter *filter, const struct picture *picture, const struct pool *pool)
{
	const struct pictured_pool *pictured = picture_pool(picture, &pool->id);

	return fits(filter->pool, pool->name) &&
	    (filter->lb == NULL || (pictured != NULL && pictured->asked));
}

bool
filter_origin(const struct filter *filter, const struct picture *picture, const struct pool *pool,
    const struct origin *origin)
{
	return (filter->origin == NULL || origin_fits(filter->origin, origin->address, origin->name)) &&
	    pool_fits(filter, picture, pool);
}

/* Did the state of an origin, or of one of its addresses, begin in the requested time? */
static bool
began_then(const struct filter *filter, const struct pictured_origin *origin)
{
	if (filter->since == INT64_MIN && filter->until == INT64_MAX)
		return true;
	for (size_t i = 0; i < origin->naddresses; i++)
		for (size_t n = 0; n < origin->addresses[i].nchecks; n++) {
			const struct pictured_check *check = &origin->addresses[i].checks[n];

			if (check->known && filter_time(filter, check->record.since_wall))
				return true;
		}
	return false;
}

static bool
some_origins(const struct filter *filter)
{
	return filter->origin != NULL || filter->since != INT64_MIN || filter->until != INT64_MAX;
}

bool
filter_text(const struct filter *filter, const char *text)
{
	return filter->text == NULL || strcasestr(text, filter->text) != NULL;
}

/* Is the text part of an origin's row? */
static bool
origin_has_text(const struct filter *filter, const struct origin *model, const struct pictured_origin *origin)
{
	if (filter_text(filter, model->address) || filter_text(filter, model->name) ||
	    filter_text(filter, health_state_text(origin->state)))
		return true;
	for (size_t i = 0; i < origin->naddresses; i++) {
		const struct health_record *record = pictured_record(&origin->addresses[i]);
		char text[46];

		if (filter_text(filter, address_to_text(&origin->addresses[i].address, text)) ||
		    filter_text(filter, health_state_text(origin->addresses[i].state)))
			return true;
		if (record != NULL && record->last_reason != REASON_NONE &&
		    (filter_text(filter, health_reason_text(record->last_reason)) ||
			filter_text(filter, record->detail)))
			return true;
	}
	return false;
}

static void
filter_pool(const struct filter *filter, struct picture *picture, struct pictured_pool *pool)
{
	bool whole =
	    filter_text(filter, pool->model->name) || filter_text(filter, status_pool_text(pool->status));
	size_t shown = 0;

	for (size_t i = 0; i < pool->model->norigins; i++) {
		const struct origin *origin = &pool->model->origins[i];

		pool->origins[i].hidden = !began_then(filter, &pool->origins[i]) ||
		    (filter->origin != NULL && !origin_fits(filter->origin, origin->address, origin->name)) ||
		    (!whole && !origin_has_text(filter, origin, &pool->origins[i]));
		shown += !pool->origins[i].hidden;
	}
	pool->hidden =
	    ((some_origins(filter) || !whole) && shown == 0) || !pool_fits(filter, picture, pool->model);
}

static bool
uses_shown(const struct picture *picture, const struct pictured_lb *lb)
{
	for (size_t i = 0; i < lb->nlists; i++) {
		const struct pictured_pool *pool = picture_pool(picture, lb->lists[i].fallback);

		if (pool != NULL && !pool->hidden)
			return true;
		for (size_t n = 0; n < lb->lists[i].npools; n++) {
			pool = picture_pool(picture, &lb->lists[i].pools[n]);
			if (pool != NULL && !pool->hidden)
				return true;
		}
	}
	return false;
}

static void
filter_lb(const struct filter *filter, const struct picture *picture, struct pictured_lb *lb)
{
	bool by_text = filter->text != NULL && filter_text(filter, lb->model->name);

	by_text |= filter->text != NULL && filter_text(filter, status_lb_text(lb->status));
	lb->hidden = !fits(filter->lb, lb->model->name);
	if (!lb->hidden &&
	    (filter->pool != NULL || some_origins(filter) || (filter->text != NULL && !by_text)))
		lb->hidden = !uses_shown(picture, lb);
}

void
filter_picture(const struct filter *filter, struct picture *picture)
{
	bool before = picture->filter != NULL; /* hidden by another text, maybe */

	picture->filter =
	    filter_names(filter) || some_origins(filter) || filter->text != NULL ? filter : NULL;
	if (picture->filter == NULL && !before)
		return;
	mark_pools(filter, picture);
	for (size_t i = 0; i < picture->npools; i++)
		filter_pool(filter, picture, &picture->pools[i]);
	for (size_t i = 0; i < picture->nlbs; i++)
		filter_lb(filter, picture, &picture->lbs[i]);
}

bool
filter_intervention(const struct picture *picture, const struct intervention *one)
{
	const struct filter *filter = picture->filter;
	const struct pictured_pool *pool = picture_pool(picture, &one->id);

	if (filter == NULL)
		return true;
	for (size_t i = 0; one->kind == KIND_LB && i < picture->nlbs; i++)
		if (strcmp(picture->lbs[i].model->id.text, one->id.text) == 0)
			return !picture->lbs[i].hidden;
	if (pool == NULL || !pool_fits(filter, picture, pool->model))
		return false;
	for (size_t i = 0; one->address != NULL && i < pool->model->norigins; i++)
		if (strcmp(pool->model->origins[i].address, one->address) == 0)
			return !pool->origins[i].hidden;
	return !pool->hidden;
}

/* ---- commands ---- */

struct command_search {
	const struct filter *filter;
	bool found;
};

/* The origin of a pool's document by its address; NULL: it has none. */
static const struct json *
origin_at(const struct json *pool, const char *address)
{
	const struct json *origins = json_member(pool, "origins");

	for (size_t i = 0; i < json_count(origins); i++)
		if (strcmp(json_text_of(json_item(origins, i), "address"), address) == 0)
			return json_item(origins, i);
	return NULL;
}

/* Has one pool an origin that fits and that the other has not, or not so? */
static bool
origin_changed(const char *pattern, const struct json *pool, const struct json *other)
{
	const struct json *origins = json_member(pool, "origins");

	for (size_t i = 0; i < json_count(origins); i++) {
		const struct json *mine = json_item(origins, i), *theirs;
		const char *address = json_text_of(mine, "address");

		if (!origin_fits(pattern, address, json_text_of(mine, "name")))
			continue;
		theirs = origin_at(other, address);
		if (theirs == NULL || !json_same(mine, theirs))
			return true;
	}
	return false;
}

static bool
look_at_item(void *arg, const struct config_item *item)
{
	struct command_search *search = arg;
	const struct filter *filter = search->filter;
	const char *name;
	struct json *before, *after;

	if (item->what != CONFIG_OBJECT || (item->kind != KIND_POOL && item->kind != KIND_LB))
		return true;
	before = item->before.len > 0 ? json_read_quietly(item->before) : NULL;
	after = item->after.len > 0 ? json_read_quietly(item->after) : NULL;
	name = json_text_of(after != NULL ? after : before, "name");
	if (item->kind == KIND_LB)
		search->found |= filter->lb != NULL && fits(filter->lb, name);
	else if (filter->pool != NULL || filter->origin != NULL)
		search->found |= fits(filter->pool, name) &&
		    (filter->origin == NULL || origin_changed(filter->origin, before, after) ||
			origin_changed(filter->origin, after, before));
	json_drop(before);
	json_drop(after);
	return !search->found;
}

bool
filter_command(const struct filter *filter, struct store_txn *txn, uint64_t sequence)
{
	struct command_search search = {.filter = filter};

	if (!filter_names(filter))
		return true;
	config_each_item(txn, sequence, look_at_item, &search);
	return search.found;
}
