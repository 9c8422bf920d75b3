/* node: the nodes of the roster (S90). */
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"

#include <stdlib.h>

static struct table *
titles(void)
{
	return table_new("NAME", "SITE", "REGION", "VOTES", "ADDRESSES", "DESCRIPTION", NULL);
}

static void
row(struct table *table, const struct json *node)
{
	const char *region = json_text_of(node, "region");
	char *addresses = object_list_text(json_member(node, "addresses"));

	table_cell(table, COLOUR_NONE, "%s", json_text_of(node, "name"));
	table_cell(table, COLOUR_NONE, "%s", json_text_of(node, "site"));
	table_cell(table, COLOUR_NONE, "%s", *region != '\0' ? region : "-");
	table_cell(table, COLOUR_NONE, "%s", json_truth(json_member(node, "votes")) ? "yes" : "no");
	table_cell(table, COLOUR_NONE, "%s", addresses);
	table_cell(table, COLOUR_NONE, "%s", json_text_of(node, "description"));
	free(addresses);
}

enum exit_code
cmd_node(struct args *args)
{
	static const struct object_command command = {
	    .kind = KIND_NODE, .delete_verb = "remove", .titles = titles, .row = row};

	return object_command_run(&command, args);
}
