#include "transitions.h"

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
print_change(FILE *out, int64_t wall, const char *kind, const char *name, const char *before, const char *after)
{
	print_time(out, wall);
	fprintf(out, "%s%s%s: %s%s%s\n", kind, name[0] == '\0' ? "" : " ", name, before == NULL ? "" : before,
	    before == NULL ? "" : " -> ", after);
}

/* An address of an origin, found by its endpoint, or the hostname by its key. */
struct place {
	struct endpoint endpoint;
	const struct pool *pool;
	const struct origin *origin;
	struct address address; /* of the endpoint; none where it is the hostname itself */
	const char *monitor;    /* that says so, where it is one of a group */
};

struct places {
	struct place *list; /* by endpoint */
	size_t count;
};

static int
compare_places(const void *a, const void *b)
{
	return memcmp(&((const struct place *)a)->endpoint, &((const struct place *)b)->endpoint, sizeof(struct endpoint));
}

static void
add_places(struct places *places, const struct pictured_pool *pool, size_t i)
{
	const struct pictured_origin *origin = &pool->origins[i];
	const struct origin *model = &pool->model->origins[i];
	size_t count = origin->naddresses * pool->model->njudges + 1;

	places->list = xrealloc(places->list, (places->count + count) * sizeof *places->list);
	/* Also of what is not probed now: the flip of an origin that was disabled comes after the configuration. */
	for (size_t n = 0; n < origin->naddresses; n++)
		for (size_t k = 0; k < pool->model->njudges; k++) {
			const struct address *address = &origin->addresses[n].address;
			struct endpoint endpoint = health_endpoint(pool->model->judges[k].monitor.text, model, address);

			places->list[places->count++] = (struct place){endpoint, pool->model, model, *address,
			    pool->model->monitor_group.text[0] != '\0' ? pool->judges[k] : NULL};
		}
	if (origin_is_hostname(model))
		places->list[places->count++] = (struct place){name_key(model->address), pool->model, model, {0}, NULL};
}

static struct places
places_of(const struct picture *picture)
{
	struct places places = {0};

	for (size_t p = 0; p < picture->npools; p++) {
		const struct pictured_pool *pool = &picture->pools[p];

		for (size_t i = 0; i < pool->model->norigins; i++)
			add_places(&places, pool, i);
	}
	if (places.count > 0)
		qsort(places.list, places.count, sizeof *places.list, compare_places);
	return places;
}

/* The line of one flip for each origin that its endpoint stands for; how many there were. */
static size_t
print_flip(FILE *out, const struct places *places, const struct health_flip *flip)
{
	const struct place key = {.endpoint = flip->endpoint}, *end = places->list + places->count, *at;
	size_t printed = 0;

	at = places->count == 0 ? NULL : bsearch(&key, places->list, places->count, sizeof key, compare_places);
	while (at != NULL && at > places->list && compare_places(at - 1, &key) == 0)
		at--;
	for (; at != NULL && at < end && compare_places(at, &key) == 0; at++, printed++) {
		bool hostname = origin_is_hostname(at->origin);
		char address[46];

		print_time(out, flip->at_wall);
		fprintf(out, "origin %s %s", at->pool->name, at->origin->address);
		if (flip->kind == FLIP_ADDRESSES) {
			fprintf(out, ": %u -> %u addresses\n", flip->count_before, flip->count);
			continue;
		}
		fprintf(out, "%s%s%s%s: %s -> %s%s%s%s\n", hostname ? " " : "", hostname ? address_to_text(&at->address, address) : "",
		    at->monitor != NULL ? " by " : "", at->monitor != NULL ? at->monitor : "",
		    health_state_text(flip->before), health_state_text(flip->state), flip->damped ? ", damped" : "", flip->reason == REASON_NONE ? "" : ": ",
		    flip->reason == REASON_NONE ? "" : health_reason_text(flip->reason));
	}
	return printed;
}

struct flips {
	struct health_flip *list;
	size_t count;
	uint64_t last; /* of the later picture: what came after it belongs to the next */
};

static bool
collect_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	struct flips *flips = arg;

	if (sequence > flips->last)
		return false;
	flips->list = xrealloc(flips->list, (flips->count + 1) * sizeof *flips->list);
	flips->list[flips->count++] = *flip;
	return true;
}

static void
print_flips(FILE *out, struct viewer *viewer, const struct picture *before, const struct picture *after)
{
	/* A store made anew has a feed of its own: what it holds is all new. */
	uint64_t from = after->last_flip < before->last_flip ? 0 : before->last_flip;
	struct flips flips = {.last = after->last_flip};
	struct places now, then;
	struct store_txn *txn;
	bool whole;

	if (after->last_flip == before->last_flip || viewer->stores[STORE_HEALTH] == NULL ||
	    store_begin(viewer->stores[STORE_HEALTH], STORE_READ, &txn) != 0)
		return;
	whole = health_flips_after(txn, from, collect_flip, &flips);
	store_abort(txn);
	if (!whole)
		fputs("(some flips are no longer in the feed)\n", out);
	now = places_of(after);
	then = places_of(before);
	for (size_t i = 0; i < flips.count; i++)
		/* An origin or an address that went is only in the picture before. */
		if (print_flip(out, &now, &flips.list[i]) == 0)
			print_flip(out, &then, &flips.list[i]);
	free(now.list);
	free(then.list);
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
		const struct pictured_pool *then = before == NULL ? NULL : picture_pool(before, &now->model->id);

		if (then == NULL || then->status != now->status)
			print_change(out, after->now_wall, "pool", now->model->name,
			    then == NULL ? NULL : status_pool_text(then->status), status_pool_text(now->status));
	}
}

static void
print_lbs(FILE *out, const struct picture *before, const struct picture *after)
{
	for (size_t i = 0; i < after->nlbs; i++) {
		const struct pictured_lb *now = &after->lbs[i];
		const struct pictured_lb *then = before == NULL ? NULL : lb_of(before, &now->model->id);

		if (then == NULL || then->status != now->status)
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
	if (before != NULL)
		print_flips(out, viewer, before, after);
	print_pools(out, before, after);
	print_lbs(out, before, after);
}
