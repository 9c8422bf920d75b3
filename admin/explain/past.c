#include "admin/explain/past.h"

#include "admin/explain/earlier.h"
#include "zones/state/health_past.h"
#include "zones/state/hostname.h"

#include <errno.h>
#include <stdlib.h>

enum { TRIES = 20 }; /* a map that is too small doubles */

struct past {
	int64_t at;
	struct config_past_copy config;
	bool waited;   /* newer ones waited at the moment */
	bool recorded; /* it is known which one was answered */
	struct store *health_copy;
	struct store_txn *health;
	struct health_past flips;
};

/* ---- reading ---- */

static bool
rewind_health(struct past *past, struct store *store, struct problems *problems)
{
	int rc = 0;

	if (store == NULL)
		return true;
	past->health_copy = store_open_copy(store, store_kind(store), problems);
	for (int i = 0; past->health_copy != NULL && i < TRIES; i++) {
		rc = store_begin(past->health_copy, STORE_WRITE, &past->health);
		if (rc != 0)
			break;
		health_past_run(past->health, past->at, &past->flips);
		rc = past->flips.error;
		if (rc != -ENOSPC || !store_full(past->health_copy))
			break;
		health_past_free(&past->flips);
		store_abort(past->health);
		past->health = NULL;
	}
	if (rc != 0)
		problems_error(problems, "cannot run the states of health backwards: %s", strerror(-rc));
	return past->health != NULL && rc == 0;
}

/* S103: a nameserver that answers an older configuration since before the moment answered that one then. */
static bool
open_config(
    struct past *past, struct store *config, const struct past_answered *answered, struct problems *problems)
{
	struct config_moment moment = {.wall = past->at};

	if (config_past_open(&past->config, config, &moment, problems) == NULL ||
	    !earlier_is_known(&past->config, problems))
		return false;
	past->waited = answered->generation != 0 && answered->since <= past->at &&
	    answered->generation < past->config.known.sequence;
	past->recorded = answered->generation != 0 && answered->since <= past->at;
	if (!past->waited)
		return true;
	config_past_close(&past->config);
	moment.sequence = answered->generation;
	return config_past_open(&past->config, config, &moment, problems) != NULL &&
	    earlier_is_known(&past->config, problems);
}

struct past *
past_open(struct store *config, struct store *health, int64_t at, const struct past_answered *answered,
    struct problems *problems)
{
	struct past *past = xcalloc(1, sizeof *past);

	past->at = at;
	if (open_config(past, config, answered, problems) && rewind_health(past, health, problems))
		return past;
	past_close(past);
	return NULL;
}

void
past_close(struct past *past)
{
	if (past == NULL)
		return;
	config_past_close(&past->config);
	health_past_free(&past->flips);
	store_abort(past->health);
	store_close(past->health_copy);
	free(past);
}

struct store_txn *
past_config(const struct past *past)
{
	return past->config.txn;
}

struct store_txn *
past_health(const struct past *past)
{
	return past->health;
}

/* ---- judging ---- */

/* True if a pool that steering looked at is monitored. */
static bool
needs_health(const struct json *explanation)
{
	const struct json *pools = json_member(explanation, "pools");
	bool needed = false;

	for (size_t i = 0; i < json_count(pools); i++)
		needed |= json_truth(json_member(json_item(pools, i), "monitored"));
	return needed;
}

static bool
has_health(const struct past *past, const struct json *explanation, struct problems *problems)
{
	char since[32];

	if (!needs_health(explanation) || !past->flips.recorded || past->flips.since <= past->at)
		return true;
	earlier_time(past->flips.since, since);
	if (past->flips.first > 1)
		problems_error(problems,
		    "the health of origins is known since %s: the monitor keeps the last %d changes of state",
		    since, HEALTH_FLIPS_KEPT);
	else
		problems_error(problems,
		    "the health of origins is known since %s: the first change of state is of that time",
		    since);
	return false;
}

static void
add_hostnames(const struct past *past, const struct json *explanation, struct json *notes)
{
	const struct json *origins = json_member(explanation, "origins");

	for (size_t i = 0; i < json_count(origins); i++) {
		const char *address = json_text_of(json_item(origins, i), "address");
		const struct health_moved *moved = health_past_moved(&past->flips, address);
		char when[32], *text;

		if (json_member(json_item(origins, i), "addresses") == NULL || moved == NULL)
			continue;
		text = moved->count_before == 0
		    ? xasprintf("%s had no address until %s", address, earlier_time(moved->at, when))
		    : xasprintf("the addresses of %s changed at %s, from %u that were not recorded: the "
				"present ones are shown",
			  address, earlier_time(moved->at, when), moved->count_before);
		json_add_text(notes, text);
		free(text);
	}
}

static bool
stop_at_first(void *arg, struct bytes name, const struct id *id)
{
	(void)arg, (void)name, (void)id;
	return false;
}

/* S103 */
static void
add_waiting(const struct past *past, struct json *notes)
{
	char *text = NULL;

	if (past->waited)
		text = xasprintf("the nameserver answered generation %llu then: later ones waited (S103)",
		    (unsigned long long)past->config.known.sequence);
	else if (!past->recorded && !config_each_name(past->config.txn, KIND_DNSSEC, stop_at_first, NULL))
		text =
		    xstrdup("it is not recorded whether this configuration still waited for signatures then "
			    "(S103)");
	if (text != NULL)
		json_add_text(notes, text);
	free(text);
}

static struct json *
make_notes(const struct past *past, const struct json *explanation)
{
	const struct json *lb = json_member(explanation, "load_balancer");
	struct json *notes = json_new_list();

	if (needs_health(explanation) && !past->flips.recorded)
		json_add_text(notes, "no change of state is recorded: the present states are shown");
	add_waiting(past, notes);
	add_hostnames(past, explanation, notes);
	if (strcmp(json_text_of(lb, "steering_policy"), "dynamic_latency") == 0)
		json_add_text(notes,
		    "latencies are not recorded: dynamic_latency may have preferred another usable pool");
	if (strcmp(json_text_of(lb, "zero_downtime_failover"), "sticky") == 0)
		json_add_text(
		    notes, "pins are not recorded: a sticky client that had one may have got another origin");
	if (json_member(explanation, "location") != NULL || json_member(explanation, "rules") != NULL)
		json_add_text(
		    notes, "the place was looked up in the present databases and by the present site");
	return notes;
}

bool
past_annotate(const struct past *past, struct json *explanation, struct problems *problems)
{
	char text[32];

	wall_text(past->at, text);
	json_put_text(explanation, "at", text);
	wall_text(past->config.known.since, text);
	json_put_text(explanation, "generation_since", text);
	json_put(explanation, "notes", make_notes(past, explanation));
	return earlier_has_zones(&past->config, explanation, problems) &&
	    has_health(past, explanation, problems);
}
