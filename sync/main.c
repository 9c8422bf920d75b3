/*
 * graycloud-sync: shares the configuration and the verdicts of this node with the other nodes of a cluster,
 * through etcd.
 *
 * One thread and one event loop; a second thread saves the cluster store (scribe.h).
 */
#include "sync/options.h"
#include "sync/server.h"
#include "zones/daemon/ending.h"
#include "zones/daemon/log.h"
#include "zones/daemon/metrics_page.h"
#include "zones/daemon/startup.h"
#include "zones/daemon/startup_check.h"
#include "zones/daemon/supervisor.h"
#include "zones/store/store.h"

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_MS = 100 /* in addition to inotify (store.h, LMDB rule 1) */ };

struct daemon {
	struct event_base *base;
	struct server *server;
	struct metrics_page *metrics;
	struct event *looking, *watching[SERVER_WATCHES];
	int watched[SERVER_WATCHES];
	uint64_t beat_ms; /* the last report to the service manager */
};

static void on_written(evutil_socket_t fd, short what, void *arg);

/* The descriptors to wait on come and go with the stores. */
static void
watch(struct daemon *daemon)
{
	for (unsigned i = 0; i < SERVER_WATCHES; i++) {
		int fd = server_watch_fd(daemon->server, i);

		if (fd == daemon->watched[i])
			continue;
		if (daemon->watching[i] != NULL)
			event_free(daemon->watching[i]);
		daemon->watching[i] =
		    fd < 0 ? NULL : event_new(daemon->base, fd, EV_READ | EV_PERSIST, on_written, daemon);
		if (daemon->watching[i] != NULL)
			event_add(daemon->watching[i], NULL);
		daemon->watched[i] = fd;
	}
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	struct timeval wait = {0, LOOK_MS * 1000};
	uint64_t now_ms = boot_ms();

	(void)fd, (void)what;
	server_look(daemon->server);
	watch(daemon);
	evtimer_add(daemon->looking, &wait);
	if (now_ms >= daemon->beat_ms + 1000) {
		supervisor_tell("WATCHDOG=1");
		daemon->beat_ms = now_ms;
	}
}

static void
on_written(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	for (unsigned i = 0; i < SERVER_WATCHES; i++)
		if (daemon->watched[i] == (int)fd)
			server_watch_clear(daemon->server, i);
	on_look(fd, what, daemon);
}

static void
expose(void *arg, FILE *page)
{
	server_expose(arg, page);
}

static void
on_stop(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what;
	event_base_loopbreak(arg);
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
	struct event *stop = event_new(daemon->base, ending_start(), EV_READ, on_stop, daemon->base);

	if (stop == NULL || event_add(stop, NULL) < 0)
		memory_exhausted(0);
	on_look(-1, 0, daemon);
	supervisor_tell("READY=1");
	printf("ready\n");
	fflush(stdout);
	seal_enter(SEAL_SYNC);
	server_sealed(daemon->server);
	event_base_dispatch(daemon->base);
	supervisor_tell("STOPPING=1");
	event_free(stop);
}

static void
stop_all(struct daemon *daemon)
{
	metrics_page_free(daemon->metrics);
	for (unsigned i = 0; i < SERVER_WATCHES; i++)
		if (daemon->watching[i] != NULL)
			event_free(daemon->watching[i]);
	event_free(daemon->looking);
	server_free(daemon->server);
	event_base_free(daemon->base);
	libevent_global_shutdown();
}

int
main(int argc, char *argv[])
{
	struct options options;
	struct daemon daemon = {.watched = {-1, -1, -1}};
	struct problems problems = {0};

	options_parse(&options, argc, argv);
	if (options.daemon.check)
		check(&options);
	signal(SIGPIPE, SIG_IGN);
	startup_become(&options.daemon, prepare_store);
	log_start();
	/* Certificates are read again for each connection. */
	startup_seal(&options.daemon, &(struct seal_files){.read_all = true}, prepare_store);
	store_guard_start(startup_seal_guard);
	store_catch_faults(true);
	daemon.base = event_base_new();
	if (daemon.base == NULL || (daemon.looking = evtimer_new(daemon.base, on_look, &daemon)) == NULL)
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
