#include "commands.h"
#include "object_command.h"

static struct table *
titles(void)
{
	return table_new("NAME", "ENABLED", "ORIGINS", "MINIMUM", "MONITOR", "DESCRIPTION", NULL);
}

static void
row(struct table *table, const struct json *pool)
{
	const struct json *origins = json_member(pool, "origins");
	bool enabled = json_truth(json_member(pool, "enabled"));
	size_t usable = 0;

	for (size_t i = 0; i < json_count(origins); i++)
		usable += json_truth(json_member(json_item(origins, i), "enabled"));
	table_cell(table, COLOUR_NONE, "%s", object_text(pool, "name"));
	table_cell(table, enabled ? COLOUR_NONE : COLOUR_UNSURE, "%s", enabled ? "yes" : "no");
	if (usable == json_count(origins))
		table_cell(table, COLOUR_NONE, "%zu", usable);
	else
		table_cell(table, COLOUR_UNSURE, "%zu of %zu enabled", usable, json_count(origins));
	table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(pool, "minimum_origins")));
	table_cell(
	    table, COLOUR_NONE, "%s", *object_text(pool, "monitor") ? object_text(pool, "monitor") : "-");
	table_cell(table, COLOUR_NONE, "%s", object_text(pool, "description"));
}

enum exit_code
cmd_pool(struct args *args)
{
	static const struct object_command command = {KIND_POOL, true, titles, row, NULL};

	return object_command_run(&command, args);
}
