#include "admin/edit/zone_load.h"

#include "admin/edit/rrset_edit.h"
#include "admin/look/surroundings.h"
#include "zones/base/text.h"
#include "zones/dns/idn.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <errno.h>
#include <stdlib.h>

enum { DROPPED_MAX = 20 }; /* more records than that are summed up */

/* RFC 1982 3.2 */
static bool
serial_rose(uint32_t before, uint32_t after)
{
	return after != before && after - before < UINT32_C(0x80000000);
}

/* The data that `record` put into a zone that is loaded again. */
struct dropped {
	struct change *change;
	const struct zone_data *data;
	const char *file;
	size_t count;
};

static int
compare_row(const void *key_arg, const void *row_arg)
{
	const struct zone_row *key = key_arg, *row = row_arg;
	int order = memcmp(key->key, row->key, MIN(key->key_len, row->key_len));

	return order != 0 ? order : (key->key_len > row->key_len) - (key->key_len < row->key_len);
}

static void
warn_dropped(
    struct dropped *dropped, struct bytes owner_key, uint16_t type, const uint8_t *rdata, uint16_t len)
{
	uint8_t owner[2 * NAME_MAX_LEN];
	int relative = name_from_key(owner, owner_key.data, owner_key.len);
	char *text;

	if (relative < 0 || ++dropped->count > DROPPED_MAX)
		return;
	memcpy(owner + relative, dropped->data->apex, name_len(dropped->data->apex));
	text = record_text(owner, type, rdata, len);
	problems_warn(&dropped->change->problems, "%s was added by `record` and is not in %s: it is dropped",
	    text, dropped->file);
	free(text);
}

static bool
find_dropped(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct dropped *dropped = arg;
	uint8_t octets[NAME_MAX_KEY];
	struct zone_row wanted = {.key = octets, .key_len = owner_key.len + 2}, *row;
	const uint8_t *at = rrset->records;
	struct rrset after = {0};

	if (!(rrset->flags & RRSET_BY_RECORD) || wanted.key_len > sizeof octets)
		return true;
	memcpy(octets, owner_key.data, owner_key.len);
	put16(octets + owner_key.len, rrset->type);
	row = bsearch(&wanted, dropped->data->rows, dropped->data->count, sizeof *row, compare_row);
	if (row != NULL)
		rrset_decode(&after, rrset->type, row->value, row->value_len);
	for (unsigned i = 0; i < rrset->count; i++) {
		uint16_t len;
		const uint8_t *rdata = rrset_next(&at, &len);

		if (!rrset_has(&after, rdata, len))
			warn_dropped(dropped, owner_key, rrset->type, rdata, len);
	}
	return true;
}

static void
warn_of_dropped(
    struct change *change, const struct zone_info *zone, const struct zone_data *data, const char *file)
{
	struct dropped dropped = {
	    .change = change, .data = data, .file = strcmp(file, "-") == 0 ? "standard input" : file};
	char name[NAME_MAX_TEXT];

	config_each_row(change->txn, zone->number, NULL, find_dropped, &dropped);
	if (dropped.count > DROPPED_MAX)
		problems_warn(&change->problems,
		    "%s: %zu more records were added by `record` and are not in %s: they are dropped",
		    name_to_host(data->apex, name), dropped.count - DROPPED_MAX, dropped.file);
}

void
zone_load_put(
    struct change *change, const struct zone_data *data, const char *file, struct zone_loaded *loaded)
{
	const struct zone_difference *difference = &loaded->difference;
	struct zone_info before;
	char name[NAME_MAX_TEXT];

	*loaded = (struct zone_loaded){
	    .existed = config_zone(change->txn, data->apex, &before), .rrsets = data->count};
	if (loaded->existed)
		warn_of_dropped(change, &before, data, file);
	config_put_zone(change->edit, data, &loaded->difference);
	config_zone(change->txn, data->apex, &loaded->zone);
	if (loaded->existed && difference->added + difference->changed + difference->deleted > 0 &&
	    !serial_rose(before.serial, data->serial))
		problems_warn(&change->problems,
		    "%s: data changed and the serial did not rise (it was %u, now it is %u): secondary "
		    "servers and people would not notice (S33)",
		    name_to_host(data->apex, name), before.serial, data->serial);
}

/* Loaded zones, to be found by their numbers. */
struct numbers {
	struct change *change;
	uint32_t *items;
	size_t count;
};

static int
compare_numbers(const void *a_arg, const void *b_arg)
{
	uint32_t a = *(const uint32_t *)a_arg, b = *(const uint32_t *)b_arg;

	return (a > b) - (a < b);
}

static bool
is_loaded(void *arg, const struct zone_info *zone)
{
	const struct numbers *numbers = arg;

	return bsearch(&zone->number, numbers->items, numbers->count, sizeof *numbers->items,
		   compare_numbers) != NULL;
}

static bool
warn_of_lb(void *arg, const char *name, const struct surroundings *place)
{
	struct numbers *numbers = arg;
	char at[NAME_MAX_TEXT];

	if (place->hidden_by != 0)
		problems_warn(&numbers->change->problems,
		    "the load balancer %s is never answered: it is %s %s (S7)", name,
		    place->hidden_by == TYPE_NS ? "at or below the delegation" : "below the DNAME",
		    name_to_host(place->hidden_at, at));
	if (place->hints)
		problems_warn(&numbers->change->problems,
		    "the HTTPS or SVCB record at the load balancer %s has address hints, which "
		    "lead clients past it: remove ipv4hint and ipv6hint (S9)",
		    name);
	return true;
}

void
zone_load_warn(struct change *change, const struct zone_loaded *loaded, size_t count)
{
	struct numbers numbers = {.change = change, .count = count};

	if (count == 0)
		return;
	numbers.items = xcalloc(count, sizeof *numbers.items);
	for (size_t i = 0; i < count; i++)
		numbers.items[i] = loaded[i].zone.number;
	qsort(numbers.items, count, sizeof *numbers.items, compare_numbers);
	surroundings_each_lb(change->txn, is_loaded, warn_of_lb, &numbers);
	free(numbers.items);
}

/* The SOA comes first, the rest after it. */
struct export
{
	const struct zone_info *zone;
	FILE *out;
	bool soa;  /* only this one is written; otherwise all but this one */
	int error; /* of the first write that failed */
};

static bool
export_row(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct export *export = arg;
	uint8_t owner[2 * NAME_MAX_LEN];
	int relative = name_from_key(owner, owner_key.data, owner_key.len);

	if (relative < 0 || (rrset->type == TYPE_SOA) != export->soa)
		return true;
	memcpy(owner + relative, export->zone->name, name_len(export->zone->name));
	zonefile_write(export->out, owner, rrset);
	export->error = ferror(export->out) ? errno : 0;
	return export->error == 0;
}

bool
zone_load_write(FILE *out, struct store_txn *txn, const struct zone_info *zone)
{
	static const uint8_t apex_octets[] = {0};
	const struct bytes apex = {apex_octets, sizeof apex_octets};
	struct export export = {.zone = zone, .out = out, .soa = true};
	char name[NAME_MAX_TEXT];

	fprintf(out, "$ORIGIN %s\n", name_to_text(zone->name, name));
	if (config_each_row(txn, zone->number, &apex, export_row, &export)) {
		export.soa = false;
		config_each_row(txn, zone->number, NULL, export_row, &export);
	}
	if (export.error == 0 && fflush(out) != 0)
		export.error = errno;
	errno = export.error;
	return export.error == 0;
}

char *
zone_load_text(struct store_txn *txn, const struct zone_info *zone)
{
	char *text;
	size_t len;
	FILE *out = text_stream(&text, &len);

	zone_load_write(out, txn, zone);
	fclose(out);
	return text;
}

bool
zone_load_find(struct store_txn *txn, const char *name, struct zone_info *zone, struct problems *problems)
{
	uint8_t wire[NAME_MAX_LEN];

	if (idn_name_from_text(wire, name, NULL) == 0) {
		problems_error(problems, "\"%s\" is not a domain name", name);
		return false;
	}
	name_lower(wire, wire);
	if (txn != NULL && config_zone(txn, wire, zone))
		return true;
	problems_error(problems, "there is no zone %s: `graycloud zone list` lists the zones", name);
	return false;
}
