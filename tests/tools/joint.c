/*
 * joint STATE COUNT: the joint states of the endpoints of `verdicts STATE COUNT` in the cluster store, as
 * ranges, and the votes on them: "0-99 down, 100-9999 up, 29700 votes up, 300 down".
 */
#include "tests/tools/many_endpoints.h"
#include "zones/state/cluster.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static const char *
state_of(struct store_txn *txn, unsigned number)
{
	struct endpoint endpoint = endpoint_of(number);
	struct health_record record;

	return health_get(txn, &endpoint, &record) ? health_state_text((enum health_state)record.state)
						   : "missing";
}

static void
count_votes(struct store_txn *txn, unsigned number, unsigned long *up, unsigned long *down)
{
	struct endpoint endpoint = endpoint_of(number);
	struct cluster_ballot ballot;

	if (!cluster_ballot_get(txn, &endpoint, &ballot))
		return;
	for (size_t i = 0; i < ballot.count; i++) {
		*up += ballot.votes[i].vote == VOTE_UP;
		*down += ballot.votes[i].vote == VOTE_DOWN;
	}
}

int
main(int argc, char **argv)
{
	struct problems problems = {0};
	unsigned count = argc == 3 ? (unsigned)atoi(argv[2]) : 0, first = 0;
	unsigned long up = 0, down = 0;
	struct store *store;
	struct store_txn *txn;

	if (argc != 3)
		errx(2, "usage: joint STATE COUNT");
	if ((store = store_open(argv[1], STORE_CLUSTER, STORE_READ, &problems)) == NULL ||
	    store_begin(store, STORE_READ, &txn) != 0)
		errx(1, "cannot open the store");
	for (unsigned i = 0; i < count; i++) {
		const char *state = state_of(txn, i);

		count_votes(txn, i, &up, &down);
		if (i + 1 < count && strcmp(state, state_of(txn, i + 1)) == 0)
			continue;
		printf("%u-%u %s, ", first, i, state);
		first = i + 1;
	}
	printf("%lu votes up, %lu down\n", up, down);
	store_abort(txn);
	store_close(store);
	return 0;
}
