/*
 * whatif: clients replayed against a load balancer as it is and as it would be.
 */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/whatif.h"
#include "admin/look/node.h"
#include "zones/dns/idn.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

enum { MOVES_SHOWN = 20, MOVES_ALL = 1000000 };

/* --down and --up. */
static void
read_forced(const struct args *args, struct whatif *whatif)
{
	for (size_t i = 0; i < args->nown; i++) {
		const struct args_option *option = &args->own[i];

		if (strcmp(option->name, "down") == 0)
			whatif_force(whatif, "--down", option->value, FORCED_DOWN);
		else if (strcmp(option->name, "up") == 0)
			whatif_force(whatif, "--up", option->value, FORCED_UP);
	}
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
	if (json_text(json_member(result, "waiting")) != NULL)
		printf("note: %s\n", json_text_of(result, "waiting"));
	if (json_truth(json_member(result, "signed")))
		printf("the zone is signed: the sets that are new are signed after the change, and clients "
		       "that ask for "
		       "signatures get one address until then\n");
}

enum exit_code
cmd_whatif(struct args *args)
{
	struct whatif whatif = {
	    .prune = args_flag(args, "prune"), .moves = args->json ? MOVES_ALL : MOVES_SHOWN};
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
	read_forced(args, &whatif);
	whatif.geo = node_place(args->state, &whatif.site);
	if (args_value(args, "geoip") != NULL)
		whatif.other_geo = geo_open((const char *[]){args_value(args, "geoip")}, 1, &problems);
	if (problems.errors == 0 && replay_read(&whatif.clients, args->words[1], &problems) &&
	    (document == NULL ||
		(whatif.application =
			application_read(document, args_flag(args, "unsigned-ok"), &problems)) != NULL))
		code = command_change_run(&dry, false, whatif_change, &whatif, &outcome);
	report_problems(&problems);
	if (code == EXIT_DONE && args->json)
		print_json(outcome.result);
	else if (code == EXIT_DONE)
		print_result(outcome.result);
	if (code == EXIT_DONE && args->json)
		outcome.result = NULL; /* it was printed, and dropped */
	change_outcome_free(&outcome);
	whatif_free(&whatif);
	problems_free(&problems);
	return code;
}
