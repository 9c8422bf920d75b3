/*
 * graycloud-dnsd -- the authoritative nameserver: options, privileges, signals, and the order of start and
 * end.
 */
#include "dnsd/handover.h"
#include "dnsd/server.h"
#include "dnsd/takeover.h"
#include "zones/daemon/ending.h"
#include "zones/daemon/log.h"
#include "zones/daemon/seal.h"
#include "zones/daemon/startup.h"
#include "zones/daemon/startup_check.h"
#include "zones/daemon/supervisor.h"

#include <event2/event.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Descriptors for other uses than TCP connections: stores, pipes, metrics; and for each listener. */
enum { DESCRIPTORS_OWN = 48, DESCRIPTORS_LISTENER = 8 };
/* How often to try a port that the service manager or a dying process is about to close: for a second. */
enum { LISTEN_TRIES = 50 };
/* Messages of the child after --detach: it will be the main process; it answers. */
enum { DETACH_MAIN = 'm', DETACH_READY = 'r' };

static void __attribute__((noreturn)) refuse(struct problems *problems)
{
	problems_print(problems, "graycloud-dnsd", stderr);
	exit(1);
}

static bool
prepare_store(const char *state, uid_t owner, struct problems *problems)
{
	return store_prepare(state, STORE_SERVING, owner, problems);
}

/* The files that are read again, and the state directory, which must exist. */
static void
prepare_seal(const struct options *options)
{
	const char *read[OPTIONS_GEOIP_MAX + 3];
	struct seal_files files = {.read = read};

	for (size_t i = 0; i < options->ngeoip; i++)
		read[files.nread++] = options->geoip[i];
	if (options->cert != NULL && options->key != NULL) {
		read[files.nread++] = options->cert;
		read[files.nread++] = options->key;
	}
	if (options->cookie_secret != NULL)
		read[files.nread++] = options->cookie_secret;
	if (options->tap.way == TAP_FILE)
		files.write = options->tap.path;
	startup_seal(&options->daemon, &files, prepare_store);
}

static char *
listeners_text(const struct options *options)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < options->nlisteners; i++) {
		char address[LISTEN_TEXT], *longer;

		listen_text(&options->listeners[i].address, address);
		longer = xasprintf(
		    "%s%s%s%s", text, i > 0 ? ", " : "", options->listeners[i].tls ? "tls " : "", address);
		free(text);
		text = longer;
	}
	return text;
}

/* The paths, one on each line, so that `explain` reads the same files. */
static char *
geoip_text(const struct options *options)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < options->ngeoip; i++) {
		char *whole = realpath(options->geoip[i], NULL), *longer;

		longer = xasprintf("%s%s\n", text, whole != NULL ? whole : options->geoip[i]);
		free(whole);
		free(text);
		text = longer;
	}
	return text;
}

static void
on_stop(evutil_socket_t signal, short what, void *arg)
{
	struct server *server = arg;

	(void)signal;
	(void)what;
	event_base_loopbreak(server->base);
}

/* Random secrets, or those of the replaced process, so that its clients' cookies stay valid. */
static void
make_secrets(const struct server *server, struct cookie_secrets *secrets)
{
	const struct cookie_secrets *given = takeover_secrets(server);

	if (given != NULL)
		*secrets = *given;
	else
		cookie_make_secrets(secrets);
}

/* Read the cookie secrets again, if they come from a file. */
static bool
load_secrets(struct server *server, struct problems *problems)
{
	struct kept_secrets *next = xcalloc(1, sizeof *next);

	if (server->options.cookie_secret == NULL)
		make_secrets(server, &next->secrets);
	else if (!cookie_read_secrets(&next->secrets, server->options.cookie_secret, problems)) {
		free(next);
		return false;
	}
	/* Workers may use the one of before: it is kept. A file that did not change adds nothing. */
	if (server->secrets != NULL &&
	    memcmp(&server->secrets->secrets, &next->secrets, sizeof next->secrets) == 0) {
		free(next);
		return true;
	}
	next->before = server->secrets;
	server->secrets = next;
	atomic_store(&server->settings.secrets, &next->secrets);
	return true;
}

/* For the serving store: the data of the databases, and the end of the certificate. */
static void
report_files(struct server *server)
{
	publisher_set_geography(server->publisher, geoip_geography(server->geoip));
	if (server->tls != NULL)
		publisher_set_certificate(server->publisher, tls_until(server->tls));
}

/* Once a second: make room for more counters; check whether geography or certificate changed.  If files are
 * faulty, the old ones stay in use. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	struct problems problems = {0};
	bool changed;

	(void)fd;
	(void)what;
	if (server->left)
		return;
	supervisor_tell("WATCHDOG=1");
	geoip_look(server->geoip, server->epochs);
	if (server->workers != NULL)
		workers_make_room(server->workers, publisher_pairs(server->publisher, &server->counted));
	if (server->tls != NULL && tls_reload(server->tls, &changed, &problems) && changed)
		warnx("--cert %s: read again", server->options.cert);
	report_files(server);
	problems_print(&problems, "graycloud-dnsd", stderr);
	problems_free(&problems);
}

/*
 * SIGHUP reads the cookie secrets again and never ends the process; with a faulty file the old ones stay in
 * use. It also closes a query log that is a file and opens it again.
 */
static void
on_hangup(evutil_socket_t signal, short what, void *arg)
{
	struct server *server = arg;
	struct problems problems = {0};

	(void)signal;
	(void)what;
	if (server->tap_writer != NULL)
		tap_writer_reopen(server->tap_writer);
	if (server->options.cookie_secret == NULL)
		return;
	if (load_secrets(server, &problems))
		warnx("%s: read again", server->options.cookie_secret);
	problems_print(&problems, "graycloud-dnsd", stderr);
	problems_free(&problems);
}

static void
keep(void *arg, const char *name, const int *fds, size_t count)
{
	(void)arg;
	supervisor_keep(name, fds, count);
}

static bool
start_metrics(struct server *server, struct problems *problems)
{
	server->metrics = metrics_new(
	    server->base, &server->metrics_address, server->metrics_given, server->publisher, problems);
	if (server->metrics == NULL)
		return false;
	metrics_set_geoip(server->metrics, server->geoip);
	metrics_set_tap(server->metrics, server->tap_writer);
	printf("metrics on http://%s/metrics\n", metrics_address(server->metrics));
	return true;
}

/* Do this before the other process ends, or the service manager would see the end of the service. */
static void
be_the_main_process(struct server *server, bool replaces)
{
	char state[40], octet = DETACH_MAIN;

	if (server->ready_fd >= 0 &&
	    (write(server->ready_fd, &octet, 1) != 1 || read(server->ready_fd, &octet, 1) != 1))
		warnx("the parent process has ended");
	snprintf(state, sizeof state, "MAINPID=%ld\nREADY=1", (long)getpid());
	supervisor_tell(replaces && server->ready_fd < 0 ? state : "READY=1");
}

/* S100: the nameserver that runs has what it read before the store of signatures was lost. */
static bool
loses_signatures(const struct server *server, struct problems *problems)
{
	char *zone = publisher_bare_zone(server->publisher);
	bool lost = zone != NULL;

	if (lost)
		problems_error(problems,
		    "the signatures of zone %s are lost, and the nameserver that runs still has them: it is "
		    "not "
		    "replaced before graycloud-signer, or an import, has made them again",
		    zone);
	free(zone);
	return lost;
}

/* Start to answer with the threads of this process, and end those of a predecessor. */
static bool
answer(struct server *server, struct problems *problems)
{
	const struct options *options = &server->options;
	bool replaces = server->takeover != NULL;

	if (replaces && (loses_signatures(server, problems) || !takeover_prepare(server, problems)))
		return false;
	server->workers =
	    workers_start(server->options.listeners, options->nlisteners, &server->limits, &server->settings,
		server->tls, server->epochs, publisher_pairs(server->publisher, &server->counted), problems);
	if (server->workers == NULL)
		return false;
	be_the_main_process(server, replaces);
	if (replaces &&
	    (!takeover_complete(server, problems) || !publisher_announce(server->publisher, problems) ||
		(options->daemon.metrics != NULL && server->metrics == NULL &&
		    !start_metrics(server, problems))))
		return false;
	if (server->metrics != NULL)
		metrics_set_workers(server->metrics, server->workers);
	return true;
}

/* S29: the publisher reports that every endpoint has a verdict, or that it waited long enough. */
static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	struct problems problems = {0};
	char octet;

	(void)what;
	if (read(fd, &octet, 1) != 1)
		return;
	if (!answer(server, &problems)) {
		problems_print(&problems, "graycloud-dnsd", stderr);
		problems_free(&problems);
		server->status = 1;
		event_base_loopbreak(server->base);
		return;
	}
	problems_free(&problems);
	given_close(&server->given, supervisor_forget);
	handover_start(server);
	server_each_socket(server, keep, NULL);
	puts("ready");
	fflush(stdout);
	octet = DETACH_READY;
	if (server->ready_fd >= 0 && write(server->ready_fd, &octet, 1) == 1)
		close(server->ready_fd);
	server->ready_fd = -1;
}

/*
 * Each TCP connection needs a descriptor: raise the limit as far as allowed, and accept at most as many
 * connections as it leaves room for beside sockets, stores and the metrics page.
 */
static unsigned
connections_of(const struct options *options)
{
	rlim_t wanted = DESCRIPTORS_OWN +
	    options->nlisteners * (options->threads + DESCRIPTORS_LISTENER + TCP_CONNECTIONS_MAX);
	rlim_t own = wanted - options->nlisteners * TCP_CONNECTIONS_MAX;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return TCP_CONNECTIONS_MIN;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = MIN(wanted, limit.rlim_max);
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= wanted)
		return TCP_CONNECTIONS_MAX;
	return limit.rlim_cur > own
	    ? MAX((unsigned)((limit.rlim_cur - own) / options->nlisteners), TCP_CONNECTIONS_MIN)
	    : TCP_CONNECTIONS_MIN;
}

static void
take_given(void *arg, int fd, const char *name)
{
	given_add(arg, fd, name);
}

/*
 * Use the sockets that the service manager kept first.  Close those that no option names before opening
 * others, because a wildcard blocks its port; the service manager closes its copies a moment later.
 */
static void
take_sockets(struct server *server)
{
	struct options *options = &server->options;
	struct problems problems = {0};

	if (options->replace && !takeover_begin(server, &problems))
		refuse(&problems);
	supervisor_given(take_given, &server->given);
	given_offer(&server->given, options->listeners, options->nlisteners, options->threads);
	if (options->daemon.metrics != NULL)
		server->metrics_given = given_offer_metrics(&server->given, &server->metrics_address);
	/* A predecessor has them, too, and still reads them. */
	if (server->takeover == NULL)
		server->closed = given_close(&server->given, supervisor_forget);
}

static void
open_listeners(struct server *server)
{
	struct options *options = &server->options;
	const struct timespec moment = {.tv_nsec = 20000000};
	char text[LISTEN_TEXT];
	unsigned tries = 1;

	take_sockets(server);
	/* A process that just died loses its sockets one after the other, and perhaps the lock first. */
	if (server->closed > 0 || (options->replace && server->takeover == NULL))
		tries = LISTEN_TRIES;
	for (size_t i = 0; i < options->nlisteners;) {
		struct problems problems = {0};

		if (listen_open(&options->listeners[i], options->threads, &problems))
			i++;
		else if (--tries == 0)
			refuse(&problems);
		else
			nanosleep(&moment, NULL);
		problems_free(&problems);
	}
	for (size_t i = 0; i < options->nlisteners; i++) {
		listen_text(&options->listeners[i].address, text);
		if (options->listeners[i].tls)
			printf("listening on tls %s\n", text);
		else
			printf("listening on udp %s\nlistening on tcp %s\n", text, text);
	}
}

/* The data that all threads share. */
static void
make_settings(struct server *server)
{
	const struct options *options = &server->options;
	struct serve_settings *settings = &server->settings;
	struct problems problems = {0};

	settings->nsid = options->nsid;
	settings->site = &options->site;
	server->geoip = geoip_new(options->geoip, options->ngeoip, settings);
	settings->keepalive = (uint16_t)(server->limits.idle_ms / 100);
	settings->require_cookie = options->require_cookie;
	settings->fallback_error = options->fallback_error;
	server->metrics_given = -1;
	if (options->daemon.metrics != NULL)
		listen_parse(&server->metrics_address, options->daemon.metrics, METRICS_PORT);
	if (!load_secrets(server, &problems) || problems.errors > 0)
		refuse(&problems);
	problems_print(&problems, "graycloud-dnsd", stderr);
	problems_free(&problems);
	if (options->cert != NULL && options->key != NULL &&
	    (server->tls = tls_new(options->cert, options->key, "dot", &problems)) == NULL)
		refuse(&problems);
	problems_print(&problems, "graycloud-dnsd", stderr);
	problems_free(&problems);
	settings->errors_only = options->rrl.rate == 0;
	if ((options->rrl.rate > 0 || options->rrl.errors > 0) &&
	    (settings->rrl = rrl_new(&options->rrl)) == NULL)
		errx(1, "out of memory for rate limiting");
}

/* Can this process listen there?  A port in use may belong to the running nameserver. */
static void
check_listener(const struct listener *listener, struct problems *problems)
{
	struct listener probe = *listener;
	char text[LISTEN_TEXT];
	int fd = socket(listener->address.generic.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*(listener->address.generic.sa_family == AF_INET ? &probe.address.v4.sin_port
							 : &probe.address.v6.sin6_port) = 0;
	if (fd < 0 || bind(fd, &probe.address.generic, listener->address_len) < 0)
		problems_error(problems, "cannot listen on %s: %s", listen_text(&listener->address, text),
		    strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* --check: test everything that a start needs, without changes; ends the program. */
static void __attribute__((noreturn)) check(const struct options *options)
{
	struct problems problems = {0};

	for (size_t i = 0; i < options->nlisteners; i++)
		check_listener(&options->listeners[i], &problems);
	startup_check(&options->daemon, NULL, &problems);
	if (options->tap.way != TAP_NONE)
		tap_target_check(&options->tap, &problems);
	if (options->ngeoip > 0)
		geo_free(geo_open(options->geoip, options->ngeoip, &problems));
	startup_check_end(&problems);
}

/* Call it before the main thread is sealed: the writer may make other calls. */
static void
start_tap(struct server *server)
{
	const struct options *options = &server->options;
	struct problems problems = {0};

	if (options->tap.way == TAP_NONE)
		return;
	server->tap.sample = options->tap_sample;
	server->settings.tap = &server->tap;
	server->tap_writer = tap_writer_start(&server->tap, &options->tap, options->nsid, &problems);
	if (server->tap_writer == NULL)
		refuse(&problems);
}

static void
open_pin_news(struct server *server)
{
	char *path = xasprintf("%s/serving/pin_news", server->options.daemon.state);
	struct problems problems = {0};

	server->settings.pin_news = pin_news_open(path, &problems);
	problems_print(&problems, "graycloud-dnsd", stderr);
	problems_free(&problems);
	free(path);
}

static void
open_wanted(struct server *server)
{
	char *path = xasprintf("%s/serving/wanted", server->options.daemon.state);
	struct problems problems = {0};

	server->settings.wanted = wanted_open(path, &problems);
	problems_print(&problems, "graycloud-dnsd", stderr);
	problems_free(&problems);
	free(path);
}

/* The table of pins is beside the serving store; that store is open, so no other nameserver uses the table.
 */
static void
open_pins(struct server *server)
{
	char *path = xasprintf("%s/serving/pins", server->options.daemon.state);
	struct problems problems = {0};

	server->settings.pins = pins_open(path, server->options.sessions, &problems);
	if (server->settings.pins == NULL) {
		/* Continue with sessions that a restart loses: that is better than no answers. */
		problems_print(&problems, "graycloud-dnsd", stderr);
		server->settings.pins = pins_open(NULL, server->options.sessions, &problems);
	}
	problems_free(&problems);
	publisher_share_pins(server->publisher, server->settings.pins);
	open_pin_news(server);
	open_wanted(server);
	printf("sessions %u in %u MiB\n", server->options.sessions,
	    server->options.sessions / 65536 * PINS_ENTRY / 16);
	free(path);
}

static void
run(struct server *server)
{
	struct event *events[] = {event_new(server->base, ending_start(), EV_READ, on_stop, server),
	    evsignal_new(server->base, SIGHUP, on_hangup, server),
	    event_new(server->base, server->ready_pipe[0], EV_READ | EV_PERSIST, on_ready, server)};
	const struct timeval second = {.tv_sec = 1};
	struct event *tick = NULL;

	for (size_t i = 0; i < NITEMS(events); i++)
		if (events[i] == NULL || event_add(events[i], NULL) < 0)
			memory_exhausted(0);
	tick = event_new(server->base, -1, EV_PERSIST, on_tick, server);
	if (tick == NULL || event_add(tick, &second) < 0)
		memory_exhausted(0);
	seal_enter(SEAL_DNSD);
	event_base_dispatch(server->base);
	for (size_t i = 0; i < NITEMS(events); i++)
		event_free(events[i]);
	event_free(tick);
}

static void
stop(struct server *server)
{
	if (!server->left && (server->takeover == NULL || server->workers != NULL))
		supervisor_tell("STOPPING=1"); /* it means the service, not this process */
	handover_stop(server);
	takeover_free(server->takeover);
	metrics_free(server->metrics);
	if (server->workers != NULL)
		workers_stop(server->workers);
	publisher_stop(server->publisher);
	workers_free(server->workers);
	tap_writer_stop(server->tap_writer);
	publisher_free(server->publisher);
	epochs_free(server->epochs);
	event_base_free(server->base);
	for (size_t i = 0; i < server->options.nlisteners; i++)
		listen_close(&server->options.listeners[i]);
	geoip_free(server->geoip);
	pins_close(server->settings.pins);
	pin_news_close(server->settings.pin_news);
	wanted_close(server->settings.wanted);
	rrl_free(server->settings.rrl);
	tls_free(server->tls);
	for (struct kept_secrets *next; server->secrets != NULL; server->secrets = next) {
		next = server->secrets->before;
		free(server->secrets);
	}
}

/*
 * Continue in a child; this process ends when the child is ready or ends. Returns the descriptor on which the
 * child reports that. This process informs the service manager that the child is the main process.
 */
static int
detach(void)
{
	int ends[2], status;
	pid_t child;
	char octet, state[40];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 || (child = fork()) < 0)
		err(1, "--detach");
	if (child == 0) {
		close(ends[0]);
		setsid();
		return ends[1];
	}
	close(ends[1]);
	snprintf(state, sizeof state, "MAINPID=%ld", (long)child);
	while (read(ends[0], &octet, 1) == 1) {
		if (octet == DETACH_READY)
			exit(0);
		supervisor_tell(state);
		if (write(ends[0], &octet, 1) != 1)
			break;
	}
	exit(waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int
main(int argc, char **argv)
{
	static struct server server;
	struct options *options = &server.options;
	struct problems problems = {0};
	struct publisher_options following;
	char *where, *geoip;

	options_parse(options, argc, argv);
	server.ready_fd = options->detach && !options->daemon.check ? detach() : -1;
	if (!options->daemon.no_seal)
		seal_memory();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* until the loop handles it: it never ends the process */
	tcp_limits_init(&server.limits, connections_of(options));
	make_settings(&server);
	if (options->daemon.check)
		check(options);
	open_listeners(&server);
	if (options->cookie_secret == NULL && server.takeover != NULL && !load_secrets(&server, &problems))
		refuse(&problems);
	/* Bind ports first, as root; then change the user, before opening a store. */
	startup_become(&options->daemon, prepare_store);
	log_start();
	prepare_seal(options);
	store_guard_start(startup_seal_guard);
	store_catch_faults(true);
	if ((server.base = event_base_new()) == NULL || (server.epochs = epochs_new()) == NULL ||
	    pipe(server.ready_pipe) < 0)
		err(1, "cannot start");
	where = listeners_text(options);
	geoip = geoip_text(options);
	following = (struct publisher_options){.state = options->daemon.state,
	    .listeners = where,
	    .geoip = geoip,
	    .site = &options->site,
	    .wait_health_ms = options->wait_health_ms,
	    .ready_fd = server.ready_pipe[1],
	    .quiet = server.takeover != NULL};
	if ((server.publisher = publisher_start(&following, server.epochs, &problems)) == NULL)
		refuse(&problems);
	problems_print(&problems, "graycloud-dnsd", stderr);
	problems_free(&problems);
	start_tap(&server);
	/* A socket that a predecessor still reads is read after its end. */
	if (options->daemon.metrics != NULL && (server.takeover == NULL || server.metrics_given < 0) &&
	    !start_metrics(&server, &problems))
		refuse(&problems);
	fflush(stdout);
	open_pins(&server);
	geoip_look(server.geoip, server.epochs);
	report_files(&server);
	fflush(stdout);
	run(&server);
	stop(&server);
	problems_free(&problems);
	free(where);
	free(geoip);
	return server.status;
}
