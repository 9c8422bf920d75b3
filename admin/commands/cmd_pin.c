/*
 * pin: which clients are pinned to which origin, until when; and an end to that (S20).
 */
#include "admin/cli/prefix.h"
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/object.h"
#include "admin/edit/pins_edit.h"
#include "admin/look/node.h"
#include "zones/compile/compile.h"
#include "zones/dns/idn.h"
#include "zones/steer/pins.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

/* ---- list ---- */

struct listing {
	const struct compiler *compiler;
	const struct steer_lb *lb;
	const struct pool_slots *slots;
	struct json *pins;
};

/* Does the table keep the pin of this client of the load balancer under key, for any list of pools? */
static bool
is_ours(const struct steer_lb *lb, uint64_t key, const struct pin *pin)
{
	uint64_t k = steer_key_of_prefix(lb, &pin->client, pin->prefix);
	const struct steer_overrides *overrides = lb->overrides;

	if (key == steer_pin_key(lb, k, 0))
		return true;
	for (uint32_t i = 0; overrides != NULL && i < overrides->nsets + overrides->nrules; i++) {
		const struct steer_override *one =
		    i < overrides->nsets ? &overrides->sets[i] : &overrides->rules[i - overrides->nsets];

		if (one->parts & PART_POOLS && key == steer_pin_key(lb, k, one->branch))
			return true;
	}
	return false;
}

static const char *
address_of(const struct pool *model, const struct pool_table *table, uint32_t tag)
{
	for (unsigned family = 0; family < TABLE_FAMILIES; family++)
		for (unsigned i = 0; i < table->fallback[family].count; i++)
			if (pin_origin_tag(table->fallback[family].hashes[i]) == tag)
				return model->origins[table->fallback[family].list[i].origin].address;
	return NULL;
}

/* The pool and origin that a pin names, if they still exist. */
static void
put_target(struct json *out, const struct listing *listing, const struct pin *pin)
{
	for (uint32_t i = 0; i < listing->lb->nall; i++) {
		uint32_t slot = listing->lb->pools[i].slot;
		const struct pool_table *table = pool_slot_table(listing->slots, slot);
		const enum health_state *states;
		const struct pool *model;

		if (table == NULL || pin_pool_tag(table->hash) != pin->pool ||
		    (model = compiler_pool(listing->compiler, slot, &states)) == NULL)
			continue;
		json_put_text(out, "pool", model->name);
		json_put_text(out, "origin", address_of(model, table, pin->origin));
		return;
	}
	json_put_text(out, "pool", NULL);
	json_put_text(out, "origin", NULL);
}

static void
list_pin(void *arg, uint64_t key, const struct pin *pin)
{
	struct listing *listing = arg;
	char text[46], prefix[64], until[32];
	struct json *out;

	if (pin->client.family == FAMILY_NONE || !is_ours(listing->lb, key, pin))
		return;
	out = json_new_object();
	snprintf(prefix, sizeof prefix, "%s/%u", address_to_text(&pin->client, text), pin->prefix);
	json_put_text(out, "client", prefix);
	put_target(out, listing, pin);
	wall_text((int64_t)pin->expiry * 1000, until);
	json_put_text(out, "until", until);
	json_put_bool(out, "confirmed", pin->confirmed);
	json_put_bool(out, "differs", pin->differs);
	json_put_bool(out, "proven", pin->proven);
	json_add(listing->pins, out);
}

static void
print_pins(const struct json *pins)
{
	struct table *table = table_new("CLIENT", "POOL", "ORIGIN", "UNTIL", "CONFIRMED", "DIFFERS", NULL);

	for (size_t i = 0; i < json_count(pins); i++) {
		const struct json *pin = json_item(pins, i);
		const char *pool = json_text_of(pin, "pool"), *origin = json_text_of(pin, "origin");

		table_cell(table, COLOUR_NONE, "%s", json_text_of(pin, "client"));
		table_cell(table, COLOUR_NONE, "%s", *pool ? pool : "-");
		table_cell(table, COLOUR_NONE, "%s", *origin ? origin : "-");
		table_cell(table, COLOUR_NONE, "%s", json_text_of(pin, "until"));
		table_cell(
		    table, COLOUR_NONE, "%s", json_truth(json_member(pin, "confirmed")) ? "yes" : "no");
		table_cell(table, COLOUR_NONE, "%s", json_truth(json_member(pin, "differs")) ? "yes" : "no");
	}
	table_print(table, stdout);
	table_free(table);
}

static bool
gather(const struct args *args, struct listing *listing, const uint8_t *name, struct store_txn *config)
{
	struct problems problems = {0};
	struct store *store;
	struct store_txn *health = node_verdicts(args->state, config, &store);
	struct compiler *compiler = compiler_read(config, health, &problems);
	char *path = xasprintf("%s/serving/pins", args->state);
	struct pins *pins = pins_view(path);

	listing->compiler = compiler;
	if (compiler != NULL) {
		listing->lb = snapshot_lb(compiler_snapshot(compiler), name, false);
		listing->slots = compiler_snapshot(compiler)->pools;
	}
	if (listing->lb != NULL && pins != NULL)
		pins_each(pins, listing->lb->share, (uint32_t)(wall_ms() / 1000), list_pin, listing);
	else if (compiler != NULL && listing->lb == NULL)
		problems_error(&problems, "there is no enabled load balancer %s", args->words[1]);
	report_problems(&problems);
	pins_close(pins);
	free(path);
	store_abort(health);
	store_close(store);
	compiler_free(compiler);
	return problems_free(&problems), listing->lb != NULL;
}

static enum exit_code
list(const struct args *args)
{
	struct listing listing = {.pins = json_new_list()};
	uint8_t name[NAME_MAX_LEN];
	struct store *store;
	struct store_txn *config;
	bool good;

	if (idn_name_from_text(name, args->words[1], NULL) == 0)
		return args_misused(args, "%s is not a domain name", args->words[1]);
	name_lower(name, name);
	if (!read_begin(args, &store, &config))
		return EXIT_REFUSED;
	good = config != NULL && gather(args, &listing, name, config);
	read_end(store, config);
	if (good && args->json) {
		print_json(listing.pins);
	} else {
		if (good)
			print_pins(listing.pins);
		json_drop(listing.pins);
	}
	return good ? EXIT_DONE : EXIT_REFUSED;
}

/* ---- clear ---- */

struct clearing {
	const char *lb;
	const char *text;
	struct address client; /* family 0: all */
	uint8_t prefix;
};

/*
 * A client has the keys of S2: that of its ECS prefix, as long as the load balancer wants it or shorter, and
 * that of its resolver's own address.
 */
static bool
clear_client(struct change *change, struct json *stored, const struct clearing *clearing)
{
	bool v4 = clearing->client.family == FAMILY_V4;
	uint8_t own = v4 ? 24 : 48,
		wanted = (uint8_t)json_integer_of(
		    json_member(stored, v4 ? "affinity_prefix_v4" : "affinity_prefix_v6"));
	struct address client = clearing->client;
	uint64_t generation = config_edit_sequence(change->edit);
	bool good;

	steer_truncate(&client, MIN(wanted, clearing->prefix));
	good = pins_edit_clear_client(
	    stored, &client, MIN(wanted, clearing->prefix), generation, &change->problems);
	if (!good || own == MIN(wanted, clearing->prefix) || clearing->prefix < own)
		return good;
	client = clearing->client;
	steer_truncate(&client, own);
	return pins_edit_clear_client(stored, &client, own, generation, &change->problems);
}

static void
clear(struct change *change, void *arg)
{
	const struct clearing *clearing = arg;
	struct json *stored;
	struct id id;
	char *text;

	if (!object_find(change->txn, KIND_LB, clearing->lb, &id, &change->problems) ||
	    (stored = object_read(change->txn, KIND_LB, &id)) == NULL)
		return;
	if (clearing->client.family == FAMILY_NONE)
		pins_edit_clear(stored, config_edit_sequence(change->edit));
	if (clearing->client.family == FAMILY_NONE || clear_client(change, stored, clearing)) {
		const char *name = json_text_of(stored, "name");

		text = json_write(stored, false);
		config_put_object(
		    change->edit, KIND_LB, id.text, name, name, (struct bytes){text, strlen(text)});
		free(text);
		change->message = clearing->client.family == FAMILY_NONE
		    ? xasprintf("load_balancer %s: all pins are cleared", name)
		    : xasprintf("load_balancer %s: the pin of %s is cleared", name, clearing->text);
		change->result = json_new_object();
		json_put_text(change->result, "load_balancer", name);
		json_put_text(change->result, "client", clearing->text);
	}
	json_drop(stored);
}

enum exit_code
cmd_pin(struct args *args)
{
	const char *verb = args_word(args, 0) ? args_word(args, 0) : "";
	struct clearing clearing = {.lb = args_word(args, 1), .text = args_word(args, 2)};

	if (strcmp(verb, "list") != 0 && strcmp(verb, "clear") != 0)
		return args_no_verb(args, verb);
	if (clearing.lb == NULL)
		return args_misused(args, "%s needs a load balancer", verb);
	if (strcmp(verb, "list") == 0)
		return args->count == 2 ? list(args) : args_misused(args, "list takes one load balancer");
	if (args->count > 3)
		return args_misused(args, "clear takes a load balancer and at most one client");
	if (clearing.text != NULL && !prefix_read(clearing.text, &clearing.client, &clearing.prefix))
		return args_misused(
		    args, "%s: not an address or a prefix such as 192.0.2.0/24", clearing.text);
	return command_change(args, clear, &clearing);
}
