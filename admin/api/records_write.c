/*
 * Cloudflare's routes that change DNS records: one, a batch, or a master file.
 *
 * Each request is one transaction with one serial. Its operations are checked one after the other against
 * what those before them have changed (record_edit.h), then all rows are written, and then the notes, which
 * keep ids, comments, tags and times.
 */
#include "admin/api/record_import.h"
#include "admin/api/records.h"
#include "admin/api/zones.h"
#include "admin/edit/record_edit.h"
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/dns/idn.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <stdarg.h>
#include <stdlib.h>

enum { OPERATIONS_MAX = 3500 };

enum verb { VERB_DELETE, VERB_PATCH, VERB_PUT, VERB_POST };

/* A record that is written, until its note is. */
struct operation {
	enum verb verb;
	struct record_place place;
	uint16_t type;
	uint8_t *rdata;
	uint16_t len;
	struct json *note;
	struct id id; /* that it keeps; "": a new record */
};

struct operations {
	struct change *change;
	struct call *call;
	struct zone_info zone;
	struct record_edit *edit;
	struct operation *items;
	size_t count;
	char *pointer; /* of the operation in the body; NULL: there is only one */
};

/* ---- errors ---- */

__attribute__((format(printf, 4, 5))) static bool
refuse(struct operations *all, int status, int code, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	call_error(all->call, status, code, "%s", text);
	if (all->pointer != NULL)
		call_error_at(all->call, all->pointer);
	/* The transaction is not to be committed. */
	problems_error(&all->change->problems, "%s", text);
	free(text);
	return false;
}

/* Problems that the checks of admin/edit have found since, with a code of the API. */
static bool
refuse_found(struct operations *all, size_t before, int code)
{
	const struct problems *problems = &all->change->problems;
	bool any = false;

	for (size_t i = before; i < problems->count; i++) {
		if (problems->items[i].severity != PROBLEM_ERROR)
			continue;
		call_error(all->call, 400, code, "%s", problems->items[i].text);
		if (all->pointer != NULL)
			call_error_at(all->call, all->pointer);
		any = true;
	}
	return !any;
}

/* An error that is in the call already ends the transaction, too. */
static bool
refuse_taken(struct operations *all)
{
	if (all->pointer != NULL)
		call_error_at(all->call, all->pointer);
	problems_error(&all->change->problems, "the record is invalid");
	return false;
}

/* ---- the owner ---- */

static bool
find_place(struct operations *all, const struct json *body, struct record_place *place)
{
	const char *name = json_text(json_member(body, "name")), *why;
	size_t before = all->change->problems.count;
	char *ascii;

	if (name == NULL || *name == '\0')
		return refuse(all, 400, CODE_RECORD_NAME, "name is missing");
	for (const char *at = name; *at != '\0'; at++) {
		if ((uint8_t)*at < 0x80)
			continue;
		ascii = idn_to_ascii(name, &why);
		refuse(all, 400, CODE_RECORD_NAME, "name: write it in ASCII%s%s",
		    ascii != NULL ? ", as " : "", ascii != NULL ? ascii : "");
		free(ascii);
		return false;
	}
	record_place_find(place, &all->zone, name, &all->change->problems);
	return refuse_found(all, before, CODE_RECORD_NAME);
}

/* The place of a record of the store. */
static void
place_of(const struct record *record, struct record_place *place)
{
	place->zone = *record->at.zone;
	record_shape_name(record, place->host);
	name_from_text(place->name, place->host, NULL);
	memcpy(place->key_octets, record->at.owner_key.data, record->at.owner_key.len);
	place->key_len = record->at.owner_key.len;
}

/* ---- one operation ---- */

static bool
is_there(struct operations *all, const struct record_place *place, uint16_t type, const uint8_t *rdata,
    uint16_t len)
{
	struct bytes key = {place->key_octets, place->key_len};
	struct owner_rrsets rrsets;
	const struct rrset *rrset;
	bool is;

	record_edit_rrsets(all->edit, &key, &rrsets);
	rrset = owner_rrsets_find(&rrsets, type);
	is = rrset != NULL && rrset_has(rrset, rdata, len);
	owner_rrsets_free(&rrsets);
	return is;
}

/* May the record be added beside what is there? */
static bool
fits_in(struct operations *all, const struct record_place *place, const struct record_input *input)
{
	struct bytes key = {place->key_octets, place->key_len};
	size_t before = all->change->problems.count;
	struct owner_rrsets rrsets;

	if (input->type == TYPE_NS && place->key_len == 1)
		return refuse(all, 400, CODE_NOT_OFFERED,
		    "the nameservers of the zone itself are not written by the API: its zone file has them");
	if (is_there(all, place, input->type, input->rdata, input->len)) {
		refuse(all, 400, CODE_RECORD_EXISTS, "The record already exists.");
		return refuse(all, 400, CODE_RECORD_IDENTICAL, "An identical record already exists.");
	}
	record_edit_rrsets(all->edit, &key, &rrsets);
	record_check_type(all->change, input->type);
	record_check_beside(all->change, place, input->type, &rrsets);
	owner_rrsets_free(&rrsets);
	return refuse_found(all, before, input->type == TYPE_CNAME ? CODE_RECORD_BESIDE : CODE_RECORD_CNAME);
}

static struct record_at
at_of(const struct operations *all, const struct operation *operation)
{
	return (struct record_at){&all->zone, {operation->place.key_octets, operation->place.key_len},
	    operation->type, {operation->rdata, operation->len}};
}

/* Keep a record for its note; takes over the rdata and the note of input. */
static void
keep(struct operations *all, enum verb verb, const struct record_place *place, struct record_input *input,
    const struct id *id)
{
	struct operation *operation;

	all->items = array_grow(all->items, all->count, sizeof *all->items);
	operation = &all->items[all->count++];
	*operation = (struct operation){.verb = verb,
	    .place = *place,
	    .type = input->type,
	    .rdata = xmemdup(input->rdata, input->len),
	    .len = input->len,
	    .note = input->note};
	if (id != NULL)
		operation->id = *id;
	input->note = NULL;
}

static void
free_input(struct record_input *input)
{
	free(input->rdata);
	json_drop(input->note);
}

static bool
add(struct operations *all, const struct record_place *place, const struct record_input *input)
{
	const struct record_wish wish = {
	    input->type, input->rdata, input->len, true, input->ttl, input->automatic};
	size_t before = all->change->problems.count;

	record_edit_add(all->edit, place, &wish);
	return refuse_found(all, before, CODE_RECORD_CONTENT);
}

static void
put_times(struct json *note, const struct record *old)
{
	long long now = wall_ms();
	static const struct {
		const char *value, *time;
	} rows[] = {{"comment", "comment_on"}, {"tags", "tags_on"}};
	const struct json *was = old != NULL ? old->note : NULL, *created = json_member(was, "created");

	json_put_integer(note, "created",
	    created != NULL   ? json_integer_of(created)
		: old != NULL ? old->at.zone->loaded
			      : now);
	json_put_integer(note, "modified", now);
	for (size_t i = 0; i < NITEMS(rows); i++) {
		const struct json *before = json_member(was, rows[i].value),
				  *after = json_member(note, rows[i].value);
		const struct json *time = json_member(was, rows[i].time);
		bool same =
		    (before == NULL) == (after == NULL) && (before == NULL || json_same(before, after));

		if (!same)
			json_put_integer(note, rows[i].time, now);
		else if (time != NULL)
			json_put(note, rows[i].time, json_clone(time));
	}
}

static bool
create(struct operations *all, const struct json *body)
{
	struct record_place *place = xcalloc(1, sizeof *place);
	struct record_input input = {0};
	bool good = find_place(all, body, place);

	if (!record_shape_take(all->call, body, all->zone.name, &input))
		good = refuse_taken(all);
	good = good && fits_in(all, place, &input) && add(all, place, &input);
	if (good) {
		put_times(input.note, NULL);
		keep(all, VERB_POST, place, &input, NULL);
	}
	free_input(&input);
	free(place);
	return good;
}

/* The last operation so far on the record of this id; NULL: none. */
static const struct operation *
last_on(const struct operations *all, const char *id)
{
	for (size_t i = all->count; i-- > 0;)
		if (strcmp(all->items[i].id.text, id) == 0)
			return &all->items[i];
	return NULL;
}

/* The TTL that the record has after the operations so far. False if it is not there any more. */
static bool
read_ttl(struct operations *all, struct record *record)
{
	struct owner_rrsets rrsets;
	const struct rrset *rrset;
	bool is;

	record_edit_rrsets(all->edit, &record->at.owner_key, &rrsets);
	rrset = owner_rrsets_find(&rrsets, record->at.type);
	is = rrset != NULL && rrset_has(rrset, record->at.rdata.data, (uint16_t)record->at.rdata.len);
	if (is) {
		record->ttl = rrset->ttl;
		record->flags = rrset->flags;
	}
	owner_rrsets_free(&rrsets);
	return is;
}

/*
 * The record that a change names, as the operations so far have left it. Its octets live until the next one
 * is kept. False with an error in the call.
 */
static bool
find_old(struct operations *all, const char *id, struct record *record)
{
	const struct operation *before;

	if (!id_valid(id))
		return refuse(all, 404, CODE_NO_ROUTE,
		    "Could not route to %s, perhaps your object identifier is invalid?", all->call->path);
	*record = (struct record){.ttl = 0};
	if ((before = last_on(all, id)) != NULL && before->verb != VERB_DELETE)
		*record = (struct record){.at = at_of(all, before), .note = json_clone(before->note)};
	if ((before != NULL ? before->verb != VERB_DELETE
			    : records_find(all->change->txn, &all->zone, id, record)) &&
	    read_ttl(all, record))
		return true;
	json_drop(record->note);
	record->note = NULL;
	return refuse(all, 404, CODE_RECORD_NOT_FOUND, "Record does not exist.");
}

static bool delete (struct operations *all, const char *id)
{
	struct record_place *place = xcalloc(1, sizeof *place);
	size_t before = all->change->problems.count;
	struct record record;
	bool good = find_old(all, id, &record);

	if (good) {
		struct record_input gone = {.type = record.at.type,
		    .rdata = xmemdup(record.at.rdata.data, record.at.rdata.len),
		    .len = (uint16_t)record.at.rdata.len,
		    .note = record.note};
		struct id its = {""};

		memcpy(its.text, id, ID_LEN);
		place_of(&record, place);
		record_edit_delete(all->edit, place, gone.type, gone.rdata, gone.len);
		good = refuse_found(all, before, CODE_GUARD);
		keep(all, VERB_DELETE, place, &gone, &its);
		free_input(&gone);
	}
	free(place);
	return good;
}

/* A record becomes another one, or stays in the place and gets another TTL. */
static bool
move(struct operations *all, const struct record *old, const struct record_place *place,
    struct record_input *input)
{
	struct record_place *from = xcalloc(1, sizeof *from);
	const struct bytes *rdata = &old->at.rdata;
	bool same, good;

	place_of(old, from);
	same = old->at.type == input->type && from->key_len == place->key_len &&
	    memcmp(from->key_octets, place->key_octets, from->key_len) == 0 &&
	    zonefile_compare_rdata(input->type, input->rdata, input->len, rdata->data, rdata->len) == 0;
	if (same) {
		/* Names in the data keep their case. */
		input->len = (uint16_t)rdata->len;
		memcpy(input->rdata, rdata->data, rdata->len);
	} else {
		record_edit_delete(all->edit, from, old->at.type, rdata->data, (uint16_t)rdata->len);
	}
	good = (same || fits_in(all, place, input)) && add(all, place, input);
	free(from);
	return good;
}

/* PATCH without data: data and its form stay. */
static void
keep_data(struct record_input *input, const struct record *old)
{
	static const char *const forms[] = {"bare", "text", "data"};

	input->type = old->at.type;
	input->len = (uint16_t)old->at.rdata.len;
	memcpy(input->rdata, old->at.rdata.data, old->at.rdata.len);
	for (size_t i = 0; i < NITEMS(forms); i++) {
		const struct json *form = json_member(old->note, forms[i]);

		if (form != NULL)
			json_put(input->note, forms[i], json_clone(form));
		else
			json_remove(input->note, forms[i]);
	}
}

static bool
modify(struct operations *all, const char *id, const struct json *body, bool patch)
{
	struct record_place *place = xcalloc(1, sizeof *place);
	struct record_input input = {0};
	struct json *shown = NULL, *whole = NULL;
	struct record old = {0};
	struct id kept = {""};
	bool same = false, good = find_old(all, id, &old);

	if (!good)
		goto out;
	memcpy(kept.text, id, ID_LEN);
	shown = record_shape_show(all->change->txn, &old);
	whole = patch ? record_shape_patch(shown, body, &same) : json_clone(body);
	good = find_place(all, whole, place);
	if (!record_shape_take(all->call, whole, all->zone.name, &input))
		good = refuse_taken(all);
	if (!good)
		goto out;
	if (same)
		keep_data(&input, &old);
	/* A TTL that is not given stays what it is, beyond what a client may ask for. */
	if (patch && json_kind(json_member(body, "ttl")) == JSON_KIND_NULL)
		input.ttl = old.ttl;
	good = move(all, &old, place, &input);
	if (good) {
		put_times(input.note, &old);
		keep(all, patch ? VERB_PATCH : VERB_PUT, place, &input, &kept);
	}
out:
	free_input(&input);
	json_drop(old.note);
	json_drop(whole);
	json_drop(shown);
	free(place);
	return good;
}

/* ---- the request ---- */

static bool
begin(struct operations *all, struct change *change, const struct edit_call *edit)
{
	*all = (struct operations){.change = change, .call = edit->call};
	if (!zones_of_call(edit->call, change->txn, &all->zone)) {
		problems_error(&change->problems, "there is no such zone");
		return false;
	}
	all->edit = record_edit_new(change, &all->zone);
	return true;
}

static void
end(struct operations *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->items[i].rdata);
		json_drop(all->items[i].note);
	}
	free(all->items);
	free(all->pointer);
	if (all->edit != NULL)
		record_edit_free(all->edit);
}

/* A new record whose id follows from its data, unless another record has that id: then it gets a new one. */
static void
put_note(struct operations *all, const struct operation *operation)
{
	struct record_at at = at_of(all, operation);
	struct id id = operation->id;
	struct record_note taken;
	char *text = json_write(operation->note, false);

	if (id.text[0] == '\0') {
		id = record_id_first(&at);
		if (record_note_by_id(all->change->txn, &all->zone, id.text, &taken))
			id = id_new();
	}
	record_note_put(all->change->edit, &at, id.text, (struct bytes){text, strlen(text)});
	free(text);
}

/*
 * Write all rows, then the notes of moved records, each as the last operation on it left it, then those of
 * new ones, whose ids must not be taken.
 */
static void
write_all(struct operations *all)
{
	uint32_t serial;

	record_edit_end(all->edit, RECORD_SERIAL_INCREMENT, &serial);
	for (size_t i = 0; i < all->count; i++)
		if ((all->items[i].verb == VERB_PATCH || all->items[i].verb == VERB_PUT) &&
		    last_on(all, all->items[i].id.text) == &all->items[i])
			put_note(all, &all->items[i]);
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].verb == VERB_POST)
			put_note(all, &all->items[i]);
}

/* The record of an operation, as it is now, after later operations on it. */
static struct json *
show(struct operations *all, const struct operation *operation)
{
	struct record record;
	struct owner_rrsets rrsets;
	const struct rrset *rrset;
	struct json *shown;

	if (operation->verb != VERB_POST)
		operation = last_on(all, operation->id.text);
	record = (struct record){.at = at_of(all, operation), .note = operation->note};
	if (operation->verb == VERB_DELETE) {
		shown = json_new_object();
		json_put_text(shown, "id", operation->id.text);
		return shown;
	}
	owner_rrsets_read(&rrsets, all->change->txn, all->zone.number, &record.at.owner_key);
	if ((rrset = owner_rrsets_find(&rrsets, operation->type)) != NULL) {
		record.ttl = rrset->ttl;
		record.flags = rrset->flags;
	}
	shown = record_shape_show(all->change->txn, &record);
	owner_rrsets_free(&rrsets);
	return shown;
}

typedef bool one_fn(struct operations *all, const struct edit_call *edit);

static void
run_one(struct change *change, const struct edit_call *edit, one_fn *fn)
{
	struct operations all;

	if (begin(&all, change, edit) && fn(&all, edit)) {
		write_all(&all);
		change->result = show(&all, &all.items[0]);
	}
	end(&all);
}

static bool
run_create(struct operations *all, const struct edit_call *edit)
{
	return create(all, edit->call->body);
}

static bool
run_replace(struct operations *all, const struct edit_call *edit)
{
	return modify(all, edit->call->captures[1], edit->call->body, false);
}

static bool
run_patch(struct operations *all, const struct edit_call *edit)
{
	return modify(all, edit->call->captures[1], edit->call->body, true);
}

static bool
run_delete(struct operations *all, const struct edit_call *edit)
{
	return delete (all, edit->call->captures[1]);
}

void
records_create(struct change *change, void *arg)
{
	run_one(change, arg, run_create);
}

void
records_replace(struct change *change, void *arg)
{
	run_one(change, arg, run_replace);
}

void
records_patch(struct change *change, void *arg)
{
	run_one(change, arg, run_patch);
}

void
records_delete(struct change *change, void *arg)
{
	run_one(change, arg, run_delete);
}

/* ---- batch ---- */

/* The lists of a batch, in the order in which they run. */
static const struct {
	const char *name;
	enum verb verb;
} lists[] = {{"deletes", VERB_DELETE}, {"patches", VERB_PATCH}, {"puts", VERB_PUT}, {"posts", VERB_POST}};

static bool
run_operation(struct operations *all, enum verb verb, const struct json *item)
{
	const char *id = json_text_of(item, "id");

	switch (verb) {
	case VERB_DELETE:
		return delete (all, id);
	case VERB_POST:
		return create(all, item);
	default:
		return modify(all, id, item, verb == VERB_PATCH);
	}
}

/* The first fault refuses all. */
static bool
run_batch(struct operations *all, const struct json *body)
{
	size_t count = 0;

	for (size_t l = 0; l < NITEMS(lists); l++)
		count += json_count(json_member(body, lists[l].name));
	if (json_kind(body) != JSON_KIND_OBJECT || count > OPERATIONS_MAX)
		return refuse(all, 400, CODE_INVALID,
		    "a batch is an object of deletes, patches, puts and posts, at most %d together: "
		    "validation "
		    "failed",
		    OPERATIONS_MAX);
	for (size_t l = 0; l < NITEMS(lists); l++) {
		const struct json *list = json_member(body, lists[l].name);

		for (size_t i = 0; json_kind(list) == JSON_KIND_LIST && i < json_count(list); i++) {
			free(all->pointer);
			all->pointer = xasprintf("/%s/%zu", lists[l].name, i);
			if (!run_operation(all, lists[l].verb, json_item(list, i)))
				return false;
		}
	}
	return true;
}

void
records_batch(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	struct operations all;

	if (begin(&all, change, edit) && run_batch(&all, edit->call->body)) {
		write_all(&all);
		change->result = json_new_object();
		for (size_t l = 0; l < NITEMS(lists); l++) {
			struct json *list = json_new_list();

			for (size_t i = 0; i < all.count; i++)
				if (all.items[i].verb == lists[l].verb)
					json_add(list, show(&all, &all.items[i]));
			json_put(change->result, lists[l].name, list);
		}
	}
	end(&all);
}

/* ---- import ---- */

/* One record of the file. Those that are there already are not counted as added. */
static bool
import_record(struct operations *all, const struct record_place *place, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, uint16_t len)
{
	struct record_input input = {.type = type, .rdata = xmemdup(rdata, len), .len = len, .ttl = ttl};
	bool good = true;

	if (!is_there(all, place, type, rdata, len)) {
		good = fits_in(all, place, &input) && add(all, place, &input);
		if (good) {
			input.note = json_new_object();
			put_times(input.note, NULL);
			keep(all, VERB_POST, place, &input, NULL);
		}
	}
	free_input(&input);
	return good;
}

/* All records of a file but the SOA and the nameservers of the zone itself. */
static size_t
import_rows(struct operations *all, const struct zone_data *data)
{
	struct record_place *place = xcalloc(1, sizeof *place);
	uint8_t owner[2 * NAME_MAX_LEN];
	size_t parsed = 0;

	place->zone = all->zone;
	for (size_t r = 0; r < data->count; r++) {
		const struct zone_row *row = &data->rows[r];
		uint16_t type = get16(row->key + row->key_len - 2), len;
		int relative = name_from_key(owner, row->key, row->key_len - 2);
		struct rrset rrset;
		const uint8_t *at;

		if (relative < 0 || type == TYPE_SOA || (type == TYPE_NS && row->key_len == 3) ||
		    !rrset_decode(&rrset, type, row->value, row->value_len))
			continue;
		memcpy(owner + relative, all->zone.name, name_len(all->zone.name));
		memcpy(place->name, owner, name_len(owner));
		name_to_host(place->name, place->host);
		place->key_len = row->key_len - 2;
		memcpy(place->key_octets, row->key, place->key_len);
		at = rrset.records;
		for (unsigned i = 0; i < rrset.count; i++, parsed++) {
			const uint8_t *rdata = rrset_next(&at, &len);

			import_record(all, place, type, rrset.ttl, rdata, len);
		}
	}
	free(place);
	return parsed;
}

void
records_import(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	struct zone_data data = {0};
	struct operations all;
	size_t parsed;

	if (begin(&all, change, edit)) {
		if (!record_import_read(edit->call, &all.zone, &data)) {
			problems_error(&change->problems, "the file is invalid");
		} else {
			parsed = import_rows(&all, &data);
			if (change->problems.errors == 0) {
				write_all(&all);
				change->result = json_new_object();
				json_put_integer(change->result, "recs_added", (long long)all.count);
				json_put_integer(change->result, "total_records_parsed", (long long)parsed);
			}
		}
	}
	zone_data_free(&data);
	end(&all);
}
