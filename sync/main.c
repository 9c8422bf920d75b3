/*
 * graycloud-sync: shares the configuration and the verdicts of this node with the other nodes of a cluster,
 * through etcd.
 *
 * One thread and one event loop; a second thread saves the cluster store (scribe.h).
 */
#include "sync/options.h"
#include "sync/server.h"
#include "zones/daemon/log.h"
#include "zones/daemon/look_loop.h"
#include "zones/daemon/metrics_page.h"
#include "zones/daemon/startup.h"
#include "zones/daemon/startup_check.h"
#include "zones/store/store.h"

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct daemon {
	struct event_base *base;
	struct server *server;
	struct metrics_page *metrics;
};

static int
watch_fd(void *arg, unsigned store)
{
	return server_watch_fd(arg, store);
}

static void
watch_clear(void *arg, unsigned store)
{
	server_watch_clear(arg, store);
}

static void
sealed(void *arg)
{
	server_sealed(arg);
}

static bool
look(void *arg)
{
	server_look(arg);
	return false;
}

static void
expose(void *arg, FILE *page)
{
	server_expose(arg, page);
}

static bool
prepare_store(const char *state, uid_t owner, struct problems *problems)
{
	return store_prepare(state, STORE_CLUSTER, owner, problems);
}

/* Can the files be read? */
static void
check_files(const struct options *options, struct problems *problems)
{
	const struct {
		const char *option, *path;
	} files[] = {{"engine-ca", options->engine.ca}, {"engine-cert", options->engine.cert},
	    {"engine-key", options->engine.key}};

	for (size_t i = 0; i < NITEMS(files); i++)
		if (files[i].path != NULL && access(files[i].path, R_OK) < 0)
			problems_error(
			    problems, "--%s %s: %s", files[i].option, files[i].path, strerror(errno));
}

/* --check: ends the program. */
static void __attribute__((noreturn)) check(const struct options *options)
{
	struct problems problems = {0};
	struct event_base *base = event_base_new();

	if (base == NULL)
		memory_exhausted(0);
	startup_check(&options->daemon, "cluster", &problems);
	check_files(options, &problems);
	etcd_free(etcd_new(base, &options->engine, &problems));
	event_base_free(base);
	libevent_global_shutdown();
	startup_check_end(&problems);
}

static void
run(struct daemon *daemon)
{
	const struct look_loop loop = {.base = daemon->base,
	    .stores = SERVER_WATCHES,
	    .watch_fd = watch_fd,
	    .watch_clear = watch_clear,
	    .sealed = sealed,
	    .look = look,
	    .arg = daemon->server};

	look_loop_run(&loop, SEAL_SYNC);
}

static void
stop_all(struct daemon *daemon)
{
	metrics_page_free(daemon->metrics);
	server_free(daemon->server);
	event_base_free(daemon->base);
	libevent_global_shutdown();
}

int
main(int argc, char *argv[])
{
	struct options options;
	struct daemon daemon = {0};
	struct problems problems = {0};

	options_parse(&options, argc, argv);
	if (options.daemon.check)
		check(&options);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	startup_become(&options.daemon, prepare_store);
	log_start();
	/* Certificates are read again for each connection. */
	startup_seal(&options.daemon, &(struct seal_files){.read_all = true}, prepare_store);
	store_guard_start(startup_seal_guard);
	store_catch_faults(true);
	daemon.base = event_base_new();
	if (daemon.base == NULL)
		memory_exhausted(0);
	daemon.server = server_new(daemon.base, &options, &problems);
	startup_exit_on(&problems);
	if (options.daemon.metrics != NULL)
		daemon.metrics = metrics_page_listen(
		    daemon.base, options.daemon.metrics, expose, daemon.server, &problems);
	startup_exit_on(&problems);
	run(&daemon);
	stop_all(&daemon);
	return 0;
}
