/* Are the records of the monitor fresh, and its checks on time? */
#include "admin/doctor/doctor_inner.h"

#include "admin/cli/when.h"
#include "admin/look/resolution.h"

#include <stdlib.h>

/* The checks of a pool that are not as they should be. */
struct lateness {
	unsigned checks, stale, late, unknown, certificates;
	uint64_t oldest_ms;   /* age of the oldest check among those that are stale or late */
	uint32_t interval_ms; /* of that */
	int32_t days;         /* the least that a certificate has left */
};

/* A check is late when its next one should have ended: after two intervals and the time of one check. */
static void
count_check(struct lateness *lateness, const struct pictured_check *check, uint64_t now)
{
	const struct health_record *record = &check->record;
	uint64_t age = now > record->last_ms ? now - record->last_ms : 0;

	lateness->checks++;
	if (!check->known || record->last_ms == 0) {
		lateness->unknown++;
		return;
	}
	if (health_certificate_ends(record)) {
		lateness->days = lateness->certificates++ == 0
		    ? record->certificate_days
		    : MIN(lateness->days, record->certificate_days);
	}
	if (check->stale)
		lateness->stale++;
	else if (record->stale_after_ms > record->interval_ms &&
	    age > record->stale_after_ms - record->interval_ms)
		lateness->late++;
	else
		return;
	if (age > lateness->oldest_ms) {
		lateness->oldest_ms = age;
		lateness->interval_ms = record->interval_ms;
	}
}

static void
tell_age(struct findings *findings, const char *subject, const struct lateness *lateness)
{
	char age[16], interval[16];

	if (lateness->stale + lateness->late == 0)
		return;
	finding_add(findings, FINDING_WARNING, lateness->stale > 0 ? "health-stale" : "health-late", subject,
	    "%u of %u checks are overdue: the oldest is %s old, with an interval of %s",
	    lateness->stale + lateness->late, lateness->checks, when_age((int64_t)lateness->oldest_ms, age),
	    when_age(lateness->interval_ms, interval));
	finding_cure(findings,
	    "see graycloud_monitor_lateness_ratio on the monitor's metrics page; raise intervals, or give "
	    "it "
	    "a faster machine");
}

static void
tell_lateness(struct findings *findings, const char *subject, const struct lateness *lateness)
{
	tell_age(findings, subject, lateness);
	if (lateness->unknown > 0)
		finding_add(findings, FINDING_NOTE, "health-unknown", subject,
		    "%u of %u checks have no result yet", lateness->unknown, lateness->checks);
	if (lateness->certificates > 0) {
		finding_add(findings, FINDING_WARNING, "certificate-ends", subject,
		    lateness->days < 0 ? "the certificates of %u origins end soon, and one has ended"
				       : "the certificates of %u origins end soon, the first in %d days",
		    lateness->certificates, lateness->days);
		finding_cure(findings, "renew them: graycloud status shows which");
	}
}

static void
tell_hostname(struct examination *examination, const char *subject, const struct pictured_origin *origin,
    const char *hostname)
{
	char *text;

	if (!pictured_failing(origin))
		return;
	text = resolution_text(&origin->name, examination->picture->now_wall);
	finding_add(examination->findings, FINDING_WARNING, "hostname-unresolved", subject,
	    "its origin %s does not resolve: %s", hostname, text);
	finding_cure(examination->findings, "correct the name, or its DNS records");
	free(text);
}

static void
examine_pool(struct examination *examination, const struct pictured_pool *pool)
{
	struct lateness lateness = {0};
	char *subject = xasprintf("pool %s", pool->model->name);

	for (size_t i = 0; i < pool->model->norigins; i++) {
		const struct pictured_origin *origin = &pool->origins[i];

		for (size_t n = 0; n < origin->naddresses; n++)
			for (size_t k = 0; k < origin->addresses[n].nchecks; k++)
				count_check(
				    &lateness, &origin->addresses[n].checks[k], examination->picture->now_ms);
		if (pool->model->enabled && pool->model->origins[i].enabled)
			tell_hostname(examination, subject, origin, pool->model->origins[i].address);
	}
	tell_lateness(examination->findings, subject, &lateness);
	free(subject);
}

void
examine_health(struct examination *examination)
{
	const struct picture *picture = examination->picture;
	size_t before = examination->findings->count, checks = 0;

	/* Without a monitor, or isolated, all is old: another finding reports that. */
	if (picture->monitor_dead || picture->beat.isolated_ms != 0)
		return;
	for (size_t i = 0; i < picture->npools; i++)
		if (examination->pools[i]) {
			examine_pool(examination, &picture->pools[i]);
			checks += picture->pools[i].model->njudges;
		}
	if (checks > 0 && !findings_worse_since(examination->findings, before))
		finding_add(examination->findings, FINDING_OK, "health", "health", "no check is overdue");
}
