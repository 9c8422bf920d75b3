/* tokens STATE: the rows of tokens of a configuration, by name; "NAME(deleted)" of those that were deleted.
 */
#include "zones/state/token_rows.h"

#include <err.h>
#include <stdio.h>

static bool
print_row(void *arg, const char *name, struct bytes row)
{
	(void)arg;
	printf("%s%s\n", name, token_row_read(row).deleted ? "(deleted)" : "");
	return true;
}

int
main(int argc, char **argv)
{
	struct problems problems = {0};
	struct store *store = store_open(argc > 1 ? argv[1] : "", STORE_CONFIG, STORE_READ, &problems);
	struct store_txn *txn;

	if (store == NULL || store_begin(store, STORE_READ, &txn) != 0)
		errx(1, "cannot open the configuration");
	token_rows_each(txn, print_row, NULL);
	store_abort(txn);
	store_close(store);
	return 0;
}
