/* Warnings about the names that records point to, within one zone. */
#include "zones/zonefile/zonefile_parts.h"

#include <stdlib.h>

enum { IPV4_LABELS = 4 };

int
zonefile_target_at(uint16_t type)
{
	switch (type) {
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
	case TYPE_DNAME:
		return 0;
	case TYPE_MX:
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return 2;
	case TYPE_SRV:
		return 6;
	default:
		return -1;
	}
}

static void __attribute__((format(printf, 4, 5)))
warn(struct records *records, struct problems *problems, const struct record *record, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	records_say(
	    records, problems, PROBLEM_WARNING, records->files[record->file], record->line, format, args);
	va_end(args);
}

/* Is the label a number from 0 to 255? */
static bool
is_octet_label(const uint8_t *label)
{
	unsigned value = 0;

	for (unsigned i = 1; i <= *label; i++) {
		if (label[i] < '0' || label[i] > '9' || *label > 3)
			return false;
		value = value * 10 + label[i] - '0';
	}
	return value < 256;
}

bool
zonefile_looks_like_address(const uint8_t *name, const uint8_t *apex)
{
	unsigned labels = name_labels(name), own = name_within(name, apex) ? name_labels(apex) : 0;

	if (labels - own != IPV4_LABELS)
		return false;
	for (unsigned i = 0; i < IPV4_LABELS; i++)
		if (!is_octet_label(name_skip(name, i)))
			return false;
	return true;
}

static int
compare_keys(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* The first record at or after the name; NULL at the end. */
static const struct record *
find(const struct records *records, const uint8_t *key, size_t len)
{
	size_t low = 0, high = records->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct record *record = &records->items[middle];

		if (compare_keys(record->key, record->key_len, key, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < records->count ? &records->items[low] : NULL;
}

/* Does the name exist, itself, or through a name below it?  cname: is it an alias? */
static bool
exists(const struct records *records, const uint8_t *name, bool *cname)
{
	uint8_t key[NAME_MAX_KEY];
	size_t len = name_to_key(key, name, records->apex);
	const struct record *found = len > 0 ? find(records, key, len) : NULL,
			    *end = records->items + records->count;
	bool at = found != NULL && compare_keys(found->key, found->key_len, key, len) == 0;

	*cname = false;
	for (const struct record *record = found; at && record < end && record->key == found->key; record++)
		*cname |= record->type == TYPE_CNAME;
	return at || (found != NULL && found->key_len > len && memcmp(found->key, key, len - 1) == 0);
}

/* Is the name, or a wildcard or a delegation above it, in the zone? */
static bool
is_covered(const struct records *records, const uint8_t *name)
{
	unsigned above = name_labels(name) - name_labels(records->apex);
	bool cname;

	if (exists(records, name, &cname))
		return true;
	for (unsigned i = 1; i < above; i++) {
		const uint8_t *parent = name_skip(name, i);
		uint8_t wildcard[NAME_MAX_LEN + 2] = {1, '*'}, key[NAME_MAX_KEY];
		size_t len = name_to_key(key, parent, records->apex);
		const struct record *record = len > 0 ? find(records, key, len) : NULL,
				    *end = records->items + records->count;

		memcpy(wildcard + 2, parent, name_len(parent));
		if (name_len(parent) + 2 <= NAME_MAX_LEN && exists(records, wildcard, &cname))
			return true;
		for (; record != NULL && record < end &&
		     compare_keys(record->key, record->key_len, key, len) == 0;
		     record++)
			if (record->type == TYPE_NS || record->type == TYPE_DNAME)
				return true;
	}
	return false;
}

/* Labels that end many absolute names, but hardly ever a name relative to a zone. */
static bool
is_top_level(const uint8_t *label)
{
	static const char *const known[] = {"com", "net", "org", "edu", "gov", "mil", "int", "info", "biz",
	    "io", "arpa", "cloud", "app", "dev", "online", "de", "uk", "nl", "fr", "ch", "at", "pl", "ru",
	    "cz", "jp", "cn", "br", "au", "ca", "eu", "be", "dk", "fi", "no", "se"};
	char text[64];

	for (unsigned i = 0; i < *label; i++)
		text[i] = (char)name_lower_octet(label[i + 1]);
	text[*label] = '\0';
	for (size_t i = 0; i < NITEMS(known); i++)
		if (strcmp(text, known[i]) == 0)
			return true;
	return false;
}

/*
 * A target without its final dot is completed with the zone's name: then it ends with the zone's name twice,
 * or with a top-level domain before the zone's name, and the zone has no such name.
 */
static bool
looks_completed(const struct records *records, const uint8_t *target)
{
	unsigned own = name_labels(records->apex), labels = name_labels(target);
	const uint8_t *twice;
	uint8_t head[NAME_MAX_LEN];
	size_t len;

	if (own == 0 || labels < own + 2 || !name_within(target, records->apex))
		return false;
	len = (size_t)(name_skip(target, labels - own) - target);
	memcpy(head, target, len);
	head[len] = 0;
	twice = labels - own >= own ? name_skip(head, labels - own - own) : NULL;
	if ((twice == NULL || !name_equal(twice, records->apex)) &&
	    !is_top_level(name_skip(head, labels - own - 1)))
		return false;
	return !is_covered(records, target);
}

/* Returns NULL, or the warning about the target. */
static const char *
target_fault(const struct records *records, uint16_t type, const uint8_t *target)
{
	bool cname = false;

	if (type != TYPE_PTR && zonefile_looks_like_address(target, records->apex))
		return "which looks like an address: it must point to a name";
	if (looks_completed(records, target))
		return "which is not in the zone: is the final dot missing?";
	if ((type == TYPE_MX || type == TYPE_SRV || type == TYPE_NS) && name_within(target, records->apex) &&
	    exists(records, target, &cname) && cname)
		return "which is an alias: it must point to a name with addresses (RFC 2181 10.3)";
	return NULL;
}

static void
check_target(
    struct records *records, struct problems *problems, const struct record *record, const uint8_t *target)
{
	const char *fault = target_fault(records, record->type, target);
	char name[NAME_MAX_TEXT], owner[NAME_MAX_TEXT], type[16];

	if (fault == NULL)
		return;
	name_to_host(target, name);
	name_to_host(record->owner, owner);
	zonefile_type_text(record->type, type);
	warn(records, problems, record, "the %s of %s points to %s, %s", type, owner, name, fault);
}

void
targets_warn(struct records *records, struct problems *problems)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct record *record = &records->items[i];
		int at = zonefile_target_at(record->type);

		if (at >= 0 && record->rdlen > at &&
		    name_valid(record->rdata + at, record->rdlen - (size_t)at) > 0)
			check_target(records, problems, record, record->rdata + at);
	}
}
