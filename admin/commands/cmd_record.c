/*
 * record: one record of a zone at a time, for ACME challenges and quick repairs.
 *
 * Checked like a line of a zone file and committed with the zone's new serial in one transaction. What came
 * so is marked, and a later `zone load` says which of it it drops.
 */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/record_check.h"
#include "admin/edit/zone_load.h"
#include "zones/base/text.h"
#include "zones/dns/idn.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { TTL_DEFAULT = 3600, TYPE_SPF = 99 };

enum serial_rule { SERIAL_INCREMENT, SERIAL_KEEP, SERIAL_DATE, SERIAL_UNIXTIME };

struct record_request {
	bool add;
	const char *zone, *owner;
	bool ttl_given;
	uint32_t ttl;
	uint16_t type; /* 0: delete every type */
	char *data;    /* presentation form; NULL: delete every record of the type */
	enum serial_rule serial;
	struct record_place place; /* found on the way */
};

/* ---- finding the place ---- */

/*
 * As the other commands name hosts, in full and without a final dot, or as zone files do, relative to the
 * zone: what lies in the zone when read in full is meant so.
 */
static bool
owner_from_text(uint8_t out[NAME_MAX_LEN], const char *text, const uint8_t *apex)
{
	if (idn_name_from_text(out, text, NULL) != 0 && name_within(out, apex) && strcmp(text, "@") != 0)
		return true;
	return idn_name_from_text(out, text, apex) != 0;
}

static bool
find_place(struct store_txn *txn, struct record_request *request, struct problems *problems)
{
	struct record_place *place = &request->place;
	char zone[NAME_MAX_TEXT];

	if (!zone_load_find(txn, request->zone, &place->zone, problems))
		return false;
	if (!owner_from_text(place->name, request->owner, place->zone.name)) {
		problems_error(problems, "\"%s\" is not a domain name", request->owner);
		return false;
	}
	name_lower(place->name, place->name);
	name_to_host(place->name, place->host);
	if (!name_within(place->name, place->zone.name)) {
		problems_error(
		    problems, "%s is not in the zone %s", place->host, name_to_host(place->zone.name, zone));
		return false;
	}
	place->key_len = name_to_key(place->key_octets, place->name, place->zone.name);
	if (place->key_len == 0)
		problems_error(problems, "%s is too long to be stored", place->host);
	return place->key_len > 0;
}

/* ---- changing ---- */

static struct zone_row
make_row(const uint8_t *key, size_t key_len, uint16_t type, const struct value *value)
{
	struct zone_row row = {.key = xmalloc(key_len + 2),
	    .key_len = key_len + 2,
	    .value = value->octets,
	    .value_len = value->len};

	memcpy(row.key, key, key_len);
	put16(row.key + key_len, type);
	return row;
}

static void
free_rows(struct zone_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(rows[i].key);
		free(rows[i].value);
	}
}

/* The serial that follows; RFC 1912 2.2 has the form YYYYMMDDnn. */
static uint32_t
next_serial(enum serial_rule rule, uint32_t serial)
{
	uint32_t next = serial + 1 != 0 ? serial + 1 : 1, wanted = next;
	time_t now = time(NULL);
	struct tm today;

	if (rule == SERIAL_KEEP)
		return serial;
	gmtime_r(&now, &today);
	if (rule == SERIAL_DATE)
		wanted = (uint32_t)((today.tm_year + 1900) * 1000000 + (today.tm_mon + 1) * 10000 +
		    today.tm_mday * 100);
	else if (rule == SERIAL_UNIXTIME)
		wanted = (uint32_t)now;
	/* RFC 1982: never back; a serial that is ahead of its rule goes on by one. */
	return wanted - next < UINT32_C(0x80000000) ? wanted : next;
}

/* The SOA with its next serial, as a row; false where the zone has none that can be read. */
static bool
soa_row(struct change *change, const struct record_request *request, struct zone_row *row, uint32_t *serial)
{
	static const uint8_t apex_octets[] = {0};
	const struct bytes apex = {apex_octets, sizeof apex_octets};
	struct owner_rrsets rrsets;
	const struct rrset *soa;
	struct value value;
	const uint8_t *at, *rdata;
	uint16_t len = 0;
	bool found;

	owner_rrsets_read(&rrsets, change->txn, request->place.zone.number, &apex);
	soa = owner_rrsets_find(&rrsets, TYPE_SOA);
	at = soa != NULL ? soa->records : NULL;
	rdata = soa != NULL ? rrset_next(&at, &len) : NULL;
	found = rdata != NULL && len > 20;
	if (found) {
		*serial = next_serial(request->serial, get32(rdata + len - 20));
		value_begin(&value);
		value_add(&value, rdata, len);
		put32(value.octets + value.len - 20, *serial);
		value_end(&value, soa->flags, soa->ttl);
		*row = make_row(apex_octets, sizeof apex_octets, TYPE_SOA, &value);
	} else {
		problems_error(
		    &change->problems, "the zone %s has no readable SOA: load it again", request->zone);
	}
	owner_rrsets_free(&rrsets);
	return found;
}

static void
tell(struct change *change, const struct record_request *request, const char *done, uint32_t serial)
{
	char zone[NAME_MAX_TEXT];

	change->message = xasprintf("%s: %s, serial %u", request->place.host, done, serial);
	change->result = json_new_object();
	json_put_text(change->result, "zone", name_to_host(request->place.zone.name, zone));
	json_put_text(change->result, "name", request->place.host);
	json_put_integer(change->result, "serial", serial);
}

/* Write these rows and, in the room behind them, the SOA. */
static void
put_rows(struct change *change, const struct record_request *request, struct zone_row *rows, size_t count,
    const char *done)
{
	uint32_t serial;

	if (!soa_row(change, request, &rows[count], &serial))
		return;
	config_put_rrsets(change->edit, &request->place.zone, serial, rows, count + 1);
	tell(change, request, done, serial);
}

static void
add_record(struct change *change, struct record_request *request, const struct owner_rrsets *rrsets,
    const uint8_t *rdata, uint16_t len)
{
	const struct record_place *place = &request->place;
	const struct rrset *rrset = owner_rrsets_find(rrsets, request->type);
	uint32_t ttl_before = rrset != NULL ? rrset->ttl : TTL_DEFAULT,
		 ttl = request->ttl_given ? request->ttl : ttl_before;
	bool first = rrset == NULL, added;
	struct zone_row rows[2] = {{0}};
	struct value value;

	value_begin(&value);
	added = value_with(&value, rrset, request->type, rdata, len);
	value_end(&value, RRSET_BY_RECORD | (first ? 0 : rrset->flags), ttl);
	rows[0] = make_row(place->key_octets, place->key_len, request->type, &value);
	if (!added && ttl == ttl_before) {
		tell(change, request, "it is there already", place->zone.serial);
	} else if (rrset_answer_len(value.len, get16(value.octets + 5)) > RRSET_ANSWER_MAX) {
		problems_error(&change->problems,
		    "the RRset of %s would have %zu octets in an answer: it has at most %d", place->host,
		    rrset_answer_len(value.len, get16(value.octets + 5)), RRSET_ANSWER_MAX);
	} else if (added && !first && (request->type == TYPE_CNAME || request->type == TYPE_DNAME)) {
		problems_error(&change->problems,
		    "%s has one already, and there can be only one (RFC 2181 10.1): delete it first",
		    place->host);
	} else {
		if (!first && ttl != ttl_before && (added ? rrset->count : rrset->count - 1) > 0)
			problems_warn(&change->problems,
			    "the other records of %s and this type get the TTL %u too (RFC 2181 5.2)",
			    place->host, ttl);
		put_rows(change, request, rows, 1, added ? "added" : "the TTL is changed");
		record_warn_added(change, place, request->type, first, rdata);
	}
	free_rows(rows, NITEMS(rows));
}

static void
delete_records(struct change *change, struct record_request *request, const struct owner_rrsets *rrsets,
    const uint8_t *rdata, uint16_t len)
{
	const struct record_place *place = &request->place;
	struct zone_row *rows = xcalloc(rrsets->count + 1, sizeof *rows);
	size_t count = 0;

	for (size_t i = 0; i < rrsets->count; i++) {
		const struct rrset *rrset = &rrsets->items[i];
		struct value value;

		if ((request->type != 0 && rrset->type != request->type) || rrset->type == TYPE_SOA)
			continue;
		value_begin(&value);
		if (request->data != NULL && !value_without(&value, rrset, rdata, len)) {
			free(value.octets);
			continue;
		}
		value_end(&value, rrset->flags, rrset->ttl);
		if (rrset->type == TYPE_NS && value.count == 0 && name_equal(place->name, place->zone.name))
			change_guard(change, "%s would have no nameserver left", place->host);
		rows[count++] = make_row(place->key_octets, place->key_len, rrset->type, &value);
	}
	if (count == 0) {
		problems_error(&change->problems,
		    "%s has no such record: `graycloud record list %s %s.` shows what it has", place->host,
		    request->zone, place->host);
	} else {
		put_rows(change, request, rows, count, "deleted");
		if (request->type == 0 || request->type == TYPE_A || request->type == TYPE_AAAA)
			record_warn_deleted(change, place);
	}
	free_rows(rows, count + 1);
	free(rows);
}

/* Read the data, and say where a name in it was completed though it looks like a whole one. */
static uint16_t
read_data(struct change *change, const struct record_request *request, uint8_t out[65535])
{
	const struct record_place *place = &request->place;
	uint8_t *as_whole = xmalloc(65535);
	struct problems ignored = {0};
	size_t len = 0, whole_len;

	if (zonefile_rdata(request->type, request->data, place->zone.name, out, &len, &change->problems) &&
	    request->add &&
	    zonefile_rdata(request->type, request->data, NULL, as_whole, &whole_len, &ignored) &&
	    whole_len < len && strchr(request->data, '.') != NULL) {
		char *text = record_text(place->name, request->type, out, (uint16_t)len);

		problems_warn(&change->problems,
		    "a name in the data without a final dot is completed by the zone's: %s", text);
		free(text);
	}
	problems_free(&ignored);
	free(as_whole);
	return (uint16_t)len;
}

static void
change_record(struct change *change, void *arg)
{
	struct record_request *request = arg;
	struct owner_rrsets rrsets;
	struct bytes key;
	uint8_t *rdata;
	uint16_t len = 0;

	if (!find_place(change->txn, request, &change->problems))
		return;
	rdata = xmalloc(65535);
	key = (struct bytes){request->place.key_octets, request->place.key_len};
	owner_rrsets_read(&rrsets, change->txn, request->place.zone.number, &key);
	if (request->type != 0)
		record_check_type(change, request->type);
	if (request->add && change->problems.errors == 0)
		record_check_beside(change, &request->place, request->type, &rrsets);
	if (request->data != NULL && change->problems.errors == 0)
		len = read_data(change, request, rdata);
	if (change->problems.errors == 0 && request->add)
		add_record(change, request, &rrsets, rdata, len);
	else if (change->problems.errors == 0)
		delete_records(change, request, &rrsets, rdata, len);
	owner_rrsets_free(&rrsets);
	free(rdata);
}

/* ---- the command line ---- */

/* A word as a character string of a master file. */
static void
put_quoted(FILE *out, const char *word)
{
	fputc('"', out);
	for (const char *at = word; *at != '\0'; at++) {
		if (*at == '"' && (at == word || at[-1] != '\\'))
			fputc('\\', out);
		fputc(*at, out);
	}
	fputc('"', out);
}

/*
 * The words of the data as a line of a master file.  The shell has removed its quotes: a word of TXT is
 * one string with any content, and a semicolon among the words of another type does not begin a comment.
 */
static char *
join_data(uint16_t type, char **words, size_t count)
{
	bool strings = (type == TYPE_TXT || type == TYPE_SPF) && strcmp(words[0], "\\#") != 0;
	char *text;
	size_t len;
	FILE *out = text_stream(&text, &len);

	for (size_t i = 0; i < count; i++) {
		bool quoted = strchr(words[i], '"') != NULL;

		if (i > 0)
			fputc(' ', out);
		if (strings ? words[i][0] != '"' : !quoted && count > 1 && strchr(words[i], ';') != NULL)
			put_quoted(out, words[i]);
		else
			fputs(words[i], out);
	}
	fclose(out);
	return text;
}

static enum exit_code
read_serial_rule(struct args *args, enum serial_rule *out)
{
	static const char *const rules[] = {"increment", "keep", "date", "unixtime"};
	const char *serial = args_value(args, "serial");

	for (size_t rule = 0; serial != NULL && rule < NITEMS(rules); rule++)
		if (strcmp(rules[rule], serial) == 0) {
			*out = (enum serial_rule)rule;
			return EXIT_DONE;
		}
	return serial == NULL
	    ? EXIT_DONE
	    : args_misused(args, "--serial %s: it is keep, increment, date or unixtime", serial);
}

/* The words behind OWNER: [TTL] [IN] TYPE RDATA ... */
static enum exit_code
read_words(struct args *args, struct record_request *request)
{
	size_t next = 3;
	uint64_t ttl;

	request->zone = args->words[1];
	request->owner = args->words[2];
	if (next < args->count && zonefile_ttl(args->words[next], &ttl)) {
		const char *word = args->words[next++];

		if (!request->add)
			return args_misused(args, "record delete takes no TTL");
		if (ttl > RRSET_TTL_MAX)
			return args_misused(args, "the TTL %s is more than %d seconds", word, RRSET_TTL_MAX);
		request->ttl_given = true;
		request->ttl = (uint32_t)ttl;
	}
	if (next < args->count && strcasecmp(args->words[next], "IN") == 0)
		next++;
	if (next < args->count && (request->type = zonefile_type(args->words[next])) == 0)
		return args_misused(args, "%s is not a record type", args->words[next]);
	if (++next < args->count)
		request->data = join_data(request->type, args->words + next, args->count - next);
	if (request->add && request->data == NULL && request->type == TYPE_APL)
		request->data = xstrdup(""); /* a list may be empty (RFC 3123 4) */
	if (request->add && request->data == NULL)
		return args_misused(args, "record add wants a type and its data");
	return read_serial_rule(args, &request->serial);
}

/* ---- listing ---- */

struct listing {
	const struct record_request *request;
	struct json *records;
};

static bool
list_rrset(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct listing *listing = arg;
	const uint8_t *apex = listing->request->place.zone.name, *at = rrset->records;
	uint8_t owner[2 * NAME_MAX_LEN];
	int relative = name_from_key(owner, key.data, key.len);
	char name[NAME_MAX_TEXT], type[16];

	if (relative < 0 || (listing->request->type != 0 && rrset->type != listing->request->type))
		return true;
	memcpy(owner + relative, apex, name_len(apex));
	name_to_text(owner, name);
	zonefile_type_text(rrset->type, type);
	for (unsigned i = 0; i < rrset->count; i++) {
		struct json *record = json_new_object();
		uint16_t len;
		const uint8_t *rdata = rrset_next(&at, &len);
		char *data = rdata_text(rrset->type, rdata, len);

		json_put_text(record, "name", name);
		json_put_integer(record, "ttl", rrset->ttl);
		json_put_text(record, "type", type);
		json_put_text(record, "data", data);
		json_put_bool(record, "by_record", rrset->flags & RRSET_BY_RECORD);
		json_add(listing->records, record);
		free(data);
	}
	return true;
}

static void
print_records(const struct json *records)
{
	struct table *table = table_new("NAME", "TTL", "TYPE", "DATA", "", NULL);

	for (size_t i = 0; i < json_count(records); i++) {
		const struct json *record = json_item(records, i);

		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(record, "name")));
		table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(record, "ttl")));
		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(record, "type")));
		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(record, "data")));
		table_cell(table, COLOUR_FAINT, "%s",
		    json_truth(json_member(record, "by_record")) ? "by record" : "");
	}
	table_print(table, stdout);
	table_free(table);
}

static enum exit_code
list_records(struct args *args, struct record_request *request)
{
	struct listing listing = {.request = request, .records = json_new_list()};
	struct problems problems = {0};
	struct record_place *place = &request->place;
	struct store *store;
	struct store_txn *txn;
	bool found = false;

	if (!read_begin(args, &store, &txn)) {
		json_drop(listing.records);
		return EXIT_REFUSED;
	}
	if (request->owner == NULL)
		found = zone_load_find(txn, request->zone, &place->zone, &problems);
	else
		found = find_place(txn, request, &problems);
	if (found) {
		struct bytes key = {place->key_octets, place->key_len};

		config_each_row(
		    txn, place->zone.number, request->owner != NULL ? &key : NULL, list_rrset, &listing);
	}
	read_end(store, txn);
	report_problems(&problems);
	problems_free(&problems);
	if (found && args->json) {
		print_json(listing.records);
		return EXIT_DONE;
	}
	if (found)
		print_records(listing.records);
	json_drop(listing.records);
	return found ? EXIT_DONE : EXIT_REFUSED;
}

static enum exit_code
run_list(struct args *args)
{
	struct record_request request = {0};

	if (args->count < 2 || args->count > 4)
		return args_misused(args, "record list takes a zone, an owner and a type");
	request.zone = args->words[1];
	request.owner = args_word(args, 2);
	if (args->count == 4 && (request.type = zonefile_type(args->words[3])) == 0)
		return args_misused(args, "%s is not a record type", args->words[3]);
	return list_records(args, &request);
}

enum exit_code
cmd_record(struct args *args)
{
	const char *word = args_word(args, 0);
	struct record_request request = {0};
	enum exit_code code;

	if (word != NULL && strcmp(word, "list") == 0)
		return run_list(args);
	if (word == NULL || (strcmp(word, "add") != 0 && strcmp(word, "delete") != 0))
		return args_no_verb(args, word != NULL ? word : "");
	request.add = strcmp(word, "add") == 0;
	if (args->count < 3)
		return args_misused(args, "record %s wants a zone and an owner", word);
	code = read_words(args, &request);
	if (code == EXIT_DONE)
		code = command_change(args, change_record, &request);
	free(request.data);
	return code;
}
