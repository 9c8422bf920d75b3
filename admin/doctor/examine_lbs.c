/* Load balancers: reachable by name, able to fail over, and in time. */
#include "admin/doctor/doctor_inner.h"

#include "admin/cli/when.h"
#include "admin/look/surroundings.h"
#include "zones/base/array.h"

#include <stdlib.h>

/* --- zones and records that hide its name --- */

static void
tell_place(struct examination *examination, const char *subject, const struct lb *lb)
{
	char owner[NAME_MAX_TEXT];
	struct surroundings place;

	if (examination->config == NULL)
		return;
	if (!surroundings_find(examination->config, lb->wire, &place)) {
		finding_add(examination->findings, FINDING_ERROR, "lb-no-zone", subject,
		    "no zone that is served encloses it: it is never answered");
		finding_cure(examination->findings, "load its zone: graycloud zone load FILE");
	} else if (place.hidden_by != 0) {
		finding_add(examination->findings, FINDING_ERROR, "lb-hidden", subject,
		    "the %s record of %s hides it: it is never answered",
		    place.hidden_by == TYPE_NS ? "NS" : "DNAME", name_to_text(place.hidden_at, owner));
		finding_cure(examination->findings, "remove that record, or move the load balancer");
	}
}

/* --- failover --- */

/* The pools and addresses that a load balancer can answer. */
struct choices {
	size_t pools, addresses;
	const char *pool, *address; /* the last of each */
};

static void
count_addresses(struct choices *choices, const char **seen, const struct pictured_pool *pool)
{
	for (size_t i = 0; i < pool->model->norigins; i++) {
		const struct origin *origin = &pool->model->origins[i];
		bool again = choices->addresses > 0 && strcmp(*seen, origin->address) == 0;

		if (!pool->model->enabled || !origin->enabled || origin->weight == 0 || again)
			continue;
		choices->addresses += MAX(1, pool->origins[i].naddresses);
		*seen = choices->address = origin->address;
	}
}

/* It is enough to distinguish one address from several. */
static struct choices
choices_of(const struct picture *picture, const struct lb *lb)
{
	struct choices choices = {0};
	const char *seen = "";
	size_t count;
	struct id *pools = lb_pools(lb, &count);

	for (size_t i = 0; i < count; i++) {
		const struct pictured_pool *pool = picture_pool(picture, &pools[i]);

		if (pool == NULL)
			continue;
		choices.pools++;
		choices.pool = pool->model->name;
		count_addresses(&choices, &seen, pool);
	}
	free(pools);
	return choices;
}

static void
tell_choices(
    struct findings *findings, const char *subject, const struct picture *picture, const struct lb *lb)
{
	struct choices choices = choices_of(picture, lb);

	if (choices.addresses == 1) {
		finding_add(findings, FINDING_WARNING, "lb-one-origin", subject,
		    "all its pools together have one origin, %s: if that fails, nothing takes over",
		    choices.address);
		finding_cure(findings, "add an origin: graycloud origin add %s ADDRESS", choices.pool);
	} else if (choices.pools == 1) {
		finding_add(findings, FINDING_NOTE, "lb-one-pool", subject,
		    "its only pool, %s, is its fallback pool, too: if that fails, its unhealthy origins are "
		    "answered",
		    choices.pool);
		finding_cure(
		    findings, "give it another pool: graycloud lb set %s fallback_pool=POOL", lb->name);
	}
}

/* --- the present state --- */

static void
tell_lists(struct findings *findings, const char *subject, const struct picture *picture,
    const struct pictured_lb *lb)
{
	for (size_t i = 0; i < lb->nlists; i++) {
		char *list;

		if (!lb->last_resort[i])
			continue;
		list = lists_text(&lb->lists[i]);
		finding_add(findings, FINDING_WARNING, "lb-fallback-in-use", subject,
		    "no pool of %s can be chosen: the fallback pool %s answers, its health ignored", list,
		    picture_pool_name(picture, lb->lists[i].fallback));
		finding_cure(findings, "graycloud status --lb %s shows why", lb->model->name);
		free(list);
	}
}

static void
tell_health(struct findings *findings, const char *subject, const struct picture *picture,
    const struct pictured_lb *lb)
{
	const struct pictured_pool *fallback = picture_pool(picture, &lb->model->fallback_pool);

	if (lb->status == LB_CRITICAL) {
		finding_add(findings, FINDING_ERROR, "lb-critical", subject,
		    "it is Critical: no pool of any of its lists can be chosen, and every client gets a "
		    "fallback pool, its health ignored");
		finding_cure(findings, "graycloud status --lb %s shows why", lb->model->name);
	} else
		tell_lists(findings, subject, picture, lb);
	if (fallback != NULL && !fallback->usable && fallback->model->enabled) {
		finding_add(findings, FINDING_WARNING, "lb-fallback-unhealthy", subject,
		    "its fallback pool %s is not healthy, but would still be answered",
		    fallback->model->name);
		finding_cure(findings, "graycloud status --pool %s shows why", fallback->model->name);
	}
	if (picture_lacks(picture, lb->model) != 0) {
		finding_add(findings, FINDING_WARNING, "lb-no-geography", subject,
		    "it steers by place, and the nameserver has no database of %s",
		    lists_geography_text(picture_lacks(picture, lb->model)));
		finding_cure(findings, "start graycloud-dnsd with --geoip FILE");
	}
}

/* --- how long a failover takes --- */

static uint32_t
longest_ttl(const struct lb *lb)
{
	uint32_t ttl = lb->ttl;

	for (size_t i = 0; i < lb->nsets; i++)
		if (!lb->sets[i].disabled && lb->sets[i].parts & PART_TTL)
			ttl = MAX(ttl, lb->sets[i].ttl);
	for (size_t i = 0; i < lb->nrules; i++)
		if (!lb->rules[i].disabled && lb->rules[i].parts & PART_TTL)
			ttl = MAX(ttl, lb->rules[i].ttl);
	return ttl;
}

/* S23: the longest that a monitor of its pools takes from a death to the verdict; 0 if it has none. */
static uint64_t
failover_ms(struct examination *examination, const struct lb *lb)
{
	uint64_t longest = 0;
	size_t count;
	struct id *pools = lb_pools(lb, &count);

	for (size_t i = 0; i < count; i++) {
		const struct pictured_pool *pool = picture_pool(examination->picture, &pools[i]);

		for (size_t n = 0; pool != NULL && n < pool->model->njudges; n++) {
			struct monitor *monitor =
			    config_monitor(examination->config, pool->model->judges[n].monitor.text);
			uint64_t its = monitor == NULL ? 0 : monitor_failover_ms(monitor);

			longest = MAX(longest, its);
			model_free_monitor(monitor);
		}
	}
	free(pools);
	return longest;
}

void
assess_ttl(
    struct findings *findings, const char *subject, const char *name, uint32_t ttl, uint64_t noticed_ms)
{
	enum { SHORT = 60 }; /* seconds: a shorter TTL gains little */
	unsigned noticed = (unsigned)((noticed_ms + 999) / 1000);

	if (noticed == 0 || ttl <= SHORT || ttl <= noticed)
		return;
	finding_add(findings, FINDING_WARNING, "lb-ttl-long", subject,
	    "resolvers keep its answers for up to %u s, and its monitors notice a failure within %u s: "
	    "clients "
	    "may go to a dead origin for %u s",
	    ttl, noticed, ttl + noticed);
	finding_cure(findings, "graycloud lb set %s ttl=%u (and the ttl of its rules and pool sets)", name,
	    (unsigned)MIN(SHORT, MAX(noticed, 30)));
}

static void
examine_lb(struct examination *examination, const struct pictured_lb *lb)
{
	struct findings *findings = examination->findings;
	char *subject = xasprintf("load balancer %s", lb->model->name);

	tell_place(examination, subject, lb->model);
	if (lb->status !=
	    LB_DISABLED) { /* a disabled one is reported with everything else that operators disabled */
		tell_health(findings, subject, examination->picture, lb);
		tell_choices(findings, subject, examination->picture, lb->model);
		if (examination->config != NULL)
			assess_ttl(findings, subject, lb->model->name, longest_ttl(lb->model),
			    failover_ms(examination, lb->model));
	}
	free(subject);
}

void
examine_lbs(struct examination *examination)
{
	struct findings *findings = examination->findings;
	size_t before = findings->count, count = 0;

	for (size_t i = 0; i < examination->picture->nlbs; i++)
		if (examination->lbs[i]) {
			examine_lb(examination, &examination->picture->lbs[i]);
			count++;
		}
	if (count > 0 && !findings_worse_since(findings, before))
		finding_add(findings, FINDING_OK, "load-balancers", "load balancers",
		    "%zu can choose among healthy pools", count);
}
