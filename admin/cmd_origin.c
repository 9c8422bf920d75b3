#include "assign.h"
#include "commands.h"
#include "object_command.h"

static size_t
find_origin(const struct json *pool, const char *address)
{
	const struct json *origins = json_member(pool, "origins");
	size_t i = 0;

	while (i < json_count(origins) &&
	       !object_same_address(object_text(json_item(origins, i), "address"), address))
		i++;
	return i;
}

struct words {
	const struct args *args;
	struct assign_files files;
};

/* One edit of the list of origins, as the words say: VERB POOL ADDRESS ... */
static bool
edit_origins(struct change *change, struct json *pool, void *arg)
{
	const struct words *words = arg;
	const struct args *args = words->args;
	const char *verb = args->words[0], *address = args->words[2];
	struct document_scope scope = {.txn = change->txn};
	struct assign assign = {.table = assign_origin_table(),
	    .files = &words->files,
	    .scope = &scope,
	    .problems = &change->problems};
	struct json *origins = json_member(pool, "origins"), *origin;
	size_t at = find_origin(pool, address);
	bool exists = at < json_count(origins), good = true;

	if (exists == (strcmp(verb, "add") == 0)) {
		problems_error(&change->problems,
		    exists ? "pool %s has an origin %s already" : "pool %s has no origin %s",
		    object_text(pool, "name"), address);
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
		    address, object_text(pool, "name"));
		return false;
	}
	if (strcmp(verb, "remove") == 0)
		json_remove_item(origins, at);
	else if (strcmp(verb, "enable") == 0 || strcmp(verb, "disable") == 0)
		json_put_bool(origin, "enabled", *verb == 'e');
	else if (strcmp(verb, "force") == 0)
		json_put_text(origin, "forced", args->words[3]);
	else
		for (size_t i = 3; i < args->count; i++)
			good = assign_word(&assign, origin, args->words[i]) && good;
	return good;
}

enum exit_code
cmd_origin(struct args *args)
{
	const char *verb = args_word(args, 0) ? args_word(args, 0) : "";
	bool properties = strcmp(verb, "add") == 0 || strcmp(verb, "set") == 0,
	     force = strcmp(verb, "force") == 0;
	struct words words = {.args = args};
	struct object_edit edit = {KIND_POOL, args_word(args, 1), edit_origins, &words, NULL};
	struct problems problems = {0};
	enum exit_code code = EXIT_REFUSED;

	if (!properties && !force && strcmp(verb, "remove") != 0 && strcmp(verb, "enable") != 0 &&
	    strcmp(verb, "disable") != 0)
		return args_misused(args, *verb ? "there is no \"%s\"" : "what is to be done?", verb);
	if (args->count < 3 || (!properties && args->count != (force ? 4 : 3)))
		return args_misused(
		    args, "%s needs %s", verb, force ? "POOL ADDRESS up|down|none" : "POOL ADDRESS");
	for (size_t i = 3; properties && i < args->count; i++)
		if (!assign_is(args->words[i]))
			return args_misused(args, "\"%s\" is no property: write name=value", args->words[i]);
	if (!properties || assign_read_files(&words.files, args->words + 3, args->count - 3, &problems))
		code = object_edit_run(args, &edit);
	else
		problems_print(&problems, "graycloud", stderr);
	assign_free_files(&words.files);
	problems_free(&problems);
	return code;
}
