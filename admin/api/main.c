/* graycloud-api: Cloudflare's API for the load balancers of graycloud. */
#include "admin/api/options.h"
#include "admin/api/record_index.h"
#include "admin/api/server.h"
#include "zones/daemon/ending.h"
#include "zones/daemon/log.h"
#include "zones/daemon/seal.h"
#include "zones/daemon/startup.h"
#include "zones/daemon/startup_check.h"
#include "zones/daemon/supervisor.h"
#include "zones/daemon/tls.h"
#include "zones/store/store.h"

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdlib.h>

static bool
prepare_store(const char *state, uid_t owner, struct problems *problems)
{
	return store_prepare(state, STORE_CONFIG, owner, problems);
}

/* --check: ends the program. */
static void __attribute__((noreturn)) check(const struct options *options)
{
	struct problems problems = {0};

	startup_check(&options->daemon, "config", &problems);
	for (size_t i = 0; i < options->nlisten; i++)
		startup_check_address("listen", options->listen[i], &problems);
	if (options->cert != NULL)
		tls_free(tls_new(options->cert, options->key, "http/1.1", &problems));
	startup_check_end(&problems);
}

static void
seal_writer(void)
{
	seal_enter(SEAL_WRITER);
}

static void
seal_waiting(void)
{
	seal_enter(SEAL_ASKER);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	server_second(arg);
	supervisor_tell("WATCHDOG=1");
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	event_base_loopbreak(arg);
}

static struct event *
event(struct event_base *base, int fd, short what, event_callback_fn callback, void *arg)
{
	struct timeval second = {1, 0};
	struct event *event = event_new(base, fd, what, callback, arg);

	if (event == NULL || event_add(event, fd < 0 ? &second : NULL) < 0)
		errx(1, "out of memory");
	return event;
}

int
main(int argc, char *argv[])
{
	struct options options;
	struct problems problems = {0};
	struct event_base *base;
	struct event *stop, *second;
	struct server *server;

	options_parse(&options, argc, argv);
	if (options.daemon.check)
		check(&options);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	startup_become(&options.daemon, prepare_store);
	log_start();
	/* The databases of places of the nameserver may lie anywhere. */
	startup_seal(&options.daemon, &(struct seal_files){.read_all = true}, prepare_store);
	store_catch_faults(true);
	if (evthread_use_pthreads() < 0 || (base = event_base_new()) == NULL)
		errx(1, "cannot make an event loop");
	server = server_new(base, &options, &(struct server_seals){seal_writer, seal_waiting}, &problems);
	startup_exit_on(&problems);
	stop = event(base, ending_start(), EV_READ, on_stop, base);
	second = event(base, -1, EV_PERSIST, on_second, server);
	seal_enter(SEAL_API);
	supervisor_tell("READY=1");
	server_print_sockets(server, stdout);
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(base);
	supervisor_tell("STOPPING=1");
	event_free(stop);
	event_free(second);
	server_free(server);
	record_index_drop_all();
	event_base_free(base);
	libevent_global_shutdown();
	return 0;
}
