#include "zones/state/roster.h"

#include "zones/base/array.h"
#include "zones/document/document_load.h"
#include "zones/model/quorum.h"
#include "zones/state/config.h"

#include <stdlib.h>

static bool
add_node(void *arg, const struct id *id, struct bytes json)
{
	struct roster *roster = arg;
	struct roster_node *node = document_load_node(json);

	(void)id;
	if (node == NULL)
		return true;
	roster->nodes = array_grow(roster->nodes, roster->count, sizeof(struct roster_node *));
	roster->nodes[roster->count++] = node;
	return true;
}

struct roster
roster_read(struct store_txn *config)
{
	struct roster roster = {0};

	config_each_object_by_name(config, KIND_NODE, add_node, &roster);
	return roster;
}

void
roster_free(struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++)
		model_free_roster_node(roster->nodes[i]);
	free(roster->nodes);
	*roster = (struct roster){0};
}

const struct roster_node *
roster_find(const struct roster *roster, const char *name)
{
	for (size_t i = 0; i < roster->count; i++)
		if (strcmp(roster->nodes[i]->name, name) == 0)
			return roster->nodes[i];
	return NULL;
}

bool
roster_admits(const struct roster_node *node, uint32_t check_regions)
{
	return node->votes && (check_regions == 0 || (check_regions >> node->region & 1) != 0);
}

unsigned
roster_sites(const struct roster *roster, uint32_t check_regions)
{
	unsigned sites = 0;

	for (size_t i = 0; i < roster->count; i++) {
		bool first = roster_admits(roster->nodes[i], check_regions);

		for (size_t k = 0; k < i && first; k++)
			first = !roster_admits(roster->nodes[k], check_regions) ||
			    strcmp(roster->nodes[k]->site, roster->nodes[i]->site) != 0;
		sites += first;
	}
	return sites;
}

unsigned
roster_need(const struct roster *roster, const struct pool *pool)
{
	return quorum_need(pool->quorum, roster_sites(roster, pool->check_regions));
}
