/* Pools and load balancers whose configuration does not survive a failure. */
#include "admin/doctor/doctor_inner.h"

#include "admin/cli/when.h"
#include "admin/look/surroundings.h"
#include "zones/base/array.h"
#include "zones/base/map.h"

#include <stdlib.h>

/* --- pools --- */

static bool
enabled(const struct pool *pool, const struct origin *origin)
{
	return pool->enabled && origin->enabled && origin->weight > 0;
}

/* How many addresses can be answered from a pool; *one is the text of one of them. */
static size_t
addresses_of(const struct pictured_pool *pool, const char **one)
{
	size_t count = 0;

	for (size_t i = 0; i < pool->model->norigins; i++)
		if (enabled(pool->model, &pool->model->origins[i])) {
			count += MAX(1, pool->origins[i].naddresses);
			*one = pool->model->origins[i].address;
		}
	return count;
}

/* Is the pool in a load balancer that is enabled? */
static bool *
pools_in_use(const struct picture *picture)
{
	bool *used = xcalloc(picture->npools, sizeof *used);

	for (size_t i = 0; i < picture->nlbs; i++) {
		size_t count;
		struct id *pools = lb_pools(picture->lbs[i].model, &count);

		for (size_t n = 0; n < count; n++) {
			const struct pictured_pool *pool = picture_pool(picture, &pools[n]);

			if (pool != NULL)
				used[pool - picture->pools] = true;
		}
		free(pools);
	}
	return used;
}

static void
tell_status(struct findings *findings, const char *subject, const struct pictured_pool *pool)
{
	if (pool->status == POOL_CRITICAL) {
		finding_add(findings, FINDING_WARNING, "pool-critical", subject,
		    "it is Critical: %u of %u origins are healthy, and it needs %u", pool->healthy,
		    pool->enabled, MAX(1, pool->model->minimum_origins));
		finding_cure(findings, "graycloud status --pool %s shows why", pool->model->name);
	} else if (pool->status == POOL_DEGRADED)
		finding_add(findings, FINDING_NOTE, "pool-degraded", subject,
		    "it is Degraded: %u of %u origins are healthy", pool->healthy, pool->enabled);
}

static void
examine_pool(struct findings *findings, const struct pictured_pool *pool, bool used)
{
	char *subject = xasprintf("pool %s", pool->model->name);
	const char *one = NULL;

	if (!used) {
		finding_add(findings, FINDING_NOTE, "pool-unused", subject, "no load balancer uses it");
		finding_cure(
		    findings, "delete it if it is not needed: graycloud pool delete %s", pool->model->name);
	} else if (pool->model->enabled) {
		tell_status(findings, subject, pool);
		if (pool->model->njudges == 0) {
			finding_add(findings, FINDING_WARNING, "pool-no-monitor", subject,
			    "no monitor checks it: a failed origin is still answered");
			finding_cure(findings, "graycloud pool set %s monitor=MONITOR", pool->model->name);
		}
		if (addresses_of(pool, &one) == 1) {
			finding_add(findings, FINDING_NOTE, "pool-one-origin", subject,
			    "it has one origin, %s: if that fails, the whole pool does", one);
			finding_cure(findings, "graycloud origin add %s ADDRESS", pool->model->name);
		}
	}
	free(subject);
}

/* --- objects that people disabled or forced --- */

static bool
asked_for(const struct examination *examination, const struct intervention *one)
{
	const struct picture *picture = examination->picture;
	const struct pictured_pool *pool = picture_pool(picture, &one->id);

	for (size_t i = 0; one->kind == KIND_LB && i < picture->nlbs; i++)
		if (strcmp(picture->lbs[i].model->id.text, one->id.text) == 0)
			return examination->lbs[i];
	return pool != NULL && examination->pools[pool - picture->pools];
}

static char *
subject_of(const struct intervention *one)
{
	return one->address != NULL ? xasprintf("origin %s of %s", one->address, one->name)
	    : one->kind == KIND_LB  ? xasprintf("load balancer %s", one->name)
				    : xasprintf("pool %s", one->name);
}

static void
tell_intervention(struct findings *findings, const struct intervention *one)
{
	bool forced = strncmp(one->what, "forced", 6) == 0;
	char *subject = subject_of(one);

	finding_add(findings, forced && one->until == NULL ? FINDING_WARNING : FINDING_NOTE,
	    forced ? "forced" : "disabled", subject, "it is %s by %s since %s, %s%s%s%s", one->what,
	    one->who != NULL ? one->who : "somebody", one->since != NULL ? one->since : "long ago",
	    one->until != NULL ? "until " : "without an end", one->until != NULL ? one->until : "",
	    one->reason != NULL ? ": " : "", one->reason != NULL ? one->reason : "");
	if (forced)
		finding_cure(
		    findings, "to end this: graycloud origin force %s %s none", one->name, one->address);
	else
		finding_cure(findings, "to end this: graycloud %s enable %s%s%s",
		    one->address != NULL       ? "origin"
			: one->kind == KIND_LB ? "lb"
					       : "pool",
		    one->name, one->address == NULL ? "" : " ", one->address == NULL ? "" : one->address);
	free(subject);
}

static void
tell_interventions(struct examination *examination)
{
	const struct interventions *all = examination->picture->interventions;

	for (size_t i = 0; i < all->count; i++)
		if (asked_for(examination, &all->items[i]))
			tell_intervention(examination->findings, &all->items[i]);
}

void
examine_pools(struct examination *examination)
{
	const struct picture *picture = examination->picture;
	bool *used = pools_in_use(picture);

	for (size_t i = 0; i < picture->npools; i++)
		if (examination->pools[i])
			examine_pool(examination->findings, &picture->pools[i], used[i]);
	tell_interventions(examination);
	free(used);
}
