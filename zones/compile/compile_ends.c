/* compile_ends.c -- load balancers of signed zones that are disabled until a known time (S103). */
#include "zones/compile/compile_inner.h"

#include "zones/base/array.h"

#include <stdlib.h>

enum { FORESEEN = 4 }; /* of a zone: the row of an NSEC has room for their variants */

static bool
is_to_come(const struct lb_entry *entry)
{
	return entry->compiled == NULL && !entry->model->enabled && deadline_is_set(&entry->model->expiry) &&
	    entry->zone != NULL && entry->zone->zone != NULL && entry->zone->zone->chain != NULL;
}

bool
compiler_foresees(const struct compiler *compiler)
{
	for (size_t i = 0; compiler->graph != NULL && i < compiler->graph->lbs.count; i++)
		if (is_to_come(compiler->graph->lbs.items[i]))
			return true;
	return false;
}

static int
compare_ends(const void *a, const void *b)
{
	const struct lb_entry *x = *(struct lb_entry *const *)a, *y = *(struct lb_entry *const *)b;

	if (x->zone->number != y->zone->number)
		return x->zone->number < y->zone->number ? -1 : 1;
	return (x->model->expiry.wall_ms > y->model->expiry.wall_ms) -
	    (x->model->expiry.wall_ms < y->model->expiry.wall_ms);
}

bool
compiler_foresee(struct compiler *compiler, struct store_txn *config, compiler_steered_fn *fn, void *arg)
{
	struct config_graph *graph = compiler->graph;
	struct lb_entry **ends = NULL;
	size_t count = 0;
	bool done = true;

	for (size_t i = 0; i < graph->lbs.count; i++)
		if (is_to_come(graph->lbs.items[i])) {
			ends = array_grow(ends, count, sizeof *ends);
			ends[count++] = graph->lbs.items[i];
		}
	if (count > 0)
		qsort(ends, count, sizeof *ends, compare_ends);
	for (size_t i = 0, next; i < count && done; i = next) {
		size_t some;

		for (next = i + 1; next < count && ends[next]->zone == ends[i]->zone;)
			next++;
		some = MIN(next - i, (size_t)FORESEEN);
		graph_foresee(graph, config, ends + i, some);
		for (size_t k = 0; k < some; k++) {
			done = done && compiler_offer_entry(compiler, ends[i + k], fn, arg);
			graph_put_to_sleep(ends[i + k]);
		}
	}
	free(ends);
	return done;
}
