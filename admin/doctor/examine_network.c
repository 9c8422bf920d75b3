/* Questions over the network: to the nameserver's own sockets, the zones' parents and their nameservers. */
#include "admin/doctor/doctor_inner.h"

#include "zones/dns/rrset.h"

#include <stdlib.h>

/* --- the sockets of this machine's nameserver --- */

enum { LISTENERS_MAX = 64 };

struct listener {
	char text[ADDRESS_PORT_TEXT];
	const struct question *udp, *tcp;
};

void
make_reachable(struct address *address)
{
	static const struct address loopback[] = {
	    {FAMILY_V4, {127, 0, 0, 1}}, {FAMILY_V6, {[15] = 1}}, {FAMILY_V4, {0}}, {FAMILY_V6, {0}}};

	for (int i = 0; i < 2; i++)
		if (memcmp(address, &loopback[i + 2], sizeof *address) == 0)
			*address = loopback[i];
}

/* Ask each for the root, which it answers somehow. */
static size_t
ask_listeners(const char *listeners, struct asking *asking, struct listener list[LISTENERS_MAX])
{
	static const uint8_t root[NAME_MAX_LEN] = {0};
	char *copy = xstrdup(listeners), *rest;
	size_t count = 0;

	for (char *word = strtok_r(copy, ", ", &rest); word != NULL && count < LISTENERS_MAX;
	     word = strtok_r(NULL, ", ", &rest)) {
		struct address address;
		uint16_t port;

		if (strcmp(word, "tls") == 0) { /* examine_tls.c */
			strtok_r(NULL, ", ", &rest);
			continue;
		}
		if (!address_port_from_text(&address, &port, word, PORT_REQUIRED))
			continue;
		snprintf(list[count].text, sizeof list[count].text, "%s", word);
		make_reachable(&address);
		list[count].udp = ask(asking, &address, port, root, TYPE_SOA, ASK_EDNS);
		list[count++].tcp = ask(asking, &address, port, root, TYPE_SOA, ASK_EDNS | ASK_TCP);
	}
	free(copy);
	return count;
}

static void
assess_listener(struct findings *findings, const struct listener *listener)
{
	bool udp = listener->udp->outcome == ASK_ANSWERED, tcp = listener->tcp->outcome == ASK_ANSWERED;

	if ((udp && tcp) || listener->udp->outcome == ASK_NO_TIME || listener->tcp->outcome == ASK_NO_TIME)
		return;
	finding_add(findings, FINDING_ERROR, "socket-silent", "nameserver",
	    "it listens on %s, but does not answer there over %s", listener->text,
	    udp       ? "TCP"
		: tcp ? "UDP"
		      : "UDP or TCP");
	finding_cure(findings,
	    "see whether the address is still this machine's (ip address) and what its firewall drops (nft "
	    "list "
	    "ruleset)");
}

/* --- all of it --- */

/* No resolver answers: name those that were asked. */
static void
assess_no_resolver(struct findings *findings, const struct doctor_options *options)
{
	char given[ADDRESS_PORT_TEXT], resolvers[ASK_RESOLVERS_TEXT];
	int error;

	if (options->resolver.family != FAMILY_NONE)
		finding_add(findings, FINDING_WARNING, "resolver-silent", "resolver",
		    "%s does not answer: no delegation was examined",
		    address_port_to_text(&options->resolver, options->resolver_port, given));
	else if ((error = ask_resolvers(resolvers)) != 0)
		finding_add(findings, FINDING_WARNING, "resolver-silent", "resolver",
		    "/etc/resolv.conf cannot be read (%s), and %s does not answer: no delegation was "
		    "examined",
		    strerror(error), resolvers);
	else
		finding_add(findings, FINDING_WARNING, "resolver-silent", "resolver",
		    "%s of /etc/resolv.conf does not answer: no delegation was examined", resolvers);
	finding_cure(findings, "correct /etc/resolv.conf, or name another one: --resolver ADDRESS");
}

static void
examine_surveys(struct examination *examination, struct asking *asking)
{
	const struct doctor_options *options = examination->options;
	struct findings *findings = examination->findings;
	struct surveys *surveys = &examination->surveys;
	bool resolved = surveys->count == 0;

	for (size_t i = 0; i < surveys->count; i++)
		survey_ask_nameservers(
		    &surveys->list[i], asking, &options->resolver, options->resolver_port, options->port);
	asking_run(asking);
	for (size_t i = 0; i < surveys->count; i++) {
		resolved |= survey_resolved(&surveys->list[i]);
		survey_assess_parent(findings, &surveys->list[i]);
		survey_assess_nameservers(findings, &surveys->list[i], asking, options->port);
	}
	if (!resolved)
		assess_no_resolver(findings, options);
}

void
examine_network(struct examination *examination)
{
	const struct doctor_options *options = examination->options;
	struct surveys *surveys = &examination->surveys;
	const struct picture *picture = examination->picture;
	struct listener listeners[LISTENERS_MAX];
	size_t nlisteners = 0, unasked;
	struct asking asking;

	asking_start(&asking, options->timeout_ms, -1);
	if (picture != NULL && !picture->serving_dead && picture->answering.ready)
		nlisteners = ask_listeners(picture->answering.listeners, &asking, listeners);
	for (size_t i = 0; i < surveys->count; i++)
		survey_ask_resolver(&surveys->list[i], &asking, &options->resolver, options->resolver_port);
	asking_run(&asking);
	for (size_t i = 0; i < nlisteners; i++)
		assess_listener(examination->findings, &listeners[i]);
	for (size_t i = 0; i < surveys->count; i++)
		survey_ask_for_parents(
		    &surveys->list[i], &asking, &options->resolver, options->resolver_port);
	asking_run(&asking);
	examine_surveys(examination, &asking);
	if ((unasked = asking_unasked(&asking)) > 0) {
		finding_add(examination->findings, FINDING_WARNING, "time-up", "network",
		    "the time of %u s was too short for %zu of %zu questions", options->timeout_ms / 1000,
		    unasked, asking.questions.count);
		finding_cure(examination->findings, "give it more with --timeout, or name one zone");
	}
	asking_free(&asking);
}
