#include "admin/api/tokens.h"

#include "admin/api/ids.h"
#include "zones/base/problem.h"

#include <err.h>
#include <stdlib.h>

void
tokens_verify(struct call *call, const struct route *route, const struct scene *scene)
{
	struct json *result = json_new_object(), *message = json_new_object();
	struct id id = ids_account(call->caller.name);

	(void)route;
	(void)scene;
	json_put_text(result, "id", id.text);
	json_put_text(result, "status", "active");
	call_result(call, result);
	json_put_integer(message, "code", 10000);
	json_put_text(message, "message", "This API Token is valid and active");
	json_put(message, "type", json_new_null());
	call->reply.messages = json_new_list();
	json_add(call->reply.messages, message);
}

/* ---- read ---- */

static const struct token *
find(const struct tokens *tokens, const char *name)
{
	for (size_t i = 0; i < tokens->count; i++)
		if (strcmp(tokens->items[i].name, name) == 0)
			return &tokens->items[i];
	return NULL;
}

/* May the caller see a token: has it no more than the caller's own? */
static bool
shows(const struct token *token, const struct token *own)
{
	char *excess = own != NULL ? token_excess(token, own) : xstrdup("");
	bool within = excess == NULL;

	free(excess);
	return within;
}

void
tokens_list(struct call *call, const struct route *route, const struct scene *scene)
{
	struct tokens tokens = tokens_read(scene->config);
	const struct token *own = find(&tokens, call->caller.name);
	unsigned page = call_number(call, "page", 1, 1000, 1),
		 per_page = call_number(call, "per_page", 1, TOKENS_MAX, 100);
	struct json *list = json_new_list();
	size_t total = 0;

	(void)route;
	for (size_t i = 0; i < tokens.count; i++) {
		if (!shows(&tokens.items[i], own))
			continue;
		if (total >= (size_t)(page - 1) * per_page && total < (size_t)page * per_page)
			json_add(list, token_json(&tokens.items[i]));
		total++;
	}
	tokens_free(&tokens);
	call_list(call, list, page, per_page, total);
}

void
tokens_get(struct call *call, const struct route *route, const struct scene *scene)
{
	struct tokens tokens = tokens_read(scene->config);
	const struct token *token = find(&tokens, call->captures[0]);

	(void)route;
	if (token != NULL && shows(token, find(&tokens, call->caller.name)))
		call_result(call, token_json(token));
	else
		call_error(call, 404, CODE_NOT_FOUND, "there is no token %s", call->captures[0]);
	tokens_free(&tokens);
}

/* ---- the body of a new token ---- */

/* Each text of a list; an invalid one is an error in the reply. */
static void
read_list(struct call *call, struct token *token, const char *member,
    bool (*add)(struct token *token, const char *text), const char *valid)
{
	const struct json *list = json_member(call->body, member);

	if (list != NULL && json_kind(list) != JSON_KIND_LIST && json_kind(list) != JSON_KIND_NULL)
		call_error(call, 400, CODE_INVALID, "%s: must be a list of texts: validation failed", member);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_text(json_item(list, i));

		if (text == NULL || !add(token, text))
			call_error(call, 400, CODE_INVALID,
			    "%s: %s: must be %s, and at most %d of them: validation failed", member,
			    text != NULL ? text : "not a text", valid, TOKEN_LIST_MAX);
	}
}

/* A text of the body, or standard if it is missing or null. */
static const char *
read_text(struct call *call, const char *member, const char *standard)
{
	const struct json *value = json_member(call->body, member);

	if (value == NULL || json_kind(value) == JSON_KIND_NULL)
		return standard;
	if (json_text(value) == NULL)
		call_error(call, 400, CODE_INVALID, "%s: must be a text: validation failed", member);
	return json_text_of(call->body, member);
}

static void
read_token(struct call *call, struct token *token)
{
	static const char *const members[] = {"name", "rights", "zones", "from", "email", "expires_on"};
	const char *rights = read_text(call, "rights", "read"),
		   *expires = read_text(call, "expires_on", NULL);

	for (const char *key = json_next_key(call->body, NULL); key != NULL;
	     key = json_next_key(call->body, key)) {
		bool known = false;

		for (size_t i = 0; i < NITEMS(members); i++)
			known |= strcmp(key, members[i]) == 0;
		if (!known)
			call_error(call, 400, CODE_INVALID, "%s: unknown property: validation failed", key);
	}
	token->name = (char *)(uintptr_t)read_text(call, "name", "");
	token->email = (char *)(uintptr_t)read_text(call, "email", "");
	token->created = wall_ms();
	if ((token->rights = token_rights(rights)) == 0)
		call_error(call, 400, CODE_INVALID,
		    "rights: %s: must be read, dns, lb, exec and tokens, with commas between them: "
		    "validation failed",
		    rights);
	read_list(call, token, "zones", token_add_zone, "a domain name");
	read_list(call, token, "from", token_add_from, "an address or a prefix such as 192.0.2.0/24");
	if (expires != NULL && !token_set_expires(token, expires))
		call_error(call, 400, CODE_INVALID,
		    "expires_on: %s: must be a duration such as 90d or a time in the future: validation "
		    "failed",
		    expires);
}

/* ---- changes ---- */

/* The reply to a refusal. Returns true if it was done. */
static bool
end(struct call *call, enum token_fault fault, struct problems *problems)
{
	static const struct {
		int status, code;
	} rows[] = {[TOKEN_INVALID] = {400, CODE_INVALID},
	    [TOKEN_TAKEN] = {400, CODE_TAKEN},
	    [TOKEN_ABSENT] = {404, CODE_NOT_FOUND},
	    [TOKEN_EXCESS] = {403, CODE_NO_RIGHT},
	    [TOKEN_FAILED] = {500, CODE_STORE}};

	for (size_t i = 0; i < problems->count && fault != TOKEN_DONE; i++)
		call_error(call, rows[fault].status, rows[fault].code, "%s", problems->items[i].text);
	problems_free(problems);
	return fault == TOKEN_DONE;
}

static struct token_change
change_of(const struct call *call, struct store *config)
{
	return (struct token_change){.store = config, .by = call->caller.name, .dry_run = call->dry_run};
}

void
tokens_create(struct call *call, const struct route *route, struct store *config)
{
	struct token_change change = change_of(call, config);
	struct token token = {0};
	struct problems problems = {0};
	char secret[TOKEN_SECRET + 1] = "";
	struct json *shown;

	(void)route;
	read_token(call, &token);
	if (call->reply.errors == NULL &&
	    end(call, token_create(&change, &token, secret, &problems), &problems)) {
		shown = token_json(&token);
		if (!call->dry_run) {
			json_put_text(shown, "token", secret);
			warnx("token %s was created by token %s", token.name, call->caller.name);
		}
		call_result(call, shown);
	}
	token_clear(&token);
}

/* The token as it is now. */
static struct json *
read_again(struct store *config, const char *name)
{
	struct store_txn *txn = NULL;
	struct tokens tokens = {0};
	struct json *shown = NULL;

	if (store_begin(config, STORE_PEEK, &txn) == 0)
		tokens = tokens_read(txn);
	store_abort(txn);
	if (find(&tokens, name) != NULL)
		shown = token_json(find(&tokens, name));
	tokens_free(&tokens);
	return shown;
}

void
tokens_switch(struct call *call, const struct route *route, struct store *config)
{
	const char *name = call->captures[0];
	bool enable = strstr(route->pattern, "/enable") != NULL;
	struct token_change change = change_of(call, config);
	struct problems problems = {0};

	if (end(call, token_enable(&change, name, enable, &problems), &problems))
		call_result(call, read_again(config, name));
}

void
tokens_delete(struct call *call, const struct route *route, struct store *config)
{
	const char *name = call->captures[0];
	struct token_change change = change_of(call, config);
	struct problems problems = {0};
	struct json *shown;

	(void)route;
	if (!end(call, token_delete(&change, name, &problems), &problems))
		return;
	shown = json_new_object();
	json_put_text(shown, "name", name);
	call_result(call, shown);
}
