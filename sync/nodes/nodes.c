#include "sync/nodes/nodes.h"

#include "zones/geo/geo.h"

#include <err.h>
#include <stdio.h>

void
nodes_begin(struct nodes *nodes, const char *name)
{
	*nodes = (struct nodes){0};
	nodes_slot(nodes, name, &nodes->self);
}

bool
nodes_slot(struct nodes *nodes, const char *name, unsigned *slot)
{
	for (unsigned i = 0; i < nodes->count; i++)
		if (strcmp(nodes->list[i].name, name) == 0) {
			*slot = i;
			return true;
		}
	if (nodes->count == NITEMS(nodes->list) || *name == '\0' || strlen(name) > NODE_NAME_MAX)
		return false;
	*slot = nodes->count++;
	nodes->list[*slot] = (struct node){.site_number = 0};
	snprintf(nodes->list[*slot].name, sizeof nodes->list[*slot].name, "%s", name);
	return true;
}

/* ---- the roster ---- */

/* Returns true if the node of the slot differs. */
static bool
take_member(struct node *node, const struct roster_node *member)
{
	bool changed = !node->on_roster || node->votes != member->votes || node->region != member->region ||
	    strcmp(node->site, member->site) != 0;

	node->on_roster = true;
	node->votes = member->votes;
	node->region = member->region;
	snprintf(node->site, sizeof node->site, "%s", member->site);
	snprintf(node->addresses, sizeof node->addresses, "%s", member->addresses);
	return changed;
}

/* Vantages of one site get one number. */
static void
number_sites(struct nodes *nodes)
{
	nodes->sites = 0;
	for (unsigned i = 0; i < nodes->count; i++) {
		struct node *node = &nodes->list[i];
		unsigned like = 0;

		if (!node->on_roster || !node->votes)
			continue;
		while (like < i &&
		    (!nodes->list[like].on_roster || !nodes->list[like].votes ||
			strcmp(nodes->list[like].site, node->site) != 0))
			like++;
		if (like < i)
			node->site_number = nodes->list[like].site_number;
		else if (nodes->sites < QUORUM_SITES_MAX)
			node->site_number = nodes->sites++;
		else
			node->votes = false;
	}
}

bool
nodes_read_roster(struct nodes *nodes, struct store_txn *config)
{
	struct roster roster = roster_read(config);
	bool present[QUORUM_VANTAGES_MAX] = {false}, changed = false;
	unsigned slot;

	for (size_t i = 0; i < roster.count; i++)
		if (nodes_slot(nodes, roster.nodes[i]->name, &slot)) {
			present[slot] = true;
			changed |= take_member(&nodes->list[slot], roster.nodes[i]);
		}
	for (unsigned i = 0; i < nodes->count; i++)
		if (nodes->list[i].on_roster && !present[i]) {
			nodes->list[i].on_roster = nodes->list[i].votes = false;
			changed = true;
		}
	roster_free(&roster);
	if (changed)
		number_sites(nodes);
	return changed;
}

/* ---- beats ---- */

void
nodes_connected(struct nodes *nodes)
{
	for (unsigned i = 0; i < nodes->count; i++)
		live_connected(&nodes->list[i].live);
}

bool
nodes_echo(struct nodes *nodes, uint64_t sent_ms)
{
	if (nodes->echoes > 0 && sent_ms < nodes->echo_sent_ms + BEAT_MS - BEAT_MS / 10)
		return false;
	nodes->echoes++;
	nodes->echo_sent_ms = sent_ms;
	return true;
}

void
nodes_beat(struct nodes *nodes, unsigned slot, const struct beat *beat, bool news)
{
	struct node *node = &nodes->list[slot];

	if (!live_beat(&node->live, beat->instance, beat->count, news, nodes->echoes))
		return;
	node->beat = *beat;
	node->has_beat = true;
	if (!news)
		return;
	node->heard_ms = boot_ms();
	node->has_clock = true;
	node->ahead_ms = beat->wall - wall_ms();
}

bool
nodes_all_heard(const struct nodes *nodes)
{
	for (unsigned i = 0; i < nodes->count; i++)
		if (nodes->list[i].on_roster && !nodes->list[i].live.heard)
			return false;
	return true;
}

bool
nodes_judge(struct nodes *nodes)
{
	bool changed = false;

	for (unsigned i = 0; i < nodes->count; i++) {
		struct node *node = &nodes->list[i];
		bool alive = live_alive(&node->live, nodes->echoes);
		bool counts = node->on_roster && node->votes && alive && node->beat.monitor_alive &&
		    !node->beat.isolated;

		if (counts == node->counts)
			continue;
		if (node->on_roster && node->votes)
			warnx("the votes of node %s %s", node->name,
			    counts       ? "count"
				: !alive ? "do not count any more: it does not beat"
				: !node->beat.monitor_alive
				? "do not count any more: its monitor does not run"
				: "do not count any more: its canaries do not answer");
		node->counts = counts;
		changed = true;
	}
	return changed;
}

struct cluster_node
nodes_row(const struct nodes *nodes, unsigned slot)
{
	const struct node *node = &nodes->list[slot];
	struct cluster_node row = {.on_roster = node->on_roster,
	    .votes = node->votes,
	    .heard = node->live.heard,
	    .live = live_alive(&node->live, nodes->echoes),
	    .monitor_alive = node->beat.monitor_alive,
	    .self = slot == nodes->self,
	    .notifies = node->beat.notifies,
	    .schema = node->beat.schema,
	    .endpoints = node->beat.endpoints,
	    .beat_ms = node->heard_ms,
	    .isolated_s = node->beat.isolated ? MAX(node->beat.isolated_s, 1) : 0,
	    .generation = node->beat.generation,
	    .ahead_ms = node->ahead_ms};

	snprintf(row.name, sizeof row.name, "%s", node->name);
	snprintf(row.site, sizeof row.site, "%s", node->site);
	snprintf(row.region, sizeof row.region, "%s", node->region == 0 ? "" : geo_region_text(node->region));
	snprintf(row.version, sizeof row.version, "%s", node->beat.version);
	snprintf(row.addresses, sizeof row.addresses, "%s", node->addresses);
	memcpy(row.digest, node->beat.digest, sizeof row.digest);
	snprintf(row.trouble, sizeof row.trouble, "%s", node->beat.trouble);
	return row;
}
