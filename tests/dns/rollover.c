/*
 * The steps of every procedure against every cache that a validator can have.
 *
 * The model: a validator may hold any DS RRset that was published within TTL(DS) before, any DNSKEY RRset
 * with its signatures within TTL(DNSKEY), any signed data within TTL(data), each of any server, fetched one
 * by one. It refuses the zone if there is no way from a DS to a key that signs DNSKEY to a key that signs the
 * data (RFC 4035 5). The strict one wants a way for each algorithm of the DS RRset (RFC 4035 2.2). Without a
 * DS all is valid. Times are in hours.
 */
#include "signer/rollover/rollover.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
	OLD = 1,
	NEW = 2,
	OTHER = 4,
	TTL_DS = 24,
	TTL_KEY = 2,
	TTL_DATA = 8,
	TTL_NS = 48,
	LONG_AGO = -1000,
	NODES = 2,
	PARENTS = 2
};
enum { HISTORY = 16 };

/* What a server publishes since a time: sets of OLD and NEW. */
struct published {
	double at;
	unsigned keys, signs, data, ds;
	bool gone; /* nobody asks this server any longer */
};

struct history {
	struct published list[HISTORY];
	unsigned count;
};

struct plan {
	struct history nodes[NODES], parents[PARENTS];
	double node_late[NODES], parent_late[PARENTS]; /* hours that a server is late with each step */
	double now;
	bool looks; /* a step is done when all servers have it */
	bool strict, two_algorithms;
	unsigned without_steps, without_waits; /* bits: parts of the procedure that are left out */
	/*
	 * The first node leads and dies one step after the others, which stay at this step (from 1; 0: none).
	 * Another node takes over there; the first one goes back to it after some hours, and then all wait
	 * again.
	 */
	unsigned taken_over;
	double away;
	bool parent_follows; /* a server of the parent takes the DS of the first node over, and goes back with
				it */
};

static void
append(struct history *history, double at, const struct published *what)
{
	history->list[history->count] = *what;
	history->list[history->count++].at = at;
}

static void
publish(struct plan *plan, double at, const struct published *what)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct history *history = &plan->nodes[i];

		append(history, at == LONG_AGO ? at : at + plan->node_late[i], what);
	}
	for (unsigned i = 0; i < PARENTS; i++) {
		struct history *history = &plan->parents[i];

		append(history, at == LONG_AGO ? at : at + plan->parent_late[i], what);
	}
}

static unsigned
set_of(uint8_t old, uint8_t new, unsigned mark)
{
	return (old & mark ? OLD : 0) | (new &mark ? NEW : 0);
}

/* The rollover of a KSK or ZSK leaves the other key as it is. */
static struct published
published_by(enum rollover_kind kind, uint8_t old, uint8_t new)
{
	unsigned other = kind == ROLLOVER_KSK || kind == ROLLOVER_ZSK ? OTHER : 0,
		 ksk = kind == ROLLOVER_ZSK ? OTHER : 0, zsk = kind == ROLLOVER_KSK ? OTHER : 0;

	return (struct published){.keys = set_of(old, new, KEY_DNSKEY) | other,
	    .signs = set_of(old, new, KEY_SIGNS) | ksk,
	    .data = set_of(old, new, KEY_DATA) | zsk,
	    .ds = set_of(old, new, KEY_DS) | ksk};
}

static double
wait_of(uint8_t waits)
{
	double most = 0;

	if (waits & KEY_DNSKEY)
		most = MAX(most, TTL_KEY);
	if (waits & KEY_DS)
		most = MAX(most, TTL_DS);
	if (waits & KEY_DATA)
		most = MAX(most, TTL_DATA);
	if (waits & KEY_NS)
		most += TTL_NS;
	return most;
}

/* When all servers have the newest step. */
static double
seen_at(const struct plan *plan)
{
	double seen = plan->now;

	for (unsigned i = 0; i < NODES; i++)
		seen = MAX(seen, plan->now + plan->node_late[i]);
	for (unsigned i = 0; i < PARENTS; i++)
		seen = MAX(seen, plan->now + plan->parent_late[i]);
	return seen;
}

/* The first node is a step ahead, and goes back. */
static void
take_over(struct plan *plan, const struct published *step, const struct published *ahead)
{
	append(&plan->nodes[0], plan->now, ahead);
	append(&plan->nodes[0], plan->now + plan->away, step);
	if (plan->parent_follows) {
		append(&plan->parents[0], plan->now, ahead);
		append(&plan->parents[0], plan->now + plan->away, step);
	}
	plan->now += plan->away;
}

static void
follow(struct plan *plan, enum rollover_kind kind)
{
	unsigned count;
	const struct rollover_step *steps = rollover_steps(kind, &count);

	for (unsigned i = 0; i < count; i++) {
		struct published what = published_by(kind, steps[i].old, steps[i].new);

		if (plan->without_steps >> i & 1)
			continue;
		publish(plan, plan->now, &what);
		if (plan->looks)
			plan->now = seen_at(plan);
		if (!(plan->without_waits >> i & 1))
			plan->now += wait_of(steps[i].waits);
		if (plan->taken_over == i + 1 && i + 1 < count) {
			struct published ahead = published_by(kind, steps[i + 1].old, steps[i + 1].new);

			take_over(plan, &what, &ahead);
			plan->now += wait_of(steps[i].waits);
		}
	}
	if (kind == ROLLOVER_DISABLE || kind == ROLLOVER_KEY_LOST) {
		struct published nothing = {0};

		publish(plan, plan->now, &nothing);
	}
}

/* ---- the validator ---- */

/* Was this entry of a history published within ttl before now? */
static bool
may_be_cached(const struct history *history, unsigned i, double ttl, double now)
{
	bool ends = i + 1 < history->count;

	return !history->list[i].gone && history->list[i].at <= now &&
	    (!ends || history->list[i + 1].at > now - ttl);
}

static bool
path(unsigned ds, unsigned keys, unsigned signs, unsigned data, unsigned among)
{
	return (ds & keys & signs & among) != 0 && (data & keys & among) != 0;
}

static bool
valid(const struct plan *plan, unsigned ds, const struct published *keys, unsigned data)
{
	if (ds == 0)
		return true;
	if (!plan->strict || !plan->two_algorithms)
		return path(ds, keys->keys, keys->signs, data, OLD | NEW | OTHER);
	for (unsigned algorithm = OLD; algorithm <= NEW; algorithm++)
		if (ds & algorithm && !path(ds, keys->keys, keys->signs, data, algorithm))
			return false;
	return true;
}

static bool
all_data_valid(const struct plan *plan, unsigned ds, const struct published *keys, double now)
{
	for (unsigned n = 0; n < NODES; n++)
		for (unsigned i = 0; i < plan->nodes[n].count; i++)
			if (may_be_cached(&plan->nodes[n], i, TTL_DATA, now) &&
			    !valid(plan, ds, keys, plan->nodes[n].list[i].data))
				return false;
	return true;
}

static bool
all_keys_valid(const struct plan *plan, unsigned ds, double now)
{
	for (unsigned n = 0; n < NODES; n++)
		for (unsigned i = 0; i < plan->nodes[n].count; i++)
			if (may_be_cached(&plan->nodes[n], i, TTL_KEY, now) &&
			    !all_data_valid(plan, ds, &plan->nodes[n].list[i], now))
				return false;
	return true;
}

static bool
safe_at(const struct plan *plan, double now)
{
	for (unsigned p = 0; p < PARENTS; p++)
		for (unsigned i = 0; i < plan->parents[p].count; i++)
			if (may_be_cached(&plan->parents[p], i, TTL_DS, now) &&
			    !all_keys_valid(plan, plan->parents[p].list[i].ds, now))
				return false;
	return true;
}

/* Around each time at which something begins or leaves the caches. */
static bool
safe_after(const struct plan *plan, const struct history *history)
{
	static const double ttls[] = {0, TTL_DS, TTL_KEY, TTL_DATA};

	for (unsigned i = 0; i < history->count; i++)
		for (unsigned t = 0; t < NITEMS(ttls); t++)
			if (!safe_at(plan, history->list[i].at + ttls[t] - 0.01) ||
			    !safe_at(plan, history->list[i].at + ttls[t]) ||
			    !safe_at(plan, history->list[i].at + ttls[t] + 0.01))
				return false;
	return true;
}

static bool
safe(const struct plan *plan)
{
	bool good = true;

	for (unsigned i = 0; i < NODES; i++)
		good = good && safe_after(plan, &plan->nodes[i]);
	for (unsigned i = 0; i < PARENTS; i++)
		good = good && safe_after(plan, &plan->parents[i]);
	return good;
}

/* The whole of a procedure. */
struct trial {
	enum rollover_kind kind;
	double node_late, parent_late;
	bool waits_only; /* no looks */
	unsigned without_steps, without_waits;
	unsigned taken_over;
	double away;
	bool parent_follows;
};

/* The marks of the old key before: those of a first step that only brings something. */
static uint8_t
steps_old(enum rollover_kind kind)
{
	unsigned count;

	return kind == ROLLOVER_DISABLE || kind == ROLLOVER_KEY_LOST ? KEY_ALL
								     : rollover_steps(kind, &count)->old;
}

static bool
is_safe(const struct trial *trial)
{
	struct plan plan = {.looks = !trial->waits_only,
	    .strict = true,
	    .two_algorithms = trial->kind == ROLLOVER_ALGORITHM || trial->kind == ROLLOVER_CANCEL_ALGORITHM,
	    .node_late = {0, trial->node_late},
	    .parent_late = {0, trial->parent_late},
	    .without_steps = trial->without_steps,
	    .without_waits = trial->without_waits,
	    .taken_over = trial->taken_over,
	    .away = trial->away,
	    .parent_follows = trial->parent_follows};
	struct published before =
	    published_by(trial->kind, trial->kind == ROLLOVER_ENABLE ? 0 : steps_old(trial->kind), 0);

	if (trial->kind == ROLLOVER_CANCEL_ALGORITHM)
		before = published_by(trial->kind, KEY_ALL, KEY_DNSKEY | KEY_SIGNS | KEY_DATA);
	else if (trial->kind == ROLLOVER_CANCEL)
		before = published_by(trial->kind, KEY_ALL, KEY_DNSKEY | KEY_SIGNS);
	publish(&plan, LONG_AGO, &before);
	follow(&plan, trial->kind);
	return safe(&plan);
}

static const enum rollover_kind kinds[] = {ROLLOVER_ENABLE, ROLLOVER_KEY, ROLLOVER_ALGORITHM,
    ROLLOVER_EMERGENCY, ROLLOVER_CANCEL, ROLLOVER_CANCEL_ALGORITHM, ROLLOVER_DISABLE, ROLLOVER_KEY_LOST,
    ROLLOVER_KSK, ROLLOVER_ZSK};

static void
every_procedure_is_safe(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NITEMS(kinds); i++) {
		struct trial trial = {.kind = kinds[i]};

		if (!is_safe(&trial))
			fail_msg("procedure %s is not safe", rollover_kind_text(kinds[i]));
	}
}

static void
late_servers_do_no_harm_to_who_looks(void **state)
{
	static const double late[][2] = {{3, 6}, {40, 0}, {0, 60}, {40, 60}, {100, 300}};

	(void)state;
	for (unsigned i = 0; i < NITEMS(kinds); i++)
		for (unsigned n = 0; n < NITEMS(late); n++) {
			struct trial trial = {
			    .kind = kinds[i], .node_late = late[n][0], .parent_late = late[n][1]};

			if (!is_safe(&trial))
				fail_msg("procedure %s with a node %.0f h and a parent %.0f h late",
				    rollover_kind_text(kinds[i]), late[n][0], late[n][1]);
		}
}

static void
a_take_over_at_any_step_does_no_harm(void **state)
{
	static const double away[] = {0.1, 1, 5, 20, 200};

	(void)state;
	for (unsigned i = 0; i < NITEMS(kinds); i++)
		for (unsigned n = 0; n < 2 * 6 * NITEMS(away); n++) {
			struct trial trial = {.kind = kinds[i],
			    .taken_over = 1 + n / 2 % 6,
			    .away = away[n / 12],
			    .parent_follows = n & 1,
			    .node_late = 3};

			if (!is_safe(&trial))
				fail_msg("procedure %s, taken over at step %u after %.1f h",
				    rollover_kind_text(kinds[i]), trial.taken_over, trial.away);
		}
}

static void
waiting_without_looking_breaks_behind_late_servers(void **state)
{
	static const struct trial trials[] = {
	    {.kind = ROLLOVER_ENABLE, .node_late = 40},
	    {.kind = ROLLOVER_KEY, .node_late = 40},
	    {.kind = ROLLOVER_KEY, .parent_late = 60},
	    {.kind = ROLLOVER_ALGORITHM, .node_late = 40},
	    {.kind = ROLLOVER_ALGORITHM, .parent_late = 60},
	    {.kind = ROLLOVER_EMERGENCY, .node_late = 40},
	    {.kind = ROLLOVER_EMERGENCY, .parent_late = 60},
	    {.kind = ROLLOVER_ZSK, .node_late = 40},
	    {.kind = ROLLOVER_KSK, .parent_late = 60},
	    {.kind = ROLLOVER_DISABLE, .parent_late = 60},
	    {.kind = ROLLOVER_KEY_LOST, .parent_late = 60},
	};

	(void)state;
	for (unsigned i = 0; i < NITEMS(trials); i++) {
		struct trial trial = trials[i];

		trial.waits_only = true;
		if (is_safe(&trial))
			fail_msg("trial %u was not found", i);
	}
}

/* Sets of steps, as bits, which break a procedure if all of them are left out, or only their waits. */
struct omission {
	enum rollover_kind kind;
	unsigned steps, waits; /* 0: none */
};

static void
what_is_left_out_is_found(void **state)
{
	static const struct omission table[] = {
	    {ROLLOVER_ENABLE, 1, 1},
	    {ROLLOVER_KEY, 3, 3},   /* DNSKEY of both and DS of both */
	    {ROLLOVER_KEY, 10, 10}, /* DS of both and the DS of the new key */
	    {ROLLOVER_KEY, 12, 12}, /* the new signatures and the DS of the new key */
	    {ROLLOVER_ALGORITHM, 1, 1},
	    {ROLLOVER_ALGORITHM, 2, 2},
	    {ROLLOVER_ALGORITHM, 8, 8},
	    {ROLLOVER_EMERGENCY, 1, 1},
	    {ROLLOVER_EMERGENCY, 2, 2},
	    {ROLLOVER_ZSK, 1, 1},
	    {ROLLOVER_ZSK, 2, 2},
	    {ROLLOVER_KSK, 3, 3},
	    {ROLLOVER_DISABLE, 1, 1},
	    {ROLLOVER_KEY_LOST, 1, 1},
	};

	(void)state;
	for (unsigned i = 0; i < NITEMS(table); i++) {
		struct trial steps = {.kind = table[i].kind, .without_steps = table[i].steps};
		struct trial waits = {.kind = table[i].kind, .without_waits = table[i].waits};

		if (table[i].steps != 0 && is_safe(&steps))
			fail_msg("%s without steps %x", rollover_kind_text(table[i].kind), table[i].steps);
		if (table[i].waits != 0 && is_safe(&waits))
			fail_msg("%s without waits %x", rollover_kind_text(table[i].kind), table[i].waits);
	}
}

static void
a_key_rollover_survives_the_loss_of_any_one_wait(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_true(is_safe(&(struct trial){.kind = ROLLOVER_KEY, .without_waits = 1u << i}));
}

/* ---- two providers (S110): node 0 is the zone's own, with the key OLD; node 1 is the other's, with OTHER
 * ---- */

static void
add(struct history *history, double at, struct published what)
{
	what.at = at;
	history->list[history->count++] = what;
}

static void
add_ds(struct plan *plan, double at, unsigned ds)
{
	for (unsigned i = 0; i < PARENTS; i++)
		add(&plan->parents[i], at, (struct published){.ds = ds});
}

static const struct published own_alone = {.keys = OLD, .signs = OLD, .data = OLD},
			      own_of_two = {.keys = OLD | OTHER, .signs = OLD, .data = OLD},
			      theirs = {.keys = OLD | OTHER, .signs = OTHER, .data = OTHER};

static unsigned
ds_by(const struct rollover_step *step, enum rollover_kind kind)
{
	if (kind == ROLLOVER_MOVE_OUT)
		return OTHER | (step->old & KEY_DS ? OLD : 0);
	return OLD | (step->providers & KEY_DS ? OTHER : 0);
}

/* Those who ask a nameserver that left NS ask it until the TTL of the NS records has passed. */
static bool
is_safe_with_two(enum rollover_kind kind, unsigned without_waits)
{
	struct plan plan = {.looks = true};
	bool comes = kind == ROLLOVER_PROVIDER_COMES;
	unsigned count;
	const struct rollover_step *steps = rollover_steps(kind, &count);

	add(&plan.nodes[0], LONG_AGO, comes ? own_alone : own_of_two);
	if (!comes)
		add(&plan.nodes[1], LONG_AGO, theirs);
	add_ds(&plan, LONG_AGO, comes ? OLD : OLD | OTHER);
	if (kind == ROLLOVER_PROVIDER_GOES)
		add(&plan.nodes[1], TTL_NS, (struct published){.gone = true});
	for (unsigned i = 0; i < count; i++) {
		if (kind != ROLLOVER_MOVE_OUT)
			add(&plan.nodes[0], plan.now,
			    steps[i].providers & KEY_DNSKEY ? own_of_two : own_alone);
		add_ds(&plan, plan.now, ds_by(&steps[i], kind));
		if (!(without_waits >> i & 1))
			plan.now += wait_of(steps[i].waits);
	}
	if (comes)
		add(&plan.nodes[1], plan.now, theirs);
	if (kind == ROLLOVER_MOVE_OUT && plan.now < TTL_NS)
		add(&plan.nodes[0], plan.now, (struct published){0});
	if (kind == ROLLOVER_MOVE_OUT)
		add(&plan.nodes[0], TTL_NS, (struct published){.gone = true});
	return safe(&plan);
}

static void
another_provider_comes_and_goes_safely(void **state)
{
	(void)state;
	assert_true(is_safe_with_two(ROLLOVER_PROVIDER_COMES, 0));
	assert_true(is_safe_with_two(ROLLOVER_PROVIDER_GOES, 0));
	assert_true(is_safe_with_two(ROLLOVER_MOVE_OUT, 0));
	assert_false(is_safe_with_two(
	    ROLLOVER_PROVIDER_COMES, 3)); /* the wait for the DS alone is longer than that for DNSKEY */
	assert_false(is_safe_with_two(ROLLOVER_PROVIDER_COMES, 2)); /* DS */
	assert_false(is_safe_with_two(ROLLOVER_PROVIDER_GOES, 1));
	assert_false(is_safe_with_two(ROLLOVER_MOVE_OUT, 1));
}

static void
the_ttl_of_ns_is_that_of_the_parent_or_two_days(void **state)
{
	struct rollover rollover = {.ttl_dnskey = 3600, .ttl_ds = 86400, .ttl_data = 300, .ttl_ns = 7200};
	struct rollover_clock now = {1000000000, 1000000000, 1};
	const struct rollover_pace pace = {600000, 0};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		rollover_begin(&rollover, ROLLOVER_PROVIDER_GOES, NULL, NULL, &now);
		rollover_seen(&rollover, true, &now, &pace);
		rollover_seen(&rollover, true, &now, &pace);
		assert_int_equal(
		    rollover.until, now.wall_ms + ((i == 0 ? 7200 : 172800) + 3600 + 1) * INT64_C(1000));
		rollover.ttl_ns = 0;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_procedure_is_safe),
	    cmocka_unit_test(late_servers_do_no_harm_to_who_looks),
	    cmocka_unit_test(a_take_over_at_any_step_does_no_harm),
	    cmocka_unit_test(waiting_without_looking_breaks_behind_late_servers),
	    cmocka_unit_test(what_is_left_out_is_found),
	    cmocka_unit_test(a_key_rollover_survives_the_loss_of_any_one_wait),
	    cmocka_unit_test(another_provider_comes_and_goes_safely),
	    cmocka_unit_test(the_ttl_of_ns_is_that_of_the_parent_or_two_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
