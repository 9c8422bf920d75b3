#include "admin/edit/preview_signed.h"

#include "admin/look/spare_sets.h"
#include "zones/base/array.h"
#include "zones/document/document_load.h"

#include <stdio.h>
#include <stdlib.h>

struct zone_preview {
	struct zone_info zone;
	bool whole; /* it becomes signed */
	size_t rrsets, lbs;
	/* S109 */
	bool keyless_nodes, all_lbs; /* it has nodes without keys; and had none before */
	uint8_t **names;             /* wire names of its load balancers whose sets are counted */
	size_t nnames;
};

struct preview_signed {
	struct store_txn *before, *after, *health;
	bool listed; /* zones are */
	struct zone_preview *zones;
	size_t count;
};

struct preview_signed *
preview_signed_new(struct store_txn *before, struct store_txn *after, struct store_txn *health)
{
	struct preview_signed *preview = xcalloc(1, sizeof *preview);

	preview->before = before;
	preview->after = after;
	preview->health = health;
	return preview;
}

static bool
was_signed(const struct preview_signed *preview, const struct zone_info *zone)
{
	struct zone_info old;

	return preview->before == NULL ||
	    (config_zone(preview->before, zone->name, &old) && config_signs(preview->before, zone->name));
}

static bool
add_zone(void *arg, const struct zone_info *zone)
{
	struct preview_signed *preview = arg;
	struct zone_preview one = {.zone = *zone, .whole = !was_signed(preview, zone)};

	if (!config_signs(preview->after, zone->name))
		return true;
	one.keyless_nodes = has_keyless_nodes(preview->after, zone->name);
	one.all_lbs = one.keyless_nodes &&
	    (one.whole || (preview->before != NULL && !has_keyless_nodes(preview->before, zone->name)));
	preview->zones = array_grow(preview->zones, preview->count, sizeof *preview->zones);
	preview->zones[preview->count++] = one;
	return true;
}

/* The zone with this number, if it will be signed. The list is made when it is first needed. */
static struct zone_preview *
find(struct preview_signed *preview, uint32_t number)
{
	if (!preview->listed)
		config_each_zone(preview->after, add_zone, preview);
	preview->listed = true;
	for (size_t i = 0; i < preview->count; i++)
		if (preview->zones[i].zone.number == number)
			return &preview->zones[i];
	return NULL;
}

void
preview_signed_row(struct preview_signed *preview, const struct config_item *item)
{
	struct zone_preview *zone = find(preview, item->zone);

	if (zone != NULL && item->after.len > 0)
		zone->rrsets++;
}

static void
add_name(struct zone_preview *zone, const uint8_t *name)
{
	uint8_t *copy = xmalloc(NAME_MAX_LEN);

	memcpy(copy, name, name_len(name));
	zone->names = array_grow(zone->names, zone->nnames, sizeof *zone->names);
	zone->names[zone->nnames++] = copy;
}

void
preview_signed_lb(struct preview_signed *preview, const uint8_t *name)
{
	struct zone_info info;
	struct zone_preview *zone =
	    config_zone_of(preview->after, name, &info) ? find(preview, info.number) : NULL;

	if (zone == NULL)
		return;
	zone->lbs++;
	if (zone->keyless_nodes && !zone->all_lbs)
		add_name(zone, name);
}

/* ---- S109: the sets without one origin ---- */

static bool
add_lb(void *arg, const struct id *id, struct bytes text)
{
	struct preview_signed *preview = arg;
	struct lb *lb = document_load_lb(text);
	struct zone_info info;
	struct zone_preview *zone =
	    lb != NULL && config_zone_of(preview->after, lb->wire, &info) ? find(preview, info.number) : NULL;

	(void)id;
	if (zone != NULL && zone->all_lbs)
		add_name(zone, lb->wire);
	model_free_lb(lb);
	return true;
}

static void
gather_names(struct preview_signed *preview)
{
	bool some = false;

	for (size_t i = 0; i < preview->count; i++)
		some |= preview->zones[i].all_lbs;
	if (some)
		config_each_object_by_name(preview->after, KIND_LB, add_lb, preview);
}

/* Count, and free the names. */
static size_t
count_spare_sets(struct preview_signed *preview, struct zone_preview *zone)
{
	size_t count = zone->nnames == 0
	    ? 0
	    : spare_sets(preview->after, preview->health, (const uint8_t *const *)zone->names, zone->nnames);

	for (size_t i = 0; i < zone->nnames; i++)
		free(zone->names[i]);
	free(zone->names);
	return count;
}

struct json *
preview_signed_end(struct preview_signed *preview)
{
	struct json *list = json_new_list();

	find(preview, 0);
	gather_names(preview);
	for (size_t i = 0; i < preview->count; i++) {
		struct zone_preview *zone = &preview->zones[i];
		size_t sets = count_spare_sets(preview, zone);
		char name[NAME_MAX_TEXT];
		struct json *json;

		if (!zone->whole && zone->rrsets == 0 && zone->lbs == 0 && sets == 0)
			continue;
		json = json_new_object();
		json_put_text(json, "zone", name_to_host(zone->zone.name, name));
		json_put_bool(json, "whole", zone->whole);
		json_put_integer(json, "rrsets", (long long)zone->rrsets);
		json_put_integer(json, "load_balancers", (long long)zone->lbs);
		if (zone->keyless_nodes)
			json_put_integer(json, "sets_without_one_origin", (long long)sets);
		json_add(list, json);
	}
	free(preview->zones);
	free(preview);
	return list;
}

void
preview_signed_print(const struct json *list, FILE *out)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *zone = json_item(list, i);
		long long sets = json_integer_of(json_member(zone, "sets_without_one_origin"));

		fprintf(out, "  zone %s: ", json_text_of(zone, "zone"));
		if (json_truth(json_member(zone, "whole")))
			fputs("all of it would be signed", out);
		else
			fprintf(out, "%lld RRsets and %lld load balancers would be signed again",
			    json_integer_of(json_member(zone, "rrsets")),
			    json_integer_of(json_member(zone, "load_balancers")));
		if (sets > 0)
			fprintf(out, ", and %lld sets without one origin ahead", sets);
		fputc('\n', out);
	}
}
