/* monitor: how origins are checked. */
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"

#include <stdlib.h>

static struct table *
titles(void)
{
	return table_new(
	    "NAME", "TYPE", "PORT", "ASKS", "INTERVAL", "TIMEOUT", "RETRIES", "DOWN", "UP", NULL);
}

/* The target of its checks; freed by the caller. */
static char *
asks(const struct json *monitor)
{
	const char *program = json_text(json_item(json_member(monitor, "command"), 0));

	if (*json_text_of(monitor, "dns_name") != '\0')
		return xasprintf(
		    "%s %s", json_text_of(monitor, "dns_name"), json_text_of(monitor, "dns_type"));
	if (program != NULL)
		return xstrdup(program);
	if (json_truth(json_member(monitor, "starttls")))
		return xstrdup("STARTTLS");
	return xstrdup(*json_text_of(monitor, "path") ? json_text_of(monitor, "path") : "-");
}

static void
row(struct table *table, const struct json *monitor)
{
	static const char *const numbers[] = {"retries", "consecutive_down", "consecutive_up"};
	enum monitor_type type = monitor_type_of(json_text_of(monitor, "type"));
	long long port = json_integer_of(json_member(monitor, "port"));
	char *asked = asks(monitor);

	if (port == 0 && type < MONITOR_TYPE_COUNT)
		port = monitor_kind(type)->port;
	table_cell(table, COLOUR_NONE, "%s", json_text_of(monitor, "name"));
	table_cell(table, COLOUR_NONE, "%s", json_text_of(monitor, "type"));
	if (port > 0)
		table_cell(table, COLOUR_NONE, "%lld", port);
	else
		table_cell(table, COLOUR_NONE, "-");
	table_cell(table, COLOUR_NONE, "%s", asked);
	free(asked);
	table_cell(table, COLOUR_NONE, "%lld s", json_integer_of(json_member(monitor, "interval")));
	table_cell(table, COLOUR_NONE, "%g s", json_number_of(json_member(monitor, "timeout")));
	for (size_t i = 0; i < NITEMS(numbers); i++)
		table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(monitor, numbers[i])));
}

static void
more(FILE *out, const struct args *args, struct store_txn *txn, const struct id *id)
{
	struct monitor *monitor = config_monitor(txn, id->text);

	(void)args;
	if (monitor != NULL) /* S23 */
		fprintf(out, "\nan origin that dies is known to be down after at most %g s\n",
		    (double)monitor_failover_ms(monitor) / 1000);
	model_free_monitor(monitor);
}

enum exit_code
cmd_monitor(struct args *args)
{
	static const struct object_command command = {KIND_MONITOR, false, NULL, titles, row, more};

	return object_command_run(&command, args);
}
