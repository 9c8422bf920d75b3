/* dnssec: which zones are signed, how far that is, and their DS records (S105). */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/cli/when.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/object.h"
#include "zones/state/config.h"
#include "zones/state/signatures.h"
#include "zones/state/signing_keys.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

enum { WAIT_MS = 5000, LOOK_MS = 20 };

/* ---- enable and disable ---- */

struct enabling {
	const char *zone, *algorithm;
};

/* The zone that a word names, as an object's name. NULL with a problem if there is none. */
static char *
zone_name(struct store_txn *txn, const char *word, struct problems *problems)
{
	uint8_t name[NAME_MAX_LEN + 1];
	struct zone_info zone;
	char text[NAME_MAX_TEXT];

	if (name_from_text(name, word, NULL) == 0) {
		problems_error(problems, "%s is not a domain name", word);
		return NULL;
	}
	name_lower(name, name);
	if (!config_zone(txn, name, &zone)) {
		problems_error(problems, "there is no zone %s: load it with `graycloud zone load`", word);
		return NULL;
	}
	return xstrdup(name_to_host(zone.name, text));
}

static void
enable(struct change *change, void *arg)
{
	const struct enabling *enabling = arg;
	char *name = zone_name(change->txn, enabling->zone, &change->problems);
	struct json *document;
	struct id id;

	if (name == NULL)
		return;
	if (config_object_id(change->txn, KIND_DNSSEC, name, &id)) {
		problems_error(&change->problems,
		    "zone %s is enabled already: `graycloud dnssec status %s` shows its keys", name, name);
		free(name);
		return;
	}
	document = json_new_object();
	json_put_text(document, "name", name);
	json_put_text(document, "identity", config_identity(change->txn).text);
	if (enabling->algorithm != NULL)
		json_put_text(document, "algorithm", enabling->algorithm);
	if (object_put(change, KIND_DNSSEC, document, NULL, OBJECT_CREATE, NULL, &id))
		object_tell(change, KIND_DNSSEC, &id, "enabled");
	json_drop(document);
	free(name);
}

static void
disable(struct change *change, void *arg)
{
	char *name = zone_name(change->txn, arg, &change->problems);
	struct id id;

	if (name == NULL)
		return;
	if (!config_object_id(change->txn, KIND_DNSSEC, name, &id))
		problems_error(&change->problems, "zone %s is not signed", name);
	else if (object_delete(change, KIND_DNSSEC, &id)) {
		change->message = xasprintf("zone %s: not signed any more", name);
		change->result = json_new_object();
		json_put_text(change->result, "name", name);
	}
	free(name);
}

/* ---- status and ds ---- */

/* A zone's name as objects have it, for any spelling; NULL stays NULL. */
static const char *
clean_name(const char *word, char out[NAME_MAX_TEXT])
{
	uint8_t name[NAME_MAX_LEN + 1];

	if (word == NULL || name_from_text(name, word, NULL) == 0)
		return word;
	name_lower(name, name);
	return name_to_host(name, out);
}

struct looking {
	const struct args *args;
	struct store_txn *config, *signatures, *sets;
	struct json *list;
	const char *only;  /* NULL: all zones */
	struct json *keys; /* of the zone that is shown */
};

static void
add_key(void *arg, const struct signing_key *key)
{
	struct looking *looking = arg;
	struct json *json = json_new_object();
	char digest[2 * 32 + 1], *ds;

	for (unsigned i = 0; i < 32; i++)
		snprintf(digest + 2 * i, 3, "%02X", key->ds[4 + i]);
	ds = xasprintf("%u %u 2 %s", key->key_tag, key->algorithm, digest);
	json_put_integer(json, "key_tag", key->key_tag);
	json_put_integer(json, "algorithm", key->algorithm);
	json_put_integer(json, "flags", key->flags);
	json_put_text(json, "ds", ds);
	json_add(looking->keys, json);
	free(ds);
}

static bool
add_zone(void *arg, const struct id *id, struct bytes text)
{
	struct looking *looking = arg;
	struct json *document = json_read_quietly(text), *json;
	const char *name = json_text_of(document, "name");
	uint8_t wire[NAME_MAX_LEN + 1];
	struct signed_zone row;
	struct zone_info zone;
	bool there;

	(void)id;
	if (looking->only != NULL && strcmp(name, looking->only) != 0) {
		json_drop(document);
		return true;
	}
	json = json_new_object();
	json_put_text(json, "name", name);
	json_put_text(json, "algorithm", json_text_of(document, "algorithm"));
	there = name_from_text(wire, name, NULL) > 0 && config_zone(looking->config, wire, &zone);
	looking->keys = json_new_list();
	json_put_bool(json, "signed",
	    there && looking->signatures != NULL && signed_zone_get(looking->signatures, zone.number, &row));
	if (there && looking->signatures != NULL)
		signing_keys_each(looking->signatures, zone.number, add_key, looking);
	json_put(json, "keys", looking->keys);
	json_add(looking->list, json);
	json_drop(document);
	return true;
}

/* The zones with their keys, in looking->list. False after a sentence. */
static bool
look(struct looking *looking, struct signer_beat *beat, bool *known)
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
	*known = looking->sets != NULL && signer_beat_get(looking->sets, beat);
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

static void
print_signer(FILE *out, const struct signer_beat *beat, bool known)
{
	char ends[64] = "no signature yet";

	if (!known || signer_dead(beat, boot_ms())) {
		fprintf(out, "graycloud-signer does not run: nothing is signed, and signatures end\n");
		return;
	}
	if (beat->expires != 0)
		snprintf(ends, sizeof ends, "the first signature ends in %lld h",
		    (long long)(beat->expires - time(NULL)) / 3600);
	fprintf(out, "graycloud-signer runs: generation %llu is signed, %s\n",
	    (unsigned long long)beat->generation, ends);
	if (beat->fault[0] != '\0')
		fprintf(out, "%s\n", beat->fault);
}

static enum exit_code
run_status(struct args *args)
{
	char text[NAME_MAX_TEXT];
	const char *only = clean_name(args_word(args, 1), text);
	struct looking looking = {.args = args, .list = json_new_list(), .only = only};
	struct signer_beat beat = {0};
	struct table *table;
	struct json *json;
	bool known;

	if (!look(&looking, &beat, &known)) {
		json_drop(looking.list);
		return EXIT_REFUSED;
	}
	if (args->json) {
		json = json_new_object();
		json_put_bool(json, "signer_alive", known && !signer_dead(&beat, boot_ms()));
		json_put_integer(json, "generation", (long long)beat.generation);
		json_put_integer(json, "expires", (long long)beat.expires);
		json_put_text(json, "fault", beat.fault);
		json_put(json, "zones", looking.list);
		print_json(json);
		return EXIT_DONE;
	}
	print_signer(stdout, &beat, known);
	table = table_new("ZONE", "STATE", "ALGORITHM", "KEYS", NULL);
	for (size_t i = 0; i < json_count(looking.list); i++) {
		const struct json *zone = json_item(looking.list, i), *keys = json_member(zone, "keys");
		char *tags = xstrdup("");

		for (size_t k = 0; k < json_count(keys); k++) {
			char *more = xasprintf("%s%s%.0f", tags, k > 0 ? " " : "",
			    json_number_of(json_member(json_item(keys, k), "key_tag")));

			free(tags);
			tags = more;
		}
		table_cell(table, COLOUR_NONE, "%s", json_text_of(zone, "name"));
		table_cell(table, COLOUR_NONE, "%s",
		    json_truth(json_member(zone, "signed")) ? "signed" : "waits for the signer");
		table_cell(table, COLOUR_NONE, "%s", json_text_of(zone, "algorithm"));
		table_cell(table, COLOUR_NONE, "%s", tags);
		free(tags);
	}
	table_print(table, stdout);
	table_free(table);
	json_drop(looking.list);
	return EXIT_DONE;
}

static enum exit_code
run_ds(struct args *args)
{
	char text[NAME_MAX_TEXT];
	const char *zone = clean_name(args->words[1], text);
	struct looking looking = {.args = args, .list = json_new_list(), .only = zone};
	struct signer_beat beat;
	const struct json *keys;
	enum exit_code code = EXIT_DONE;
	bool known;

	if (!look(&looking, &beat, &known)) {
		json_drop(looking.list);
		return EXIT_REFUSED;
	}
	keys = json_member(json_item(looking.list, 0), "keys");
	if (json_count(keys) == 0) {
		report_error("zone %s is not signed: `graycloud dnssec enable %s`", zone, zone);
		code = EXIT_REFUSED;
	}
	for (size_t i = 0; i < json_count(keys) && !args->json; i++)
		printf("%s. IN DS %s\n", json_text_of(json_item(looking.list, 0), "name"),
		    json_text_of(json_item(keys, i), "ds"));
	if (args->json && code == EXIT_DONE)
		print_json(looking.list);
	else
		json_drop(looking.list);
	return code;
}

/* Wait until the signer has signed the zone; for a large one not to the end. */
static void
wait_signed(const struct args *args)
{
	uint64_t until = boot_ms() + WAIT_MS;
	char text[NAME_MAX_TEXT];
	const char *zone = clean_name(args->words[1], text);
	bool done = false, alive = true;

	while (!done && alive && boot_ms() < until) {
		struct looking looking = {.args = args, .list = json_new_list(), .only = zone};
		struct signer_beat beat;
		bool known;

		poll(NULL, 0, LOOK_MS);
		if (look(&looking, &beat, &known)) {
			alive = known && !signer_dead(&beat, boot_ms());
			done = json_truth(json_member(json_item(looking.list, 0), "signed"));
		}
		json_drop(looking.list);
	}
	if (!alive)
		report_note("graycloud-signer does not run: the zone is signed when you start it");
	else if (!done)
		report_note("the zone is being signed: `graycloud dnssec status` shows the end");
}

static enum exit_code
run_enable(struct args *args)
{
	struct enabling enabling = {args->words[1], args_value(args, "algorithm")};
	enum exit_code code = command_change(args, enable, &enabling);

	if (code == EXIT_DONE && !args->dry_run && !args->no_wait)
		wait_signed(args);
	return code;
}

enum exit_code
cmd_dnssec(struct args *args)
{
	const char *verb = args_word(args, 0) ? args_word(args, 0) : "";

	if (strcmp(verb, "status") == 0)
		return args->count <= 2 ? run_status(args)
					: args_misused(args, "status takes one zone at most");
	if (strcmp(verb, "enable") != 0 && strcmp(verb, "disable") != 0 && strcmp(verb, "ds") != 0)
		return args_no_verb(args, verb);
	if (args->count != 2)
		return args_misused(args, "%s takes one zone", verb);
	if (strcmp(verb, "ds") == 0)
		return run_ds(args);
	if (strcmp(verb, "enable") == 0)
		return run_enable(args);
	if (!args->force) {
		report_error(
		    "if the parent of %s has a DS record, ending DNSSEC makes the zone fail for everybody "
		    "who validates: take the DS out at the registrar, wait for its TTL, then use --force",
		    args->words[1]);
		return EXIT_REFUSED;
	}
	return command_change(args, disable, (void *)(uintptr_t)args->words[1]);
}
