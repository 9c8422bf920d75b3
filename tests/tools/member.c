/*
 * member STATE CLUSTER NODE | member STATE: make the node of a state directory a member of a cluster, or no
 * member of any. For tests of graycloud-sync.
 */
#include "zones/state/membership.h"

#include <err.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	struct membership membership = {.cluster = ""};
	struct problems problems = {0};
	struct store *store;
	struct store_txn *txn;

	if (argc != 2 && argc != 4)
		errx(2, "usage: member STATE [CLUSTER NODE]");
	if ((store = store_open(argv[1], STORE_CONFIG, STORE_WRITE, &problems)) == NULL ||
	    store_begin(store, STORE_WRITE, &txn) != 0)
		errx(1, "cannot open the configuration");
	if (argc == 4) {
		snprintf(membership.cluster, sizeof membership.cluster, "%s", argv[2]);
		snprintf(membership.node, sizeof membership.node, "%s", argv[3]);
	}
	if (membership_put(txn, argc == 4 ? &membership : NULL) != 0 || store_commit(txn) != 0)
		errx(1, "cannot write the membership");
	store_close(store);
	return 0;
}
