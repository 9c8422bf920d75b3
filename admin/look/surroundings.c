#include "admin/look/surroundings.h"

#include "zones/base/array.h"
#include "zones/dns/idn.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

struct look {
	struct surroundings *place;
	bool at_name; /* the owner that is looked at is the name itself */
	bool at_apex;
};

/* RFC 9460 7.3: ipv4hint is key 4, ipv6hint 6. */
static bool
has_hints(const struct rrset *rrset)
{
	const uint8_t *at = rrset->records;

	for (unsigned i = 0; i < rrset->count; i++) {
		uint16_t len;
		const uint8_t *rdata = rrset_next(&at, &len);
		size_t used = len > 2 ? name_valid(rdata + 2, len - 2u) : 0;

		for (used += 2; used > 2 && used + 4 <= len; used += 4u + get16(rdata + used + 2))
			if (get16(rdata + used) == 4 || get16(rdata + used) == 6)
				return true;
	}
	return false;
}

static bool
look_at_row(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct look *look = arg;
	struct surroundings *place = look->place;

	(void)owner_key;
	if (rrset->type == TYPE_NS && !look->at_apex)
		place->hidden_by = TYPE_NS;
	else if (rrset->type == TYPE_DNAME && !look->at_name && place->hidden_by == 0)
		place->hidden_by = TYPE_DNAME;
	else if (look->at_name && rrset->type == TYPE_A)
		place->replaced[0] = TYPE_A;
	else if (look->at_name && rrset->type == TYPE_AAAA)
		place->replaced[1] = TYPE_AAAA;
	else if (look->at_name && rrset->type == TYPE_CNAME)
		place->replaced[2] = TYPE_CNAME;
	else if (look->at_name && (rrset->type == TYPE_HTTPS || rrset->type == TYPE_SVCB))
		place->hints |= has_hints(rrset);
	return true;
}

bool
surroundings_find(struct store_txn *txn, const uint8_t *name, struct surroundings *place)
{
	unsigned below;

	*place = (struct surroundings){0};
	if (!config_zone_of(txn, name, &place->zone))
		return false;
	below = name_labels(name) - name_labels(place->zone.name);
	/* From the apex down: the highest cut is the one that answers. */
	for (unsigned i = 0; i <= below && place->hidden_by == 0; i++) {
		const uint8_t *owner = name_skip(name, below - i);
		struct look look = {.place = place, .at_name = i == below, .at_apex = i == 0};
		uint8_t key[NAME_MAX_KEY];
		struct bytes bytes = {key, name_to_key(key, owner, place->zone.name)};

		if (bytes.len > 0)
			config_each_row(txn, place->zone.number, &bytes, look_at_row, &look);
		if (place->hidden_by != 0)
			name_lower(place->hidden_at, owner);
	}
	return true;
}

static int
compare_names(const void *a, const void *b)
{
	return memcmp(a, b, NAME_MAX_LEN);
}

static bool
add_nameservers(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct surroundings_nameservers *cache = arg;
	const uint8_t *at = rrset->records;

	(void)owner_key;
	for (unsigned i = 0; rrset->type == TYPE_NS && i < rrset->count; i++) {
		uint16_t len;
		const uint8_t *rdata = rrset_next(&at, &len);

		if (name_valid(rdata, len) != len)
			continue;
		cache->names = array_grow(cache->names, cache->count, sizeof *cache->names);
		memset(cache->names[cache->count], 0, NAME_MAX_LEN);
		name_lower(cache->names[cache->count++], rdata);
	}
	return true;
}

bool
surroundings_is_nameserver(struct store_txn *txn, const struct zone_info *zone, const uint8_t *name,
    struct surroundings_nameservers *cache)
{
	uint8_t key[NAME_MAX_LEN] = {0};

	if (cache->zone != zone->number) {
		surroundings_nameservers_free(cache);
		cache->zone = zone->number;
		config_each_row(txn, zone->number, NULL, add_nameservers, cache);
		if (cache->count > 0)
			qsort(cache->names, cache->count, sizeof *cache->names, compare_names);
	}
	name_lower(key, name);
	return cache->count > 0 &&
	    bsearch(key, cache->names, cache->count, sizeof *cache->names, compare_names) != NULL;
}

void
surroundings_nameservers_free(struct surroundings_nameservers *cache)
{
	free(cache->names);
	*cache = (struct surroundings_nameservers){0};
}

void
surroundings_each_lb(struct store_txn *txn, bool (*wanted)(void *arg, const struct zone_info *zone),
    surroundings_lb_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_OBJECT_NAMES);
	uint8_t kind = KIND_LB;
	struct bytes key = {&kind, 1}, value;
	bool more = cursor != NULL && store_cursor_seek(cursor, key, &key, &value);

	/* The index has the names: do not read the documents. */
	for (; more && key.len > 0 && *(const uint8_t *)key.data == KIND_LB;
	     more = store_cursor_next(cursor, &key, &value)) {
		char text[NAME_MAX_TEXT];
		uint8_t name[NAME_MAX_LEN];
		struct zone_info zone;
		struct surroundings place;

		if (key.len > sizeof text)
			continue;
		memcpy(text, (const char *)key.data + 1, key.len - 1);
		text[key.len - 1] = '\0';
		if (idn_name_from_text(name, text, NULL) == 0 || !config_zone_of(txn, name, &zone) ||
		    !wanted(arg, &zone))
			continue;
		if (surroundings_find(txn, name, &place) && !fn(arg, text, &place))
			break;
	}
	store_cursor_close(cursor);
}
