#include "admin/doctor/survey.h"

#include "zones/base/array.h"
#include "zones/dns/rrset.h"

#include <stdlib.h>

enum { RCODE_FORMERR = 1 };

/* --- from the configuration --- */

void
survey_read(struct surveys *surveys, struct store_txn *config, struct store_txn *signatures,
    const struct zone_info *zone)
{
	char host[NAME_MAX_TEXT];
	struct survey *survey;

	surveys->list = array_grow(surveys->list, surveys->count, sizeof *surveys->list);
	survey = &surveys->list[surveys->count++];
	*survey =
	    (struct survey){.zone = *zone, .subject = xasprintf("zone %s", name_to_host(zone->name, host))};
	zone_keys_read(&survey->keys, config, signatures, zone);
	config_each_row_of(config, zone->name, nameservers_add_ns, &survey->own);
	for (size_t i = 0; i < survey->own.count; i++)
		config_each_row_of(
		    config, survey->own.list[i].name, nameserver_add_data, &survey->own.list[i]);
}

void
surveys_free(struct surveys *surveys)
{
	for (size_t i = 0; i < surveys->count; i++) {
		struct survey *survey = &surveys->list[i];

		free(survey->subject);
		free(survey->above);
		zone_keys_free(&survey->keys);
		nameservers_free(&survey->own);
		nameservers_free(&survey->parents);
	}
	free(surveys->list);
	*surveys = (struct surveys){0};
}

void
survey_assess(struct findings *findings, const struct survey *survey)
{
	char host[NAME_MAX_TEXT];

	if (survey->own.count == 0) {
		finding_add(findings, FINDING_ERROR, "zone-no-ns", survey->subject, "it has no NS records");
		finding_cure(findings,
		    "add one for each of its nameservers: graycloud record add %s @ NS NAME",
		    name_to_host(survey->zone.name, host));
	} else if (survey->own.count == 1) {
		finding_add(findings, FINDING_WARNING, "zone-one-ns", survey->subject,
		    "it has one nameserver, %s: if it fails, no server answers (RFC 2182 5)",
		    name_to_host(survey->own.list[0].name, host));
		finding_cure(findings, "set up a second one: see docs/delegation.md");
	}
}

/* --- the rounds --- */

static void
ask_addresses(struct nameservers *all, struct asking *asking, const struct address *resolver, uint16_t port)
{
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA};

	for (size_t i = 0; i < all->count; i++)
		for (size_t n = 0; n < NITEMS(types); n++) {
			const struct question *question =
			    ask(asking, resolver, port, all->list[i].name, types[n], ASK_RECURSE | ASK_EDNS);

			/* Asked in an earlier round, or to be taken in the next. */
			if (question->outcome == ASK_ANSWERED)
				addresses_read(question->octets, question->len, &all->list[i]);
		}
}

void
survey_ask_resolver(
    struct survey *survey, struct asking *asking, const struct address *resolver, uint16_t port)
{
	survey->nabove = name_labels(survey->zone.name);
	survey->above = xcalloc(survey->nabove, sizeof *survey->above);
	for (unsigned i = 0; i < survey->nabove; i++)
		survey->above[i] = ask(asking, resolver, port, name_skip(survey->zone.name, i + 1), TYPE_NS,
		    ASK_RECURSE | ASK_EDNS);
	for (size_t i = 0; i < survey->own.count; i++)
		if (survey->own.list[i].naddresses == 0) {
			struct nameservers one = {.list = &survey->own.list[i], .count = 1};

			ask_addresses(&one, asking, resolver, port);
		}
}

void
survey_ask_for_parents(
    struct survey *survey, struct asking *asking, const struct address *resolver, uint16_t port)
{
	for (unsigned i = 0; i < survey->nabove && survey->parent == NULL; i++) {
		const struct question *question = survey->above[i];

		if (question->outcome == ASK_ANSWERED &&
		    ns_read(question->octets, question->len, question->name, &survey->parents))
			survey->parent = name_skip(survey->zone.name, i + 1);
	}
	ask_addresses(&survey->parents, asking, resolver, port);
	for (size_t i = 0; i < survey->own.count; i++)
		if (survey->own.list[i].naddresses == 0) {
			struct nameservers one = {.list = &survey->own.list[i], .count = 1};

			ask_addresses(&one, asking, resolver, port);
		}
}

/* A machine without IPv6 cannot judge nameservers that have it. */
static bool
askable(const struct address *address)
{
	return address->family == FAMILY_V4 || ask_has_route(address);
}

static const unsigned ways[] = {ASK_EDNS, 0, ASK_EDNS | ASK_TCP};

void
survey_ask_nameservers(struct survey *survey, struct asking *asking, const struct address *resolver,
    uint16_t resolver_port, uint16_t port)
{
	ask_addresses(&survey->parents, asking, resolver, resolver_port);
	for (size_t i = 0; i < survey->parents.count; i++)
		for (size_t n = 0; n < survey->parents.list[i].naddresses; n++) {
			const struct address *address = &survey->parents.list[i].addresses[n];

			if (survey->nasked == PARENT_ADDRESSES_MAX || !askable(address))
				continue;
			survey->asked[survey->nasked++] = (struct asked_parent){*address,
			    ask(asking, address, port, survey->zone.name, TYPE_NS, ASK_EDNS),
			    ask(asking, address, port, survey->zone.name, TYPE_DS, ASK_EDNS)};
		}
	for (size_t i = 0; i < survey->own.count; i++)
		for (size_t n = 0; n < survey->own.list[i].naddresses; n++)
			for (size_t way = 0; way < NITEMS(ways) && askable(&survey->own.list[i].addresses[n]);
			     way++)
				ask(asking, &survey->own.list[i].addresses[n], port, survey->zone.name,
				    TYPE_SOA, ways[way]);
	for (size_t i = 0; i < survey->own.count; i++)
		for (size_t n = 0; n < survey->own.list[i].naddresses; n++)
			if (askable(&survey->own.list[i].addresses[n]))
				ask(asking, &survey->own.list[i].addresses[n], port, survey->zone.name,
				    TYPE_NS, ASK_EDNS);
}

bool
survey_resolved(const struct survey *survey)
{
	for (unsigned i = 0; i < survey->nabove; i++)
		if (survey->above[i]->outcome == ASK_ANSWERED)
			return true;
	return survey->nabove == 0;
}

/* --- the nameservers --- */

/* The same question as in the last round, with its answer. */
static struct tried
tried_at(const struct survey *survey, struct asking *asking, const struct address *address, uint16_t port)
{
	struct tried tried = {0};
	enum ask_outcome *const outcomes[] = {&tried.edns, &tried.plain, &tried.tcp};

	for (size_t way = 0; way < NITEMS(ways); way++) {
		const struct question *question =
		    ask(asking, address, port, survey->zone.name, TYPE_SOA, ways[way]);
		struct soa_answer answer;

		*outcomes[way] = question->outcome;
		if (question->outcome != ASK_ANSWERED)
			continue;
		soa_read(question->octets, question->len, survey->zone.name, &answer);
		if (!tried.answer.readable || (tried.answer.rcode != 0 && answer.rcode == 0))
			tried.answer = answer;
		tried.opt |= ways[way] & ASK_EDNS && answer.opt && answer.rcode != RCODE_FORMERR;
	}
	return tried;
}

/* The NS records that an address serves, if it serves any. */
static void
assess_its_ns(struct findings *findings, const struct survey *survey, struct asking *asking,
    const struct address *address, uint16_t port, const char *who)
{
	const struct question *question = ask(asking, address, port, survey->zone.name, TYPE_NS, ASK_EDNS);
	struct nameservers its = {0};

	if (question->outcome == ASK_ANSWERED &&
	    ns_read(question->octets, question->len, survey->zone.name, &its))
		assess_ns_set(findings, survey->subject, who, &survey->own, &its);
	nameservers_free(&its);
}

static void
no_address(struct findings *findings, const struct survey *survey, const char *host)
{
	finding_add(findings, FINDING_ERROR, "ns-no-address", survey->subject,
	    "its nameserver %s has no address", host);
	finding_cure(findings, "give the name an A or AAAA record, or take it out of the NS records");
}

void
survey_assess_nameservers(
    struct findings *findings, struct survey *survey, struct asking *asking, uint16_t port)
{
	size_t before = findings->count, count = 0;

	for (size_t i = 0; i < survey->own.count; i++) {
		const struct nameserver *one = &survey->own.list[i];
		char host[NAME_MAX_TEXT], address[46];

		name_to_host(one->name, host);
		if (one->naddresses == 0 &&
		    (survey_resolved(survey) || name_within(one->name, survey->zone.name)))
			no_address(findings, survey, host);
		for (size_t n = 0; n < one->naddresses; n++) {
			struct tried tried;
			char *who = xasprintf("%s (%s)", host, address_to_text(&one->addresses[n], address));

			if (askable(&one->addresses[n])) {
				tried = tried_at(survey, asking, &one->addresses[n], port);
				assess_tried(findings, survey->subject, who, survey->zone.serial, &tried);
				assess_its_ns(findings, survey, asking, &one->addresses[n], port, who);
				count++;
			} else
				finding_add(findings, FINDING_NOTE, "ns-no-route", survey->subject,
				    "its nameserver %s was not asked: this machine has no IPv6 that leads "
				    "there",
				    who);
			free(who);
		}
	}
	if (count > 0 && !findings_worse_since(findings, before))
		finding_add(findings, FINDING_OK, "nameservers", survey->subject,
		    "the %zu addresses of its nameservers answer with serial %lu", count,
		    (unsigned long)survey->zone.serial);
}
