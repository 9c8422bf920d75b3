#include "monitor/probe/hold.h"

#include <stdlib.h>

const struct holds holds_default = {.seconds = {
					[HOLD_NXDOMAIN] = 30,
					[HOLD_NODATA] = 30,
					[HOLD_TIMEOUT] = HOLD_FOREVER,
					[HOLD_SERVFAIL] = HOLD_FOREVER,
					[HOLD_REFUSED] = HOLD_FOREVER,
					[HOLD_OTHER] = HOLD_FOREVER,
					[HOLD_OBSOLETE] = HOLD_FOREVER,
				    }};

static const char *const kinds[HOLDS] = {
    [HOLD_NXDOMAIN] = "nxdomain",
    [HOLD_NODATA] = "nodata",
    [HOLD_TIMEOUT] = "timeout",
    [HOLD_SERVFAIL] = "servfail",
    [HOLD_REFUSED] = "refused",
    [HOLD_OTHER] = "other",
    [HOLD_OBSOLETE] = "obsolete",
};

bool
holds_read(struct holds *holds, const char *text)
{
	size_t len = strcspn(text, "=");
	const char *value = text + len + (text[len] == '=');
	uint32_t seconds = HOLD_FOREVER;
	uint64_t number;

	if (strcmp(value, "forever") != 0) {
		if (!whole_from_text(value, HOLD_SECONDS_MAX, &number))
			return false;
		seconds = (uint32_t)number;
	}
	for (unsigned kind = 0; kind < HOLDS; kind++)
		if (strlen(kinds[kind]) == len && strncmp(kinds[kind], text, len) == 0) {
			holds->seconds[kind] = seconds;
			return true;
		}
	return false;
}

/* A local failure shows nothing about the name. */
static uint32_t
seconds_of(const struct holds *holds, enum name_failure failure)
{
	switch (failure) {
	case NAME_NXDOMAIN:
		return holds->seconds[HOLD_NXDOMAIN];
	case NAME_RESOLVED:
	case NAME_NODATA:
		return holds->seconds[HOLD_NODATA];
	case NAME_TIMEOUT:
	case NAME_UNREACHABLE:
		return holds->seconds[HOLD_TIMEOUT];
	case NAME_SERVFAIL:
		return holds->seconds[HOLD_SERVFAIL];
	case NAME_REFUSED:
		return holds->seconds[HOLD_REFUSED];
	case NAME_LOCAL:
		return HOLD_FOREVER;
	default:
		return holds->seconds[HOLD_OTHER];
	}
}

/* Is a hold with this length and beginning still active?  Records when it ends. */
static bool
holds_on(struct name_memory *memory, uint32_t seconds, uint64_t began_ms, uint64_t now_ms)
{
	uint64_t end_ms = began_ms + (uint64_t)seconds * 1000;

	if (seconds == HOLD_FOREVER)
		return true;
	if (now_ms >= end_ms)
		return false;
	if (memory->ends_ms == 0 || end_ms < memory->ends_ms)
		memory->ends_ms = end_ms;
	return true;
}

static bool
contains(const struct address *list, unsigned count, const struct address *address)
{
	for (unsigned i = 0; i < count; i++)
		if (memcmp(&list[i], address, sizeof *address) == 0)
			return true;
	return false;
}

/* One entry of hold_take. */
struct taking {
	struct name_record *record;
	struct name_memory *memory;
	const struct name_record *before;
	const struct holds *holds;
	uint64_t now_ms;
	hold_judged_fn *judged;
	void *arg;
	bool dropped; /* the last addresses of a family were removed */
};

/* Keep the previous addresses, if there is room. */
static void
keep(struct taking *taking, uint8_t family, const struct name_answer *answer, bool obsolete)
{
	struct name_record *record = taking->record;
	unsigned kept = answer->count;

	for (unsigned i = 0; i < taking->before->count && kept < HOSTNAME_ADDRESSES_MAX; i++) {
		const struct address *address = &taking->before->addresses[i];

		if (address->family != family || contains(answer->addresses, answer->count, address))
			continue;
		if (obsolete)
			taking->memory->obsolete |= UINT64_C(1) << record->count;
		record->addresses[record->count++] = *address;
		kept++;
	}
}

static unsigned
count_of(const struct name_record *record, uint8_t family)
{
	unsigned count = 0;

	for (unsigned i = 0; i < record->count && !record->gone; i++)
		count += record->addresses[i].family == family;
	return count;
}

/* There are addresses: the old ones stay until the new ones have verdicts. */
static void
take_good(struct taking *taking, uint8_t family, const struct name_answer *answer)
{
	struct name_record *record = taking->record;
	struct name_memory *memory = taking->memory;

	for (unsigned i = 0; i < answer->count; i++)
		record->addresses[record->count++] = answer->addresses[i];
	if (count_of(taking->before, family) == 0 ||
	    taking->judged(taking->arg, answer->addresses, answer->count))
		return;
	if (memory->obsolete_ms == 0)
		memory->obsolete_ms = taking->now_ms;
	if (holds_on(memory, taking->holds->seconds[HOLD_OBSOLETE], memory->obsolete_ms, taking->now_ms))
		keep(taking, family, answer, true);
}

static void
take_family(struct taking *taking, unsigned n, const struct name_answer *answer)
{
	uint8_t family = n == 0 ? FAMILY_V4 : FAMILY_V6;
	struct name_memory *memory = taking->memory;

	if (answer->failure == NAME_RESOLVED && answer->count > 0) {
		memory->lost_ms[n] = 0;
		take_good(taking, family, answer);
		return;
	}
	if (count_of(taking->before, family) == 0)
		return;
	if (memory->lost_ms[n] == 0)
		memory->lost_ms[n] = taking->now_ms;
	if (holds_on(memory, seconds_of(taking->holds, answer->failure), memory->lost_ms[n], taking->now_ms))
		keep(taking, family, &(struct name_answer){0}, false);
	else
		taking->dropped = true;
}

void
hold_take(struct name_record *record, struct name_memory *memory, const struct name_answer answers[2],
    const struct holds *holds, uint64_t now_ms, hold_judged_fn *judged, void *arg)
{
	struct name_record before = *record;
	struct taking taking = {record, memory, &before, holds, now_ms, judged, arg, false};

	record->count = record->gone = 0;
	memory->obsolete = memory->ends_ms = 0;
	for (unsigned n = 0; n < 2; n++)
		take_family(&taking, n, &answers[n]);
	if (memory->obsolete == 0)
		memory->obsolete_ms = 0;
	if (record->count > 0)
		return;
	/* S14: as a last resort the last known addresses are still answered. */
	memcpy(record->addresses, before.addresses, sizeof record->addresses);
	record->count = before.count;
	record->gone = before.count > 0 && (taking.dropped || before.gone);
}

/* The new addresses of a family. */
static unsigned
current_of(const struct name_record *record, const struct name_memory *memory, uint8_t family,
    struct address out[HOSTNAME_ADDRESSES_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < record->count && count < HOSTNAME_ADDRESSES_MAX; i++)
		if (record->addresses[i].family == family && !(memory->obsolete >> i & 1))
			out[count++] = record->addresses[i];
	return count;
}

bool
hold_release(struct name_record *record, struct name_memory *memory, const struct holds *holds,
    uint64_t now_ms, hold_judged_fn *judged, void *arg)
{
	static const uint8_t families[] = {FAMILY_V4, FAMILY_V6};
	struct address current[HOSTNAME_ADDRESSES_MAX];
	struct name_memory ignored = *memory;
	uint64_t obsolete = 0;
	unsigned kept = 0;
	bool over, changed;

	if (memory->obsolete == 0)
		return false;
	over = !holds_on(&ignored, holds->seconds[HOLD_OBSOLETE], memory->obsolete_ms, now_ms);
	for (size_t f = 0; f < NITEMS(families); f++) {
		unsigned count = current_of(record, memory, families[f], current);
		bool go = over || judged(arg, current, count);

		for (unsigned i = 0; i < record->count; i++)
			if (record->addresses[i].family == families[f] && !go)
				obsolete |= memory->obsolete & UINT64_C(1) << i;
	}
	changed = obsolete != memory->obsolete;
	for (unsigned i = 0; i < record->count; i++) {
		bool is = memory->obsolete >> i & 1, stays = obsolete >> i & 1;

		if (is && !stays)
			continue;
		memory->obsolete &= ~(UINT64_C(1) << kept);
		memory->obsolete |= (uint64_t)is << kept;
		record->addresses[kept++] = record->addresses[i];
	}
	record->count = (uint8_t)kept;
	memory->obsolete &= kept == 64 ? UINT64_MAX : (UINT64_C(1) << kept) - 1;
	if (memory->obsolete == 0)
		memory->obsolete_ms = 0;
	return changed;
}
