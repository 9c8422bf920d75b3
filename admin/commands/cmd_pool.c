/* pool: pools and their origins. */
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"
#include "admin/look/node.h"
#include "admin/look/resolution.h"

#include <stdlib.h>

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
	table_cell(table, COLOUR_NONE, "%s", json_text_of(pool, "name"));
	table_cell(table, enabled ? COLOUR_NONE : COLOUR_UNSURE, "%s", enabled ? "yes" : "no");
	if (usable == json_count(origins))
		table_cell(table, COLOUR_NONE, "%zu", usable);
	else
		table_cell(table, COLOUR_UNSURE, "%zu of %zu enabled", usable, json_count(origins));
	table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(pool, "minimum_origins")));
	if (*json_text_of(pool, "monitor_group") != '\0')
		table_cell(table, COLOUR_NONE, "group %s", json_text_of(pool, "monitor_group"));
	else
		table_cell(table, COLOUR_NONE, "%s",
		    *json_text_of(pool, "monitor") ? json_text_of(pool, "monitor") : "-");
	table_cell(table, COLOUR_NONE, "%s", json_text_of(pool, "description"));
}

/* S16: a hostname, its addresses and the state of each. */
static void
print_hostname(FILE *out, struct store_txn *health, const struct pool *pool, struct origin *origin)
{
	struct name_record record;
	bool looked_up = health != NULL && name_get(health, origin->address, &record);
	enum health_state state = resolution_of(health, pool, origin);
	char *text = resolution_text(looked_up ? &record : NULL, wall_ms()), address[46];

	fprintf(out, "\n%s: %s; %s\n", origin->address, health_state_text(state), text);
	for (unsigned i = 0; origin->resolved != NULL && i < origin->resolved->count; i++)
		fprintf(out, "  %s %s\n", address_to_text(&origin->resolved->list[i].address, address),
		    origin->resolved->gone ? "last known"
					   : health_state_text(origin->resolved->list[i].state));
	free(text);
}

static void
more(FILE *out, const struct args *args, struct store_txn *txn, const struct id *id)
{
	struct pool *pool = config_pool(txn, id->text);
	struct store *store;
	struct store_txn *health = node_verdicts(args->state, txn, &store);

	for (size_t i = 0; pool != NULL && i < pool->norigins; i++)
		if (origin_is_hostname(&pool->origins[i]))
			print_hostname(out, health, pool, &pool->origins[i]);
	model_free_pool(pool);
	store_abort(health);
	store_close(store);
}

enum exit_code
cmd_pool(struct args *args)
{
	static const struct object_command command = {KIND_POOL, true, NULL, titles, row, more};

	return object_command_run(&command, args);
}
