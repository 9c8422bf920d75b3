/* token: who may use graycloud-api. Tokens are no part of the configuration: see admin/edit/token.h. */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"
#include "admin/edit/token.h"

#include <stdlib.h>

/* ---- list ---- */

static void
add_row(struct table *table, const struct token *token)
{
	struct json *shown = token_json(token);
	char *zones = object_list_text(json_member(shown, "zones")),
	     *from = object_list_text(json_member(shown, "from"));
	bool expired = token->expires != 0 && wall_ms() >= token->expires;

	table_cell(table, COLOUR_NONE, "%s", token->name);
	table_cell(table, COLOUR_NONE, "%s", json_text_of(shown, "rights"));
	table_cell(table, COLOUR_NONE, "%s", token->nzones > 0 ? zones : "all");
	table_cell(table, COLOUR_NONE, "%s", token->nfrom > 0 ? from : "everywhere");
	table_cell(table, expired ? COLOUR_BAD : COLOUR_NONE, "%s",
	    token->expires != 0 ? json_text_of(shown, "expires_on") : "never");
	table_cell(table, token_valid(token, wall_ms()) ? COLOUR_GOOD : COLOUR_BAD, "%s",
	    token->disabled ? "disabled"
		: expired   ? "expired"
			    : "valid");
	free(zones);
	free(from);
	json_drop(shown);
}

static enum exit_code
list(const struct args *args)
{
	struct table *table = table_new("NAME", "RIGHTS", "ZONES", "FROM", "EXPIRES", "STATE", NULL);
	struct json *shown = json_new_list();
	struct tokens tokens;
	struct store *store;
	struct store_txn *txn;

	if (!read_begin(args, &store, &txn)) {
		table_free(table);
		json_drop(shown);
		return EXIT_REFUSED;
	}
	tokens = tokens_read(txn);
	read_end(store, txn);
	for (size_t i = 0; i < tokens.count; i++) {
		add_row(table, &tokens.items[i]);
		json_add(shown, token_json(&tokens.items[i]));
	}
	tokens_free(&tokens);
	if (args->json)
		print_json(shown);
	else {
		table_print(table, stdout);
		json_drop(shown);
	}
	table_free(table);
	return EXIT_DONE;
}

/* ---- create ---- */

static bool
take_options(const struct args *args, struct token *token)
{
	for (size_t i = 0; i < args->nown; i++) {
		const char *name = args->own[i].name, *value = args->own[i].value;

		if (strcmp(name, "rights") == 0 && (token->rights = token_rights(value)) == 0) {
			args_misused(args,
			    "--rights %s: it takes read, dns, lb, exec and tokens, with commas between them",
			    value);
			return false;
		}
		if (strcmp(name, "zone") == 0 && !token_add_zone(token, value)) {
			args_misused(
			    args, "--zone %s: not a domain name, or more than %d", value, TOKEN_LIST_MAX);
			return false;
		}
		if (strcmp(name, "from") == 0 && !token_add_from(token, value)) {
			args_misused(args,
			    "--from %s: not an address or a prefix such as 192.0.2.0/24, or more than %d",
			    value, TOKEN_LIST_MAX);
			return false;
		}
		if (strcmp(name, "expires") == 0 && !token_set_expires(token, value)) {
			args_misused(args,
			    "--expires %s: it takes a duration such as 90d or a time in the future such as "
			    "2027-01-31",
			    value);
			return false;
		}
		if (strcmp(name, "email") == 0)
			token->email = (char *)(uintptr_t)value;
	}
	return true;
}

static void
print_created(const struct args *args, const struct token *token, const char *secret)
{
	struct json *shown;

	if (!args->json) {
		printf("%s\n", secret);
		report_note("this is the only time that the token is shown");
		return;
	}
	shown = token_json(token);
	json_put_text(shown, "token", secret);
	print_json(shown);
}

static enum exit_code
create(const struct args *args, struct store *store, struct problems *problems)
{
	struct token token = {.name = args->words[1], .email = (char[]){""}, .rights = TOKEN_READ};
	char secret[TOKEN_SECRET + 1] = "";
	enum exit_code code = EXIT_USAGE;

	token.created = wall_ms();
	if (take_options(args, &token)) {
		code = token_create(&(struct token_change){.store = store}, &token, secret, problems) ==
			TOKEN_DONE
		    ? EXIT_DONE
		    : EXIT_REFUSED;
		if (code == EXIT_DONE)
			print_created(args, &token, secret);
	}
	token_clear(&token);
	return code;
}

/* A token after the change; after a deletion, its name. */
static void
print_done(const struct args *args, struct store *store, const char *verb)
{
	const char *name = args->words[1];
	struct store_txn *txn = NULL;
	struct tokens tokens = {0};
	struct json *shown = NULL;

	if (!args->json) {
		printf("token %s: %sd\n", name, verb);
		return;
	}
	if (store_begin(store, STORE_READ, &txn) == 0)
		tokens = tokens_read(txn);
	store_abort(txn);
	for (size_t i = 0; i < tokens.count && shown == NULL; i++)
		if (strcmp(tokens.items[i].name, name) == 0)
			shown = token_json(&tokens.items[i]);
	if (shown == NULL) {
		shown = json_new_object();
		json_put_text(shown, "name", name);
	}
	print_json(shown);
	tokens_free(&tokens);
}

/* ---- the words ---- */

static enum exit_code
change(const struct args *args, const char *verb)
{
	struct problems problems = {0};
	struct store *store = store_open(args->state, STORE_CONFIG, STORE_WRITE, &problems);
	enum exit_code code = EXIT_REFUSED;
	const char *name = args->words[1];

	if (store != NULL && strcmp(verb, "create") == 0)
		code = create(args, store, &problems);
	else if (store != NULL) {
		const struct token_change by_hand = {.store = store};
		bool good = (strcmp(verb, "delete") == 0
				    ? token_delete(&by_hand, name, &problems)
				    : token_enable(&by_hand, name, strcmp(verb, "enable") == 0, &problems)) ==
		    TOKEN_DONE;

		code = good ? EXIT_DONE : EXIT_REFUSED;
		if (good)
			print_done(args, store, verb);
	}
	store_close(store);
	report_problems(&problems);
	problems_free(&problems);
	return code;
}

enum exit_code
cmd_token(struct args *args)
{
	static const char *const verbs[] = {"create", "enable", "disable", "delete"};
	const char *verb = args_word(args, 0) ? args_word(args, 0) : "";
	bool known = false;

	if (strcmp(verb, "list") == 0)
		return args->count == 1 ? list(args) : args_misused(args, "list takes no words");
	for (size_t i = 0; i < NITEMS(verbs); i++)
		known = known || strcmp(verb, verbs[i]) == 0;
	if (!known)
		return args_no_verb(args, verb);
	if (args->count != 2)
		return args_misused(args, "%s takes one name", verb);
	if (args->nown > 0 && strcmp(verb, "create") != 0)
		return args_misused(args, "--%s is for create", args->own[0].name);
	return change(args, verb);
}
