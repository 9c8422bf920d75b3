#include "admin/look/timeline.h"

#include "admin/cli/print.h"
#include "admin/look/probed.h"
#include "admin/look/votes.h"
#include "zones/base/array.h"
#include "zones/state/health.h"

#include <stdlib.h>

enum { SCENES = 8 /* that are remembered */, FIRST_MOST = 200 };

struct flip {
	uint64_t sequence;
	struct health_flip flip;
	/* S93: the node that saw it first; "": this node stands alone, or it is not known. */
	char node[NODE_NAME_MAX + 1], site[NODE_SITE_MAX + 1];
	int64_t seen_wall;
};

struct timeline {
	bool as_json;
	struct filter filter;
	struct viewer viewer; /* the stores are those of the caller's; the plan is its own */
	uint64_t config_of;   /* the number of the commit that the newest scene is of */
	struct flip *flips;   /* read, and not yet events */
	size_t nflips, most;
	bool addresses;           /* some of them is of a hostname's addresses */
	struct store_txn *config; /* while commands are read */
	struct timeline_events flip_events, command_events;
	struct timeline_cursor at; /* while events are made */
	/*
	 * The data that describes flips, the newest first, and the earlier states: a removed origin or
	 * address is only there, and the monitor may follow some commands late.
	 */
	struct scene {
		struct picture *picture;
		struct probed_table probed;
	} scenes[SCENES];
};

/* ---- events ---- */

/* Takes line. */
static void
add_line(struct timeline_events *events, int64_t wall, const char *kind, char *line)
{
	events->list = array_grow(events->list, events->count, sizeof *events->list);
	events->list[events->count++] = (struct timeline_event){.wall = wall, .kind = kind, .line = line};
}

/* The same of a text; takes it. */
static void
add_text(struct timeline_events *events, int64_t wall, const char *kind, char *text)
{
	char when[32];

	wall_text(wall, when);
	add_line(events, wall, kind, xasprintf("%.23sZ %s", when, print_clean(text)));
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
add_json(struct timeline_events *events, int64_t wall, const char *kind, struct json *json)
{
	add_line(events, wall, kind, json_write(json, false));
	json_drop(json);
}

static int
compare_events(const void *a, const void *b)
{
	const struct timeline_event *x = a, *y = b;

	if (x->wall != y->wall)
		return x->wall < y->wall ? -1 : 1;
	if (x->cursor.flip != y->cursor.flip)
		return x->cursor.flip < y->cursor.flip ? -1 : 1;
	return x->cursor.command < y->cursor.command ? -1 : x->cursor.command > y->cursor.command;
}

void
timeline_sort(struct timeline_events *events)
{
	if (events->count > 1)
		qsort(events->list, events->count, sizeof *events->list, compare_events);
}

void
timeline_forget(struct timeline_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		free(events->list[i].line);
	free(events->list);
	*events = (struct timeline_events){.list = NULL};
}

/* ---- health ---- */

static void
add_isolation(struct timeline *timeline, const struct health_flip *flip)
{
	const char *before = flip->isolated ? "judging" : "isolated",
		   *state = flip->isolated ? "isolated" : "judging";
	struct json *json;

	if (!timeline->as_json) {
		add_text(&timeline->flip_events, flip->at_wall, "monitor",
		    xasprintf("monitor: %s -> %s", before, state));
		return;
	}
	json = json_event(flip->at_wall, "monitor");
	json_put_text(json, "before", before);
	json_put_text(json, "state", state);
	add_json(&timeline->flip_events, flip->at_wall, "monitor", json);
}

static struct json *
flip_json(const struct probed *probed, const struct flip *of)
{
	const struct health_flip *flip = &of->flip;
	struct json *json = json_event(flip->at_wall, "health");
	char text[46], seen[32];

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
	if (of->site[0] != '\0') {
		wall_text(of->seen_wall, seen);
		json_put_text(json, "first_site", of->site);
		json_put_text(json, "first_node", of->node);
		json_put_text(json, "first_seen", seen);
	}
	return json;
}

/* The text with the site that saw it first. */
static char *
flip_text(const struct probed *probed, const struct flip *of)
{
	char *text = probed_flip_text(probed, &of->flip), *longer, seen[32];

	if (of->site[0] == '\0')
		return text;
	wall_text(of->seen_wall, seen);
	longer = xasprintf("%s; first seen by %s (%s) at %.12sZ", text, of->site, of->node, seen + 11);
	free(text);
	return longer;
}

/* A flip is one event for each origin that its endpoint stands for. */
static void
add_flip(struct timeline *timeline, const struct flip *of)
{
	const struct health_flip *flip = &of->flip;
	const struct picture *picture = NULL;
	const struct probed *probed = NULL;
	size_t count = 0;

	if (flip->kind == FLIP_ISOLATION) {
		add_isolation(timeline, flip);
		return;
	}
	for (size_t i = 0; i < SCENES && count == 0; i++) {
		probed = probed_find(&timeline->scenes[i].probed, &flip->endpoint, &count);
		picture = timeline->scenes[i].picture;
	}
	for (size_t i = 0; i < count; i++)
		if (!filter_origin(&timeline->filter, picture, probed[i].pool, probed[i].origin))
			continue;
		else if (timeline->as_json)
			add_json(&timeline->flip_events, flip->at_wall, "health", flip_json(&probed[i], of));
		else
			add_text(&timeline->flip_events, flip->at_wall, "health", flip_text(&probed[i], of));
}

static bool
keep_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	struct timeline *timeline = arg;

	if (timeline->most-- == 0)
		return false;
	timeline->at.flip = sequence;
	if (!filter_time(&timeline->filter, flip->at_wall))
		return true;
	timeline->flips = array_grow(timeline->flips, timeline->nflips, sizeof *timeline->flips);
	timeline->flips[timeline->nflips++] = (struct flip){.sequence = sequence, .flip = *flip};
	timeline->addresses |= flip->kind == FLIP_ADDRESSES;
	return true;
}

/* S93: which site saw each flip first. */
static void
find_first(struct timeline *timeline, struct store_txn *cluster)
{
	struct cluster_vote_flip first;

	/* Each looks through some thousand votes. */
	for (size_t i = timeline->nflips > FIRST_MOST ? timeline->nflips - FIRST_MOST : 0;
	     i < timeline->nflips; i++) {
		struct flip *of = &timeline->flips[i];

		if (of->flip.kind != FLIP_STATE || !votes_first(cluster, &of->flip, &first))
			continue;
		memcpy(of->node, first.node, sizeof of->node);
		memcpy(of->site, first.site, sizeof of->site);
		of->seen_wall = first.at_wall;
	}
}

static void
read_flips(struct timeline *timeline, struct store *health, size_t most, bool *gap)
{
	struct store_txn *txn;
	uint64_t last, from = timeline->at.flip;

	timeline->nflips = 0;
	timeline->addresses = false;
	timeline->most = most;
	if (health == NULL || store_begin(health, STORE_PEEK, &txn) != 0)
		return;
	last = health_flip_last(txn);
	/* A new store begins again; a store that was not read for long has lost the oldest entries. */
	if (last < from)
		from = timeline->at.flip = 0;
	if (last > HEALTH_FLIPS_KEPT && from < last - HEALTH_FLIPS_KEPT) {
		from = last - HEALTH_FLIPS_KEPT;
		*gap = true;
	}
	if (last > from)
		health_flips_after(txn, from, keep_flip, timeline);
	if (timeline->most != SIZE_MAX) /* all were read */
		timeline->at.flip = last;
	if (store_kind(health) == STORE_CLUSTER)
		find_first(timeline, txn);
	store_abort(txn);
}

/* The events of the flips that were read; the last one of each has the cursor behind it. */
static void
add_flips(struct timeline *timeline)
{
	uint64_t before = timeline->nflips > 0 ? timeline->flips[0].sequence - 1 : 0;

	for (size_t i = 0; i < timeline->nflips; i++) {
		struct timeline_events *events = &timeline->flip_events;
		size_t first = events->count;

		add_flip(timeline, &timeline->flips[i]);
		for (size_t n = first; n < events->count; n++)
			events->list[n].cursor.flip =
			    n + 1 < events->count ? before : timeline->flips[i].sequence;
		before = timeline->flips[i].sequence;
	}
}

/* ---- configuration ---- */

static void
add_parts(struct timeline *timeline, int64_t wall, uint64_t sequence, const struct json *head)
{
	const char *who = json_text_of(head, "who"), *command = json_text_of(head, "command"),
		   *reason = json_text_of(head, "reason");
	struct timeline_events *events = &timeline->command_events;
	struct json *json;

	if (!timeline->as_json) {
		add_text(events, wall, "config",
		    xasprintf("command %llu by %s: %s%s%s%s", (unsigned long long)sequence, who, command,
			*reason != '\0' ? " (" : "", reason, *reason != '\0' ? ")" : ""));
	} else {
		json = json_event(wall, "config");
		json_put_integer(json, "sequence", (long long)sequence);
		json_put_text(json, "who", who);
		json_put_text(json, "command", command);
		json_put_text(json, "reason", reason);
		add_json(events, wall, "config", json);
	}
	events->list[events->count - 1].cursor.command = sequence;
}

static bool
add_command(void *arg, uint64_t sequence, struct bytes head)
{
	struct timeline *timeline = arg;
	struct json *from;
	int64_t wall;

	if (timeline->most-- == 0)
		return false;
	timeline->at.command = sequence;
	from = json_read_quietly(head);
	wall = json_integer_of(json_member(from, "time"));
	if (from != NULL && filter_time(&timeline->filter, wall) &&
	    filter_command(&timeline->filter, timeline->config, sequence))
		add_parts(timeline, wall, sequence, from);
	json_drop(from);
	return true;
}

static void
read_commands(struct timeline *timeline, struct store *config, size_t most)
{
	struct store_txn *txn;

	timeline->most = most;
	if (config == NULL || store_begin(config, STORE_PEEK, &txn) != 0)
		return;
	if (config_generation(txn) < timeline->at.command) /* a new store */
		timeline->at.command = 0;
	timeline->config = txn;
	if (config_generation(txn) > timeline->at.command)
		config_each_command(txn, timeline->at.command, add_command, timeline);
	if (timeline->most != SIZE_MAX) /* all were read */
		timeline->at.command = config_generation(txn);
	store_abort(txn);
}

/* ---- scenes ---- */

static void
free_scene(struct scene *scene)
{
	probed_free(&scene->probed);
	picture_free(scene->picture);
}

static bool
read_picture(struct timeline *timeline, struct viewer *viewer)
{
	struct viewer *own = &timeline->viewer;
	struct picture *picture;

	own->state = viewer->state;
	own->borrowed = viewer->borrowed;
	memcpy(own->stores, viewer->stores, sizeof own->stores);
	memcpy(own->logged_error, viewer->logged_error, sizeof own->logged_error);
	plan_release(own->plan);
	own->plan = NULL;
	picture = picture_read(own);
	memcpy(viewer->stores, own->stores, sizeof own->stores); /* it may have opened one */
	memcpy(viewer->logged_error, own->logged_error, sizeof own->logged_error);
	if (picture == NULL)
		return false;
	filter_picture(&timeline->filter, picture);
	free_scene(&timeline->scenes[SCENES - 1]);
	memmove(timeline->scenes + 1, timeline->scenes, (SCENES - 1) * sizeof timeline->scenes[0]);
	timeline->scenes[0] = (struct scene){picture, probed_of(picture)};
	return true;
}

static uint64_t
number_of(struct store *store)
{
	struct store_txn *txn;
	uint64_t number = 0;

	if (store != NULL && store_begin(store, STORE_PEEK, &txn) == 0) {
		number = store_txn_number(txn);
		store_abort(txn);
	}
	return number;
}

static bool
look(struct timeline *timeline, struct viewer *viewer, bool must)
{
	uint64_t number;

	viewer_news_of(viewer, STORE_CONFIG);
	number = number_of(viewer->stores[STORE_CONFIG]);
	if (!must && timeline->scenes[0].picture != NULL && number == timeline->config_of &&
	    !plan_ended(timeline->scenes[0].picture->plan))
		return true;
	timeline->config_of = number;
	return read_picture(timeline, viewer);
}

bool
timeline_look(struct timeline *timeline, struct viewer *viewer)
{
	return look(timeline, viewer, false);
}

const struct picture *
timeline_picture(const struct timeline *timeline)
{
	return timeline->scenes[0].picture;
}

/* ---- both ---- */

/* Put the two lists into one. An event's cursor has what was read of the other feed before it, too. */
static void
merge(struct timeline *timeline, struct timeline_cursor before, struct timeline_events *events)
{
	struct timeline_events *flips = &timeline->flip_events, *commands = &timeline->command_events;
	struct timeline_cursor cursor = before;
	size_t f = 0, c = 0;

	while (f < flips->count || c < commands->count) {
		bool flip = c == commands->count ||
		    (f < flips->count && flips->list[f].wall <= commands->list[c].wall);
		struct timeline_event *event = flip ? &flips->list[f++] : &commands->list[c++];

		if (flip)
			cursor.flip = event->cursor.flip;
		else
			cursor.command = event->cursor.command;
		event->cursor = cursor;
		events->list = array_grow(events->list, events->count, sizeof *events->list);
		events->list[events->count++] = *event;
	}
	free(flips->list);
	free(commands->list);
	*flips = *commands = (struct timeline_events){.list = NULL};
}

/*
 * The flips are read before the configuration that they come of: that was committed before them.
 */
bool
timeline_read(struct timeline *timeline, struct viewer *viewer, struct timeline_cursor *cursor, size_t most,
    struct timeline_events *events)
{
	struct timeline_cursor before = *cursor;
	enum store_kind verdicts;

	timeline->at = *cursor;
	viewer_news_of(viewer, STORE_CONFIG);
	verdicts = viewer_verdicts(viewer);
	viewer_news_of(viewer, verdicts);
	read_flips(timeline, viewer->stores[verdicts], most, &events->gap);
	if (!look(timeline, viewer, timeline->addresses))
		return false;
	read_commands(timeline, viewer->stores[STORE_CONFIG], most);
	add_flips(timeline);
	merge(timeline, before, events);
	*cursor = timeline->at;
	return true;
}

struct timeline_cursor
timeline_present(struct viewer *viewer)
{
	struct timeline_cursor cursor = {0, 0};
	enum store_kind verdicts;
	struct store_txn *txn;

	viewer_news_of(viewer, STORE_CONFIG);
	verdicts = viewer_verdicts(viewer);
	viewer_news_of(viewer, verdicts);
	if (viewer->stores[verdicts] != NULL &&
	    store_begin(viewer->stores[verdicts], STORE_PEEK, &txn) == 0) {
		cursor.flip = health_flip_last(txn);
		store_abort(txn);
	}
	if (viewer->stores[STORE_CONFIG] != NULL &&
	    store_begin(viewer->stores[STORE_CONFIG], STORE_PEEK, &txn) == 0) {
		cursor.command = config_generation(txn);
		store_abort(txn);
	}
	return cursor;
}

struct timeline *
timeline_new(const struct filter *filter, bool as_json)
{
	struct timeline *timeline = xcalloc(1, sizeof *timeline);

	timeline->filter = *filter;
	timeline->as_json = as_json;
	return timeline;
}

void
timeline_free(struct timeline *timeline)
{
	if (timeline == NULL)
		return;
	for (size_t i = 0; i < SCENES; i++)
		free_scene(&timeline->scenes[i]);
	plan_release(timeline->viewer.plan);
	free(timeline->flips);
	free(timeline);
}
