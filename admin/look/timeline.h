/*
 * timeline.h -- what happened, health and configuration on one time line: for `graycloud events` and the API.
 *
 * The stores keep two feeds, flips and commands. A cursor says how far each was read, so a reader that keeps
 * its cursor loses nothing. A timeline keeps the pictures that describe flips: an origin or an address that
 * was removed is only in older ones.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include "admin/look/filter.h"

struct timeline_cursor {
	uint64_t flip, command; /* the last ones that were read */
};

struct timeline_event {
	int64_t wall;
	const char *kind;              /* "health", "monitor" or "config" */
	char *line;                    /* for people, or JSON */
	struct timeline_cursor cursor; /* after this event */
};

/* Grows with each timeline_read; starts as {0}. */
struct timeline_events {
	struct timeline_event *list;
	size_t count;
	bool gap; /* the feeds no longer reach back to the cursor */
};
/* Oldest first; events of one time as they were read. */
void timeline_sort(struct timeline_events *events);
void timeline_forget(struct timeline_events *events);

struct timeline;

/* Only what fits the filter, whose texts must outlive the timeline; lines in JSON or for people. */
struct timeline *timeline_new(const struct filter *filter, bool as_json);
void timeline_free(struct timeline *timeline);

/*
 * Add what came after the cursor, at most this number of entries of each feed, and move the cursor. Each feed
 * is in its own order; the two are merged by time. False if the configuration cannot be read, after a
 * sentence on stderr. Opens the viewer's stores if they are new.
 */
bool timeline_read(struct timeline *timeline, struct viewer *viewer, struct timeline_cursor *cursor,
    size_t most, struct timeline_events *events);
/* The cursor of the present: what comes now is after it. */
struct timeline_cursor timeline_present(struct viewer *viewer);
/* The picture that was read last; NULL: none yet. */
const struct picture *timeline_picture(const struct timeline *timeline);
/* Read a new picture if the configuration is another one, or what was disabled for a time ended. */
bool timeline_look(struct timeline *timeline, struct viewer *viewer);

#endif
