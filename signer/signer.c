#include "signer/signer.h"

#include "signer/import/keyless.h"
#include "signer/metrics.h"
#include "signer/signer_inner.h"

#include "zones/state/health.h"
#include "zones/state/imported.h"
#include "zones/state/shipment.h"
#include "zones/state/signature_news.h"
#include "zones/steer/wanted.h"

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BEAT_MS = 1000, RETRY_MS = 1000, SWEEP_MS = 3600000 };

/* ---- stores ---- */

static void on_progress(void *arg);

struct signer *
signer_open(const struct signer_options *options, struct problems *problems)
{
	struct signer *signer = xcalloc(1, sizeof *signer);

	signer->options = *options;
	signer->config.kind = STORE_CONFIG;
	signer->health.kind = STORE_HEALTH;
	signer->keyless = -1;
	signer->sets = store_open(options->state, STORE_SETS, STORE_WRITE, problems);
	if (signer->sets != NULL)
		signer->signatures = store_open(options->state, STORE_SIGNATURES, STORE_WRITE, problems);
	signer->compiler = compiler_new();
	signer->threads = signing_threads_new(options->threads);
	signer->batch = steered_batch_new();
	signer->zones = zone_signer_new(&signer->options.validity, signer->threads);
	zone_signer_set_progress(signer->zones, on_progress, signer);
	signer->arrivals = arrivals_new(options->state);
	snprintf(signer->beat.boot, sizeof signer->beat.boot, "%s", boot_id());
	snprintf(signer->beat.version, sizeof signer->beat.version, "%s", VERSION);
	signer->beat.pid = (uint32_t)getpid();
	if (signer->signatures != NULL)
		signer->rollovers = rollovers_new(&signer->options.rollover, problems);
	if (signer->rollovers != NULL) {
		signer->keyless = keyless_watch(options->state);
		return signer;
	}
	signer_close(signer);
	return NULL;
}

void
signer_close(struct signer *signer)
{
	if (signer == NULL)
		return;
	rollovers_free(signer->rollovers);
	arrivals_free(signer->arrivals);
	store_close(signer->config.store);
	store_close(signer->health.store);
	store_close(signer->signatures);
	store_close(signer->sets);
	compiler_free(signer->compiler);
	zone_signer_free(signer->zones);
	signing_threads_free(signer->threads);
	wanted_close(signer->wanted);
	if (signer->keyless >= 0)
		close(signer->keyless);
	signer_end_imports(signer, false);
	outside_free(&signer->outside);
	free(signer->batch);
	free(signer);
}

static struct store *
watched(const struct signer *signer, unsigned store)
{
	return store == 0 ? signer->config.store : signer->health.store;
}

int
signer_watch_fd(const struct signer *signer, unsigned store)
{
	if (store == SIGNER_WATCHES - 1)
		return signer->keyless;
	return watched(signer, store) != NULL ? store_watch_fd(watched(signer, store)) : -1;
}

void
signer_watch_clear(struct signer *signer, unsigned store)
{
	if (store == SIGNER_WATCHES - 1) {
		keyless_watch_clear(signer->keyless);
		signer->keyless_news = true;
	} else if (watched(signer, store) != NULL)
		store_watch_clear(watched(signer, store));
}

static bool
begin(struct signer *signer, struct pass *pass)
{
	*pass = (struct pass){.now = (uint32_t)time(NULL)};
	if ((pass->error = store_begin(signer->signatures, STORE_WRITE, &pass->signatures)) != 0 ||
	    (pass->error = store_begin(signer->sets, STORE_WRITE, &pass->sets)) != 0) {
		store_abort(pass->signatures);
		signer_set_fault(
		    signer, "the stores of signatures cannot be written: %s", strerror(-pass->error));
		return false;
	}
	if (!signer_clock_good(signer, pass)) {
		store_abort(pass->sets);
		store_abort(pass->signatures);
		return false;
	}
	signer->pass = pass;
	zone_signer_begin(signer->zones, pass->signatures, pass->now);
	compiler_set_signing(signer->compiler, zone_signer_signing(signer->zones));
	return true;
}

static void
free_now(void *arg, void (*fn)(void *), void *memory)
{
	(void)arg;
	fn(memory);
}

/* The news is read: repeat the pass later, even if nothing else changes. */
static void
again_later(struct signer *signer)
{
	signer->retry_ms = boot_ms() + RETRY_MS;
}

/*
 * The compiler knows signatures, and the zones have keys, that were not written: begin from the stores. A key
 * that is not in the store must not sign: after a restart nobody would know it.
 */
static void
forget(struct signer *signer)
{
	compiler_free(signer->compiler);
	signer->compiler = compiler_new();
	zone_signer_free(signer->zones);
	signer->zones = zone_signer_new(&signer->options.validity, signer->threads);
	zone_signer_set_progress(signer->zones, on_progress, signer);
	signer->config.anew = signer->health.anew = true;
	again_later(signer);
	rollovers_forget(signer->rollovers);
	arrivals_again(signer->arrivals);
	signer->more = signer->loaded = false;
	signer->pending = 0;
}

/*
 * A store that was lost was made again, empty. Signatures are made again, and the rows of keys and procedures
 * are written again as they are here.
 */
static void
begin_anew(struct signer *signer)
{
	warnx("signatures were lost: all are made again");
	signer->replaced = false;
	compiler_free(signer->compiler);
	signer->compiler = compiler_new();
	signer->config.anew = signer->health.anew = true;
	signer->retry_ms = boot_ms();
	signer->more = signer->loaded = signer->foreseen = false;
	signer->pending = signer->beat.generation = 0;
	signer->steered_end = signer->steered_due = 0;
}

/* Returns true if all is written. sets first: who sees the generation sees its sets, too. */
static bool
end(struct signer *signer, struct pass *pass)
{
	const struct retire retire = {free_now, NULL};

	signer->pass = NULL;
	zone_signer_end(signer->zones);
	compiler_set_signing(signer->compiler, NULL);
	compiler_retire(signer->compiler, &retire);
	if (pass->error == 0)
		pass->error = zone_signer_error(signer->zones);
	if (pass->error == 0 && zone_signer_made(signer->zones) > 0)
		pass->error = signer_newest_put(pass->wrote ? pass->signatures : pass->sets, pass->now);
	if (pass->error != 0) {
		store_abort(pass->sets);
		store_abort(pass->signatures);
	} else if ((pass->error = store_commit(pass->sets)) != 0 || !pass->wrote) {
		store_abort(pass->signatures);
	} else {
		pass->error = store_commit(pass->signatures);
	}
	if (pass->error == 0) {
		signer->beat.nsignatures += zone_signer_made(signer->zones);
		return true;
	}
	if (!pass->reported)
		signer_set_fault(signer, "signatures cannot be written: %s%s", strerror(-pass->error),
		    store_write_cure(pass->error));
	forget(signer);
	return false;
}

/* ---- the configuration ---- */

static bool
compile(struct signer *signer, struct pass *pass, struct store_txn *config, bool anew)
{
	/* S109: what lacks is counted wholly only in a build. */
	bool lacked = zone_signer_missing(signer->zones) > 0 && signer->compiled != config_generation(config);
	enum compiled compiled = compiler_config(signer->compiler, config, anew || lacked);

	if (compiled != COMPILED_FAILED && compiler_expired(signer->compiler)) {
		compiled = compiler_expire(signer->compiler, config);
		signer->health.again = true; /* origins that are enabled again have endpoints again */
	}
	if (compiled != COMPILED_FAILED)
		compiled = compiler_signatures(
		    signer->compiler, config, pass->signatures, pass->sets, !signer->loaded);
	if (!signer->loaded) {
		signer->loaded = true;
		signer_verify_all(signer);
		steered_each(pass->signatures, 0, signer_note_steered, signer);
		steered_each(pass->sets, 0, signer_note_steered, signer);
	}
	zone_signer_flush(signer->zones);
	signer->compiled = config_generation(config);
	signer_count_missing(signer);
	/* The load balancers of zones that were built meanwhile could not be signed aside. */
	compiler_mark_steered(signer->compiler, signer->aside);
	signer->aside = false;
	if (compiled != COMPILED_FAILED)
		return true;
	signer_set_fault(signer, "%s", compiler_error(signer->compiler));
	return false;
}

/* After a shipment alone: once an hour, because what it makes superfluous is young. */
static void
begin_sweep(struct signer *signer, bool shipment)
{
	if (shipment && boot_ms() - signer->swept_ms < SWEEP_MS)
		return;
	signer->swept_ms = boot_ms();
	sweep_begin(&signer->sweep);
}

static bool
is_signed(void *arg, uint32_t zone)
{
	const struct signer *signer = arg;

	return zone_signer_keyring(signer->zones, zone) != NULL;
}

/* The configuration: all that its newest generation needs. */
static void
sign_configuration(struct signer *signer, struct store_txn *config)
{
	uint64_t generation = config_generation(config);
	struct settle settle;
	struct pass pass;
	bool good, took, same = signer->compiled == generation;

	signer->keyless_news |= !signer->loaded;
	again_later(signer);
	if (!begin(signer, &pass))
		return;
	signer_begin_settle(signer, &pass, &settle, config);
	settle.progress = on_progress;
	settle.progress_arg = signer;
	settle_zones(&settle);
	signer_end_settle(&pass, &settle);
	/* Not before: it beats meanwhile, and a fault that stays would be gone for as long as the beat. */
	signer->beat.fault[0] = '\0';
	if (settle.fault[0] != '\0')
		signer_set_fault(signer, "%s", settle.fault);
	if (pass.error == 0 && zone_signer_has_keyless_nodes(signer->zones))
		pass.error = MIN(shipment_name(pass.sets), 0);
	if (pass.error == 0)
		signer_take_imports(signer, &pass, config);
	if (pass.error == 0 && signer->loaded)
		signer_renew_steered(signer, &pass);
	if (pass.error == 0 && !compile(signer, &pass, config, signer->config.anew)) {
		pass.error = -EINVAL;
		pass.reported = true;
	}
	signer_refuse_wrong(signer, &pass);
	signer->pending = settle.stuck || !signed_zones_any(pass.signatures) ? 0 : generation;
	zone_signer_put_renewed(signer->zones);
	if (settle.respared || signer->lacked)
		compiler_mark_steered(signer->compiler, true);
	if (signer->lacked)
		zone_signer_forget_lacking(signer->zones);
	signer_sign_slice(signer, &pass);
	if (pass.error == 0 && zone_signer_has_keyless_nodes(signer->zones))
		pass.error = signature_news_trim(pass.signatures);
	pass.wrote |= zone_signer_wrote(signer->zones);
	took = signer->ntook > 0;
	good = end(signer, &pass);
	signer_end_imports(signer, good);
	if (!good)
		return;
	settle_files(signer->zones);
	outside_keep(&signer->outside, is_signed, signer);
	arrivals_done(signer->arrivals);
	if (!settle.waits)
		signer->retry_ms = 0;
	signer->config.anew = false;
	begin_sweep(signer, same && took);
	signer->foreseen = false;
	signer_set_fault(
	    signer, "%s", signer->beat.fault[0] != '\0' || signer->take_ms != 0 ? signer->logged : "");
}

static void
follow_config(struct signer *signer, bool due)
{
	struct store_txn *txn;

	if (signer->retry_ms != 0 && boot_ms() >= signer->retry_ms)
		due = true;
	if ((!followed_news(&signer->config, signer->options.state) && !due) ||
	    signer->config.store == NULL || store_begin(signer->config.store, STORE_READ, &txn) != 0)
		return;
	sign_configuration(signer, txn);
	store_abort(txn);
	followed_look_again(&signer->config);
}

/* After a flip of health: sign the sets that load balancers answer with since. */
static void
follow_health(struct signer *signer)
{
	struct store_txn *txn;
	struct pass pass;

	if (compiler_snapshot(signer->compiler) == NULL ||
	    !followed_news(&signer->health, signer->options.state) ||
	    store_begin(signer->health.store, STORE_READ, &txn) != 0)
		return;
	if (begin(signer, &pass)) {
		compiler_health(signer->compiler, txn, signer->health.anew);
		signer->health.anew = false;
		compiler_mark_steered(signer->compiler, false);
		signer_sign_slice(signer, &pass);
		end(signer, &pass);
	} else {
		again_later(signer);
	}
	store_abort(txn);
	followed_look_again(&signer->health);
}

/* Another slice. */
static void
go_on(struct signer *signer)
{
	struct pass pass;

	if (!begin(signer, &pass))
		return;
	signer_sign_slice(signer, &pass);
	end(signer, &pass);
}

/* S103: sign what load balancers need that are disabled until a known time, so that it is there then. */
static void
foresee(struct signer *signer)
{
	struct store_txn *txn;
	struct pass pass;

	if (signer->foreseen || signer->pending != 0 || signer->more ||
	    !compiler_foresees(signer->compiler) || store_begin(signer->config.store, STORE_PEEK, &txn) != 0)
		return;
	if (config_generation(txn) == signer->beat.generation && begin(signer, &pass)) {
		struct steered_pass steering = {.signer = signer, .pass = &pass};

		pass.slice = SLICE_CONFIG;
		pass.foreseeing = true;
		zone_signer_foresee(signer->zones);
		signer->foreseen = compiler_foresee(signer->compiler, txn, signer_sign_steered, &steering);
		signer_flush_steered(&steering);
		zone_signer_flush(signer->zones);
		pass.wrote |= zone_signer_wrote(signer->zones);
		end(signer, &pass);
	}
	store_abort(txn);
}

/* Once a second: delete some of the signatures that nothing needs any more. */
static void
tidy(struct signer *signer)
{
	struct store_txn *txn;
	struct pass pass;
	int deleted;

	/* Addresses of hostnames are known when the health was read. */
	if (!sweep_is_due(&signer->sweep) || signer->pending != 0 || signer->more || signer->health.anew ||
	    store_begin(signer->config.store, STORE_PEEK, &txn) != 0)
		return;
	if (config_generation(txn) == signer->beat.generation && begin(signer, &pass)) {
		deleted = sweep_pass(
		    &signer->sweep, pass.signatures, txn, signer->zones, signer->compiler, pass.now);
		pass.wrote = deleted > 0;
		pass.error = MIN(deleted, 0);
		end(signer, &pass);
	}
	store_abort(txn);
}

/* Once a second: verify some of the signatures that came from another node. */
static void
verify_some(struct signer *signer)
{
	struct store_txn *txn;
	struct pass pass;

	if (!signer_verifies(signer) || signer->more ||
	    store_begin(signer->config.store, STORE_PEEK, &txn) != 0)
		return;
	/* It has the chain of names of that configuration. */
	if (config_generation(txn) == signer->compiled && begin(signer, &pass)) {
		signer_verify_some(signer, &pass, txn);
		pass.wrote |= zone_signer_wrote(signer->zones);
		end(signer, &pass);
	}
	store_abort(txn);
}

/* ---- time ---- */

static void
view_wanted(struct signer *signer)
{
	char *path = xasprintf("%s/serving/wanted", signer->options.state);

	signer->wanted = wanted_view(path);
	signer->taken = signer->wanted != NULL ? wanted_next(signer->wanted) : 0;
	free(path);
}

static void
poll_stores(struct signer *signer)
{
	struct problems problems = {0};

	if (store_poll(signer->sets, &problems) == STORE_REPLACED) {
		signer->replaced = true;
		signer_clock_unwritten(signer);
	}
	signer->replaced |= store_poll(signer->signatures, &problems) == STORE_REPLACED;
	problems_print(&problems, "graycloud-signer", stderr);
	problems_free(&problems);
}

static void
beat(struct signer *signer)
{
	struct store_txn *txn;

	signer->beat.at_ms = boot_ms();
	if (signer->wanted == NULL)
		view_wanted(signer);
	signer->beat.expires = zone_signer_first_end(signer->zones);
	if (signer->steered_end != 0)
		signer->beat.expires = earlier_end((uint32_t)signer->beat.expires, signer->steered_end);
	poll_stores(signer);
	store_check_readers(signer->sets);
	store_check_readers(signer->signatures);
	if (store_begin(signer->sets, STORE_WRITE, &txn) != 0)
		return;
	if (signer_beat_put(txn, &signer->beat) != 0 || signer_clock_write(signer, txn) != 0) {
		store_abort(txn);
		signer_clock_unwritten(signer);
	} else if (store_commit(txn) != 0) {
		signer_clock_unwritten(signer); /* a full disk, perhaps: with the next beat */
	}
}

/*
 * Once a second between two passes, however many beats they had: only when no transaction is open a store
 * that was lost can be made again. Returns true if it was due.
 */
static bool
beat_between(struct signer *signer)
{
	if (boot_ms() - signer->between_ms < BEAT_MS)
		return false;
	signer->between_ms = boot_ms();
	beat(signer);
	return true;
}

/*
 * A large zone is being signed: the sets of load balancers go first (S102), those that are asked for and
 * those after a flip of health. Returns true if some were signed.
 */
static bool
sign_aside(struct signer *signer, struct pass *pass)
{
	struct steered_pass steering = {.signer = signer, .pass = pass};
	struct store_txn *health;

	if (!compiler_is_building(signer->compiler) || signer->health.store == NULL)
		return false;
	pass->slice = SLICE;
	signer_sign_wanted(signer, pass, &steering);
	if (followed_news(&signer->health, signer->options.state) &&
	    store_begin(signer->health.store, STORE_READ, &health) == 0) {
		compiler_health(signer->compiler, health, signer->health.anew);
		signer->health.anew = false;
		store_abort(health);
		followed_look_again(&signer->health);
		compiler_mark_steered(signer->compiler, false);
		signer->aside = true;
	}
	if (signer->aside)
		compiler_sign_steered(signer->compiler, signer_sign_steered, signer_pause, &steering);
	signer_flush_steered(&steering);
	return pass->slice < SLICE;
}

/* A large zone is being signed: commit the sets so far, because the beat is in their store. */
static void
on_progress(void *arg)
{
	struct signer *signer = arg;
	struct pass *pass = signer->pass;
	bool some;

	if (pass == NULL || pass->error != 0 || signer->progressing)
		return;
	signer->progressing = true; /* signing calls this */
	some = sign_aside(signer, pass);
	signer->progressing = false;
	if (pass->error != 0 || (!some && boot_ms() - signer->beat.at_ms < BEAT_MS))
		return;
	pass->error = store_commit(pass->sets);
	beat(signer);
	if (store_begin(signer->sets, STORE_WRITE, &pass->sets) != 0)
		pass->sets = NULL;
	if ((pass->sets == NULL || signer->replaced) && pass->error == 0)
		pass->error = -EIO;
}

struct turning {
	struct signer *signer;
	bool some;
};

static void
turn_zone(void *arg, uint32_t zone)
{
	struct turning *turning = arg;
	struct signer *signer = turning->signer;

	turning->some |= rollovers_turn(signer->rollovers, zone, zone_signer_keyring(signer->zones, zone));
}

/* Is there a step of a procedure to be taken, or the result of a look? */
static bool
turn_procedures(struct signer *signer)
{
	struct turning turning = {.signer = signer};

	zone_signer_each(signer->zones, turn_zone, &turning);
	rollovers_begin_looks(signer->rollovers, signer->config.store);
	return turning.some;
}

/* S109: did a shipment come, or is a zone's key on another node since, or here? */
static bool
keyless_due(struct signer *signer)
{
	bool due = signer->keyless_news;

	signer->keyless_news = false;
	if (due || boot_ms() - signer->peeked_ms < BEAT_MS)
		return due;
	signer->peeked_ms = boot_ms();
	return signer->keyless < 0 || keyless_waiting(signer->options.state);
}

bool
signer_look(struct signer *signer)
{
	uint32_t now = (uint32_t)time(NULL);
	bool due = signer->steered_due != 0 && (int32_t)(signer->steered_due - now) <= 0;

	due |= signer->waits_outside;
	if (signer_waits_outside(signer)) {
		beat_between(signer);
		return false;
	}
	if (signer->replaced) {
		poll_stores(
		    signer); /* the other one may be lost, too, and was in use when that was noticed */
		begin_anew(signer);
	}
	due |= zone_signer_any_due(signer->zones, now);
	due |= turn_procedures(signer);
	due |= arrivals_look(signer->arrivals);
	due |= keyless_due(signer);
	follow_config(signer, due || compiler_expired(signer->compiler));
	follow_health(signer);
	if (signer->more)
		go_on(signer);
	foresee(signer);
	if (beat_between(signer) && !signer->replaced) {
		tidy(signer);
		verify_some(signer);
	}
	return signer->config.again || signer->health.again || signer->more;
}

struct procedures {
	const struct zone_signer *zones;
	struct rollover_counts counts;
};

static void
count_procedure(void *arg, uint32_t zone)
{
	struct procedures *procedures = arg;

	rollovers_count(&procedures->counts, zone_signer_keyring(procedures->zones, zone));
}

struct keyless_zones {
	struct zone_signer *zones;
	struct store_txn *signatures; /* NULL: they cannot be read */
	size_t count, refused;
	uint64_t age_ms; /* of the zone whose newest signatures are the oldest */
};

static void
count_keyless(void *arg, uint32_t zone)
{
	struct keyless_zones *keyless = arg;

	uint64_t age_ms = boot_ms() - zone_signer_ends(keyless->zones, zone)->taken_ms;
	struct imported row;

	keyless->count++;
	if (keyless->signatures != NULL && imported_get(keyless->signatures, zone, &row))
		keyless->refused += row.fault[0] != '\0';
	keyless->age_ms = MAX(keyless->age_ms, age_ms);
}

void
signer_expose(const struct signer *signer, FILE *page)
{
	struct procedures procedures = {.zones = signer->zones};
	struct keyless_zones keyless = {.zones = signer->zones};

	exposition_signer(page, &signer->beat, zone_signer_count(signer->zones));
	if (store_begin(signer->signatures, STORE_PEEK, &keyless.signatures) != 0)
		keyless.signatures = NULL;
	zone_signer_each_keyless(signer->zones, count_keyless, &keyless);
	store_abort(keyless.signatures);
	exposition_keyless(page, keyless.count, keyless.refused, keyless.age_ms);
	zone_signer_each(signer->zones, count_procedure, &procedures);
	rollovers_expose(signer->rollovers, &procedures.counts, page);
}
