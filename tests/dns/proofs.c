/*
 * S100, S104: of each kind of answer of a signed zone, which records it has, which signatures, and which
 * NSECs prove it. Names stand between wildcards and what they match, so that no NSEC proves two things.
 */
#include "tests/dns/scenery.h"
#include "zones/answer/answer.h"
#include "zones/answer/signature_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { LB_TTL = 30, LB_SIGNED_TTL = 45, END = 1000, KEY_TAG = 7 };

static const char zone_text[] =
    "$ORIGIN example.\n$TTL 60\n"
    "@ 50 SOA ns host 1 1 1 1 40\n@ NS ns\nns A 192.0.2.1\n"
    "a.b.ent TXT x\nmany AAAA 2001:db8::1\nmany TXT x\n"
    "*.c CNAME ns\nm.c TXT m\n*.w TXT w\nm.w TXT m\nm.l TXT m\n*.x CNAME y.w\nm.x TXT m\n"
    "*.mx MX 10 ns\nm.mx TXT m\n*.v CNAME x.sub\nm.v TXT m\n"
    "d DNAME w\nsub NS sub\nsub A 192.0.2.2\n"
    "sec NS sec\nsec A 192.0.2.3\n"
    "sec DS 1 13 2 00000000000000000000000000000000000000000000000000000000000000"
    "00\n";

static unsigned copies = 1; /* signatures of each RRset */
static bool lacking;        /* there is none */

/* Each type has an end of its own. */
static size_t
find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	struct signature signature = {.algorithm = 13, .expiration = END + set->rrset.type};
	size_t len = 0;

	(void)arg, (void)key;
	for (unsigned i = 0; i < copies && !lacking; i++)
		len += scenery_rrsig(set, &signature, out + len);
	return len;
}

static const struct zone_signing signing = {
    .find = find, .version = 1, .ndata = 1, .data = {{ALGORITHM_ECDSAP256, KEY_TAG}}};

/* ---- load balancers ---- */

static struct steer_lb *
add_lb(struct scenery *scenery, const char *name, uint32_t pool)
{
	static const uint8_t apex[] = "\7example";
	struct steer_lb *lb = scenery_lb(scenery, name, apex, AFFINITY_NONE, pool, pool);

	lb->ttl = LB_TTL;
	lb->signed_ttl = LB_SIGNED_TTL;
	lb->signed_labels = signed_labels(lb->name);
	lb->content = content_of_owner(lb->name, lb->name_len, lb->signed_ttl);
	return lb;
}

/* The zone, with two load balancers of one address. Their sets are signed by the key. */
static struct scenery *
make(void)
{
	static const char *const addresses[] = {"192.0.2.10", NULL};
	static const uint8_t address[16] = {192, 0, 2, 10};
	const struct signature signature = {.algorithm = ALGORITHM_ECDSAP256, .key_tag = KEY_TAG};
	struct scenery *scenery = scenery_new();
	struct signature_table *table = signature_table_new(0);
	uint32_t pool;

	content_init();
	pool = scenery_pool(scenery, "pool", addresses, NULL);
	add_lb(scenery, "*.l.example.", pool);
	add_lb(scenery, "lb.example.", pool);
	scenery->signing = &signing;
	assert_true(scenery_build(scenery, zone_text));
	assert_int_equal(scenery->zone->nkeys, 1);
	for (size_t i = 0; i < scenery->nlbs; i++) {
		struct content owner = content_signed(&scenery->lbs[i].lb->content, &scenery->zone->keys[0]),
			       content = content_single(&owner, TABLE_V4, address);

		free(signature_table_add(table, &content, &signature));
	}
	scenery->snapshot.signatures = table;
	return scenery;
}

static void
drop(struct scenery *scenery)
{
	signature_table_free((void *)(uintptr_t)scenery->snapshot.signatures);
	scenery_free(scenery);
}

/* ---- an answer as text ---- */

static struct answer answer;

/* The types of an NSEC: A, AAAA, NS, DS, RRSIG, NSEC. */
static void
print_types(FILE *out, const uint8_t *rdata)
{
	static const struct {
		uint16_t type;
		char letter;
	} letters[] = {{TYPE_A, '4'}, {TYPE_AAAA, '6'}, {TYPE_NS, 'n'}, {TYPE_DS, 'd'}, {TYPE_RRSIG, 'r'},
	    {TYPE_NSEC, 's'}};
	const uint8_t *bits = rdata + name_len(rdata);

	fputc(':', out);
	for (size_t i = 0; i < NITEMS(letters); i++)
		if (letters[i].type / 8 < bits[1] &&
		    bits[2 + letters[i].type / 8] & 0x80 >> letters[i].type % 8)
			fputc(letters[i].letter, out);
}

/* "| au NSEC m.w 40 :rs +1": section, type, owner, TTL, of an NSEC its types, and how many signatures. */
static void
print_item(FILE *out, const struct question *question, const struct answer_item *item)
{
	static const char *const sections[] = {"an", "au", "ad"};
	static const struct {
		uint16_t type;
		const char *text;
	} types[] = {{TYPE_A, "A"}, {TYPE_AAAA, "AAAA"}, {TYPE_TXT, "TXT"}, {TYPE_NS, "NS"},
	    {TYPE_SOA, "SOA"}, {TYPE_CNAME, "CNAME"}, {TYPE_DNAME, "DNAME"}, {TYPE_DS, "DS"},
	    {TYPE_NSEC, "NSEC"}, {TYPE_RRSIG, "RRSIG"}, {TYPE_HINFO, "HINFO"}, {TYPE_CDS, "CDS"},
	    {TYPE_MX, "MX"}};
	uint16_t type = item->steered ? TYPE_A : get16(item->wire + 2);
	char owner[NAME_MAX_TEXT];
	uint8_t name[2 * NAME_MAX_LEN];

	if (item->owner != NULL) {
		memcpy(name, node_name(item->owner), item->owner->name_len);
		memcpy(name + item->owner->name_len, item->zone->apex, item->zone->apex_len);
		name_to_host(name, owner);
	} else {
		name_to_host(answer_owner(&answer, question, item), owner);
	}
	owner[MAX(strlen(owner), sizeof "example") - (sizeof "example")] = '\0';
	fprintf(out, "| %s ", sections[item->section]);
	for (size_t i = 0; i < NITEMS(types); i++)
		if (types[i].type == type)
			fputs(types[i].text, out);
	if (item->count > 1)
		fprintf(out, "*%u", item->count);
	fprintf(out, " %s %u", *owner != '\0' ? owner : "@", item->ttl);
	if (type == TYPE_NSEC)
		print_types(out, item->wire + RR_FIXED);
	if (item->signatures > 0)
		fprintf(out, " +%u", item->signatures);
}

static char *
ask(const struct snapshot *snapshot, const char *name, uint16_t type, bool dnssec_ok)
{
	struct question question = {.type = type, .class = CLASS_IN, .dnssec_ok = dnssec_ok};
	struct steering steering = {.client = {.resolver = {.family = FAMILY_V4}}};
	uint8_t wire[NAME_MAX_LEN];
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	assert_true(name_from_text(wire, name, NULL) > 0);
	path_init(&question.path, wire);
	answer_init(&answer, RCODE_NOERROR);
	answer_find(&answer, snapshot, &question, &steering);
	if (answer.rcode != RCODE_NOERROR)
		fprintf(out, "rcode %u", answer.rcode);
	for (unsigned i = 0; i < answer.nitems; i++)
		print_item(out, &question, &answer.items[i]);
	fclose(out);
	return text;
}

struct row {
	const char *name;
	uint16_t type;
	const char *with;    /* DO */
	const char *without; /* NULL: nobody looks */
};

static void
expect(const struct snapshot *snapshot, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (unsigned without = 0; without < 2; without++) {
			const char *wanted = without ? rows[i].without : rows[i].with;
			char *got = ask(snapshot, rows[i].name, rows[i].type, !without);

			if (wanted != NULL && strcmp(got, wanted) != 0)
				fail_msg("%s type %u%s:\n%s, wanted\n%s", rows[i].name, rows[i].type,
				    without ? " without DO" : "", got, wanted);
			free(got);
		}
}

/* ---- tests ---- */

#define SOA "| au SOA @ 40 +1"
#define SOA_OF_LB "| au SOA @ 30 +1"

static const struct row kinds[] = {
    {"ns.example.", TYPE_A, "| an A ns 60 +1", "| an A ns 60"},
    {"ns.example.", TYPE_TXT, SOA "| au NSEC ns 40:4rs +1", "| au SOA @ 40"},
    {"ns.example.", TYPE_NSEC, "| an NSEC ns 40:4rs +1", "| an NSEC ns 40:4rs"},
    {"example.", TYPE_SOA, "| an SOA @ 50 +1", "| an SOA @ 50"},
    {"ent.example.", TYPE_A, SOA "| au NSEC d 40:rs +1", "| au SOA @ 40"},
    {"b.ent.example.", TYPE_A, SOA "| au NSEC d 40:rs +1", "| au SOA @ 40"},
    {"nx.example.", TYPE_A, "rcode 3" SOA "| au NSEC ns 40:4rs +1| au NSEC @ 40:nrs +1",
	"rcode 3| au SOA @ 40"},
    {"nx.b.ent.example.", TYPE_A, "rcode 3" SOA "| au NSEC a.b.ent 40:rs +1| au NSEC d 40:rs +1",
	"rcode 3| au SOA @ 40"},
    {"q.zz.example.", TYPE_A, "rcode 3" SOA "| au NSEC m.x 40:rs +1| au NSEC @ 40:nrs +1",
	"rcode 3| au SOA @ 40"},
    {"z.mx.example.", TYPE_MX, "| an MX z.mx 60 +1| au NSEC m.mx 40:rs +1| ad A ns 60 +1",
	"| an MX z.mx 60| ad A ns 60"},
    {"z.v.example.", TYPE_A,
	"| an CNAME z.v 60 +1| au NS sub 60| au NSEC sub 40:nrs +1| au NSEC m.v 40:rs +1| ad A sub "
	"60",
	"| an CNAME z.v 60| au NS sub 60| ad A sub 60"},
    {"q.p.ns.example.", TYPE_A, "rcode 3" SOA "| au NSEC ns 40:4rs +1", "rcode 3| au SOA @ 40"},
    {"z.w.example.", TYPE_TXT, "| an TXT z.w 60 +1| au NSEC m.w 40:rs +1", "| an TXT z.w 60"},
    {"z.w.example.", TYPE_A, SOA "| au NSEC *.w 40:rs +1| au NSEC m.w 40:rs +1", "| au SOA @ 40"},
    {"z.w.example.", TYPE_ANY, "| an TXT z.w 60 +1| au NSEC m.w 40:rs +1", "| an HINFO z.w 3600"},
    {"z.w.example.", TYPE_RRSIG, "| an RRSIG z.w 60| au NSEC m.w 40:rs +1", "| an RRSIG z.w 60"},
    {"z.w.example.", TYPE_NSEC, "| an NSEC z.w 40:rs +1| au NSEC m.w 40:rs +1", "| an NSEC z.w 40:rs"},
    {"z.c.example.", TYPE_A, "| an CNAME z.c 60 +1| an A ns 60 +1| au NSEC m.c 40:rs +1",
	"| an CNAME z.c 60| an A ns 60"},
    {"z.c.example.", TYPE_MX, "| an CNAME z.c 60 +1" SOA "| au NSEC ns 40:4rs +1| au NSEC m.c 40:rs +1",
	"| an CNAME z.c 60| au SOA @ 40"},
    {"z.c.example.", TYPE_CNAME, "| an CNAME z.c 60 +1| au NSEC m.c 40:rs +1", "| an CNAME z.c 60"},
    {"z.x.example.", TYPE_TXT,
	"| an CNAME z.x 60 +1| an TXT y.w 60 +1| au NSEC m.x 40:rs +1| au NSEC m.w 40:rs +1",
	"| an CNAME z.x 60| an TXT y.w 60"},
    {"z.x.example.", TYPE_A,
	"| an CNAME z.x 60 +1" SOA "| au NSEC *.w 40:rs +1| au NSEC m.w 40:rs +1| au NSEC m.x 40:rs +1",
	"| an CNAME z.x 60| au SOA @ 40"},
    {"lb.example.", TYPE_A, "| an A lb 30 +1", "| an A lb 30"},
    {"lb.example.", TYPE_AAAA, SOA_OF_LB "| au NSEC lb 30:4rs +1", "| au SOA @ 30"},
    {"lb.example.", TYPE_MX, SOA "| au NSEC lb 40:46rs +1", "| au SOA @ 40"},
    {"lb.example.", TYPE_CNAME, SOA_OF_LB "| au NSEC lb 30:46rs +1", "| au SOA @ 30"},
    {"lb.example.", TYPE_ANY, "| an NSEC lb 40:46rs +1", "| an HINFO lb 3600"},
    {"lb.example.", TYPE_RRSIG, "| an RRSIG lb 40", "| an RRSIG lb 40"},
    {"z.l.example.", TYPE_A, "| an A z.l 30 +1| au NSEC m.l 40:rs +1", "| an A z.l 30"},
    {"z.l.example.", TYPE_AAAA, SOA_OF_LB "| au NSEC *.l 30:4rs +1| au NSEC m.l 30:rs +1", "| au SOA @ 30"},
    {"z.l.example.", TYPE_MX, SOA "| au NSEC *.l 40:46rs +1| au NSEC m.l 40:rs +1", "| au SOA @ 40"},
    {"z.l.example.", TYPE_ANY, "| an NSEC z.l 40:46rs +1| au NSEC m.l 40:rs +1", "| an HINFO z.l 3600"},
    {"z.l.example.", TYPE_RRSIG, "| an RRSIG z.l 40| au NSEC m.l 40:rs +1", "| an RRSIG z.l 40"},
    {"many.example.", TYPE_ANY, "| an TXT many 60 +1", "| an HINFO many 3600"},
    {"many.example.", TYPE_RRSIG, "| an RRSIG many 60", "| an RRSIG many 60"},
    {"d.example.", TYPE_DNAME, "| an DNAME d 60 +1", "| an DNAME d 60"},
    {"z.d.example.", TYPE_TXT, "| an DNAME d 60 +1| an CNAME z.d 60| an TXT z.w 60 +1| au NSEC m.w 40:rs +1",
	"| an DNAME d 60| an CNAME z.d 60| an TXT z.w 60"},
    {"m.d.example.", TYPE_TXT, "| an DNAME d 60 +1| an CNAME m.d 60| an TXT m.w 60 +1",
	"| an DNAME d 60| an CNAME m.d 60| an TXT m.w 60"},
    {"sub.example.", TYPE_A, "| au NS sub 60| au NSEC sub 40:nrs +1| ad A sub 60",
	"| au NS sub 60| ad A sub 60"},
    {"x.sub.example.", TYPE_DS, "| au NS sub 60| au NSEC sub 40:nrs +1| ad A sub 60",
	"| au NS sub 60| ad A sub 60"},
    {"sub.example.", TYPE_DS, SOA "| au NSEC sub 40:nrs +1", "| au SOA @ 40"},
    {"sub.example.", TYPE_RRSIG, "| au NS sub 60| au NSEC sub 40:nrs +1| ad A sub 60",
	"| au NS sub 60| ad A sub 60"},
    {"sub.example.", TYPE_NS, "| au NS sub 60| au NSEC sub 40:nrs +1| ad A sub 60",
	"| au NS sub 60| ad A sub 60"},
    {"sec.example.", TYPE_A, "| au NS sec 60| au DS sec 60 +1| ad A sec 60", "| au NS sec 60| ad A sec 60"},
    {"sec.example.", TYPE_DS, "| an DS sec 60 +1", "| an DS sec 60"},
    {"x.sec.example.", TYPE_DS, "| au NS sec 60| au DS sec 60 +1| ad A sec 60",
	"| au NS sec 60| ad A sec 60"},
};

static void
each_answer_has_its_signatures_and_its_proofs(void **state)
{
	struct scenery *scenery = make();

	(void)state;
	expect(&scenery->snapshot, kinds, NITEMS(kinds));
	drop(scenery);
}

/* During a rollover of the algorithm there are two (RFC 6781 4.1.4). */
static void
all_signatures_of_an_rrset_go_along(void **state)
{
	static const struct row rows[] = {
	    {"ns.example.", TYPE_A, "| an A ns 60 +2", "| an A ns 60"},
	    {"ns.example.", TYPE_RRSIG, "| an RRSIG*2 ns 60", "| an RRSIG*2 ns 60"},
	    {"ns.example.", TYPE_TXT, "| au SOA @ 40 +2| au NSEC ns 40:4rs +2", "| au SOA @ 40"},
	};
	struct scenery *scenery;

	(void)state;
	copies = 2;
	scenery = make();
	expect(&scenery->snapshot, rows, NITEMS(rows));
	copies = 1;
	drop(scenery);
}

/* S101, RFC 4035 5.3.3: the answer may have a smaller TTL; RFC 4034 3.1.3: without the asterisk. */
static void
a_steered_signature_covers_the_largest_ttl_and_the_labels_of_a_wildcard(void **state)
{
	struct scenery *scenery = make();

	(void)state;
	free(ask(&scenery->snapshot, "z.l.example.", TYPE_A, true));
	assert_int_equal(answer.items[0].ttl, LB_TTL);
	assert_int_equal(answer.steered.ttl, LB_SIGNED_TTL);
	assert_int_equal(answer.steered.labels, 2);
	assert_int_equal(answer.steered.type, TYPE_A);
	drop(scenery);
}

/* S106: extended error 7 goes by it. */
static void
an_answer_knows_which_of_its_signatures_ends_first(void **state)
{
	struct scenery *scenery = make();

	(void)state;
	free(ask(&scenery->snapshot, "ns.example.", TYPE_TXT, true));
	assert_int_equal(answer.first_end, END + TYPE_SOA);
	free(ask(&scenery->snapshot, "z.c.example.", TYPE_A, true));
	assert_int_equal(answer.first_end, END + TYPE_A);
	free(ask(&scenery->snapshot, "ns.example.", TYPE_A, false));
	assert_int_equal(answer.first_end, 0);
	drop(scenery);
}

/* S102 */
static void
who_does_not_ask_for_signatures_is_answered_without_any(void **state)
{
	static const struct row rows[] = {
	    {"ns.example.", TYPE_A, "rcode 2", "| an A ns 60"},
	    {"ns.example.", TYPE_TXT, "rcode 2", "| au SOA @ 40"},
	    {"nx.example.", TYPE_A, "rcode 2", "rcode 3| au SOA @ 40"},
	    {"z.w.example.", TYPE_A, "rcode 2", "| au SOA @ 40"},
	    {"lb.example.", TYPE_AAAA, "rcode 2", "| au SOA @ 30"},
	    {"lb.example.", TYPE_A, "| an A lb 30 +1", "| an A lb 30"},
	    {"sub.example.", TYPE_A, "rcode 2", "| au NS sub 60| ad A sub 60"},
	};
	struct scenery *scenery;

	(void)state;
	lacking = true;
	scenery = make();
	lacking = false;
	expect(&scenery->snapshot, rows, NITEMS(rows));
	drop(scenery);
}

/* RFC 4035 3.1.4.1: the nameserver has a zone, the child at its cut, one below the child, and one without a
 * cut. */
static void
ds_is_answered_by_the_zone_that_has_the_cut_and_else_by_the_child(void **state)
{
	static const char *const texts[] = {"sub.example.", "a.sub.example.", "a.b.ent.example."};
	static const struct row rows[] = {
	    {"sub.example.", TYPE_DS, SOA "| au NSEC sub 40:nrs +1", NULL},
	    {"a.sub.example.", TYPE_DS, "| au SOA a.sub 60 +1| au NSEC a.sub 60:nrs +1", NULL},
	    {"a.b.ent.example.", TYPE_DS, "| au SOA a.b.ent 60 +1| au NSEC a.b.ent 60:nrs +1", NULL},
	    {"sub.example.", TYPE_SOA, "| an SOA sub 60 +1", NULL},
	    {"x.sub.example.", TYPE_DS, "rcode 3| au SOA sub 60 +1| au NSEC sub 60:nrs +1", NULL},
	};
	static const struct row deep = {
	    "a.sub.example.", TYPE_DS, "| au SOA a.sub 60 +1| au NSEC a.sub 60:nrs +1", NULL};
	const struct zone *zones[1 + NITEMS(texts)];
	struct scenery *parent = make(), *children[NITEMS(texts)];
	struct snapshot snapshot = parent->snapshot;
	struct zone_table *table;

	(void)state;
	zones[0] = parent->zone;
	for (size_t i = 0; i < NITEMS(texts); i++) {
		char *text = xasprintf(
		    "$ORIGIN %s\n$TTL 60\n@ SOA ns.example. h 1 1 1 1 60\n@ NS ns.example.\n", texts[i]);

		children[i] = scenery_new();
		children[i]->signing = &signing;
		assert_true(scenery_build(children[i], text));
		zones[1 + i] = children[i]->zone;
		free(text);
	}
	snapshot.zones = table = zone_table_new(zones, NITEMS(zones));
	expect(&snapshot, rows, NITEMS(rows));
	free(table);
	/* Without the child between them, the cut of the parent is above the name. */
	zones[1] = zones[2];
	snapshot.zones = table = zone_table_new(zones, 2);
	expect(&snapshot, &deep, 1);
	free(table);
	for (size_t i = 0; i < NITEMS(texts); i++)
		scenery_free(children[i]);
	drop(parent);
}

/* RFC 9077, RFC 2308 5: the lesser one of the SOA's TTL and its MINIMUM field; the zone above has the other
 * case. */
static void
a_soa_of_a_short_ttl_shortens_all_proofs(void **state)
{
	static const struct row rows[] = {
	    {"ns.example.", TYPE_TXT, "| au SOA @ 20 +1| au NSEC ns 20:4rs +1", "| au SOA @ 20"},
	    {"ns.example.", TYPE_NSEC, "| an NSEC ns 20:4rs +1", NULL},
	};
	struct scenery *scenery = scenery_new();

	(void)state;
	scenery->signing = &signing;
	assert_true(scenery_build(
	    scenery, "$ORIGIN example.\n@ 20 SOA ns host 1 1 1 1 40\n@ 60 NS ns\nns 60 A 192.0.2.1\n"));
	expect(&scenery->snapshot, rows, NITEMS(rows));
	scenery_free(scenery);
}

/* S105: records of the zone file with the types that are made from its keys are not answered. */
static void
what_is_made_from_keys_takes_the_place_of_own_records(void **state)
{
	static const uint8_t records[] = {0, 4, 1, 2, 3, 4};
	static const struct rrset keys[] = {
	    {.type = TYPE_CDS, .count = 1, .ttl = 33, .records = records, .len = sizeof records}};
	static const struct row rows[] = {{"example.", TYPE_CDS, "| an CDS @ 33 +1", "| an CDS @ 33"}};
	struct zone_signing with = signing;
	struct scenery *scenery = scenery_new();

	(void)state;
	with.keys = keys;
	with.nkeys = NITEMS(keys);
	scenery->signing = &with;
	assert_true(scenery_build(scenery,
	    "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 1 1 1 40\n@ NS ns\n@ CDS 0 0 0 00\nns A "
	    "192.0.2.1\n"));
	expect(&scenery->snapshot, rows, NITEMS(rows));
	assert_int_equal(scenery->zone->missing, 0);
	scenery_free(scenery);
	/* SOA, NS, CDS, A, two NSECs */
	lacking = true;
	scenery = scenery_new();
	scenery->signing = &with;
	assert_true(scenery_build(
	    scenery, "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 1 1 1 40\n@ NS ns\nns A 192.0.2.1\n"));
	lacking = false;
	assert_int_equal(scenery->zone->missing, 6);
	scenery_free(scenery);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_answer_has_its_signatures_and_its_proofs),
	    cmocka_unit_test(all_signatures_of_an_rrset_go_along),
	    cmocka_unit_test(a_steered_signature_covers_the_largest_ttl_and_the_labels_of_a_wildcard),
	    cmocka_unit_test(an_answer_knows_which_of_its_signatures_ends_first),
	    cmocka_unit_test(who_does_not_ask_for_signatures_is_answered_without_any),
	    cmocka_unit_test(ds_is_answered_by_the_zone_that_has_the_cut_and_else_by_the_child),
	    cmocka_unit_test(a_soa_of_a_short_ttl_shortens_all_proofs),
	    cmocka_unit_test(what_is_made_from_keys_takes_the_place_of_own_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
