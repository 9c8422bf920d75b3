/*
 * Master files from strangers: never a crash, and an accepted one is written as text that reads back the
 * same. Included files are out of reach: a text with $INCLUDE is passed over.  So is $GENERATE with numbers
 * of over three digits, which only takes long.
 */
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char *
export_zone(const struct zone_data *zone)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < zone->count; i++) {
		const struct zone_row *row = &zone->rows[i];
		uint8_t owner[2 * NAME_MAX_LEN];
		struct rrset rrset;
		int relative = name_from_key(owner, row->key, row->key_len - 2);

		assert(relative >= 0);
		memcpy(owner + relative, zone->apex, name_len(zone->apex));
		assert(rrset_decode(&rrset, get16(row->key + row->key_len - 2), row->value, row->value_len));
		assert(zonefile_write(out, owner, &rrset));
	}
	fclose(out);
	return text;
}

static void
assert_same(const struct zone_data *a, const struct zone_data *b)
{
	assert(a->count == b->count && a->serial == b->serial);
	for (size_t i = 0; i < a->count; i++) {
		const struct zone_row *x = &a->rows[i], *y = &b->rows[i];

		assert(x->key_len == y->key_len && memcmp(x->key, y->key, x->key_len) == 0);
		assert(x->value_len == y->value_len && memcmp(x->value, y->value, x->value_len) == 0);
	}
}

/* Does the text generate thousands of records? */
static bool
generates_many(const char *text)
{
	unsigned digits = 0;

	if (strcasestr(text, "$GENERATE") == NULL)
		return false;
	for (; *text != '\0' && digits < 4; text++)
		digits = *text >= '0' && *text <= '9' ? digits + 1 : 0;
	return digits >= 4;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t apex[] = "\7example\3com";
	struct problems problems = {0};
	struct zone_data zone, again;
	char *text = xmalloc(len + 1), *out;

	memcpy(text, data, len);
	text[len] = '\0';
	if (strcasestr(text, "$INCLUDE") == NULL && !generates_many(text) &&
	    zonefile_read("fuzz", text, len > 0 && data[0] % 2 ? apex : NULL, true, &zone, &problems)) {
		out = export_zone(&zone);
		assert(zonefile_read("again", out, zone.apex, false, &again, &problems));
		assert_same(&zone, &again);
		zone_data_free(&again);
		zone_data_free(&zone);
		free(out);
	}
	problems_free(&problems);
	free(text);
	return 0;
}
