#include "admin/edit/record_edit.h"

#include "zones/base/array.h"
#include "zones/dns/idn.h"
#include "zones/dns/name.h"

#include <stdlib.h>
#include <time.h>

/* A record that was added, for the warnings at the end. */
struct added {
	struct record_place place;
	uint16_t type;
	bool first;
	uint8_t *rdata;
};

struct record_edit {
	struct change *change;
	struct zone_info zone;
	struct zone_row *rows; /* changed RRsets, and room for the SOA */
	size_t nrows;
	struct added *added;
	size_t nadded;
	struct record_place *deleted; /* where addresses were deleted */
	size_t ndeleted;
};

/* ---- places ---- */

static bool
owner_from_text(uint8_t out[NAME_MAX_LEN], const char *text, const uint8_t *apex)
{
	if (idn_name_from_text(out, text, NULL) != 0 && name_within(out, apex) && strcmp(text, "@") != 0)
		return true;
	return idn_name_from_text(out, text, apex) != 0;
}

bool
record_place_find(
    struct record_place *place, const struct zone_info *zone, const char *owner, struct problems *problems)
{
	char text[NAME_MAX_TEXT];

	place->zone = *zone;
	if (!owner_from_text(place->name, owner, zone->name)) {
		problems_error(problems, "\"%s\" is not a domain name", owner);
		return false;
	}
	name_lower(place->name, place->name);
	name_to_host(place->name, place->host);
	if (!name_within(place->name, zone->name)) {
		problems_error(
		    problems, "%s is not in the zone %s", place->host, name_to_host(zone->name, text));
		return false;
	}
	place->key_len = name_to_key(place->key_octets, place->name, zone->name);
	if (place->key_len == 0)
		problems_error(problems, "%s is too long to be stored", place->host);
	return place->key_len > 0;
}

/* ---- the edit ---- */

struct record_edit *
record_edit_new(struct change *change, const struct zone_info *zone)
{
	struct record_edit *edit = xcalloc(1, sizeof *edit);

	edit->change = change;
	edit->zone = *zone;
	return edit;
}

void
record_edit_free(struct record_edit *edit)
{
	for (size_t i = 0; i < edit->nrows; i++) {
		free(edit->rows[i].key);
		free(edit->rows[i].value);
	}
	for (size_t i = 0; i < edit->nadded; i++)
		free(edit->added[i].rdata);
	free(edit->rows);
	free(edit->added);
	free(edit->deleted);
	free(edit);
}

static bool
is_row(const struct zone_row *row, const struct bytes *owner_key)
{
	return row->key_len == owner_key->len + 2 && memcmp(row->key, owner_key->data, owner_key->len) == 0;
}

void
record_edit_rrsets(struct record_edit *edit, const struct bytes *owner_key, struct owner_rrsets *rrsets)
{
	owner_rrsets_read(rrsets, edit->change->txn, edit->zone.number, owner_key);
	for (size_t i = 0; i < edit->nrows; i++) {
		const struct zone_row *row = &edit->rows[i];
		uint16_t type;
		size_t at = 0;

		if (!is_row(row, owner_key))
			continue;
		type = get16(row->key + owner_key->len);
		while (at < rrsets->count && rrsets->items[at].type != type)
			at++;
		if (at == rrsets->count && row->value_len > 0)
			rrsets->items = array_grow(rrsets->items, rrsets->count++, sizeof *rrsets->items);
		if (row->value_len > 0)
			rrset_decode(&rrsets->items[at], type, row->value, row->value_len);
		else if (at < rrsets->count)
			rrsets->items[at] = rrsets->items[--rrsets->count];
	}
}

/* The RRset gets this value, which is taken over; its memory is cut to its length. */
static void
put_value(struct record_edit *edit, const struct bytes *owner_key, uint16_t type, struct value *value)
{
	struct zone_row *row = NULL;
	uint8_t *octets = xmemdup(value->octets, value->len);

	free(value->octets);
	for (size_t i = 0; i < edit->nrows && row == NULL; i++)
		if (is_row(&edit->rows[i], owner_key) && get16(edit->rows[i].key + owner_key->len) == type)
			row = &edit->rows[i];
	if (row == NULL) {
		edit->rows = array_grow(edit->rows, edit->nrows, sizeof *edit->rows);
		row = &edit->rows[edit->nrows++];
		*row = (struct zone_row){.key = xmalloc(owner_key->len + 2), .key_len = owner_key->len + 2};
		memcpy(row->key, owner_key->data, owner_key->len);
		put16(row->key + owner_key->len, type);
	}
	free(row->value);
	row->value = octets;
	row->value_len = value->len;
}

static void
keep_added(
    struct record_edit *edit, const struct record_place *place, const struct record_wish *wish, bool first)
{
	edit->added = array_grow(edit->added, edit->nadded, sizeof *edit->added);
	edit->added[edit->nadded++] =
	    (struct added){*place, wish->type, first, xmemdup(wish->rdata, wish->len)};
}

/* Is the RRset of value valid? */
static bool
is_possible(struct change *change, const struct record_place *place, const struct record_wish *wish,
    const struct value *value, bool added)
{
	size_t answer = rrset_answer_len(value->len, value->count);

	if (answer > RRSET_ANSWER_MAX)
		problems_error(&change->problems,
		    "the RRset of %s would have %zu octets in an answer: it has at most %d", place->host,
		    answer, RRSET_ANSWER_MAX);
	else if (added && value->count > 1 && (wish->type == TYPE_CNAME || wish->type == TYPE_DNAME))
		problems_error(&change->problems,
		    "%s has one already, and only one is permitted (RFC 2181 10.1): delete it first",
		    place->host);
	else
		return true;
	return false;
}

enum record_done
record_edit_add(struct record_edit *edit, const struct record_place *place, const struct record_wish *wish)
{
	struct bytes key = {place->key_octets, place->key_len};
	struct owner_rrsets rrsets;
	const struct rrset *rrset;
	uint8_t flags = RRSET_BY_RECORD | (wish->automatic ? RRSET_AUTOMATIC : 0);
	uint32_t ttl_before = RECORD_TTL_DEFAULT, ttl;
	enum record_done done = RECORD_REFUSED;
	struct value value;
	unsigned before;
	bool added;

	record_edit_rrsets(edit, &key, &rrsets);
	rrset = owner_rrsets_find(&rrsets, wish->type);
	before = rrset != NULL ? rrset->count : 0;
	if (rrset != NULL)
		ttl_before = rrset->ttl;
	if (rrset != NULL && !wish->ttl_given)
		flags |= rrset->flags;
	ttl = wish->ttl_given ? wish->ttl : ttl_before;
	value_begin(&value);
	added = value_with(&value, rrset, wish->type, wish->rdata, wish->len);
	value_end(&value, flags, ttl);
	if (!added && ttl == ttl_before && (flags & RRSET_AUTOMATIC) == (rrset->flags & RRSET_AUTOMATIC))
		done = RECORD_PRESENT;
	else if (is_possible(edit->change, place, wish, &value, added))
		done = added ? RECORD_ADDED : RECORD_TTL_CHANGED;
	if (done > RECORD_PRESENT) {
		if (ttl != ttl_before && (added ? before : before - 1) > 0)
			problems_warn(&edit->change->problems,
			    "the other records of %s and this type get the TTL %u too (RFC 2181 5.2)",
			    place->host, ttl);
		put_value(edit, &key, wish->type, &value);
		keep_added(edit, place, wish, before == 0);
	} else {
		free(value.octets);
	}
	owner_rrsets_free(&rrsets);
	return done;
}

static void
keep_deleted(struct record_edit *edit, const struct record_place *place)
{
	edit->deleted = array_grow(edit->deleted, edit->ndeleted, sizeof *edit->deleted);
	edit->deleted[edit->ndeleted++] = *place;
}

size_t
record_edit_delete(struct record_edit *edit, const struct record_place *place, uint16_t type,
    const uint8_t *rdata, uint16_t len)
{
	struct bytes key = {place->key_octets, place->key_len};
	struct owner_rrsets rrsets;
	size_t count = 0;

	record_edit_rrsets(edit, &key, &rrsets);
	for (size_t i = 0; i < rrsets.count; i++) {
		const struct rrset *rrset = &rrsets.items[i];
		struct value value;

		if ((type != 0 && rrset->type != type) || rrset->type == TYPE_SOA)
			continue;
		value_begin(&value);
		if (rdata != NULL && !value_without(&value, rrset, rdata, len)) {
			free(value.octets);
			continue;
		}
		value_end(&value, rrset->flags, rrset->ttl);
		if (rrset->type == TYPE_NS && value.count == 0 && name_equal(place->name, place->zone.name))
			change_guard(edit->change, "%s would have no nameserver left", place->host);
		put_value(edit, &key, rrset->type, &value);
		count++;
	}
	if (count > 0 && (type == 0 || type == TYPE_A || type == TYPE_AAAA))
		keep_deleted(edit, place);
	owner_rrsets_free(&rrsets);
	return count;
}

/* ---- the end ---- */

static uint32_t
next_serial(enum record_serial rule, uint32_t serial)
{
	uint32_t next = serial + 1 != 0 ? serial + 1 : 1, wanted = next;
	time_t now = time(NULL);
	struct tm today;

	if (rule == RECORD_SERIAL_KEEP)
		return serial;
	gmtime_r(&now, &today);
	if (rule == RECORD_SERIAL_DATE)
		wanted = (uint32_t)((today.tm_year + 1900) * 1000000 + (today.tm_mon + 1) * 10000 +
		    today.tm_mday * 100);
	else if (rule == RECORD_SERIAL_UNIXTIME)
		wanted = (uint32_t)now;
	/* RFC 1982: never back; a serial that is ahead of its rule rises by one. */
	return wanted - next < UINT32_C(0x80000000) ? wanted : next;
}

/* The SOA with its next serial becomes one of the rows; false if the zone has none that can be read. */
static bool
add_soa(struct record_edit *edit, enum record_serial rule, uint32_t *serial)
{
	static const uint8_t apex_octets[] = {0};
	const struct bytes apex = {apex_octets, sizeof apex_octets};
	struct owner_rrsets rrsets;
	const struct rrset *soa;
	struct value value;
	const uint8_t *at, *rdata;
	char name[NAME_MAX_TEXT];
	uint16_t len = 0;
	bool found;

	owner_rrsets_read(&rrsets, edit->change->txn, edit->zone.number, &apex);
	soa = owner_rrsets_find(&rrsets, TYPE_SOA);
	at = soa != NULL ? soa->records : NULL;
	rdata = soa != NULL ? rrset_next(&at, &len) : NULL;
	found = rdata != NULL && len > 20;
	if (found) {
		*serial = next_serial(rule, get32(rdata + len - 20));
		value_begin(&value);
		value_add(&value, rdata, len);
		put32(value.octets + value.len - 20, *serial);
		value_end(&value, soa->flags, soa->ttl);
		put_value(edit, &apex, TYPE_SOA, &value);
	} else {
		problems_error(&edit->change->problems, "the zone %s has no readable SOA: load it again",
		    name_to_host(edit->zone.name, name));
	}
	owner_rrsets_free(&rrsets);
	return found;
}

bool
record_edit_end(struct record_edit *edit, enum record_serial rule, uint32_t *serial)
{
	*serial = edit->zone.serial;
	if (edit->nrows == 0 || !add_soa(edit, rule, serial))
		return false;
	config_put_rrsets(edit->change->edit, &edit->zone, *serial, edit->rows, edit->nrows);
	for (size_t i = 0; i < edit->nadded; i++)
		record_warn_added(edit->change, &edit->added[i].place, edit->added[i].type,
		    edit->added[i].first, edit->added[i].rdata);
	for (size_t i = 0; i < edit->ndeleted; i++)
		record_warn_deleted(edit->change, &edit->deleted[i]);
	return true;
}
