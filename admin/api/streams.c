#include "admin/api/streams.h"

#include "admin/api/connections.h"
#include "admin/look/status_json.h"
#include "admin/look/timeline.h"

#include <err.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>

enum { TICK_MS = 100, SLICE = 200 /* entries of each feed at once */ };

struct stream {
	struct streams *streams;
	struct exchange *exchange;
	struct timeline_cursor cursor;
	char *token;
	uint64_t beat_ms; /* of the last octets that were sent */
	uint64_t states;  /* the edition of the states that were sent last */
	LIST_ENTRY(stream) next;
};

/* The present states, not events: sent when a client connects, and after each change. */
struct state {
	const char *kind;
	char *data; /* JSON; NULL: not known yet */
	uint64_t edition;
};

struct streams {
	struct viewer *viewer;
	struct timeline *timeline;
	struct event *tick;
	struct timeline_cursor present;
	struct state states[2];
	uint64_t edition;
	bool (*valid)(void *arg, const char *token);
	void *arg;
	LIST_HEAD(, stream) all;
	unsigned count;
};

/* ---- one client ---- */

static void
end(struct stream *stream)
{
	struct streams *streams = stream->streams;

	exchange_end(stream->exchange, true);
	LIST_REMOVE(stream, next);
	streams->count--;
	free(stream->token);
	free(stream);
}

static void
gone(void *arg)
{
	end(arg);
}

static void
put(struct stream *stream, const char *kind, const char *data, bool id)
{
	char *text = id
	    ? xasprintf("id: %llu-%llu\nevent: %s\ndata: %s\n\n", (unsigned long long)stream->cursor.flip,
		  (unsigned long long)stream->cursor.command, kind, data)
	    : xasprintf("event: %s\ndata: %s\n\n", kind, data);

	exchange_send(stream->exchange, text, strlen(text));
	stream->beat_ms = boot_ms();
	free(text);
}

static void
put_states(struct stream *stream)
{
	const struct streams *streams = stream->streams;

	for (size_t i = 0; i < NITEMS(streams->states); i++)
		if (streams->states[i].data != NULL && streams->states[i].edition > stream->states)
			put(stream, streams->states[i].kind, streams->states[i].data, false);
	stream->states = streams->edition;
}

/* The next events after the client's cursor. */
static void
put_events(struct stream *stream)
{
	struct streams *streams = stream->streams;
	struct timeline_cursor after = stream->cursor;
	struct timeline_events events = {.list = NULL};

	if (!timeline_read(streams->timeline, streams->viewer, &after, SLICE, &events)) {
		timeline_forget(&events);
		return;
	}
	if (events.gap)
		put(stream, "gap", "{\"kind\":\"gap\"}", false);
	for (size_t i = 0; i < events.count; i++) {
		stream->cursor = events.list[i].cursor;
		put(stream, events.list[i].kind, events.list[i].line, true);
	}
	stream->cursor = after;
	timeline_forget(&events);
}

/* A comment, so that something comes; and the id, which went on without an event. */
static void
put_beat(struct stream *stream)
{
	char *text = xasprintf("id: %llu-%llu\n: heartbeat\n\n", (unsigned long long)stream->cursor.flip,
	    (unsigned long long)stream->cursor.command);

	exchange_send(stream->exchange, text, strlen(text));
	stream->beat_ms = boot_ms();
	free(text);
}

static bool
is_behind(const struct stream *stream)
{
	const struct timeline_cursor *present = &stream->streams->present;

	return stream->cursor.flip != present->flip || stream->cursor.command != present->command;
}

/* A client that has not taken the last slice waits. */
static void
go_on(struct stream *stream)
{
	if (exchange_untaken(stream->exchange) > 0)
		return;
	if (is_behind(stream))
		put_events(stream);
	put_states(stream);
	if (boot_ms() - stream->beat_ms >= STREAMS_BEAT_S * 1000)
		put_beat(stream);
}

static void
moved(void *arg)
{
	struct stream *stream = arg;

	if (is_behind(stream))
		go_on(stream);
}

/* ---- states ---- */

static void
set_state(struct streams *streams, struct state *state, char *data)
{
	if (state->data != NULL && strcmp(state->data, data) == 0) {
		free(data);
		return;
	}
	free(state->data);
	state->data = data;
	state->edition = ++streams->edition;
}

/* The generation that is served, and what is out by hand. */
static void
look_at_states(struct streams *streams)
{
	struct serving_status *status = xcalloc(1, sizeof *status);
	struct json *json = json_new_object();
	struct store_txn *txn;
	bool answering = false;

	viewer_news_of(streams->viewer, STORE_SERVING);
	if (streams->viewer->stores[STORE_SERVING] != NULL &&
	    store_begin(streams->viewer->stores[STORE_SERVING], STORE_PEEK, &txn) == 0) {
		answering = serving_get(txn, status) && !serving_dead(status, boot_ms()) && status->ready;
		store_abort(txn);
	}
	json_put_text(json, "kind", "generation");
	json_put_bool(json, "answering", answering);
	json_put_integer(json, "generation", (long long)status->generation);
	json_put_text(json, "compile_error", *status->compile_error != '\0' ? status->compile_error : NULL);
	set_state(streams, &streams->states[0], json_write(json, false));
	json_drop(json);
	free(status);
	if (!timeline_look(streams->timeline, streams->viewer))
		return;
	json = json_new_object();
	json_put_text(json, "kind", "interventions");
	json_put(json, "interventions", picture_interventions_json(timeline_picture(streams->timeline)));
	set_state(streams, &streams->states[1], json_write(json, false));
	json_drop(json);
}

static void
wait_for_tick(struct streams *streams)
{
	const struct timeval wait = {0, TICK_MS * 1000};

	evtimer_add(streams->tick, &wait);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct streams *streams = arg;
	struct stream *stream, *following;

	(void)fd, (void)what;
	if (streams->count == 0)
		return;
	streams->present = timeline_present(streams->viewer);
	look_at_states(streams);
	for (stream = LIST_FIRST(&streams->all); stream != NULL; stream = following) {
		following = LIST_NEXT(stream, next);
		if (streams->valid(streams->arg, stream->token))
			go_on(stream);
		else
			end(stream);
	}
	wait_for_tick(streams);
}

/* ---- all ---- */

struct streams *
streams_new(
    struct event_base *base, struct viewer *viewer, bool (*valid)(void *arg, const char *token), void *arg)
{
	static const struct filter everything = {.since = INT64_MIN, .until = INT64_MAX};
	struct streams *streams = xcalloc(1, sizeof *streams);

	*streams = (struct streams){.viewer = viewer,
	    .valid = valid,
	    .arg = arg,
	    .timeline = timeline_new(&everything, true),
	    .states = {{.kind = "generation"}, {.kind = "interventions"}}};
	LIST_INIT(&streams->all);
	if ((streams->tick = evtimer_new(base, on_tick, streams)) == NULL)
		errx(1, "out of memory");
	return streams;
}

void
streams_free(struct streams *streams)
{
	if (streams == NULL)
		return;
	while (!LIST_EMPTY(&streams->all))
		end(LIST_FIRST(&streams->all));
	event_free(streams->tick);
	timeline_free(streams->timeline);
	for (size_t i = 0; i < NITEMS(streams->states); i++)
		free(streams->states[i].data);
	free(streams);
}

/* FLIP-COMMAND */
static bool
read_id(struct timeline_cursor *cursor, const char *id)
{
	char *words = xstrdup(id), *dash = strchr(words, '-');
	bool good = false;

	if (dash != NULL) {
		*dash = '\0';
		good = whole_from_text(words, UINT64_MAX, &cursor->flip) &&
		    whole_from_text(dash + 1, UINT64_MAX, &cursor->command);
	}
	free(words);
	return good;
}

bool
streams_add(struct streams *streams, struct exchange *exchange, const char *id, const char *token)
{
	struct stream *stream;

	if (streams->count >= STREAMS_MAX)
		return false;
	stream = xcalloc(1, sizeof *stream);
	*stream = (struct stream){.streams = streams, .exchange = exchange, .token = xstrdup(token)};
	streams->present = timeline_present(streams->viewer);
	if (id == NULL || !read_id(&stream->cursor, id))
		stream->cursor = streams->present;
	LIST_INSERT_HEAD(&streams->all, stream, next);
	if (streams->count++ == 0)
		wait_for_tick(streams);
	exchange_header(exchange, "Content-Type", "text/event-stream");
	exchange_header(exchange, "Cache-Control", "no-store");
	exchange_header(exchange, "X-Accel-Buffering", "no"); /* of nginx in front */
	exchange_begin(exchange, 200, -1, moved, gone, stream);
	put_beat(stream);
	return true;
}

unsigned
streams_count(const struct streams *streams)
{
	return streams->count;
}
