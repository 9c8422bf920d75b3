#include "signer/time/outside.h"

#include "zones/base/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	/* The look of the next day may be late by those at other zones. */
	HOLDS_MS = 25 * 3600 * 1000,
	TIME_TEXT = 24
};

void
outside_free(struct outside *outside)
{
	free(outside->zones);
	*outside = (struct outside){0};
}

/* ---- the zones ---- */

static struct outside_zone *
find(const struct outside *outside, uint32_t zone)
{
	for (size_t i = 0; i < outside->count; i++)
		if (outside->zones[i].zone == zone)
			return &outside->zones[i];
	return NULL;
}

static struct outside_zone *
find_or_add(struct outside *outside, uint32_t zone)
{
	struct outside_zone *found = find(outside, zone);

	if (found != NULL)
		return found;
	outside->zones = array_grow(outside->zones, outside->count, sizeof *outside->zones);
	found = &outside->zones[outside->count++];
	*found = (struct outside_zone){.zone = zone};
	return found;
}

static void
forget(struct outside_zone *zone)
{
	zone->changed |= zone->time.says != PARENT_SILENT;
	zone->time.says = PARENT_SILENT;
}

void
outside_list_begin(struct outside *outside, uint64_t boot_ms)
{
	for (size_t i = 0; i < outside->count; i++)
		outside->zones[i].listed = false;
	outside->listed_ms = boot_ms;
}

void
outside_list_add(struct outside *outside, uint32_t zone, const uint8_t *apex)
{
	struct outside_zone *listed = find_or_add(outside, zone);

	listed->listed = true;
	memcpy(listed->apex, apex, name_len(apex));
}

void
outside_list_end(struct outside *outside)
{
	for (size_t i = 0; i < outside->count; i++)
		if (!outside->zones[i].listed)
			forget(&outside->zones[i]);
}

void
outside_keep(struct outside *outside, outside_zone_fn *is_signed, void *arg)
{
	for (size_t i = 0; i < outside->count; i++)
		if (!is_signed(arg, outside->zones[i].zone)) {
			outside->zones[i].listed = false;
			forget(&outside->zones[i]);
		}
}

/* ---- rows ---- */

static void
load(void *arg, uint32_t zone, const struct parent_time *time)
{
	find_or_add(arg, zone)->time = *time;
}

void
outside_load(struct outside *outside, struct store_txn *sets, bool trust)
{
	outside->told = clock_trust_get(sets);
	outside->trusted = trust || outside->told;
	parent_times_each(sets, load, outside);
}

int
outside_write(struct outside *outside, struct store_txn *sets)
{
	int error = 0;

	if (outside->trusted && !outside->told && (error = clock_trust_put(sets)) == 0)
		outside->told = true;
	for (size_t i = 0; i < outside->count && error == 0; i++) {
		struct outside_zone *zone = &outside->zones[i];

		if (!zone->changed)
			continue;
		error = zone->time.says > PARENT_NOTHING ? parent_time_put(sets, zone->zone, &zone->time)
							 : parent_time_delete(sets, zone->zone);
		zone->changed = error != 0;
	}
	return error;
}

void
outside_write_again(struct outside *outside)
{
	outside->told = false;
	for (size_t i = 0; i < outside->count; i++)
		outside->zones[i].changed = true;
}

/* ---- doubt ---- */

void
outside_begin_doubt(struct outside *outside, int64_t ahead_days)
{
	if (outside->doubt != OUTSIDE_SURE || outside->trusted)
		return;
	outside->doubt = OUTSIDE_IN_DOUBT;
	outside->ahead_days = ahead_days;
	outside->listed_ms = 0;
	for (size_t i = 0; i < outside->count; i++) {
		outside->zones[i].answered = false;
		if (outside->zones[i].time.says == PARENT_HOLDS)
			forget(&outside->zones[i]); /* by the clock of another boot */
	}
}

static bool
is_answered(const struct outside *outside)
{
	for (size_t i = 0; i < outside->count; i++)
		if (outside->zones[i].listed && !outside->zones[i].answered)
			return false;
	return outside->listed_ms != 0;
}

static void
end_doubt(struct outside *outside, uint64_t boot_ms)
{
	if (outside->doubt != OUTSIDE_IN_DOUBT && outside->doubt != OUTSIDE_UNSEEN)
		return;
	if (is_answered(outside))
		outside->doubt = OUTSIDE_ANSWERED;
	else if (outside->doubt_ms != 0 && boot_ms - outside->doubt_ms >= OUTSIDE_WAIT_MS &&
	    !outside->looking)
		outside->doubt = OUTSIDE_UNSEEN;
}

/* ---- looks ---- */

bool
outside_needs_looks(const struct outside *outside, int64_t wall_ms)
{
	return outside->doubt == OUTSIDE_IN_DOUBT || outside->doubt == OUTSIDE_UNSEEN ||
	    outside_is_off(outside, wall_ms);
}

const struct outside_zone *
outside_due(const struct outside *outside, uint64_t boot_ms, int64_t retry_ms)
{
	const struct outside_zone *due = NULL;

	for (size_t i = 0; i < outside->count; i++) {
		const struct outside_zone *zone = &outside->zones[i];
		int64_t pace = outside->doubt == OUTSIDE_IN_DOUBT && !zone->answered
		    ? MIN(retry_ms, (int64_t)OUTSIDE_AGAIN_MS)
		    : retry_ms;

		if (zone->listed && (zone->tried_ms == 0 || boot_ms - zone->tried_ms >= (uint64_t)pace) &&
		    (due == NULL || zone->tried_ms < due->tried_ms))
			due = zone;
	}
	return due;
}

void
outside_begin_look(struct outside *outside, uint32_t zone, uint64_t boot_ms)
{
	find_or_add(outside, zone)->tried_ms = boot_ms;
	if (outside->doubt == OUTSIDE_IN_DOUBT && outside->doubt_ms == 0)
		outside->doubt_ms = boot_ms;
	outside->looking = true;
}

void
outside_note(struct outside *outside, uint32_t zone, const struct parent_time *time)
{
	struct outside_zone *found;

	outside->looking = false;
	if (time->says == PARENT_SILENT)
		return; /* what was known before is known still */
	found = find_or_add(outside, zone);
	found->answered = true;
	found->time = *time;
	found->changed = true;
	if (time->says == PARENT_HOLDS && outside->doubt != OUTSIDE_SURE)
		outside->doubt = OUTSIDE_ANSWERED;
}

/* ---- the result ---- */

static const struct outside_zone *
newest_off(const struct outside *outside)
{
	const struct outside_zone *off = NULL;

	for (size_t i = 0; i < outside->count; i++)
		if (outside->zones[i].time.says == PARENT_OFF &&
		    (off == NULL || outside->zones[i].time.at_ms > off->time.at_ms))
			off = &outside->zones[i];
	return off;
}

/* A parent whose signatures held a while ago. */
static bool
one_holds(const struct outside *outside, int64_t wall_ms)
{
	for (size_t i = 0; i < outside->count; i++) {
		int64_t age = wall_ms - outside->zones[i].time.at_ms;

		if (outside->zones[i].time.says == PARENT_HOLDS && age < HOLDS_MS && age > -HOLDS_MS)
			return true;
	}
	return false;
}

bool
outside_is_off(const struct outside *outside, int64_t wall_ms)
{
	return !outside->trusted && newest_off(outside) != NULL && !one_holds(outside, wall_ms);
}

/* "2026-11-30T12:00Z". The time is one of 32 bits (RFC 4034 3.1.5), near the wall clock. */
static const char *
time_text(char out[TIME_TEXT], uint32_t seconds, int64_t wall_ms)
{
	int64_t now = wall_ms / 1000;
	time_t time = (time_t)(now + (int32_t)(seconds - (uint32_t)now));
	struct tm when;

	if (gmtime_r(&time, &when) == NULL || strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%MZ", &when) == 0)
		snprintf(out, TIME_TEXT, "?");
	return out;
}

static void
tell_off(const struct parent_time *time, char text[OUTSIDE_TEXT])
{
	uint32_t now = (uint32_t)(time->at_ms / 1000);
	bool ended = (int32_t)(time->until - now) < 0, begun = (int32_t)(time->from - now) <= 0;
	char from[TIME_TEXT], until[TIME_TEXT];

	snprintf(text, OUTSIDE_TEXT,
	    "nothing is signed: the parent's signatures over DS of %s (%s to %s) %s: set the clock; if %s, "
	    "--trust-clock",
	    time->zone, time_text(from, time->from, time->at_ms), time_text(until, time->until, time->at_ms),
	    ended       ? "have ended"
		: begun ? "do not hold"
			: "have not begun",
	    ended ? "the parent let them end" : "the parent's is wrong");
}

const char *
outside_look(struct outside *outside, int64_t wall_ms, uint64_t boot_ms, char text[OUTSIDE_TEXT])
{
	end_doubt(outside, boot_ms);
	if (outside_is_off(outside, wall_ms))
		tell_off(&newest_off(outside)->time, text);
	else if (outside->doubt == OUTSIDE_IN_DOUBT)
		snprintf(text, OUTSIDE_TEXT,
		    "nothing is signed yet: this boot's clock is %" PRId64
		    " day%s ahead of what the signer last noted: the parents are looked at first (up to 90 "
		    "s)",
		    outside->ahead_days, outside->ahead_days == 1 ? "" : "s");
	else
		return NULL;
	return text;
}
