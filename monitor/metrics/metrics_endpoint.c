#include "monitor/metrics/metrics_endpoint.h"

#include "zones/base/array.h"
#include "zones/daemon/pages.h"

#include <stdlib.h>

enum {
	METRICS_FEW = 2,        /* the first ones of the table */
	TARGETS_A_SLICE = 1000, /* including those without lines: some ten microseconds */
	NAMES_MAX = 64          /* of monitors and of pools in a choice */
};

/* --- selection --- */

struct names {
	char *list[NAMES_MAX];
	size_t count;
};

struct endpoint_choice {
	struct names monitors, pools;
	uint64_t *numbers; /* of the targets in those pools; sorted when the choice is made */
	size_t count;
};

static bool
names_add(struct names *names, const char *name)
{
	if (names->count == NAMES_MAX)
		return false;
	names->list[names->count++] = xstrdup(name);
	return true;
}

static bool
names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->list[i], name) == 0)
			return true;
	return false;
}

static void
names_free(struct names *names)
{
	while (names->count > 0)
		free(names->list[--names->count]);
}

struct endpoint_choice *
endpoint_choice_new(void)
{
	return xcalloc(1, sizeof(struct endpoint_choice));
}

void
endpoint_choice_free(struct endpoint_choice *choice)
{
	if (choice == NULL)
		return;
	names_free(&choice->monitors);
	names_free(&choice->pools);
	free(choice->numbers);
	free(choice);
}

bool
endpoint_choice_monitor(struct endpoint_choice *choice, const char *name)
{
	return names_add(&choice->monitors, name);
}

bool
endpoint_choice_pool(struct endpoint_choice *choice, const char *name)
{
	return names_add(&choice->pools, name);
}

bool
endpoint_choice_by_pool(const struct endpoint_choice *choice)
{
	return choice->pools.count > 0;
}

void
endpoint_choice_fill(void *arg, const char *pool, struct target *const *targets, size_t count)
{
	struct endpoint_choice *choice = arg;

	if (count == 0 || !names_have(&choice->pools, pool))
		return;
	choice->numbers = array_grow_by(choice->numbers, choice->count, count, sizeof *choice->numbers);
	for (size_t i = 0; i < count; i++)
		choice->numbers[choice->count++] = targets[i]->number;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool
in_pools(const struct endpoint_choice *choice, const struct target *target)
{
	return choice->count > 0 &&
	    bsearch(&target->number, choice->numbers, choice->count, sizeof *choice->numbers, by_number) !=
	    NULL;
}

static bool
chosen(const struct endpoint_choice *choice, const struct target *target)
{
	if (choice == NULL)
		return true;
	return (!endpoint_choice_by_pool(choice) || in_pools(choice, target)) &&
	    (choice->monitors.count == 0 || names_have(&choice->monitors, target->monitor->name));
}

/* --- lines --- */

/* Host only if the origin has its own, and the hostname only if the address belongs to one; reason:
 * NULL for none. */
static void
put_labels(char labels[EXPOSITION_LABELS_MAX], const struct target *target, const char *reason)
{
	const char *host = target->host;
	char address[46];

	exposition_labels(labels, "monitor", target->monitor->name, "address",
	    address_to_text(&target->address, address), host != NULL ? "host" : "hostname",
	    host != NULL ? host : target->hostname, "reason", reason, NULL);
}

static void
add_line(FILE *page, const char *name, const struct target *target, double number)
{
	char labels[EXPOSITION_LABELS_MAX];

	put_labels(labels, target, NULL);
	exposition_line(page, name, labels, number);
}

static void
add_up(FILE *page, const char *name, const struct target *target)
{
	const struct health_record *record = &target->recorded.record;

	if (record->state != HEALTH_UNKNOWN)
		add_line(page, name, target, record->state != HEALTH_DOWN);
}

static void
add_certificate(FILE *page, const char *name, const struct target *target)
{
	const struct health_record *record = &target->recorded.record;

	if (record->certificate_days != INT32_MIN)
		add_line(page, name, target, record->certificate_days);
}

static void
add_checks(FILE *page, const char *name, const struct target *target)
{
	add_line(page, name, target, (double)score_checks(&target->score));
}

static void
add_failures(FILE *page, const char *name, const struct target *target)
{
	char labels[EXPOSITION_LABELS_MAX];

	for (uint32_t i = 0; i < target->score.nfailures; i++) {
		const struct score_failure *failure = &target->score.failures[i];

		put_labels(labels, target, health_reason_text(failure->reason));
		exposition_line(page, name, labels, failure->count);
	}
}

static void
add_inconclusive(FILE *page, const char *name, const struct target *target)
{
	if (target->score.inconclusive > 0)
		add_line(page, name, target, target->score.inconclusive);
}

static void
add_rtt(FILE *page, const char *name, const struct target *target)
{
	char labels[EXPOSITION_LABELS_MAX];

	put_labels(labels, target, NULL);
	score_expose_rtt(&target->score, page, name, labels);
}

static void
add_lateness(FILE *page, const char *name, const struct target *target)
{
	char labels[EXPOSITION_LABELS_MAX];

	put_labels(labels, target, NULL);
	score_expose_lateness(&target->score, page, name, labels);
}

static const struct metric {
	const char *name, *type, *help;
	void (*add)(FILE *page, const char *name, const struct target *target);
} metrics[] = {
    {"graycloud_endpoint_up", "gauge",
	"1 if the endpoint is up or suspect, 0 if not; absent while it is unknown.", add_up},
    {"graycloud_endpoint_certificate_days", "gauge", "Days until the endpoint's certificate ends.",
	add_certificate},
    {"graycloud_endpoint_checks_total", "counter", "Conclusive checks of the endpoint.", add_checks},
    {"graycloud_endpoint_failures_total", "counter", "Failed checks by reason; only reasons that occurred.",
	add_failures},
    {"graycloud_endpoint_checks_inconclusive_total", "counter",
	"Checks that failed on this machine and gave no verdict; absent if there were none.",
	add_inconclusive},
    {"graycloud_endpoint_rtt_seconds", "histogram", "Round-trip times of the endpoint's good checks.",
	add_rtt},
    {"graycloud_endpoint_lateness_ratio", "histogram",
	"How late checks began, as a share of their interval; first checks are never late.", add_lateness},
};

/* --- the page in progress --- */

struct endpoint_lines {
	struct schedule_walk walk;
	struct endpoint_choice *choice;
	const struct metric *metric, *end;
	bool begun; /* its HELP and TYPE are written */
};

struct endpoint_lines *
endpoint_lines_new(struct schedule *schedule, enum endpoint_families which, struct endpoint_choice *choice)
{
	struct endpoint_lines *lines = xcalloc(1, sizeof *lines);

	if (choice != NULL && choice->count > 0)
		qsort(choice->numbers, choice->count, sizeof *choice->numbers, by_number);
	lines->choice = choice;
	lines->metric = metrics;
	lines->end = metrics + (which == ENDPOINT_LINES_FEW ? METRICS_FEW : NITEMS(metrics));
	schedule_walk_begin(&lines->walk, schedule);
	return lines;
}

void
endpoint_lines_free(void *arg)
{
	struct endpoint_lines *lines = arg;

	if (lines == NULL)
		return;
	schedule_walk_end(&lines->walk);
	endpoint_choice_free(lines->choice);
	free(lines);
}

bool
endpoint_lines_write(void *arg, FILE *page)
{
	struct endpoint_lines *lines = arg;
	const struct target *target;

	for (unsigned met = 0; met < TARGETS_A_SLICE && ftello(page) < PAGES_SLICE; met++) {
		if (!lines->begun)
			exposition_family(
			    page, lines->metric->name, lines->metric->type, lines->metric->help);
		lines->begun = true;
		if ((target = schedule_walk_next(&lines->walk)) != NULL) {
			if (chosen(lines->choice, target))
				lines->metric->add(page, lines->metric->name, target);
			continue;
		}
		lines->begun = false;
		schedule_walk_again(&lines->walk);
		if (++lines->metric == lines->end)
			return false;
	}
	return true;
}
