#include "admin/api/records.h"

#include "admin/api/record_filter.h"
#include "admin/api/record_index.h"
#include "admin/api/sending.h"
#include "admin/api/zones.h"
#include "admin/edit/zone_load.h"
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

/* ---- one record ---- */

/* The SOA, and what a signer or the parent's delegation has: never shown or changed as a record. */
static bool
is_hidden(struct bytes owner_key, uint16_t type)
{
	return type == TYPE_SOA || zonefile_is_dnssec(type) || (type == TYPE_NS && owner_key.len == 1);
}

static struct json *
read_note(struct store_txn *txn, const struct record_at *at)
{
	struct record_note note;

	return record_note_get(txn, at, &note) ? json_read_quietly(note.json) : NULL;
}

/* The record of an RRset that has an id. */
struct search {
	struct store_txn *txn;
	const struct zone_info *zone;
	const char *id;
	uint16_t type; /* 0: any, whose half of the id is hash */
	uint64_t hash;
	struct record *record;
};

static bool
look_at_rrset(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct search *search = arg;
	const uint8_t *at = rrset->records;
	uint16_t len;

	if (is_hidden(owner_key, rrset->type) ||
	    (search->type != 0 ? rrset->type != search->type
			       : record_rrset_hash(search->zone, owner_key, rrset->type) != search->hash))
		return true;
	for (unsigned i = 0; i < rrset->count; i++) {
		const uint8_t *rdata = rrset_next(&at, &len);
		struct record_at here = {search->zone, owner_key, rrset->type, {rdata, len}};
		struct id id = record_id(search->txn, &here);

		if (strcmp(id.text, search->id) != 0)
			continue;
		*search->record =
		    (struct record){here, rrset->ttl, rrset->flags, read_note(search->txn, &here)};
		return false;
	}
	return true;
}

/* False: found. */
static bool
look_at_owner(void *arg, struct bytes owner_key)
{
	struct search *search = arg;

	return config_each_row(search->txn, search->zone->number, &owner_key, look_at_rrset, search);
}

bool
records_find(struct store_txn *txn, const struct zone_info *zone, const char *id, struct record *record)
{
	struct search search = {.txn = txn, .zone = zone, .id = id, .record = record};
	uint8_t octets[ID_LEN / 2], owner_octets[NAME_MAX_KEY];
	struct record_note note;
	struct bytes owner;

	if (!id_valid(id) || !octets_from_hex(octets, id, sizeof octets))
		return false;
	search.hash = get64(octets);
	*record = (struct record){.ttl = 0};
	if (!record_note_by_id(txn, zone, id, &note)) {
		record_index_find(txn, zone, search.hash, look_at_owner, &search);
		return record->at.zone != NULL;
	}
	memcpy(owner_octets, note.owner_key.data, note.owner_key.len);
	owner = (struct bytes){owner_octets, note.owner_key.len};
	search.type = note.type;
	return !config_each_row(txn, zone->number, &owner, look_at_rrset, &search);
}

void
records_get(struct call *call, const struct route *route, const struct scene *scene)
{
	struct zone_info zone;
	struct record record;

	(void)route;
	if (!zones_of_call(call, scene->config, &zone))
		return;
	if (!id_valid(call->captures[1]))
		call_error(call, 404, CODE_NO_ROUTE,
		    "Could not route to %s, perhaps your object identifier is invalid?", call->path);
	else if (!records_find(scene->config, &zone, call->captures[1], &record))
		call_error(call, 404, CODE_RECORD_NOT_FOUND, "Record does not exist.");
	else {
		call_result(call, record_shape_show(scene->config, &record));
		json_drop(record.note);
	}
}

/* ---- lists ---- */

/* A record that is to be sorted. */
struct sorted {
	struct record record; /* without its note */
	char *text;           /* name, type or content */
	size_t place;         /* in the order of the store */
};

struct listing {
	struct store_txn *txn;
	const struct zone_info *zone;
	struct record_filter filter;
	bool noted;
	size_t first, last, total;
	struct json *list;
	enum { ORDER_NONE, ORDER_NAME, ORDER_TYPE, ORDER_CONTENT, ORDER_TTL } order;
	bool down;
	struct sorted *sorted;
	size_t nsorted;
};

static void
add_sorted(struct listing *listing, const struct record *record, const char *name)
{
	char type[16];

	listing->sorted = array_grow(listing->sorted, listing->nsorted, sizeof *listing->sorted);
	zonefile_type_text(record->at.type, type);
	listing->sorted[listing->nsorted] = (struct sorted){.record = *record,
	    .text = listing->order == ORDER_NAME ? xstrdup(name)
		: listing->order == ORDER_TYPE   ? xstrdup(type)
		: listing->order == ORDER_TTL    ? NULL
						 : record_shape_content(record),
	    .place = listing->nsorted};
	listing->sorted[listing->nsorted++].record.note = NULL;
}

static void
add_record(struct listing *listing, struct record *record, const char *name)
{
	bool on_page = listing->total >= listing->first && listing->total < listing->last;

	if (listing->order != ORDER_NONE && listing->nsorted < RECORDS_ORDER_MAX)
		add_sorted(listing, record, name);
	else if (listing->order == ORDER_NONE && on_page) {
		if (record->note == NULL && listing->noted)
			record->note = read_note(listing->txn, &record->at);
		json_add(listing->list, record_shape_show(listing->txn, record));
	}
	listing->total++;
}

static bool
list_rrset(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct listing *listing = arg;
	const struct record_filter *filter = &listing->filter;
	bool filtered = filter->any || filter->needs_text || filter->needs_notes || filter->proxied;
	struct record record = {
	    .at = {listing->zone, owner_key, rrset->type, {0}}, .ttl = rrset->ttl, .flags = rrset->flags};
	bool named = listing->order == ORDER_NAME || filter->any || filter->search != NULL ||
	    filter->name.contains != NULL || filter->name.starts != NULL || filter->name.ends != NULL ||
	    filter->name.exact != NULL;
	char name[NAME_MAX_TEXT] = "";
	const uint8_t *at = rrset->records;
	uint16_t len;

	if (is_hidden(owner_key, rrset->type))
		return true;
	if (named)
		record_shape_name(&record, name);
	if (!record_filter_rrset(filter, name, rrset->type))
		return true;
	/* Records that only count are not looked at. */
	if (!filtered && listing->order == ORDER_NONE &&
	    (listing->total + rrset->count <= listing->first || listing->total >= listing->last)) {
		listing->total += rrset->count;
		return true;
	}
	for (unsigned i = 0; i < rrset->count; i++) {
		record.at.rdata.data = rrset_next(&at, &len);
		record.at.rdata.len = len;
		/* The form of TXT is in its note, too. */
		if (listing->noted && (filtered || listing->order == ORDER_CONTENT))
			record.note = read_note(listing->txn, &record.at);
		if (record_filter_fits(filter, &record, name))
			add_record(listing, &record, name);
		json_drop(record.note);
		record.note = NULL;
	}
	return true;
}

static int
compare_ascending(const void *a_arg, const void *b_arg)
{
	const struct sorted *a = a_arg, *b = b_arg;
	int order = a->text != NULL ? strcasecmp(a->text, b->text)
				    : (a->record.ttl > b->record.ttl) - (a->record.ttl < b->record.ttl);

	return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static int
compare_descending(const void *a_arg, const void *b_arg)
{
	const struct sorted *a = a_arg, *b = b_arg;
	int order = a->text != NULL ? strcasecmp(b->text, a->text)
				    : (b->record.ttl > a->record.ttl) - (b->record.ttl < a->record.ttl);

	return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static void
show_sorted(struct listing *listing)
{
	if (listing->nsorted > 1)
		qsort(listing->sorted, listing->nsorted, sizeof *listing->sorted,
		    listing->down ? compare_descending : compare_ascending);
	for (size_t i = listing->first; i < MIN(listing->last, listing->nsorted); i++) {
		struct record *record = &listing->sorted[i].record;

		record->note = read_note(listing->txn, &record->at);
		json_add(listing->list, record_shape_show(listing->txn, record));
		json_drop(record->note);
	}
}

static void
read_order(struct listing *listing, const struct call *call)
{
	static const char *const words[] = {"", "name", "type", "content", "ttl"};
	const char *order = call_parameter(call, "order"), *direction = call_parameter(call, "direction");

	for (size_t i = 1; order != NULL && i < NITEMS(words); i++)
		if (strcmp(order, words[i]) == 0)
			listing->order = (int)i;
	listing->down = direction != NULL && strcmp(direction, "desc") == 0;
	/* Without an order, downwards is by name. */
	if (listing->down && order == NULL)
		listing->order = ORDER_NAME;
}

bool
records_list_is_short(const struct call *call)
{
	const char *name = call_parameter(call, "name"), *exact = call_parameter(call, "name.exact"),
		   *match = call_parameter(call, "match");

	return ((name != NULL && *name != '\0') || (exact != NULL && *exact != '\0')) &&
	    (match == NULL || strcmp(match, "any") != 0);
}

/* Read what the filters find. A whole name is one place of the store, without a look at others. */
static void
run_listing(struct listing *listing)
{
	uint8_t name[NAME_MAX_LEN], octets[NAME_MAX_KEY];
	struct bytes owner = {octets, 0};
	bool one = listing->filter.exact_name != NULL && !listing->filter.any;

	if (one && name_from_text(name, listing->filter.exact_name, NULL) > 0 &&
	    name_within(name, listing->zone->name))
		owner.len = name_to_key(octets, name, listing->zone->name);
	if (!one || owner.len > 0)
		config_each_row(
		    listing->txn, listing->zone->number, one ? &owner : NULL, list_rrset, listing);
}

void
records_list(struct call *call, const struct route *route, const struct scene *scene)
{
	unsigned page = call_number(call, "page", 1, 100000000, 1),
		 per_page = call_number(call, "per_page", 1, RECORDS_PAGE_MAX, RECORDS_PAGE);
	struct listing listing = {.txn = scene->config, .first = (size_t)(page - 1) * per_page};
	struct zone_info zone;

	(void)route;
	if (!zones_of_call(call, scene->config, &zone))
		return;
	listing.zone = &zone;
	listing.last = listing.first + per_page;
	listing.list = json_new_list();
	listing.noted = record_notes_any(scene->config, &zone);
	record_filter_read(&listing.filter, call, &zone);
	read_order(&listing, call);
	run_listing(&listing);
	if (listing.order != ORDER_NONE && listing.total > RECORDS_ORDER_MAX)
		call_error(call, 400, CODE_INVALID,
		    "order: %zu records fit, and at most %d are sorted: narrow them by a filter, or leave "
		    "order "
		    "out: validation failed",
		    listing.total, RECORDS_ORDER_MAX);
	else
		show_sorted(&listing);
	if (call->reply.errors == NULL)
		call_list(call, listing.list, page, per_page, listing.total);
	else
		json_drop(listing.list);
	for (size_t i = 0; i < listing.nsorted; i++)
		free(listing.sorted[i].text);
	free(listing.sorted);
	record_filter_free(&listing.filter);
}

/* ---- export ---- */

void
records_export(struct call *call, const struct route *route, const struct scene *scene)
{
	struct zone_info zone;
	FILE *file;
	int error;

	(void)route;
	if (!zones_of_call(call, scene->config, &zone))
		return;
	file = text_spool(scene->state);
	if (file != NULL && zone_load_write(file, scene->config, &zone)) {
		call_file(call, file, "text/plain; charset=utf-8", NULL);
		return;
	}
	error = errno;
	call_error(call, 500, CODE_STORE, "cannot write an export in %s: %s%s", scene->state, strerror(error),
	    store_write_cure(-error));
	if (file != NULL)
		fclose(file);
}
