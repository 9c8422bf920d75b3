/* log: the commands that changed the configuration. */
#include "admin/cli/print.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/look/filter.h"
#include "admin/look/history.h"

#include <stdlib.h>

/* S96: was any command given on a node of a cluster? */
static bool
have_nodes(const struct json *entries)
{
	for (size_t i = 0; i < json_count(entries); i++)
		if (json_member(json_item(entries, i), "node") != NULL)
			return true;
	return false;
}

static void
print_history(const struct json *entries)
{
	bool nodes = have_nodes(entries);
	struct table *table = nodes
	    ? table_new("SEQUENCE", "TIME", "WHO", "WHERE", "CHANGES", "COMMAND", "REASON", NULL)
	    : table_new("SEQUENCE", "TIME", "WHO", "CHANGES", "COMMAND", "REASON", NULL);

	for (size_t i = 0; i < json_count(entries); i++) {
		const struct json *entry = json_item(entries, i);
		char *changes = history_changes_text(json_member(entry, "changes"));

		table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(entry, "sequence")));
		table_cell(table, COLOUR_NONE, "%.19sZ", json_text(json_member(entry, "time")));
		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(entry, "who")));
		if (nodes)
			table_cell(table, COLOUR_NONE, "%s", json_text_of(entry, "node"));
		table_cell(table, COLOUR_NONE, "%s", changes);
		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(entry, "command")));
		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(entry, "reason")));
		free(changes);
	}
	table_print(table, stdout);
	table_free(table);
}

enum exit_code
cmd_log(struct args *args)
{
	struct filter filter;
	struct store_txn *txn;
	struct json *entries;
	struct store *store;

	if (args->count != 0)
		return args_misused(args, "log takes no words");
	if (filter_read(args, &filter) != EXIT_DONE)
		return EXIT_USAGE;
	if (!read_begin(args, &store, &txn))
		return EXIT_REFUSED;
	entries = txn != NULL ? history_read(txn, 0, &filter) : json_new_list();
	read_end(store, txn);
	if (args->json) {
		print_json(entries);
		return EXIT_DONE;
	}
	print_history(entries);
	json_drop(entries);
	return EXIT_DONE;
}
