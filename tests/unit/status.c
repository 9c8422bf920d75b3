/* status.c: S28's words, a row for every case. */
#include "zones/status.h"

#include "zones/pool_table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ORIGINS = 3 };

/* States of three origins as letters: U up, S suspect, D down, u unknown; x: the origin is disabled. */
struct row {
	const char *states;
	unsigned minimum;
	enum pool_status status;
	const char *forced;  /* + up, - down, each of three; NULL: none */
	const char *weights; /* 0 or 1; NULL: all 1 */
};

static enum health_state
state_of(char letter)
{
	switch (letter) {
	case 'U': return HEALTH_UP;
	case 'S': return HEALTH_SUSPECT;
	case 'D': return HEALTH_DOWN;
	case 'x': return HEALTH_DISABLED;
	case 'n': return HEALTH_UNMONITORED;
	default: return HEALTH_UNKNOWN;
	}
}

static enum pool_status
status_of(const struct row *row, bool enabled, bool monitored)
{
	struct origin origins[ORIGINS] = {0};
	enum health_state states[ORIGINS];
	struct pool pool = {
	    .enabled = enabled, .minimum_origins = row->minimum, .origins = origins, .norigins = ORIGINS};

	if (monitored)
		pool.monitor = id_new();
	for (size_t i = 0; i < ORIGINS; i++) {
		char forced = row->forced == NULL ? ' ' : row->forced[i];

		origins[i].enabled = row->states[i] != 'x';
		origins[i].weight = row->weights != NULL && row->weights[i] == '0' ? 0 : WEIGHT_ONE;
		origins[i].forced = forced == '+' ? FORCED_UP : forced == '-' ? FORCED_DOWN : FORCED_NONE;
		states[i] = state_of(row->states[i]);
	}
	return status_pool(&pool, states);
}

static void
a_pool_is_called_what_the_table_says(void **state)
{
	static const struct row rows[] = {
	    {"UUU", 1, POOL_HEALTHY, NULL, NULL},
	    {"USU", 1, POOL_HEALTHY, NULL, NULL},
	    {"UUx", 1, POOL_HEALTHY, NULL, NULL},
	    {"UDU", 1, POOL_DEGRADED, NULL, NULL},
	    {"UDD", 1, POOL_DEGRADED, NULL, NULL},
	    {"Uuu", 1, POOL_DEGRADED, NULL, NULL},
	    {"UUD", 3, POOL_CRITICAL, NULL, NULL},
	    {"UUx", 3, POOL_CRITICAL, NULL, NULL},
	    {"DDD", 1, POOL_CRITICAL, NULL, NULL},
	    {"DDD", 0, POOL_CRITICAL, NULL, NULL}, /* S12 asks for a candidate */
	    {"xxx", 0, POOL_CRITICAL, NULL, NULL},
	    {"uuu", 1, POOL_HEALTH_UNKNOWN, NULL, NULL},
	    {"uux", 1, POOL_HEALTH_UNKNOWN, NULL, NULL},
	    {"Duu", 1, POOL_CRITICAL, NULL, NULL},
	    {"uuu", 1, POOL_DEGRADED, "+  ", NULL},
	    {"DDD", 1, POOL_HEALTHY, "+++", NULL},
	    {"UUU", 1, POOL_DEGRADED, "-  ", NULL},
	    {"UUU", 1, POOL_CRITICAL, "---", NULL},
	    {"UUU", 1, POOL_CRITICAL, NULL, "000"}, /* healthy, and none to answer */
	    {"DUD", 1, POOL_CRITICAL, NULL, "101"},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++)
		if (status_of(&rows[i], true, true) != rows[i].status)
			fail_msg("row %zu, %s: %s, not %s", i, rows[i].states,
			    status_pool_text(status_of(&rows[i], true, true)), status_pool_text(rows[i].status));
	assert_int_equal(status_of(&rows[0], false, true), POOL_DISABLED);
}

static void
a_pool_without_a_monitor_is_never_judged(void **state)
{
	static const struct row serving = {"nnn", 3, POOL_HEALTH_UNKNOWN, NULL, NULL},
	                        forced = {"nnn", 1, POOL_CRITICAL, "---", NULL};

	(void)state;
	assert_int_equal(status_of(&serving, true, false), POOL_HEALTH_UNKNOWN);
	assert_int_equal(status_of(&forced, true, false), POOL_CRITICAL);
}

static void
a_load_balancer_is_called_by_its_default_pools(void **state)
{
	static const struct {
		enum pool_status statuses[2];
		bool usable[2];
		enum lb_status status;
	} rows[] = {
	    {{POOL_HEALTHY, POOL_HEALTHY}, {true, true}, LB_HEALTHY},
	    {{POOL_HEALTHY, POOL_HEALTH_UNKNOWN}, {true, true}, LB_HEALTHY}, /* no monitor */
	    {{POOL_HEALTHY, POOL_HEALTH_UNKNOWN}, {true, false}, LB_DEGRADED}, /* no result */
	    {{POOL_HEALTHY, POOL_DEGRADED}, {true, true}, LB_DEGRADED},
	    {{POOL_CRITICAL, POOL_HEALTHY}, {false, true}, LB_DEGRADED},
	    {{POOL_HEALTHY, POOL_DISABLED}, {true, false}, LB_DEGRADED},
	    {{POOL_CRITICAL, POOL_DISABLED}, {false, false}, LB_CRITICAL},
	    {{POOL_HEALTH_UNKNOWN, POOL_HEALTH_UNKNOWN}, {false, false}, LB_CRITICAL},
	};
	struct lb lb = {.enabled = true, .npools = 2};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++)
		assert_int_equal(status_lb(&lb, rows[i].statuses, rows[i].usable), rows[i].status);
	lb.enabled = false;
	assert_int_equal(status_lb(&lb, rows[0].statuses, rows[0].usable), LB_DISABLED);
}

static void
an_origin_without_a_verdict_is_what_it_was_when_its_monitor_came(void **state)
{
	struct origin origin = {.ip.family = FAMILY_V4, .enabled = true, .seeded = HEALTH_UP};
	struct pool pool = {.enabled = true, .origins = &origin, .norigins = 1};
	struct health_record record = {.state = HEALTH_UNKNOWN};

	(void)state;
	assert_int_equal(status_origin(&pool, &origin, HEALTH_UNKNOWN), HEALTH_UNMONITORED);
	pool.monitor = id_new();
	assert_int_equal(status_origin(&pool, &origin, HEALTH_UNKNOWN), HEALTH_UP);
	assert_int_equal(status_origin(&pool, &origin, record.state), HEALTH_UP);
	record.state = HEALTH_DOWN;
	assert_int_equal(status_origin(&pool, &origin, record.state), HEALTH_DOWN);
	origin.seeded = HEALTH_UNKNOWN;
	assert_int_equal(status_origin(&pool, &origin, HEALTH_UNKNOWN), HEALTH_UNKNOWN);
	pool.enabled = false;
	assert_int_equal(status_origin(&pool, &origin, record.state), HEALTH_DISABLED);
}

/* S38 in plain words, asked in another order than status_of_judges does. */
static enum health_state
plain_group(const struct judge *judges, const enum health_state *verdicts, size_t count)
{
	unsigned up = 0, suspect = 0, down = 0;
	bool vetoed = false;

	for (size_t i = 0; i < count; i++) {
		if (!judges[i].votes)
			continue;
		up += verdicts[i] == HEALTH_UP;
		suspect += verdicts[i] == HEALTH_SUSPECT;
		down += verdicts[i] == HEALTH_DOWN;
		vetoed |= judges[i].must_be_healthy && verdicts[i] == HEALTH_DOWN;
	}
	if (up + suspect + down == 0)
		return HEALTH_UNKNOWN;
	if (vetoed || down > up + suspect)
		return HEALTH_DOWN;
	return suspect + down == 0 ? HEALTH_UP : HEALTH_SUSPECT;
}

static void
a_group_is_down_by_veto_or_by_more_than_half(void **state)
{
	enum { MOST = 5, KINDS = 3, VERDICTS = 4 };
	unsigned seen[VERDICTS] = {0};

	(void)state;
	for (unsigned count = 0; count <= MOST; count++) {
		unsigned long all = 1;

		for (unsigned i = 0; i < count; i++)
			all *= KINDS * VERDICTS;
		for (unsigned long n = 0; n < all; n++) {
			struct judge judges[MOST] = {{.votes = false}};
			enum health_state verdicts[MOST], judged;
			unsigned long rest = n;

			for (unsigned i = 0; i < count; i++, rest /= KINDS * VERDICTS) {
				judges[i].votes = rest % KINDS != 0;
				judges[i].must_be_healthy = rest % KINDS == 2;
				verdicts[i] = rest / KINDS % VERDICTS;
			}
			judged = status_of_judges(judges, verdicts, count);
			assert_int_equal(judged, plain_group(judges, verdicts, count));
			seen[judged]++;
		}
	}
	for (unsigned i = 0; i < VERDICTS; i++)
		assert_true(seen[i] > 0);
}

static void
one_monitor_alone_is_believed(void **state)
{
	static const struct judge judge = {.votes = true};

	(void)state;
	for (enum health_state verdict = HEALTH_UNKNOWN; verdict <= HEALTH_DOWN; verdict++)
		assert_int_equal(status_of_judges(&judge, &verdict, 1), verdict);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pool_is_called_what_the_table_says),
	    cmocka_unit_test(a_pool_without_a_monitor_is_never_judged),
	    cmocka_unit_test(a_load_balancer_is_called_by_its_default_pools),
	    cmocka_unit_test(a_group_is_down_by_veto_or_by_more_than_half),
	    cmocka_unit_test(one_monitor_alone_is_believed),
	    cmocka_unit_test(an_origin_without_a_verdict_is_what_it_was_when_its_monitor_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
