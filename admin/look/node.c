#include "admin/look/node.h"
#include "admin/cli/report.h"

#include "zones/state/membership.h"
#include "zones/state/serving.h"

#include <pthread.h>
#include <stdlib.h>

struct geo *
node_place_of(struct store *store, struct steer_site *site)
{
	struct problems problems = {0};
	struct serving_status *status = xcalloc(1, sizeof *status);
	const char *paths[8];
	struct geo *geo = NULL;
	struct store_txn *txn;
	size_t count = 0;

	if (store != NULL && store_begin(store, STORE_READ, &txn) == 0) {
		if (serving_get(txn, status)) {
			memcpy(site->code, status->site, sizeof site->code);
			memcpy(site->country, status->site_country, sizeof site->country);
			site->region = status->site_region;
			site->point = (struct geo_point){
			    status->site_point[0], status->site_point[1], status->site_point[2]};
		}
		store_abort(txn);
	}
	for (char *rest, *line = strtok_r(status->geoip, "\n", &rest); line != NULL && count < NITEMS(paths);
	     line = strtok_r(NULL, "\n", &rest))
		paths[count++] = line;
	if (count > 0)
		geo = geo_open(paths, count, &problems);
	if (geo == NULL) /* the nameserver warns, once, of fields that a good one lacks */
		report_problems(&problems);
	problems_free(&problems);
	free(status);
	return geo;
}

struct geo *
node_place(const char *state, struct steer_site *site)
{
	struct problems problems = {0};
	struct store *store = store_open(state, STORE_SERVING, STORE_READ, &problems);
	struct geo *geo = node_place_of(store, site);

	report_problems(&problems);
	problems_free(&problems);
	store_close(store);
	return geo;
}

static struct store_txn *
begin(const char *state, enum store_kind kind, struct store **store)
{
	struct problems problems = {0};
	struct store_txn *txn = NULL;

	*store = store_open(state, kind, STORE_READ, &problems);
	report_problems(&problems);
	problems_free(&problems);
	if (*store != NULL && store_begin(*store, STORE_READ, &txn) != 0)
		txn = NULL;
	return txn;
}

struct store_txn *
node_verdicts(const char *state, struct store_txn *config, struct store **store)
{
	return begin(state, membership_verdicts(config), store);
}

struct store_txn *
node_serving(const char *state, struct store **store)
{
	return begin(state, STORE_SERVING, store);
}

unsigned
node_geography_of(struct store *store)
{
	struct serving_status *status = xcalloc(1, sizeof *status);
	unsigned bits = ~0u;
	struct store_txn *txn;

	if (store != NULL && store_begin(store, STORE_READ, &txn) == 0) {
		if (serving_get(txn, status) && !serving_dead(status, boot_ms()) && status->ready)
			bits = status->geography;
		store_abort(txn);
	}
	free(status);
	return bits;
}

unsigned
node_geography(const char *state)
{
	struct problems problems = {0};
	struct store *store = store_open(state, STORE_SERVING, STORE_READ, &problems);
	unsigned bits = node_geography_of(store);

	store_close(store);
	problems_free(&problems);
	return bits;
}

static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;

void
node_signatures_read(const char *state, struct node_signatures *out)
{
	static const enum store_kind kinds[] = {STORE_SIGNATURES, STORE_SETS};
	struct store_txn **txns[] = {&out->signatures, &out->sets};
	struct problems problems = {0};

	pthread_mutex_lock(&reading);
	*out = (struct node_signatures){.open = true};
	for (unsigned i = 0; i < NITEMS(kinds); i++) {
		out->stores[i] = store_open(state, kinds[i], STORE_READ, &problems);
		if (out->stores[i] != NULL && store_begin(out->stores[i], STORE_READ, txns[i]) != 0)
			*txns[i] = NULL;
	}
	report_problems(&problems);
	problems_free(&problems);
}

void
node_signatures_close(struct node_signatures *all)
{
	if (!all->open)
		return;
	store_abort(all->signatures);
	store_abort(all->sets);
	for (unsigned i = 0; i < NITEMS(all->stores); i++)
		store_close(all->stores[i]);
	pthread_mutex_unlock(&reading);
}
