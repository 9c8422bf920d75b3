/*
 * graycloud-signer: signs the zones for which DNSSEC is enabled, and has their keys. One thread and one event
 * loop.
 */
#include "signer/options.h"
#include "zones/daemon/ending.h"
#include "zones/daemon/log.h"
#include "zones/daemon/metrics_page.h"
#include "zones/daemon/startup.h"
#include "zones/daemon/startup_check.h"
#include "zones/daemon/supervisor.h"
#include "zones/store/store.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 100 /* in addition to inotify (store.h, LMDB rule 1) */ };

struct daemon {
	struct event_base *base;
	struct signer *signer;
	struct metrics_page *metrics;
	struct event *looking, *watching[SIGNER_FDS];
	int watched[SIGNER_FDS];
	uint64_t beat_ms; /* the last report to the service manager */
};

static void on_written(evutil_socket_t fd, short what, void *arg);

/* The descriptors to wait on come and go with the stores. */
static void
watch(struct daemon *daemon)
{
	int fds[SIGNER_FDS];

	signer_watch(daemon->signer, fds);
	for (unsigned i = 0; i < SIGNER_FDS; i++) {
		if (fds[i] == daemon->watched[i])
			continue;
		if (daemon->watching[i] != NULL)
			event_free(daemon->watching[i]);
		daemon->watching[i] = fds[i] < 0
		    ? NULL
		    : event_new(daemon->base, fds[i], EV_READ | EV_PERSIST, on_written, daemon);
		if (daemon->watching[i] != NULL)
			event_add(daemon->watching[i], NULL);
		daemon->watched[i] = fds[i];
	}
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	struct timeval wait = {0};
	uint64_t now = boot_ms();

	(void)fd, (void)what;
	wait.tv_usec = (signer_look(daemon->signer) ? 1 : LOOK_MS) * 1000;
	watch(daemon);
	evtimer_add(daemon->looking, &wait);
	if (now >= daemon->beat_ms + 1000) {
		supervisor_tell("WATCHDOG=1");
		daemon->beat_ms = now;
	}
}

static void
on_written(evutil_socket_t fd, short what, void *arg)
{
	on_look(fd, what, arg);
}

static void
on_stop(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what;
	event_base_loopbreak(arg);
}

static void
expose(void *arg, FILE *page)
{
	signer_expose(arg, page);
}

static bool
prepare_stores(const char *state, uid_t owner, struct problems *problems)
{
	return store_prepare(state, STORE_SETS, owner, problems) &&
	    store_prepare(state, STORE_SIGNATURES, owner, problems);
}

static void
run(struct daemon *daemon)
{
	struct event *stop = event_new(daemon->base, ending_start(), EV_READ, on_stop, daemon->base);

	if (stop == NULL || event_add(stop, NULL) < 0)
		memory_exhausted(0);
	seal_enter(SEAL_SIGNER);
	on_look(-1, 0, daemon);
	supervisor_tell("READY=1");
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(daemon->base);
	supervisor_tell("STOPPING=1");
	event_free(stop);
}

static void
stop_all(struct daemon *daemon)
{
	metrics_page_free(daemon->metrics);
	for (unsigned i = 0; i < SIGNER_FDS; i++)
		if (daemon->watching[i] != NULL)
			event_free(daemon->watching[i]);
	event_free(daemon->looking);
	signer_close(daemon->signer);
	event_base_free(daemon->base);
	libevent_global_shutdown();
}

/* --check: ends the program. */
static void __attribute__((noreturn)) check(const struct options *options)
{
	struct problems problems = {0};

	startup_check(&options->daemon, "signatures", &problems);
	startup_check_end(&problems);
}

int
main(int argc, char *argv[])
{
	struct options options;
	struct daemon daemon = {.watched = {-1, -1}};
	struct problems problems = {0};

	options_parse(&options, argc, argv);
	if (options.daemon.check)
		check(&options);
	signal(SIGPIPE, SIG_IGN);
	startup_become(&options.daemon, prepare_stores);
	log_start();
	startup_seal(&options.daemon, &(struct seal_files){.state = NULL}, prepare_stores);
	store_guard_start(startup_seal_guard);
	store_catch_faults(true);
	daemon.base = event_base_new();
	if (daemon.base == NULL || (daemon.looking = evtimer_new(daemon.base, on_look, &daemon)) == NULL)
		memory_exhausted(0);
	daemon.signer = signer_open(&options.signer, &problems);
	startup_exit_on(&problems);
	if (options.daemon.metrics != NULL)
		daemon.metrics = metrics_page_listen(
		    daemon.base, options.daemon.metrics, expose, daemon.signer, &problems);
	startup_exit_on(&problems);
	run(&daemon);
	stop_all(&daemon);
	return 0;
}
