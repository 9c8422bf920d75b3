/*
 * holder -- hold a lock of a store until standard input ends: what a stopped or hostile process does.
 *
 *     holder STATE write         the lock of writers of STATE/config
 *     holder STATE readers       all places for readers of STATE/config
 *
 * Prints "ready" when it holds it.
 */
#include "zones/store/store.h"

#include <err.h>
#include <stdlib.h>
#include <unistd.h>

enum { MANY = 4096 };

int
main(int argc, char *argv[])
{
	struct problems problems = {0};
	struct store_txn *txn;
	struct store *store;
	char octet;
	int rc = 0;

	if (argc != 3)
		errx(2, "usage: holder STATE write|readers");
	store = store_open(argv[1], STORE_CONFIG, STORE_WRITE, &problems);
	if (store == NULL)
		problems_print(&problems, "holder", stderr), exit(1);
	if (strcmp(argv[2], "write") == 0) {
		if ((rc = store_begin(store, STORE_WRITE, &txn)) != 0)
			errx(1, "cannot begin: %d", rc);
	} else
		for (int i = 0; i < MANY && rc == 0; i++)
			rc = store_begin(store, STORE_PEEK, &txn);
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		continue;
	return 0;
}
