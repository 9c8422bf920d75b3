#include "admin/edit/rrset_edit.h"

#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

static bool
keep_rrset(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct owner_rrsets *rrsets = arg;

	(void)key;
	rrsets->items = array_grow(rrsets->items, rrsets->count, sizeof *rrsets->items);
	rrsets->items[rrsets->count++] = *rrset;
	return true;
}

void
owner_rrsets_read(
    struct owner_rrsets *rrsets, struct store_txn *txn, uint32_t zone, const struct bytes *owner_key)
{
	*rrsets = (struct owner_rrsets){0};
	config_each_row(txn, zone, owner_key, keep_rrset, rrsets);
}

void
owner_rrsets_free(struct owner_rrsets *rrsets)
{
	free(rrsets->items);
	*rrsets = (struct owner_rrsets){0};
}

const struct rrset *
owner_rrsets_find(const struct owner_rrsets *rrsets, uint16_t type)
{
	for (size_t i = 0; i < rrsets->count; i++)
		if (rrsets->items[i].type == type)
			return &rrsets->items[i];
	return NULL;
}

void
value_begin(struct value *value)
{
	value->octets = xmalloc(RRSET_HEAD + 2 * (2 + UINT16_MAX));
	value->len = RRSET_HEAD;
	value->count = 0;
}

void
value_add(struct value *value, const uint8_t *rdata, uint16_t len)
{
	put16(value->octets + value->len, len);
	memcpy(value->octets + value->len + 2, rdata, len);
	value->len += 2u + len;
	value->count++;
}

void
value_end(struct value *value, uint8_t flags, uint32_t ttl)
{
	value->octets[0] = flags;
	put32(value->octets + 1, ttl);
	put16(value->octets + 5, value->count);
	if (value->count == 0)
		value->len = 0;
}

bool
value_with(struct value *value, const struct rrset *rrset, uint16_t type, const uint8_t *rdata, uint16_t len)
{
	const uint8_t *at = rrset != NULL ? rrset->records : NULL;
	bool placed = rrset != NULL && rrset_has(rrset, rdata, len), added = !placed;

	for (unsigned i = 0; rrset != NULL && i < rrset->count; i++) {
		uint16_t other_len;
		const uint8_t *other = rrset_next(&at, &other_len);

		if (!placed && zonefile_compare_rdata(type, rdata, len, other, other_len) < 0) {
			value_add(value, rdata, len);
			placed = true;
		}
		value_add(value, other, other_len);
	}
	if (!placed)
		value_add(value, rdata, len);
	return added;
}

bool
value_without(struct value *value, const struct rrset *rrset, const uint8_t *rdata, uint16_t len)
{
	const uint8_t *at = rrset->records;

	for (unsigned i = 0; i < rrset->count; i++) {
		uint16_t other_len;
		const uint8_t *other = rrset_next(&at, &other_len);

		if (zonefile_compare_rdata(rrset->type, rdata, len, other, other_len) != 0)
			value_add(value, other, other_len);
	}
	return value->count < rrset->count;
}

bool
rrset_has(const struct rrset *rrset, const uint8_t *rdata, uint16_t len)
{
	const uint8_t *at = rrset->records;

	for (unsigned i = 0; i < rrset->count; i++) {
		uint16_t other_len;
		const uint8_t *other = rrset_next(&at, &other_len);

		if (zonefile_compare_rdata(rrset->type, rdata, len, other, other_len) == 0)
			return true;
	}
	return false;
}

char *
rdata_text(uint16_t type, const uint8_t *rdata, uint16_t len)
{
	char *text;
	size_t text_len;
	FILE *out = text_stream(&text, &text_len);

	zonefile_write_rdata(out, type, rdata, len);
	fclose(out);
	return text;
}

char *
record_text(const uint8_t *owner, uint16_t type, const uint8_t *rdata, uint16_t len)
{
	char name[NAME_MAX_TEXT], type_text[16], *data = rdata_text(type, rdata, len), *text;

	zonefile_type_text(type, type_text);
	text = xasprintf("%s %s %s", name_to_host(owner, name), type_text, data);
	free(data);
	return text;
}
