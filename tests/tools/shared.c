/* shared STATE: the names of the nodes in a cluster store, and of those whose sticky pins it has: "nodes: a
 * b", "pins: b". */
#include "zones/state/cluster.h"

#include <err.h>
#include <stdio.h>

static bool
print_node(void *arg, const struct cluster_node *node)
{
	(void)arg;
	printf(" %s", node->name);
	return true;
}

static bool
print_pins(void *arg, const char *node)
{
	(void)arg;
	printf(" %s", node);
	return true;
}

int
main(int argc, char **argv)
{
	struct problems problems = {0};
	struct store *store = store_open(argc > 1 ? argv[1] : "", STORE_CLUSTER, STORE_READ, &problems);
	struct store_txn *txn;

	if (store == NULL || store_begin(store, STORE_READ, &txn) != 0)
		errx(1, "cannot open the cluster store");
	printf("nodes:");
	cluster_node_each(txn, print_node, NULL);
	printf("\npins:");
	cluster_pins_sweep(txn, print_pins, NULL);
	printf("\n");
	store_abort(txn);
	store_close(store);
	return 0;
}
