#include "admin/explain/past.h"

#include "zones/state/config_past.h"
#include "zones/state/health_past.h"
#include "zones/state/hostname.h"

#include <errno.h>
#include <stdlib.h>

enum { TRIES = 20 }; /* a map that is too small doubles */

struct past {
	int64_t at;
	struct config_past_copy config;
	struct store *health_copy;
	struct store_txn *health;
	struct health_past flips;
};

static const char *
time_of(int64_t wall, char out[32])
{
	wall_text(wall, out);
	snprintf(out + 23, 9, "Z");
	return out;
}

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

static bool
is_configured(const struct past *past, struct problems *problems)
{
	unsigned long long sequence = past->config.known.sequence;
	char since[32];

	time_of(past->config.known.since, since);
	if (past->config.known.reach == CONFIG_NOT_YET)
		problems_error(problems,
		    "there was no configuration then: the first command of the log is of %s", since);
	else if (past->config.known.reach == CONFIG_TRIMMED)
		problems_error(problems,
		    "the configuration is known since %s: the log keeps the last 10,000 commands, at most "
		    "256 "
		    "MiB of them, and command %llu is the oldest",
		    since, sequence);
	else if (past->config.known.reach == CONFIG_RESTORED)
		problems_error(problems,
		    "the configuration is known since %s: command %llu replaced it by a backup then", since,
		    sequence);
	return past->config.known.reach == CONFIG_REACHED;
}

struct past *
past_open(struct store *config, struct store *health, int64_t at, struct problems *problems)
{
	struct past *past = xcalloc(1, sizeof *past);

	past->at = at;
	if (config_past_open(&past->config, config, &(struct config_moment){.wall = at}, problems) != NULL &&
	    is_configured(past, problems) && rewind_health(past, health, problems))
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

static bool
has_zones(const struct past *past, const struct json *explanation, struct problems *problems)
{
	const struct json *records = json_member(explanation, "records");
	size_t count = json_count(records);

	for (size_t i = 0; i <= count; i++) {
		const struct json *of = i == 0 ? explanation : json_item(records, i - 1);
		const struct config_lost *lost;
		uint8_t name[NAME_MAX_LEN];
		char since[32];

		if (name_from_text(name, json_text_of(of, "name"), NULL) == 0)
			continue;
		lost = config_past_lost(&past->config.known, past->config.txn, name);
		if (lost == NULL)
			continue;
		problems_error(problems,
		    "the zone of %s is known since %s: command %llu replaced more of it than the log keeps",
		    json_text_of(of, "name"), time_of(lost->since, since),
		    (unsigned long long)lost->sequence);
		return false;
	}
	return true;
}

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
	time_of(past->flips.since, since);
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
		    ? xasprintf("%s had no address until %s", address, time_of(moved->at, when))
		    : xasprintf("the addresses of %s changed at %s, from %u that were not recorded: the "
				"present ones are shown",
			  address, time_of(moved->at, when), moved->count_before);
		json_add_text(notes, text);
		free(text);
	}
}

static struct json *
make_notes(const struct past *past, const struct json *explanation)
{
	const struct json *lb = json_member(explanation, "load_balancer");
	struct json *notes = json_new_list();

	if (needs_health(explanation) && !past->flips.recorded)
		json_add_text(notes, "no change of state is recorded: the present states are shown");
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
	return has_zones(past, explanation, problems) && has_health(past, explanation, problems);
}
