#include "admin/commands/object_command.h"

#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/edit/effects.h"

#include "admin/cli/spool.h"
#include "admin/cli/when.h"
#include "admin/edit/assign.h"
#include "zones/base/text.h"

#include <stdlib.h>

char *
object_list_text(const struct json *list)
{
	char *text;
	size_t len;
	FILE *out = text_stream(&text, &len);

	for (size_t i = 0; i < json_count(list); i++)
		fprintf(out, "%s%s", i > 0 ? ", " : "",
		    json_text(json_item(list, i)) ? json_text(json_item(list, i)) : "...");
	fclose(out);
	return text;
}

/* ---- list ---- */

struct listing {
	const struct object_command *command;
	struct document_scope scope;
	struct table *table; /* or, for --json, */
	struct spool *spool;
	uint64_t left; /* objects that are still wanted */
};

static bool
list_object(void *arg, const struct id *id, struct bytes text)
{
	struct listing *listing = arg;
	struct json *stored, *shown;

	(void)id;
	if (listing->left-- == 0)
		return false;
	if ((stored = json_read_quietly(text)) == NULL)
		return true;
	shown = document_show(listing->command->kind, stored, &listing->scope,
	    listing->spool != NULL ? DOCUMENT_API : DOCUMENT_PEOPLE);
	json_drop(stored);
	if (listing->spool != NULL)
		spool_put(listing->spool, NULL, shown);
	else {
		listing->command->row(listing->table, shown);
		json_drop(shown);
	}
	return true;
}

/* One object at a time is in memory: there may be very many. */
static enum exit_code
run_list(const struct object_command *command, const struct args *args)
{
	struct listing listing = {
	    .command = command, .scope.secrets = args_flag(args, "secrets"), .left = UINT64_MAX};
	const char *after = args_value(args, "after"), *limit = args_value(args, "limit");
	struct store *store;

	if (limit != NULL && (!whole_from_text(limit, UINT32_MAX, &listing.left) || listing.left == 0))
		return args_misused(args, "--limit takes a number from 1, not \"%s\"", limit);
	if (!read_begin(args, &store, &listing.scope.txn))
		return EXIT_REFUSED;
	if (args->json) {
		listing.spool = spool_new();
		spool_open(listing.spool, NULL, '[');
	} else
		listing.table = command->titles();
	if (listing.scope.txn != NULL)
		config_each_object_after(
		    listing.scope.txn, command->kind, after != NULL ? after : "", list_object, &listing);
	read_end(store, listing.scope.txn);
	if (args->json) {
		spool_close(listing.spool);
		spool_print(listing.spool);
	} else {
		table_print(listing.table, stdout);
		table_free(listing.table);
	}
	return EXIT_DONE;
}

/* ---- show ---- */

static void print_value(FILE *out, const struct json *value);

static void
print_members(FILE *out, const struct json *object)
{
	const char *before = "";
	char *text;

	for (const char *key = json_next_key(object, NULL); key != NULL; key = json_next_key(object, key)) {
		if (json_is_empty(json_member(object, key)))
			continue;
		text = print_clean(xstrdup(key)); /* of a header, too */
		fprintf(out, "%s%s=", before, text);
		free(text);
		print_value(out, json_member(object, key));
		before = "  ";
	}
}

static void
print_value(FILE *out, const struct json *value)
{
	char *text;

	switch (json_kind(value)) {
	case JSON_KIND_TEXT:
		text = print_clean(xstrdup(json_text(value)));
		fputs(text, out);
		free(text);
		return;
	case JSON_KIND_LIST:
		for (size_t i = 0; i < json_count(value); i++) {
			fputs(i > 0 ? "," : "", out);
			print_value(out, json_item(value, i));
		}
		return;
	case JSON_KIND_OBJECT:
		print_members(out, value);
		return;
	case JSON_KIND_NULL:
		return;
	default:
		text = print_clean(json_write(value, false));
		fputs(text, out);
		free(text);
	}
}

/* One line a property, and below `origins` one line an origin, its properties as they are typed. */
static void
print_object(FILE *out, const struct json *object)
{
	int width = 0;

	for (const char *key = json_next_key(object, NULL); key != NULL; key = json_next_key(object, key))
		width = MAX(width, (int)strlen(key));
	for (const char *key = json_next_key(object, NULL); key != NULL; key = json_next_key(object, key)) {
		const struct json *value = json_member(object, key);
		bool origins = strcmp(key, "origins") == 0;

		if (json_is_empty(value))
			continue;
		fprintf(out, "%-*s  ", width, key);
		if (origins)
			for (size_t i = 0; i < json_count(value); i++) {
				if (i > 0)
					fprintf(out, "\n%*s  ", width, "");
				print_members(out, json_item(value, i));
			}
		else
			print_value(out, value);
		fputc('\n', out);
	}
}

static enum exit_code
run_show(const struct object_command *command, const struct args *args)
{
	struct document_scope scope = {.secrets = args_flag(args, "secrets")};
	struct problems problems = {0};
	struct store *store;
	struct json *stored, *shown = NULL;
	struct id id;
	char *text = NULL;
	size_t len;
	FILE *out;

	if (!read_begin(args, &store, &scope.txn))
		return EXIT_REFUSED;
	if (object_find(scope.txn, command->kind, args->words[1], &id, &problems)) {
		stored = object_read(scope.txn, command->kind, &id);
		shown =
		    document_show(command->kind, stored, &scope, args->json ? DOCUMENT_API : DOCUMENT_PEOPLE);
		effects_warn(command->kind, stored, scope.txn, &problems);
		json_drop(stored);
		out = text_stream(&text, &len);
		print_object(out, shown);
		if (command->more != NULL && !args->json)
			command->more(out, args, scope.txn, &id);
		fclose(out);
	}
	read_end(store, scope.txn);
	report_problems(&problems);
	problems_free(&problems);
	if (shown == NULL)
		return EXIT_REFUSED;
	if (args->json)
		print_json(shown);
	else {
		fputs(text, stdout);
		json_drop(shown);
	}
	free(text);
	return EXIT_DONE;
}

/* ---- create, replace, set ---- */

/* A command with assignments. */
struct words {
	const struct args *args;
	enum kind kind;
	struct assign_files files;
};

static void
assign_all(struct change *change, const struct words *words, struct json *document)
{
	const struct args *args = words->args;
	struct document_scope scope = {.txn = change->txn};
	struct assign assign = {.table = schema_of(words->kind),
	    .files = &words->files,
	    .scope = &scope,
	    .problems = &change->problems};

	for (size_t i = 2; i < args->count; i++)
		assign_word(&assign, document, args->words[i]);
}

static void
create_object(struct change *change, void *arg)
{
	const struct words *words = arg;
	struct json *document = json_new_object();
	struct id id;

	json_put_text(document, "name", words->args->words[1]);
	/* All faults at once: the words' and the document's. */
	assign_all(change, words, document);
	if (object_put(change, words->kind, document, NULL, OBJECT_CREATE, NULL, &id))
		object_tell(change, words->kind, &id, "created");
	json_drop(document);
}

static void
replace_object(struct change *change, void *arg)
{
	const struct words *words = arg;
	struct json *document = json_new_object(), *stored;
	struct id id;

	if (object_find(change->txn, words->kind, words->args->words[1], &id, &change->problems)) {
		stored = object_read(change->txn, words->kind, &id);
		json_put_text(document, "name", json_text_of(stored, "name"));
		json_drop(stored);
		assign_all(change, words, document);
		if (object_put(change, words->kind, document, &id, OBJECT_REPLACE, NULL, &id))
			object_tell(change, words->kind, &id, "replaced");
	}
	json_drop(document);
}

static void
edit_object(struct change *change, void *arg)
{
	struct object_edit *edit = arg;
	struct document_scope scope = {.txn = change->txn};
	struct json *stored, *document;
	struct id id;

	if (!object_find(change->txn, edit->kind, edit->name, &id, &change->problems))
		return;
	stored = object_read(change->txn, edit->kind, &id);
	document = document_show(edit->kind, stored, &scope, DOCUMENT_EXPORT);
	if (edit->fn(change, document, edit->arg) &&
	    object_put(change, edit->kind, document, &id, OBJECT_REPLACE, NULL, &id))
		object_tell(change, edit->kind, &id,
		    !config_edit_changed(change->edit) ? "as before"
			: edit->done                   ? edit->done
						       : "changed");
	json_drop(document);
	json_drop(stored);
}

enum exit_code
object_edit_run(const struct args *args, struct object_edit *edit)
{
	return command_change(args, edit_object, edit);
}

static bool
set_words(struct change *change, struct json *document, void *arg)
{
	assign_all(change, arg, document);
	return true;
}

bool
object_until(const struct args *args, struct until *until)
{
	const char *text = args_value(args, "for");

	if (until_read(until, text))
		return true;
	args_misused(
	    args, "--for \"%s\": it takes a duration such as 90s, 30m, 1h30m or 7d, at most 100000d", text);
	return false;
}

struct deletion {
	enum kind kind;
	const char *name;
};

static void
delete_object(struct change *change, void *arg)
{
	const struct deletion *deletion = arg;
	struct json *stored;
	struct id id;

	if (!object_find(change->txn, deletion->kind, deletion->name, &id, &change->problems))
		return;
	stored = object_read(change->txn, deletion->kind, &id);
	if (object_delete(change, deletion->kind, &id)) {
		change->message =
		    xasprintf("%s %s: deleted", kind_text(deletion->kind), json_text_of(stored, "name"));
		change->result = json_new_object(); /* as the API answers */
		json_put_text(change->result, "id", id.text);
	}
	json_drop(stored);
}

/* ---- the words ---- */

static enum exit_code
run_words(const struct object_command *command, const struct args *args)
{
	const char *verb = args->words[0];
	struct words words = {.args = args, .kind = command->kind};
	struct object_edit edit = {command->kind, args->words[1], set_words, &words, NULL};
	struct problems problems = {0};
	enum exit_code code = EXIT_REFUSED;

	for (size_t i = 2; i < args->count; i++)
		if (!assign_is(args->words[i]))
			return args_misused(
			    args, "\"%s\" is not a property: write name=value", args->words[i]);
	if (!assign_read_files(&words.files, args->words + 2, args->count - 2, &problems))
		report_problems(&problems);
	else if (strcmp(verb, "set") == 0)
		code = object_edit_run(args, &edit);
	else
		code = command_change(
		    args, strcmp(verb, "create") == 0 ? create_object : replace_object, &words);
	assign_free_files(&words.files);
	problems_free(&problems);
	return code;
}

enum exit_code
object_command_run(const struct object_command *command, const struct args *args)
{
	const char *verb = args_word(args, 0) ? args_word(args, 0) : "";
	bool enable = strcmp(verb, "enable") == 0;
	bool delete = strcmp(verb, command->delete_verb != NULL ? command->delete_verb : "delete") == 0;
	struct intervene intervene = {
	    .what = enable ? INTERVENE_ENABLE : INTERVENE_DISABLE, .kind = command->kind};

	if (strcmp(verb, "list") == 0)
		return args->count == 1 ? run_list(command, args) : args_misused(args, "list takes no words");
	if (strcmp(verb, "show") != 0 && strcmp(verb, "create") != 0 && strcmp(verb, "set") != 0 &&
	    strcmp(verb, "replace") != 0 &&
	    !delete &&!(command->can_be_disabled && (enable || strcmp(verb, "disable") == 0)))
		return args_no_verb(args, verb);
	if (args->count < 2)
		return args_misused(args, "%s needs a name", verb);
	if (strcmp(verb, "create") == 0 || strcmp(verb, "set") == 0 || strcmp(verb, "replace") == 0)
		return run_words(command, args);
	if (args->count > 2)
		return args_misused(args, "%s takes one name", verb);
	if (strcmp(verb, "show") == 0)
		return run_show(command, args);
	if (delete)
		return command_change(args, delete_object, &(struct deletion){command->kind, args->words[1]});
	if (args_value(args, "for") != NULL && (enable || !object_until(args, &intervene.until)))
		return enable ? args_misused(args, "--for is for disable") : EXIT_USAGE;
	intervene.name = args->words[1];
	return command_change(args, intervene_change, &intervene);
}
