/* The procedures of signed zones (S107, S108, S111), and what comes from the node that has the keys (S109).
 */
#include "admin/doctor/doctor_inner.h"

#include "admin/cli/when.h"

#include <stdlib.h>

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS, HELD_MS = 7 * DAY_MS };

static void
assess_following(struct findings *findings, const char *subject, const char *zone,
    const struct rollover *rollover, int64_t now)
{
	int64_t age = MAX(now - rollover->leading.taken, (int64_t)0);
	char text[16];

	when_age(age, text);
	finding_add(findings, age > DAY_MS ? FINDING_WARNING : FINDING_NOTE, "keys-followed", subject,
	    "it follows the node %s, which leads its %s; its state came %s ago", rollover->leading.name,
	    rollover_kind_text(rollover->kind), text);
	if (age > DAY_MS)
		finding_cure(findings,
		    "`graycloud dnssec keys export %s` there, and `graycloud dnssec keys import -` here; if "
		    "it "
		    "is gone for good, `graycloud dnssec rollover %s --lead`",
		    zone, zone);
}

void
assess_keys(struct findings *findings, const char *zone, const struct rollover *rollover, int64_t now)
{
	char *subject = xasprintf("zone %s", zone);
	char age[16];

	when_age(MAX(now - rollover->since, (int64_t)0), age);
	if (rollover_follows(rollover))
		assess_following(findings, subject, zone, rollover, now);
	if (rollover->steps > 0 && rollover->nlacking > 0 && now - rollover->since > HELD_MS) {
		finding_add(findings, FINDING_WARNING, "keys-held", subject,
		    "%s, step %u of %u, has waited for %s: %s", rollover_kind_text(rollover->kind),
		    rollover->step + 1u, rollover->steps, age, rollover->lacking[0]);
		finding_cure(findings, "`graycloud dnssec status %s` names all servers that hold it", zone);
	} else if (rollover->steps == 0 && rollover->kind != ROLLOVER_DISABLED && rollover->nlacking > 0) {
		finding_add(findings, FINDING_ERROR, "keys-not-shown", subject, "%s", rollover->lacking[0]);
		finding_cure(findings,
		    "resolvers that validate may refuse what this server answers: `graycloud dnssec status "
		    "%s` names all",
		    zone);
	}
	free(subject);
}

void
assess_import(struct findings *findings, const char *zone, const struct imported *imported,
    const struct imported_sets *sets, int64_t now)
{
	int64_t taken = sets->taken_ms != 0 ? sets->taken_ms : imported->taken_ms;
	bool late = sets->due != 0 && sets->due * 1000 < now;
	char *subject = xasprintf("zone %s", zone);
	char age[16];

	when_age(MAX(now - taken, (int64_t)0), age);
	if (taken == 0)
		finding_add(findings, FINDING_ERROR, "signatures-absent", subject,
		    "its keys are on another node, and no signatures came from there");
	else if (imported->fault[0] != '\0')
		finding_add(findings, FINDING_WARNING, "signatures-refused", subject,
		    "what the node with its keys sent was refused: %s", imported->fault);
	else if (late || now - taken > HOUR_MS)
		finding_add(findings, late ? FINDING_ERROR : FINDING_WARNING, "signatures-late", subject,
		    "the newest signatures came %s ago from the node that has its keys%s", age,
		    late ? ", and some should have been renewed since" : "");
	else
		goto out;
	finding_cure(findings,
	    "look at `graycloud signatures export %s --follow` on the node with the keys, whose output goes "
	    "to `graycloud "
	    "signatures import -` here",
	    zone);
out:
	free(subject);
}

struct examining {
	struct examination *examination;
	struct node_signatures signatures;
};

static void
examine_one(const struct examining *examining, const char *name, uint32_t zone)
{
	struct findings *findings = examining->examination->findings;
	struct imported_sets sets = {.taken_ms = 0};
	struct imported imported;
	struct rollover rollover;

	if (rollover_get(examining->signatures.signatures, zone, &rollover))
		assess_keys(findings, name, &rollover, wall_ms());
	if (!imported_get(examining->signatures.signatures, zone, &imported))
		return;
	if (examining->signatures.sets != NULL)
		imported_sets_get(examining->signatures.sets, zone, &sets);
	assess_import(findings, name, &imported, &sets, wall_ms());
}

static bool
examine_zone(void *arg, const struct id *id, struct bytes text)
{
	struct examining *examining = arg;
	struct examination *examination = examining->examination;
	struct json *policy = json_read_quietly(text);
	const char *name = json_text_of(policy, "name");
	uint8_t wire[NAME_MAX_LEN + 1];
	struct zone_info zone;

	(void)id;
	if (name_from_text(wire, name, NULL) > 0 && config_zone(examination->config, wire, &zone) &&
	    (examination->options->name == NULL ||
		(examination->zone_given && examination->zone.number == zone.number)))
		examine_one(examining, name, zone.number);
	json_drop(policy);
	return true;
}

static bool
stop_at_first(void *arg, struct bytes name, const struct id *id)
{
	(void)arg, (void)name, (void)id;
	return false;
}

bool
signs_any(const struct examination *examination)
{
	return examination->config != NULL &&
	    !config_each_name(examination->config, KIND_DNSSEC, stop_at_first, NULL);
}

void
examine_keys(struct examination *examination)
{
	struct examining examining = {.examination = examination};

	if (!signs_any(examination))
		return;
	node_signatures_read(examination->options->state, &examining.signatures);
	if (examining.signatures.signatures != NULL)
		config_each_object_by_name(examination->config, KIND_DNSSEC, examine_zone, &examining);
	node_signatures_close(&examining.signatures);
}
