#include "commands.h"
#include "object_command.h"

static struct table *
titles(void)
{
	return table_new("NAME", "MEMBERS", "DESCRIPTION", NULL);
}

static void
row(struct table *table, const struct json *group)
{
	table_cell(table, COLOUR_NONE, "%s", object_text(group, "name"));
	table_cell(table, COLOUR_NONE, "%zu", json_count(json_member(group, "members")));
	table_cell(table, COLOUR_NONE, "%s", object_text(group, "description"));
}

enum exit_code
cmd_monitor_group(struct args *args)
{
	static const struct object_command command = {KIND_MONITOR_GROUP, false, titles, row, NULL};

	return object_command_run(&command, args);
}
