#include "admin/look/nodes.h"

#include "admin/cli/when.h"
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/geo/geo.h"
#include "zones/state/config.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- read ---- */

static bool
add_known(void *arg, const struct cluster_node *node)
{
	struct nodes_view *view = arg;

	view->nodes = array_grow(view->nodes, view->count, sizeof *view->nodes);
	view->nodes[view->count++] = *node;
	return true;
}

static struct cluster_node *
find(const struct nodes_view *view, const char *name)
{
	for (size_t i = 0; i < view->count; i++)
		if (strcmp(view->nodes[i].name, name) == 0)
			return &view->nodes[i];
	return NULL;
}

/* The roster has the last word on what is of the roster: graycloud-sync may not have followed it yet. */
static void
add_roster(struct nodes_view *view, const struct roster *roster)
{
	for (size_t i = 0; i < view->count; i++)
		view->nodes[i].on_roster = view->nodes[i].votes = 0;
	for (size_t i = 0; i < roster->count; i++) {
		const struct roster_node *listed = roster->nodes[i];
		struct cluster_node *node = find(view, listed->name);

		if (node == NULL) {
			struct cluster_node fresh = {.on_roster = 1};

			snprintf(fresh.name, sizeof fresh.name, "%s", listed->name);
			add_known(view, &fresh);
			node = &view->nodes[view->count - 1];
		}
		node->on_roster = 1;
		node->votes = listed->votes;
		snprintf(node->site, sizeof node->site, "%s", listed->site);
		snprintf(node->region, sizeof node->region, "%s", geo_region_text(listed->region));
		snprintf(node->addresses, sizeof node->addresses, "%s", listed->addresses);
	}
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct cluster_node *)a)->name, ((const struct cluster_node *)b)->name);
}

static void
count(struct nodes_view *view, const struct roster *roster)
{
	view->sites = roster_sites(roster, 0);
	view->quorum = quorum_need(0, view->sites);
	view->newest = MAX(view->generation, view->engine.generation);
	for (size_t i = 0; i < view->count; i++) {
		const struct cluster_node *node = &view->nodes[i];
		bool first = cluster_node_counts(node);

		view->live += node->on_roster && node->live;
		view->newest = MAX(view->newest, node->generation);
		for (size_t k = 0; k < i && first; k++)
			first = !cluster_node_counts(&view->nodes[k]) ||
			    strcmp(view->nodes[k].site, node->site) != 0;
		view->live_sites += first;
	}
}

struct nodes_view *
nodes_view_read(struct store_txn *config, struct store_txn *cluster)
{
	struct membership membership;
	struct nodes_view *view;
	struct roster roster;

	if (!membership_get(config, &membership))
		return NULL;
	view = xcalloc(1, sizeof *view);
	view->membership = membership;
	view->now_ms = boot_ms();
	view->generation = config_generation(config);
	view->written = cluster != NULL && health_beat_get(cluster, &view->beat);
	view->sync_dead = !view->written || health_monitor_dead(&view->beat, view->now_ms);
	if (cluster != NULL) {
		cluster_engine_get(cluster, &view->engine);
		cluster_node_each(cluster, add_known, view);
	}
	roster = roster_read(config);
	add_roster(view, &roster);
	if (view->count > 1)
		qsort(view->nodes, view->count, sizeof *view->nodes, compare_names);
	count(view, &roster);
	roster_free(&roster);
	return view;
}

void
nodes_view_free(struct nodes_view *view)
{
	if (view == NULL)
		return;
	free(view->nodes);
	free(view);
}

/* ---- judge ---- */

bool
nodes_quorum_lost(const struct nodes_view *view)
{
	return !view->sync_dead && view->engine.state == ENGINE_REACHABLE && view->sites > 0 &&
	    view->live_sites < view->quorum;
}

bool
nodes_all_well(const struct nodes_view *view)
{
	if (view->sync_dead || view->engine.state != ENGINE_REACHABLE || view->engine.trouble[0] != '\0')
		return false;
	for (size_t i = 0; i < view->count; i++)
		if (view->nodes[i].on_roster &&
		    (!view->nodes[i].live || view->nodes[i].trouble[0] != '\0' ||
			(view->nodes[i].votes && !cluster_node_counts(&view->nodes[i]))))
			return false;
	return true;
}

const char *
nodes_state_text(const struct cluster_node *node)
{
	if (node->beat_ms == 0)
		return "never heard";
	if (!node->live)
		return "gone";
	if (node->isolated_s > 0)
		return "isolated";
	return !node->heard ? "not yet heard" : !node->monitor_alive ? "without monitor" : "live";
}

int64_t
nodes_beat_age(const struct nodes_view *view, const struct cluster_node *node)
{
	return node->beat_ms == 0 ? -1 : (int64_t)(view->now_ms - MIN(node->beat_ms, view->now_ms));
}

/* ---- people ---- */

static void
print_engine(const struct nodes_view *view, FILE *out)
{
	const struct cluster_engine *engine = &view->engine;
	char age[16];

	when_age((int64_t)(view->now_ms - MIN(engine->since_ms, view->now_ms)), age);
	if (engine->state == ENGINE_REACHABLE)
		fprintf(out, "engine reachable (%s)", engine->own_member ? "own member" : engine->member);
	else if (engine->state == ENGINE_FAILED)
		fprintf(out,
		    "engine failed since %s: this node goes by its own monitor, and commands are refused",
		    age);
	else
		fprintf(out, "engine silent since %s: verdicts and configuration stay as they are", age);
	if (engine->trouble[0] != '\0')
		fprintf(out, " (%s)", engine->trouble);
}

/* Nodes that lag behind the newest generation. */
static void
print_generations(const struct nodes_view *view, FILE *out)
{
	bool any = false;

	fprintf(out, ", generation %llu", (unsigned long long)view->newest);
	for (size_t i = 0; i < view->count; i++) {
		const struct cluster_node *node = &view->nodes[i];

		if (!node->live || node->generation == view->newest)
			continue;
		fprintf(
		    out, "%s%s %llu", any ? ", " : " (", node->name, (unsigned long long)node->generation);
		any = true;
	}
	fputs(any ? ")" : " everywhere", out);
}

static void
print_absent(const struct nodes_view *view, FILE *out)
{
	bool any = false;
	char age[16];

	for (size_t i = 0; i < view->count; i++) {
		const struct cluster_node *node = &view->nodes[i];
		int64_t beat = nodes_beat_age(view, node);

		if (!node->on_roster || (node->live && (!node->votes || cluster_node_counts(node))))
			continue;
		fprintf(out, "%s%s %s", any ? ", " : " (", node->name, nodes_state_text(node));
		if (!node->live && beat >= 0)
			fprintf(out, " since %s", when_age(beat, age));
		any = true;
	}
	if (any)
		fputc(')', out);
}

/* A certificate for the engine that ends soon. */
static void
print_certificate(const struct nodes_view *view, FILE *out)
{
	int64_t until = view->engine.certificate_until, left = until - wall_ms();
	char age[16];

	if (until == 0 || left > NODES_CERTIFICATE_MS)
		return;
	if (left > 0)
		fprintf(out, "; the certificate for etcd ends in %s", when_age(left, age));
	else
		fprintf(out, "; the certificate for etcd ended %s ago", when_age(-left, age));
}

char *
nodes_line(const struct nodes_view *view)
{
	char *text = NULL, age[16];
	size_t len, all = 0;
	FILE *out = text_stream(&text, &len);

	for (size_t i = 0; i < view->count; i++)
		all += view->nodes[i].on_roster;
	if (!view->written)
		fputs("graycloud-sync has never run on this state directory", out);
	else if (view->sync_dead)
		fprintf(out, "graycloud-sync is dead since %s: verdicts and configuration stay as they are",
		    when_age(wall_ms() - view->beat.at_wall, age));
	else {
		if (view->engine.state == ENGINE_REACHABLE) {
			fprintf(out, "%zu of %zu", view->live, all);
			print_absent(view, out);
			fputs(", ", out);
		}
		print_engine(view, out);
		if (view->engine.state == ENGINE_REACHABLE)
			print_generations(view, out);
		if (nodes_quorum_lost(view))
			fprintf(out, "; quorum lost: %u of %u sites vote, and %u must: nothing new goes down",
			    view->live_sites, view->sites, view->quorum);
		print_certificate(view, out);
	}
	fclose(out);
	return text;
}

/* ---- JSON ---- */

static struct json *
engine_json(const struct nodes_view *view)
{
	const struct cluster_engine *engine = &view->engine;
	struct json *json = json_new_object();
	char time[32];

	json_put_text(json, "state", engine_state_text((enum engine_state)engine->state));
	wall_text(engine->since_wall, time);
	json_put_text(json, "since", engine->since_wall != 0 ? time : NULL);
	json_put_text(json, "member", engine->member);
	json_put_bool(json, "own_member", engine->own_member);
	json_put_integer(json, "members_up", engine->members_up);
	json_put_integer(json, "members", engine->members);
	json_put_integer(json, "generation", (long long)engine->generation);
	json_put_integer(json, "size", (long long)engine->size);
	json_put_integer(json, "quota", (long long)engine->quota);
	wall_text(engine->certificate_until, time);
	json_put_text(json, "certificate_until", engine->certificate_until != 0 ? time : NULL);
	json_put_text(json, "trouble", engine->trouble[0] != '\0' ? engine->trouble : NULL);
	return json;
}

static struct json *
node_json(const struct nodes_view *view, const struct cluster_node *node)
{
	struct json *json = json_new_object();
	int64_t age = nodes_beat_age(view, node);
	char digest[2 * DIGEST_LEN + 1];

	json_put_text(json, "name", node->name);
	json_put_text(json, "site", node->site);
	json_put_text(json, "region", node->region[0] != '\0' ? node->region : NULL);
	json_put_text(json, "addresses", node->addresses);
	json_put_bool(json, "on_roster", node->on_roster);
	json_put_bool(json, "votes", node->votes);
	json_put_bool(json, "self", node->self);
	json_put_text(json, "state", nodes_state_text(node));
	json_put_bool(json, "live", node->live);
	json_put(json, "beat_age_ms", age >= 0 ? json_new_integer(age) : json_new_null());
	json_put_bool(json, "monitor_alive", node->monitor_alive);
	json_put_bool(json, "notifies", node->notifies);
	json_put_integer(json, "isolated_s", (long long)node->isolated_s);
	json_put_integer(json, "endpoints", node->endpoints);
	json_put_integer(json, "generation", (long long)node->generation);
	json_put_integer(json, "schema", node->schema);
	json_put_text(json, "version", node->version);
	json_put_integer(json, "ahead_ms", node->ahead_ms);
	hex_from_octets(digest, node->digest, DIGEST_LEN);
	json_put_text(json, "digest", digest);
	json_put_text(json, "trouble", node->trouble[0] != '\0' ? node->trouble : NULL);
	return json;
}

struct json *
nodes_json(const struct nodes_view *view)
{
	struct json *json = json_new_object(), *nodes = json_new_list();

	json_put_text(json, "cluster", view->membership.cluster);
	json_put_text(json, "node", view->membership.node);
	json_put_bool(json, "sync_alive", !view->sync_dead);
	json_put_bool(json, "quorum_lost", nodes_quorum_lost(view));
	json_put_integer(json, "sites", view->sites);
	json_put_integer(json, "voting_sites", view->live_sites);
	json_put_integer(json, "majority", view->quorum);
	json_put_integer(json, "newest_generation", (long long)view->newest);
	json_put(json, "engine", engine_json(view));
	for (size_t i = 0; i < view->count; i++)
		json_add(nodes, node_json(view, &view->nodes[i]));
	json_put(json, "nodes", nodes);
	return json;
}
