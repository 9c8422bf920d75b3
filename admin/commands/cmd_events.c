/*
 * events: changes of health and of the configuration on one time line.
 */
#include "admin/cli/print.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/look/filter.h"
#include "admin/look/probed.h"
#include "zones/base/array.h"
#include "zones/state/health.h"

#include <poll.h>
#include <stdlib.h>

enum {
	LOOK_MS = 100,
	SCENES = 8 /* that are remembered */
};

/* One event, as it is printed. */
struct event {
	int64_t wall;
	uint64_t order; /* among events of one time: as they were read */
	char *line;
};

struct events {
	struct event *list;
	size_t count;
	bool as_json;
	struct filter filter;
	uint64_t last_flip, last_command; /* that were read */
	struct store_txn *config;         /* while commands are read */
	struct health_flip *flips;        /* read, and not yet events */
	size_t nflips;
	bool addresses; /* one of them is a change of a hostname's addresses */
	/*
	 * The data that describes flips, the newest first, and the earlier states: a removed origin or
	 * address is only there, and the monitor may follow some commands late.
	 */
	struct scene {
		struct picture *picture;
		struct probed_table probed;
	} scenes[SCENES];
};

/* Takes line. */
static void
add_event(struct events *events, int64_t wall, char *line)
{
	events->list = array_grow(events->list, events->count, sizeof *events->list);
	events->list[events->count] = (struct event){wall, events->count, line};
	events->count++;
}

/* The same of a text; takes it. */
static void
add_text(struct events *events, int64_t wall, char *text)
{
	char when[32];

	wall_text(wall, when);
	add_event(events, wall, xasprintf("%.23sZ %s", when, print_clean(text)));
	free(text);
}

/* Begin an event for programs, and end it. */
static struct json *
json_event(int64_t wall, const char *kind)
{
	struct json *json = json_new_object();
	char when[32];

	wall_text(wall, when);
	json_put_text(json, "time", when);
	json_put_text(json, "kind", kind);
	return json;
}

static void
add_json(struct events *events, int64_t wall, struct json *json)
{
	add_event(events, wall, json_write(json, false));
	json_drop(json);
}

/* --- health --- */

static void
add_isolation(struct events *events, const struct health_flip *flip)
{
	const char *before = flip->isolated ? "judging" : "isolated",
		   *state = flip->isolated ? "isolated" : "judging";
	struct json *json;

	if (!events->as_json) {
		add_text(events, flip->at_wall, xasprintf("monitor: %s -> %s", before, state));
		return;
	}
	json = json_event(flip->at_wall, "monitor");
	json_put_text(json, "before", before);
	json_put_text(json, "state", state);
	add_json(events, flip->at_wall, json);
}

static struct json *
flip_json(const struct probed *probed, const struct health_flip *flip)
{
	struct json *json = json_event(flip->at_wall, "health");
	char text[46];

	json_put_text(json, "pool", probed->pool->name);
	json_put_text(json, "origin", probed->origin->address);
	if (flip->kind == FLIP_ADDRESSES) {
		json_put_integer(json, "addresses_before", flip->count_before);
		json_put_integer(json, "addresses", flip->count);
		json_put_text(json, "failure_reason", probed_flip_failure(flip));
		return json;
	}
	if (origin_is_hostname(probed->origin))
		json_put_text(json, "address", address_to_text(&probed->address, text));
	if (probed->monitor != NULL)
		json_put_text(json, "monitor", probed->monitor);
	json_put_text(json, "before", health_state_text(flip->before));
	json_put_text(json, "state", health_state_text(flip->state));
	json_put_text(json, "failure_reason", health_reason_text(flip->reason));
	if (flip->damped) /* S39 */
		json_put_bool(json, "damped", true);
	return json;
}

/* A flip is one event for each origin that has its endpoint. */
static void
add_flip(struct events *events, const struct health_flip *flip)
{
	const struct picture *picture = NULL;
	const struct probed *probed = NULL;
	size_t count = 0;

	if (flip->kind == FLIP_ISOLATION) {
		add_isolation(events, flip);
		return;
	}
	for (size_t i = 0; i < SCENES && count == 0; i++) {
		probed = probed_find(&events->scenes[i].probed, &flip->endpoint, &count);
		picture = events->scenes[i].picture;
	}
	for (size_t i = 0; i < count; i++)
		if (!filter_origin(&events->filter, picture, probed[i].pool, probed[i].origin))
			continue;
		else if (events->as_json)
			add_json(events, flip->at_wall, flip_json(&probed[i], flip));
		else
			add_text(events, flip->at_wall, probed_flip_text(&probed[i], flip));
}

static bool
keep_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	struct events *events = arg;

	events->last_flip = sequence;
	if (!filter_time(&events->filter, flip->at_wall))
		return true;
	events->flips = array_grow(events->flips, events->nflips, sizeof *events->flips);
	events->flips[events->nflips++] = *flip;
	events->addresses |= flip->kind == FLIP_ADDRESSES;
	return true;
}

static void
read_flips(struct events *events, struct store *health)
{
	struct store_txn *txn;
	uint64_t last, from = events->last_flip;

	if (health == NULL || store_begin(health, STORE_READ, &txn) != 0)
		return;
	last = health_flip_last(txn);
	/* A new store begins again; a store that was not read for long has lost the oldest entries. */
	if (last < from)
		from = 0;
	if (last > HEALTH_FLIPS_KEPT && from < last - HEALTH_FLIPS_KEPT)
		from = last - HEALTH_FLIPS_KEPT;
	health_flips_after(txn, from, keep_flip, events);
	store_abort(txn);
}

/* --- configuration --- */

static void
add_parts(struct events *events, int64_t wall, uint64_t sequence, const char *who, const char *command,
    const char *reason)
{
	struct json *json;

	if (!events->as_json) {
		add_text(events, wall,
		    xasprintf("command %llu by %s: %s%s%s%s", (unsigned long long)sequence, who, command,
			*reason != '\0' ? " (" : "", reason, *reason != '\0' ? ")" : ""));
		return;
	}
	json = json_event(wall, "config");
	json_put_integer(json, "sequence", (long long)sequence);
	json_put_text(json, "who", who);
	json_put_text(json, "command", command);
	json_put_text(json, "reason", reason);
	add_json(events, wall, json);
}

static bool
add_command(void *arg, uint64_t sequence, struct bytes head)
{
	struct events *events = arg;
	struct json *from = json_read_quietly(head);
	int64_t wall = json_integer_of(json_member(from, "time"));

	events->last_command = sequence;
	if (from != NULL && filter_time(&events->filter, wall) &&
	    filter_command(&events->filter, events->config, sequence))
		add_parts(events, wall, sequence, json_text_of(from, "who"), json_text_of(from, "command"),
		    json_text_of(from, "reason"));
	json_drop(from);
	return true;
}

static void
read_commands(struct events *events, struct store *config)
{
	struct store_txn *txn;

	if (config == NULL || store_begin(config, STORE_PEEK, &txn) != 0)
		return;
	if (config_generation(txn) < events->last_command) /* a new store */
		events->last_command = 0;
	events->config = txn;
	config_each_command(txn, events->last_command, add_command, events);
	store_abort(txn);
}

/* --- both --- */

static void
free_scene(struct scene *scene)
{
	probed_free(&scene->probed);
	picture_free(scene->picture);
}

static bool
read_picture(struct events *events, struct viewer *viewer)
{
	struct picture *picture = picture_read(viewer);

	if (picture == NULL)
		return false;
	filter_picture(&events->filter, picture);
	free_scene(&events->scenes[SCENES - 1]);
	memmove(events->scenes + 1, events->scenes, (SCENES - 1) * sizeof events->scenes[0]);
	events->scenes[0] = (struct scene){picture, probed_of(picture)};
	return true;
}

/*
 * The events since the last reading.  The flips are read before the configuration that caused them; a
 * picture, which reads everything, is made only if that or the addresses of a hostname changed.
 */
static bool
read_events(struct events *events, struct viewer *viewer)
{
	bool first = events->scenes[0].picture == NULL, changed;

	events->nflips = 0;
	events->addresses = false;
	if (viewer_news_of(viewer, STORE_HEALTH))
		read_flips(events, viewer->stores[STORE_HEALTH]);
	/* After the flips: the commands that caused them were committed before. */
	changed = viewer_news_of(viewer, STORE_CONFIG);
	if (first || changed || events->addresses) {
		if (!read_picture(events, viewer))
			return false;
		/* The result does not matter: a picture includes everything that was written since. */
		read_commands(events, viewer->stores[STORE_CONFIG]);
	}
	for (size_t i = 0; i < events->nflips; i++)
		add_flip(events, &events->flips[i]);
	return true;
}

static int
compare_events(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->wall != y->wall)
		return x->wall < y->wall ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* In the order of time; then they are forgotten. */
static void
print_events(struct events *events)
{
	if (events->count > 1)
		qsort(events->list, events->count, sizeof *events->list, compare_events);
	for (size_t i = 0; i < events->count; i++) {
		puts(events->list[i].line);
		free(events->list[i].line);
	}
	events->count = 0;
	fflush(stdout);
}

/* Read, print and, with --follow, continue until the output is closed. */
static enum exit_code
show(const struct args *args, struct events *events)
{
	struct viewer viewer = {.state = args->state};
	enum exit_code code = EXIT_DONE;

	while (code == EXIT_DONE && !ferror(stdout)) {
		if (!read_events(events, &viewer))
			code = EXIT_REFUSED;
		print_events(events);
		if (!args_flag(args, "follow"))
			break;
		poll(NULL, 0, LOOK_MS);
	}
	for (size_t i = 0; i < SCENES; i++)
		free_scene(&events->scenes[i]);
	viewer_close(&viewer);
	return code;
}

enum exit_code
cmd_events(struct args *args)
{
	struct events events = {.as_json = args->json};
	enum exit_code code;

	if (args->count != 0)
		return args_misused(args, "events takes no words");
	if (filter_read(args, &events.filter) != EXIT_DONE)
		return EXIT_USAGE;
	read_tell_absent(args->state);
	code = show(args, &events);
	free(events.list);
	free(events.flips);
	return code;
}
