/*
 * stored STATE: how many rows of signatures there are: of zone data, and of steered RRsets in signatures/.
 * stored STATE sets: the owners of the rows in sets/, in the order in which they were signed.
 */
#include "zones/state/signatures.h"

#include <err.h>
#include <stdio.h>

static void
print_owner(void *arg, const struct steered_signature *row)
{
	char text[NAME_MAX_TEXT];

	(void)arg;
	puts(name_to_text(row->owner, text));
}

int
main(int argc, char **argv)
{
	struct problems problems = {0};
	bool sets = argc > 2;
	struct store *store =
	    store_open(argc > 1 ? argv[1] : "", sets ? STORE_SETS : STORE_SIGNATURES, STORE_READ, &problems);
	struct store_txn *txn;

	if (store == NULL || store_begin(store, STORE_READ, &txn) != 0)
		errx(1, "cannot open the signatures");
	if (sets)
		steered_each(txn, 0, print_owner, NULL);
	else
		printf("%llu %llu\n", (unsigned long long)store_count(txn, TABLE_SIGNATURES),
		    (unsigned long long)steered_count(txn));
	store_abort(txn);
	store_close(store);
	return 0;
}
