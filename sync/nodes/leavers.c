#include "sync/nodes/leavers.h"

#include "zones/base/array.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

/* A node of which the engine has rows. */
struct leaver {
	char name[NODE_NAME_MAX + 1];
	int64_t beat;   /* the revision of its beat; 0: there is none */
	bool has_other; /* votes or pins */
};

struct leavers {
	struct etcd *etcd;
	char *prefix;
	struct leaver *list;
	size_t count;
	bool in_flight;
	char asked[NODE_NAME_MAX + 1]; /* the node of the request */
};

void
leavers_delete(struct etcd_txn *txn, const char *prefix, const char *node)
{
	static const char *const kinds[] = {"votes", "pins"};
	char *live = xasprintf("%slive/%s", prefix, node);

	etcd_txn_delete(txn, live);
	free(live);
	for (size_t i = 0; i < NITEMS(kinds); i++) {
		char *from = xasprintf("%s%s/%s/", prefix, kinds[i], node);
		char *to = xasprintf("%s%s/%s0", prefix, kinds[i], node); /* "0" follows "/" */

		etcd_txn_delete_range(txn, from, to);
		free(from);
		free(to);
	}
}

struct leavers *
leavers_new(struct etcd *etcd, const char *prefix)
{
	struct leavers *leavers = xcalloc(1, sizeof *leavers);

	leavers->etcd = etcd;
	leavers->prefix = xstrdup(prefix);
	return leavers;
}

void
leavers_free(struct leavers *leavers)
{
	if (leavers == NULL)
		return;
	free(leavers->list);
	free(leavers->prefix);
	free(leavers);
}

void
leavers_begun(struct leavers *leavers)
{
	leavers->count = 0;
	leavers->in_flight = false;
}

static struct leaver *
find(struct leavers *leavers, const char *name, size_t len)
{
	struct leaver *leaver;

	for (size_t i = 0; i < leavers->count; i++)
		if (strlen(leavers->list[i].name) == len && memcmp(leavers->list[i].name, name, len) == 0)
			return &leavers->list[i];
	leavers->list = array_grow(leavers->list, leavers->count, sizeof *leavers->list);
	leaver = &leavers->list[leavers->count++];
	*leaver = (struct leaver){.beat = 0};
	memcpy(leaver->name, name, len);
	return leaver;
}

void
leavers_row(struct leavers *leavers, const char *key, const struct etcd_row *row)
{
	const char *name = strchr(key, '/');
	size_t len;

	if (name == NULL)
		return;
	len = strcspn(++name, "/");
	if (len == 0 || len > NODE_NAME_MAX)
		return;
	if (strncmp(key, "live/", 5) == 0)
		find(leavers, name, len)->beat = row->deleted ? 0 : row->modified;
	else if (!row->deleted)
		find(leavers, name, len)->has_other = true;
}

bool
leavers_is_here(const struct nodes *nodes, const char *name)
{
	for (unsigned i = 0; i < nodes->count; i++)
		if (strcmp(nodes->list[i].name, name) == 0)
			return i == nodes->self || nodes->list[i].on_roster ||
			    live_alive(&nodes->list[i].live, nodes->echoes);
	return false;
}

static void
on_deleted(void *arg, const struct etcd_answer *answer)
{
	struct leavers *leavers = arg;

	leavers->in_flight = false;
	if (answer->outcome != ETCD_DONE) {
		warnx("cannot delete the rows of node %s from the engine: %s", leavers->asked, answer->error);
		return;
	}
	for (size_t i = 0; i < leavers->count && answer->succeeded; i++)
		if (strcmp(leavers->list[i].name, leavers->asked) == 0)
			leavers->list[i] = leavers->list[--leavers->count];
	if (answer->succeeded)
		warnx("node %s left: its votes and pins were deleted from the engine", leavers->asked);
}

void
leavers_look(struct leavers *leavers, const struct nodes *nodes)
{
	struct etcd_txn *txn;
	char *live;

	for (size_t i = 0; i < leavers->count && !leavers->in_flight; i++) {
		const struct leaver *leaver = &leavers->list[i];

		if ((leaver->beat == 0 && !leaver->has_other) || leavers_is_here(nodes, leaver->name))
			continue;
		memcpy(leavers->asked, leaver->name, sizeof leavers->asked);
		txn = etcd_txn_new();
		live = xasprintf("%slive/%s", leavers->prefix, leaver->name);
		etcd_txn_if_modified(txn, live, leaver->beat);
		free(live);
		leavers_delete(txn, leavers->prefix, leaver->name);
		leavers->in_flight = true;
		etcd_commit(leavers->etcd, txn, on_deleted, leavers);
	}
}
