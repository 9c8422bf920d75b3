#include "signer/rollover/rollover.h"

#include <stdio.h>

enum {
	RETRY_MS = 60000,   /* at most this long until servers that do not show a step are asked again */
	ROUNDING_MS = 1000, /* caches that count in whole seconds keep an RRset for up to one more */
	IDLE_MS = 86400000, /* between looks when no procedure runs */
	AHEAD_MS = 60000,   /* clocks of nodes differ by less */
	/* Seconds; the usual TTLs at registries. */
	TTL_DS_UNKNOWN = 86400,
	TTL_NS_UNKNOWN = 2 * 86400
};

/* The TTL of the DS is waited for before signatures go: without them no cached DS may be left. */
static const struct rollover_step enable_steps[] = {
    {.new = KEY_DNSKEY | KEY_SIGNS | KEY_DATA,
	.providers = KEY_GIVEN | KEY_DNSKEY | KEY_SIGNS | KEY_DATA,
	.waits = KEY_DNSKEY | KEY_DATA,
	.doing = "signatures and DNSKEY at all nameservers, no DS at the parent yet"},
    {.new = KEY_ALL,
	.providers = KEY_GIVEN | KEY_ALL,
	.doing = "the DS of the key at all servers of the parent: give it to the registrar"},
};

/* RFC 6781 4.1.2 for a key that does both, with the DS as one more pair of steps. No RRset gets larger. */
static const struct rollover_step key_steps[] = {
    {KEY_ALL, KEY_DNSKEY | KEY_SIGNS, KEY_DNSKEY, .doing = "DNSKEY with both keys at all nameservers"},
    {KEY_ALL, KEY_DNSKEY | KEY_SIGNS | KEY_DS, KEY_DS,
	.doing = "the DS of both keys at all servers of the parent: add that of the new key"},
    {KEY_DNSKEY | KEY_SIGNS | KEY_DS, KEY_ALL, KEY_DATA,
	.doing = "signatures by the new key at all nameservers"},
    {KEY_DNSKEY | KEY_SIGNS, KEY_ALL, KEY_DS,
	.doing = "only the DS of the new key at all servers of the parent: delete that of the old key"},
    {0, KEY_ALL, .doing = "DNSKEY without the old key at all nameservers"},
};

/* RFC 6781 4.1.4: signatures of an algorithm come before its key, and go after it. */
static const struct rollover_step algorithm_steps[] = {
    {KEY_ALL, KEY_DATA, KEY_DATA, .doing = "signatures by both keys at all nameservers"},
    {KEY_ALL, KEY_DNSKEY | KEY_SIGNS | KEY_DATA, KEY_DNSKEY,
	.doing = "DNSKEY with both keys at all nameservers"},
    {KEY_ALL, KEY_ALL, KEY_DS,
	.doing = "the DS of both keys at all servers of the parent: add that of the new key"},
    {KEY_DNSKEY | KEY_SIGNS | KEY_DATA, KEY_ALL, KEY_DS,
	.doing = "only the DS of the new key at all servers of the parent: delete that of the old key"},
    {KEY_DATA, KEY_ALL, KEY_DNSKEY, .doing = "DNSKEY without the old key at all nameservers"},
    {0, KEY_ALL, .doing = "signatures by the new key alone at all nameservers"},
};

/* The old key was stolen. The TTLs of DNSKEY and of the DS are the least that breaks no validator. */
static const struct rollover_step emergency_steps[] = {
    {KEY_ALL, KEY_DNSKEY | KEY_SIGNS, KEY_DNSKEY, .doing = "DNSKEY with both keys at all nameservers"},
    {KEY_DNSKEY | KEY_SIGNS, KEY_ALL, KEY_DS | KEY_DATA,
	.doing =
	    "signatures by the new key at all nameservers, and only its DS at all servers of the parent: "
	    "replace the DS now"},
    {0, KEY_ALL, .doing = "DNSKEY without the old key at all nameservers"},
};

/* The DS of the new key was not asked for yet, and it signs no data. */
static const struct rollover_step cancel_steps[] = {
    {KEY_ALL, 0, .doing = "neither DNSKEY nor signatures of the new key at any nameserver"},
};
/* The same if it does. */
static const struct rollover_step cancel_algorithm_steps[] = {
    {KEY_ALL, KEY_DATA, KEY_DNSKEY, .doing = "DNSKEY without the new key at all nameservers"},
    {KEY_ALL, 0, .doing = "neither DNSKEY nor signatures of the new key at any nameserver"},
};

/* The two halves of a rollover of one key (RFC 6781 4.1.1.1, 4.1.2). */
enum { KSK = KEY_DNSKEY | KEY_SIGNS | KEY_DS, ZSK = KEY_DNSKEY | KEY_DATA };
static const struct rollover_step ksk_steps[] = {
    {KSK, KEY_DNSKEY | KEY_SIGNS, KEY_DNSKEY, .doing = "DNSKEY with both KSKs at all nameservers"},
    {KSK, KSK, KEY_DS, .doing = "the DS of both KSKs at all servers of the parent: add that of the new one"},
    {KEY_DNSKEY | KEY_SIGNS, KSK, KEY_DS,
	.doing = "only the DS of the new KSK at all servers of the parent: delete that of the old one"},
    {0, KSK, .doing = "DNSKEY without the old KSK at all nameservers"},
};
static const struct rollover_step zsk_steps[] = {
    {ZSK, KEY_DNSKEY, KEY_DNSKEY, .doing = "DNSKEY with both ZSKs at all nameservers"},
    {KEY_DNSKEY, ZSK, KEY_DATA, .doing = "signatures by the new ZSK at all nameservers"},
    {0, ZSK, .doing = "DNSKEY without the old ZSK at all nameservers"},
};

/* Without a DS everything is valid, so that signatures and DNSKEY may go at once. */
static const struct rollover_step disable_steps[] = {
    {KEY_DNSKEY | KEY_SIGNS | KEY_DATA, 0, KEY_DS, .delete_ds = true,
	.doing = "no DS at any server of the parent: take it out at the registrar"},
};

static const struct rollover_step lost_steps[] = {
    {KEY_DNSKEY | KEY_SIGNS | KEY_DATA, 0, KEY_DS, .parent_alone = true,
	.doing = "no DS at any server of the parent: take it out at the registrar"},
};

/*
 * RFC 8901 2.1.2: another provider signs the zone with keys of its own. DNSKEY has the keys of both before
 * anybody is sent to its nameservers. It goes the same way back: first its signatures leave the caches, then
 * its DS, then its keys.
 */
static const struct rollover_step provider_comes_steps[] = {
    {.providers = KEY_GIVEN | KEY_DNSKEY | KEY_SIGNS | KEY_DATA,
	.waits = KEY_DNSKEY,
	.doing = "DNSKEY with the keys of both providers at all nameservers"},
    {.providers = KEY_GIVEN | KEY_ALL,
	.waits = KEY_DS,
	.doing = "the DS of both providers at all servers of the parent: add that of the other one"},
};
static const struct rollover_step provider_goes_steps[] = {
    {.providers = KEY_GIVEN | KEY_DNSKEY | KEY_DS,
	.waits = KEY_DNSKEY | KEY_DATA | KEY_NS,
	.doing = "no signature of the keys that leave at any nameserver: take those of the other provider "
		 "out of NS"},
    {.providers = KEY_GIVEN | KEY_DNSKEY,
	.waits = KEY_DS,
	.doing = "no DS of the keys that leave at any server of the parent: take it out at the registrar"},
    {.providers = KEY_GIVEN, .doing = "DNSKEY without the keys that leave at all nameservers"},
};
static const struct rollover_step move_out_steps[] = {
    {.old = KEY_ALL,
	.others_alone = true,
	.waits = KEY_DNSKEY | KEY_DATA | KEY_NS,
	.doing = "all nameservers are those of the other provider: take the own ones out of NS, at the "
		 "parent and in the zone"},
    {.old = KEY_DNSKEY | KEY_SIGNS | KEY_DATA,
	.parent_alone = true,
	.waits = KEY_DS,
	.doing = "no DS of the own keys at any server of the parent: take it out at the registrar"},
};

const struct rollover_step *
rollover_steps(enum rollover_kind kind, unsigned *count)
{
	static const struct {
		const struct rollover_step *steps;
		unsigned count;
	} table[ROLLOVER_KINDS] = {
	    [ROLLOVER_ENABLE] = {enable_steps, NITEMS(enable_steps)},
	    [ROLLOVER_KEY] = {key_steps, NITEMS(key_steps)},
	    [ROLLOVER_ALGORITHM] = {algorithm_steps, NITEMS(algorithm_steps)},
	    [ROLLOVER_EMERGENCY] = {emergency_steps, NITEMS(emergency_steps)},
	    [ROLLOVER_CANCEL] = {cancel_steps, NITEMS(cancel_steps)},
	    [ROLLOVER_CANCEL_ALGORITHM] = {cancel_algorithm_steps, NITEMS(cancel_algorithm_steps)},
	    [ROLLOVER_DISABLE] = {disable_steps, NITEMS(disable_steps)},
	    [ROLLOVER_KEY_LOST] = {lost_steps, NITEMS(lost_steps)},
	    [ROLLOVER_KSK] = {ksk_steps, NITEMS(ksk_steps)},
	    [ROLLOVER_ZSK] = {zsk_steps, NITEMS(zsk_steps)},
	    [ROLLOVER_PROVIDER_COMES] = {provider_comes_steps, NITEMS(provider_comes_steps)},
	    [ROLLOVER_PROVIDER_GOES] = {provider_goes_steps, NITEMS(provider_goes_steps)},
	    [ROLLOVER_MOVE_OUT] = {move_out_steps, NITEMS(move_out_steps)},
	};

	*count = kind < ROLLOVER_KINDS ? table[kind].count : 0;
	return *count > 0 ? table[kind].steps : NULL;
}

const struct rollover_step *
rollover_step(const struct rollover *rollover)
{
	unsigned count;
	const struct rollover_step *steps = rollover_steps(rollover->kind, &count);

	return rollover->step < count ? &steps[rollover->step] : NULL;
}

/* ---- marks ---- */

uint8_t
rollover_marks(const struct signing_key *key)
{
	uint8_t marks = 0;

	for (unsigned i = 0; i < KEY_MARKS; i++)
		marks |= (uint8_t)(key_shows(key, i) << i);
	return marks;
}

void
rollover_mark(struct signing_key *key, uint8_t marks, int64_t wall_ms)
{
	for (unsigned i = 0; i < KEY_MARKS; i++) {
		bool wanted = marks >> i & 1;

		if (wanted == key_shows(key, i))
			continue;
		key->marks[i] = wanted ? MARK_COMING : MARK_GOING;
		key->since[i] = wall_ms;
	}
}

void
rollover_settle(struct signing_key *key, int64_t wall_ms)
{
	for (unsigned i = 0; i < KEY_MARKS; i++) {
		if (key->marks[i] != MARK_COMING && key->marks[i] != MARK_GOING)
			continue;
		key->marks[i] = key->marks[i] == MARK_COMING ? MARK_EVERYWHERE : MARK_HIDDEN;
		key->since[i] = wall_ms;
	}
}

/* ---- steps ---- */

static void
enter(struct rollover *rollover, unsigned number, const struct rollover_clock *now)
{
	const struct rollover_step *step;
	unsigned count;

	rollover_steps(rollover->kind, &count);
	rollover->step = (uint8_t)number;
	rollover->steps = (uint8_t)count;
	rollover->since = now->wall_ms;
	rollover->first = rollover->shown = rollover->until = 0;
	rollover->until_boot = rollover->boot = 0;
	rollover->failed_looks = 0;
	rollover->nlacking = 0;
	rollover->leading.change++;
	step = rollover_step(rollover);
	snprintf(rollover->doing, sizeof rollover->doing, "%s", step != NULL ? step->doing : "");
}

void
rollover_begin(struct rollover *rollover, enum rollover_kind kind, const struct key_id *old,
    const struct key_id *new, const struct rollover_clock *now)
{
	if (kind == ROLLOVER_CANCEL && rollover->kind == ROLLOVER_ALGORITHM)
		kind = ROLLOVER_CANCEL_ALGORITHM;
	rollover->kind = (uint8_t)kind;
	rollover->hurry = kind == ROLLOVER_EMERGENCY;
	rollover->old = old != NULL ? *old : (struct key_id){0};
	rollover->new = new != NULL ? *new : (struct key_id){0};
	rollover->began = now->wall_ms;
	enter(rollover, 0, now);
}

void
rollover_advance(struct rollover *rollover, const struct rollover_clock *now)
{
	bool ends = rollover->kind == ROLLOVER_DISABLE || rollover->kind == ROLLOVER_KEY_LOST ||
	    rollover->kind == ROLLOVER_MOVE_OUT;

	if (rollover->step + 1u < rollover->steps) {
		enter(rollover, rollover->step + 1u, now);
		return;
	}
	rollover->kind = ends ? ROLLOVER_DISABLED : ROLLOVER_NONE;
	rollover->hurry = false;
	enter(rollover, 0, now);
	rollover->old = (struct key_id){0};
}

bool
rollover_can_cancel(const struct rollover *rollover)
{
	const struct rollover_step *step = rollover_step(rollover);
	unsigned count;

	return step != NULL && rollover->old.algorithm != 0 && rollover->new.algorithm != 0 &&
	    !rollover_kind_cancels(rollover->kind) && (step->new &KEY_DS) == 0 &&
	    step->old == rollover_steps(rollover->kind, &count)->old;
}

/* ---- looks and waits ---- */

static int64_t
wait_of(const struct rollover *rollover)
{
	const struct rollover_step *step = rollover_step(rollover);
	uint32_t most = 0, ds = rollover->ttl_ds != 0 ? rollover->ttl_ds : TTL_DS_UNKNOWN,
		 ns = rollover->ttl_ns != 0 ? rollover->ttl_ns : TTL_NS_UNKNOWN;

	if (step == NULL)
		return 0;
	if (step->waits & KEY_DNSKEY)
		most = MAX(most, rollover->ttl_dnskey);
	if (step->waits & KEY_DS)
		most = MAX(most, ds);
	if (step->waits & KEY_DATA)
		most = MAX(most, rollover->ttl_data);
	if (step->waits & KEY_NS)
		most += ns; /* until then nameservers that left NS are asked */
	return step->waits != 0 ? (int64_t)most * 1000 + ROUNDING_MS : 0;
}

void
rollover_seen(
    struct rollover *rollover, bool good, const struct rollover_clock *now, const struct rollover_pace *pace)
{
	const struct rollover_step *step = rollover_step(rollover);
	int64_t wait;

	rollover->looked = now->wall_ms;
	rollover->failed_looks = good ? 0 : rollover->failed_looks + 1;
	if (step == NULL)
		return;
	if (!good) {
		/* A server that showed it and does not any longer: its caches begin again. */
		rollover->first = rollover->shown = rollover->until = 0;
		return;
	}
	if (rollover->first == 0) {
		rollover->first = now->wall_ms;
		if (!rollover->hurry)
			return;
	}
	if (rollover->shown != 0)
		return;
	rollover->shown = now->wall_ms;
	wait = wait_of(rollover) + (rollover->hurry || step->waits == 0 ? 0 : pace->margin_ms);
	rollover->until = now->wall_ms + wait;
	rollover->until_boot = now->boot_ms + (uint64_t)wait;
	rollover->boot = now->boot;
}

void
rollover_hurry(struct rollover *rollover, const struct rollover_pace *pace)
{
	if (!rollover->hurry && rollover->until != 0) {
		rollover->until -= pace->margin_ms;
		rollover->until_boot -= MIN(rollover->until_boot, (uint64_t)pace->margin_ms);
	}
	rollover->leading.change += !rollover->hurry;
	rollover->hurry = true;
}

bool
rollover_set_right(struct rollover *rollover, const struct rollover_clock *now)
{
	int64_t latest = now->wall_ms + AHEAD_MS;

	if (rollover->since <= latest && rollover->first <= latest && rollover->shown <= latest)
		return false;
	rollover->since = MIN(rollover->since, now->wall_ms);
	rollover->looked = rollover->first = rollover->shown = rollover->until = 0;
	rollover->until_boot = rollover->boot = 0;
	return true;
}

/* A wall clock that was set does not shorten a wait, unless the machine booted since. */
static bool
waited(const struct rollover *rollover, const struct rollover_clock *now)
{
	return now->wall_ms >= rollover->until &&
	    (now->boot != rollover->boot || now->boot_ms >= rollover->until_boot);
}

/* Is it this long since the last look? A clock that went back makes the answer yes. */
static bool
looked_before(const struct rollover *rollover, const struct rollover_clock *now, int64_t ms)
{
	return rollover->looked == 0 || rollover->looked > now->wall_ms ||
	    now->wall_ms - rollover->looked >= ms;
}

int64_t
rollover_retry_ms(const struct rollover_pace *pace)
{
	return MIN(pace->interval_ms, (int64_t)RETRY_MS);
}

enum rollover_due
rollover_due(
    const struct rollover *rollover, const struct rollover_clock *now, const struct rollover_pace *pace)
{
	if (rollover_step(rollover) == NULL)
		return rollover->kind != ROLLOVER_DISABLED && looked_before(rollover, now, IDLE_MS)
		    ? ROLLOVER_LOOK
		    : ROLLOVER_REST;
	if (rollover->first == 0)
		return rollover->looked < rollover->since ||
			looked_before(rollover, now, rollover_retry_ms(pace))
		    ? ROLLOVER_LOOK
		    : ROLLOVER_REST;
	if (rollover->shown == 0)
		return rollover->hurry || looked_before(rollover, now, pace->interval_ms) ? ROLLOVER_LOOK
											  : ROLLOVER_REST;
	if (!waited(rollover, now))
		return ROLLOVER_REST;
	/* No step is taken on an old look, so that a server that fell back meanwhile is met. */
	if (!rollover->hurry && rollover->looked < rollover->until &&
	    looked_before(rollover, now, pace->interval_ms))
		return ROLLOVER_LOOK;
	return ROLLOVER_NEXT;
}
