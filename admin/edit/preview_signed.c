#include "admin/edit/preview_signed.h"

#include "zones/base/array.h"

#include <stdio.h>
#include <stdlib.h>

struct zone_preview {
	struct zone_info zone;
	bool whole; /* it becomes signed */
	size_t rrsets, lbs;
};

struct preview_signed {
	struct store_txn *before, *after;
	bool listed; /* zones are */
	struct zone_preview *zones;
	size_t count;
};

struct preview_signed *
preview_signed_new(struct store_txn *before, struct store_txn *after)
{
	struct preview_signed *preview = xcalloc(1, sizeof *preview);

	preview->before = before;
	preview->after = after;
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

	if (!config_signs(preview->after, zone->name))
		return true;
	preview->zones = array_grow(preview->zones, preview->count, sizeof *preview->zones);
	preview->zones[preview->count++] =
	    (struct zone_preview){.zone = *zone, .whole = !was_signed(preview, zone)};
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

void
preview_signed_lb(struct preview_signed *preview, const uint8_t *name)
{
	struct zone_info info;
	struct zone_preview *zone =
	    config_zone_of(preview->after, name, &info) ? find(preview, info.number) : NULL;

	if (zone != NULL)
		zone->lbs++;
}

struct json *
preview_signed_end(struct preview_signed *preview)
{
	struct json *list = json_new_list();

	find(preview, 0);
	for (size_t i = 0; i < preview->count; i++) {
		const struct zone_preview *zone = &preview->zones[i];
		char name[NAME_MAX_TEXT];
		struct json *json;

		if (!zone->whole && zone->rrsets == 0 && zone->lbs == 0)
			continue;
		json = json_new_object();
		json_put_text(json, "zone", name_to_host(zone->zone.name, name));
		json_put_bool(json, "whole", zone->whole);
		json_put_integer(json, "rrsets", (long long)zone->rrsets);
		json_put_integer(json, "load_balancers", (long long)zone->lbs);
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

		if (json_truth(json_member(zone, "whole")))
			fprintf(out, "  zone %s: all of it would be signed\n", json_text_of(zone, "zone"));
		else
			fprintf(out, "  zone %s: %lld RRsets and %lld load balancers would be signed again\n",
			    json_text_of(zone, "zone"), json_integer_of(json_member(zone, "rrsets")),
			    json_integer_of(json_member(zone, "load_balancers")));
	}
}
