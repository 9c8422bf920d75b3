/* The nodes of the cluster, beside each other (S90 to S98). */
#include "admin/doctor/doctor_inner.h"

#include "admin/cli/when.h"
#include "admin/look/nodes.h"

enum { AHEAD_MS = 5000 /* of the wall clocks of two nodes */ };

static void
examine_engine(struct findings *findings, const struct nodes_view *view)
{
	const struct cluster_engine *engine = &view->engine;
	char age[16];

	when_age((int64_t)(view->now_ms - MIN(engine->since_ms, view->now_ms)), age);
	if (engine->state != ENGINE_REACHABLE) {
		finding_add(findings, FINDING_ERROR, "engine-unreachable", "nodes",
		    "the engine is %s since %s: commands are refused, and %s",
		    engine_state_text((enum engine_state)engine->state), age,
		    engine->state == ENGINE_FAILED ? "this node goes by its own monitor"
						   : "verdicts stay as they are");
		finding_cure(findings,
		    "start etcd, or repair the network to the other nodes; if most of them will not come "
		    "back, "
		    "`graycloud node detach`");
	}
	if (engine->trouble[0] != '\0') {
		finding_add(findings, FINDING_WARNING, "engine-trouble", "nodes", "%s", engine->trouble);
		finding_cure(findings, "docs/nodes.md has the cures");
	}
	if (engine->quota > 0 && engine->size > engine->quota / 2) {
		finding_add(findings, FINDING_WARNING, "engine-full", "nodes",
		    "the engine uses %llu MiB of its quota of %llu MiB",
		    (unsigned long long)(engine->size >> 20), (unsigned long long)(engine->quota >> 20));
		finding_cure(findings, "compact it and defragment each member, or give it a larger quota");
	}
	if (nodes_quorum_lost(view)) {
		finding_add(findings, FINDING_ERROR, "quorum-lost", "nodes",
		    "%u of %u sites vote, and %u must say down: no dead origin is withdrawn",
		    view->live_sites, view->sites, view->quorum);
		finding_cure(findings,
		    "start the nodes that are gone; `graycloud node remove` those that will not come back");
	}
}

static void
examine_certificate(struct findings *findings, const struct cluster_engine *engine)
{
	int64_t until = engine->certificate_until, now = wall_ms();
	char when[32];

	if (until == 0 || until > now + NODES_CERTIFICATE_MS)
		return;
	wall_text(until, when);
	if (until <= now)
		finding_add(findings, FINDING_ERROR, "engine-certificate", "nodes",
		    "the certificate for etcd ended at %.19sZ: new connections with it fail", when);
	else
		finding_add(findings, FINDING_WARNING, "engine-certificate", "nodes",
		    "the certificate for etcd ends at %.19sZ", when);
	finding_cure(findings,
	    "renew it and write it into the files of --engine-cert, --engine-key and --engine-ca: "
	    "graycloud-sync reads them again by itself");
}

static void
examine_presence(struct findings *findings, const char *subject, const struct cluster_node *node)
{
	if (!node->live) {
		finding_add(findings, FINDING_WARNING, "node-gone", subject, "it does not beat");
		finding_cure(findings,
		    "start its graycloud-sync, or `graycloud node remove %s` if it will not come back",
		    node->name);
	} else if (node->votes && !node->monitor_alive) {
		finding_add(findings, FINDING_WARNING, "node-monitor-dead", subject, "its monitor is dead");
		finding_cure(findings, "start graycloud-monitor there");
	} else if (node->votes && node->isolated_s > 0) {
		finding_add(findings, FINDING_WARNING, "node-isolated", subject,
		    "its canaries have been silent for %llu s: its votes do not count",
		    (unsigned long long)node->isolated_s);
		finding_cure(findings, "repair its uplink");
	}
	if (!node->on_roster) {
		finding_add(findings, FINDING_WARNING, "node-unlisted", subject,
		    "it beats, and is not on the roster: its votes do not count");
		finding_cure(findings, "`graycloud node create %s site=...`, or stop it", node->name);
	}
}

/* Report how a node differs from this one. */
static void
compare(struct findings *findings, const char *subject, const struct nodes_view *view,
    const struct cluster_node *node, const struct cluster_node *self)
{
	if (!node->live || self == NULL || node == self)
		return;
	if (node->generation + 1 < view->newest) {
		finding_add(findings, FINDING_WARNING, "node-behind", subject,
		    "it has generation %llu of %llu", (unsigned long long)node->generation,
		    (unsigned long long)view->newest);
		finding_cure(findings, "look at the log of its graycloud-sync");
	}
	if (node->generation == self->generation && memcmp(node->digest, self->digest, DIGEST_LEN) != 0) {
		finding_add(findings, FINDING_ERROR, "node-fork", subject,
		    "its history differs from that of this node, in generation %llu",
		    (unsigned long long)node->generation);
		finding_cure(findings, "docs/nodes.md: choose the history that stays");
	}
	if (node->schema != self->schema || strcmp(node->version, self->version) != 0) {
		finding_add(findings, FINDING_WARNING, "node-version", subject,
		    "it runs version %s with schema %u, this node %s with %u", node->version, node->schema,
		    self->version, self->schema);
		finding_cure(findings, "upgrade the older one");
	}
	if (node->ahead_ms > AHEAD_MS || node->ahead_ms < -AHEAD_MS) {
		finding_add(findings, FINDING_WARNING, "node-clock", subject,
		    "its clock is %.0f s %s that of this node",
		    (double)node->ahead_ms / (node->ahead_ms < 0 ? -1000 : 1000),
		    node->ahead_ms > 0 ? "ahead of" : "behind");
		finding_cure(findings, "synchronise the clocks: ends of --for go by them");
	}
}

void
examine_nodes(struct examination *examination)
{
	const struct nodes_view *view = examination->picture->nodes;
	struct findings *findings = examination->findings;
	const struct cluster_node *self = NULL;
	size_t before = findings->count;

	if (view == NULL)
		return;
	if (view->sync_dead) {
		finding_add(findings, FINDING_ERROR, "sync-dead", "nodes",
		    "graycloud-sync does not run: commands are refused, and verdicts stay as they are");
		finding_cure(findings, "start graycloud-sync");
		return;
	}
	examine_engine(findings, view);
	examine_certificate(findings, &view->engine);
	for (size_t i = 0; i < view->count; i++)
		if (strcmp(view->nodes[i].name, view->membership.node) == 0)
			self = &view->nodes[i];
	for (size_t i = 0; i < view->count; i++) {
		const struct cluster_node *node = &view->nodes[i];
		char subject[16 + NODE_NAME_MAX];

		snprintf(subject, sizeof subject, "node %s", node->name);
		examine_presence(findings, subject, node);
		compare(findings, subject, view, node, self);
		if (node->trouble[0] != '\0') {
			finding_add(findings, FINDING_WARNING, "node-trouble", subject, "%s", node->trouble);
			finding_cure(findings, "look at the log of its graycloud-sync");
		}
	}
	if (!findings_worse_since(findings, before))
		finding_add(findings, FINDING_OK, "nodes", "nodes",
		    "%zu nodes are live, and have generation %llu and one history", view->live,
		    (unsigned long long)view->newest);
}
