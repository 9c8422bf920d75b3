#include "zones/answer/signing.h"

#include <stdlib.h>

struct owner_signing {
	const struct zone_signing *signing;
	const uint8_t *apex;
	size_t apex_len;
	uint32_t nsec_ttl;
	size_t missing;
	struct type_set types;
	uint8_t nsecs[NODE_NSECS_LB][2 + NSEC_MAX]; /* length and RDATA, as in the store */
	struct bytes found[NODE_RRSETS_MAX];
	uint8_t octets[NODE_RRSETS_MAX][FRAGMENT_SIGNED_MAX];
};

struct owner_signing *
owner_signing_new(const struct zone_signing *signing, const uint8_t *apex)
{
	struct owner_signing *owner = xcalloc(1, sizeof *owner);

	owner->signing = signing;
	owner->apex = apex;
	owner->apex_len = name_len(apex);
	return owner;
}

void
owner_signing_free(struct owner_signing *owner)
{
	free(owner);
}

void
owner_signing_set_ttl(struct owner_signing *owner, uint32_t ttl)
{
	owner->nsec_ttl = ttl;
}

uint32_t
owner_signing_ttl(const struct owner_signing *owner)
{
	return owner->nsec_ttl;
}

size_t
owner_signing_missing(const struct owner_signing *owner)
{
	return owner->missing;
}

bool
owner_signing_only(const struct owner_signing *owner)
{
	return owner->signing->only;
}

uint64_t
owner_signing_version(const struct owner_signing *owner)
{
	return owner->signing->version;
}

unsigned
owner_signing_keys(const struct owner_signing *owner, struct key_id out[DATA_KEYS_MAX])
{
	memcpy(out, owner->signing->data, sizeof owner->signing->data);
	return owner->signing->ndata;
}

/* RRsets of the zone's own with these types are left out. */
static bool
made_from_keys(const struct zone_signing *signing, uint16_t type)
{
	for (unsigned i = 0; i < signing->nkeys; i++)
		if (signing->keys[i].type == type)
			return true;
	return false;
}

void
owner_signing_apex(struct owner_signing *owner, struct node_source *source, struct rrset *rrsets)
{
	const struct zone_signing *signing = owner->signing;
	unsigned kept = 0;

	for (unsigned i = 0; i < source->nrrsets; i++) {
		const struct rrset *rrset = &rrsets[i];

		if (rrset->type == TYPE_SOA && rrset->len >= 4)
			owner->nsec_ttl = MIN(rrset->ttl, get32(rrset->records + rrset->len - 4));
		if (!made_from_keys(signing, rrset->type) &&
		    kept < NODE_RRSETS_MAX - NODE_NSECS_LB - signing->nkeys)
			rrsets[kept++] = *rrset;
	}
	for (unsigned i = 0; i < signing->nkeys; i++)
		rrsets[kept++] = signing->keys[i];
	source->nrrsets = kept;
}

/* RFC 4035 2.2, 2.3: of the data at a delegation only DS and NSEC are signed, and NS stands in the bitmap. */
static bool
is_signed_at(unsigned flags, uint16_t type)
{
	return !(flags & NODE_CUT) || type == TYPE_DS || type == TYPE_NSEC;
}

static void
fill_types(struct type_set *types, const struct node_source *source)
{
	type_set_clear(types);
	for (unsigned i = 0; i < source->nrrsets; i++) {
		uint16_t type = source->rrsets[i].type;

		if (is_signed_at(source->flags, type) || type == TYPE_NS)
			type_set_add(types, type);
	}
	if (source->lb != NULL) {
		type_set_add(types, TYPE_A);
		type_set_add(types, TYPE_AAAA);
	}
	type_set_add(types, TYPE_RRSIG);
	type_set_add(types, TYPE_NSEC);
}

static void
add_nsecs(struct owner_signing *owner, struct node_source *source, struct rrset *rrsets, const uint8_t *next,
    size_t next_len)
{
	static const uint16_t without[NODE_NSECS_LB] = {0, TYPE_A, TYPE_AAAA};
	unsigned count = source->lb != NULL ? NODE_NSECS_LB : NODE_NSECS;

	source->nrrsets = MIN(source->nrrsets, (unsigned)(NODE_RRSETS_MAX - NODE_NSECS_LB));
	fill_types(&owner->types, source);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *nsec = owner->nsecs[i];
		size_t len;

		if (without[i] != 0)
			type_set_remove(&owner->types, without[i]);
		len = nsec_write(nsec + 2, next, next_len, owner->apex, &owner->types);
		if (without[i] != 0)
			type_set_add(&owner->types, without[i]);
		put16(nsec, (uint16_t)len);
		rrsets[source->nrrsets++] = (struct rrset){
		    .type = TYPE_NSEC, .count = 1, .ttl = owner->nsec_ttl, .records = nsec, .len = len + 2};
	}
	source->flags |= NODE_NSEC;
}

void
owner_signing_add(struct owner_signing *owner, const struct bytes *key, struct node_source *source,
    struct rrset *rrsets, const uint8_t *next, size_t next_len)
{
	const struct zone_signing *signing = owner->signing;
	uint8_t name[2 * NAME_MAX_LEN];

	memcpy(name, source->name, source->name_len);
	memcpy(name + source->name_len, owner->apex, owner->apex_len);
	add_nsecs(owner, source, rrsets, next, next_len);
	for (unsigned i = 0; i < source->nrrsets; i++) {
		struct signed_set set = {.owner = name, .apex = owner->apex, .rrset = rrsets[i]};

		owner->found[i] = (struct bytes){owner->octets[i], 0};
		if (!is_signed_at(source->flags, rrsets[i].type))
			continue;
		owner->found[i].len = signing->find(signing->arg, key, &set, owner->octets[i]);
		owner->missing += owner->found[i].len == 0;
	}
	source->signatures = owner->found;
}

/* About how many octets the RDATA of an NSEC has. */
static size_t
guess_nsec(const struct owner_signing *owner, const struct node_source *source)
{
	size_t len = source->name_len + owner->apex_len;
	unsigned last = TYPE_NSEC;

	for (unsigned i = 0; i < source->nrrsets; i++)
		if (source->rrsets[i].type < 256)
			last = MAX(last, source->rrsets[i].type);
		else
			len += 3u + source->rrsets[i].type % 256 / 8;
	return len + 3u + last / 8;
}

void
owner_signing_guess(struct owner_signing *owner, struct node_source *source, struct rrset *rrsets)
{
	unsigned count = source->lb != NULL ? NODE_NSECS_LB : NODE_NSECS;
	size_t nsec = guess_nsec(owner, source),
	       octets = MAX(owner->signing->ndata, 1u) * rrsig_octets(owner->apex_len);

	source->nrrsets = MIN(source->nrrsets, (unsigned)(NODE_RRSETS_MAX - NODE_NSECS_LB));
	for (unsigned i = 0; i < count; i++)
		rrsets[source->nrrsets++] = (struct rrset){.type = TYPE_NSEC, .count = 1, .len = nsec + 2};
	for (unsigned i = 0; i < source->nrrsets; i++)
		owner->found[i].len = is_signed_at(source->flags, rrsets[i].type) ? octets : 0;
	source->signatures = owner->found;
}

size_t
node_missing(const struct node *node)
{
	struct fragment fragment;
	size_t missing = 0;

	for (unsigned i = 0; node->flags & NODE_NSEC && i < node->nrrsets; i++) {
		node_rrset_at(node, i, &fragment);
		missing += fragment.signed_len == 0 && is_signed_at(node->flags, fragment.type);
	}
	return missing;
}
