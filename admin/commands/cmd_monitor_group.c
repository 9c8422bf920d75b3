/* monitor_group: monitors that vote together. */
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"

#include <stdlib.h>

static struct table *
titles(void)
{
	return table_new("NAME", "MEMBERS", "DESCRIPTION", NULL);
}

static void
row(struct table *table, const struct json *group)
{
	const struct json *members = json_member(group, "members");
	char *text = xstrdup("");

	for (size_t i = 0; i < json_count(members); i++) {
		const struct json *member = json_item(members, i);
		const char *how = !json_truth(json_member(member, "enabled")) ? " (disabled)"
		    : json_truth(json_member(member, "monitoring_only"))      ? " (monitoring only)"
		    : json_truth(json_member(member, "must_be_healthy"))      ? " (must be healthy)"
									      : "";
		char *longer =
		    xasprintf("%s%s%s%s", text, i > 0 ? ", " : "", json_text_of(member, "monitor_id"), how);

		free(text);
		text = longer;
	}
	table_cell(table, COLOUR_NONE, "%s", json_text_of(group, "name"));
	table_cell(table, COLOUR_NONE, "%s", text);
	free(text);
	table_cell(table, COLOUR_NONE, "%s", json_text_of(group, "description"));
}

enum exit_code
cmd_monitor_group(struct args *args)
{
	static const struct object_command command = {KIND_MONITOR_GROUP, false, NULL, titles, row, NULL};

	return object_command_run(&command, args);
}
