#include "admin/look/transitions.h"

#include "admin/cli/print.h"
#include "admin/look/filter.h"
#include "admin/look/probed.h"
#include "zones/base/array.h"

#include <stdio.h>
#include <stdlib.h>

static void
print_time(FILE *out, int64_t wall)
{
	char text[32];

	wall_text(wall, text);
	text[23] = '\0'; /* milliseconds are enough */
	fprintf(out, "%sZ ", text);
}

/* "pool eu: Healthy -> Degraded", or at the beginning "pool eu: Healthy". */
static void
print_change(
    FILE *out, int64_t wall, const char *kind, const char *name, const char *before, const char *after)
{
	print_time(out, wall);
	fprintf(out, "%s%s%s: %s%s%s\n", kind, name[0] == '\0' ? "" : " ", name, before == NULL ? "" : before,
	    before == NULL ? "" : " -> ", after);
}

/* The line of one flip for each origin that has its endpoint; returns their number. */
static size_t
print_flip(FILE *out, const struct picture *picture, const struct probed_table *table,
    const struct health_flip *flip)
{
	size_t count;
	const struct probed *probed = probed_find(table, &flip->endpoint, &count);

	for (size_t i = 0; i < count; i++) {
		char *text;

		if (picture->filter != NULL &&
		    !filter_origin(picture->filter, picture, probed[i].pool, probed[i].origin))
			continue;
		text = print_clean(probed_flip_text(&probed[i], flip));
		print_time(out, flip->at_wall);
		fprintf(out, "%s\n", text);
		free(text);
	}
	return count;
}

struct flips {
	struct health_flip *list;
	size_t count;
	uint64_t last; /* of the later picture: later entries belong to the next */
};

static bool
collect_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	struct flips *flips = arg;

	if (sequence > flips->last)
		return false;
	flips->list = array_grow(flips->list, flips->count, sizeof *flips->list);
	flips->list[flips->count++] = *flip;
	return true;
}

static void
print_flips(FILE *out, struct viewer *viewer, const struct picture *before, const struct picture *after)
{
	/* A new store has a new feed: all its entries are new. */
	uint64_t from = after->last_flip < before->last_flip ? 0 : before->last_flip;
	struct store *verdicts = viewer->stores[viewer_verdicts(viewer)];
	struct flips flips = {.last = after->last_flip};
	struct probed_table now, then;
	struct store_txn *txn;
	bool whole;

	if (after->last_flip == before->last_flip || verdicts == NULL ||
	    store_begin(verdicts, STORE_READ, &txn) != 0)
		return;
	whole = health_flips_after(txn, from, collect_flip, &flips);
	store_abort(txn);
	if (!whole)
		fputs("(some flips are no longer in the feed)\n", out);
	now = probed_of(after);
	then = probed_of(before);
	for (size_t i = 0; i < flips.count; i++)
		/* An origin or an address that went is only in the picture before. */
		if (print_flip(out, after, &now, &flips.list[i]) == 0)
			print_flip(out, before, &then, &flips.list[i]);
	probed_free(&now);
	probed_free(&then);
	free(flips.list);
}

static const struct pictured_lb *
lb_of(const struct picture *picture, const struct id *id)
{
	for (size_t i = 0; i < picture->nlbs; i++)
		if (strcmp(picture->lbs[i].model->id.text, id->text) == 0)
			return &picture->lbs[i];
	return NULL;
}

static void
print_pools(FILE *out, const struct picture *before, const struct picture *after)
{
	for (size_t i = 0; i < after->npools; i++) {
		const struct pictured_pool *now = &after->pools[i];
		const struct pictured_pool *then =
		    before == NULL ? NULL : picture_pool(before, &now->model->id);

		if (!now->hidden && (then == NULL || then->status != now->status))
			print_change(out, after->now_wall, "pool", now->model->name,
			    then == NULL ? NULL : status_pool_text(then->status),
			    status_pool_text(now->status));
	}
}

static void
print_lbs(FILE *out, const struct picture *before, const struct picture *after)
{
	for (size_t i = 0; i < after->nlbs; i++) {
		const struct pictured_lb *now = &after->lbs[i];
		const struct pictured_lb *then = before == NULL ? NULL : lb_of(before, &now->model->id);

		if (!now->hidden && (then == NULL || then->status != now->status))
			print_change(out, after->now_wall, "load balancer", now->model->name,
			    then == NULL ? NULL : status_lb_text(then->status), status_lb_text(now->status));
	}
}

static const char *
nameserver_text(const struct picture *picture)
{
	return picture->serving_dead ? "dead" : picture->answering.ready ? "answering" : "starting";
}

static const char *
monitor_text(const struct picture *picture)
{
	return picture->monitor_dead ? "dead" : picture->beat.isolated_ms != 0 ? "isolated" : "alive";
}

void
print_transitions(FILE *out, struct viewer *viewer, const struct picture *before, const struct picture *after)
{
	const char *monitor = before == NULL ? NULL : monitor_text(before);
	const char *nameserver = before == NULL ? NULL : nameserver_text(before);

	if (monitor == NULL || strcmp(monitor, monitor_text(after)) != 0)
		print_change(out, after->now_wall, "monitor", "", monitor, monitor_text(after));
	if (nameserver == NULL || strcmp(nameserver, nameserver_text(after)) != 0)
		print_change(out, after->now_wall, "nameserver", "", nameserver, nameserver_text(after));
	if (after->signer.wanted &&
	    (before == NULL ||
		strcmp(signer_view_state(&before->signer), signer_view_state(&after->signer)) != 0))
		print_change(out, after->now_wall, "signer", "",
		    before == NULL || !before->signer.wanted ? NULL : signer_view_state(&before->signer),
		    signer_view_state(&after->signer));
	if (before != NULL)
		print_flips(out, viewer, before, after);
	print_pools(out, before, after);
	print_lbs(out, before, after);
}
