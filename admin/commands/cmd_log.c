#include "admin/cli/print.h"
#include "admin/cli/when.h"
#include "admin/commands/commands.h"
#include "admin/edit/change.h"
#include "admin/look/history.h"

#include <stdlib.h>

static void
print_history(const struct json *entries)
{
	struct table *table = table_new("SEQUENCE", "TIME", "WHO", "CHANGES", "COMMAND", "REASON", NULL);

	for (size_t i = 0; i < json_count(entries); i++) {
		const struct json *entry = json_item(entries, i);
		char *changes = history_changes_text(json_member(entry, "changes"));

		table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(entry, "sequence")));
		table_cell(table, COLOUR_NONE, "%.19sZ", json_text(json_member(entry, "time")));
		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(entry, "who")));
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
	int64_t at = INT64_MIN;
	struct store_txn *txn;
	struct json *entries;
	const char *since = args_value(args, "since");
	struct store *store;

	if (args->count != 0)
		return args_misused(args, "log takes no words");
	if (since != NULL && !when_read(since, &at))
		return args_misused(args,
		    "--since \"%s\": it takes a time such as 2026-11-20T12:00:00Z, a date, or how long ago: "
		    "90s, 30m, 2h, 7d",
		    since);
	if (!read_begin(args, &store, &txn))
		return EXIT_REFUSED;
	entries = txn != NULL ? history_read(txn, 0, at) : json_new_list();
	read_end(store, txn);
	if (args->json) {
		print_json(entries);
		return EXIT_DONE;
	}
	print_history(entries);
	json_drop(entries);
	return EXIT_DONE;
}
