/* origin: one origin of a pool, or an address in all pools. */
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"
#include "admin/edit/assign.h"
#include "admin/edit/object.h"
#include "zones/base/array.h"

#include <ctype.h>
#include <stdlib.h>

static size_t
find_origin(const struct json *pool, const char *address)
{
	const struct json *origins = json_member(pool, "origins");
	size_t i = 0;

	while (i < json_count(origins) &&
	    !object_same_address(json_text_of(json_item(origins, i), "address"), address))
		i++;
	return i;
}

struct words {
	const struct args *args;
	struct assign_files files;
	const char *address, *forced;
	struct until until; /* --for */
};

/* One edit of the list of origins, as the words say: VERB POOL ADDRESS ... */
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
	size_t at = find_origin(pool, address);
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
	else if (strcmp(verb, "enable") == 0 || strcmp(verb, "disable") == 0) {
		if (words->until.wall[0] == '\0')
			json_put_bool(origin, "enabled", *verb == 'e');
		object_put_until(origin, "disabled_until", &words->until);
	} else if (strcmp(verb, "force") == 0) {
		json_put_text(origin, "forced", words->forced);
		object_put_until(origin, "forced_until", &words->until);
	} else
		for (size_t i = 3; i < args->count; i++)
			good = assign_word(&assign, origin, args->words[i]) && good;
	return good;
}

/* --all-pools: the same edit in every pool that has the address. */
struct holders {
	struct id *ids;
	size_t count;
};

static bool
add_holder(void *arg, enum kind kind, const struct id *id, struct bytes text)
{
	struct holders *holders = arg;

	(void)kind;
	(void)text;
	holders->ids = array_grow(holders->ids, holders->count, sizeof *id);
	holders->ids[holders->count++] = *id;
	return true;
}

/* Documents keep addresses in one form, and hostnames in lower case without a final dot. */
static char *
stored_form(const char *word)
{
	struct address address;
	char text[46], *host;
	size_t len = strlen(word);

	if (address_from_text(&address, word))
		return xstrdup(address_to_text(&address, text));
	host = xasprintf("%.*s", (int)(len - (len > 0 && word[len - 1] == '.')), word);
	for (char *at = host; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return host;
}

static void
edit_all_pools(struct change *change, void *arg)
{
	struct words *words = arg;
	char *address = stored_form(words->address);
	struct holders holders = {0};
	struct document_scope scope = {.txn = change->txn};

	config_each_pool_of_address(change->txn, address, add_holder, &holders);
	for (size_t i = 0; i < holders.count; i++) {
		struct json *stored = object_read(change->txn, KIND_POOL, &holders.ids[i]);
		struct json *document = document_show(KIND_POOL, stored, &scope, DOCUMENT_EXPORT);
		struct id id;

		if (edit_origins(change, document, words))
			object_put(change, KIND_POOL, document, &holders.ids[i], OBJECT_REPLACE, NULL, &id);
		json_drop(document);
		json_drop(stored);
	}
	if (holders.count == 0)
		problems_error(&change->problems, "no pool has an origin %s", words->address);
	change->message = xasprintf("origin %s: %s in %zu pools", words->address,
	    config_edit_changed(change->edit) ? "changed" : "as before", holders.count);
	free(holders.ids);
	free(address);
}

enum exit_code
cmd_origin(struct args *args)
{
	const char *verb = args_word(args, 0) ? args_word(args, 0) : "";
	bool properties = strcmp(verb, "add") == 0 || strcmp(verb, "set") == 0,
	     force = strcmp(verb, "force") == 0, all = args_flag(args, "all-pools");
	size_t place = all ? 1 : 2; /* of the address */
	struct words words = {
	    .args = args, .address = args_word(args, place), .forced = args_word(args, place + 1)};
	struct object_edit edit = {KIND_POOL, args_word(args, 1), edit_origins, &words, NULL};
	struct problems problems = {0};
	enum exit_code code = EXIT_REFUSED;

	if (!properties && !force && strcmp(verb, "remove") != 0 && strcmp(verb, "enable") != 0 &&
	    strcmp(verb, "disable") != 0)
		return args_no_verb(args, verb);
	if (all && (properties || strcmp(verb, "remove") == 0))
		return args_misused(args, "--all-pools is for enable, disable and force");
	if (args->count < place + 1 || (!properties && args->count != place + (force ? 2 : 1)))
		return args_misused(args, "%s needs %s%s", verb, all ? "ADDRESS" : "POOL ADDRESS",
		    force ? " up|down|none" : "");
	if (args_value(args, "for") != NULL && !force && strcmp(verb, "disable") != 0)
		return args_misused(args, "--for is for disable and force");
	if (args_value(args, "for") != NULL && !object_until(args, &words.until))
		return EXIT_USAGE;
	if (all)
		return command_change(args, edit_all_pools, &words);
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
