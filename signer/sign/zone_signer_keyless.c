/* zone_signer_keyless.c -- zones whose keys are on another node (S109). */
#include "signer/sign/zone_signer.h"
#include "signer/sign/zone_signer_inner.h"

#include <stdlib.h>

void
zone_signer_put_keyless(struct zone_signer *signer, const struct zone_info *info, const char *name)
{
	struct signed_entry *entry = zone_signer_add(signer, info->number);

	entry->name = xstrdup(name);
	entry->ends.taken_ms = boot_ms();
	memcpy(entry->apex, info->name, name_len(info->name));
}

void
zone_signer_set_ending(struct zone_signer *signer, uint32_t number, bool ending)
{
	struct signed_entry *entry = zone_signer_entry(signer, number);

	if (entry != NULL)
		entry->ending = ending;
}

bool
zone_signer_is_ending(const struct zone_signer *signer, uint32_t number)
{
	const struct signed_entry *entry = zone_signer_entry(signer, number);

	return entry != NULL && entry->ending;
}

bool
zone_signer_is_keyless(const struct zone_signer *signer, uint32_t number)
{
	return zone_signer_name(signer, number) != NULL;
}

const char *
zone_signer_name(const struct zone_signer *signer, uint32_t number)
{
	const struct signed_entry *entry = zone_signer_entry(signer, number);

	return entry != NULL ? entry->name : NULL;
}

bool
zone_signer_apex(const struct zone_signer *signer, uint32_t number, uint8_t apex[NAME_MAX_LEN])
{
	const struct signed_entry *entry = zone_signer_entry(signer, number);

	if (entry != NULL)
		memcpy(apex, entry->apex, name_len(entry->apex));
	return entry != NULL;
}

void
zone_signer_each_keyless(const struct zone_signer *signer, zone_signer_fn *fn, void *arg)
{
	for (size_t i = signer->zones.count; i-- > 0;)
		if (zone_signer_at(signer, i)->name != NULL)
			fn(arg, zone_signer_at(signer, i)->zone);
}

void
zone_signer_set_missing(struct zone_signer *signer, uint32_t number, size_t rrsets)
{
	struct signed_entry *entry = zone_signer_entry(signer, number);

	if (entry != NULL)
		entry->missing = rrsets;
}

size_t
zone_signer_missing(const struct zone_signer *signer)
{
	size_t sum = 0;

	for (size_t i = 0; i < signer->zones.count; i++)
		sum += zone_signer_at(signer, i)->missing;
	return sum;
}

void
zone_signer_note_lacking(struct zone_signer *signer, uint32_t number)
{
	struct signed_entry *entry = zone_signer_entry(signer, number);

	if (entry != NULL)
		entry->lacking++;
}

void
zone_signer_forget_lacking(struct zone_signer *signer)
{
	for (size_t i = 0; i < signer->zones.count; i++)
		zone_signer_at(signer, i)->lacking = 0;
}

size_t
zone_signer_lacking(const struct zone_signer *signer, uint32_t number)
{
	const struct signed_entry *entry = zone_signer_entry(signer, number);

	return entry != NULL ? entry->missing + entry->lacking : 0;
}

struct zone_ends *
zone_signer_ends(struct zone_signer *signer, uint32_t number)
{
	struct signed_entry *entry = zone_signer_entry(signer, number);

	return entry != NULL ? &entry->ends : NULL;
}

const char *
zone_signer_wrong(const struct zone_signer *signer, uint32_t number)
{
	const struct signed_entry *entry = zone_signer_entry(signer, number);

	return entry != NULL ? entry->wrong : NULL;
}

bool
zone_signer_trusts_steered(struct zone_signer *signer, const struct steered_signature *row)
{
	struct signed_entry *entry = zone_signer_entry(signer, row->zone);
	enum known_verdict verdict;
	struct signed_zone zone;
	struct signed_set set = {.owner = row->owner};
	uint8_t *records;

	if (entry == NULL || entry->name == NULL || !signed_zone_get(signer->txn, row->zone, &zone))
		return true;
	set.apex = entry->apex;
	records = steered_rrset(row, &set.rrset);
	verdict = known_keys_verify(zone_signer_known_keys(signer, entry, &zone), &set, &row->signature, 1);
	if (verdict == KNOWN_WRONG && entry->wrong == NULL)
		entry->wrong = known_keys_complaint(&set, verdict);
	free(records);
	return verdict != KNOWN_WRONG;
}
