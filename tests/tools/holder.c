/*
 * holder -- hold a lock of a store until it is killed: what a stopped or hostile process does.
 *
 *     holder DIRECTORY write         the lock of writers
 *     holder DIRECTORY readers       all places for readers
 *
 * DIRECTORY is that of one store, as STATE/config. Prints "ready" when it holds it.
 */
#include "zones/store/store_inner.h"

#include <err.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	MDB_env *env;
	MDB_txn *txn;
	char octet;
	int rc;

	if (argc != 3)
		errx(2, "usage: holder DIRECTORY write|readers");
	if ((rc = mdb_env_create(&env)) != 0 || (rc = mdb_env_open(env, argv[1], MDB_NOTLS, 0640)) != 0)
		errx(1, "%s: %s", argv[1], mdb_strerror(rc));
	if (strcmp(argv[2], "write") == 0)
		rc = mdb_txn_begin(env, NULL, 0, &txn);
	else
		while ((rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) == 0)
			continue;
	if (rc != 0 && rc != MDB_READERS_FULL)
		errx(1, "%s: %s", argv[1], mdb_strerror(rc));
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		continue;
	return 0;
}
