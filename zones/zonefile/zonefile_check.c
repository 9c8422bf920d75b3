/* Warnings about a zone that can be loaded. */
#include "zones/base/array.h"
#include "zones/zonefile/zonefile_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The state of the walk over the sorted records, one owner at a time. */
struct walk {
	struct records *records;
	struct zone_data *data;
	struct problems *problems;
	bool judge_whole; /* no error so far, so a missing record is really missing */
	/* The delegation or DNAME that hides the names below it: the owner's key without its end. */
	const struct record *cut;
	struct target *targets;
	size_t ntargets;
};

/* A name that an NS record of the zone points to, within the zone. */
struct target {
	const struct record *ns;
	uint8_t *key;
	size_t key_len;
};

static void __attribute__((format(printf, 4, 5)))
say(struct walk *walk, enum severity severity, const struct record *record, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	records_say(walk->records, walk->problems, severity, walk->records->files[record->file], record->line,
	    format, args);
	va_end(args);
}

static const char *
owner_text(const struct record *record)
{
	static char text[NAME_MAX_TEXT];

	return name_to_host(record->owner, text);
}

static int
compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int
compare_rdata(const struct record *a, const struct record *b)
{
	return zonefile_compare_rdata(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
}

static int
compare_owner(const struct record *a, const struct record *b)
{
	return a->key == b->key ? 0 : compare_bytes(a->key, a->key_len, b->key, b->key_len);
}

static int
compare_records(const void *a_arg, const void *b_arg)
{
	const struct record *a = a_arg, *b = b_arg;
	int order = compare_owner(a, b);

	if (order == 0)
		order = a->type - b->type;
	if (order == 0)
		order = compare_rdata(a, b);
	/* Equal records: the order must not depend on the file, because the first is kept. */
	if (order == 0)
		order = compare_bytes(a->rdata, a->rdlen, b->rdata, b->rdlen);
	if (order == 0)
		order = a->file != b->file ? a->file - b->file : (a->line > b->line) - (a->line < b->line);
	return order;
}

/* Give each record its owner's key.  Drop records out of the zone; an owner with too long a key is an
 * error. */
static void
make_keys(struct walk *walk)
{
	struct records *records = walk->records;
	const uint8_t *owner = NULL, *key = NULL;
	char apex[NAME_MAX_TEXT];
	size_t kept = 0, key_len = 0;

	for (size_t i = 0; i < records->count; i++) {
		struct record *record = &records->items[i];

		if (record->owner != owner) {
			uint8_t made[NAME_MAX_KEY];

			owner = record->owner;
			key_len = 0;
			if (!name_within(owner, records->apex)) /* as BIND, Knot and NSD do */
				say(walk, PROBLEM_WARNING, record,
				    "%s is not in the zone %s: its records are ignored", owner_text(record),
				    name_to_host(records->apex, apex));
			else if ((key_len = name_to_key(made, owner, records->apex)) == 0)
				say(walk, PROBLEM_ERROR, record, "%s is too long for the store",
				    owner_text(record));
			else
				key = records_keep(records, made, key_len);
		}
		if (key_len == 0)
			continue;
		record->key = key;
		record->key_len = (uint16_t)key_len;
		records->items[kept++] = *record;
	}
	records->count = kept;
}

static void
sort_records(struct records *records)
{
	for (size_t i = 1; i < records->count; i++)
		if (compare_records(&records->items[i - 1], &records->items[i]) > 0) {
			qsort(records->items, records->count, sizeof *records->items, compare_records);
			return;
		}
}

static int
compare_targets(const void *a_arg, const void *b_arg)
{
	const struct target *a = a_arg, *b = b_arg;

	return compare_bytes(a->key, a->key_len, b->key, b->key_len);
}

/* Every name within the zone that an NS record points to, sorted. */
static void
find_targets(struct walk *walk)
{
	struct records *records = walk->records;
	for (size_t i = 0; i < records->count; i++) {
		const struct record *ns = &records->items[i];
		uint8_t key[NAME_MAX_KEY];
		size_t len;

		if (ns->type != TYPE_NS || !name_within(ns->rdata, records->apex) ||
		    (len = name_to_key(key, ns->rdata, records->apex)) == 0)
			continue;
		walk->targets = array_grow(walk->targets, walk->ntargets, sizeof *walk->targets);
		walk->targets[walk->ntargets++] =
		    (struct target){.ns = ns, .key = records_keep(records, key, len), .key_len = len};
	}
	if (walk->ntargets > 1)
		qsort(walk->targets, walk->ntargets, sizeof *walk->targets, compare_targets);
}

static bool
is_target(const struct walk *walk, const struct record *record)
{
	struct target wanted = {.key = (uint8_t *)record->key, .key_len = record->key_len};

	return walk->ntargets > 0 &&
	    bsearch(&wanted, walk->targets, walk->ntargets, sizeof wanted, compare_targets) != NULL;
}

static bool
has_address(const struct walk *walk, const struct target *target)
{
	const struct records *records = walk->records;
	size_t low = 0, high = records->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct record *record = &records->items[middle];

		if (compare_bytes(record->key, record->key_len, target->key, target->key_len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < records->count; low++) {
		const struct record *record = &records->items[low];

		if (compare_bytes(record->key, record->key_len, target->key, target->key_len) != 0)
			return false;
		if (record->type == TYPE_A || record->type == TYPE_AAAA)
			return true;
	}
	return false;
}

static void
warn_missing_glue(struct walk *walk)
{
	for (size_t i = 0; i < walk->ntargets; i++) {
		const struct target *target = &walk->targets[i];
		char name[NAME_MAX_TEXT];

		if (!has_address(walk, target))
			say(walk, PROBLEM_WARNING, target->ns,
			    "missing glue: the nameserver %s has no A or AAAA record in this zone",
			    name_to_host(target->ns->rdata, name));
	}
}

/* Handle one RRset, count records from first on: drop duplicates, find the TTL, append the row. */
static void
add_row(struct walk *walk, struct record *first, size_t count)
{
	struct zone_data *data = walk->data;
	size_t len = RRSET_HEAD, unique = 0;
	uint32_t ttl = first->ttl;
	bool differs = false;
	uint8_t *value, *at;
	char type[16];

	zonefile_type_text(first->type, type);
	for (size_t i = 0; i < count; i++) {
		differs |= first[i].ttl != first->ttl;
		ttl = MIN(ttl, first[i].ttl);
		if (unique > 0 && compare_rdata(&first[unique - 1], &first[i]) == 0) {
			say(walk, PROBLEM_WARNING, &first[i], "duplicate of line %u: the record is kept once",
			    first[unique - 1].line);
			continue;
		}
		first[unique++] = first[i];
		len += 2 + first[i].rdlen;
	}
	if (differs) /* RFC 2181 5.2 */
		say(walk, PROBLEM_WARNING, first,
		    "the %s records of %s have different TTLs: the minimum, %u, is used", type,
		    owner_text(first), ttl);
	if (rrset_answer_len(len, (unsigned)unique) > RRSET_ANSWER_MAX) {
		say(walk, PROBLEM_ERROR, first,
		    "the %s records of %s would have %zu octets in an answer: the maximum is %d", type,
		    owner_text(first), rrset_answer_len(len, (unsigned)unique), RRSET_ANSWER_MAX);
		return;
	}
	if ((first->type == TYPE_CNAME || first->type == TYPE_DNAME) && unique > 1)
		say(walk, PROBLEM_ERROR, &first[1], "%s has more than one %s", owner_text(first), type);
	value = at = arena_take(&data->arena, len);
	*at = 0;
	put32(at + 1, ttl);
	put16(at + 5, (uint16_t)unique);
	at += RRSET_HEAD;
	for (size_t i = 0; i < unique; i++) {
		put16(at, first[i].rdlen);
		memcpy(at + 2, first[i].rdata, first[i].rdlen);
		at += 2 + first[i].rdlen;
	}
	data->rows = array_grow(data->rows, data->count, sizeof *data->rows);
	at = arena_take(&data->arena, first->key_len + 2u);
	memcpy(at, first->key, first->key_len);
	put16(at + first->key_len, first->type);
	data->rows[data->count++] =
	    (struct zone_row){.key = at, .key_len = first->key_len + 2u, .value = value, .value_len = len};
}

static bool
is_apex(const struct walk *walk, const struct record *record)
{
	return name_equal(record->owner, walk->records->apex);
}

/* Does a cut or a DNAME above the owner hide it?  Owners come before the names below them. */
static bool
is_hidden(const struct walk *walk, const struct record *record)
{
	const struct record *cut = walk->cut;
	size_t prefix = cut ? cut->key_len - 1u : 0;

	return cut != NULL && record->key_len > cut->key_len && memcmp(record->key, cut->key, prefix) == 0;
}

static const struct record *
of_type(const struct record *first, size_t count, uint16_t type)
{
	for (size_t i = 0; i < count && first[i].type <= type; i++)
		if (first[i].type == type)
			return &first[i];
	return NULL;
}

static void
warn_hidden(struct walk *walk, const struct record *record)
{
	bool address = record->type == TYPE_A || record->type == TYPE_AAAA;
	char cut[NAME_MAX_TEXT], type[16];

	if (walk->cut->type == TYPE_NS && address && is_target(walk, record))
		return; /* glue */
	zonefile_type_text(record->type, type);
	say(walk, PROBLEM_WARNING, record, "%s %s is never answered: it is below the %s of %s",
	    owner_text(record), type, walk->cut->type == TYPE_NS ? "delegation" : "DNAME",
	    name_to_host(walk->cut->owner, cut));
}

/* At a delegation the zone has authority only for NS and DS, and holds glue. */
static void
warn_beside_cut(struct walk *walk, const struct record *first, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct record *record = &first[i];
		bool glue = (record->type == TYPE_A || record->type == TYPE_AAAA) && is_target(walk, record);
		char type[16];

		zonefile_type_text(record->type, type);
		if (record->type != TYPE_NS && record->type != TYPE_DS && !glue)
			say(walk, PROBLEM_WARNING, record, "%s %s is never answered: the name is delegated",
			    owner_text(record), type);
	}
}

/* Cloudflare flattens such a CNAME; here the equivalent is a load balancer with a host name as origin. */
static void
refuse_apex_cname(struct walk *walk, const struct record *cname)
{
	char name[NAME_MAX_TEXT], target[NAME_MAX_TEXT];

	name_to_host(cname->owner, name);
	name_to_host(cname->rdata, target);
	say(walk, PROBLEM_ERROR, cname,
	    "%s is the name of the zone and cannot be an alias (RFC 1034 3.6.2): remove the CNAME and use a "
	    "load balancer: "
	    "graycloud pool create NAME origin=%s; graycloud lb create %s default_pools=NAME "
	    "fallback_pool=NAME",
	    name, target, name);
}

static void
check_owner(struct walk *walk, const struct record *first, size_t count)
{
	const struct record *cname = of_type(first, count, TYPE_CNAME),
			    *soa = of_type(first, count, TYPE_SOA);
	const struct record *ns = of_type(first, count, TYPE_NS), *dname = of_type(first, count, TYPE_DNAME);
	bool apex = is_apex(walk, first);

	if (cname != NULL && apex)
		refuse_apex_cname(walk, cname);
	for (size_t i = 0; cname != NULL && !apex && i < count; i++)
		if (first[i].type != TYPE_CNAME) {
			say(walk, PROBLEM_ERROR, cname,
			    "%s has a CNAME and other data (line %u): remove one of them", owner_text(cname),
			    first[i].line);
			break;
		}
	if (soa != NULL && !apex) {
		char name[NAME_MAX_TEXT];

		say(walk, PROBLEM_ERROR, soa, "a second SOA, of %s: the zone is %s", owner_text(soa),
		    name_to_host(walk->records->apex, name));
	}
	if (is_hidden(walk, first)) {
		for (size_t i = 0; i < count; i++)
			warn_hidden(walk, &first[i]);
		return;
	}
	walk->cut = NULL;
	if (ns != NULL && !apex) {
		walk->cut = ns;
		warn_beside_cut(walk, first, count);
	} else if (dname != NULL)
		walk->cut = dname;
}

static void
check_apex(struct walk *walk)
{
	struct records *records = walk->records;
	const struct record *first = records->items;
	size_t count = 0, soas = 0;
	char name[NAME_MAX_TEXT];

	name_to_host(records->apex, name);
	while (count < records->count && is_apex(walk, &first[count]))
		count++;
	for (size_t i = 0; i < count; i++) {
		if (first[i].type != TYPE_SOA)
			continue;
		if (soas++ == 0)
			walk->data->serial = get32(first[i].rdata + first[i].rdlen - 20);
		else if (compare_rdata(&first[i - 1], &first[i]) != 0)
			say(walk, PROBLEM_ERROR, &first[i], "a second SOA (the first one is on line %u)",
			    first[i - 1].line);
	}
	if (soas == 0 && !records->soa_named)
		problems_error(walk->problems, "%s: the zone %s has no SOA", records->files[0], name);
	else if (soas == 0 && walk->judge_whole)
		problems_error(walk->problems, "%s: the SOA is not at %s", records->files[0], name);
	if (soas > 0 && walk->judge_whole && of_type(first, count, TYPE_NS) == NULL)
		problems_warn(
		    walk->problems, "%s: the zone %s has no NS record at its apex", records->files[0], name);
}

bool
records_to_rows(struct records *records, struct zone_data *data, struct problems *problems)
{
	size_t errors = problems->errors;
	struct walk walk = {.records = records, .data = data, .problems = problems};

	if (!records->apex_known) {
		if (!records->soa_named)
			problems_error(problems, "%s: the zone has no SOA", records->files[0]);
		return false;
	}
	name_lower(data->apex, records->apex);
	make_keys(&walk);
	sort_records(records);
	walk.judge_whole = problems->errors == errors;
	check_apex(&walk);
	find_targets(&walk);
	for (size_t i = 0, next; i < records->count; i = next) {
		for (next = i + 1;
		     next < records->count && compare_owner(&records->items[i], &records->items[next]) == 0;)
			next++;
		check_owner(&walk, &records->items[i], next - i);
	}
	if (walk.judge_whole) {
		warn_missing_glue(&walk);
		targets_warn(records, problems);
	}
	free(walk.targets);
	for (size_t i = 0, next; i < records->count; i = next) {
		struct record *first = &records->items[i];

		for (next = i + 1; next < records->count &&
		     compare_owner(first, &records->items[next]) == 0 &&
		     first->type == records->items[next].type;)
			next++;
		add_row(&walk, first, next - i);
	}
	return problems->errors == errors;
}
