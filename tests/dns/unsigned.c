/*
 * S100, S102: whichever signatures lack, an answer of a signed zone to DO has the signatures of all that it
 * has, or it is SERVFAIL without records.
 */
#include "tests/dns/scenery.h"
#include "zones/answer/answer.h"
#include "zones/dns/dnssec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char zone_text[] =
    "$ORIGIN example.\n$TTL 60\n"
    "@ SOA ns host 1 1 1 1 60\n@ NS ns\n@ MX 10 mail\nns A 192.0.2.1\nmail A 192.0.2.2\n"
    "mail AAAA 2001:db8::2\n_s SVCB 1 svc\nsvc A 192.0.2.3\nalias HTTPS 0 svc2\n"
    "svc2 HTTPS 1 . alpn=h2\nsvc2 A 192.0.2.4\na.ent TXT x\n*.wild TXT w\n"
    "chain CNAME chain2\nchain2 CNAME mail\nlost CNAME nothing\nshort DNAME example.\n"
    "secure NS ns.secure\nsecure DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n"
    "ns.secure A 192.0.2.5\nopen NS open\nopen A 192.0.2.6\n";

static const char *const names[] = {"example.", "ns.example.", "mail.example.", "_s.example.",
    "alias.example.", "ent.example.", "a.ent.example.", "x.wild.example.", "*.wild.example.", "wild.example.",
    "chain.example.", "lost.example.", "mail.short.example.", "nothing.short.example.", "short.example.",
    "secure.example.", "x.secure.example.", "open.example.", "x.open.example.", "nothing.example.",
    "b.nothing.example.", "zzz.example.", "x.wild.short.example."};
static const uint16_t types[] = {TYPE_A, TYPE_AAAA, TYPE_TXT, TYPE_MX, TYPE_NS, TYPE_SOA, TYPE_DS, TYPE_CNAME,
    TYPE_DNAME, TYPE_SVCB, TYPE_HTTPS, TYPE_ANY, TYPE_RRSIG, TYPE_NSEC};

/* Signatures lack by a hash of what they sign: of all RRsets in this many parts, one part. 0: none lacks. */
static uint64_t part, parts;

static size_t
find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	struct signature signature = {.algorithm = 13};

	(void)arg, (void)key;
	return parts != 0 && mix64(signed_hash(set)) % parts == part ? 0
								     : scenery_rrsig(set, &signature, out);
}

/* Glue, the NS of a delegation, and the CNAME of a DNAME have no signatures. */
static bool
needs_signature(const struct answer *answer, const struct question *question, unsigned i)
{
	const struct answer_item *item = &answer->items[i];
	uint16_t type = get16(item->wire + 2);
	char owner[NAME_MAX_TEXT];

	if (type == TYPE_RRSIG || type == TYPE_HINFO)
		return false;
	for (unsigned n = 0; n < ANSWER_CHAIN_MAX; n++)
		if (item->wire == answer->synthesised[n])
			return false;
	if (item->owner != NULL)
		return true;
	name_to_host(answer_owner(answer, question, item), owner);
	return (strstr(owner, "secure.example") == NULL && strstr(owner, "open.example") == NULL) ||
	    (type != TYPE_NS && type != TYPE_A);
}

/* Returns the rcode. */
static unsigned
ask(const struct scenery *scenery, const char *name, uint16_t type)
{
	static struct answer answer;
	struct question question = {.type = type, .class = CLASS_IN, .dnssec_ok = true};
	struct steering steering = {.client = {.resolver = {.family = FAMILY_V4}}};
	uint8_t wire[NAME_MAX_LEN];

	name_from_text(wire, name, NULL);
	path_init(&question.path, wire);
	answer_init(&answer, RCODE_NOERROR);
	answer_find(&answer, &scenery->snapshot, &question, &steering);
	if (answer.rcode == RCODE_SERVFAIL)
		assert_true(answer.nitems == 0 && answer.lacks_signature && answer.dnssec_ok); /* tally.c */
	if (answer.nitems > 0 && get16(answer.items[0].wire + 2) == TYPE_SOA && type != TYPE_SOA)
		assert_in_range(answer.nitems, 2, 4); /* a proof of absence */
	for (unsigned i = 0; i < answer.nitems; i++)
		if (needs_signature(&answer, &question, i) && answer.items[i].signatures == 0)
			fail_msg("%s type %u: type %u in section %u is not signed (part %u of %u)", name,
			    type, get16(answer.items[i].wire + 2), answer.items[i].section, (unsigned)part,
			    (unsigned)parts);
	return answer.rcode;
}

/* Returns how many questions had SERVFAIL. */
static unsigned
ask_all(uint64_t which, uint64_t of)
{
	const struct zone_signing signing = {.find = find, .version = 1};
	struct scenery *scenery = scenery_new();
	unsigned failed = 0;

	part = which;
	parts = of;
	scenery->signing = &signing;
	assert_true(scenery_build(scenery, zone_text));
	for (size_t n = 0; n < NITEMS(names); n++)
		for (size_t t = 0; t < NITEMS(types); t++)
			failed += ask(scenery, names[n], types[t]) == RCODE_SERVFAIL;
	scenery_free(scenery);
	return failed;
}

static void
no_answer_has_anything_unsigned(void **state)
{
	(void)state;
	assert_int_equal(ask_all(0, 0), 0);
	/* All lack, then about a half, a third ... of them, and about one. */
	for (uint64_t of = 1; of < 40; of++)
		for (uint64_t which = 0; which < of; which++)
			ask_all(which, of);
	assert_in_range(ask_all(0, 1), 200, NITEMS(names) * NITEMS(types));
}

static void
what_may_be_left_out_is_left_out(void **state)
{
	unsigned failed = 0;

	(void)state;
	/* Addresses in the additional section do not make an answer fail. */
	for (uint64_t which = 0; which < 40; which++) {
		const struct zone_signing signing = {.find = find, .version = 1};
		struct scenery *scenery = scenery_new();

		part = which;
		parts = 40;
		scenery->signing = &signing;
		assert_true(scenery_build(scenery, zone_text));
		if (ask(scenery, "mail.example.", TYPE_A) == RCODE_SERVFAIL &&
		    ask(scenery, "example.", TYPE_MX) == RCODE_NOERROR)
			failed++;
		scenery_free(scenery);
	}
	assert_int_equal(failed, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_answer_has_anything_unsigned),
	    cmocka_unit_test(what_may_be_left_out_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
