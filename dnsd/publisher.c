#include "dnsd/publisher.h"

#include "dnsd/publisher_inner.h"
#include "dnsd/shared_pins.h"
#include "zones/base/side.h"
#include "zones/base/thread.h"
#include "zones/daemon/seal.h"
#include "zones/state/config_log.h"
#include "zones/state/membership.h"

#include <err.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TICK_MS = 100, BEAT_MS = 1000, RETRY_MS = 5000, LARGE_NS = 10000000 };

static void
note_compile(struct publisher *publisher, enum compiled compiled, uint64_t began)
{
	struct publisher_report *report = &publisher->report;

	report->compile_ns_last = boot_ns() - began;
	report->compile_ns_max = MAX(report->compile_ns_max, report->compile_ns_last);
	report->compiles++;
	if (compiled != COMPILED_FAILED) {
		publisher->dirty |= publisher->status.compile_error[0] != '\0';
		publisher->status.compile_error[0] = '\0';
		return;
	}
	report->errors++;
	if (strcmp(publisher->status.compile_error, compiler_error(publisher->compiler)) == 0)
		return;
	snprintf(publisher->status.compile_error, sizeof publisher->status.compile_error, "%s",
	    compiler_error(publisher->compiler));
	warnx("cannot compile the configuration, the old one stays in use: %s",
	    publisher->status.compile_error);
	publisher->dirty = true;
}

/*
 * S90: the store of the verdicts, by the configuration that was just read. After a change, known verdicts
 * stay in use until the other store has its own.
 */
static void
choose_verdicts(struct publisher *publisher, struct store_txn *config)
{
	enum store_kind kind = membership_verdicts(config);

	if (publisher->health.kind == kind)
		return;
	store_close(publisher->health.store);
	publisher->health = (struct followed){.kind = kind};
	publisher->report.joined = kind == STORE_CLUSTER;
	publisher->report.health_seen = false;
}

/* Free the pages that a full build read. */
static void
unload(const struct publisher *publisher)
{
	store_unload(publisher->config.store);
	if (publisher->signed_by.signatures.store != NULL)
		store_unload(publisher->signed_by.signatures.store);
}

static void
follow_config(struct publisher *publisher)
{
	struct followed *config = &publisher->config;
	bool first = compiler_snapshot(publisher->compiler) == NULL;
	struct store_txn *txn;
	uint64_t began = boot_ns(), before = publisher->report.generation;
	enum compiled compiled = COMPILED_SAME;
	struct signing signing;
	bool held = true;

	if (!following_news(config, publisher->options.state))
		return;
	publisher_meet_signatures(publisher);
	signing_begin(&publisher->signed_by, STORE_PEEK, &signing);
	if (store_begin(config->store, STORE_READ, &txn) != 0) {
		signing_end(&publisher->signed_by, &signing, publisher->compiler);
		return;
	}
	pthread_mutex_lock(&publisher->lock);
	compiled = publisher_compile(publisher, txn, config->anew, &signing, &held);
	if (!signing_end(&publisher->signed_by, &signing, publisher->compiler)) {
		compiled = COMPILED_SAME;
		held = true;
	}
	config->asked = held;
	choose_verdicts(publisher, txn);
	store_abort(txn);
	if (store_torn(config->store)) {
		/* Rows seemed to be missing: keep the current snapshot and read everything again. */
		config->anew = true;
		compiler_distrust(publisher->compiler); /* what it replaced is still in use */
		pthread_mutex_unlock(&publisher->lock);
		return;
	}
	config->anew = compiled == COMPILED_FAILED || (held && config->anew);
	config->retry_ms = compiled == COMPILED_FAILED ? boot_ms() + RETRY_MS : 0;
	publisher_publish(publisher, compiled);
	if (compiled != COMPILED_SAME)
		note_compile(publisher, compiled, began);
	publisher->report.config_seen = true;
	pthread_mutex_unlock(&publisher->lock);
	publisher->large |= compiled == COMPILED_NEW && boot_ns() - began > LARGE_NS;
	if (compiled == COMPILED_NEW)
		config_log(config->store, before);
	if (first && compiled == COMPILED_NEW)
		unload(publisher);
	following_look_again(config);
}

/* The time of a temporary setting has ended. */
static void
follow_ends(struct publisher *publisher)
{
	struct config_past_copy past = {0};
	struct signing signing;
	struct store_txn *txn, *answered;
	enum compiled compiled;

	if (!compiler_expired(publisher->compiler) || publisher->config.store == NULL)
		return;
	signing_begin(&publisher->signed_by, STORE_PEEK, &signing);
	if (store_begin(publisher->config.store, STORE_PEEK, &txn) != 0) {
		signing_end(&publisher->signed_by, &signing, publisher->compiler);
		return;
	}
	answered = publisher_answered(publisher, txn, &past);
	pthread_mutex_lock(&publisher->lock);
	signing_use(&signing, publisher->compiler, answered);
	compiled = compiler_expire(publisher->compiler, answered);
	if (signing_end(&publisher->signed_by, &signing, publisher->compiler))
		publisher_publish(publisher, compiled);
	else
		publisher->config.asked = true;
	pthread_mutex_unlock(&publisher->lock);
	config_past_close(&past);
	store_abort(txn);
	publisher->health.asked = true; /* origins that are enabled again have endpoints again */
}

/* Keep nodes and engine of the cluster store for the metrics. */
static void
note_nodes(struct publisher *publisher, struct store_txn *txn)
{
	struct publisher_report *report = &publisher->report;
	struct cluster_engine engine = {.state = ENGINE_SILENT};

	report->joined = publisher->health.kind == STORE_CLUSTER;
	if (!report->joined)
		return;
	cluster_engine_get(txn, &engine);
	report->engine = engine.state;
	report->nodes = cluster_summary(txn);
}

/* S99: the sticky pins of other nodes. */
static void
follow_pins(struct publisher *publisher, struct store_txn *txn)
{
	struct pins *pins = atomic_load(&publisher->pins);

	if (publisher->health.kind != STORE_CLUSTER || pins == NULL)
		return;
	if (publisher->health.anew)
		publisher->last_pins = 0;
	publisher->report.shared_pins += shared_pins_take(txn, pins, &publisher->last_pins);
}

static void
follow_health(struct publisher *publisher)
{
	struct followed *health = &publisher->health;
	struct health_beat beat;
	struct store_txn *txn;
	enum compiled compiled;

	if (!following_news(health, publisher->options.state) ||
	    store_begin(health->store, STORE_READ, &txn) != 0)
		return;
	pthread_mutex_lock(&publisher->lock);
	compiled = compiler_health(publisher->compiler, txn, health->anew);
	publisher->report.health_seen = health_beat_get(txn, &beat);
	note_nodes(publisher, txn);
	follow_pins(publisher, txn);
	if (publisher->report.health_seen)
		publisher->report.monitor_beat_age_ms = strcmp(beat.boot, boot_id()) == 0 ? beat.at_ms : 0;
	store_abort(txn);
	if (store_torn(health->store)) {
		health->anew = true;
		pthread_mutex_unlock(&publisher->lock);
		return;
	}
	health->asked = false;
	/* Health needs a configuration first. */
	health->anew = compiler_snapshot(publisher->compiler) == NULL;
	publisher_publish(publisher, compiled);
	publisher->report.health_publications += compiled == COMPILED_TABLES;
	pthread_mutex_unlock(&publisher->lock);
	following_look_again(health);
}

/* S29: begin to answer when every endpoint in use has a verdict, or after the maximum wait. */
static void
decide_ready(struct publisher *publisher)
{
	bool late = publisher_has_waited(publisher);
	bool config = compiler_snapshot(publisher->compiler) != NULL;
	size_t unknown = publisher->ready ? 0 : compiler_unknown(publisher->compiler);
	size_t lacking = publisher->ready ? 0 : compiler_unsigned(publisher->compiler);

	if (publisher->ready ||
	    (!late &&
		(unknown > 0 || lacking > 0 || publisher->unverified ||
		    (!config && publisher->config.store != NULL))))
		return;
	if (lacking > 0)
		warnx("%zu %s no signature after %u ms: questions for them get SERVFAIL (does "
		      "graycloud-signer run?)",
		    lacking, lacking == 1 ? "RRset has" : "RRsets have", publisher->options.wait_health_ms);
	if (unknown > 0)
		warnx("%zu %s still unknown after %u ms: answering now (does "
		      "graycloud-monitor run?)",
		    unknown, unknown == 1 ? "endpoint is" : "endpoints are",
		    publisher->options.wait_health_ms);
	publisher->ready = true;
	publisher->status.ready = true;
	publisher->dirty = true;
	if (write(publisher->options.ready_fd, "", 1) < 0)
		warn("ready");
}

static int
write_status(struct publisher *publisher)
{
	struct store_txn *txn;
	int error = store_begin(publisher->serving, STORE_WRITE, &txn);

	if (error != 0)
		return error;
	error = serving_put(txn, &publisher->status);
	if (error == 0)
		error = serving_put_bare(txn, publisher->bare);
	if (error == 0)
		return store_commit(txn);
	store_abort(txn);
	return error;
}

/* Logged once for each kind of failure, not each second. */
static void
say_written(struct publisher *publisher, int error)
{
	if (error == publisher->logged_error ||
	    (error == -ENOENT && publisher->logged_error != 0)) /* it is missing because of the failure */
		return;
	publisher->logged_error = error;
	if (error == 0)
		warnx("%s/serving/data.mdb is written again", publisher->options.state);
	else
		warnx("cannot write %s/serving/data.mdb: %s; queries are answered, but `graycloud status` "
		      "does not know it%s",
		    publisher->options.state, strerror(-error), store_write_cure(error));
}

/* Write the status for other programs: at once if it changed, else each second. */
static void
tell(struct publisher *publisher)
{
	uint64_t now = boot_ms();
	struct problems problems = {0};

	publisher->dirty |= publisher->status.geography != atomic_load(&publisher->geography);
	publisher->status.geography = atomic_load(&publisher->geography);
	publisher->dirty |= publisher->status.certificate_until != atomic_load(&publisher->certificate_until);
	publisher->status.certificate_until = atomic_load(&publisher->certificate_until);
	publisher_note_kept(publisher);
	if (publisher->serving == NULL || (!publisher->dirty && now - publisher->beat_ms < BEAT_MS))
		return;
	if (now - publisher->beat_ms >= BEAT_MS) {
		/* If the store was replaced, create it again. */
		(publisher->logged_error == -ENOTRECOVERABLE ? store_reopen : store_poll)(
		    publisher->serving, &problems);
		problems_free(&problems);
		store_check_readers(publisher->serving);
	}
	publisher->beat_ms = publisher->status.beat_ms = now;
	publisher->dirty = false;
	publisher_note_signed(publisher);
	say_written(publisher, write_status(publisher));
}

static void
wait_for_news(struct publisher *publisher, bool soon)
{
	struct followed *all[] = {&publisher->config, &publisher->health, &publisher->signed_by.signatures,
	    &publisher->signed_by.sets};
	struct pollfd fds[2 + NITEMS(all)] = {
	    {.fd = publisher->stop_fd, .events = POLLIN}, {.fd = publisher->wake_fd, .events = POLLIN}};
	uint64_t count;

	for (unsigned i = 0; i < NITEMS(all); i++)
		fds[2 + i] = (struct pollfd){
		    .fd = all[i]->store != NULL ? store_watch_fd(all[i]->store) : -1, .events = POLLIN};
	poll(fds, NITEMS(fds), soon ? 1 : TICK_MS);
	if (fds[1].revents && read(publisher->wake_fd, &count, sizeof count) < 0)
		return;
	for (unsigned i = 0; i < NITEMS(all); i++)
		if (fds[2 + i].revents)
			store_watch_clear(all[i]->store);
}

/*
 * A large change leaves replaced data behind: pages of the store that it read, and free memory that the
 * allocator keeps between live blocks.  Release both when no reader uses them.
 */
static void
give_back(struct publisher *publisher, size_t waiting)
{
	if (!publisher->large || waiting > 0)
		return;
	publisher->large = false;
	unload(publisher);
	malloc_trim(0);
}

static bool
stopping(struct publisher *publisher)
{
	struct pollfd fd = {.fd = publisher->stop_fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

/* Begin or end to write the serving store. */
static void
change_voice(struct publisher *publisher)
{
	pthread_mutex_lock(&publisher->lock);
	if (publisher->given != NULL) {
		publisher->serving = publisher->given;
		publisher->given = NULL;
		publisher->dirty = true;
	}
	if (publisher->yield) {
		store_close(publisher->serving);
		publisher->serving = NULL;
		publisher->yield = false;
		pthread_cond_signal(&publisher->yielded);
	}
	pthread_mutex_unlock(&publisher->lock);
}

static void *
run(void *arg)
{
	struct publisher *publisher = arg;

	seal_enter(SEAL_PUBLISHER);
	while (!stopping(publisher)) {
		size_t waiting;

		publisher_follow_signatures(publisher);
		follow_config(publisher);
		/* At the start the signatures of load balancers come after the configuration, and before
		 * ready. */
		if (publisher->signed_by.signatures.anew || publisher->signed_by.sets.anew)
			publisher_follow_signatures(publisher);
		follow_ends(publisher);
		follow_health(publisher);
		if (!publisher->ready && !publisher->went_back && publisher_has_waited(publisher) &&
		    (compiler_unsigned(publisher->compiler) > 0 || publisher->unverified)) {
			publisher_go_back(publisher);
			follow_health(publisher);
		}
		pthread_mutex_lock(&publisher->lock);
		decide_ready(publisher);
		waiting = epochs_reclaim(publisher->epochs);
		publisher->report.waiting = waiting;
		pthread_mutex_unlock(&publisher->lock);
		change_voice(publisher);
		tell(publisher);
		give_back(publisher, waiting);
		wait_for_news(publisher,
		    publisher->config.again || publisher->health.again ||
			publisher->signed_by.signatures.again || publisher->signed_by.sets.again);
	}
	return NULL;
}

static void
init_status(struct publisher *publisher)
{
	struct serving_status *status = &publisher->status;

	status->pid = (uint32_t)getpid();
	status->started_ms = boot_ms();
	status->started_wall = wall_ms();
	snprintf(status->boot, sizeof status->boot, "%s", boot_id());
	snprintf(status->version, sizeof status->version, "%s", VERSION);
	snprintf(status->geoip, sizeof status->geoip, "%s", publisher->options.geoip);
	snprintf(status->site, sizeof status->site, "%s", publisher->options.site->code);
	snprintf(status->site_country, sizeof status->site_country, "%s", publisher->options.site->country);
	status->site_region = publisher->options.site->region;
	status->site_point[0] = publisher->options.site->point.x;
	status->site_point[1] = publisher->options.site->point.y;
	status->site_point[2] = publisher->options.site->point.z;
	snprintf(status->listeners, sizeof status->listeners, "%s", publisher->options.listeners);
}

static void
seal_side(void)
{
	seal_enter(SEAL_PUBLISHER);
}

struct publisher *
publisher_start(const struct publisher_options *options, struct epochs *epochs, struct problems *problems)
{
	struct publisher *publisher = xcalloc(1, sizeof *publisher);
	const char *why;

	publisher->options = *options;
	publisher->epochs = epochs;
	publisher->config.kind = STORE_CONFIG;
	publisher->health.kind = STORE_HEALTH;
	publisher->signed_by.signatures.kind = STORE_SIGNATURES;
	publisher->signed_by.sets.kind = STORE_SETS;
	publisher->started_ms = boot_ms();
	publisher->dirty = true;
	publisher->compiler = compiler_new();
	publisher->served = served_signed_new(options->state);
	compiler_set_served(publisher->compiler, served_signed_names(publisher->served));
	publisher->bare = xstrdup("");
	publisher->stop_fd = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&publisher->lock, NULL);
	init_status(publisher);
	/* Do not report databases as missing before they are read. */
	atomic_store(&publisher->geography, publisher->options.geoip[0] != '\0' ? UINT8_MAX : 0);
	publisher->status.geography = atomic_load(&publisher->geography);
	publisher->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_cond_init(&publisher->yielded, NULL);
	if (!options->quiet)
		publisher->serving = store_open(options->state, STORE_SERVING, STORE_WRITE, problems);
	if ((publisher->serving == NULL && !options->quiet) || publisher->compiler == NULL ||
	    publisher->stop_fd < 0 || publisher->wake_fd < 0) {
		publisher_free(publisher);
		return NULL;
	}
	publisher->side = side_new(seal_side);
	compiler_set_side(publisher->compiler, publisher->side);
	if ((why = thread_start(&publisher->thread, 0, run, publisher)) != NULL)
		errx(1, "cannot start the thread that follows the stores: %s", why);
	return publisher;
}

static void
wake(struct publisher *publisher)
{
	uint64_t one = 1;

	if (write(publisher->wake_fd, &one, sizeof one) < 0)
		warn("wake");
}

void
publisher_share_pins(struct publisher *publisher, struct pins *pins)
{
	atomic_store(&publisher->pins, pins);
}

bool
publisher_announce(struct publisher *publisher, struct problems *problems)
{
	struct store *serving = store_open(publisher->options.state, STORE_SERVING, STORE_WRITE, problems);

	if (serving == NULL)
		return false;
	pthread_mutex_lock(&publisher->lock);
	publisher->given = serving;
	pthread_mutex_unlock(&publisher->lock);
	wake(publisher);
	return true;
}

uint64_t
publisher_yield(struct publisher *publisher)
{
	uint64_t generation;

	pthread_mutex_lock(&publisher->lock);
	publisher->yield = true;
	wake(publisher);
	while (publisher->yield)
		pthread_cond_wait(&publisher->yielded, &publisher->lock);
	generation = publisher->report.generation;
	pthread_mutex_unlock(&publisher->lock);
	return generation;
}

int
publisher_lock(struct publisher *publisher)
{
	int lock;

	pthread_mutex_lock(&publisher->lock);
	lock = publisher->serving != NULL ? store_lock(publisher->serving) : -1;
	pthread_mutex_unlock(&publisher->lock);
	return lock;
}

void
publisher_stop(struct publisher *publisher)
{
	uint64_t one = 1;

	if (write(publisher->stop_fd, &one, sizeof one) < 0)
		warn("stop");
	pthread_join(publisher->thread, NULL);
	/* The last write: this nameserver has stopped. */
	publisher->status.ready = false;
	publisher->status.boot[0] = '\0';
	publisher->dirty = true;
	tell(publisher);
}

void
publisher_free(struct publisher *publisher)
{
	if (publisher == NULL)
		return;
	store_close(publisher->config.store);
	store_close(publisher->health.store);
	store_close(publisher->signed_by.signatures.store);
	store_close(publisher->signed_by.sets.store);
	store_close(publisher->serving);
	compiler_free(publisher->compiler);
	served_signed_free(publisher->served);
	free(publisher->bare);
	side_free(publisher->side);
	store_close(publisher->given);
	if (publisher->stop_fd >= 0)
		close(publisher->stop_fd);
	if (publisher->wake_fd >= 0)
		close(publisher->wake_fd);
	pthread_cond_destroy(&publisher->yielded);
	pthread_mutex_destroy(&publisher->lock);
	free(publisher);
}

void
publisher_report(struct publisher *publisher, struct publisher_report *report)
{
	uint64_t now = boot_ms();

	pthread_mutex_lock(&publisher->lock);
	compiler_counts(publisher->compiler, &publisher->report.counts);
	publisher->report.unknown = compiler_unknown(publisher->compiler);
	publisher->report.has_signed = compiler_has_signed(publisher->compiler);
	publisher->report.lacking = compiler_unsigned(publisher->compiler);
	publisher->report.signer_dead = signer_dead(&publisher->signer, now);
	publisher->report.signatures_end = publisher->signer.expires;
	*report = publisher->report;
	pthread_mutex_unlock(&publisher->lock);
	/* Up to here beat_age holds the time of the beat. */
	report->monitor_beat_age_ms = now - MIN(now, report->monitor_beat_age_ms);
	report->monitor_dead = !report->health_seen || report->monitor_beat_age_ms > HEALTH_DEAD_MS;
}

char *
publisher_bare_zone(struct publisher *publisher)
{
	char *names;

	pthread_mutex_lock(&publisher->lock);
	names = compiler_bare_names(publisher->compiler);
	pthread_mutex_unlock(&publisher->lock);
	names[strcspn(names, "\n")] = '\0';
	if (names[0] != '\0')
		return names;
	free(names);
	return NULL;
}

void
publisher_set_geography(struct publisher *publisher, unsigned bits)
{
	atomic_store(&publisher->geography, (uint8_t)bits);
}

void
publisher_set_certificate(struct publisher *publisher, int64_t until)
{
	atomic_store(&publisher->certificate_until, until);
}

void
publisher_status(struct publisher *publisher, const struct compiled_status *status)
{
	pthread_mutex_lock(&publisher->lock);
	compiler_status(publisher->compiler, status);
	pthread_mutex_unlock(&publisher->lock);
}

size_t
publisher_pairs(struct publisher *publisher, uint64_t *generation)
{
	size_t pairs = 0;

	pthread_mutex_lock(&publisher->lock);
	if (publisher->report.generation != *generation) {
		*generation = publisher->report.generation;
		pairs = compiler_pairs(publisher->compiler);
	}
	pthread_mutex_unlock(&publisher->lock);
	return pairs;
}

bool
publisher_lb_name(struct publisher *publisher, uint32_t number, const char **name)
{
	bool found;

	pthread_mutex_lock(&publisher->lock);
	found = compiler_lb_name(publisher->compiler, number, name);
	pthread_mutex_unlock(&publisher->lock);
	return found;
}

bool
publisher_origin_name(struct publisher *publisher, uint32_t number, const char **pool, const char **address)
{
	bool found;

	pthread_mutex_lock(&publisher->lock);
	found = compiler_origin_name(publisher->compiler, number, pool, address);
	pthread_mutex_unlock(&publisher->lock);
	return found;
}
