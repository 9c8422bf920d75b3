/*
 * graycloud-monitor: probes the origins that the configuration names, and writes their health.
 *
 * One thread and one event loop; a second thread saves the health store (recorder.h).
 */
#include "monitor/check/exec_helper.h"
#include "monitor/metrics/metrics.h"
#include "monitor/notify/notify.h"
#include "monitor/options.h"
#include "monitor/options_check.h"
#include "monitor/probe/follow.h"
#include "monitor/probe/previews.h"
#include "monitor/probe/resolve.h"
#include "zones/daemon/ending.h"
#include "zones/daemon/log.h"
#include "zones/daemon/seal.h"
#include "zones/daemon/startup.h"
#include "zones/daemon/startup_check.h"
#include "zones/daemon/supervisor.h"

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	CONFIG_LOOK_MS = 100,  /* in addition to inotify (store.h, LMDB rule 1) */
	SLEPT_MS = 100,        /* a longer gap is a sleep of the machine */
	FILES_RESERVED = 96,   /* stores, signals, the metrics page, canaries, notifications */
	CHECKS_AT_ONCE = 32768 /* more would only use memory */
};

struct daemon {
	struct event_base *base;
	struct recorder *recorder;
	struct checks *checks;
	struct schedule *schedule;
	struct resolver *resolver;
	struct follow *follow;
	struct previews *previews;
	struct metrics *metrics;
	struct canaries *canaries;
	struct notify *notify;
	struct event *committing, *second, *looking, *watching;
	uint64_t slept_ms; /* the sleep handled so far */
	uint64_t told;     /* the generation in the last beat */
	int watch_fd;      /* the watched descriptor */
};

/* End because a library failed, which may be for want of memory. */
static void __attribute__((noreturn)) fail(const char *what)
{
	if (errno == ENOMEM)
		memory_exhausted(0);
	err(1, "%s", what);
}

/* --- the loop --- */

static void
on_wake(void *arg)
{
	struct daemon *daemon = arg;
	struct timeval wait = {0, (suseconds_t)recorder_wait_ms(daemon->recorder) * 1000};

	evtimer_add(daemon->committing, &wait);
}

static void
on_commit(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd, (void)what;
	recorder_commit(daemon->recorder);
}

static void
beat(struct daemon *daemon)
{
	daemon->told = follow_generation(daemon->follow);
	recorder_beat(daemon->recorder, schedule_counters(daemon->schedule)->targets, daemon->told);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd, (void)what;
	beat(daemon);
	schedule_second(daemon->schedule);
	resolver_second(daemon->resolver);
	supervisor_tell("WATCHDOG=1");
}

/* S26: the isolation of the last run continues until a canary answers; without canaries there is no
 * isolation. */
static void
resume_isolation(struct daemon *daemon)
{
	uint64_t since_ms = recorder_isolated_since(daemon->recorder);

	if (since_ms == 0)
		return;
	if (daemon->canaries != NULL) {
		canaries_resume(daemon->canaries, since_ms);
		return;
	}
	recorder_isolated(daemon->recorder, 0);
	notify_isolated(daemon->notify, false);
}

/* S26: settle waiting checks; report a change at once. */
static void
on_canaries(void *arg, bool changed)
{
	struct daemon *daemon = arg;
	const struct isolation *isolation = canaries_isolation(daemon->canaries);

	if (changed) {
		warnx(isolation->isolated
			? "isolated: no canary answers; no endpoint is judged until one does"
			: "no longer isolated: a canary answers, checks are judged again");
		recorder_isolated(daemon->recorder, isolation->isolated ? isolation->since_ms : 0);
		on_second(-1, 0, daemon);
		notify_isolated(daemon->notify, isolation->isolated);
	}
	schedule_release_held(daemon->schedule);
}

static void on_config_written(evutil_socket_t fd, short what, void *arg);

/* The descriptor to wait on comes and goes with the config store. */
static void
watch(struct daemon *daemon)
{
	int fd = follow_watch_fd(daemon->follow);

	if (fd == daemon->watch_fd)
		return;
	if (daemon->watching != NULL)
		event_free(daemon->watching);
	daemon->watching =
	    fd < 0 ? NULL : event_new(daemon->base, fd, EV_READ | EV_PERSIST, on_config_written, daemon);
	if (daemon->watching != NULL)
		event_add(daemon->watching, NULL);
	daemon->watch_fd = fd;
}

/* S25: checks that were due while the machine slept are overdue, and the last beat is old, but timers do not
 * notice a sleep. */
static void
look_at_clocks(struct daemon *daemon)
{
	uint64_t slept = slept_ms();

	if (slept < daemon->slept_ms + SLEPT_MS)
		return;
	warnx("this machine slept for %.1f s: overdue checks run now",
	    (double)(slept - daemon->slept_ms) / 1e3);
	daemon->slept_ms = slept;
	on_second(-1, 0, daemon);
	schedule_woke(daemon->schedule);
	resolver_woke(daemon->resolver);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	struct timeval wait = {0};

	(void)fd, (void)what;
	look_at_clocks(daemon);
	wait.tv_usec = (follow_poll(daemon->follow) ? 1 : CONFIG_LOOK_MS) * 1000;
	if (follow_generation(daemon->follow) != daemon->told)
		beat(daemon); /* status shows what is probed now */
	previews_look(daemon->previews);
	watch(daemon);
	evtimer_add(daemon->looking, &wait);
}

static void
on_config_written(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	follow_watch_clear(daemon->follow);
	on_look(fd, what, daemon);
}

static void
on_stop(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what;
	event_base_loopbreak(arg);
}

static void
on_hangup(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what, (void)arg;
	warnx("SIGHUP has no effect: the monitor follows changes of the configuration by itself");
}

/* --- start --- */

/* Probes need descriptors: raise the limit to the maximum. */
static unsigned
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "getrlimit");
	if (limit.rlim_cur <= FILES_RESERVED)
		errx(1, "RLIMIT_NOFILE is %llu: more than %d descriptors are needed",
		    (unsigned long long)limit.rlim_cur, FILES_RESERVED);
	return (unsigned)MIN(limit.rlim_cur - FILES_RESERVED, CHECKS_AT_ONCE);
}

static bool
prepare_store(const char *state, uid_t owner, struct problems *problems)
{
	return store_prepare(state, STORE_HEALTH, owner, problems);
}

static bool
wants_programs(const struct options *options)
{
	bool wanted = options->commands > 0;

	for (size_t i = 0; i < options->nnotify; i++)
		wanted |= strncmp(options->notify[i], "exec:", 5) == 0;
	return wanted;
}

/* S37: start the helpers for permitted commands.  They run as the daemon's user, and are not sealed. */
static void
permit_commands(const struct options *options)
{
	if (wants_programs(options) && !commands_prepare())
		err(1, "cannot start the helper that runs programs");
	if (options->commands == 0)
		return;
	commands_of_checks = commands_start(options->commands, COMMANDS_CHECK);
	if (commands_of_checks == NULL)
		err(1, "--allow-exec: cannot start the helper");
	if (geteuid() == 0)
		warnx("--allow-exec: the commands of exec monitors run as root: use --user NAME to run the "
		      "monitor "
		      "and its commands as another user");
}

static struct event *
timer(struct daemon *daemon, event_callback_fn callback)
{
	struct event *event = evtimer_new(daemon->base, callback, daemon);

	if (event == NULL)
		memory_exhausted(0);
	return event;
}

static void
run(struct daemon *daemon)
{
	struct event *stops[] = {
	    event_new(daemon->base, ending_start(), EV_READ, on_stop, daemon->base),
	    evsignal_new(daemon->base, SIGHUP, on_hangup, NULL),
	};
	struct timeval second = {1, 0};

	daemon->second = event_new(daemon->base, -1, EV_PERSIST, on_second, daemon);
	if (daemon->second == NULL || event_add(daemon->second, &second) < 0)
		memory_exhausted(0);
	for (size_t i = 0; i < NITEMS(stops); i++)
		if (stops[i] == NULL)
			memory_exhausted(0);
		else if (event_add(stops[i], NULL) < 0)
			fail("cannot handle signals");
	daemon->slept_ms = slept_ms();
	on_look(-1, 0, daemon);
	seal_enter(SEAL_MONITOR);
	supervisor_tell("READY=1");
	on_second(-1, 0, daemon);
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(daemon->base);
	for (size_t i = 0; i < NITEMS(stops); i++)
		event_free(stops[i]);
}

/* Commit first: the rest only frees memory. */
static void
stop(struct daemon *daemon)
{
	supervisor_tell("STOPPING=1");
	metrics_free(daemon->metrics);
	canaries_free(daemon->canaries);
	recorder_commit(daemon->recorder); /* receivers get the last changes, too */
	notify_free(daemon->notify);
	recorder_close(daemon->recorder);
	previews_free(daemon->previews);
	follow_free(daemon->follow);
	resolver_free(daemon->resolver);
	schedule_free(daemon->schedule);
	checks_free(daemon->checks);
	event_free(daemon->committing);
	event_free(daemon->second);
	event_free(daemon->looking);
	if (daemon->watching != NULL)
		event_free(daemon->watching);
	event_base_free(daemon->base);
	libevent_global_shutdown();
}

/* --check: ends the program. */
static void __attribute__((noreturn)) check(const struct options *options)
{
	struct event_base *base = event_base_new();
	struct problems problems = {0};

	if (base == NULL)
		fail("cannot make an event loop");
	checks_prepare();
	raise_limits();
	options_check(options, base, &problems);
	event_base_free(base);
	libevent_global_shutdown();
	startup_check_end(&problems);
}

/* --notify-test: ends the program. */
static void __attribute__((noreturn)) test_receivers(const struct options *options)
{
	struct notice *notice = notice_new(NOTICE_TEST, wall_ms());
	bool taken = true;

	if (options->nnotify == 0)
		errx(1, "--notify-test: no receiver: add --notify, --notify-file or --config");
	notice->before = notice->after = "";
	notice->healthy = true;
	for (size_t i = 0; i < options->nnotify; i++) {
		char *label = courier_label_of(options->notify[i]),
		     *why = courier_try(options->notify[i], notice);

		if (why == NULL)
			printf("%s: taken\n", label);
		else
			warnx("--notify %s: %s", label, why);
		taken &= why == NULL;
		free(why);
		free(label);
	}
	notice_drop(notice);
	exit(!taken);
}

int
main(int argc, char *argv[])
{
	struct options options;
	struct daemon daemon = {.watch_fd = -1};
	struct problems problems = {0};
	unsigned most;

	commands_helper(argc, argv);
	options_parse(&options, argc, argv);
	if (options.daemon.check)
		check(&options);
	signal(SIGPIPE, SIG_IGN);
	checks_prepare();
	startup_become(&options.daemon, prepare_store); /* before anything is opened */
	if (!options.notify_test)
		log_start();
	permit_commands(&options); /* with the original limits of the process */
	if (options.notify_test)
		test_receivers(&options);
	most = raise_limits();
	/* A monitor may name a file of authorities anywhere. */
	startup_seal(&options.daemon, &(struct seal_files){.read_all = true}, prepare_store);
	store_guard_start(startup_seal_guard);
	store_catch_faults(true);
	daemon.recorder = recorder_open(options.daemon.state, on_wake, &daemon, &problems);
	startup_exit_on(&problems);
	daemon.base = event_base_new();
	if (daemon.base == NULL || event_base_priority_init(daemon.base, 2) < 0)
		fail("cannot make an event loop");
	daemon.committing = timer(&daemon, on_commit);
	daemon.looking = timer(&daemon, on_look);
	daemon.checks = checks_new(daemon.base, check_types);
	if (daemon.checks == NULL)
		memory_exhausted(0); /* libcurl starts without anything else */
	daemon.schedule = schedule_new(daemon.base, daemon.checks, daemon.recorder, most);
	daemon.resolver = resolver_new(
	    daemon.base, daemon.recorder, options.resolvers, options.nresolvers, &options.holds, &problems);
	startup_exit_on(&problems);
	daemon.follow = follow_new(daemon.schedule, daemon.resolver, daemon.recorder, options.daemon.state);
	daemon.previews = previews_new(daemon.checks, daemon.follow, daemon.recorder);
	if (options.nnotify > 0)
		daemon.notify = notify_new(
		    daemon.base, daemon.follow, daemon.recorder, options.notify, options.nnotify, &problems);
	startup_exit_on(&problems);
	if (options.ncanaries > 0)
		daemon.canaries = canaries_new(
		    daemon.base, options.canaries, options.ncanaries, on_canaries, &daemon, &problems);
	startup_exit_on(&problems);
	schedule_set_canaries(daemon.schedule, daemon.canaries);
	resume_isolation(&daemon);
	if (options.daemon.metrics != NULL)
		daemon.metrics = metrics_listen(daemon.base, options.daemon.metrics,
		    &(struct metrics_of){daemon.schedule, daemon.recorder, daemon.resolver, daemon.follow,
			daemon.canaries, daemon.notify},
		    &problems);
	startup_exit_on(&problems);
	warnx("at most %u checks run at once, because of RLIMIT_NOFILE", most);
	run(&daemon);
	stop(&daemon);
	return 0;
}
