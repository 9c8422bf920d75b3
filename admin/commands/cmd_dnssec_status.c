#include "admin/commands/cmd_dnssec_status.h"

#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/look/signer_view.h"
#include "zones/document/json.h"
#include "zones/state/config.h"
#include "zones/state/imported.h"
#include "zones/state/membership.h"
#include "zones/state/zone_folder.h"

#include <stdlib.h>

const char *
dnssec_clean_name(const char *word, char out[NAME_MAX_TEXT])
{
	uint8_t name[NAME_MAX_LEN + 1];

	if (word == NULL || name_from_text(name, word, NULL) == 0)
		return word;
	name_lower(name, name);
	return name_to_host(name, out);
}

/* ---- read ---- */

struct looking {
	const struct args *args;
	struct store_txn *config, *signatures, *sets;
	struct json *list;
	const char *only;           /* NULL: all zones */
	struct json *keys;          /* of the zone that is shown */
	struct dnssec_state *state; /* of the only zone; may be NULL */
	struct signer_view signer;
};

static const char *const mark_names[KEY_MARKS] = {"dnskey", "signs_dnskey", "ds", "signs_data"};
static const char *const state_names[] = {"hidden", "coming", "everywhere", "going"};

static const char *
state_name(uint8_t state)
{
	return state < NITEMS(state_names) ? state_names[state] : "unknown";
}

static void
put_time(struct json *json, const char *name, int64_t wall)
{
	char text[32] = "";

	if (wall != 0)
		wall_text(wall, text);
	json_put_text(json, name, text);
}

static void
put_key(struct looking *looking, const struct signing_key *key, bool provider)
{
	struct json *json = json_new_object(), *marks = json_new_object(), *since = json_new_object();
	char digest[2 * 32 + 1], *ds;

	for (unsigned i = 0; i < 32; i++)
		snprintf(digest + 2 * i, 3, "%02X", key->ds[4 + i]);
	ds = xasprintf("%u %u 2 %s", key->key_tag, key->algorithm, digest);
	json_put_integer(json, "key_tag", key->key_tag);
	json_put_integer(json, "algorithm", key->algorithm);
	json_put_integer(json, "flags", key->flags);
	json_put_bool(json, "provider", provider);
	json_put_text(json, "ds", ds);
	for (unsigned i = 0; i < KEY_MARKS; i++) {
		json_put_text(marks, mark_names[i], state_name(key->marks[i]));
		put_time(since, mark_names[i], key->since[i]);
	}
	json_put(json, "marks", marks);
	json_put(json, "since", since);
	json_add(looking->keys, json);
	free(ds);
}

static void
add_key(void *arg, const struct signing_key *key)
{
	struct looking *looking = arg;
	struct dnssec_state *state = looking->state;

	put_key(looking, key, false);
	if (state == NULL)
		return;
	if (state->nkeys < STATE_KEYS_MAX)
		state->keys[state->nkeys++] = *key;
	state->any_ds |= key->marks[MARK_DS] != MARK_HIDDEN;
}

static void
add_provider_key(void *arg, const struct signing_key *key)
{
	put_key(arg, key, true);
}

/* S111: which node takes the steps. One without keys has what its signatures came with (S109). */
static void
put_leading(struct json *procedure, const struct rollover *rollover, bool keyless)
{
	const struct leading *leading = &rollover->leading;
	bool follows = rollover_follows(rollover),
	     leads = rollover_kind_is_led(rollover->kind) && !follows && !keyless;

	json_put_bool(procedure, "leads", leads);
	json_put_text(procedure, "follows", follows ? leading->name : "");
	put_time(procedure, "state_taken", follows ? leading->taken : 0);
	json_put_integer(procedure, "term", leading->term);
	json_put_integer(procedure, "change", leading->change);
}

/* S111: the node of the cluster whose new key is waited for; "": none. */
static const char *
waited_for(const struct looking *looking, const struct json *policy, const struct rollover *rollover)
{
	struct membership membership;
	const char *node = json_text_of(policy, "node");

	if (!membership_get(looking->config, &membership) || *node == '\0' ||
	    strcmp(node, membership.node) == 0 || rollover_kind_is_led(rollover->kind) ||
	    json_integer_of(json_member(policy, "rollover")) <= (long long)rollover->leading.asked)
		return "";
	return node;
}

/* S108 */
static const char *const validations[] = {
    [DS_NOT_VALIDATED] = "none", [DS_VALIDATED] = "validated", [DS_UNSIGNED_PARENT] = "parent not validated"};

static void
put_rollover(struct json *json, const struct rollover *rollover, bool keyless)
{
	struct json *procedure = json_new_object(), *lacking = json_new_list();
	bool runs = rollover->steps > 0;

	json_put_text(procedure, "name", rollover_kind_text(rollover->kind));
	json_put_integer(procedure, "step", runs ? rollover->step + 1 : 0);
	json_put_integer(procedure, "steps", rollover->steps);
	json_put_text(procedure, "waits_for", rollover->doing);
	json_put_integer(procedure, "old_key", rollover->old.key_tag);
	json_put_integer(procedure, "new_key", rollover->new.key_tag);
	json_put_bool(procedure, "emergency", rollover->hurry);
	put_time(procedure, "began", rollover->began);
	put_time(procedure, "step_since", runs ? rollover->since : 0);
	put_time(procedure, "last_look", rollover->looked);
	put_time(procedure, "shown_since", rollover->first);
	put_time(procedure, "not_before", rollover->until);
	put_leading(procedure, rollover, keyless);
	json_put_text(procedure, "ds_validation",
	    rollover->validation < NITEMS(validations) ? validations[rollover->validation] : "");
	for (unsigned i = 0; i < rollover->nlacking && i < ROLLOVER_SERVERS_MAX; i++)
		json_add(lacking, json_new_text(rollover->lacking[i]));
	json_put(procedure, "lacking", lacking);
	json_put_integer(procedure, "lacking_count", rollover->nlacking);
	json_put(json, "procedure", procedure);
}

/* S108: the servers that the looks leave out until the procedure is over. */
static void
put_without(struct json *json, const struct json *list, bool runs)
{
	struct json *without = json_new_list();

	for (size_t i = 0; runs && i < json_count(list); i++)
		json_add(without, json_new_text(json_text(json_item(list, i))));
	json_put(json, "without", without);
}

/* S109: what came from the node that has the keys; null: the keys are here. */
static void
put_import(const struct looking *looking, struct json *json, bool there, uint32_t zone)
{
	struct imported row;
	struct imported_sets sets = {.taken_ms = 0};
	struct json *import;

	if (!there || !imported_get(looking->signatures, zone, &row)) {
		json_put(json, "import", json_new_null());
		return;
	}
	if (looking->sets != NULL)
		imported_sets_get(looking->sets, zone, &sets);
	import = json_new_object();
	put_time(import, "newest", sets.taken_ms != 0 ? sets.taken_ms : row.taken_ms);
	put_time(import, "harmful_from", sets.due * 1000);
	put_time(import, "first_end", sets.end * 1000);
	json_put_integer(import, "lacking", (long long)sets.lacking);
	json_put_text(import, "refused", row.fault);
	json_put(json, "import", import);
}

static bool
is_keyless(const struct json *zone)
{
	return json_kind(json_member(zone, "import")) == JSON_KIND_OBJECT;
}

static const char *
zone_state(const struct json *zone)
{
	const struct json *procedure = json_member(zone, "procedure");

	if (json_truth(json_member(zone, "signed")))
		return "signed";
	if (strcmp(json_text_of(procedure, "name"), rollover_kind_text(ROLLOVER_DISABLED)) == 0)
		return "not signed any longer";
	return is_keyless(zone) ? "waits for signatures from the node that has its keys"
				: "waits for the signer";
}

static bool
add_zone(void *arg, const struct id *id, struct bytes text)
{
	struct looking *looking = arg;
	struct json *document = json_read_quietly(text), *json;
	const char *name = json_text_of(document, "name");
	uint8_t wire[NAME_MAX_LEN + 1];
	struct rollover rollover = {0};
	struct signed_zone row;
	struct zone_info zone = {.number = 0};
	bool there, is_signed;

	(void)id;
	if (looking->only != NULL && strcmp(name, looking->only) != 0) {
		json_drop(document);
		return true;
	}
	json = json_new_object();
	json_put_text(json, "name", name);
	json_put_text(json, "algorithm", json_text_of(document, "algorithm"));
	there = name_from_text(wire, name, NULL) > 0 && config_zone(looking->config, wire, &zone) &&
	    looking->signatures != NULL;
	looking->keys = json_new_list();
	is_signed = there && signed_zone_get(looking->signatures, zone.number, &row);
	json_put_bool(json, "signed", is_signed);
	put_import(looking, json, there, zone.number);
	if (there) {
		signing_keys_each(looking->signatures, zone.number, add_key, looking);
		provider_keys_each(looking->signatures, zone.number, add_provider_key, looking);
		rollover_get(looking->signatures, zone.number, &rollover);
	}
	json_put(json, "keys", looking->keys);
	put_rollover(json, &rollover, is_keyless(json));
	put_without(json, json_member(document, "without"), rollover.steps > 0);
	json_put_text(json, "state", zone_state(json));
	json_put_text(json, "waits_for_node", waited_for(looking, document, &rollover));
	if (looking->state != NULL) {
		looking->state->known = true;
		looking->state->signed_now = is_signed;
		looking->state->rollover = rollover;
	}
	json_add(looking->list, json);
	json_drop(document);
	return true;
}

/* The zones with their keys, in looking->list. False after a sentence. */
static bool
look(struct looking *looking)
{
	struct store *config, *signatures, *sets;
	struct problems problems = {0};

	if (!read_begin(looking->args, &config, &looking->config))
		return false;
	signatures = store_open(looking->args->state, STORE_SIGNATURES, STORE_READ, &problems);
	sets = store_open(looking->args->state, STORE_SETS, STORE_READ, &problems);
	report_problems(&problems);
	problems_free(&problems);
	if (signatures != NULL && store_begin(signatures, STORE_READ, &looking->signatures) != 0)
		looking->signatures = NULL;
	if (sets != NULL && store_begin(sets, STORE_READ, &looking->sets) != 0)
		looking->sets = NULL;
	signer_view_read(&looking->signer, looking->config, looking->sets);
	if (looking->config != NULL)
		config_each_object_by_name(looking->config, KIND_DNSSEC, add_zone, looking);
	store_abort(looking->signatures);
	store_abort(looking->sets);
	read_end(config, looking->config);
	if (signatures != NULL)
		store_close(signatures);
	if (sets != NULL)
		store_close(sets);
	return true;
}

bool
dnssec_state_read(const struct args *args, const char *zone, struct dnssec_state *state)
{
	struct looking looking = {.args = args, .list = json_new_list(), .only = zone, .state = state};
	bool good;

	*state = (struct dnssec_state){0};
	good = look(&looking);
	state->alive = !looking.signer.dead;
	json_drop(looking.list);
	return good;
}

bool
dnssec_keys_are_elsewhere(const struct args *args, const char *zone)
{
	bool elsewhere = zone_folder_has(args->state, "keyless", zone);

	if (elsewhere)
		report_error(
		    "the keys of zone %s are on another node: give the command there; if they are to be "
		    "here: `graycloud dnssec keys import`",
		    zone);
	return elsewhere;
}

/* ---- status ---- */

static void
print_signer(FILE *out, const struct looking *looking)
{
	char *line = signer_view_line(&looking->signer);

	fprintf(out, "signer %s: %s\n", signer_view_state(&looking->signer), line);
	free(line);
}

static void
print_table(const struct json *list)
{
	struct table *table = table_new("ZONE", "STATE", "ALGORITHM", "KEYS", NULL);

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *zone = json_item(list, i), *keys = json_member(zone, "keys");
		char *tags = xstrdup("");

		for (size_t k = 0; k < json_count(keys); k++) {
			char *more = xasprintf("%s%s%.0f", tags, k > 0 ? " " : "",
			    json_number_of(json_member(json_item(keys, k), "key_tag")));

			free(tags);
			tags = more;
		}
		table_cell(table, COLOUR_NONE, "%s", json_text_of(zone, "name"));
		table_cell(table, COLOUR_NONE, "%s", zone_state(zone));
		table_cell(table, COLOUR_NONE, "%s", json_text_of(zone, "algorithm"));
		table_cell(table, COLOUR_NONE, "%s", tags);
		free(tags);
	}
	table_print(table, stdout);
	table_free(table);
}

static void
print_keys(const struct json *zone)
{
	const struct json *keys = json_member(zone, "keys");

	for (size_t i = 0; i < json_count(keys); i++) {
		const struct json *key = json_item(keys, i), *marks = json_member(key, "marks");

		printf("  key %.0f%s: DNSKEY %s, signs DNSKEY %s, DS %s, signs data %s\n",
		    json_number_of(json_member(key, "key_tag")),
		    json_truth(json_member(key, "provider")) ? " of another provider" : "",
		    json_text_of(marks, mark_names[MARK_DNSKEY]), json_text_of(marks, mark_names[MARK_SIGNS]),
		    json_text_of(marks, mark_names[MARK_DS]), json_text_of(marks, mark_names[MARK_DATA]));
	}
}

static void
print_lacking(const struct json *procedure)
{
	const struct json *lacking = json_member(procedure, "lacking");
	double more = json_number_of(json_member(procedure, "lacking_count")) - (double)json_count(lacking);

	for (size_t i = 0; i < json_count(lacking); i++)
		printf("  %s\n", json_text(json_item(lacking, i)));
	if (more > 0)
		printf("  and %.0f more\n", more);
}

static void
print_without(const struct json *zone)
{
	const struct json *without = json_member(zone, "without");

	for (size_t i = 0; i < json_count(without); i++)
		printf("  left out: %s\n", json_text(json_item(without, i)));
}

static void
print_leading(const struct json *procedure)
{
	const char *follows = json_text_of(procedure, "follows");

	if (json_truth(json_member(procedure, "leads")))
		printf("  this node leads\n");
	if (*follows != '\0')
		printf("  follows the node %s: its state of %s\n", follows,
		    json_text_of(procedure, "state_taken"));
}

static void
print_waiting(const struct json *zone)
{
	const char *node = json_text_of(zone, "waits_for_node"), *name = json_text_of(zone, "name");

	if (*node != '\0')
		printf("\n%s: a rollover was asked for at the node %s, whose keys are not here yet: give "
		       "`graycloud dnssec keys export %s` there to `graycloud dnssec keys import -` here\n",
		    name, node, name);
}

/* The step that the zone waits at; nothing if all is well. */
static void
print_procedure(const struct json *zone)
{
	const struct json *procedure = json_member(zone, "procedure");
	const char *until = json_text_of(procedure, "not_before"),
		   *seen = json_text_of(procedure, "shown_since");
	double steps = json_number_of(json_member(procedure, "steps"));

	if (steps == 0 && json_count(json_member(procedure, "lacking")) == 0)
		return;
	if (steps > 0) {
		printf("\n%s: %s%s, step %.0f of %.0f, since %s\n  waits for %s\n",
		    json_text_of(zone, "name"), json_text_of(procedure, "name"),
		    json_truth(json_member(procedure, "emergency")) ? " (emergency)" : "",
		    json_number_of(json_member(procedure, "step")), steps,
		    json_text_of(procedure, "step_since"), json_text_of(procedure, "waits_for"));
		if (*until != '\0')
			printf("  all servers show it; the next step is not before %s\n", until);
		else if (*seen != '\0')
			printf("  all servers showed it at %s; they are asked once more\n", seen);
		else if (*json_text_of(procedure, "last_look") == '\0')
			printf("  the servers were not asked yet\n");
		print_leading(procedure);
		if (strcmp(json_text_of(procedure, "ds_validation"), validations[DS_UNSIGNED_PARENT]) == 0)
			printf("  the DS is not validated: the resolver does not say AD for the parent\n");
	} else {
		printf("\n%s: the last look at %s found:\n", json_text_of(zone, "name"),
		    json_text_of(procedure, "last_look"));
	}
	print_lacking(procedure);
	print_without(zone);
	print_keys(zone);
}

/* S109 */
static void
print_import(const struct json *zone)
{
	const struct json *import = json_member(zone, "import");
	const char *newest = json_text_of(import, "newest"), *refused = json_text_of(import, "refused");

	if (!is_keyless(zone))
		return;
	if (*newest == '\0')
		printf("\n%s: its keys are on another node, and no signatures came yet\n",
		    json_text_of(zone, "name"));
	else
		printf("\n%s: its keys are on another node; the newest signatures came at %s\n  renewed ones "
		       "are late "
		       "from %s on, and the first signature ends at %s\n",
		    json_text_of(zone, "name"), newest, json_text_of(import, "harmful_from"),
		    json_text_of(import, "first_end"));
	if (*refused != '\0')
		printf("  refused: %s\n", refused);
}

enum exit_code
dnssec_status_run(struct args *args)
{
	char text[NAME_MAX_TEXT];
	struct looking looking = {
	    .args = args, .list = json_new_list(), .only = dnssec_clean_name(args_word(args, 1), text)};
	struct json *json;

	if (!look(&looking)) {
		json_drop(looking.list);
		return EXIT_REFUSED;
	}
	if (args->json) {
		json = json_new_object();
		json_put_bool(json, "signer_alive", !looking.signer.dead);
		json_put_integer(json, "generation", (long long)looking.signer.beat.generation);
		json_put_integer(json, "expires", (long long)looking.signer.beat.expires);
		json_put_text(json, "fault", looking.signer.beat.fault);
		json_put(json, "zones", looking.list);
		print_json(json);
		return EXIT_DONE;
	}
	print_signer(stdout, &looking);
	print_table(looking.list);
	if (looking.only != NULL && json_count(looking.list) == 0)
		report_note(
		    "zone %s is not to be signed: `graycloud dnssec enable %s`", looking.only, looking.only);
	for (size_t i = 0; i < json_count(looking.list); i++) {
		print_import(json_item(looking.list, i));
		print_procedure(json_item(looking.list, i));
		print_waiting(json_item(looking.list, i));
	}
	json_drop(looking.list);
	return EXIT_DONE;
}

/* ---- ds ---- */

static bool
shows(const struct json *key, enum key_mark mark)
{
	const char *state = json_text_of(json_member(key, "marks"), mark_names[mark]);

	return strcmp(state, "coming") == 0 || strcmp(state, "everywhere") == 0;
}

/* Before its time there is no DS to print: a validator could have unsigned answers in its cache. */
static bool
is_too_early(const struct json *zone)
{
	const struct json *procedure = json_member(zone, "procedure"),
			  *lacking = json_member(procedure, "lacking");
	const char *until = json_text_of(procedure, "not_before");

	if (strcmp(json_text_of(procedure, "name"), rollover_kind_text(ROLLOVER_ENABLE)) != 0 ||
	    json_number_of(json_member(procedure, "step")) != 1)
		return false;
	if (*until != '\0')
		report_error("not before %s: unsigned answers are still cached", until);
	else if (json_count(lacking) > 0)
		report_error("not before all nameservers show the signatures: %s (`graycloud dnssec status "
			     "%s` shows all)",
		    json_text(json_item(lacking, 0)), json_text_of(zone, "name"));
	else
		report_error("not before all nameservers show the signatures: they are being asked");
	report_note("if no resolver has asked for the zone yet, --force prints the DS now");
	return true;
}

/* Returns how many. */
static unsigned
print_ds(const struct json *zone, bool force)
{
	const struct json *keys = json_member(zone, "keys");
	unsigned count = 0;

	for (size_t i = 0; i < json_count(keys); i++) {
		const struct json *key = json_item(keys, i);

		if (!shows(key, MARK_DS) &&
		    !(force && !json_truth(json_member(key, "provider")) && shows(key, MARK_DATA) &&
			shows(key, MARK_DNSKEY)))
			continue;
		printf("%s. IN DS %s\n", json_text_of(zone, "name"), json_text_of(key, "ds"));
		count++;
	}
	return count;
}

enum exit_code
dnssec_ds_run(struct args *args)
{
	char text[NAME_MAX_TEXT];
	const char *zone = dnssec_clean_name(args->words[1], text);
	struct looking looking = {.args = args, .list = json_new_list(), .only = zone};
	const struct json *keys;
	enum exit_code code = EXIT_DONE;

	if (!look(&looking)) {
		json_drop(looking.list);
		return EXIT_REFUSED;
	}
	keys = json_member(json_item(looking.list, 0), "keys");
	if (json_count(keys) == 0) {
		report_error("zone %s is not signed: `graycloud dnssec enable %s`", zone, zone);
		code = EXIT_REFUSED;
	} else if (!args->force && is_too_early(json_item(looking.list, 0))) {
		code = EXIT_REFUSED;
	}
	if (!args->json && code == EXIT_DONE && print_ds(json_item(looking.list, 0), args->force) == 0) {
		report_error("zone %s is to have no DS at its parent: `graycloud dnssec status %s` shows why",
		    zone, zone);
		code = EXIT_REFUSED;
	}
	if (args->json && code == EXIT_DONE)
		print_json(looking.list);
	else
		json_drop(looking.list);
	return code;
}
