/*
 * graycloud-signer: signs the zones for which DNSSEC is enabled, and has their keys. One thread and one event
 * loop.
 */
#include "signer/import/importing.h"
#include "signer/import/keyless.h"
#include "signer/keys/transfer.h"
#include "signer/options.h"
#include "zones/daemon/log.h"
#include "zones/daemon/look_loop.h"
#include "zones/daemon/metrics_page.h"
#include "zones/daemon/startup.h"
#include "zones/daemon/startup_check.h"
#include "zones/store/store.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct daemon {
	struct event_base *base;
	struct signer *signer;
	struct metrics_page *metrics;
};

static int
watch_fd(void *arg, unsigned store)
{
	return signer_watch_fd(arg, store);
}

static void
watch_clear(void *arg, unsigned store)
{
	signer_watch_clear(arg, store);
}

static bool
look(void *arg)
{
	return signer_look(arg);
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
	const struct look_loop loop = {.base = daemon->base,
	    .stores = SIGNER_WATCHES,
	    .watch_fd = watch_fd,
	    .watch_clear = watch_clear,
	    .look = look,
	    .arg = daemon->signer};

	look_loop_run(&loop, SEAL_SIGNER);
}

static void
stop_all(struct daemon *daemon)
{
	metrics_page_free(daemon->metrics);
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

/* Keys in or out, on standard input and output: ends the program. */
static void __attribute__((noreturn)) do_errand(const struct options *options)
{
	const struct key_errand *keys = &options->keys;
	struct problems problems = {0};
	char *zone = NULL, *said = NULL;
	bool good;

	startup_become(&options->daemon, prepare_stores);
	if (keys->take_signatures) {
		good = importing_run(options->signer.state, stdin, &problems);
	} else if (keys->keyless != NULL) {
		good = keyless_mark(options->signer.state, keys->keyless, &problems);
	} else if (keys->keyed != NULL) {
		good = keyless_unmark(options->signer.state, keys->keyed, &problems);
	} else if (keys->give != NULL) {
		good = transfer_give(options->signer.state, keys->give, stdout, &problems);
	} else {
		zone = transfer_take(
		    options->signer.state, keys->take, stdin, keys->only_check, &said, &problems);
		good = zone != NULL;
		/* With its keys, this node signs. */
		if (good && !keys->only_check)
			good = keyless_unmark(options->signer.state, zone, &problems);
		if (good)
			printf("%s\n%s\n", zone, said != NULL ? said : "");
	}
	for (size_t i = 0; i < problems.count; i++)
		fprintf(stderr, "%s\n", problems.items[i].text);
	free(said);
	free(zone);
	problems_free(&problems);
	exit(good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int
main(int argc, char *argv[])
{
	struct options options;
	struct daemon daemon = {0};
	struct problems problems = {0};

	options_parse(&options, argc, argv);
	if (options.keys.take != NULL || options.keys.give != NULL || options.keys.take_signatures ||
	    options.keys.keyless != NULL || options.keys.keyed != NULL)
		do_errand(&options);
	if (options.daemon.check)
		check(&options);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	startup_become(&options.daemon, prepare_stores);
	log_start();
	startup_seal(&options.daemon, &(struct seal_files){.resolvers = true}, prepare_stores);
	store_guard_start(startup_seal_guard);
	store_catch_faults(true);
	daemon.base = event_base_new();
	if (daemon.base == NULL)
		memory_exhausted(0);
	daemon.signer = signer_open(&options.signer, &problems);
	startup_exit_on(&problems);
	if (options.daemon.metrics != NULL)
		daemon.metrics = metrics_page_listen(
		    daemon.base, options.daemon.metrics, expose, daemon.signer, &problems);
	startup_exit_on(&problems);
	run(&daemon);
	stop_all(&daemon);
	options_free(&options);
	return 0;
}
