/*
 * graycloud-dnsd -- the authoritative nameserver: options, privileges, signals, and the order of starting and stopping.
 */
#include "dnsd/metrics.h"

#include <event2/event.h>

#include <err.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define STATE_DEFAULT "/var/lib/graycloud"

enum { WAIT_HEALTH_DEFAULT = 5, THREADS_MAX = 64, LISTENERS_MAX = 16, EXIT_USAGE = 2 };

struct options {
	const char *state;
	const char *metrics;
	const char *nsid;
	const char *user;
	unsigned threads;
	unsigned wait_health_ms;
	struct listener listeners[LISTENERS_MAX];
	size_t nlisteners;
};

struct server {
	struct options options;
	struct event_base *base;
	struct views *views;
	struct publisher *publisher;
	struct workers *workers;
	struct metrics *metrics;
	int ready_pipe[2];
	int status;
};

static void
usage(FILE *out)
{
	fputs("usage: graycloud-dnsd [--state DIR] [--listen ADDRESS:PORT ...] [--threads N] [--metrics ADDRESS:PORT]\n"
	      "                      [--nsid TEXT] [--wait-health SECONDS] [--user NAME]\n"
	      "Answers DNS from the zones and load balancers that `graycloud` manages; see graycloud-dnsd(8).\n",
	    out);
}

static void __attribute__((noreturn, format(printf, 1, 2)))
bad_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vwarnx(format, args);
	va_end(args);
	usage(stderr);
	exit(EXIT_USAGE);
}

static double
number(const char *option, const char *text, double low, double high)
{
	char *rest;
	double value = strtod(text, &rest);

	if (*text == '\0' || *rest != '\0' || !(value >= low && value <= high))
		bad_usage("--%s %s: not a number from %g to %g", option, text, low, high);
	return value;
}

static void
add_listener(struct options *options, const char *text)
{
	if (options->nlisteners == LISTENERS_MAX)
		bad_usage("--listen: at most %d of them", LISTENERS_MAX);
	if (!listen_parse(&options->listeners[options->nlisteners++], text))
		bad_usage("--listen %s: not ADDRESS:PORT (IPv6 as [ADDRESS]:PORT)", text);
}

static void
parse_options(struct options *options, int argc, char **argv)
{
	enum { STATE = 256, LISTEN, THREADS, METRICS, NSID, WAIT_HEALTH, USER, HELP, SHOW_VERSION, LATER };
	static const struct option known[] = {{"state", 1, NULL, STATE}, {"listen", 1, NULL, LISTEN},
	    {"threads", 1, NULL, THREADS}, {"metrics", 1, NULL, METRICS}, {"nsid", 1, NULL, NSID},
	    {"wait-health", 1, NULL, WAIT_HEALTH}, {"user", 1, NULL, USER}, {"help", 0, NULL, HELP},
	    {"version", 0, NULL, SHOW_VERSION}, {"geoip", 1, NULL, LATER}, {"site", 1, NULL, LATER},
	    {"cookie-secret", 1, NULL, LATER}, {"config", 1, NULL, LATER}, {"check", 0, NULL, LATER},
	    {"tls", 1, NULL, LATER}, {"cert", 1, NULL, LATER}, {"key", 1, NULL, LATER}, {0}};
	const char *environment = getenv("GRAYCLOUD_STATE");
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int option, index;

	*options = (struct options){.state = environment != NULL && *environment ? environment : STATE_DEFAULT,
	    .threads = (unsigned)(cores < 1 ? 1 : MIN(cores, THREADS_MAX)), .wait_health_ms = WAIT_HEALTH_DEFAULT * 1000};
	while ((option = getopt_long(argc, argv, "", known, &index)) != -1) {
		switch (option) {
		case STATE:
			options->state = optarg;
			break;
		case LISTEN:
			add_listener(options, optarg);
			break;
		case THREADS:
			options->threads = (unsigned)number("threads", optarg, 1, THREADS_MAX);
			break;
		case METRICS:
			options->metrics = optarg;
			break;
		case NSID:
			if (strlen(optarg) > 128 || *optarg == '\0')
				bad_usage("--nsid: 1 to 128 octets");
			options->nsid = optarg;
			break;
		case WAIT_HEALTH:
			options->wait_health_ms = (unsigned)(number("wait-health", optarg, 0, 3600) * 1000);
			break;
		case USER:
			options->user = optarg;
			break;
		case HELP:
			usage(stdout);
			exit(0);
		case SHOW_VERSION:
			puts("graycloud-dnsd " VERSION);
			exit(0);
		case LATER:
			bad_usage("--%s comes with a later version", known[index].name);
		default:
			usage(stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc)
		bad_usage("%s: what is this?  Options begin with --", argv[optind]);
	if (options->nlisteners == 0) {
		add_listener(options, "0.0.0.0:53");
		add_listener(options, "[::]:53");
	}
}

static void __attribute__((noreturn))
refuse(struct problems *problems)
{
	problems_print(problems, "graycloud-dnsd", stderr);
	exit(1);
}

/* Ports first, as root; then the user, before any store is opened. */
static void
become(const char *name, const char *state)
{
	struct problems problems = {0};
	struct passwd *user = getpwnam(name);

	if (user == NULL)
		errx(1, "--user %s: there is no such user", name);
	if (!store_prepare(state, STORE_SERVING, user->pw_uid, &problems))
		refuse(&problems);
	problems_free(&problems);
	if (geteuid() == user->pw_uid)
		return;
	if (initgroups(name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		err(1, "--user %s: cannot become that user (start as root)", name);
}

static char *
listeners_text(const struct options *options)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < options->nlisteners; i++) {
		char address[LISTEN_TEXT], *longer;

		listen_text(&options->listeners[i].address, address);
		longer = xasprintf("%s%s%s", text, i > 0 ? ", " : "", address);
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

static void
on_hangup(evutil_socket_t signal, short what, void *arg)
{
	/* Nothing is read from files yet; a HUP never ends us. */
	(void)signal;
	(void)what;
	(void)arg;
}

/* S29: the publisher says that every endpoint is judged, or that it waited long enough. */
static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	struct problems problems = {0};
	char octet;

	(void)what;
	if (read(fd, &octet, 1) != 1)
		return;
	server->workers = workers_start(server->options.listeners, server->options.nlisteners, server->options.nsid,
	    server->views, &problems);
	if (server->workers == NULL) {
		problems_print(&problems, "graycloud-dnsd", stderr);
		server->status = 1;
		event_base_loopbreak(server->base);
		return;
	}
	if (server->metrics != NULL)
		metrics_set_workers(server->metrics, server->workers);
	puts("ready");
	fflush(stdout);
}

static void
open_listeners(struct options *options)
{
	struct problems problems = {0};
	char text[LISTEN_TEXT];

	for (size_t i = 0; i < options->nlisteners; i++)
		listen_open(&options->listeners[i], options->threads, &problems);
	if (problems.errors > 0)
		refuse(&problems);
	for (size_t i = 0; i < options->nlisteners; i++) {
		listen_text(&options->listeners[i].address, text);
		printf("listening on udp %s\nlistening on tcp %s\n", text, text);
	}
}

static void
run(struct server *server)
{
	struct event *events[] = {evsignal_new(server->base, SIGTERM, on_stop, server),
	    evsignal_new(server->base, SIGINT, on_stop, server), evsignal_new(server->base, SIGHUP, on_hangup, server),
	    event_new(server->base, server->ready_pipe[0], EV_READ | EV_PERSIST, on_ready, server)};

	for (size_t i = 0; i < NITEMS(events); i++)
		if (events[i] == NULL || event_add(events[i], NULL) < 0)
			errx(1, "out of memory");
	event_base_dispatch(server->base);
	for (size_t i = 0; i < NITEMS(events); i++)
		event_free(events[i]);
}

static void
stop(struct server *server)
{
	metrics_free(server->metrics);
	if (server->workers != NULL)
		workers_stop(server->workers);
	publisher_stop(server->publisher);
	workers_free(server->workers);
	publisher_free(server->publisher);
	views_free(server->views);
	event_base_free(server->base);
	for (size_t i = 0; i < server->options.nlisteners; i++)
		listen_close(&server->options.listeners[i]);
}

int
main(int argc, char **argv)
{
	static struct server server;
	struct options *options = &server.options;
	struct problems problems = {0};
	struct publisher_options following;
	char *where;

	parse_options(options, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	open_listeners(options);
	if (options->user != NULL)
		become(options->user, options->state);
	store_guard_start();
	store_catch_faults();
	if ((server.base = event_base_new()) == NULL || (server.views = views_new()) == NULL ||
	    pipe(server.ready_pipe) < 0)
		err(1, "cannot start");
	where = listeners_text(options);
	following = (struct publisher_options){.state = options->state, .listeners = where,
	    .wait_health_ms = options->wait_health_ms, .ready_fd = server.ready_pipe[1]};
	if ((server.publisher = publisher_start(&following, server.views, &problems)) == NULL)
		refuse(&problems);
	if (options->metrics != NULL) {
		server.metrics = metrics_new(server.base, options->metrics, server.publisher, &problems);
		if (server.metrics == NULL)
			refuse(&problems);
		printf("metrics on http://%s/metrics\n", metrics_address(server.metrics));
	}
	fflush(stdout);
	run(&server);
	stop(&server);
	problems_free(&problems);
	free(where);
	return server.status;
}
