#include "zones/dns/dnssec.h"

#include "zones/base/siphash.h"

#include <stdlib.h>

uint8_t
signed_labels(const uint8_t *owner)
{
	return (uint8_t)(name_labels(owner) - name_is_wildcard(owner));
}

uint64_t
signed_hash(const struct signed_set *set)
{
	uint8_t head[NAME_MAX_LEN + 8];
	size_t len = name_lower(head, set->owner);
	uint64_t key[2];

	put16(head + len, set->rrset.type);
	put32(head + len + 2, set->rrset.ttl);
	put16(head + len + 6, set->rrset.count);
	key[0] = siphash((const uint64_t[2]){0}, head, len + 8);
	key[1] = ~key[0];
	return siphash(key, set->rrset.records, set->rrset.len);
}

static void
rrsig_fixed(uint8_t *out, const struct rrsig_covers *covers, const struct signature *signature)
{
	put16(out, covers->type);
	out[2] = signature->algorithm;
	out[3] = covers->labels;
	put32(out + 4, covers->ttl);
	put32(out + 8, signature->expiration);
	put32(out + 12, signature->inception);
	put16(out + 16, signature->key_tag);
	memcpy(out + RRSIG_FIXED, covers->apex, covers->apex_len);
}

void
rrsig_write_after_owner(
    uint8_t *out, const struct rrsig_covers *covers, uint32_t ttl, const struct signature *signature)
{
	uint8_t *rdata = out + RR_FIXED - 2;

	put16(out, TYPE_RRSIG);
	put16(out + 2, CLASS_IN);
	put32(out + 4, ttl);
	put16(out + 8, (uint16_t)(RRSIG_FIXED + covers->apex_len + SIGNATURE_OCTETS));
	rrsig_fixed(rdata, covers, signature);
	memcpy(rdata + RRSIG_FIXED + covers->apex_len, signature->octets, SIGNATURE_OCTETS);
}

size_t
rrsig_write(uint8_t *out, const struct rrsig_covers *covers, const struct signature *signature)
{
	put16(out, 0xC00C);
	rrsig_write_after_owner(out + 2, covers, covers->ttl, signature);
	return rrsig_octets(covers->apex_len);
}

/*
 * RFC 4034 6.2, RFC 6840 5.1: in the RDATA of these types names are in lower case. skip: octets before the
 * first name; strings: character strings after them; names: how many names follow.
 */
struct names_in_rdata {
	uint16_t type;
	uint8_t skip, strings, names;
};

static const struct names_in_rdata *
names_in_rdata(uint16_t type)
{
	static const struct names_in_rdata table[] = {{TYPE_NS, 0, 0, 1}, {3, 0, 0, 1}, {4, 0, 0, 1},
	    {TYPE_CNAME, 0, 0, 1}, {TYPE_SOA, 0, 0, 2}, {7, 0, 0, 1}, {8, 0, 0, 1}, {9, 0, 0, 1},
	    {TYPE_PTR, 0, 0, 1}, {14, 0, 0, 2}, {TYPE_MX, 2, 0, 1}, {17, 0, 0, 2}, {18, 2, 0, 1},
	    {21, 2, 0, 1}, {26, 2, 0, 2}, {TYPE_SRV, 6, 0, 1}, {35, 4, 3, 1}, {36, 2, 0, 1},
	    {TYPE_DNAME, 0, 0, 1}};

	for (unsigned i = 0; i < NITEMS(table); i++)
		if (table[i].type == type)
			return &table[i];
	return NULL;
}

static void
lower_names(uint16_t type, uint8_t *rdata, size_t len)
{
	const struct names_in_rdata *where = names_in_rdata(type);
	size_t at = where != NULL ? where->skip : 0;

	if (where == NULL)
		return;
	for (unsigned i = 0; i < where->strings && at < len; i++)
		at += rdata[at] + 1u;
	for (unsigned i = 0; i < where->names && at < len; i++) {
		size_t name = name_valid(rdata + at, len - at);

		if (name == 0)
			return;
		name_lower(rdata + at, rdata + at);
		at += name;
	}
}

static int
compare_records(const void *a, const void *b)
{
	const uint8_t *x = *(uint8_t *const *)a, *y = *(uint8_t *const *)b;
	uint16_t x_len = get16(x), y_len = get16(y);
	int order = memcmp(x + 2, y + 2, MIN(x_len, y_len));

	return order != 0 ? order : x_len - y_len;
}

uint8_t *
signed_data(const struct signed_set *set, const struct signature *signature, size_t *len)
{
	size_t apex_len = name_len(set->apex), owner_len = name_len(set->owner),
	       used = RRSIG_FIXED + apex_len;
	struct rrsig_covers covers = {.apex = set->apex,
	    .apex_len = apex_len,
	    .type = set->rrset.type,
	    .labels = signed_labels(set->owner),
	    .ttl = set->rrset.ttl};
	uint8_t *data = xmalloc(used + set->rrset.len + set->rrset.count * (owner_len + 8));
	uint8_t *copy = xmemdup(set->rrset.records, set->rrset.len), *at = copy;
	uint8_t **records = xmalloc((set->rrset.count + 1) * sizeof *records);

	rrsig_fixed(data, &covers, signature);
	for (unsigned i = 0; i < set->rrset.count; i++) {
		records[i] = at;
		lower_names(set->rrset.type, at + 2, get16(at));
		at += 2 + get16(at);
	}
	/* Names in lower case can change the order. */
	qsort(records, set->rrset.count, sizeof *records, compare_records);
	for (unsigned i = 0; i < set->rrset.count; i++) {
		name_lower(data + used, set->owner);
		used += owner_len;
		put16(data + used, set->rrset.type);
		put16(data + used + 2, CLASS_IN);
		put32(data + used + 4, set->rrset.ttl);
		memcpy(data + used + 8, records[i], 2u + get16(records[i]));
		used += 8 + 2u + get16(records[i]);
	}
	free(copy);
	free(records);
	*len = used;
	return data;
}

uint16_t
dnskey_tag(const uint8_t *rdata, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
	return (uint16_t)(sum + (sum >> 16));
}

void
type_set_clear(struct type_set *types)
{
	/* Only the windows that were used: a zone has a million of these sets. */
	memset(types->bits, 0, (types->last + 1u) * 32u);
	types->last = 0;
}

void
type_set_add(struct type_set *types, uint16_t type)
{
	types->bits[type / 8] |= (uint8_t)(0x80 >> type % 8);
	types->last = MAX(types->last, type / 256);
}

void
type_set_remove(struct type_set *types, uint16_t type)
{
	types->bits[type / 8] &= (uint8_t) ~(0x80 >> type % 8);
}

size_t
nsec_write(
    uint8_t *out, const uint8_t *next, size_t next_len, const uint8_t *apex, const struct type_set *types)
{
	size_t used = next_len + name_len(apex);

	memcpy(out, next, next_len);
	memcpy(out + next_len, apex, used - next_len);
	for (unsigned window = 0; window <= types->last; window++) {
		const uint8_t *bits = types->bits + window * 32;
		uint8_t len = 32;

		while (len > 0 && bits[len - 1] == 0)
			len--;
		if (len == 0)
			continue;
		out[used] = (uint8_t)window;
		out[used + 1] = len;
		memcpy(out + used + 2, bits, len);
		used += 2u + len;
	}
	return used;
}
