/*
 * record: one record of a zone at a time, for ACME challenges and quick repairs.
 *
 * Checked like a line of a zone file and committed with the zone's new serial in one transaction. Such
 * records are marked, and a later `zone load` reports which of them it drops.
 */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/record_edit.h"
#include "admin/edit/zone_load.h"
#include "zones/base/text.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>
#include <strings.h>

enum { TYPE_SPF = 99 };

struct record_request {
	bool add;
	const char *zone, *owner;
	bool ttl_given;
	uint32_t ttl;
	uint16_t type; /* 0: delete every type */
	char *data;    /* presentation form; NULL: delete every record of the type */
	enum record_serial serial;
	struct record_place place; /* found on the way */
};

static bool
find_place(struct store_txn *txn, struct record_request *request, struct problems *problems)
{
	struct zone_info zone;

	return zone_load_find(txn, request->zone, &zone, problems) &&
	    record_place_find(&request->place, &zone, request->owner, problems);
}

/* ---- changing ---- */

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

static void
add_record(struct change *change, struct record_request *request, struct record_edit *edit,
    const uint8_t *rdata, uint16_t len)
{
	const struct record_wish wish = {.type = request->type,
	    .rdata = rdata,
	    .len = len,
	    .ttl_given = request->ttl_given,
	    .ttl = request->ttl};
	enum record_done done = record_edit_add(edit, &request->place, &wish);
	uint32_t serial;

	if (done == RECORD_PRESENT)
		tell(change, request, "it exists already", request->place.zone.serial);
	else if (done != RECORD_REFUSED && record_edit_end(edit, request->serial, &serial))
		tell(change, request, done == RECORD_ADDED ? "added" : "the TTL is changed", serial);
}

static void
delete_records(struct change *change, struct record_request *request, struct record_edit *edit,
    const uint8_t *rdata, uint16_t len)
{
	const struct record_place *place = &request->place;
	uint32_t serial;

	if (record_edit_delete(edit, place, request->type, request->data != NULL ? rdata : NULL, len) == 0)
		problems_error(&change->problems,
		    "%s has no such record: `graycloud record list %s %s.` shows what it has", place->host,
		    request->zone, place->host);
	else if (record_edit_end(edit, request->serial, &serial))
		tell(change, request, "deleted", serial);
}

/* Read the data, and warn of a name in it that was completed although it looks complete. */
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
	struct record_edit *edit;
	struct bytes key;
	uint8_t *rdata;
	uint16_t len = 0;

	if (!find_place(change->txn, request, &change->problems))
		return;
	rdata = xmalloc(65535);
	edit = record_edit_new(change, &request->place.zone);
	key = (struct bytes){request->place.key_octets, request->place.key_len};
	record_edit_rrsets(edit, &key, &rrsets);
	if (request->type != 0)
		record_check_type(change, request->type);
	if (request->add && change->problems.errors == 0)
		record_check_beside(change, &request->place, request->type, &rrsets);
	if (request->data != NULL && change->problems.errors == 0)
		len = read_data(change, request, rdata);
	if (change->problems.errors == 0 && request->add)
		add_record(change, request, edit, rdata, len);
	else if (change->problems.errors == 0)
		delete_records(change, request, edit, rdata, len);
	owner_rrsets_free(&rrsets);
	record_edit_free(edit);
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
read_serial_rule(struct args *args, enum record_serial *out)
{
	static const char *const rules[] = {"increment", "keep", "date", "unixtime"};
	const char *serial = args_value(args, "serial");

	for (size_t rule = 0; serial != NULL && rule < NITEMS(rules); rule++)
		if (strcmp(rules[rule], serial) == 0) {
			*out = (enum record_serial)rule;
			return EXIT_DONE;
		}
	return serial == NULL
	    ? EXIT_DONE
	    : args_misused(args, "--serial %s: it is keep, increment, date or unixtime", serial);
}

/* The words after OWNER: [TTL] [IN] TYPE RDATA ... */
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
		return args_misused(args, "record add needs a type and its data");
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
		return args_misused(args, "record %s needs a zone and an owner", word);
	code = read_words(args, &request);
	if (code == EXIT_DONE)
		code = command_change(args, change_record, &request);
	free(request.data);
	return code;
}
