/*
 * deadline.h -- the end of what an operator wants for a time: by the wall clock, and by a clock that nobody
 * sets.
 *
 * A step back of the wall clock would prolong "disable it for an hour".  So the command writes down when the
 * hour is over by CLOCK_BOOTTIME, too, with the id of the boot.  The sooner of both ends it; after another
 * boot the wall clock alone does.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include "zones/base/util.h"

struct deadline {
	int64_t wall_ms;  /* 0: none */
	uint64_t boot_ms; /* by boot_ms() of this boot; 0: the wall clock alone */
};

enum { DEADLINE_TEXT = 96 };

/* The second property of an end after ms milliseconds, whose first is wall: "WALL BOOT-ID MILLISECONDS". */
void deadline_boot_text(const char *wall, int64_t ms, char out[DEADLINE_TEXT]);
/* Is it one, of any wall and boot? */
bool deadline_boot_valid(const char *text);

/*
 * An end of its two properties.  boot counts if it is of this boot and of the same wall: who sets the first
 * by hand need not know of it.  Without an end where wall is no time.
 */
struct deadline deadline_read(const char *wall, const char *boot);

static inline bool
deadline_is_set(const struct deadline *deadline)
{
	return deadline->wall_ms != 0;
}

/* It is set, and has passed. */
bool deadline_passed(const struct deadline *deadline);
/* Make first pass when either does. */
void deadline_add(struct deadline *first, const struct deadline *other);

#endif
