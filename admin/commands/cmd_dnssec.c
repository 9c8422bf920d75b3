/* dnssec: which zones are signed, and the procedures that change their keys (S105, S107). */
#include "admin/cli/report.h"
#include "admin/commands/cmd_dnssec_provider.h"
#include "admin/commands/cmd_dnssec_status.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/commands/dnssec_keys.h"
#include "admin/edit/dnssec_edit.h"
#include "admin/edit/guards_dnssec.h"
#include "admin/edit/provider_edit.h"
#include "zones/state/config.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 5000, LOOK_MS = 20, IMPORT_MOST = 8 };

/* ---- enable and disable ---- */

struct enabling {
	char **zones;
	size_t nzones;
	const char *files[IMPORT_MOST]; /* with the zone's keys */
	size_t nfiles;
	struct dnssec_wish wish;
	struct provider_keys providers;
};

static void
enable_zone(struct change *change, const struct enabling *enabling, const char *word)
{
	char *name = dnssec_edit_zone(change->txn, word, &change->problems);

	if (name != NULL && dnssec_edit_enable(change, name, &enabling->wish) && enabling->nfiles > 0)
		guards_dnssec(change); /* first, as nothing may change if it refuses */
	if (name != NULL && enabling->nfiles > 0 && change->problems.errors == 0)
		dnssec_keys_import(change, name, enabling->files, enabling->nfiles);
	if (name != NULL && enabling->providers.count > 0 && change->problems.errors == 0)
		provider_edit_add(change, name, enabling->providers.list, enabling->providers.count);
	free(name);
}

static void
enable(struct change *change, void *arg)
{
	const struct enabling *enabling = arg;
	struct json *all;

	if (enabling->nzones == 1) {
		enable_zone(change, enabling, enabling->zones[0]);
		return;
	}
	all = json_new_list();
	for (size_t i = 0; i < enabling->nzones; i++) {
		enable_zone(change, enabling, enabling->zones[i]);
		if (change->result != NULL)
			json_add(all, change->result);
		change->result = NULL;
		free(change->message);
		change->message = NULL;
	}
	change->result = all;
	change->message = xasprintf("%zu zones: enabled", enabling->nzones);
}

/* ---- disable ---- */

struct disabling {
	const char *zone;
	enum dnssec_end how;
};

static void
disable(struct change *change, void *arg)
{
	const struct disabling *disabling = arg;
	char *name = dnssec_edit_zone(change->txn, disabling->zone, &change->problems);

	if (name != NULL)
		dnssec_edit_disable(change, name, disabling->how);
	free(name);
}

/* S111: the steps of the rollover that runs are taken at another node. */
static void
report_leader(const char *zone, const struct rollover *rollover)
{
	report_error(
	    "zone %s follows the node %s, which leads its %s (step %u of %u): give the command there; if "
	    "that node is gone for good, take over with `graycloud dnssec rollover %s --lead`",
	    zone, rollover->leading.name, rollover_kind_text(rollover->kind), rollover->step + 1u,
	    rollover->steps, zone);
}

static enum exit_code
run_disable(struct args *args)
{
	char text[NAME_MAX_TEXT];
	const char *zone = dnssec_clean_name(args->words[1], text);
	struct disabling disabling = {args->words[1],
	    args->force                       ? DNSSEC_END_NOW
		: args_flag(args, "key-lost") ? DNSSEC_END_KEY_LOST
					      : DNSSEC_END_BY_STEPS};
	struct dnssec_state state;
	enum exit_code code;

	if (!dnssec_state_read(args, zone, &state))
		return EXIT_REFUSED;
	if (state.rollover.kind == ROLLOVER_DISABLED)
		disabling.how = DNSSEC_END_NOW;
	if (disabling.how != DNSSEC_END_NOW && dnssec_keys_are_elsewhere(args, zone))
		return EXIT_REFUSED;
	if (disabling.how == DNSSEC_END_BY_STEPS && rollover_follows(&state.rollover)) {
		report_leader(zone, &state.rollover);
		return EXIT_REFUSED;
	}
	if (disabling.how == DNSSEC_END_BY_STEPS && rollover_kind_is_led(state.rollover.kind)) {
		report_error("a rollover of zone %s runs, and two keys may have a DS: wait until it is over "
			     "(`graycloud dnssec status %s`), or cancel it",
		    zone, zone);
		return EXIT_REFUSED;
	}
	code = command_change(args, disable, &disabling);
	if (code != EXIT_DONE || disabling.how == DNSSEC_END_NOW || args->dry_run)
		return code;
	report_note("take the DS of %s out at the registrar; the zone stays signed until no server of the "
		    "parent shows it and its TTL has passed",
	    zone);
	if (!state.alive)
		report_note("graycloud-signer does not run: the steps begin when you start it");
	return code;
}

/* ---- rollover ---- */

struct rolling {
	const struct args *args;
	const char *zone, *algorithm; /* algorithm: as documents have it; NULL: that of the zone */
	const char *roll;             /* ksk, zsk or all */
	bool emergency, cancel, lead;
	bool begins; /* false: only servers are left out, or a rollover that runs is an emergency now */
};

static void
add_without(const struct rolling *rolling, struct json *document)
{
	struct json *list = json_new_list();
	const struct json *old = json_member(document, "without");

	/* A new procedure looks at all servers again. */
	for (size_t i = 0; i < json_count(old) && !rolling->begins; i++)
		json_add(list, json_new_text(json_text(json_item(old, i))));
	for (size_t i = 0; i < rolling->args->nown; i++)
		if (strcmp(rolling->args->own[i].name, "without") == 0)
			json_add(list, json_new_text(rolling->args->own[i].value));
	json_put(document, "without", list);
}

static void
roll(struct change *change, void *arg)
{
	const struct rolling *rolling = arg;
	char *name = dnssec_edit_zone(change->txn, rolling->zone, &change->problems);
	struct id id;
	struct json *document = name != NULL ? dnssec_edit_policy(change, name, &id) : NULL;
	const char *what = "the signer looks at the other servers";

	if (document != NULL) {
		add_without(rolling, document);
		if (rolling->cancel) {
			dnssec_edit_ask(change, document, "cancelled");
			what = "the rollover is cancelled";
		} else if (rolling->lead) {
			dnssec_edit_ask(change, document, "lead");
			what = "this node leads the rollover";
		} else if (rolling->begins || rolling->emergency) {
			dnssec_edit_ask(change, document, "rollover");
			json_put_bool(document, "emergency", rolling->emergency);
			json_put_text(document, "roll", rolling->roll);
			what = rolling->begins
			    ? "a new key comes: `graycloud dnssec status` shows each step"
			    : "the rollover that runs goes on without margins and second looks";
		}
		if (rolling->algorithm != NULL)
			json_put_text(document, "algorithm", rolling->algorithm);
		dnssec_edit_put(change, document, &id, what);
	}
	json_drop(document);
	free(name);
}

/* 13 and 15, or their names (RFC 8624 3.1). */
static const char *
algorithm_name(const char *word)
{
	if (strcmp(word, "13") == 0)
		return "ecdsap256sha256";
	return strcmp(word, "15") == 0 ? "ed25519" : word;
}

/* Of --algorithm, as documents have it; NULL: there is none. False after a sentence. */
static bool
read_algorithm(const struct args *args, const char **algorithm)
{
	const char *word = args_value(args, "algorithm");

	*algorithm = word != NULL ? algorithm_name(word) : NULL;
	if (word == NULL || strcmp(*algorithm, "ecdsap256sha256") == 0 || strcmp(*algorithm, "ed25519") == 0)
		return true;
	report_error("--algorithm is \"%s\": it must be 13 (ecdsap256sha256) or 15 (ed25519)", word);
	return false;
}

/* That of the key that signs data; NULL: there is none. */
static const char *
algorithm_now(const struct dnssec_state *state)
{
	for (unsigned i = 0; i < state->nkeys; i++)
		if (key_shows(&state->keys[i], MARK_DATA))
			return state->keys[i].algorithm == ALGORITHM_ED25519 ? "ed25519" : "ecdsap256sha256";
	return NULL;
}

/* Why a rollover cannot begin, or be cancelled, now. */
static bool
is_refused(const struct rolling *rolling, const char *zone, const struct dnssec_state *state)
{
	const struct rollover *rollover = &state->rollover;
	bool runs = rollover->steps > 0,
	     rolls = rollover_kind_is_led(rollover->kind) && !rollover_kind_cancels(rollover->kind),
	     without = args_value(rolling->args, "without") != NULL;

	if (rolling->lead && !rollover_follows(rollover))
		report_error(
		    "zone %s: no other node leads a rollover, so there is nothing to take over", zone);
	else if (!rolling->lead && rollover_follows(rollover))
		report_leader(zone, rollover);
	else if (rolling->cancel && !rolls)
		report_error("no rollover of zone %s runs", zone);
	else if (rolling->cancel && rollover->step >= (rollover->kind == ROLLOVER_ALGORITHM ? 2 : 1))
		report_error("it is too late to cancel: the DS of the new key may be at the parent; let the "
			     "rollover end, and begin another one then");
	else if (!rolling->cancel && !rolling->lead && runs && !without && !(rolls && rolling->emergency))
		report_error(
		    "zone %s: %s is not over (step %u of %u): `graycloud dnssec status %s` shows what "
		    "it waits for",
		    zone, rollover_kind_text(rollover->kind), rollover->step + 1u, rollover->steps, zone);
	else if (rollover->kind == ROLLOVER_DISABLED)
		report_error("zone %s is not signed: `graycloud dnssec enable %s`", zone, zone);
	else if (rolling->begins && state->known && state->nkeys == 0)
		report_error(
		    "the keys of zone %s are not here: give the command at the node that has them, or "
		    "bring them with `graycloud dnssec keys import`",
		    zone);
	else if (rolling->begins && strcmp(rolling->roll, "all") != 0 && state->nkeys == 1)
		report_error("the key of zone %s signs all: roll it without --ksk and --zsk", zone);
	else
		return false;
	return true;
}

static enum exit_code
run_rollover(struct args *args)
{
	char text[NAME_MAX_TEXT];
	const char *zone = dnssec_clean_name(args->words[1], text), *algorithm;
	struct rolling rolling = {.args = args,
	    .zone = args->words[1],
	    .roll = args_flag(args, "ksk") ? "ksk"
		: args_flag(args, "zsk")   ? "zsk"
					   : "all",
	    .emergency = args_flag(args, "emergency"),
	    .cancel = args_flag(args, "cancel"),
	    .lead = args_flag(args, "lead")};
	struct dnssec_state state;
	enum exit_code code;

	if (!read_algorithm(args, &algorithm))
		return EXIT_REFUSED;
	rolling.algorithm = algorithm;
	if (rolling.cancel && (rolling.emergency || rolling.lead || algorithm != NULL))
		return args_misused(args, "--cancel stands alone");
	if (rolling.lead && (rolling.emergency || algorithm != NULL || strcmp(rolling.roll, "all") != 0))
		return args_misused(
		    args, "--lead goes on with the rollover as it is: only --without may be with it");
	if (args_flag(args, "ksk") + args_flag(args, "zsk") + (algorithm != NULL) > 1)
		return args_misused(args, "give one of --ksk, --zsk and --algorithm");
	if (!dnssec_state_read(args, zone, &state) || dnssec_keys_are_elsewhere(args, zone))
		return EXIT_REFUSED;
	rolling.begins = !rolling.cancel && !rolling.lead && state.rollover.steps == 0;
	/* Another node may have rolled to another algorithm than the configuration here has. */
	if (rolling.begins && algorithm == NULL)
		rolling.algorithm = algorithm_now(&state);
	if (is_refused(&rolling, zone, &state))
		return EXIT_REFUSED;
	code = command_change(args, roll, &rolling);
	if (code == EXIT_DONE && rolling.lead)
		report_note(
		    "the node %s must not go on alone: when it is back, give it the keys of this node, "
		    "and it follows (`graycloud dnssec keys export %s | ssh NODE graycloud dnssec keys "
		    "import -`)",
		    state.rollover.leading.name, zone);
	if (code == EXIT_DONE && !state.alive)
		report_note("graycloud-signer does not run: the steps begin when you start it");
	return code;
}

/* ---- wait ---- */

/* Wait until the signer has signed the zones; for large ones not to the end. */
static void
wait_signed(const struct args *args, const struct enabling *enabling)
{
	uint64_t until = boot_ms() + WAIT_MS;
	char text[NAME_MAX_TEXT];
	const char *zone = NULL;
	struct dnssec_state state = {.alive = true, .signed_now = true};

	for (size_t i = 0; i < enabling->nzones && state.signed_now; i++) {
		zone = dnssec_clean_name(enabling->zones[i], text);
		state.signed_now = false;
		while (!state.signed_now && state.alive && boot_ms() < until) {
			poll(NULL, 0, i == 0 ? LOOK_MS : 0);
			if (!dnssec_state_read(args, zone, &state))
				return;
		}
	}
	if (!state.alive)
		report_note("graycloud-signer does not run: the %s signed when you start it",
		    enabling->nzones == 1 ? "zone is" : "zones are");
	else if (!state.signed_now)
		report_note("the %s being signed: `graycloud dnssec status` shows the end",
		    enabling->nzones == 1 ? "zone is" : "zones are");
	else
		report_note(
		    "`graycloud dnssec ds %s` prints the DS when unsigned answers have left all caches",
		    enabling->nzones == 1 ? zone : "ZONE");
}

static bool
read_providers(const struct args *args, struct provider_keys *keys)
{
	struct problems problems = {0};
	bool good;

	for (size_t i = 0; i < args->nown; i++)
		if (strcmp(args->own[i].name, "with") == 0)
			provider_keys_read(keys, args->own[i].value, &problems);
	good = problems.errors == 0;
	report_problems(&problems);
	problems_free(&problems);
	return good;
}

static enum exit_code
run_enable(struct args *args)
{
	struct enabling enabling = {.zones = args->words + 1,
	    .nzones = args->count - 1,
	    .wish = {.split = args_flag(args, "ksk"), .keyless_nodes = args_flag(args, "keyless-nodes")}};
	enum exit_code code;

	if (args->count < 2)
		return args_misused(args, "enable takes a zone, or several");
	if (!read_algorithm(args, &enabling.wish.algorithm))
		return EXIT_REFUSED;
	if (args_value(args, "import") != NULL) {
		if (args->count - 1 > IMPORT_MOST)
			return args_misused(args, "--import takes at most %d files", IMPORT_MOST);
		enabling.nzones = 1;
		enabling.files[enabling.nfiles++] = args_value(args, "import");
		for (size_t i = 2; i < args->count; i++)
			enabling.files[enabling.nfiles++] = args->words[i];
	}
	if (enabling.nzones > 1 && args_value(args, "with") != NULL)
		return args_misused(args, "--with takes one zone");
	if (!read_providers(args, &enabling.providers))
		return EXIT_REFUSED;
	code = command_change(args, enable, &enabling);
	if (code == EXIT_DONE && !args->dry_run && !args->no_wait)
		wait_signed(args, &enabling);
	return code;
}

/* ---- set ---- */

struct setting {
	const char *zone;
	bool keyless_nodes;
};

static void
set(struct change *change, void *arg)
{
	const struct setting *setting = arg;
	char *name = dnssec_edit_zone(change->txn, setting->zone, &change->problems);

	if (name != NULL)
		dnssec_edit_keyless_nodes(change, name, setting->keyless_nodes);
	free(name);
}

static enum exit_code
run_set(struct args *args)
{
	const char *word = args_word(args, 2);
	struct setting setting = {.zone = args_word(args, 1)};

	setting.keyless_nodes = word != NULL && strcmp(word, "keyless_nodes=true") == 0;
	if (args->count != 3 || (!setting.keyless_nodes && strcmp(word, "keyless_nodes=false") != 0))
		return args_misused(args, "set takes a zone, and keyless_nodes=true or keyless_nodes=false");
	return command_change(args, set, &setting);
}

/* ---- keyless ---- */

/* S109: a setting of this node, and not of the configuration, which other nodes have, too. */
static enum exit_code
run_keyless(struct args *args)
{
	char text[NAME_MAX_TEXT];
	const char *zone = dnssec_clean_name(args->words[1], text);
	bool off = args_flag(args, "off");

	if (!dnssec_errand(args, off ? "--not-keyless" : "--keyless", zone, STDIN_FILENO))
		return EXIT_REFUSED;
	if (!args->json)
		printf("zone %s: %s\n", zone,
		    off ? "its keys are to be here: bring them with `graycloud dnssec keys import`"
			: "its keys are on another node, and none is made or read here: `graycloud "
			  "signatures import` "
			  "takes what that node signs");
	return EXIT_DONE;
}

enum exit_code
cmd_dnssec(struct args *args)
{
	static const struct {
		const char *verb;
		enum exit_code (*run)(struct args *args);
	} verbs[] = {{"disable", run_disable}, {"rollover", run_rollover}, {"keyless", run_keyless},
	    {"ds", dnssec_ds_run}};
	const char *verb = args_word(args, 0) ? args_word(args, 0) : "";

	if (strcmp(verb, "status") == 0)
		return args->count <= 2 ? dnssec_status_run(args)
					: args_misused(args, "status takes one zone at most");
	if (strcmp(verb, "keys") == 0)
		return dnssec_keys_run(args);
	if (strcmp(verb, "enable") == 0)
		return run_enable(args);
	if (strcmp(verb, "set") == 0)
		return run_set(args);
	if (strcmp(verb, "provider") == 0)
		return dnssec_provider_run(args);
	for (unsigned i = 0; i < NITEMS(verbs); i++)
		if (strcmp(verb, verbs[i].verb) == 0)
			return args->count == 2 ? verbs[i].run(args)
						: args_misused(args, "%s takes one zone", verb);
	return args_no_verb(args, verb);
}
