/*
 * events: what happened, health and configuration on one time line.
 */
#include "change.h"
#include "commands.h"
#include "health.h"
#include "picture.h"
#include "print.h"
#include "when.h"

#include <poll.h>
#include <stdlib.h>

enum { LOOK_MS = 100 };

/* One event; a line when it is printed. */
struct event {
	int64_t wall;
	uint64_t order; /* among events of one time: as they were read */
	struct json *json;
};

struct events {
	struct event *list;
	size_t count, room;
	int64_t since;
	uint64_t last_flip, last_command; /* that were read */
	struct probed {
		struct endpoint endpoint;
		const struct pool *pool;
		const struct origin *origin;
		struct address address; /* of the endpoint; none where it is the hostname itself */
		const char *monitor;    /* that says so, where it is one of a group */
	} *places;
	size_t nplaces;
};

static struct json *
add_event(struct events *events, int64_t wall, const char *kind)
{
	struct event *event;
	char when[32];

	if (events->count == events->room) {
		events->room = events->room ? events->room * 2 : 256;
		events->list = xrealloc(events->list, events->room * sizeof *events->list);
	}
	event = &events->list[events->count];
	*event = (struct event){wall, events->count, json_new_object()};
	events->count++;
	wall_text(wall, when);
	json_put_text(event->json, "time", when);
	json_put_text(event->json, "kind", kind);
	return event->json;
}

static void
add_isolation(struct events *events, const struct health_flip *flip)
{
	struct json *json = add_event(events, flip->at_wall, "monitor");

	json_put_text(json, "before", flip->isolated ? "judging" : "isolated");
	json_put_text(json, "state", flip->isolated ? "isolated" : "judging");
}

/* A flip is one event for each origin that its endpoint stands for. */
static bool
add_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	struct events *events = arg;

	events->last_flip = sequence;
	if (flip->at_wall < events->since)
		return true;
	if (flip->kind == FLIP_ISOLATION) {
		add_isolation(events, flip);
		return true;
	}
	for (size_t i = 0; i < events->nplaces; i++) {
		const struct probed *place = &events->places[i];
		struct json *json;
		char text[46];

		if (memcmp(&place->endpoint, &flip->endpoint, sizeof flip->endpoint) != 0)
			continue;
		json = add_event(events, flip->at_wall, "health");
		json_put_text(json, "pool", place->pool->name);
		json_put_text(json, "origin", place->origin->address);
		if (flip->kind == FLIP_ADDRESSES) {
			json_put_integer(json, "addresses_before", flip->count_before);
			json_put_integer(json, "addresses", flip->count);
			continue;
		}
		if (origin_is_hostname(place->origin))
			json_put_text(json, "address", address_to_text(&place->address, text));
		if (place->monitor != NULL)
			json_put_text(json, "monitor", place->monitor);
		json_put_text(json, "before", health_state_text(flip->before));
		json_put_text(json, "state", health_state_text(flip->state));
		json_put_text(json, "failure_reason", health_reason_text(flip->reason));
		if (flip->damped) /* S39 */
			json_put_bool(json, "damped", true);
	}
	return true;
}

static bool
add_command(void *arg, uint64_t sequence, struct bytes head)
{
	struct events *events = arg;
	struct json *from, *json;
	int64_t wall;

	if (sequence <= events->last_command)
		return true;
	events->last_command = sequence;
	from = json_read_quietly(head);
	wall = json_integer_of(json_member(from, "time"));
	if (from != NULL && wall >= events->since) {
		json = add_event(events, wall, "config");
		json_put_integer(json, "sequence", (long long)sequence);
		json_put_text(json, "who", json_text(json_member(from, "who")));
		json_put_text(json, "command", json_text(json_member(from, "command")));
		json_put_text(json, "reason", json_text(json_member(from, "reason")));
	}
	json_drop(from);
	return true;
}

static void
find_origin_places(struct events *events, const struct pictured_pool *pool, size_t i)
{
	const struct origin *origin = &pool->model->origins[i];
	const struct pictured_origin *pictured = &pool->origins[i];
	bool grouped = pool->model->monitor_group.text[0] != '\0';
	size_t judges = pool->model->njudges, count = pictured->naddresses * judges + 1;

	events->places = xrealloc(events->places, (events->nplaces + count) * sizeof *events->places);
	/* Also of what is not probed now: its flips are part of the past. */
	for (size_t n = 0; n < pictured->naddresses * judges; n++) {
		const struct address *address = &pictured->addresses[n / judges].address;

		events->places[events->nplaces++] =
		    (struct probed){health_endpoint(pool->model->judges[n % judges].monitor.text, origin, address), pool->model, origin,
			*address, grouped ? pool->judges[n % judges] : NULL};
	}
	if (origin_is_hostname(origin))
		events->places[events->nplaces++] = (struct probed){name_key(origin->address), pool->model, origin, {0}, NULL};
}

static void
find_places(struct events *events, const struct picture *picture)
{
	free(events->places);
	events->places = NULL;
	events->nplaces = 0;
	for (size_t p = 0; p < picture->npools; p++) {
		for (size_t i = 0; i < picture->pools[p].model->norigins; i++)
			find_origin_places(events, &picture->pools[p], i);
	}
}

/* What came since the last reading. */
static void
read_events(struct events *events, struct viewer *viewer)
{
	struct store *config = viewer->stores[STORE_CONFIG], *health = viewer->stores[STORE_HEALTH];
	struct store_txn *txn;

	if (health != NULL && store_begin(health, STORE_PEEK, &txn) == 0) {
		uint64_t last = health_flip_last(txn), from = events->last_flip;

		/* A store made anew begins anew; one that was not read for long has forgotten the oldest. */
		if (last < from)
			from = 0;
		if (last > HEALTH_FLIPS_KEPT && from < last - HEALTH_FLIPS_KEPT)
			from = last - HEALTH_FLIPS_KEPT;
		health_flips_after(txn, from, add_flip, events);
		store_abort(txn);
	}
	if (config != NULL && store_begin(config, STORE_PEEK, &txn) == 0) {
		config_each_command(txn, add_command, events);
		store_abort(txn);
	}
}

static int
compare_events(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->wall != y->wall)
		return x->wall < y->wall ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void
print_event(const struct json *json)
{
	const char *reason;
	char *line;

	printf("%.23sZ ", json_text_of(json, "time"));
	if (strcmp(json_text_of(json, "kind"), "monitor") == 0) {
		printf("monitor: %s -> %s\n", json_text_of(json, "before"), json_text_of(json, "state"));
		return;
	}
	if (strcmp(json_text_of(json, "kind"), "health") == 0) {
		bool failed = strcmp(json_text_of(json, "state"), "down") == 0 || strcmp(json_text_of(json, "state"), "suspect") == 0;
		const char *address = json_text_of(json, "address");

		printf("origin %s %s", json_text_of(json, "pool"), json_text_of(json, "origin"));
		if (json_member(json, "addresses") != NULL)
			printf(": %lld -> %lld addresses\n", json_integer_of(json_member(json, "addresses_before")),
			    json_integer_of(json_member(json, "addresses")));
		else
			printf("%s%s%s%s: %s -> %s%s%s%s\n", *address != '\0' ? " " : "", address, *json_text_of(json, "monitor") != '\0' ? " by " : "",
			    json_text_of(json, "monitor"), json_text_of(json, "before"),
			    json_text_of(json, "state"), json_truth(json_member(json, "damped")) ? ", damped" : "", failed ? ": " : "", failed ? json_text_of(json, "failure_reason") : "");
		return;
	}
	reason = json_text_of(json, "reason");
	line = xasprintf("command %lld by %s: %s%s%s%s", json_integer_of(json_member(json, "sequence")), json_text_of(json, "who"),
	    json_text_of(json, "command"), *reason != '\0' ? " (" : "", reason, *reason != '\0' ? ")" : "");
	puts(print_clean(line));
	free(line);
}

/* In the order of time; then they are forgotten. */
static void
print_events(struct events *events, bool as_json)
{
	if (events->count > 1)
		qsort(events->list, events->count, sizeof *events->list, compare_events);
	for (size_t i = 0; i < events->count; i++) {
		if (as_json) {
			char *line = json_write(events->list[i].json, false);

			puts(line);
			free(line);
		} else {
			print_event(events->list[i].json);
		}
		json_drop(events->list[i].json);
	}
	events->count = 0;
	fflush(stdout);
}

/* Read, print and, with --follow, go on until nobody reads. */
static enum exit_code
show(struct args *args, struct events *events)
{
	struct viewer viewer = {.state = args->state};
	struct picture *picture;
	enum exit_code code = EXIT_DONE;

	for (;;) {
		if ((picture = picture_read(&viewer)) == NULL) {
			code = EXIT_REFUSED;
			break;
		}
		find_places(events, picture);
		read_events(events, &viewer);
		print_events(events, args->json);
		picture_free(picture);
		if (!args_flag(args, "follow") || ferror(stdout))
			break;
		while (!viewer_news(&viewer))
			poll(NULL, 0, LOOK_MS);
	}
	viewer_close(&viewer);
	return code;
}

enum exit_code
cmd_events(struct args *args)
{
	struct events events = {.since = INT64_MIN};
	const char *since = args_value(args, "since");
	enum exit_code code;

	if (args->count != 0)
		return args_misused(args, "events takes no words");
	if (since != NULL && !when_read(since, &events.since))
		return args_misused(args, "--since takes a time: 2026-11-20T12:00:00Z, a date, or how long ago as 90s, 30m, 2h, 7d");
	code = show(args, &events);
	free(events.list);
	free(events.places);
	return code;
}
