/* The parent's side of a zone: delegation, glue, DS. */
#include "admin/doctor/survey.h"

#include <stdio.h>
#include <stdlib.h>

/* --- delegation against zone --- */

static void
assess_names(struct findings *findings, const char *subject, const struct nameservers *own,
    const struct nameservers *referral)
{
	char host[NAME_MAX_TEXT];
	size_t common = 0;

	for (size_t i = 0; i < referral->count; i++) {
		if (nameservers_find(own, referral->list[i].name) != NULL) {
			common++;
			continue;
		}
		finding_add(findings, FINDING_WARNING, "delegation-extra", subject,
		    "its parent delegates it to %s, which its NS records do not name",
		    name_to_host(referral->list[i].name, host));
		finding_cure(
		    findings, "have the parent take it out (at the registrar), or add it to the NS records");
	}
	for (size_t i = 0; i < own->count; i++) {
		if (nameservers_find(referral, own->list[i].name) != NULL)
			continue;
		finding_add(findings, common == 0 ? FINDING_ERROR : FINDING_WARNING, "delegation-missing",
		    subject, "its NS records name %s, to which its parent does not delegate it",
		    name_to_host(own->list[i].name, host));
		finding_cure(
		    findings, "have the parent add it (at the registrar), or take it out of the NS records");
	}
}

/* A nameserver within the zone, at its parent and here. */
static void
assess_glue(struct findings *findings, const char *subject, const struct nameserver *own,
    const struct nameserver *glue)
{
	char host[NAME_MAX_TEXT], address[46];

	name_to_host(glue->name, host);
	if (glue->naddresses == 0) {
		finding_add(findings, FINDING_ERROR, "glue-missing", subject,
		    "its parent has no address (glue) for its nameserver %s: no resolver can find it", host);
		finding_cure(findings, "have the parent add the addresses of %s (at the registrar)", host);
		return;
	}
	for (size_t i = 0; i < glue->naddresses; i++)
		if (own == NULL || !nameserver_has(own, &glue->addresses[i])) {
			finding_add(findings, FINDING_ERROR, "glue-differs", subject,
			    "its parent gives %s the address %s (glue), which it does not have in the zone",
			    host, address_to_text(&glue->addresses[i], address));
			finding_cure(findings,
			    "have the parent correct it (at the registrar), or the zone's "
			    "own A and AAAA records");
		}
	for (size_t i = 0; own != NULL && i < own->naddresses; i++)
		if (!nameserver_has(glue, &own->addresses[i])) {
			finding_add(findings, FINDING_WARNING, "glue-differs", subject,
			    "its parent does not give %s the address %s (glue), which it has in the zone",
			    host, address_to_text(&own->addresses[i], address));
			finding_cure(findings, "have the parent add it (at the registrar)");
		}
}

void
assess_delegation(struct findings *findings, const char *subject, const uint8_t *zone,
    const struct nameservers *own, const struct nameservers *referral)
{
	assess_names(findings, subject, own, referral);
	for (size_t i = 0; i < referral->count; i++)
		if (name_within(referral->list[i].name, zone))
			assess_glue(findings, subject, nameservers_find(own, referral->list[i].name),
			    &referral->list[i]);
}

/* --- all nameservers of the parent --- */

/* Their answers, combined. */
struct parent_says {
	struct nameservers first; /* the first referral */
	struct address first_at, other_at;
	size_t of[DELEGATION_HIDDEN + 1], answered;
	bool differ;
	struct ds_seen ds;
};

static bool
same_names(const struct nameservers *a, const struct nameservers *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (nameservers_find(b, a->list[i].name) == NULL)
			return false;
	return a->count == b->count;
}

static void
hear(struct parent_says *says, const struct survey *survey, const struct asked_parent *asked)
{
	struct nameservers referral = {0};
	enum delegation_kind kind;

	if (asked->ds->outcome == ASK_ANSWERED)
		ds_hear(&says->ds, &survey->keys, survey->zone.name, &asked->address, asked->ds->octets,
		    asked->ds->len);
	if (asked->ns->outcome != ASK_ANSWERED)
		return;
	says->answered++;
	kind = delegation_read(asked->ns->octets, asked->ns->len, survey->zone.name, &referral);
	if (kind == DELEGATION_REFERRAL && says->of[DELEGATION_REFERRAL]++ == 0) {
		says->first = referral;
		says->first_at = asked->address;
		return;
	}
	if (kind != DELEGATION_REFERRAL)
		says->of[kind]++;
	if (kind == DELEGATION_ABSENT ||
	    (kind == DELEGATION_REFERRAL && !same_names(&says->first, &referral))) {
		says->differ = true;
		says->other_at = asked->address;
	}
	nameservers_free(&referral);
}

static void
assess_absent(struct findings *findings, const struct survey *survey, const struct parent_says *says,
    const char *parent)
{
	if (says->answered == 0) {
		finding_add(findings, FINDING_WARNING, "parent-silent", survey->subject,
		    "none of %zu addresses of the nameservers of its parent, %s, answers: the delegation was "
		    "not examined",
		    survey->nasked, parent);
		finding_cure(findings, "see whether this machine may ask them (a firewall?)");
	} else if (says->of[DELEGATION_ABSENT] > 0) {
		finding_add(findings, FINDING_ERROR, "delegation-absent", survey->subject,
		    "its parent, %s, does not delegate it: no resolver finds it", parent);
		finding_cure(findings, "have the parent delegate it: see docs/delegation.md");
	} else if (says->of[DELEGATION_HIDDEN] > 0)
		finding_add(findings, FINDING_NOTE, "delegation-hidden", survey->subject,
		    "the nameservers of its parent, %s, serve it, too, so that its delegation does not show",
		    parent);
	else {
		finding_add(findings, FINDING_WARNING, "parent-lame", survey->subject,
		    "the nameservers of its parent, %s, answer nothing of use: the delegation was not "
		    "examined",
		    parent);
		finding_cure(
		    findings, "run this again; if the result is the same, inform the operator of %s", parent);
	}
}

static void
assess_present(struct findings *findings, const struct survey *survey, const struct parent_says *says,
    const char *parent)
{
	size_t before = findings->count;
	char first[46], other[46];

	assess_delegation(findings, survey->subject, survey->zone.name, &survey->own, &says->first);
	if (says->differ) {
		finding_add(findings, FINDING_WARNING, "parent-differs", survey->subject,
		    "the nameservers %s and %s of its parent, %s, delegate it differently",
		    address_to_text(&says->first_at, first), address_to_text(&says->other_at, other), parent);
		finding_cure(
		    findings, "wait until a change at the parent has reached all of its nameservers");
	}
	if (!findings_worse_since(findings, before))
		finding_add(findings, FINDING_OK, "delegation", survey->subject,
		    "its parent, %s, delegates it to the %zu nameservers that it names", parent,
		    says->first.count);
}

void
survey_assess_parent(struct findings *findings, const struct survey *survey)
{
	struct parent_says says = {0};
	char host[NAME_MAX_TEXT], parent[NAME_MAX_TEXT];

	if (survey->nabove == 0 || !survey_resolved(survey))
		return; /* the root, or reported of the resolver */
	if (survey->parent == NULL || survey->nasked == 0) {
		finding_add(findings, FINDING_WARNING, "parent-unknown", survey->subject,
		    "the resolver does not know the nameservers of its parent: the delegation was not "
		    "examined");
		finding_cure(findings, "ask a resolver that sees what clients see: --resolver ADDRESS");
		return;
	}
	name_to_host(survey->zone.name, host);
	name_to_host(survey->parent, parent);
	for (size_t i = 0; i < survey->nasked; i++)
		hear(&says, survey, &survey->asked[i]);
	if (says.of[DELEGATION_REFERRAL] == 0)
		assess_absent(findings, survey, &says, parent);
	else
		assess_present(findings, survey, &says, parent);
	assess_ds(findings, host, parent, &survey->keys, &says.ds);
	nameservers_free(&says.first);
}
