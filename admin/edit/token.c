#include "admin/edit/token.h"

#include "admin/cli/prefix.h"
#include "admin/cli/when.h"
#include "zones/base/array.h"
#include "zones/base/digest.h"
#include "zones/dns/idn.h"
#include "zones/state/token_rows.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *text;
	unsigned right;
} rights[] = {{"read", TOKEN_READ}, {"dns", TOKEN_DNS}, {"lb", TOKEN_LB}, {"exec", TOKEN_EXEC},
    {"tokens", TOKEN_TOKENS}};

/* ---- words ---- */

unsigned
token_rights(const char *text)
{
	char *copy = xstrdup(text), *rest = copy, *word;
	unsigned all = 0;

	while ((word = strsep(&rest, ",")) != NULL) {
		unsigned one = 0;

		for (size_t i = 0; i < NITEMS(rights); i++)
			if (strcmp(word, rights[i].text) == 0)
				one = rights[i].right;
		if (one == 0) {
			free(copy);
			return 0;
		}
		all |= one;
	}
	free(copy);
	return all | TOKEN_READ;
}

char *
token_rights_text(unsigned bits)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < NITEMS(rights); i++)
		if (bits & rights[i].right) {
			char *longer = xasprintf("%s%s%s", text, *text ? "," : "", rights[i].text);

			free(text);
			text = longer;
		}
	return text;
}

static bool
valid_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("-_.", name[i]) == NULL)
			return false;
	return len > 0 && len <= TOKEN_NAME_MAX;
}

/* ---- rows ---- */

static void
hash_of(const char *secret, uint8_t hash[TOKEN_HASH])
{
	digest_of((struct bytes){secret, strlen(secret)}, hash);
}

static char *
prefix_text(const struct token_prefix *prefix)
{
	char text[46];

	return xasprintf("%s/%u", address_to_text(&prefix->address, text), prefix->length);
}

struct json *
token_json(const struct token *token)
{
	struct json *json = json_new_object(), *zones = json_new_list(), *from = json_new_list();
	char *text = token_rights_text(token->rights), time[32];

	json_put_text(json, "name", token->name);
	json_put_text(json, "rights", text);
	free(text);
	for (size_t i = 0; i < token->nzones; i++)
		json_add_text(zones, token->zones[i]);
	json_put(json, "zones", zones);
	for (size_t i = 0; i < token->nfrom; i++) {
		text = prefix_text(&token->from[i]);
		json_add_text(from, text);
		free(text);
	}
	json_put(json, "from", from);
	json_put_text(json, "email", token->email);
	json_put_bool(json, "disabled", token->disabled);
	wall_text(token->created, time);
	json_put_text(json, "created_on", time);
	wall_text(token->expires, time);
	json_put_text(json, "expires_on", token->expires != 0 ? time : NULL);
	return json;
}

/* Times as numbers, and the hash: what token_json does not have. */
static struct json *
row_of(const struct token *token)
{
	struct json *row = token_json(token);
	char hex[2 * TOKEN_HASH + 1];

	json_put_integer(row, "created", token->created);
	json_put_integer(row, "expires", token->expires);
	hex_from_octets(hex, token->hash, TOKEN_HASH);
	json_put_text(row, "sha256", hex);
	return row;
}

static void
read_prefixes(struct token *token, const struct json *list)
{
	token->from = xcalloc(json_count(list), sizeof *token->from);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_text(json_item(list, i)), *slash = text ? strchr(text, '/') : NULL;
		struct token_prefix *prefix = &token->from[token->nfrom];
		char *address = slash ? xasprintf("%.*s", (int)(slash - text), text) : xstrdup("");
		uint64_t length;

		if (slash != NULL && address_from_text(&prefix->address, address) &&
		    whole_from_text(slash + 1, 128, &length)) {
			prefix->length = (uint8_t)length;
			token->nfrom++;
		}
		free(address);
	}
}

/* False if the row is damaged; then nothing is to be freed. */
static bool
read_row(struct token *token, const struct json *row)
{
	const struct json *zones = json_member(row, "zones"), *from = json_member(row, "from");

	*token = (struct token){.name = NULL};
	if (!valid_name(json_text_of(row, "name")) ||
	    !octets_from_hex(token->hash, json_text_of(row, "sha256"), TOKEN_HASH))
		return false;
	token->name = xstrdup(json_text_of(row, "name"));
	token->email = xstrdup(json_text_of(row, "email"));
	token->rights = token_rights(json_text_of(row, "rights"));
	token->disabled = json_truth(json_member(row, "disabled"));
	token->created = json_integer_of(json_member(row, "created"));
	token->expires = json_integer_of(json_member(row, "expires"));
	token->zones = xcalloc(json_count(zones), sizeof *token->zones);
	for (size_t i = 0; i < json_count(zones); i++)
		if (json_text(json_item(zones, i)) != NULL)
			token->zones[token->nzones++] = xstrdup(json_text(json_item(zones, i)));
	read_prefixes(token, from);
	/* A damaged list must not become "everything". */
	if (token->nzones != json_count(zones) || token->nfrom != json_count(from))
		token->rights = 0;
	return true;
}

void
token_clear(struct token *token)
{
	for (size_t i = 0; i < token->nzones; i++)
		free(token->zones[i]);
	free(token->zones);
	free(token->from);
	token->zones = NULL;
	token->from = NULL;
	token->nzones = token->nfrom = 0;
}

static void
token_free(struct token *token)
{
	token_clear(token);
	free(token->email);
	free(token->name);
}

struct tokens
tokens_read(struct store_txn *txn)
{
	struct store_cursor *cursor = txn != NULL ? store_cursor_open(txn, TABLE_TOKENS) : NULL;
	struct tokens tokens = {0};
	struct bytes key, value;

	for (bool more = cursor != NULL && store_cursor_first(cursor, &key, &value); more;
	     more = store_cursor_next(cursor, &key, &value)) {
		struct json *row = json_read_quietly(value);
		struct token token;

		if (row != NULL && read_row(&token, row)) {
			tokens.items = array_grow(tokens.items, tokens.count, sizeof *tokens.items);
			tokens.items[tokens.count++] = token;
		}
		json_drop(row);
	}
	store_cursor_close(cursor);
	return tokens;
}

void
tokens_free(struct tokens *tokens)
{
	for (size_t i = 0; i < tokens->count; i++)
		token_free(&tokens->items[i]);
	free(tokens->items);
	*tokens = (struct tokens){0};
}

/* ---- properties ---- */

bool
token_add_zone(struct token *token, const char *text)
{
	uint8_t wire[NAME_MAX_LEN];
	char name[NAME_MAX_TEXT];

	if (token->nzones == TOKEN_LIST_MAX || idn_name_from_text(wire, text, NULL) == 0)
		return false;
	name_lower(wire, wire);
	token->zones = array_grow(token->zones, token->nzones, sizeof *token->zones);
	token->zones[token->nzones++] = xstrdup(name_to_host(wire, name));
	return true;
}

bool
token_add_from(struct token *token, const char *text)
{
	struct token_prefix prefix;

	if (token->nfrom == TOKEN_LIST_MAX || !prefix_read(text, &prefix.address, &prefix.length))
		return false;
	token->from = array_grow(token->from, token->nfrom, sizeof *token->from);
	token->from[token->nfrom++] = prefix;
	return true;
}

bool
token_set_expires(struct token *token, const char *text)
{
	int64_t ms;

	if (when_duration(text, &ms) && ms > 0) {
		token->expires = wall_ms() + ms;
		return true;
	}
	return when_read(text, &token->expires) && token->expires > wall_ms();
}

/* ---- questions ---- */

const struct token *
tokens_find(const struct tokens *tokens, const char *secret)
{
	const struct token *found = NULL;
	uint8_t hash[TOKEN_HASH];

	hash_of(secret, hash);
	for (size_t i = 0; i < tokens->count; i++)
		if (CRYPTO_memcmp(tokens->items[i].hash, hash, sizeof hash) == 0)
			found = &tokens->items[i];
	return found;
}

bool
token_valid(const struct token *token, int64_t now)
{
	return !token->disabled && token->rights != 0 && (token->expires == 0 || now < token->expires);
}

static bool
within(const struct token_prefix *prefix, const struct address *client)
{
	unsigned whole = prefix->length / 8, rest = prefix->length % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return prefix->address.family == client->family &&
	    memcmp(prefix->address.bytes, client->bytes, whole) == 0 &&
	    (rest == 0 || ((prefix->address.bytes[whole] ^ client->bytes[whole]) & mask) == 0);
}

bool
token_from(const struct token *token, const struct address *client)
{
	for (size_t i = 0; i < token->nfrom; i++)
		if (within(&token->from[i], client))
			return true;
	return token->nfrom == 0;
}

bool
token_has_zone(const struct token *token, const char *name)
{
	for (size_t i = 0; i < token->nzones; i++)
		if (strcmp(token->zones[i], name) == 0)
			return true;
	return token->nzones == 0;
}

/* Is every address of a prefix one that the token may come from? */
static bool
covers(const struct token *token, const struct token_prefix *prefix)
{
	for (size_t i = 0; i < token->nfrom; i++)
		if (token->from[i].length <= prefix->length && within(&token->from[i], &prefix->address))
			return true;
	return token->nfrom == 0;
}

char *
token_excess(const struct token *token, const struct token *of)
{
	unsigned more = token->rights & ~of->rights;

	for (size_t i = 0; i < NITEMS(rights); i++)
		if (more & rights[i].right)
			return xasprintf("the right %s", rights[i].text);
	if (of->nzones > 0 && token->nzones == 0)
		return xstrdup("all zones");
	for (size_t i = 0; i < token->nzones; i++)
		if (!token_has_zone(of, token->zones[i]))
			return xasprintf("the zone %s", token->zones[i]);
	if (of->nfrom > 0 && token->nfrom == 0)
		return xstrdup("all addresses");
	for (size_t i = 0; i < token->nfrom; i++)
		if (!covers(of, &token->from[i])) {
			char *text = prefix_text(&token->from[i]),
			     *excess = xasprintf("the addresses %s", text);

			free(text);
			return excess;
		}
	if (of->expires != 0 && (token->expires == 0 || token->expires > of->expires))
		return xstrdup("a later end");
	return NULL;
}

/* ---- changes ---- */

/* No modulo bias: octets beyond the last multiple of 62 are drawn again. */
static void
make_secret(char secret[TOKEN_SECRET + 1])
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = 0;

	while (len < TOKEN_SECRET) {
		uint8_t octet;

		random_bytes(&octet, 1);
		if (octet < 4 * 62)
			secret[len++] = letters[octet % 62];
	}
	secret[len] = '\0';
}

static struct store_txn *
begin(struct store *store, struct problems *problems)
{
	struct store_txn *txn = NULL;
	int rc = store_begin(store, STORE_WRITE, &txn);

	if (rc != 0)
		problems_error(
		    problems, "cannot begin to write the configuration: %s", store_begin_fault(store, rc));
	return rc == 0 ? txn : NULL;
}

/*
 * The octets of a row; NULL: it is to be deleted. Of a node of a cluster it has a version, and stays when the
 * token is deleted (token_rows.h).
 */
static char *
write_row(struct store_txn *txn, const char *name, const struct json *row)
{
	struct bytes before;
	uint64_t version = token_row_get(txn, name, &before) ? token_row_read(before).version : 0;
	struct json *shared;
	char *text;

	if (!token_rows_shared(txn))
		return row != NULL ? json_write(row, false) : NULL;
	shared = row != NULL ? json_clone(row) : json_new_object();
	if (row == NULL) {
		json_put_bool(shared, "deleted", true);
		json_put_integer(shared, "deleted_wall", wall_ms());
	}
	json_put_integer(shared, "version", (long long)version + 1);
	text = json_write(shared, false);
	json_drop(shared);
	return text;
}

/* Write a row (NULL: delete it), and end the transaction. */
static enum token_fault
commit_row(const struct token_change *change, struct store_txn *txn, const char *name, const struct json *row,
    struct problems *problems)
{
	char *text;
	int rc;

	if (change->dry_run) {
		store_abort(txn);
		return TOKEN_DONE;
	}
	text = write_row(txn, name, row);
	rc = text != NULL ? token_row_put(txn, name, (struct bytes){text, strlen(text)})
			  : token_row_delete(txn, name);
	free(text);
	if (rc == 0)
		rc = store_commit(txn);
	else
		store_abort(txn);
	if (rc != 0)
		problems_error(problems, "cannot write the token: %s; nothing was changed%s", strerror(-rc),
		    store_write_cure(rc));
	return rc == 0 ? TOKEN_DONE : TOKEN_FAILED;
}

static struct json *
find_row(struct store_txn *txn, const char *name)
{
	struct json *row = NULL;
	struct bytes value;

	if (token_row_get(txn, name, &value))
		row = json_read_quietly(value);
	if (!json_truth(json_member(row, "deleted")))
		return row;
	json_drop(row);
	return NULL;
}

/* May the token that asks do this to a token? */
static bool
may(const struct token_change *change, struct store_txn *txn, const struct token *token,
    struct problems *problems)
{
	struct token by;
	struct json *row;
	char *excess;

	if (change->by == NULL)
		return true;
	row = find_row(txn, change->by);
	if (row == NULL || !read_row(&by, row)) {
		json_drop(row);
		problems_error(problems, "there is no token %s any longer", change->by);
		return false;
	}
	json_drop(row);
	excess = token_valid(&by, wall_ms()) ? token_excess(token, &by) : xstrdup("validity");
	if (excess != NULL)
		problems_error(problems, "token %s has not %s, which token %s has or would have", change->by,
		    excess, token->name);
	token_free(&by);
	free(excess);
	return problems->errors == 0;
}

/* May it be created? */
static enum token_fault
check_new(const struct token_change *change, struct store_txn *txn, const struct token *token,
    struct problems *problems)
{
	struct json *row = find_row(txn, token->name);
	struct tokens all;
	bool full;

	json_drop(row);
	if (!may(change, txn, token, problems))
		return TOKEN_EXCESS;
	if (row != NULL) {
		problems_error(problems,
		    "there is a token %s already: delete it first, or choose another name", token->name);
		return TOKEN_TAKEN;
	}
	all = tokens_read(txn);
	full = all.count >= TOKENS_MAX;
	tokens_free(&all);
	if (full) {
		problems_error(problems, "there are %d tokens, the maximum: delete one first", TOKENS_MAX);
		return TOKEN_INVALID;
	}
	return TOKEN_DONE;
}

enum token_fault
token_create(const struct token_change *change, const struct token *token, char secret[TOKEN_SECRET + 1],
    struct problems *problems)
{
	struct token whole = *token;
	struct store_txn *txn;
	struct json *row;
	enum token_fault fault;

	if (!valid_name(token->name)) {
		problems_error(problems,
		    "\"%s\" is an invalid name of a token: it takes 1 to %d letters, digits, -, _ and .",
		    token->name, TOKEN_NAME_MAX);
		return TOKEN_INVALID;
	}
	if ((txn = begin(change->store, problems)) == NULL)
		return TOKEN_FAILED;
	if ((fault = check_new(change, txn, token, problems)) != TOKEN_DONE) {
		store_abort(txn);
		return fault;
	}
	make_secret(secret);
	hash_of(secret, whole.hash);
	row = row_of(&whole);
	fault = commit_row(change, txn, token->name, row, problems);
	json_drop(row);
	return fault;
}

/* Change a token that exists; edit NULL deletes it. */
static enum token_fault
edit_token(const struct token_change *change, const char *name, void (*edit)(struct json *row),
    struct problems *problems)
{
	struct store_txn *txn = begin(change->store, problems);
	enum token_fault fault = TOKEN_DONE;
	struct json *row;
	struct token token;

	if (txn == NULL)
		return TOKEN_FAILED;
	if ((row = find_row(txn, name)) == NULL) {
		problems_error(problems, "there is no token %s", name);
		fault = TOKEN_ABSENT;
	} else if (change->by != NULL && read_row(&token, row)) {
		fault = may(change, txn, &token, problems) ? TOKEN_DONE : TOKEN_EXCESS;
		token_free(&token);
	}
	if (fault == TOKEN_DONE) {
		if (edit != NULL)
			edit(row);
		fault = commit_row(change, txn, name, edit != NULL ? row : NULL, problems);
	} else {
		store_abort(txn);
	}
	json_drop(row);
	return fault;
}

static void
set_enabled(struct json *row)
{
	json_put_bool(row, "disabled", false);
}

static void
set_disabled(struct json *row)
{
	json_put_bool(row, "disabled", true);
}

enum token_fault
token_enable(const struct token_change *change, const char *name, bool enable, struct problems *problems)
{
	return edit_token(change, name, enable ? set_enabled : set_disabled, problems);
}

enum token_fault
token_delete(const struct token_change *change, const char *name, struct problems *problems)
{
	return edit_token(change, name, NULL, problems);
}
