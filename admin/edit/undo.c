#include "admin/edit/undo.h"

#include "admin/edit/document.h"
#include "admin/edit/object.h"
#include "admin/edit/pins_edit.h"
#include "admin/edit/serial.h"
#include "admin/edit/zone_load.h"
#include "zones/base/array.h"
#include "zones/document/document_load.h"
#include "zones/document/schema.h"
#include "zones/state/record_notes.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

/* An item of the entry, kept while others are written. */
struct step {
	struct config_item item;
	uint8_t *key, *before, *after;
};

struct undoing {
	struct change *change;
	uint64_t sequence;
	struct step *steps;
	size_t count;
};

static bool
keep_step(void *arg, const struct config_item *item)
{
	struct undoing *undoing = arg;
	struct step *step;

	undoing->steps = array_grow(undoing->steps, undoing->count, sizeof *undoing->steps);
	step = &undoing->steps[undoing->count++];
	*step = (struct step){.item = *item,
	    .key = xmemdup(item->owner_key.data, item->owner_key.len),
	    .before = xmemdup(item->before.data, item->before.len),
	    .after = xmemdup(item->after.data, item->after.len)};
	step->item.owner_key.data = step->key;
	step->item.before.data = step->before;
	step->item.after.data = step->after;
	return true;
}

static void
steps_free(struct undoing *undoing)
{
	for (size_t i = 0; i < undoing->count; i++) {
		free(undoing->steps[i].key);
		free(undoing->steps[i].before);
		free(undoing->steps[i].after);
	}
	free(undoing->steps);
}

/* Which later command touched the same thing last; 0: none. */
struct later {
	const struct config_item *item;
	struct store_txn *txn;
	uint64_t current, found;
};

static bool
same_thing(void *arg, const struct config_item *item)
{
	struct later *later = arg;
	const struct config_item *mine = later->item;
	bool same = item->what == mine->what && item->what == CONFIG_OBJECT && item->kind == mine->kind &&
	    strcmp(item->id.text, mine->id.text) == 0;

	if (item->what == CONFIG_NOTE && mine->what == CONFIG_NOTE)
		same = item->zone == mine->zone &&
		    record_note_same(item->after.len > 0 ? item->after : item->before,
			mine->after.len > 0 ? mine->after : mine->before);
	/* A change of a zone is a change of its rows, and the reverse. */
	else if (item->what != CONFIG_OBJECT && mine->what != CONFIG_OBJECT && item->zone == mine->zone)
		same = item->what == CONFIG_ZONE || mine->what == CONFIG_ZONE ||
		    (item->type == mine->type && item->owner_key.len == mine->owner_key.len &&
			memcmp(item->owner_key.data, mine->owner_key.data, mine->owner_key.len) == 0);
	if (same)
		later->found = later->current;
	return true;
}

static bool
look_later(void *arg, uint64_t sequence, struct bytes head)
{
	struct later *later = arg;

	(void)head;
	later->current = sequence;
	config_each_item(later->txn, sequence, same_thing, later);
	return true;
}

static uint64_t
changed_later(struct undoing *undoing, const struct config_item *item)
{
	struct later later = {.item = item, .txn = undoing->change->txn};

	config_each_command(undoing->change->txn, undoing->sequence, look_later, &later);
	/* The undo's own entry does not exist yet, but its changes so far do. */
	return later.found;
}

static void
refuse_later(struct undoing *undoing, const struct config_item *item, const char *what)
{
	uint64_t sequence = changed_later(undoing, item);

	if (sequence > 0)
		problems_error(&undoing->change->problems,
		    "%s was changed again by command %llu: undo that first", what,
		    (unsigned long long)sequence);
	else
		problems_error(&undoing->change->problems, "%s was changed after command %llu", what,
		    (unsigned long long)undoing->sequence);
}

static bool
same_bytes(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Objects */

/* References of an object whose targets no longer exist. */
struct standing {
	struct undoing *undoing;
	enum kind kind; /* of the object that refers */
	const char *name;
};

static void
reference_stands(const struct standing *standing, enum kind refers, const char *id)
{
	struct change *change = standing->undoing->change;
	struct bytes json;

	if (id != NULL && id_valid(id) && !config_object(change->txn, refers, id, &json))
		problems_error(&change->problems,
		    "%s %s refers to a %s that has been deleted since: undo that deletion first",
		    kind_text(standing->kind), standing->name, kind_text(refers));
}

static void
references_in(const struct standing *standing, const struct property *property, const struct json *value)
{
	switch (property->type) {
	case PROPERTY_REFERENCE:
		reference_stands(standing, property->refers, json_text(value));
		break;
	case PROPERTY_OBJECT:
		for (const struct property *inner = property->inner; inner->name != NULL; inner++)
			references_in(standing, inner, json_member(value, inner->name));
		break;
	case PROPERTY_LIST:
		for (size_t i = 0; i < json_count(value); i++)
			references_in(standing, property->inner, json_item(value, i));
		break;
	case PROPERTY_MAP:
		for (const char *key = json_next_key(value, NULL); key != NULL;
		     key = json_next_key(value, key)) {
			if (property->keys_refer)
				reference_stands(standing, property->refers, key);
			references_in(standing, property->inner, json_member(value, key));
		}
		break;
	default: /* a text may only look like an id */
		break;
	}
}

static bool
references_stand(struct undoing *undoing, const struct config_item *item, const char *name)
{
	const struct standing standing = {undoing, item->kind, name};
	const struct property whole = {.type = PROPERTY_OBJECT, .inner = schema_of(item->kind)};
	size_t errors = undoing->change->problems.errors;
	struct json *before = json_read_quietly(item->before);

	references_in(&standing, &whole, before);
	json_drop(before);
	return undoing->change->problems.errors == errors;
}

/* An object as it was; but pins that were cleared, by a command or because stickiness ended, stay cleared
 * (S20).
 */
static void
put_before(struct change *change, const struct config_item *item, const char *name, const char *old_name)
{
	struct json *document = item->kind == KIND_LB ? json_read_quietly(item->before) : NULL, *now;
	char *text = NULL;

	if (document != NULL) {
		now = object_read(change->txn, KIND_LB, &item->id);
		pins_edit_keep(document, now, config_edit_sequence(change->edit));
		text = json_write(document, false);
		if (json_same(document, now))
			problems_error(&change->problems,
			    "load_balancer %s: pins that were cleared do not come back, and nothing else was "
			    "changed",
			    name);
		json_drop(now);
	}
	config_put_object(change->edit, item->kind, item->id.text, name, old_name,
	    text != NULL ? (struct bytes){text, strlen(text)} : item->before);
	free(text);
	json_drop(document);
}

static void
undo_object(struct undoing *undoing, const struct config_item *item)
{
	struct change *change = undoing->change;
	char name[256] = "?", old_name[256] = "", what[400];
	struct bytes now = {0};
	struct id holder;

	document_name(item->before.len > 0 ? item->before : item->after, name);
	if (item->after.len > 0)
		document_name(item->after, old_name);
	snprintf(what, sizeof what, "%s %s", kind_text(item->kind), name);
	config_object(change->txn, item->kind, item->id.text, &now);
	if (!same_bytes(now, item->after)) {
		refuse_later(undoing, item, what);
	} else if (item->before.len == 0) {
		object_delete(change, item->kind, &item->id); /* refused while something refers to it */
	} else if (config_object_id(change->txn, item->kind, name, &holder) &&
	    strcmp(holder.text, item->id.text) != 0) {
		problems_error(&change->problems, "there is another %s by now", what);
	} else if (references_stand(undoing, item, name)) {
		put_before(change, item, name, *old_name ? old_name : NULL);
	}
}

/* Zones */

struct zone_search {
	uint32_t number;
	struct zone_info *zone;
	bool found;
};

static bool
is_number(void *arg, const struct zone_info *zone)
{
	struct zone_search *search = arg;

	if (zone->number != search->number)
		return true;
	*search->zone = *zone;
	search->found = true;
	return false;
}

static bool
find_zone(struct store_txn *txn, uint32_t number, struct zone_info *zone)
{
	struct zone_search search = {.number = number, .zone = zone};

	config_each_zone(txn, is_number, &search);
	return search.found;
}

/* The current value of a row; empty if there is none. */
struct row_now {
	uint16_t type;
	struct bytes value;
};

static bool
keep_row(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct row_now *now = arg;

	(void)key;
	if (rrset->type == now->type)
		now->value = (struct bytes){rrset->records - RRSET_HEAD, rrset->len + RRSET_HEAD};
	return true;
}

static bool
is_soa(const struct config_item *item)
{
	return item->type == TYPE_SOA && item->owner_key.len == 1;
}

/* Rows of one zone, from first on, go back; returns the first step of another. */
static void
undo_rows(struct undoing *undoing, uint32_t number)
{
	struct change *change = undoing->change;
	struct zone_row *rows = xcalloc(undoing->count + 1, sizeof *rows), *soa = NULL;
	struct bytes soa_before = {0}, apex = {"", 1};
	struct row_now soa_now = {.type = TYPE_SOA};
	struct zone_info zone;
	size_t count = 0;

	if (!find_zone(change->txn, number, &zone)) {
		problems_error(&change->problems, "a zone that command %llu changed was deleted since",
		    (unsigned long long)undoing->sequence);
		free(rows);
		return;
	}
	for (size_t i = 0; i < undoing->count; i++) {
		const struct config_item *item = &undoing->steps[i].item;
		struct row_now now = {.type = item->type};

		if (item->what != CONFIG_OWNER || item->zone != number)
			continue;
		if (is_soa(item)) {
			soa_before = item->before;
			continue;
		}
		config_each_row(change->txn, number, &item->owner_key, keep_row, &now);
		if (!same_bytes(now.value, item->after)) {
			char text[NAME_MAX_TEXT], what[NAME_MAX_TEXT + 64], type[16];
			uint8_t owner[2 * NAME_MAX_LEN];
			int len = name_from_key(owner, item->owner_key.data, item->owner_key.len);

			memcpy(owner + MAX(len, 0), zone.name, name_len(zone.name));
			zonefile_type_text(item->type, type);
			snprintf(what, sizeof what, "%s %s", name_to_host(owner, text), type);
			refuse_later(undoing, item, what);
			continue;
		}
		rows[count] = (struct zone_row){.key = xmalloc(item->owner_key.len + 2),
		    .key_len = item->owner_key.len + 2,
		    .value = xmemdup(item->before.data, item->before.len),
		    .value_len = item->before.len};
		memcpy(rows[count].key, item->owner_key.data, item->owner_key.len);
		put16(rows[count++].key + item->owner_key.len, item->type);
	}
	/* The SOA as it was, but with a serial beyond the present one. */
	config_each_row(change->txn, number, &apex, keep_row, &soa_now);
	soa = &rows[count];
	if (serial_next_soa(soa, soa_before.len > 0 ? soa_before : soa_now.value, zone.serial) &&
	    change->problems.errors == 0)
		config_put_rrsets(change->edit, &zone, zone.serial + 1, rows, count + 1);
	for (size_t i = 0; i <= count; i++) {
		free(rows[i].key);
		free(rows[i].value);
	}
	free(rows);
}

/* Notes of records */

static void
refuse_note(struct undoing *undoing, const struct config_item *item, const struct zone_info *zone)
{
	char text[NAME_MAX_TEXT], what[NAME_MAX_TEXT + 64], type[16];
	uint8_t owner[2 * NAME_MAX_LEN] = {0};
	struct record_note note;
	int len;

	record_note_of(item->after.len > 0 ? item->after : item->before, &note);
	len = name_from_key(owner, note.owner_key.data, note.owner_key.len);
	memcpy(owner + MAX(len, 0), zone->name, name_len(zone->name));
	zonefile_type_text(note.type, type);
	snprintf(what, sizeof what, "the id or comment of %s %s", name_to_host(owner, text), type);
	refuse_later(undoing, item, what);
}

/* Has nobody changed the notes since? It is asked before rows go back, because notes go with their rows. */
static void
check_notes(struct undoing *undoing)
{
	for (size_t i = 0; i < undoing->count; i++) {
		const struct config_item *item = &undoing->steps[i].item;
		struct zone_info zone;

		if (item->what == CONFIG_NOTE && find_zone(undoing->change->txn, item->zone, &zone) &&
		    !same_bytes(record_note_now(undoing->change->txn, item->zone,
				    item->after.len > 0 ? item->after : item->before),
			item->after))
			refuse_note(undoing, item, &zone);
	}
}

/* The number of the zone of a note now: a zone that was deleted has come back with another one. */
static uint32_t
zone_now(struct undoing *undoing, uint32_t number)
{
	struct zone_info zone;

	for (size_t i = 0; i < undoing->count; i++) {
		const struct config_item *item = &undoing->steps[i].item;

		if (item->what == CONFIG_ZONE && item->fate == CONFIG_ZONE_DELETED && item->zone == number &&
		    config_zone(undoing->change->txn, item->owner_key.data, &zone))
			return zone.number;
	}
	return number;
}

static void
undo_notes(struct undoing *undoing)
{
	for (size_t i = undoing->count; i-- > 0;) {
		const struct config_item *item = &undoing->steps[i].item;

		if (item->what == CONFIG_NOTE)
			record_note_restore(
			    undoing->change->edit, zone_now(undoing, item->zone), item->before, item->after);
	}
}

/* A zone that was deleted comes back from the rows that its entry kept. */
static void
undo_deletion(struct undoing *undoing, const struct config_item *item)
{
	struct change *change = undoing->change;
	struct zone_data data = {.rows = xcalloc(undoing->count, sizeof(struct zone_row))};
	struct zone_difference difference;
	struct zone_info there;
	char name[NAME_MAX_TEXT];

	memcpy(data.apex, item->owner_key.data, item->owner_key.len);
	name_to_host(data.apex, name);
	for (size_t i = 0; i < undoing->count; i++) {
		const struct config_item *row = &undoing->steps[i].item;
		struct rrset soa;

		if (!row->kept_for_undo || row->zone != item->zone)
			continue;
		data.rows[data.count] =
		    (struct zone_row){.key = arena_take(&data.arena, row->owner_key.len + 2),
			.key_len = row->owner_key.len + 2,
			.value = arena_keep(&data.arena, row->before.data, row->before.len),
			.value_len = row->before.len};
		memcpy(data.rows[data.count].key, row->owner_key.data, row->owner_key.len);
		put16(data.rows[data.count++].key + row->owner_key.len, row->type);
		if (is_soa(row) && rrset_decode(&soa, TYPE_SOA, row->before.data, row->before.len) &&
		    soa.len > 22)
			data.serial = get32(soa.records + soa.len - 20);
	}
	if (config_zone(change->txn, data.apex, &there))
		problems_error(&change->problems, "the zone %s exists again", name);
	else if (data.count == 0)
		problems_error(&change->problems,
		    "the zone %s was too large to be kept in the log: load its file again", name);
	else
		config_put_zone(change->edit, &data, &difference);
	zone_data_free(&data);
}

static bool
name_in_zone(void *arg, const struct id *id, struct bytes json)
{
	struct undoing *undoing = arg;
	struct lb *lb = document_load_lb(json);
	struct zone_info zone;

	(void)id;
	for (size_t i = 0; lb != NULL && i < undoing->count; i++)
		if (undoing->steps[i].item.fate == CONFIG_ZONE_ADDED &&
		    undoing->steps[i].item.what == CONFIG_ZONE &&
		    config_zone_of(undoing->change->txn, lb->wire, &zone) &&
		    zone.number == undoing->steps[i].item.zone)
			problems_error(&undoing->change->problems,
			    "load_balancer %s is in a zone that would go: delete it first (S7)", lb->name);
	model_free_lb(lb);
	return true;
}

static void
undo_zone(struct undoing *undoing, const struct config_item *item)
{
	struct change *change = undoing->change;
	char name[NAME_MAX_TEXT];
	struct zone_info zone;

	name_to_host(item->owner_key.data, name);
	if (item->fate == CONFIG_ZONE_DELETED) {
		undo_deletion(undoing, item);
	} else if (item->fate == CONFIG_ZONE_REPLACED) {
		problems_error(&change->problems,
		    "the zone %s was replaced by more than the log keeps: load its former file again", name);
	} else if (!find_zone(change->txn, item->zone, &zone) || changed_later(undoing, item) > 0) {
		refuse_later(undoing, item, name);
	} else {
		config_each_object(change->txn, KIND_LB, name_in_zone, undoing);
		if (change->problems.errors == 0)
			config_delete_zone(change->edit, &zone);
	}
}

/* Objects are restored in the opposite order of their references: load balancers, pools, monitors for those
 * that are deleted... */
static void
undo_objects(struct undoing *undoing, bool deleting)
{
	static const enum kind order[] = {
	    KIND_LB, KIND_POOL, KIND_MONITOR_GROUP, KIND_MONITOR, KIND_NODE, KIND_DNSSEC};

	for (size_t k = 0; k < NITEMS(order); k++) {
		enum kind kind = deleting ? order[k] : order[NITEMS(order) - 1 - k];

		for (size_t i = 0; i < undoing->count; i++) {
			const struct config_item *item = &undoing->steps[i].item;

			if (item->what == CONFIG_OBJECT && item->kind == kind &&
			    (item->before.len == 0) == deleting)
				undo_object(undoing, item);
		}
	}
}

static void
undo_zones(struct undoing *undoing)
{
	for (size_t i = 0; i < undoing->count; i++) {
		const struct config_item *item = &undoing->steps[i].item;
		bool first = true;

		if (item->what == CONFIG_ZONE) {
			undo_zone(undoing, item);
			continue;
		}
		if (item->what != CONFIG_OWNER || item->kept_for_undo)
			continue;
		for (size_t n = 0; n < i; n++)
			first = first &&
			    !(undoing->steps[n].item.what == CONFIG_OWNER &&
				undoing->steps[n].item.zone == item->zone);
		if (first)
			undo_rows(undoing, item->zone);
	}
}

void
undo_command(struct change *change, void *arg)
{
	struct undoing undoing = {.change = change, .sequence = *(uint64_t *)arg};

	config_each_item(change->txn, undoing.sequence, keep_step, &undoing);
	if (undoing.count == 0) {
		change_refuse(change, CHANGE_ABSENT,
		    "there is no command %llu in the log; graycloud log lists them",
		    (unsigned long long)undoing.sequence);
	} else if (undoing.steps[0].item.what == CONFIG_ALL) {
		problems_error(&change->problems, "command %llu restored a backup: restore another one",
		    (unsigned long long)undoing.sequence);
	} else {
		/* First restore the changed and deleted objects, then delete the created ones; zones are
		 * restored before and deleted after both. */
		check_notes(&undoing);
		undo_objects(&undoing, false);
		undo_objects(&undoing, true);
		undo_zones(&undoing);
		if (change->problems.errors == 0)
			undo_notes(&undoing);
		change->message = xasprintf("command %llu is undone", (unsigned long long)undoing.sequence);
		change->result = json_new_object();
		json_put_integer(change->result, "undone", (long long)undoing.sequence);
	}
	steps_free(&undoing);
}
