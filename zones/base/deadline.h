/*
 * deadline.h -- the end of a temporary setting of an operator, by two clocks.
 *
 * If the wall clock is set back, "disable it for an hour" would last longer. So the command also stores the
 * end of the hour by CLOCK_BOOTTIME, which cannot be set, with the boot id. The earlier of both ends counts.
 * After a reboot only the wall clock counts.
 *
 * All functions may run on any thread.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include "zones/base/util.h"

struct deadline {
	int64_t wall_ms;  /* milliseconds since 1970; 0: no end */
	uint64_t boot_ms; /* by boot_ms() of this boot; 0: only the wall clock counts */
};

enum { DEADLINE_TEXT = 96 };

/*
 * Write the second property of an end: "WALL BOOT-ID MILLISECONDS". The end is ms milliseconds from now; wall
 * is its first property, an RFC 3339 time.
 */
void deadline_boot_text(const char *wall, int64_t ms, char out[DEADLINE_TEXT]);
/* True if the text is a valid second property, with any wall time and any boot id. */
bool deadline_boot_valid(const char *text);

/*
 * Read an end from its two properties. boot counts only if it is of this boot and holds the same wall time:
 * an operator who edits the first property by hand need not edit the second. If wall is not a valid time
 * there is no end.
 */
struct deadline deadline_read(const char *wall, const char *boot);

static inline bool
deadline_is_set(const struct deadline *deadline)
{
	return deadline->wall_ms != 0;
}

/* True if there is an end and it has passed by either clock. */
bool deadline_passed(const struct deadline *deadline);
/*
 * For a command that shows the past: from now on deadline_passed answers for this moment, by the wall clock
 * alone. Call it before any other thread exists.
 */
void deadline_set_moment(int64_t moment);
/* Move first forward to the earlier end by each clock, so that it passes when either deadline passes. */
void deadline_add(struct deadline *first, const struct deadline *other);

#endif
