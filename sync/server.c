#include "sync/server.h"

#include "sync/departure.h"
#include "sync/joined.h"
#include "zones/daemon/exposition.h"

#include <err.h>
#include <stdlib.h>

struct server {
	struct event_base *base;
	const struct options *options;
	struct configuration *configuration;
	struct joined *joined;       /* NULL: this node stands alone */
	struct departure *departure; /* NULL: it was not detached */
	uint64_t second_ms;          /* the next second */
	bool sealed;
	double started; /* seconds since 1970 */
};

static bool
same_membership(const struct membership *a, const struct membership *b)
{
	return strcmp(a->cluster, b->cluster) == 0 && strcmp(a->node, b->node) == 0;
}

/* A node that was detached deletes its rows in the engine. */
static void
follow_detachment(struct server *server)
{
	const struct membership *detached = configuration_detached(server->configuration);

	if (detached == NULL) {
		departure_free(server->departure);
		server->departure = NULL;
	} else if (server->departure == NULL && server->options->engine.nendpoints > 0) {
		server->departure = departure_new(server->base, server->options, detached);
	}
}

/* Begin or end the work of a node that has joined. */
static void
follow_membership(struct server *server, struct problems *problems)
{
	static struct membership last;
	const struct membership *membership = configuration_membership(server->configuration);

	if (server->joined != NULL && (membership == NULL || !same_membership(membership, &last))) {
		joined_free(server->joined);
		server->joined = NULL;
	}
	follow_detachment(server);
	if (server->joined != NULL || membership == NULL)
		return;
	last = *membership;
	if (server->options->engine.nendpoints == 0) {
		problems_error(problems,
		    "this node is %s of cluster %s, but no engine is configured: add --engine URL for each "
		    "member of etcd",
		    membership->node, membership->cluster);
		return;
	}
	server->joined =
	    joined_new(server->base, server->options, server->configuration, server->sealed, problems);
}

struct server *
server_new(struct event_base *base, const struct options *options, struct problems *problems)
{
	struct server *server = xcalloc(1, sizeof *server);

	server->base = base;
	server->options = options;
	server->started = (double)wall_ms() / 1e3;
	server->configuration = configuration_new(options->daemon.state);
	configuration_look(server->configuration);
	follow_membership(server, problems);
	if (problems->errors == 0)
		return server;
	server_free(server);
	return NULL;
}

void
server_free(struct server *server)
{
	if (server == NULL)
		return;
	joined_free(server->joined);
	departure_free(server->departure);
	configuration_free(server->configuration);
	free(server);
}

/* The node has joined, but cannot begin: the service manager starts this process again. */
static void
follow_news(struct server *server)
{
	struct problems problems = {0};

	follow_membership(server, &problems);
	if (problems.errors > 0) {
		problems_print(&problems, "graycloud-sync", stderr);
		exit(1);
	}
	problems_free(&problems);
	if (server->joined != NULL)
		joined_configured(server->joined);
}

void
server_look(struct server *server)
{
	uint64_t now_ms = boot_ms();
	bool second = now_ms >= server->second_ms;

	if (second)
		server->second_ms = now_ms + 1000;
	if (configuration_look(server->configuration))
		follow_news(server);
	if (server->joined != NULL)
		joined_look(server->joined, second);
	if (server->departure != NULL && second)
		departure_look(server->departure);
}

void
server_sealed(struct server *server)
{
	server->sealed = true;
}

int
server_watch_fd(struct server *server, unsigned number)
{
	if (number == 0)
		return configuration_watch_fd(server->configuration);
	return server->joined != NULL ? joined_watch_fd(server->joined, number == 2) : -1;
}

void
server_watch_clear(struct server *server, unsigned number)
{
	if (number == 0)
		configuration_watch_clear(server->configuration);
	else if (server->joined != NULL)
		joined_watch_clear(server->joined, number == 2);
}

void
server_expose(struct server *server, FILE *page)
{
	exposition_family(page, "graycloud_build_info", "gauge", "1, with the version of this program.");
	exposition_sample(
	    page, "graycloud_build_info", 1, "program", "graycloud-sync", "version", VERSION, NULL);
	exposition_value(page, "process_start_time_seconds", "gauge",
	    "Start of this process, in seconds since 1970.", server->started);
	exposition_value(page, "graycloud_sync_joined", "gauge", "1 if this node has joined a cluster.",
	    server->joined != NULL);
	exposition_value(page, "graycloud_sync_config_generation", "gauge",
	    "Generation of the configuration.", (double)configuration_generation(server->configuration));
	if (server->joined != NULL)
		joined_expose(server->joined, page);
}
