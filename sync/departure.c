#include "sync/departure.h"

#include "sync/nodes/leavers.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUIET_MS = 3000, RETRY_MS = 5000 };

struct departure {
	struct etcd *etcd;
	size_t members, member;
	char *prefix, *live;
	struct membership membership;
	int64_t beat;     /* the revision of the beat under this name; 0: there is none */
	uint64_t beat_ms; /* when it was read first; 0: it was not */
	uint64_t look_ms; /* the next request */
	bool in_flight, is_done;
};

struct departure *
departure_new(struct event_base *base, const struct options *options, const struct membership *detached)
{
	struct departure *departure = xcalloc(1, sizeof *departure);
	struct problems problems = {0};

	departure->membership = *detached;
	departure->members = options->engine.nendpoints;
	departure->prefix = xasprintf("/graycloud/%s/", detached->cluster);
	departure->live = xasprintf("%slive/%s", departure->prefix, detached->node);
	departure->etcd = etcd_new(base, &options->engine, &problems);
	problems_print(&problems, "graycloud-sync", stderr);
	problems_free(&problems);
	if (departure->etcd != NULL)
		return departure;
	departure_free(departure);
	return NULL;
}

void
departure_free(struct departure *departure)
{
	if (departure == NULL)
		return;
	etcd_free(departure->etcd);
	free(departure->prefix);
	free(departure->live);
	free(departure);
}

/* The engine did not answer: another member is asked later. */
static void
try_another(struct departure *departure)
{
	departure->member = (departure->member + 1) % departure->members;
	departure->look_ms = boot_ms() + RETRY_MS;
	etcd_use(departure->etcd, departure->member);
}

static void
on_deleted(void *arg, const struct etcd_answer *answer)
{
	struct departure *departure = arg;

	departure->in_flight = false;
	departure->beat_ms = 0;
	departure->is_done = answer->outcome == ETCD_DONE && answer->succeeded;
	if (departure->is_done)
		warnx("the votes and pins of node %s were deleted from cluster %s",
		    departure->membership.node, departure->membership.cluster);
	else if (answer->outcome != ETCD_DONE)
		try_another(departure);
}

static void
delete_rows(struct departure *departure)
{
	struct etcd_txn *txn = etcd_txn_new();

	etcd_txn_if_modified(txn, departure->live, departure->beat);
	leavers_delete(txn, departure->prefix, departure->membership.node);
	departure->in_flight = true;
	etcd_commit(departure->etcd, txn, on_deleted, departure);
}

static void
on_beat(void *arg, const struct etcd_answer *answer)
{
	struct departure *departure = arg;
	int64_t beat;

	departure->in_flight = false;
	if (answer->outcome != ETCD_DONE) {
		try_another(departure);
		return;
	}
	beat = answer->count > 0 ? answer->rows[0].modified : 0;
	if (departure->beat_ms == 0 || beat != departure->beat)
		departure->beat_ms = boot_ms();
	departure->beat = beat;
}

void
departure_look(struct departure *departure)
{
	uint64_t now_ms = boot_ms();

	if (departure->is_done || departure->in_flight || now_ms < departure->look_ms)
		return;
	if (departure->beat_ms != 0 && now_ms >= departure->beat_ms + QUIET_MS) {
		delete_rows(departure);
		return;
	}
	departure->in_flight = true;
	etcd_get(departure->etcd, &(struct etcd_range){.key = departure->live}, on_beat, departure);
}
