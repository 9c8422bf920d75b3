#include "admin/api/access.h"

#include <ctype.h>
#include <stdlib.h>

enum { WINDOW_MS = 60000, TOKEN_LEAST = 20 };

/* Wrong tokens of one address in the running minute. */
struct watched {
	struct address address; /* IPv6: the /64 */
	uint64_t since_ms;
	unsigned count;
};

struct access {
	struct tokens tokens;
	struct watched watched[ACCESS_WATCHED]; /* a place for each hash; the newer one stays */
};

struct access *
access_new(void)
{
	return xcalloc(1, sizeof(struct access));
}

void
access_free(struct access *access)
{
	if (access != NULL)
		tokens_free(&access->tokens);
	free(access);
}

void
access_reload(struct access *access, struct store_txn *txn)
{
	tokens_free(&access->tokens);
	access->tokens = tokens_read(txn);
}

/* ---- wrong tokens ---- */

static struct watched *
watched_of(struct access *access, const char *text, uint64_t now)
{
	struct address address = {.family = FAMILY_NONE};
	struct watched *watched;
	uint64_t hash;

	address_from_text(&address, text);
	if (address.family == FAMILY_V6)
		memset(address.bytes + 8, 0, 8);
	memcpy(&hash, address.bytes, sizeof hash);
	watched = &access->watched[mix64(hash + 1) % ACCESS_WATCHED];
	if (memcmp(&watched->address, &address, sizeof address) != 0 || now - watched->since_ms >= WINDOW_MS)
		*watched = (struct watched){.address = address, .since_ms = now};
	return watched;
}

/* ---- tokens ---- */

static bool
well_formed(const char *token)
{
	size_t len = strlen(token);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)token[i]) && token[i] != '-' && token[i] != '_')
			return false;
	return len >= TOKEN_LEAST;
}

static void
put_caller(struct call *call, const struct token *token)
{
	struct caller *caller = &call->caller;

	caller->name = xstrdup(token->name);
	caller->rights = token->rights;
	caller->zones = xcalloc(token->nzones, sizeof *caller->zones);
	for (size_t i = 0; i < token->nzones; i++)
		caller->zones[caller->nzones++] = xstrdup(token->zones[i]);
}

/* A detail of the last error, as clients look for it. */
static void
add_chain(struct call *call, int code, const char *text)
{
	struct json *errors = call->reply.errors, *chain = json_new_list(), *one = json_new_object();

	json_put_integer(one, "code", code);
	json_put_text(one, "message", text);
	json_add(chain, one);
	json_put(json_item(errors, json_count(errors) - 1), "error_chain", chain);
}

static bool
refuse_format(struct call *call, bool bearer)
{
	call_error(call, 400, CODE_HEADERS, "Invalid request headers");
	if (bearer)
		add_chain(call, CODE_HEADER_FORMAT, "Invalid format for Authorization header");
	else
		add_chain(call, CODE_KEY_FORMAT, "Invalid format for X-Auth-Key header");
	return false;
}

/* The secret that the request sent; NULL with an error in the reply. */
static const char *
sent_secret(const struct credentials *credentials, struct call *call, bool *bearer)
{
	const char *secret = NULL;

	*bearer = credentials->authorization != NULL;
	if (*bearer && strncasecmp(credentials->authorization, "Bearer ", 7) == 0)
		secret = credentials->authorization + 7 + strspn(credentials->authorization + 7, " ");
	else if (!*bearer)
		secret = credentials->key;
	if (!*bearer && secret == NULL)
		call_error(call, 400, CODE_NO_CREDENTIALS,
		    "Missing X-Auth-Key, X-Auth-Email or Authorization headers");
	else if (secret == NULL || !well_formed(secret))
		refuse_format(call, *bearer);
	return call->reply.errors == NULL ? secret : NULL;
}

static bool
is_wanted(const struct token *token, const struct credentials *credentials, bool bearer)
{
	struct address client = {.family = FAMILY_NONE};

	if (credentials->address != NULL)
		address_from_text(&client, credentials->address);
	return token != NULL && token_valid(token, wall_ms()) && token_from(token, &client) &&
	    (bearer || *token->email == '\0' ||
		(credentials->email != NULL && strcasecmp(credentials->email, token->email) == 0));
}

bool
access_check(struct access *access, const struct credentials *credentials, struct call *call, uint64_t now)
{
	struct watched *watched =
	    watched_of(access, credentials->address != NULL ? credentials->address : "", now);
	const struct token *token;
	const char *secret;
	bool bearer;

	if (watched->count >= ACCESS_WRONG_MAX) {
		call->reply.retry_after = (unsigned)((WINDOW_MS - (now - watched->since_ms)) / 1000 + 1);
		call_error(call, 429, CODE_UNKNOWN_TOKEN,
		    "too many wrong tokens from this address: wait %u seconds", call->reply.retry_after);
		return false;
	}
	if ((secret = sent_secret(credentials, call, &bearer)) == NULL)
		return false;
	token = tokens_find(&access->tokens, secret);
	if (is_wanted(token, credentials, bearer)) {
		put_caller(call, token);
		return true;
	}
	watched->count++;
	if (strstr(call->path, "/tokens/verify") != NULL)
		call_error(call, 401, 1000, "Invalid API Token");
	else if (bearer)
		call_error(call, 403, CODE_UNKNOWN_TOKEN, "Invalid access token");
	else
		call_error(call, 403, CODE_UNKNOWN_KEY, "Unknown X-Auth-Key or X-Auth-Email");
	return false;
}

bool
access_still(const struct access *access, const char *name)
{
	for (size_t i = 0; i < access->tokens.count; i++)
		if (strcmp(access->tokens.items[i].name, name) == 0)
			return token_valid(&access->tokens.items[i], wall_ms());
	return false;
}
