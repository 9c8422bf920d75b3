/* Keys and ids of the journal, and the end of a choice, for its other files. */
#include "sync/journal/journal_inner.h"

#include <err.h>

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

bool
journal_in_parts(struct bytes value)
{
	return value.len > NAME_LEN && memcmp(value.data, "GCP1", 4) == 0;
}

void
journal_end_choice(struct journal *journal)
{
	struct store *store = configuration_store(journal->configuration);
	struct store_txn *txn;
	int error;

	if (store == NULL || store_begin(store, STORE_WRITE, &txn) != 0)
		return;
	if ((error = membership_choice_put(txn, CHOICE_NONE)) == 0)
		error = store_commit(txn);
	else
		store_abort(txn);
	if (error != 0)
		warnx("cannot write the configuration: %s", strerror(-error));
	configuration_written(journal->configuration);
}
