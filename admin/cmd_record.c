/*
 * record: one record of a zone at a time, for ACME challenges and quick repairs.
 *
 * Checked like a line of a zone file and committed with the zone's new serial in one transaction. What came so is marked, and a
 * later `zone load` says which of it it drops.
 */
#include "commands.h"
#include "name.h"
#include "place.h"
#include "print.h"
#include "zone_load.h"
#include "zonefile.h"

#include <stdlib.h>
#include <time.h>

enum { RECORDS_MAX = 65000 }; /* octets of an RRset, as zone files have it */

enum serial_rule { SERIAL_INCREMENT, SERIAL_KEEP, SERIAL_DATE, SERIAL_UNIXTIME };

struct record_request {
	bool add;
	const char *zone, *owner;
	bool ttl_given;
	uint32_t ttl;
	uint16_t type; /* 0: delete every type */
	char *data;    /* NULL: delete every record of the type */
	enum serial_rule serial;
	/* found on the way */
	struct zone_info info;
	uint8_t name[NAME_MAX_LEN];
	struct bytes key; /* of the owner */
	uint8_t key_octets[NAME_MAX_KEY];
};

/* RRsets of one owner, to look at before a change. */
struct owner_view {
	struct rrset rrsets[64];
	unsigned count;
};

static bool
keep_rrset(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct owner_view *view = arg;

	(void)key;
	if (view->count < NITEMS(view->rrsets))
		view->rrsets[view->count++] = *rrset;
	return true;
}

static const struct rrset *
view_find(const struct owner_view *view, uint16_t type)
{
	for (unsigned i = 0; i < view->count; i++)
		if (view->rrsets[i].type == type)
			return &view->rrsets[i];
	return NULL;
}

/* The records of an RRset that is being made: sorted, each once. */
struct making {
	uint8_t *octets; /* a value of rrset.h */
	size_t len;
	unsigned count;
};

static void
making_begin(struct making *making)
{
	making->octets = xcalloc(1, RRSET_HEAD + 2 * 65536);
	making->len = RRSET_HEAD;
	making->count = 0;
}

static void
making_add(struct making *making, const uint8_t *rdata, uint16_t len)
{
	put16(making->octets + making->len, len);
	memcpy(making->octets + making->len + 2, rdata, len);
	making->len += 2u + len;
	making->count++;
}

static void
making_end(struct making *making, uint8_t flags, uint32_t ttl)
{
	making->octets[0] = flags;
	put32(making->octets + 1, ttl);
	put16(making->octets + 5, (uint16_t)making->count);
	if (making->count == 0)
		making->len = 0; /* an RRset without records is none */
}

static int
compare_rdata(const uint8_t *a, uint16_t a_len, const uint8_t *b, uint16_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order != 0 ? order : (int)a_len - (int)b_len;
}

/* An RRset with one record more, in canonical order.  False where it is there already. */
static bool
rrset_with(struct making *making, const struct rrset *rrset, const uint8_t *rdata, uint16_t len)
{
	const uint8_t *at = rrset != NULL ? rrset->records : NULL;
	bool placed = false;

	for (unsigned i = 0; rrset != NULL && i < rrset->count; i++) {
		uint16_t other_len;
		const uint8_t *other = rrset_next(&at, &other_len);
		int order = compare_rdata(rdata, len, other, other_len);

		if (order == 0)
			return false;
		if (order < 0 && !placed) {
			making_add(making, rdata, len);
			placed = true;
		}
		making_add(making, other, other_len);
	}
	if (!placed)
		making_add(making, rdata, len);
	return true;
}

/* An RRset without one record.  False where it was not there. */
static bool
rrset_without(struct making *making, const struct rrset *rrset, const uint8_t *rdata, uint16_t len)
{
	const uint8_t *at = rrset->records;
	bool found = false;

	for (unsigned i = 0; i < rrset->count; i++) {
		uint16_t other_len;
		const uint8_t *other = rrset_next(&at, &other_len);

		if (compare_rdata(rdata, len, other, other_len) == 0)
			found = true;
		else
			making_add(making, other, other_len);
	}
	return found;
}

static struct zone_row
make_row(const struct record_request *request, const struct bytes *key, uint16_t type, struct making *making)
{
	struct zone_row row = {.key = xmalloc(key->len + 2), .key_len = key->len + 2, .value = making->octets,
	    .value_len = making->len};

	(void)request;
	memcpy(row.key, key->data, key->len);
	put16(row.key + key->len, type);
	return row;
}

/* RFC 1912 2.2 and RFC 1982: the serial that follows. */
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
		wanted = (uint32_t)((today.tm_year + 1900) * 1000000 + (today.tm_mon + 1) * 10000 + today.tm_mday * 100);
	else if (rule == SERIAL_UNIXTIME)
		wanted = (uint32_t)now;
	/* Never back: a serial that is ahead of its rule goes on by one. */
	return wanted - next < UINT32_C(0x80000000) ? wanted : next;
}

/* The SOA with its next serial, as a row; false where the zone has none that can be read. */
static bool
soa_row(struct change *change, const struct record_request *request, struct zone_row *row, uint32_t *serial)
{
	static const uint8_t apex_octets[] = {0};
	struct bytes apex = {apex_octets, sizeof apex_octets};
	struct owner_view *view = xcalloc(1, sizeof *view);
	const struct rrset *soa;
	struct making making = {0};
	const uint8_t *at, *rdata;
	uint16_t len = 0;
	bool found;

	config_each_row(change->txn, request->info.number, &apex, keep_rrset, view);
	soa = view_find(view, TYPE_SOA);
	at = soa != NULL ? soa->records : NULL;
	rdata = soa != NULL ? rrset_next(&at, &len) : NULL;
	found = rdata != NULL && len > 20;
	if (found) {
		uint32_t before = get32(rdata + len - 20);

		*serial = next_serial(request->serial, before);
		making_begin(&making);
		making_add(&making, rdata, len);
		put32(making.octets + making.len - 20, *serial);
		making_end(&making, soa->flags, soa->ttl);
		*row = make_row(request, &apex, TYPE_SOA, &making);
	} else {
		problems_error(&change->problems, "the zone %s has no SOA that can be read: load it anew", request->zone);
	}
	free(view);
	return found;
}

/* What a type forbids beside it (RFC 1034 3.6.2, RFC 6672 2.4), and what is none of this command's. */
static void
check_type(struct change *change, const struct record_request *request, const struct owner_view *view)
{
	char name[NAME_MAX_TEXT];

	name_to_host(request->name, name);
	switch (request->type) {
	case TYPE_SOA:
		problems_error(&change->problems, "an SOA is not added or deleted alone: zone load replaces it");
		return;
	case TYPE_RRSIG:
	case TYPE_NSEC:
	case TYPE_NSEC3:
	case TYPE_NSEC3PARAM:
	case TYPE_DNSKEY:
		problems_error(&change->problems, "signatures and keys of a zone cannot be served yet (S33)");
		return;
	}
	if (!request->add)
		return;
	for (unsigned i = 0; i < view->count; i++) {
		uint16_t type = view->rrsets[i].type;
		char text[16];

		if (request->type == TYPE_CNAME && type != TYPE_CNAME) {
			zonefile_type_text(type, text);
			problems_error(&change->problems, "%s has %s data, and a CNAME stands alone (RFC 1034 3.6.2)", name, text);
			return;
		}
		if (request->type != TYPE_CNAME && type == TYPE_CNAME) {
			problems_error(&change->problems, "%s has a CNAME, and nothing stands beside it (RFC 1034 3.6.2): delete it first", name);
			return;
		}
	}
	if ((request->type == TYPE_CNAME || request->type == TYPE_DNAME) && view_find(view, request->type) != NULL)
		problems_error(&change->problems, "%s has one already, and there can be only one: delete it first", name);
}

/* What is only unwise. */
static void
warn_of_place(struct change *change, const struct record_request *request)
{
	char name[NAME_MAX_TEXT], above[NAME_MAX_TEXT];
	struct place place;
	struct id id;

	if (!request->add || !place_find(change->txn, request->name, &place))
		return;
	name_to_host(request->name, name);
	if (place.zone.number != request->info.number)
		problems_warn(&change->problems, "%s lies in the zone %s, which is served too: this record will not be seen", name,
		    name_to_host(place.zone.name, above));
	else if (place.hidden_by != 0 && !(place.hidden_by == TYPE_NS && name_equal(place.hidden_at, request->name)) &&
	         request->type != TYPE_A && request->type != TYPE_AAAA)
		problems_warn(&change->problems, "%s lies below a %s at %s: this record will not be seen", name,
		    place.hidden_by == TYPE_NS ? "delegation" : "DNAME", name_to_host(place.hidden_at, above));
	if ((request->type == TYPE_A || request->type == TYPE_AAAA || request->type == TYPE_CNAME) &&
	    config_object_id(change->txn, KIND_LB, name, &id))
		problems_warn(&change->problems, "the load balancer %s answers for this name: the record is hidden while it is enabled (S6)",
		    name);
}

static bool
find_owner(struct change *change, struct record_request *request)
{
	size_t len;

	if (!zone_load_find(change->txn, request->zone, &request->info, &change->problems))
		return false;
	if (name_from_text(request->name, request->owner, request->info.name) == 0) {
		problems_error(&change->problems, "\"%s\" is no domain name", request->owner);
		return false;
	}
	if (!name_within(request->name, request->info.name)) {
		problems_error(&change->problems, "%s is not in the zone %s", request->owner, request->zone);
		return false;
	}
	if ((len = name_to_key(request->key_octets, request->name, request->info.name)) == 0) {
		problems_error(&change->problems, "%s is too long for the store", request->owner);
		return false;
	}
	request->key = (struct bytes){request->key_octets, len};
	return true;
}

/* Commit these rows, with the SOA's. */
static void
put_rows(struct change *change, const struct record_request *request, struct zone_row *rows, size_t count, const char *done)
{
	char name[NAME_MAX_TEXT];
	uint32_t serial;

	if (!soa_row(change, request, &rows[count], &serial))
		return;
	config_put_rrsets(change->edit, &request->info, serial, rows, count + 1);
	name_to_host(request->name, name);
	change->message = xasprintf("%s: %s, serial %u", name, done, serial);
	change->result = json_new_object();
	json_put_text(change->result, "zone", request->zone);
	json_put_text(change->result, "name", name);
	json_put_integer(change->result, "serial", serial);
}

static void
free_rows(struct zone_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(rows[i].key);
		free(rows[i].value);
	}
}

static void
add_record(struct change *change, struct record_request *request, const struct owner_view *view, const uint8_t *rdata, size_t len)
{
	const struct rrset *rrset = view_find(view, request->type);
	uint32_t ttl = request->ttl_given ? request->ttl : rrset != NULL ? rrset->ttl : 3600;
	struct zone_row rows[2] = {{0}};
	struct making making;
	char name[NAME_MAX_TEXT];

	name_to_host(request->name, name);
	making_begin(&making);
	if ((rrset != NULL ? rrset->len : 0) + len + 2 > RECORDS_MAX)
		problems_error(&change->problems, "%s would have more than %d octets of this type: no message could carry them", name, RECORDS_MAX);
	else if (!rrset_with(&making, rrset, rdata, (uint16_t)len) && rrset->ttl == ttl)
		change->message = xasprintf("%s: it is there already", name);
	else if (making.count == 0 || (rrset != NULL && making.count <= rrset->count)) {
		/* Only the TTL is new. */
		making.len = RRSET_HEAD + rrset->len;
		memcpy(making.octets + RRSET_HEAD, rrset->records, rrset->len);
		making.count = rrset->count;
	}
	if (change->problems.errors == 0 && change->message == NULL) {
		if (rrset != NULL && rrset->ttl != ttl)
			problems_warn(&change->problems, "the other records of %s and this type get the TTL %u too (RFC 2181 5.2)", name, ttl);
		making_end(&making, RRSET_BY_RECORD, ttl);
		rows[0] = make_row(request, &request->key, request->type, &making);
		put_rows(change, request, rows, 1, "added");
		free_rows(rows, 2);
	} else {
		free(making.octets);
	}
}

static void
delete_records(
    struct change *change, struct record_request *request, const struct owner_view *view, const uint8_t *rdata, size_t len)
{
	struct zone_row rows[NITEMS(view->rrsets) + 1] = {{0}};
	size_t count = 0;
	char name[NAME_MAX_TEXT];

	name_to_host(request->name, name);
	for (unsigned i = 0; i < view->count; i++) {
		const struct rrset *rrset = &view->rrsets[i];
		struct making making;

		if ((request->type != 0 && rrset->type != request->type) || rrset->type == TYPE_SOA)
			continue;
		making_begin(&making);
		if (request->data != NULL && !rrset_without(&making, rrset, rdata, (uint16_t)len)) {
			free(making.octets);
			continue;
		}
		if (rrset->type == TYPE_NS && making.count == 0 && name_equal(request->name, request->info.name))
			change_guard(change, "%s would have no nameserver left", name);
		making_end(&making, rrset->flags, rrset->ttl);
		rows[count++] = make_row(request, &request->key, rrset->type, &making);
	}
	if (count == 0)
		problems_error(&change->problems, "%s has no such record; graycloud record list %s %s shows what it has", name, request->zone,
		    request->owner);
	else
		put_rows(change, request, rows, count, "deleted");
	free_rows(rows, count + 1);
}

static void
change_record(struct change *change, void *arg)
{
	struct record_request *request = arg;
	struct owner_view *view = xcalloc(1, sizeof *view);
	uint8_t *rdata = xmalloc(65535);
	size_t len = 0;

	if (find_owner(change, request)) {
		config_each_row(change->txn, request->info.number, &request->key, keep_rrset, view);
		check_type(change, request, view);
		if (request->data != NULL)
			len = zonefile_rdata(request->type, request->data, request->info.name, rdata, &change->problems);
		if (change->problems.errors == 0 && request->add)
			add_record(change, request, view, rdata, len);
		else if (change->problems.errors == 0)
			delete_records(change, request, view, rdata, len);
		warn_of_place(change, request);
	}
	free(rdata);
	free(view);
}

/* The words behind OWNER: [TTL] TYPE RDATA ... */
static enum exit_code
read_words(struct args *args, struct record_request *request)
{
	static const char *const rules[] = {"increment", "keep", "date", "unixtime"};
	const char *serial = args_value(args, "serial");
	size_t next = 3;
	char *rest;

	request->zone = args->words[1];
	request->owner = args->words[2];
	if (serial != NULL) {
		size_t rule = 0;

		while (rule < NITEMS(rules) && strcmp(rules[rule], serial) != 0)
			rule++;
		if (rule == NITEMS(rules))
			return args_misused(args, "--serial %s: it is keep, increment, date or unixtime", serial);
		request->serial = (enum serial_rule)rule;
	}
	if (next < args->count && strspn(args->words[next], "0123456789") == strlen(args->words[next])) {
		unsigned long ttl = strtoul(args->words[next], &rest, 10);

		if (!request->add)
			return args_misused(args, "record delete takes no TTL");
		if (ttl > RRSET_TTL_MAX)
			return args_misused(args, "a TTL is at most %d seconds", RRSET_TTL_MAX);
		request->ttl_given = true;
		request->ttl = (uint32_t)ttl;
		next++;
	}
	if (next < args->count && (request->type = zonefile_type(args->words[next])) == 0)
		return args_misused(args, "%s is not a type of record", args->words[next]);
	next++;
	for (; next < args->count; next++) {
		char *longer = xasprintf("%s%s%s", request->data ? request->data : "", request->data ? " " : "", args->words[next]);

		free(request->data);
		request->data = longer;
	}
	if (request->add && request->data == NULL)
		return args_misused(args, "record add wants a type and its data");
	return EXIT_DONE;
}

/* Listing */

struct listing {
	const struct record_request *request;
	bool whole; /* the zone, not one owner */
	struct json *records;
};

static bool
list_rrset(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct listing *listing = arg;
	uint8_t owner[2 * NAME_MAX_LEN];
	int relative = name_from_key(owner, key.data, key.len);
	char *text = NULL, *line, *rest;
	size_t len;
	FILE *stream;

	if (relative < 0 || (listing->request->type != 0 && rrset->type != listing->request->type))
		return true;
	memcpy(owner + relative, listing->request->info.name, name_len(listing->request->info.name));
	if ((stream = open_memstream(&text, &len)) == NULL)
		return false;
	zonefile_write(stream, owner, rrset);
	fclose(stream);
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		struct json *record = json_new_object();
		char type[16], name[NAME_MAX_TEXT], *data = line;

		zonefile_type_text(rrset->type, type);
		for (unsigned field = 0; field < 4 && data != NULL; field++)
			data = (data = strchr(data, '\t')) != NULL ? data + 1 : NULL;
		json_put_text(record, "name", name_to_text(owner, name));
		json_put_integer(record, "ttl", rrset->ttl);
		json_put_text(record, "type", type);
		json_put_text(record, "data", data != NULL ? data : "");
		json_put_bool(record, "by_record", rrset->flags & RRSET_BY_RECORD);
		json_add(listing->records, record);
	}
	free(text);
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
		table_cell(table, COLOUR_FAINT, "%s", json_truth(json_member(record, "by_record")) ? "by record" : "");
	}
	table_print(table, stdout);
	table_free(table);
}

static enum exit_code
list_records(struct args *args, struct record_request *request)
{
	struct listing listing = {.request = request, .records = json_new_list()};
	struct change reading = {.args = args};
	struct store *store;
	bool found = false;

	if (!read_begin(args, &store, &reading.txn))
		return EXIT_REFUSED;
	request->owner = args_word(args, 2);
	if (reading.txn == NULL)
		problems_error(&reading.problems, "there is no zone %s: nothing is configured yet", request->zone);
	else if (request->owner != NULL)
		found = find_owner(&reading, request);
	else
		found = zone_load_find(reading.txn, request->zone, &request->info, &reading.problems);
	if (found)
		config_each_row(reading.txn, request->info.number, request->owner != NULL ? &request->key : NULL, list_rrset, &listing);
	read_end(store, reading.txn);
	problems_print(&reading.problems, "graycloud", stderr);
	problems_free(&reading.problems);
	if (found && args->json) {
		print_json(listing.records);
		return EXIT_DONE;
	}
	if (found)
		print_records(listing.records);
	json_drop(listing.records);
	return found ? EXIT_DONE : EXIT_REFUSED;
}

enum exit_code
cmd_record(struct args *args)
{
	const char *word = args_word(args, 0);
	struct record_request request = {0};
	enum exit_code code;

	if (word == NULL || (strcmp(word, "add") != 0 && strcmp(word, "delete") != 0 && strcmp(word, "list") != 0))
		return args_misused(args, "what is to be done with records: add, delete or list?");
	if (strcmp(word, "list") == 0) {
		if (args->count < 2 || args->count > 4)
			return args_misused(args, "record list takes a zone, an owner and a type");
		request.zone = args->words[1];
		if (args->count == 4 && (request.type = zonefile_type(args->words[3])) == 0)
			return args_misused(args, "%s is not a type of record", args->words[3]);
		return list_records(args, &request);
	}
	request.add = strcmp(word, "add") == 0;
	if (args->count < 3)
		return args_misused(args, "record %s wants a zone and an owner", word);
	code = read_words(args, &request);
	if (code == EXIT_DONE)
		code = change_run(args, change_record, &request);
	free(request.data);
	return code;
}
