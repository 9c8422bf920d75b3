#include "admin/look/referrers.h"

#include "zones/base/array.h"
#include "zones/document/document_load.h"

#include <stdlib.h>

void
referrers_add(struct referrers *referrers, enum kind kind, const struct id *id, struct bytes json)
{
	struct referrer referrer = {.kind = kind, .id = *id};
	char name[256];

	if (!document_name(json, name))
		return;
	referrer.name = xstrdup(name);
	referrers->items = array_grow(referrers->items, referrers->count, sizeof *referrers->items);
	referrers->items[referrers->count++] = referrer;
}

static bool
add_one(void *arg, enum kind kind, const struct id *id, struct bytes json)
{
	referrers_add(arg, kind, id, json);
	return true;
}

void
referrers_add_of(struct referrers *referrers, struct store_txn *txn, const struct id *id)
{
	config_each_referrer(txn, id, add_one, referrers);
}

static int
compare(const void *a, const void *b)
{
	const struct referrer *one = a, *other = b;

	return one->kind != other->kind ? (one->kind > other->kind) - (one->kind < other->kind)
					: strcmp(one->name, other->name);
}

void
referrers_sort(struct referrers *referrers)
{
	size_t kept = 0;

	if (referrers->count > 0)
		qsort(referrers->items, referrers->count, sizeof *referrers->items, compare);
	for (size_t i = 0; i < referrers->count; i++)
		if (kept == 0 || compare(&referrers->items[kept - 1], &referrers->items[i]) != 0)
			referrers->items[kept++] = referrers->items[i];
		else
			free(referrers->items[i].name);
	referrers->count = kept;
}

void
referrers_free(struct referrers *referrers)
{
	for (size_t i = 0; i < referrers->count; i++)
		free(referrers->items[i].name);
	free(referrers->items);
	*referrers = (struct referrers){0};
}
