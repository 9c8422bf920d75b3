/*
 * whatif: clients replayed against a load balancer as it is and as it would be.
 */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/apply.h"
#include "admin/explain/replay.h"
#include "admin/look/node.h"
#include "zones/dns/idn.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

enum { MOVES_SHOWN = 20, MOVES_ALL = 1000000 };

struct whatif {
	const struct args *args;
	uint8_t name[NAME_MAX_LEN];
	struct replay_clients clients;
	struct geo *geo, *other_geo; /* of the nameserver, and --geoip's */
	struct steer_site site;
	struct application *application; /* --apply; NULL: none */
	struct json *result;
};

/* --down and --up. */
static void
force_origins(const struct args *args, struct change *change, struct compiler *after)
{
	static const struct {
		const char *option;
		enum forced forced;
	} rows[] = {{"down", FORCED_DOWN}, {"up", FORCED_UP}};

	for (size_t i = 0; i < args->nown; i++)
		for (size_t r = 0; r < NITEMS(rows); r++) {
			const struct args_option *option = &args->own[i];
			if (strcmp(option->name, rows[r].option) != 0)
				continue;
			if (compiler_force(after, option->value, rows[r].forced) == 0)
				problems_error(&change->problems, "--%s %s: no pool has that origin",
				    option->name, option->value);
		}
}

/* Runs in a transaction that is never committed. */
static void
compare(struct change *change, void *arg)
{
	struct whatif *whatif = arg;
	struct compiler *before = compiler_read(change->txn, change->health, &change->problems),
			*after = NULL;

	if (before != NULL && whatif->application != NULL)
		application_apply(change, whatif->application, args_flag(whatif->args, "prune"));
	/* The messages of apply are dropped. */
	free(change->message);
	json_drop(change->result);
	change->message = NULL;
	change->result = NULL;
	if (before != NULL && change->problems.errors == 0)
		after = compiler_read(change->txn, change->health, &change->problems);
	if (after != NULL)
		force_origins(whatif->args, change, after);
	if (after != NULL && change->problems.errors == 0) {
		json_drop(whatif->result);
		struct replay_place places[2] = {{whatif->geo, &whatif->site},
		    {whatif->other_geo != NULL ? whatif->other_geo : whatif->geo, &whatif->site}};

		whatif->result = replay_compare(before, after, places, whatif->name, &whatif->clients,
		    whatif->args->json ? MOVES_ALL : MOVES_SHOWN, &change->problems);
	}
	compiler_free(before);
	compiler_free(after);
}

static void
print_result(const struct json *result)
{
	const struct json *origins = json_member(result, "origins"), *moves = json_member(result, "moves");
	struct table *table = table_new("POOL", "ORIGIN", "BEFORE", "AFTER", NULL);

	for (size_t i = 0; i < json_count(origins); i++) {
		const struct json *origin = json_item(origins, i);

		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(origin, "pool")));
		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(origin, "address")));
		table_cell(
		    table, COLOUR_NONE, "%.2f %%", 100 * json_number_of(json_member(origin, "before")));
		table_cell(table, COLOUR_NONE, "%.2f %%", 100 * json_number_of(json_member(origin, "after")));
	}
	table_print(table, stdout);
	table_free(table);
	printf("\n%.2f %% of %.0f clients move\n", 100 * json_number_of(json_member(result, "moved")),
	    json_number_of(json_member(result, "clients")));
	for (size_t i = 0; i < json_count(moves); i++) {
		const struct json *move = json_item(moves, i);

		printf("  %s: %s -> %s\n", json_text(json_member(move, "client")),
		    json_text(json_member(move, "from")), json_text(json_member(move, "to")));
	}
	if (json_count(moves) == MOVES_SHOWN)
		printf("  ... (--json shows all)\n");
}

enum exit_code
cmd_whatif(struct args *args)
{
	struct whatif whatif = {.args = args};
	struct args dry = *args;
	struct change_outcome outcome = {.done = false};
	struct problems problems = {0};
	enum exit_code code = EXIT_REFUSED;
	const char *document = args_value(args, "apply");

	if (args->count != 2)
		return args_misused(args, "whatif takes the name of a load balancer and a file of clients");
	if (idn_name_from_text(whatif.name, args->words[0], NULL) == 0)
		return args_misused(args, "%s is not a domain name", args->words[0]);
	dry.dry_run = true;
	whatif.geo = node_place(args->state, &whatif.site);
	if (args_value(args, "geoip") != NULL)
		whatif.other_geo = geo_open((const char *[]){args_value(args, "geoip")}, 1, &problems);
	if (problems.errors == 0 && replay_read(&whatif.clients, args->words[1], &problems) &&
	    (document == NULL ||
		(whatif.application =
			application_read(document, args_flag(args, "unsigned-ok"), &problems)) != NULL))
		code = command_change_run(&dry, false, compare, &whatif, &outcome);
	report_problems(&problems);
	if (code == EXIT_DONE && args->json)
		print_json(whatif.result);
	else if (code == EXIT_DONE)
		print_result(whatif.result);
	if (code != EXIT_DONE || !args->json)
		json_drop(whatif.result);
	change_outcome_free(&outcome);
	application_free(whatif.application);
	geo_free(whatif.geo);
	geo_free(whatif.other_geo);
	replay_free(&whatif.clients);
	problems_free(&problems);
	return code;
}
