#include "admin/edit/record_check.h"

#include "admin/edit/zone_load.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

void
record_check_type(struct change *change, uint16_t type)
{
	char text[16];

	zonefile_type_text(type, text);
	if (!zonefile_is_data(type))
		problems_error(&change->problems, "%s is not a type of zone data", text);
	else if (type == TYPE_SOA)
		problems_error(&change->problems,
		    "an SOA is not added or deleted alone: --serial changes its serial, `zone load` the "
		    "rest");
	else if (zonefile_is_dnssec(type))
		problems_error(&change->problems,
		    "%s is made by graycloud-signer in a signed zone, and is no record to write (S33): "
		    "`graycloud dnssec enable` signs a zone",
		    text);
}

void
record_check_beside(
    struct change *change, const struct record_place *place, uint16_t type, const struct owner_rrsets *rrsets)
{
	char text[16];

	for (size_t i = 0; i < rrsets->count; i++) {
		uint16_t other = rrsets->items[i].type;

		zonefile_type_text(other, text);
		if (type == TYPE_CNAME && other != TYPE_CNAME) {
			problems_error(&change->problems,
			    "%s has %s data, and a CNAME must be alone (RFC 1034 3.6.2)", place->host, text);
			return;
		}
		if (type != TYPE_CNAME && other == TYPE_CNAME) {
			problems_error(&change->problems,
			    "%s has a CNAME, which must be alone (RFC 1034 3.6.2): delete it first",
			    place->host);
			return;
		}
	}
}

/* ---- warnings ---- */

static bool
is_address(uint16_t type)
{
	return type == TYPE_A || type == TYPE_AAAA;
}

static bool
has_address(struct change *change, const struct zone_info *zone, const uint8_t *name)
{
	uint8_t octets[NAME_MAX_KEY];
	struct bytes key = {octets, name_to_key(octets, name, zone->name)};
	struct owner_rrsets rrsets;
	bool found;

	if (key.len == 0)
		return false;
	owner_rrsets_read(&rrsets, change->txn, zone->number, &key);
	found = owner_rrsets_find(&rrsets, TYPE_A) != NULL || owner_rrsets_find(&rrsets, TYPE_AAAA) != NULL;
	owner_rrsets_free(&rrsets);
	return found;
}

/* As for a zone file: MX, SRV and NS point to a name with addresses (RFC 2181 10.3). */
static void
warn_target(struct change *change, const struct record_place *place, uint16_t type, const uint8_t *rdata)
{
	const uint8_t *target = rdata + MAX(zonefile_target_at(type), 0), *apex = place->zone.name;
	uint8_t octets[NAME_MAX_KEY];
	struct owner_rrsets rrsets;
	char host[NAME_MAX_TEXT];
	struct bytes key = {octets, 0};

	name_to_host(target, host);
	if (zonefile_looks_like_address(target, apex))
		problems_warn(
		    &change->problems, "%s looks like an address: the record points to a name", host);
	if (!name_within(target, apex) || (key.len = name_to_key(octets, target, apex)) == 0)
		return;
	owner_rrsets_read(&rrsets, change->txn, place->zone.number, &key);
	if (owner_rrsets_find(&rrsets, TYPE_CNAME) != NULL)
		problems_warn(&change->problems,
		    "%s is an alias: the record points to a name with addresses (RFC 2181 10.3)", host);
	owner_rrsets_free(&rrsets);
}

static bool
is_lb(struct change *change, const uint8_t *name)
{
	uint8_t lower[NAME_MAX_LEN];
	char host[NAME_MAX_TEXT];
	struct id id;

	name_lower(lower, name);
	return config_object_id(change->txn, KIND_LB, name_to_host(lower, host), &id);
}

/* Would this record never be answered at its place?  A delegation answers only NS, DS and glue. */
static void
warn_unseen(struct change *change, const struct record_place *place, uint16_t type)
{
	char above[NAME_MAX_TEXT];
	struct surroundings where;
	bool at_cut, seen;

	if (!surroundings_find(change->txn, place->name, &where))
		return;
	if (where.zone.number != place->zone.number) {
		problems_warn(&change->problems,
		    "%s lies in the zone %s, which is served, too: the record is never answered", place->host,
		    name_to_host(where.zone.name, above));
		return;
	}
	at_cut = where.hidden_by == TYPE_NS && name_equal(where.hidden_at, place->name);
	seen = where.hidden_by == 0 || (at_cut && (type == TYPE_NS || type == TYPE_DS)) ||
	    (where.hidden_by == TYPE_NS && is_address(type) &&
		surroundings_is_nameserver(change->txn, &place->zone, place->name, &change->nameservers));
	if (!seen)
		problems_warn(&change->problems, "the record is never answered: %s is %s %s", place->host,
		    where.hidden_by == TYPE_NS ? "at or below the delegation" : "below the DNAME",
		    name_to_host(where.hidden_at, above));
	if ((is_address(type) || type == TYPE_CNAME) && is_lb(change, place->name)) /* S6 */
		problems_warn(&change->problems,
		    "the load balancer %s answers for this name: the record is hidden while it is enabled",
		    place->host);
}

/* RRsets that a new delegation or DNAME hides. */
struct hidden {
	const struct record_place *place;
	uint16_t type;
	size_t count;
};

static bool
count_hidden(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct hidden *hidden = arg;
	const struct record_place *place = hidden->place;
	bool cut = hidden->type == TYPE_NS;
	/* All names below begin with the key without its end. */
	bool below = key.len > place->key_len && memcmp(key.data, place->key_octets, place->key_len - 1) == 0;
	bool at = key.len == place->key_len && memcmp(key.data, place->key_octets, key.len) == 0;

	if (cut && is_address(rrset->type))
		return true; /* glue, perhaps */
	hidden->count += below || (cut && at && rrset->type != TYPE_NS && rrset->type != TYPE_DS);
	return true;
}

static void
warn_hides(struct change *change, const struct record_place *place, uint16_t type)
{
	struct hidden hidden = {.place = place, .type = type};

	config_each_row(change->txn, place->zone.number, NULL, count_hidden, &hidden);
	if (hidden.count > 0)
		problems_warn(&change->problems,
		    "%zu RRsets %s %s are not answered any more: the %s hides them", hidden.count,
		    type == TYPE_NS ? "at or below" : "below", place->host,
		    type == TYPE_NS ? "delegation" : "DNAME");
}

static void
warn_nameserver(struct change *change, const struct record_place *place, const uint8_t *target)
{
	char host[NAME_MAX_TEXT];

	name_to_host(target, host);
	if (is_lb(change, target)) /* S9 */
		problems_warn(&change->problems,
		    "the load balancer %s hides the addresses of this nameserver: there is no glue for it",
		    host);
	else if (name_within(target, place->zone.name) && !has_address(change, &place->zone, target))
		problems_warn(&change->problems,
		    "missing glue: the nameserver %s has no A or AAAA record in this zone", host);
}

void
record_warn_added(
    struct change *change, const struct record_place *place, uint16_t type, bool first, const uint8_t *rdata)
{
	struct zone_loaded loaded = {.zone = place->zone};
	bool apex = name_equal(place->name, place->zone.name);

	warn_unseen(change, place, type);
	if (first && ((type == TYPE_NS && !apex) || type == TYPE_DNAME))
		warn_hides(change, place, type);
	if (type == TYPE_NS)
		warn_nameserver(change, place, rdata);
	if (type == TYPE_NS || type == TYPE_MX || type == TYPE_SRV)
		warn_target(change, place, type, rdata);
	if (type == TYPE_NS || type == TYPE_DNAME || type == TYPE_SVCB || type == TYPE_HTTPS)
		zone_load_warn(change, &loaded, 1);
}

void
record_warn_deleted(struct change *change, const struct record_place *place)
{
	if (!has_address(change, &place->zone, place->name) &&
	    surroundings_is_nameserver(change->txn, &place->zone, place->name, &change->nameservers))
		problems_warn(&change->problems,
		    "missing glue: the nameserver %s has no A or AAAA record any more", place->host);
}
