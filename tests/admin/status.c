/* status.c: S28's words, a row for every case. */
#include "zones/model/status.h"

#include "admin/edit/document.h"
#include "zones/document/document_load.h"
#include "zones/state/health.h"
#include "zones/steer/pool_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

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
	case 'U':
		return HEALTH_UP;
	case 'S':
		return HEALTH_SUSPECT;
	case 'D':
		return HEALTH_DOWN;
	case 'x':
		return HEALTH_DISABLED;
	case 'n':
		return HEALTH_UNMONITORED;
	default:
		return HEALTH_UNKNOWN;
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
			    status_pool_text(status_of(&rows[i], true, true)),
			    status_pool_text(rows[i].status));
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

/* Pools a to d by a letter each: Healthy, degraded (~), critical (!), without a monitor (n), without a result
 * (?), disabled (x). */
static struct status_of_pool
pool_in(const void *arg, const struct id *id)
{
	const char *letters = arg;

	switch (letters[id->text[0] - 'a']) {
	case 'H':
		return (struct status_of_pool){POOL_HEALTHY, true};
	case '~':
		return (struct status_of_pool){POOL_DEGRADED, true};
	case 'n':
		return (struct status_of_pool){POOL_HEALTH_UNKNOWN, true};
	case '?':
		return (struct status_of_pool){POOL_HEALTH_UNKNOWN, false};
	case 'x':
		return (struct status_of_pool){POOL_DISABLED, false};
	default:
		return (struct status_of_pool){POOL_CRITICAL, false};
	}
}

#define A "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
#define B "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\""
#define C "\"cccccccccccccccccccccccccccccccc\""
#define D "\"dddddddddddddddddddddddddddddddd\""
#define RULE(name, condition, overrides) \
	"{\"name\":\"" name "\",\"condition\":\"" condition "\",\"overrides\":{" overrides "}}"
#define LAST(name, overrides) \
	"{\"name\":\"" name "\",\"condition\":\"some\",\"terminates\":true,\"overrides\":{" overrides "}}"
#define SET(name, match, overrides) \
	"{\"name\":\"" name "\",\"match\":" match ",\"overrides\":{" overrides "}}"
#define OFF(name, overrides) "{\"name\":\"" name "\",\"disabled\":true,\"overrides\":{" overrides "}}"
#define DE "{\"topology\":{\"countries\":[\"DE\"]}}"
#define PLACES "\"country_pools\":{\"DE\":[" B "],\"FR\":[" B "," C "]},\"region_pools\":{\"WEU\":[" C "]}"

/* The status and each list, with a * where its fallback pool answers, and its name where that is not d. */
static char *
told(const struct lb *lb, const char *letters)
{
	size_t count;
	struct pool_list *lists = lists_of(lb, &count);
	bool *last_resort = xcalloc(count, sizeof *last_resort);
	char *text = xstrdup(status_lb_text(status_lb(lb, lists, count, pool_in, letters, last_resort)));

	for (size_t i = 0; i < count; i++) {
		char *name = lists_text(&lists[i]), *more,
		     fallback[] = {' ', 'o', 'r', ' ', lists[i].fallback->text[0], 0};

		more = xasprintf(
		    "%s; %s%s%s", text, name, last_resort[i] ? "*" : "", fallback[4] == 'd' ? "" : fallback);
		free(text);
		free(name);
		text = more;
	}
	free(lists);
	free(last_resort);
	return text;
}

static const struct {
	const char *properties, *pools, *told;
} callings[] = {
    /* one list */
    {"", "HH!!", "Healthy; default_pools"},
    {"", "Hn!!", "Healthy; default_pools"},
    {"", "H?!!", "Degraded; default_pools"},
    {"", "H~!!", "Degraded; default_pools"},
    {"", "!H!!", "Degraded; default_pools"},
    {"", "Hx!!", "Degraded; default_pools"},
    {"", "!xHH", "Critical; default_pools*"},
    {"", "??HH", "Critical; default_pools*"},
    {"\"enabled\":false", "!!HH", "Disabled; default_pools*"},
    /* S13, S14: a pool that is never drawn serves no client, but has its status */
    {"\"steering_policy\":\"random\",\"random_steering\":{\"default_weight\":1,\"pool_weights\":{" B ":0}}",
	"!HHH", "Critical; default_pools*"},
    {"\"steering_policy\":\"least_connections\",\"random_steering\":{\"default_weight\":1,\"pool_"
     "weights\":{" B ":0}}",
	"H!HH", "Degraded; default_pools"},
    {"\"steering_policy\":\"off\",\"random_steering\":{\"default_weight\":1,\"pool_weights\":{" B ":0}}",
	"!HHH", "Degraded; default_pools"},
    /* places, where they are asked */
    {PLACES, "HHHH", "Healthy; default_pools; country_pools.DE; country_pools.FR; region_pools.WEU"},
    {"\"steering_policy\":\"geo\"," PLACES, "HH!H",
	"Degraded; default_pools; country_pools.DE; country_pools.FR; region_pools.WEU*"},
    {PLACES, "!!HH", "Degraded; default_pools*; country_pools.DE*; country_pools.FR; region_pools.WEU"},
    {PLACES, "!!!H", "Critical; default_pools*; country_pools.DE*; country_pools.FR*; region_pools.WEU*"},
    {"\"steering_policy\":\"proximity\"," PLACES, "HH!!", "Healthy; default_pools"},
    /* pool sets: the first that matches; one for every client hides those after it, and the load
       balancer's own */
    {"\"pool_sets\":[" SET("de", DE, "\"pools\":[" C "]") "]", "HH!H",
	"Degraded; default_pools; pool set de*"},
    {"\"pool_sets\":[" SET("de", DE, "\"pools\":[" C "],\"fallback_pool\":" A) "]", "HHHH",
	"Healthy; default_pools; pool set de or a"},
    {"\"pool_sets\":[" OFF("de", "\"pools\":[" C "]") "]", "HH!H", "Healthy; default_pools"},
    {"\"pool_sets\":[" SET("de", DE, "\"pools\":[" C "]") "," SET("all", "null", "\"pools\":[" B "]") "," SET(
	 "late", DE, "\"pools\":[" A "]") "]," PLACES,
	"!HHH", "Healthy; pool set de; pool set all"},
    {"\"steering_policy\":\"off\",\"pool_sets\":[" SET(
	 "de", DE, "\"pools\":[" A "],\"steering_policy\":\"geo\"") "]," PLACES,
	"HH!H",
	"Degraded; default_pools; country_pools.DE; country_pools.FR; region_pools.WEU*; pool set "
	"de"},
    {"\"pool_sets\":[" SET(
	 "de", DE, "\"pools\":[" A "," C "],\"steering_policy\":\"random\",\"pool_weights\":{" C ":0}") "]",
	"!HHH", "Degraded; default_pools; pool set de*"},
    {"\"pool_sets\":[" SET(
	 "de", DE, "\"pools\":[" C "],\"steering_policy\":\"random\",\"pool_weights\":{" C ":0}") "]",
	"HHHH", "Degraded; default_pools; pool set de*"},
    /* rules: one that everybody matches takes the place of what it overrides */
    {"\"rules\":[" RULE("r", "some", "\"pools\":[" C "]") "]", "HH!H", "Degraded; default_pools; rule r*"},
    {"\"rules\":[" RULE("r", "some", "\"ttl\":5") "]", "HH!H", "Healthy; default_pools"},
    {"\"rules\":[" OFF("r", "\"pools\":[" C "]") "]", "HH!H", "Healthy; default_pools"},
    {"\"rules\":[" RULE("r", "", "\"pools\":[" C "],\"fallback_pool\":" B) "]", "!!HH",
	"Healthy; rule r or b"},
    {"\"rules\":[" LAST("s", "\"ttl\":5") "," RULE("r", "", "\"pools\":[" C "]") "]", "HH!H",
	"Degraded; default_pools; rule r*"},
    {"\"rules\":[{\"name\":\"e\",\"condition\":\"\",\"terminates\":true}," RULE(
	 "r", "some", "\"pools\":[" C "]") "]",
	"HH!H", "Healthy; default_pools"},
    {"\"rules\":[" RULE("r", "", "\"fallback_pool\":" C) "]", "HHHH", "Healthy; default_pools or c"},
    {"\"rules\":[" RULE("r", "", "\"steering_policy\":\"off\"") "]," PLACES, "HH!!",
	"Healthy; default_pools"},
    {"\"rules\":[" RULE("r", "",
	 "\"steering_policy\":\"random\",\"random_steering\":{\"default_weight\":1,\"pool_weights\":"
	 "{" A ":0}}") "]",
	"H!HH", "Critical; default_pools*"},
    {"\"rules\":[" RULE("r", "", "\"country_pools\":{\"IT\":[" A "]}") "]," PLACES, "H!HH",
	"Degraded; default_pools; region_pools.WEU; rule r, country_pools.IT"},
    {"\"steering_policy\":\"off\",\"rules\":[" RULE("r", "some", "\"country_pools\":{\"IT\":[" A "]}") "]",
	"HHHH", "Healthy; default_pools"},
};

/* S28 over S13's, S35's and S36's lists. */
static void
a_load_balancer_is_called_by_all_its_lists(void **state)
{

	(void)state;
	for (size_t i = 0; i < NITEMS(callings); i++) {
		char *text = xasprintf("{%s%s%s\"name\":\"www.example.com\",\"default_pools\":[" A "," B
				       "],\"fallback_pool\":" D "}",
		    callings[i].properties, *callings[i].properties == '\0' ? "" : ",",
		    strstr(callings[i].properties, "\"enabled\"") != NULL ? "" : "\"enabled\":true,");
		struct lb *lb = document_load_lb((struct bytes){text, strlen(text)});
		char *got;

		assert_non_null(lb);
		got = told(lb, callings[i].pools);
		if (strcmp(got, callings[i].told) != 0)
			fail_msg("row %zu, %s with %s: %s, not %s", i, callings[i].properties,
			    callings[i].pools, got, callings[i].told);
		free(got);
		free(text);
		model_free_lb(lb);
	}
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
	    cmocka_unit_test(a_load_balancer_is_called_by_all_its_lists),
	    cmocka_unit_test(a_group_is_down_by_veto_or_by_more_than_half),
	    cmocka_unit_test(one_monitor_alone_is_believed),
	    cmocka_unit_test(an_origin_without_a_verdict_is_what_it_was_when_its_monitor_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
