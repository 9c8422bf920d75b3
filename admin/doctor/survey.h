/*
 * survey.h -- a zone in the configuration, at its parent, at its nameservers and at a resolver.
 */
#ifndef SURVEY_H
#define SURVEY_H

#include "admin/doctor/finding.h"
#include "admin/doctor/zone_keys.h"
#include "zones/ask/ask.h"
#include "zones/ask/referral.h"
#include "zones/state/config.h"

enum { PARENT_ADDRESSES_MAX = 16 };

struct survey {
	struct zone_info zone;
	char *subject;          /* "zone example.com" */
	struct nameservers own; /* that its NS records name, with the addresses that are known */
	struct zone_keys keys;
	const uint8_t *parent; /* within zone.name; NULL: not known */
	struct nameservers parents;

	/* The questions, which belong to asking. */
	struct question **above; /* the NS of each name above it, the nearest first */
	unsigned nabove;
	struct asked_parent {
		struct address address;
		const struct question *ns, *ds;
	} asked[PARENT_ADDRESSES_MAX];
	size_t nasked;
};

struct surveys {
	struct survey *list;
	size_t count;
};

/* A zone with its keys, its NS records and the addresses of their names that the stores have. */
void survey_read(struct surveys *surveys, struct store_txn *config, struct store_txn *signatures,
    const struct zone_info *zone);
void surveys_free(struct surveys *surveys);

/* Findings from the configuration alone. */
void survey_assess(struct findings *findings, const struct survey *survey);

/* The three rounds of questions. */
void survey_ask_resolver(
    struct survey *survey, struct asking *asking, const struct address *resolver, uint16_t resolver_port);
void survey_ask_for_parents(
    struct survey *survey, struct asking *asking, const struct address *resolver, uint16_t resolver_port);
void survey_ask_nameservers(struct survey *survey, struct asking *asking, const struct address *resolver,
    uint16_t resolver_port, uint16_t port);

/* After them: the parent's side, and the nameservers.  False if no answer of a resolver came at all. */
bool survey_resolved(const struct survey *survey);
void survey_assess_parent(struct findings *findings, const struct survey *survey);
void survey_assess_nameservers(
    struct findings *findings, struct survey *survey, struct asking *asking, uint16_t port);

/* --- pure --- */

/* The delegation at the parent against the zone's own NS records and addresses. */
void assess_delegation(struct findings *findings, const char *subject, const uint8_t *zone,
    const struct nameservers *own, const struct nameservers *referral);

/* How one address of a nameserver answered. */
struct tried {
	enum ask_outcome edns, plain, tcp; /* over UDP with EDNS and without, and over TCP */
	struct soa_answer answer;          /* of those the first that is no failure, or the first */
	bool opt;                          /* an answer to EDNS has it, too, and is not FORMERR */
};
/* who: "ns1.example.com (192.0.2.1)"; serial: that of the zone here. */
void assess_tried(struct findings *findings, const char *subject, const char *who, uint32_t serial,
    const struct tried *tried);
/* The NS records that a nameserver serves (its) against those here: the same names, in any order. */
void assess_ns_set(struct findings *findings, const char *subject, const char *who,
    const struct nameservers *own, const struct nameservers *its);

#endif
