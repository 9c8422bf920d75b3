/* Keys and ids of the journal, for its other files. */
#include "sync/journal_inner.h"

char *
journal_key(const struct journal *journal, const char *rest)
{
	return xasprintf("%s%s", journal->prefix, rest);
}

const struct id *
journal_id_of(const struct journal *journal, uint64_t generation)
{
	const struct known_id *known = &journal->known[generation % KNOWN_IDS];

	return known->generation == generation && generation != 0 ? &known->id : NULL;
}
