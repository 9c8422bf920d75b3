#include "zones/base/deadline.h"

#include <stdio.h>
#include <string.h>

void
deadline_boot_text(const char *wall, int64_t ms, char out[DEADLINE_TEXT])
{
	snprintf(out, DEADLINE_TEXT, "%.32s %.36s %llu", wall, boot_id(),
	    (unsigned long long)(boot_ms() + (uint64_t)ms));
}

/* Split "WALL BOOT-ID MILLISECONDS". */
static bool
split(const char *text, size_t *wall_len, const char **id, size_t *id_len, uint64_t *boot)
{
	*wall_len = strcspn(text, " ");
	if (text[*wall_len] == '\0')
		return false;
	*id = text + *wall_len + 1;
	*id_len = strcspn(*id, " ");
	return (*id)[*id_len] == ' ' && whole_from_text(*id + *id_len + 1, UINT64_MAX / 2, boot);
}

bool
deadline_boot_valid(const char *text)
{
	size_t wall_len, id_len;
	const char *id;
	char wall[40] = "";
	uint64_t boot;
	int64_t ms;

	if (strlen(text) >= DEADLINE_TEXT || !split(text, &wall_len, &id, &id_len, &boot) ||
	    wall_len >= sizeof wall)
		return false;
	memcpy(wall, text, wall_len);
	return wall_from_text(wall, &ms);
}

struct deadline
deadline_read(const char *wall, const char *boot)
{
	struct deadline deadline = {0};
	size_t wall_len, id_len;
	const char *id;
	uint64_t ms;

	if (!wall_from_text(wall, &deadline.wall_ms))
		return (struct deadline){0};
	if (split(boot, &wall_len, &id, &id_len, &ms) && wall_len == strlen(wall) &&
	    memcmp(boot, wall, wall_len) == 0 && id_len > 0 && id_len == strlen(boot_id()) &&
	    memcmp(id, boot_id(), id_len) == 0)
		deadline.boot_ms = ms;
	return deadline;
}

static int64_t moment_ms; /* 0: now */

void
deadline_set_moment(int64_t moment)
{
	moment_ms = moment;
}

bool
deadline_passed(const struct deadline *deadline)
{
	if (moment_ms != 0)
		return deadline->wall_ms != 0 && deadline->wall_ms <= moment_ms;
	return deadline->wall_ms != 0 &&
	    (deadline->wall_ms <= wall_ms() || (deadline->boot_ms != 0 && deadline->boot_ms <= boot_ms()));
}

void
deadline_add(struct deadline *first, const struct deadline *other)
{
	if (other->wall_ms != 0 && (first->wall_ms == 0 || other->wall_ms < first->wall_ms))
		first->wall_ms = other->wall_ms;
	if (other->boot_ms != 0 && (first->boot_ms == 0 || other->boot_ms < first->boot_ms))
		first->boot_ms = other->boot_ms;
}
