/* origin: one origin of a pool, or an address in all pools. */
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"
#include "admin/edit/assign.h"
#include "admin/edit/intervene.h"
#include "admin/edit/object.h"

struct words {
	const struct args *args;
	struct assign_files files;
	const char *address;
};

/* One edit of the list of origins, by the words: VERB POOL ADDRESS ... */
static bool
edit_origins(struct change *change, struct json *pool, void *arg)
{
	const struct words *words = arg;
	const struct args *args = words->args;
	const char *verb = args->words[0], *address = words->address;
	struct document_scope scope = {.txn = change->txn};
	struct assign assign = {.table = assign_origin_table(),
	    .files = &words->files,
	    .scope = &scope,
	    .problems = &change->problems};
	struct json *origins = json_member(pool, "origins"), *origin;
	size_t at = intervene_find_origin(pool, address);
	bool exists = at < json_count(origins), good = true;

	if (exists == (strcmp(verb, "add") == 0)) {
		problems_error(&change->problems,
		    exists ? "pool %s has an origin %s already" : "pool %s has no origin %s",
		    json_text_of(pool, "name"), address);
		return false;
	}
	if (!exists) {
		json_add(origins, json_new_object());
		json_put_text(json_item(origins, at), "address", address);
	}
	origin = json_item(origins, at);
	if (strcmp(verb, "remove") == 0 && json_count(origins) == 1) {
		problems_error(&change->problems,
		    "%s is the only origin of pool %s: a pool has one at least; delete the pool, or "
		    "disable the origin",
		    address, json_text_of(pool, "name"));
		return false;
	}
	if (strcmp(verb, "remove") == 0)
		json_remove_item(origins, at);
	else
		for (size_t i = 3; i < args->count; i++)
			good = assign_word(&assign, origin, args->words[i]) && good;
	return good;
}

/* enable, disable, force: in a pool, or in all that have the address. */
static enum exit_code
run_intervention(const struct args *args, const char *verb, bool all)
{
	struct intervene intervene = {.what = *verb == 'e' ? INTERVENE_ENABLE
		: *verb == 'd'                             ? INTERVENE_DISABLE
							   : INTERVENE_FORCE,
	    .kind = KIND_POOL,
	    .name = all ? NULL : args->words[1],
	    .address = args->words[all ? 1 : 2],
	    .forced = args_word(args, all ? 2 : 3)};

	if (args_value(args, "for") != NULL && intervene.what == INTERVENE_ENABLE)
		return args_misused(args, "--for is for disable and force");
	if (args_value(args, "for") != NULL && !object_until(args, &intervene.until))
		return EXIT_USAGE;
	return command_change(args, intervene_change, &intervene);
}

/* add, set, remove: one origin of a pool. */
static enum exit_code
run_edit(const struct args *args, bool properties)
{
	struct words words = {.args = args, .address = args->words[2]};
	struct object_edit edit = {KIND_POOL, args->words[1], edit_origins, &words, NULL};
	struct problems problems = {0};
	enum exit_code code = EXIT_REFUSED;

	if (args_value(args, "for") != NULL)
		return args_misused(args, "--for is for disable and force");
	for (size_t i = 3; properties && i < args->count; i++)
		if (!assign_is(args->words[i]))
			return args_misused(
			    args, "\"%s\" is not a property: write name=value", args->words[i]);
	if (!properties || assign_read_files(&words.files, args->words + 3, args->count - 3, &problems))
		code = object_edit_run(args, &edit);
	else
		report_problems(&problems);
	assign_free_files(&words.files);
	problems_free(&problems);
	return code;
}

enum exit_code
cmd_origin(struct args *args)
{
	const char *verb = args_word(args, 0) ? args_word(args, 0) : "";
	bool properties = strcmp(verb, "add") == 0 || strcmp(verb, "set") == 0,
	     force = strcmp(verb, "force") == 0, remove = strcmp(verb, "remove") == 0,
	     all = args_flag(args, "all-pools");
	size_t place = all ? 1 : 2; /* of the address */

	if (!properties && !force && !remove && strcmp(verb, "enable") != 0 && strcmp(verb, "disable") != 0)
		return args_no_verb(args, verb);
	if (all && (properties || remove))
		return args_misused(args, "--all-pools is for enable, disable and force");
	if (args->count < place + 1 || (!properties && args->count != place + (force ? 2 : 1)))
		return args_misused(args, "%s needs %s%s", verb, all ? "ADDRESS" : "POOL ADDRESS",
		    force ? " up|down|none" : "");
	return properties || remove ? run_edit(args, properties) : run_intervention(args, verb, all);
}
