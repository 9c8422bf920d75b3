/* The doctor's pure parts: messages, differences, and states that this machine does not have. */
#include "admin/doctor/doctor_inner.h"

#include "zones/dns/rrset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define OCTETS(text) (const uint8_t *)text, sizeof text - 1
#define ZONE ((const uint8_t *)"\7example\3com")

/* The question is example.com NS: example.com at 12, and records begin at 29. */
#define HEAD(flags, answers, authorities, additional) \
	"\0\1" flags "\0\1\0" answers "\0" authorities "\0" additional "\7example\3com\0\0\2\0\1"
#define RR(type, len) "\300\14\0" type "\0\1\0\0\0\74\0" len
#define NS1 RR("\2", "\6") "\3ns1\300\14"
#define NS2 RR("\2", "\6") "\3ns2\300\14"
#define GLUE1 "\300\51\0\1\0\1\0\0\0\74\0\4\300\0\2\1" /* ns1 begins at 41 */
#define STRANGER "\1x\0\0\1\0\1\0\0\0\74\0\4\300\0\2\11"

/* --- messages --- */

static void
a_delegation_is_told_from_its_absence_and_from_the_zone_itself(void **state)
{
	static const struct {
		const char *name;
		const uint8_t *octets;
		size_t len;
		enum delegation_kind kind;
		size_t names;
	} rows[] = {
	    {"a referral", OCTETS(HEAD("\200\0", "\0", "\2", "\1") NS1 NS2 GLUE1), DELEGATION_REFERRAL, 2},
	    {"with AA it is one, too", OCTETS(HEAD("\204\0", "\0", "\1", "\0") NS1), DELEGATION_REFERRAL, 1},
	    {"addresses of others are not glue", OCTETS(HEAD("\200\0", "\0", "\1", "\1") NS1 STRANGER),
		DELEGATION_REFERRAL, 1},
	    {"the zone's own NS", OCTETS(HEAD("\204\0", "\1", "\0", "\0") NS1), DELEGATION_HIDDEN, 0},
	    {"NXDOMAIN with AA", OCTETS(HEAD("\204\3", "\0", "\0", "\0")), DELEGATION_ABSENT, 0},
	    {"no data with AA", OCTETS(HEAD("\204\0", "\0", "\0", "\0")), DELEGATION_ABSENT, 0},
	    {"NXDOMAIN without AA", OCTETS(HEAD("\200\3", "\0", "\0", "\0")), DELEGATION_UNKNOWN, 0},
	    {"no data without AA", OCTETS(HEAD("\200\0", "\0", "\0", "\0")), DELEGATION_UNKNOWN, 0},
	    {"REFUSED", OCTETS(HEAD("\200\5", "\0", "\0", "\0")), DELEGATION_UNKNOWN, 0},
	    {"a query", OCTETS(HEAD("\0\0", "\0", "\0", "\0")), DELEGATION_UNKNOWN, 0},
	    {"cut off", OCTETS(HEAD("\200\0", "\0", "\2", "\0") NS1), DELEGATION_UNKNOWN, 1},
	    {"a pointer to itself", OCTETS(HEAD("\200\0", "\0", "\1", "\0") RR("\2", "\2") "\300\51"),
		DELEGATION_UNKNOWN, 0},
	    {"nothing", OCTETS(""), DELEGATION_UNKNOWN, 0},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct nameservers referral = {0};
		enum delegation_kind kind = delegation_read(rows[i].octets, rows[i].len, ZONE, &referral);

		if (kind != rows[i].kind || referral.count != rows[i].names)
			fail_msg("%s: kind %d with %zu names", rows[i].name, kind, referral.count);
		nameservers_free(&referral);
	}
}

static void
glue_belongs_to_the_names_of_the_referral(void **state)
{
	static const struct address address = {FAMILY_V4, {192, 0, 2, 1}};
	struct nameservers referral = {0};

	(void)state;
	assert_int_equal(
	    delegation_read(
		OCTETS(HEAD("\200\0", "\0", "\2", "\3") NS1 NS2 GLUE1 GLUE1 STRANGER), ZONE, &referral),
	    DELEGATION_REFERRAL);
	assert_int_equal(referral.list[0].naddresses, 1);
	assert_true(nameserver_has(&referral.list[0], &address));
	assert_int_equal(referral.list[1].naddresses, 0);
	nameservers_free(&referral);
}

static void
serials_are_compared_on_the_circle(void **state)
{
	static const struct {
		uint32_t a, b;
		int order;
	} rows[] = {{1, 1, 0}, {2, 1, 1}, {1, 2, -1}, {0, UINT32_MAX, 1}, {UINT32_MAX, 0, -1},
	    {UINT32_C(0x80000000), 1, 1}, {1, UINT32_C(0x80000000), -1}, {UINT32_C(0x80000000), 0, -1},
	    {0, UINT32_C(0x80000000), -1}};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++)
		assert_int_equal(serial_compare(rows[i].a, rows[i].b), rows[i].order);
}

/* --- findings --- */

/* "severity check, ..." of all that is there. */
static void
expect(struct findings *findings, const char *wanted)
{
	char text[1024] = "";

	for (size_t i = 0; i < findings->count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %s", i > 0 ? ", " : "",
		    gravity_text(findings->list[i].gravity), findings->list[i].check);
	assert_string_equal(text, wanted);
	findings_free(findings);
}

/* "NAME ADDRESS ADDRESS; NAME": names below example.com if they have no dot at the end. */
static struct nameservers
nameservers_of(const char *text)
{
	struct nameservers all = {0};
	char *copy = xstrdup(text), *rest, *inner;

	for (char *part = strtok_r(copy, ";", &rest); part != NULL; part = strtok_r(NULL, ";", &rest)) {
		char *word = strtok_r(part, " ", &inner);
		uint8_t name[NAME_MAX_LEN];
		struct nameserver *one;
		struct address address;

		assert_true(name_from_text(name, word, ZONE) > 0);
		one = nameservers_add(&all, name);
		while ((word = strtok_r(NULL, " ", &inner)) != NULL) {
			assert_true(address_from_text(&address, word));
			nameserver_add_address(one, &address);
		}
	}
	free(copy);
	return all;
}

static void
a_delegation_is_compared_with_the_zone(void **state)
{
	static const struct {
		const char *own, *referral, *found;
	} rows[] = {
	    {"ns1 192.0.2.1;ns2 192.0.2.2", "NS2 192.0.2.2;ns1 192.0.2.1", ""},
	    {"ns1 192.0.2.1 2001:db8::1", "ns1 2001:db8::1 192.0.2.1", ""},
	    {"ns.other.", "ns.other.", ""}, /* elsewhere, glue is no matter of this zone */
	    {"ns.other. 192.0.2.1", "ns.other. 192.0.2.9", ""},
	    {"ns1 192.0.2.1;ns.other.", "ns1 192.0.2.1", "warning delegation-missing"},
	    {"ns1 192.0.2.1", "ns1 192.0.2.1;ns.other.", "warning delegation-extra"},
	    {"ns.new.", "ns.old.", "warning delegation-extra, error delegation-missing"},
	    {"ns1 192.0.2.1", "ns1", "error glue-missing"},
	    {"ns1 192.0.2.1", "ns1 192.0.2.9", "error glue-differs, warning glue-differs"},
	    {"ns1 192.0.2.1 192.0.2.2", "ns1 192.0.2.1", "warning glue-differs"},
	    {"ns1 192.0.2.1", "ns1 192.0.2.1 192.0.2.2", "error glue-differs"},
	    {"ns1 192.0.2.1", "ns1 192.0.2.1;ns2 192.0.2.2", "warning delegation-extra, error glue-differs"},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct nameservers own = nameservers_of(rows[i].own),
				   referral = nameservers_of(rows[i].referral);
		struct findings findings = {0};

		assess_delegation(&findings, "zone example.com", ZONE, &own, &referral);
		expect(&findings, rows[i].found);
		nameservers_free(&own);
		nameservers_free(&referral);
	}
}

#define YES ASK_ANSWERED
#define NO ASK_SILENT

static void
a_nameserver_is_judged_by_how_it_answers(void **state)
{
	static const struct soa_answer good = {
	    .readable = true, .authoritative = true, .soa = true, .serial = 7};
	static const struct soa_answer lame = {.readable = true, .soa = true, .serial = 7};
	static const struct {
		struct tried tried;
		uint32_t serial;
		const char *found;
	} rows[] = {
	    {{YES, YES, YES, good, true}, 7, ""},
	    {{YES, YES, YES, good, true}, 8, "warning ns-serial"},
	    {{YES, YES, YES, good, false}, 7, "note ns-no-edns"},
	    {{NO, YES, YES, good, false}, 7, "warning ns-edns"},
	    {{YES, NO, YES, good, true}, 7, ""},
	    {{YES, YES, NO, good, true}, 7, "warning ns-no-tcp"},
	    {{NO, NO, YES, good, true}, 7, "error ns-no-udp"},
	    {{NO, NO, NO, {0}, false}, 7, "error ns-unreachable"},
	    {{ASK_UNREACHABLE, ASK_UNREACHABLE, ASK_UNREACHABLE, {0}, false}, 7, "error ns-unreachable"},
	    {{YES, YES, ASK_NO_TIME, good, true}, 8, ""},
	    {{YES, YES, YES, lame, true}, 8, "error ns-lame"},
	    {{YES, YES, YES, {.readable = true, .rcode = 5}, true}, 7, "error ns-lame"},
	    {{YES, YES, YES, {.readable = true, .authoritative = true}, true}, 7, "error ns-lame"},
	    {{YES, YES, YES, {0}, true}, 7, "error ns-lame"},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct findings findings = {0};

		assess_tried(&findings, "zone example.com", "ns1", rows[i].serial, &rows[i].tried);
		expect(&findings, rows[i].found);
	}
}

static void
the_machine_is_judged_by_its_figures(void **state)
{
	static const int64_t now = INT64_C(1800000000000);
	struct findings findings = {0};

	(void)state;
	assess_disk(&findings, "/", UINT64_C(256) << 20);
	expect(&findings, "");
	assess_disk(&findings, "/", (UINT64_C(256) << 20) - 1);
	expect(&findings, "warning disk-full");
	assess_disk(&findings, "/", (UINT64_C(16) << 20) - 1);
	expect(&findings, "error disk-full");
	assess_clock(&findings, now, now + 10000, true);
	expect(&findings, "ok clock");
	assess_clock(&findings, now, now + 10001, true);
	expect(&findings, "warning clock");
	assess_clock(&findings, now, 0, false);
	expect(&findings, "note clock");
	assess_clock(&findings, 0, 0, true);
	expect(&findings, "error clock");
	assess_files(&findings, "graycloud-dnsd", 1, 799, 1000);
	expect(&findings, "ok open-files");
	assess_files(&findings, "graycloud-dnsd", 1, 800, 1000);
	expect(&findings, "warning open-files");
	assess_files(&findings, "graycloud-dnsd", 1, 1000, 1000);
	expect(&findings, "error open-files");
}

static void
a_ttl_is_long_if_it_is_longer_than_the_monitors_need_and_than_a_minute(void **state)
{
	struct findings findings = {0};

	(void)state;
	assess_ttl(&findings, "lb", "lb", 60, 1000);
	expect(&findings, "");
	assess_ttl(&findings, "lb", "lb", 61, 1000);
	expect(&findings, "warning lb-ttl-long");
	assess_ttl(&findings, "lb", "lb", 300, 300000);
	expect(&findings, "");
	assess_ttl(&findings, "lb", "lb", 86400, 0);
	expect(&findings, "");
}

static void
a_nameserver_that_cannot_use_the_configuration_says_why(void **state)
{
	struct picture picture = {.serving = true, .generation = 2};
	struct findings findings = {0};

	(void)state;
	picture.answering = (struct serving_status){.ready = true, .generation = 1};
	snprintf(picture.answering.version, sizeof picture.answering.version, "%s", VERSION);
	snprintf(picture.answering.compile_error, sizeof picture.answering.compile_error, "it is so");
	assess_nameserver(&findings, &picture);
	assert_non_null(strstr(findings.list[0].what, "it is so"));
	expect(&findings, "error daemon-generation");
	picture.answering = (struct serving_status){.generation = 0};
	snprintf(picture.answering.version, sizeof picture.answering.version, "%s", VERSION);
	assess_nameserver(&findings, &picture);
	expect(&findings, "warning daemon-starting");
}

static void
an_isolated_monitor_is_an_error(void **state)
{
	struct picture picture = {.beating = true, .now_ms = 9000, .beat = {.isolated_ms = 1000}};
	struct findings findings = {0};

	(void)state;
	snprintf(picture.beat.version, sizeof picture.beat.version, "%s", VERSION);
	assess_monitor(&findings, &picture);
	assert_non_null(strstr(findings.list[0].what, "for 8s"));
	expect(&findings, "error monitor-isolated");
}

static void
many_alike_are_counted(void **state)
{
	struct findings findings = {0};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	for (int i = 0; i < 25; i++)
		finding_add(&findings, FINDING_WARNING, "pool-no-monitor", "pool", "number %d", i);
	finding_add(&findings, FINDING_ERROR, "disk-full", "/", "full");
	findings_print(&findings, out);
	fclose(out);
	assert_memory_equal(text, "error: /: full\n", 15);
	assert_non_null(
	    strstr(text, "number 19\nwarning: 5 more of pool-no-monitor: --json has all of them\n"));
	assert_null(strstr(text, "number 20"));
	assert_non_null(strstr(text, "\n1 error, 25 warnings, 0 notes\n"));
	free(text);
	findings_free(&findings);
}

/* The only finding about a zone, "gravity check: what", or "" if there is none. */
static const char *
finding_of_keys(const struct rollover *rollover, int64_t now)
{
	static char text[512];
	struct findings findings = {0};

	assess_keys(&findings, "example.com", rollover, now);
	text[0] = '\0';
	if (findings.count > 0)
		snprintf(text, sizeof text, "%s %s: %s", gravity_text(findings.list[0].gravity),
		    findings.list[0].check, findings.list[0].what);
	assert_true(findings.count < 2);
	findings_free(&findings);
	return text;
}

static void
a_rollover_that_is_followed_or_held_is_reported(void **state)
{
	static const int64_t now = INT64_C(1796000000000), hour = 3600000;
	static struct rollover rollover;

	(void)state;
	rollover = (struct rollover){.kind = ROLLOVER_KEY, .steps = 5, .step = 1, .since = now - hour};
	assert_string_equal(finding_of_keys(&rollover, now), "");
	rollover.nlacking = 1;
	snprintf(rollover.lacking[0], ROLLOVER_TEXT, "ns2 lacks DNSKEY 1");
	assert_string_equal(finding_of_keys(&rollover, now), "");
	rollover.since = now - 200 * hour;
	assert_string_equal(finding_of_keys(&rollover, now),
	    "warning keys-held: key rollover, step 2 of 5, has waited for 8d: ns2 lacks DNSKEY 1");
	rollover.nlacking = 0;
	rollover.leading = (struct leading){.follows = true, .taken = now - 2 * hour, .name = "ns1"};
	assert_string_equal(finding_of_keys(&rollover, now),
	    "note keys-followed: it follows the node ns1, which leads its key rollover; its state came 2h "
	    "ago");
	rollover.leading.taken = now - 50 * hour;
	assert_string_equal(finding_of_keys(&rollover, now),
	    "warning keys-followed: it follows the node ns1, which leads its key rollover; its state came 2d "
	    "ago");
	rollover = (struct rollover){.nlacking = 1, .lacking = {"ns2 has the foreign DNSKEY 2"}};
	assert_string_equal(
	    finding_of_keys(&rollover, now), "error keys-not-shown: ns2 has the foreign DNSKEY 2");
	rollover.kind = ROLLOVER_DISABLED;
	assert_string_equal(finding_of_keys(&rollover, now), "");
}

static const char *
finding_of_import(const struct imported *imported, const struct imported_sets *sets, int64_t now)
{
	static char text[300];
	struct findings findings = {0};

	assess_import(&findings, "a.example", imported, sets, now);
	text[0] = '\0';
	if (findings.count > 0)
		snprintf(text, sizeof text, "%s %s: %s", gravity_text(findings.list[0].gravity),
		    findings.list[0].check, findings.list[0].what);
	findings_free(&findings);
	return text;
}

static void
signatures_that_come_no_longer_are_reported(void **state)
{
	static const int64_t now = INT64_C(1796000000000), hour = 3600000;
	struct imported imported = {.taken_ms = 0};
	struct imported_sets sets = {.taken_ms = 0};

	(void)state;
	assert_string_equal(finding_of_import(&imported, &sets, now),
	    "error signatures-absent: its keys are on another node, and no signatures came from there");
	imported.taken_ms = now - hour / 2;
	assert_string_equal(finding_of_import(&imported, &sets, now), "");
	imported.taken_ms = now - 3 * hour;
	assert_string_equal(finding_of_import(&imported, &sets, now),
	    "warning signatures-late: the newest signatures came 3h ago from the node that has its keys");
	sets = (struct imported_sets){.taken_ms = now - hour / 2, .due = now / 1000 + 5};
	assert_string_equal(finding_of_import(&imported, &sets, now), "");
	sets.due = now / 1000 - 5;
	assert_string_equal(finding_of_import(&imported, &sets, now),
	    "error signatures-late: the newest signatures came 30m ago from the node that has its keys, and "
	    "some should have been "
	    "renewed since");
	snprintf(imported.fault, sizeof imported.fault, "its digest is another one");
	assert_string_equal(finding_of_import(&imported, &sets, now),
	    "warning signatures-refused: what the node with its keys sent was refused: its digest is another "
	    "one");
}

/* --- DS --- */

enum { OUR_TAG = 12345, NEXT_TAG = 777 };

/* A key that signs DNSKEY, or not, and how far its DS is. */
static struct signing_key
key_of(uint16_t tag, bool signs, enum mark_state ds)
{
	struct signing_key key = {
	    .algorithm = 13, .key_tag = tag, .ds = {(uint8_t)(tag >> 8), (uint8_t)tag, 13, 2, (uint8_t)tag}};

	key.marks[MARK_SIGNS] = signs ? MARK_EVERYWHERE : MARK_HIDDEN;
	key.marks[MARK_DS] = (uint8_t)ds;
	return key;
}

/* Answers with DS of the key tags 12345 and 777, each as key_of has it; of 12345 with another digest; and of
 * 12345 with SHA-1. */
#define TENS "\0\0\0\0\0\0\0\0\0\0"
#define DS_REST "\0" TENS TENS TENS
#define DS_OURS RR("\53", "\44") "\60\71\15\2\71" DS_REST
#define DS_NEXT RR("\53", "\44") "\3\11\15\2\11" DS_REST
#define DS_WRONG RR("\53", "\44") "\60\71\15\2\1" DS_REST
#define DS_SHA1 RR("\53", "\30") "\60\71\15\1" TENS TENS
#define DS_SHA1_NEXT RR("\53", "\30") "\3\11\15\1" TENS TENS
#define DS_SHA1_RSA RR("\53", "\30") "\60\71\10\1" TENS TENS
#define DS_SHORT RR("\53", "\5") "\60\71\15\2\71"
#define DS_ANSWER(count, records) HEAD("\204\0", count, "\0", "\0") records

static const struct {
	const char *name;
	bool unsigned_zone, enabling;
	unsigned nkeys;
	struct {
		uint16_t tag;
		bool signs;
		enum mark_state ds;
	} keys[2];
	const uint8_t *octets;
	size_t len;
	const char *finding;
} ds_rows[] = {
    {"not signed", true, false, 0, {{0}}, OCTETS(DS_ANSWER("\1", DS_OURS)), "error ds-unsigned"},
    {"not signed, no DS", true, false, 0, {{0}}, OCTETS(DS_ANSWER("\0", "")), ""},
    {"no key is known", false, false, 0, {{0}}, OCTETS(DS_ANSWER("\1", DS_OURS)), "warning ds-unknown"},
    {"no key and no DS", false, false, 0, {{0}}, OCTETS(DS_ANSWER("\0", "")), ""},
    {"as it is to be", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}}, OCTETS(DS_ANSWER("\1", DS_OURS)),
	"ok ds"},
    {"another digest of the key", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}},
	OCTETS(DS_ANSWER("\1", DS_WRONG)), "error ds-differs"},
    {"SHA-1", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}}, OCTETS(DS_ANSWER("\1", DS_SHA1)), "ok ds"},
    {"SHA-1 of another key", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}},
	OCTETS(DS_ANSWER("\1", DS_SHA1_NEXT)), "error ds-differs"},
    {"SHA-1 of another algorithm", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}},
	OCTETS(DS_ANSWER("\1", DS_SHA1_RSA)), "error ds-differs"},
    {"a digest that is cut", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}},
	OCTETS(DS_ANSWER("\1", DS_SHORT)), "error ds-differs"},
    {"of another key", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}}, OCTETS(DS_ANSWER("\1", DS_NEXT)),
	"error ds-differs"},
    {"of another key, too", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}},
	OCTETS(DS_ANSWER("\2", DS_NEXT DS_OURS)), "ok ds"},
    {"of another key behind it", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}},
	OCTETS(DS_ANSWER("\2", DS_OURS DS_NEXT)), "ok ds"},
    {"of a key that signs nothing any longer", false, false, 1, {{OUR_TAG, false, MARK_GOING}},
	OCTETS(DS_ANSWER("\1", DS_OURS)), "ok ds"},
    {"of a key that signs data only", false, false, 2,
	{{OUR_TAG, true, MARK_EVERYWHERE}, {NEXT_TAG, false, MARK_HIDDEN}}, OCTETS(DS_ANSWER("\1", DS_NEXT)),
	"error ds-differs"},
    {"of the key that comes", false, false, 2, {{OUR_TAG, true, MARK_GOING}, {NEXT_TAG, true, MARK_COMING}},
	OCTETS(DS_ANSWER("\1", DS_NEXT)), "ok ds"},
    {"of the key that goes", false, false, 2, {{OUR_TAG, true, MARK_GOING}, {NEXT_TAG, true, MARK_COMING}},
	OCTETS(DS_ANSWER("\1", DS_OURS)), "ok ds"},
    {"none", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}}, OCTETS(DS_ANSWER("\0", "")),
	"warning ds-missing"},
    {"none, and the first is awaited", false, true, 1, {{OUR_TAG, true, MARK_COMING}},
	OCTETS(DS_ANSWER("\0", "")), "note ds-awaited"},
    {"none, and it was there before", false, true, 1, {{OUR_TAG, true, MARK_EVERYWHERE}},
	OCTETS(DS_ANSWER("\0", "")), "warning ds-missing"},
    {"none in a rollover", false, false, 2, {{OUR_TAG, true, MARK_GOING}, {NEXT_TAG, true, MARK_COMING}},
	OCTETS(DS_ANSWER("\0", "")), "warning ds-missing"},
    {"none, before it is asked for", false, true, 1, {{OUR_TAG, true, MARK_HIDDEN}},
	OCTETS(DS_ANSWER("\0", "")), ""},
    {"there before it is asked for", false, true, 1, {{OUR_TAG, true, MARK_HIDDEN}},
	OCTETS(DS_ANSWER("\1", DS_OURS)), "ok ds"},
    {"none while DNSSEC ends", false, false, 1, {{OUR_TAG, true, MARK_GOING}}, OCTETS(DS_ANSWER("\0", "")),
	""},
    {"REFUSED", false, false, 1, {{OUR_TAG, true, MARK_EVERYWHERE}}, OCTETS(HEAD("\200\5", "\0", "\0", "\0")),
	""},
};

static void
the_ds_of_the_parent_is_compared_with_the_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(ds_rows); i++) {
		struct signing_key list[2];
		const struct zone_keys keys = {.enabled = !ds_rows[i].unsigned_zone,
		    .enabling = ds_rows[i].enabling,
		    .list = list,
		    .count = ds_rows[i].nkeys};
		const struct address server = {.family = FAMILY_V4, .bytes = {192, 0, 2, 1}};
		struct findings findings = {0};
		struct ds_seen seen = {0};
		char text[64] = "";

		for (size_t k = 0; k < ds_rows[i].nkeys; k++)
			list[k] =
			    key_of(ds_rows[i].keys[k].tag, ds_rows[i].keys[k].signs, ds_rows[i].keys[k].ds);
		ds_hear(&seen, &keys, ZONE, &server, ds_rows[i].octets, ds_rows[i].len);
		assess_ds(&findings, "example.com", "com", &keys, &seen);
		if (findings.count > 0)
			snprintf(text, sizeof text, "%s %s", gravity_text(findings.list[0].gravity),
			    findings.list[0].check);
		if (findings.count > 1 || strcmp(text, ds_rows[i].finding) != 0)
			fail_msg("%s: %s", ds_rows[i].name, text);
		findings_free(&findings);
	}
}

static void
servers_of_the_parent_that_differ_in_ds_are_named(void **state)
{
	struct signing_key key = key_of(OUR_TAG, true, MARK_EVERYWHERE);
	const struct zone_keys keys = {.enabled = true, .list = &key, .count = 1};
	const struct address first = {.family = FAMILY_V4, .bytes = {192, 0, 2, 1}},
			     second = {.family = FAMILY_V4, .bytes = {192, 0, 2, 2}};
	struct findings findings = {0};
	struct ds_seen seen = {0};

	(void)state;
	ds_hear(&seen, &keys, ZONE, &first, OCTETS(DS_ANSWER("\1", DS_OURS)));
	ds_hear(&seen, &keys, ZONE, &second, OCTETS(DS_ANSWER("\0", "")));
	assess_ds(&findings, "example.com", "com", &keys, &seen);
	assert_string_equal(findings.list[0].what,
	    "it is signed, and its parent, com, has no DS record (at 192.0.2.2): no resolver validates it");
	findings_free(&findings);
	ds_hear(&seen, &keys, ZONE, &second, OCTETS(DS_ANSWER("\1", DS_NEXT)));
	assess_ds(&findings, "example.com", "com", &keys, &seen);
	assert_string_equal(findings.list[0].what,
	    "its parent, com, has a DS record of key 777 (at 192.0.2.2), and none of a key of the zone: "
	    "resolvers that "
	    "validate answer SERVFAIL");
	findings_free(&findings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_delegation_is_told_from_its_absence_and_from_the_zone_itself),
	    cmocka_unit_test(glue_belongs_to_the_names_of_the_referral),
	    cmocka_unit_test(serials_are_compared_on_the_circle),
	    cmocka_unit_test(a_delegation_is_compared_with_the_zone),
	    cmocka_unit_test(a_nameserver_is_judged_by_how_it_answers),
	    cmocka_unit_test(the_machine_is_judged_by_its_figures),
	    cmocka_unit_test(a_ttl_is_long_if_it_is_longer_than_the_monitors_need_and_than_a_minute),
	    cmocka_unit_test(a_nameserver_that_cannot_use_the_configuration_says_why),
	    cmocka_unit_test(an_isolated_monitor_is_an_error),
	    cmocka_unit_test(many_alike_are_counted),
	    cmocka_unit_test(a_rollover_that_is_followed_or_held_is_reported),
	    cmocka_unit_test(signatures_that_come_no_longer_are_reported),
	    cmocka_unit_test(the_ds_of_the_parent_is_compared_with_the_keys),
	    cmocka_unit_test(servers_of_the_parent_that_differ_in_ds_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
