/* Signed zones: which configuration is signed, and new signatures (S100 to S103). */
#include "dnsd/publisher_inner.h"
#include "zones/state/imported.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIGNER_MS = 1000 };

/* S103: for the commands that explain which configuration is answered. */
static void
note_wait(struct publisher *publisher, bool waits)
{
	publisher->dirty |= publisher->status.waits != waits;
	publisher->status.waits = waits;
}

/* S103: say for whom a configuration waits, unless it waits only for moments. */
static void
tell_wait(struct publisher *publisher, struct store_txn *config, struct store_txn *sets)
{
	struct publisher_report *report = &publisher->report;
	struct signer_beat beat;
	bool dead = sets == NULL || !signer_beat_get(sets, &beat) || signer_dead(&beat, boot_ms());
	char text[sizeof publisher->status.compile_error];

	if (publisher->waiting_ms == 0)
		publisher->waiting_ms = boot_ms();
	if (boot_ms() - publisher->waiting_ms < SIGNER_MS)
		return;
	snprintf(text, sizeof text, "generation %llu waits for graycloud-signer, which %s: %s",
	    (unsigned long long)config_generation(config),
	    dead ? "does not run" : "has not signed all that it needs",
	    dead                ? "start it"
		: beat.fault[0] ? beat.fault
				: "signed zones answer with what they had");
	if (strcmp(publisher->status.compile_error, text) == 0)
		return;
	snprintf(publisher->status.compile_error, sizeof publisher->status.compile_error, "%s", text);
	warnx("%s", text);
	report->errors++;
	publisher->dirty = true;
}

struct imports {
	struct store_txn *signatures;
	bool any;
};

static void
look_for_import(void *arg, uint32_t zone)
{
	struct imports *imports = arg;
	struct imported ignored;

	imports->any = imports->any || imported_get(imports->signatures, zone, &ignored);
}

/*
 * S109: signatures of another node may have come before their configuration. The signer verifies them when it
 * follows that, and writes then that all is signed.
 */
static void
note_unverified(struct publisher *publisher, struct store_txn *config, struct store_txn *signatures)
{
	struct imports imports = {.signatures = signatures};
	uint64_t done = signatures != NULL ? signer_generation(signatures) : 0;

	if (!publisher->ready && done != 0 && done < config_generation(config))
		signed_zones_each(signatures, look_for_import, &imports);
	publisher->unverified = imports.any;
}

enum compiled
publisher_compile(
    struct publisher *publisher, struct store_txn *txn, bool anew, struct signing *signing, bool *held)
{
	*held = true;
	if (compiler_snapshot(publisher->compiler) == NULL && publisher->signed_by.signatures.store != NULL &&
	    signing->signatures == NULL && !publisher_has_waited(publisher))
		return COMPILED_SAME;
	signing_use(signing, publisher->compiler, txn);
	note_unverified(publisher, txn, signing->signatures);
	if (compiler_waits_for_signer(publisher->compiler, txn, signing->signatures, anew)) {
		note_wait(publisher, true);
		tell_wait(publisher, txn, signing->sets);
		return COMPILED_SAME;
	}
	note_wait(publisher, false);
	publisher->waiting_ms = 0;
	*held = false;
	/* Signatures of load balancers, too, are there before the configuration that needs them. */
	if (signing->signatures != NULL && !publisher->signed_by.signatures.anew &&
	    !publisher->signed_by.sets.anew)
		publisher_publish(
		    publisher, compiler_steered(publisher->compiler, signing->signatures, signing->sets));
	return compiler_config(publisher->compiler, txn, anew);
}

void
publisher_follow_signatures(struct publisher *publisher)
{
	struct followed *signatures = &publisher->signed_by.signatures, *sets = &publisher->signed_by.sets;
	bool news = following_news(signatures, publisher->options.state),
	     more = following_news(sets, publisher->options.state);
	struct store_txn *config = NULL;
	struct signing signing;
	enum compiled compiled;
	bool good;

	if ((!news && !more) || signatures->store == NULL || publisher->config.store == NULL)
		return;
	signing_begin(&publisher->signed_by, STORE_READ, &signing);
	good = signing.signatures != NULL && store_begin(publisher->config.store, STORE_PEEK, &config) == 0;
	pthread_mutex_lock(&publisher->lock);
	if (signing.sets != NULL)
		signer_beat_get(signing.sets, &publisher->signer);
	if (good) {
		signing_use(&signing, publisher->compiler, config);
		note_unverified(publisher, config, signing.signatures);
		compiled = compiler_signatures(publisher->compiler, config, signing.signatures, signing.sets,
		    signatures->anew || sets->anew);
		publisher->config.asked = true; /* it may have waited for this */
	}
	if (!signing_end(&publisher->signed_by, &signing, publisher->compiler)) {
		good = false;
	} else if (good) {
		signatures->anew = sets->anew = false;
		publisher_publish(publisher, compiled);
	}
	signatures->asked = !good; /* it may have been read, but was not compiled */
	pthread_mutex_unlock(&publisher->lock);
	store_abort(config);
	following_look_again(signatures);
	if (sets->store != NULL)
		following_look_again(sets);
}

void
publisher_meet_signatures(struct publisher *publisher)
{
	struct followed *signatures = &publisher->signed_by.signatures, *sets = &publisher->signed_by.sets;

	if (signatures->store != NULL && sets->store != NULL)
		return;
	following_hurry(signatures);
	following_hurry(sets);
	publisher_follow_signatures(publisher);
}

static void
compile_signed(struct publisher *publisher, struct store_txn *config, struct signing *signing)
{
	enum compiled compiled;

	pthread_mutex_lock(&publisher->lock);
	signing_use(signing, publisher->compiler, config);
	compiled = compiler_config(publisher->compiler, config, true);
	if (compiled == COMPILED_NEW)
		compiled = MAX(compiled,
		    compiler_signatures(
			publisher->compiler, config, signing->signatures, signing->sets, true));
	if (!signing_end(&publisher->signed_by, signing, publisher->compiler))
		compiled = COMPILED_FAILED;
	publisher_publish(publisher, compiled);
	publisher->config.asked = true; /* a status shows for whom the newest one waits */
	if (compiled == COMPILED_NEW) {
		note_wait(publisher, true);
		warnx("generation %llu is answered, the newest one that graycloud-signer has signed",
		    (unsigned long long)publisher->report.generation);
	}
	pthread_mutex_unlock(&publisher->lock);
}

void
publisher_go_back(struct publisher *publisher)
{
	struct problems problems = {0};
	struct config_past_copy past = {0};
	struct config_moment moment = {0};
	struct signing signing;

	publisher->went_back = true;
	publisher->unverified = false;
	signing_begin(&publisher->signed_by, STORE_READ, &signing);
	if (signing.signatures != NULL)
		moment.sequence = signer_generation(signing.signatures);
	if (moment.sequence != 0 && moment.sequence < publisher->report.generation &&
	    config_past_open(&past, publisher->config.store, &moment, &problems) != NULL &&
	    past.known.reach == CONFIG_REACHED && past.known.nlost == 0)
		compile_signed(publisher, past.txn, &signing);
	else
		signing_end(&publisher->signed_by, &signing, publisher->compiler);
	config_past_close(&past);
	problems_free(&problems);
}

struct store_txn *
publisher_answered(struct publisher *publisher, struct store_txn *config, struct config_past_copy *past)
{
	struct problems problems = {0};
	struct config_moment moment = {.sequence = publisher->report.generation};
	bool known = false;

	if (config_generation(config) > moment.sequence && compiler_enables(publisher->compiler))
		known = config_past_open(past, publisher->config.store, &moment, &problems) != NULL &&
		    past->known.reach == CONFIG_REACHED && past->known.nlost == 0;
	problems_free(&problems);
	return known ? past->txn : config;
}

/* With its reader, a store that is lost has the sets that it had. */
static bool
keeps_sets(const struct publisher *publisher)
{
	return compiler_keeps_sets(publisher->compiler) || publisher->signed_by.sets.lost ||
	    publisher->signed_by.signatures.lost;
}

void
publisher_note_kept(struct publisher *publisher)
{
	bool keeps = keeps_sets(publisher);

	publisher->dirty |= publisher->status.keeps_sets != keeps;
	publisher->status.keeps_sets = keeps;
}

void
publisher_note_signed(struct publisher *publisher)
{
	char *names;

	if (publisher->noted || !publisher->ready || compiler_snapshot(publisher->compiler) == NULL)
		return;
	names = compiler_signed_names(publisher->compiler);
	publisher->noted = served_signed_write(publisher->served, names);
	free(names);
	free(publisher->bare);
	publisher->bare = compiler_bare_names(publisher->compiler);
}
