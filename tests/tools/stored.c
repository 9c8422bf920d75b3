/* stored STATE: how many rows of signatures there are: of zone data, and of steered RRsets in signatures/. */
#include "zones/state/signatures.h"

#include <err.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	struct problems problems = {0};
	struct store *store = store_open(argc > 1 ? argv[1] : "", STORE_SIGNATURES, STORE_READ, &problems);
	struct store_txn *txn;

	if (store == NULL || store_begin(store, STORE_READ, &txn) != 0)
		errx(1, "cannot open the signatures");
	printf("%llu %llu\n", (unsigned long long)store_count(txn, TABLE_SIGNATURES),
	    (unsigned long long)steered_count(txn));
	store_abort(txn);
	store_close(store);
	return 0;
}
