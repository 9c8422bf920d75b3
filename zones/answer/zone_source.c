#include "zones/answer/zone_source.h"

#include <stdlib.h>

static void
depths_add(struct depths *depths, unsigned depth)
{
	depths->words[depth / 64] |= UINT64_C(1) << depth % 64;
}

/* S6: a load balancer hides zone data of the types that it owns. */
static bool
hidden_by_lb(uint16_t type)
{
	return type == TYPE_A || type == TYPE_AAAA || type == TYPE_CNAME;
}

void
zone_source_of(
    struct node_source *source, const struct zone_owner *owner, struct rrset kept[NODE_RRSETS_MAX], bool apex)
{
	*source = (struct node_source){.lb = owner->lb, .rrsets = kept, .flags = apex ? NODE_APEX : 0};
	for (unsigned i = 0; i < owner->nrrsets && source->nrrsets < NODE_RRSETS_MAX; i++) {
		uint16_t type = owner->rrsets[i].type;

		if (owner->lb != NULL && hidden_by_lb(type))
			continue;
		kept[source->nrrsets++] = owner->rrsets[i];
		if (type == TYPE_NS && !apex)
			source->flags |= NODE_CUT;
		else if (type == TYPE_DNAME)
			source->flags |= NODE_DNAME;
		else if (type == TYPE_CNAME)
			source->flags |= NODE_CNAME;
	}
}

void
zone_note_depths(struct zone *zone, const struct node_source *source, unsigned depth)
{
	if (source->flags & NODE_CUT)
		depths_add(&zone->cuts, depth);
	if (source->flags & NODE_DNAME)
		depths_add(&zone->dnames, depth);
	if (depth > 0 && source->name[0] == 1 && source->name[1] == '*')
		depths_add(&zone->wilds, depth);
}

bool
zone_note_soa(struct zone *zone, const struct node_source *source, uint8_t **soa)
{
	*soa = NULL;
	for (unsigned i = 0; i < source->nrrsets; i++) {
		const struct rrset *rrset = &source->rrsets[i];
		const uint8_t *at = rrset->records, *rdata;
		uint16_t rdlen;

		if (rrset->type != TYPE_SOA)
			continue;
		rdata = rrset_next(&at, &rdlen);
		const struct bytes *signature = source->signatures != NULL ? &source->signatures[i] : NULL;

		if (rdlen < 22)
			return false;
		*soa = xmalloc(12u + rdlen + (signature != NULL ? signature->len : 0));
		zone->negative_ttl = MIN(rrset->ttl, get32(rdata + rdlen - 4));
		zone->soa_len = 12u + rdlen;
		zone->soa_signed_len = 0;
		if (signature != NULL) {
			zone->soa_signed_len = (uint32_t)signature->len;
			memcpy(*soa + zone->soa_len, signature->data, signature->len);
		}
		put16(*soa, 0xC00C);
		put16(*soa + 2, TYPE_SOA);
		put16(*soa + 4, CLASS_IN);
		put32(*soa + 6, zone->negative_ttl);
		put16(*soa + 10, rdlen);
		memcpy(*soa + 12, rdata, rdlen);
		return true;
	}
	return false;
}

unsigned
zone_label_starts(const uint8_t *name, size_t len, uint8_t starts[NAME_MAX_LABELS])
{
	unsigned count = 0;

	for (size_t at = 0; at < len; at += name[at] + 1u)
		starts[count++] = (uint8_t)at;
	return count;
}

void
zone_sign(const struct bytes *key, const struct chain_key *next, struct owner_signing *signing,
    struct node_source *source, struct rrset *kept)
{
	uint8_t name[NAME_MAX_LEN];
	int len = name_from_key(name, next->octets, next->len);

	if (source->flags & NODE_APEX)
		owner_signing_apex(signing, source, kept);
	owner_signing_add(signing, key, source, kept, name, len > 0 ? (size_t)len : 0);
}
