#include "signer/rollovers.h"

#include "zones/base/array.h"
#include "zones/base/siphash.h"
#include "zones/daemon/exposition.h"
#include "zones/document/document_load.h"

#include <err.h>
#include <stdlib.h>

struct rollovers {
	const struct rollover_options *options;
	struct looker *looker;
	struct look *result; /* of the last look, until its zone is settled */
	uint64_t looks, failed;
};

struct rollovers *
rollovers_new(const struct rollover_options *options, struct problems *problems)
{
	struct rollovers *rollovers = xcalloc(1, sizeof *rollovers);

	rollovers->options = options;
	rollovers->looker = looker_new(&options->look, problems);
	if (rollovers->looker != NULL)
		return rollovers;
	free(rollovers);
	return NULL;
}

void
rollovers_free(struct rollovers *rollovers)
{
	if (rollovers == NULL)
		return;
	looker_free(rollovers->looker);
	look_free(rollovers->result);
	free(rollovers);
}

void
rollovers_forget(struct rollovers *rollovers)
{
	look_free(rollovers->result);
	rollovers->result = NULL;
}

static struct rollover_clock
clock_now(void)
{
	static const uint64_t key[2] = {0};

	return (struct rollover_clock){
	    .wall_ms = wall_ms(), .boot_ms = boot_ms(), .boot = siphash(key, boot_id(), strlen(boot_id()))};
}

/* ---- looks ---- */

static void
read_without(struct look *look, struct store_txn *config)
{
	char host[NAME_MAX_TEXT];
	struct dnssec_policy *policy;
	struct bytes json;
	struct id id;

	if (!config_object_id(config, KIND_DNSSEC, name_to_host(look->shown.apex, host), &id) ||
	    !config_object(config, KIND_DNSSEC, id.text, &json) ||
	    (policy = document_load_dnssec(json)) == NULL)
		return;
	for (size_t i = 0; i < policy->nwithout; i++) {
		look->without = array_grow(look->without, look->nwithout, sizeof *look->without);
		look->without[look->nwithout++] = xstrdup(policy->without[i]);
	}
	model_free_dnssec_policy(policy);
}

static void
begin_look(struct rollovers *rollovers, uint32_t zone, struct keyring *keyring, struct store_txn *config)
{
	struct look *look = xcalloc(1, sizeof *look);
	const struct rollover *rollover = keyring_rollover(keyring);
	const struct rollover_step *step = rollover_step(rollover);
	const struct signing_key *rows;
	unsigned count = keyring_rows(keyring, &rows);
	uint8_t apex[NAME_MAX_LEN];

	keyring_apex(keyring, apex);
	look->zone = zone;
	look->since = rollover->since;
	look->parent_alone = step != NULL && step->parent_alone;
	shown_fill(&look->shown, apex, rows, count, rollover->kind == ROLLOVER_ENABLE && rollover->step == 0);
	shown_add_providers(
	    &look->shown, keyring_providers(keyring)->rows, keyring_providers(keyring)->count);
	look->shown.others_alone = step != NULL && step->others_alone;
	config_each_row_of(config, apex, nameservers_add_ns, &look->own);
	for (size_t i = 0; i < look->own.count; i++)
		config_each_row_of(config, look->own.list[i].name, nameserver_add_data, &look->own.list[i]);
	read_without(look, config);
	looker_begin(rollovers->looker, look);
}

bool
rollovers_turn(struct rollovers *rollovers, uint32_t zone, struct keyring *keyring, struct store *config)
{
	struct rollover_clock now = clock_now();
	struct store_txn *txn;

	if (rollovers->result == NULL)
		rollovers->result = looker_take(rollovers->looker);
	if (rollovers->result != NULL)
		return true;
	switch (rollover_due(keyring_rollover(keyring), &now, &rollovers->options->pace)) {
	case ROLLOVER_NEXT:
		return true;
	case ROLLOVER_LOOK:
		if (!looker_idle(rollovers->looker) || config == NULL ||
		    store_begin(config, STORE_READ, &txn) != 0)
			return false;
		begin_look(rollovers, zone, keyring, txn);
		store_abort(txn);
		return false;
	default:
		return false;
	}
}

/* ---- requests ---- */

static const char *
step_text(const struct rollover *rollover)
{
	return rollover->doing[0] != '\0' ? rollover->doing : "done";
}

static void
tell_step(const struct keyring *keyring, const struct rollover *rollover)
{
	if (rollover->kind == ROLLOVER_NONE || rollover->kind == ROLLOVER_DISABLED)
		warnx("zone %s: the procedure is over", keyring_name(keyring));
	else
		warnx("zone %s: %s, step %u of %u: %s", keyring_name(keyring),
		    rollover_kind_text(rollover->kind), rollover->step + 1u, rollover->steps,
		    step_text(rollover));
}

/* The algorithm of the key that signs now. */
static unsigned
algorithm_now(const struct keyring *keyring)
{
	struct key_id data[DATA_KEYS_MAX];

	return keyring_data(keyring, data) > 0 ? data[0].algorithm : 0;
}

static enum rollover_kind
kind_of(const struct keyring *keyring, const struct dnssec_policy *policy)
{
	if (policy->roll != ROLL_ALL)
		return policy->roll == ROLL_KSK ? ROLLOVER_KSK : ROLLOVER_ZSK;
	if (policy->algorithm != algorithm_now(keyring))
		return ROLLOVER_ALGORITHM;
	return policy->emergency ? ROLLOVER_EMERGENCY : ROLLOVER_KEY;
}

static bool
take_rollover(struct keyring *keyring, const struct dnssec_policy *policy, const struct rollover_clock *now,
    const struct rollover_pace *pace)
{
	struct rollover *rollover = keyring_rollover(keyring);
	enum rollover_kind kind = kind_of(keyring, policy);
	struct problems problems = {0};
	bool running = rollover->old.algorithm != 0 && rollover->new.algorithm != 0, done = false;

	if (rollover->kind == ROLLOVER_NONE) {
		done = keyring_roll(keyring, kind, policy->algorithm, now, &problems);
		if (done && policy->emergency)
			rollover_hurry(rollover, pace);
	} else if (running && policy->emergency) {
		rollover_hurry(rollover, pace);
	} else {
		warnx("zone %s: a rollover was asked for while another procedure runs: ask again later",
		    keyring_name(keyring));
	}
	if (problems.count > 0)
		warnx("zone %s: no rollover: %s", keyring_name(keyring), problems.items[0].text);
	problems_free(&problems);
	return done;
}

static bool
take_cancel(struct keyring *keyring, const struct rollover_clock *now)
{
	if (!rollover_can_cancel(keyring_rollover(keyring))) {
		warnx("zone %s: nothing is cancelled: no rollover runs, or the DS of the new key may be at "
		      "the parent",
		    keyring_name(keyring));
		return false;
	}
	keyring_begin(keyring, ROLLOVER_CANCEL, now);
	return true;
}

static bool
take_ending(struct keyring *keyring, const struct dnssec_policy *policy, const struct rollover_clock *now)
{
	const struct rollover *rollover = keyring_rollover(keyring);

	if (policy->ending == ENDING_KEY_LOST && rollover->kind != ROLLOVER_KEY_LOST &&
	    rollover->kind != ROLLOVER_DISABLED) {
		keyring_begin(keyring, ROLLOVER_KEY_LOST, now);
		return true;
	}
	/* Two keys may have a DS during a rollover: that ends first. The DS of another provider stays. */
	if (policy->ending == ENDING_DISABLE &&
	    (rollover->kind == ROLLOVER_NONE || rollover->kind == ROLLOVER_ENABLE)) {
		keyring_begin(keyring,
		    providers_hold(keyring_providers(keyring)) ? ROLLOVER_MOVE_OUT : ROLLOVER_DISABLE, now);
		return true;
	}
	/* Enabled again before the end: all is published still, only the DS may be gone. */
	if (policy->ending == ENDING_NONE &&
	    (rollover->kind == ROLLOVER_DISABLE || rollover->kind == ROLLOVER_MOVE_OUT ||
		rollover->kind == ROLLOVER_KEY_LOST)) {
		keyring_begin(keyring, ROLLOVER_ENABLE, now);
		return true;
	}
	return false;
}

/* Returns true if marks changed. */
static bool
take_requests(struct keyring *keyring, const struct dnssec_policy *policy, const struct rollover_clock *now,
    const struct rollover_pace *pace, bool *noted)
{
	struct rollover *rollover = keyring_rollover(keyring);
	bool rolls = policy->rollover > rollover->request && rollover->kind != ROLLOVER_ENABLE,
	     cancels = policy->cancelled > rollover->cancelled, stepped = take_ending(keyring, policy, now);

	/* `undo` makes the numbers smaller. */
	*noted |= policy->rollover != rollover->request || policy->cancelled != rollover->cancelled;
	rollover->request = policy->rollover;
	rollover->cancelled = policy->cancelled;
	if (rolls && take_rollover(keyring, policy, now, pace))
		stepped = true;
	if (cancels && take_cancel(keyring, now))
		stepped = true;
	return keyring_take_providers(keyring, policy, now) || stepped;
}

/* ---- settle ---- */

/* Note the result of a look. */
static bool
take_result(struct rollovers *rollovers, uint32_t zone, struct rollover *rollover)
{
	const struct look *look = rollovers->result;
	struct rollover_clock now = clock_now();

	if (look == NULL || look->zone != zone)
		return false;
	rollovers->looks++;
	rollovers->failed += !look->good;
	if (look->since == rollover->since) {
		rollover->ttl_ds = MAX(rollover->ttl_ds, look->ttl_ds);
		rollover->ttl_dnskey = MAX(rollover->ttl_dnskey, look->ttl_dnskey);
		rollover->ttl_ns = MAX(rollover->ttl_ns, look->ttl_ns);
		rollover_seen(rollover, look->good, &now, &rollovers->options->pace);
		rollover->nlacking = look->nlacking;
		memcpy(rollover->lacking, look->lacking, sizeof rollover->lacking);
	}
	return true;
}

enum rollovers_settled
rollovers_settle(struct rollovers *rollovers, uint32_t zone, struct keyring *keyring,
    const struct dnssec_policy *policy, uint32_t ttl_data)
{
	struct rollover *rollover = keyring_rollover(keyring);
	struct rollover_clock now = clock_now();
	bool noted = false, stepped;

	rollover->ttl_data = MAX(rollover->ttl_data, ttl_data);
	rollover->ttl_dnskey = MAX(rollover->ttl_dnskey, rollovers->options->key_ttl);
	stepped = take_requests(keyring, policy, &now, &rollovers->options->pace, &noted);
	if (take_result(rollovers, zone, rollover)) {
		noted = true;
		rollovers_forget(rollovers);
	}
	while (rollover_due(rollover, &now, &rollovers->options->pace) == ROLLOVER_NEXT) {
		keyring_advance(keyring, &now);
		stepped = true;
	}
	if (stepped)
		tell_step(keyring, rollover);
	if (rollover->kind == ROLLOVER_DISABLED)
		return ROLLOVERS_ENDED;
	return stepped ? ROLLOVERS_STEPPED : noted ? ROLLOVERS_NOTED : ROLLOVERS_SAME;
}

void
rollovers_count(struct rollover_counts *counts, struct keyring *keyring)
{
	const struct rollover *rollover = keyring_rollover(keyring);

	counts->lacking += rollover->nlacking;
	if (rollover_step(rollover) == NULL)
		return;
	counts->procedures++;
	counts->age_ms = MAX(counts->age_ms, clock_now().wall_ms - rollover->since);
}

void
rollovers_expose(const struct rollovers *rollovers, const struct rollover_counts *counts, FILE *page)
{
	exposition_value(page, "graycloud_signer_looks_total", "counter",
	    "Looks at all servers of a zone and of its parent.", (double)rollovers->looks);
	exposition_value(page, "graycloud_signer_looks_failed_total", "counter",
	    "Looks at which a server did not show the keys of a zone, or did not answer.",
	    (double)rollovers->failed);
	exposition_value(page, "graycloud_signer_procedures", "gauge", "Zones whose keys are being changed.",
	    counts->procedures);
	exposition_value(page, "graycloud_signer_step_age_seconds", "gauge",
	    "Seconds since the oldest step that a zone is at began; 0: no procedure runs.",
	    (double)counts->age_ms / 1000);
	exposition_value(page, "graycloud_signer_servers_lacking", "gauge",
	    "Servers that did not show the keys of their zone at its last look.", counts->lacking);
}
