#include "monitor/judge/statistics.h"

#include <search.h>
#include <stdlib.h>

static const struct bound rtt_bounds[STATISTICS_RTT_BOUNDS] = {BOUND(0.001), BOUND(0.0025), BOUND(0.005),
    BOUND(0.01), BOUND(0.025), BOUND(0.05), BOUND(0.1), BOUND(0.25), BOUND(0.5), BOUND(1), BOUND(2.5),
    BOUND(5), BOUND(10)};
static const struct bound lateness_bounds[STATISTICS_LATENESS_BOUNDS] = {
    BOUND(0.001), BOUND(0.005), BOUND(0.01), BOUND(0.05), BOUND(0.1), BOUND(0.25), BOUND(0.5), BOUND(1)};

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct statistics *)a)->id.text, ((const struct statistics *)b)->id.text);
}

struct statistics *
statistics_of(void **all, const struct monitor *monitor)
{
	struct statistics wanted = {.id = monitor->id}, *made, **found = tfind(&wanted, all, by_id);

	if (found != NULL) {
		if (strcmp((*found)->name, monitor->name) != 0) {
			free((*found)->name);
			(*found)->name = xstrdup(monitor->name);
		}
		return *found;
	}
	made = xcalloc(1, sizeof *made);
	made->id = monitor->id;
	made->name = xstrdup(monitor->name);
	made->rtt = (struct histogram){rtt_bounds, STATISTICS_RTT_BOUNDS, made->rtt_counts, 0};
	made->lateness =
	    (struct histogram){lateness_bounds, STATISTICS_LATENESS_BOUNDS, made->lateness_counts, 0};
	if (tsearch(made, all, by_id) == NULL)
		memory_exhausted(0);
	return made;
}

static void
free_one(void *one)
{
	free(((struct statistics *)one)->name);
	free(one);
}

void
statistics_free(void *all)
{
	tdestroy(all, free_one);
}

void
statistics_ended(struct statistics *statistics, const struct check_result *result)
{
	statistics->repeated += result->repeated;
	if (!result->conclusive) {
		statistics->inconclusive++;
		return;
	}
	statistics->reasons[result->reason]++;
	if (result->reason == REASON_NONE && result->rtt_us > 0)
		histogram_add(&statistics->rtt, result->rtt_us / 1e6);
}

struct walk {
	statistics_fn *fn;
	void *arg;
};

static void
visit(const void *node, VISIT when, void *arg)
{
	const struct walk *walk = arg;

	if (when == postorder || when == leaf)
		walk->fn(walk->arg, *(const struct statistics *const *)node);
}

void
statistics_each(void *all, statistics_fn *fn, void *arg)
{
	struct walk walk = {fn, arg};

	twalk_r(all, visit, &walk);
}
