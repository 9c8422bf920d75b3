/* One address of a nameserver: reachable, authoritative, up to date (S33). */
#include "admin/doctor/survey.h"

#include "zones/document/schema.h"

#include <stdlib.h>

static void
assess_serial(struct findings *findings, const char *subject, const char *who, uint32_t serial, uint32_t its)
{
	int order = serial_compare(its, serial);

	if (order == 0)
		return;
	finding_add(findings, FINDING_WARNING, "ns-serial", subject,
	    "its nameserver %s has serial %lu, %s %lu here", who, (unsigned long)its,
	    order < 0 ? "which is behind" : "which is ahead of", (unsigned long)serial);
	finding_cure(findings,
	    order < 0 ? "bring the zone there: graycloud export --zones | ssh HOST graycloud apply -"
		      : "bring the zone from there, or find out who changed it");
}

static void
assess_answer(struct findings *findings, const char *subject, const char *who, uint32_t serial,
    const struct soa_answer *answer)
{
	const char *rcode = schema_dns_rcode_text((uint8_t)answer->rcode);

	if (answer->readable && answer->rcode == 0 && answer->authoritative && answer->soa) {
		assess_serial(findings, subject, who, serial, answer->serial);
		return;
	}
	if (!answer->readable)
		finding_add(findings, FINDING_ERROR, "ns-lame", subject,
		    "its nameserver %s answers with a message that cannot be read", who);
	else if (answer->rcode != 0)
		finding_add(findings, FINDING_ERROR, "ns-lame", subject,
		    "its nameserver %s is lame: it answers %s", who,
		    rcode != NULL ? rcode : "an unknown rcode");
	else
		finding_add(findings, FINDING_ERROR, "ns-lame", subject, "its nameserver %s is lame: %s", who,
		    answer->authoritative ? "it answers without the SOA of the zone"
					  : "it answers, but not with authority");
	finding_cure(findings, "load the zone there, or take it out of the NS records and the delegation");
}

void
assess_tried(struct findings *findings, const char *subject, const char *who, uint32_t serial,
    const struct tried *tried)
{
	bool edns = tried->edns == ASK_ANSWERED, plain = tried->plain == ASK_ANSWERED,
	     tcp = tried->tcp == ASK_ANSWERED;

	if (tried->edns == ASK_NO_TIME || tried->plain == ASK_NO_TIME || tried->tcp == ASK_NO_TIME)
		return; /* told once, of all */
	if (!edns && !plain && !tcp) {
		finding_add(findings, FINDING_ERROR, "ns-unreachable", subject,
		    "its nameserver %s %s over UDP or TCP", who,
		    tried->edns == ASK_SILENT || tried->plain == ASK_SILENT ? "does not answer"
									    : "cannot be reached");
		finding_cure(findings,
		    "see whether it runs and a firewall lets port 53 through, or take it out of the NS "
		    "records "
		    "and the delegation");
		return;
	}
	assess_answer(findings, subject, who, serial, &tried->answer);
	if (!edns && !plain) {
		finding_add(findings, FINDING_ERROR, "ns-no-udp", subject,
		    "its nameserver %s answers over TCP only", who);
		finding_cure(findings, "let UDP to port 53 through its firewall");
	} else if (!edns) {
		finding_add(findings, FINDING_WARNING, "ns-edns", subject,
		    "its nameserver %s does not answer queries with EDNS: resolvers that send it wait", who);
		finding_cure(findings, "replace its software, or the firewall that drops them (RFC 6891 7)");
	} else if (!tried->opt) {
		finding_add(findings, FINDING_NOTE, "ns-no-edns", subject,
		    "its nameserver %s does not know EDNS: large answers need TCP", who);
	}
	if ((edns || plain) && !tcp) {
		finding_add(findings, FINDING_WARNING, "ns-no-tcp", subject,
		    "its nameserver %s does not answer over TCP: large answers are lost (RFC 7766 5)", who);
		finding_cure(findings, "let TCP to port 53 through its firewall");
	}
}

/* The names of one list that the other lacks, with commas; "" if there are none. Freed by the caller. */
static char *
only_in(const struct nameservers *one, const struct nameservers *other)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < one->count; i++) {
		char host[NAME_MAX_TEXT], *longer;

		if (nameservers_find(other, one->list[i].name) != NULL)
			continue;
		longer = xasprintf(
		    "%s%s%s", text, *text != '\0' ? ", " : "", name_to_host(one->list[i].name, host));
		free(text);
		text = longer;
	}
	return text;
}

void
assess_ns_set(struct findings *findings, const char *subject, const char *who, const struct nameservers *own,
    const struct nameservers *its)
{
	char *missing = only_in(own, its), *more = only_in(its, own);

	if (*missing != '\0' || *more != '\0') {
		finding_add(findings, FINDING_WARNING, "ns-set", subject,
		    "its nameserver %s serves other NS records:%s%s%s%s%s", who,
		    *missing != '\0' ? " without " : "", missing,
		    *missing != '\0' && *more != '\0' ? ", and" : "", *more != '\0' ? " with " : "", more);
		finding_cure(findings,
		    "make both the same: resolvers ask the nameservers that either of them names (RFC 1034 "
		    "4.2.2)");
	}
	free(missing);
	free(more);
}
