/*
 * token.h -- the tokens of the API: the rights of its clients.
 *
 * A token is 40 letters and digits from getrandom(2). The store keeps only its SHA-256: 238 random bits need
 * no slow hash. Tokens are rows of the config store, but no part of the configuration: they are not in its
 * log, its feed, its generation or an export, and a restore leaves them as they are. The only user of
 * OpenSSL in the administration, except for the API's TLS.
 */
#ifndef TOKEN_H
#define TOKEN_H

#include "zones/document/json.h"
#include "zones/model/model.h"
#include "zones/store/store.h"

enum { TOKEN_SECRET = 40, TOKEN_HASH = 32, TOKEN_NAME_MAX = 64, TOKENS_MAX = 1000, TOKEN_LIST_MAX = 64 };

/* The rights of a token. Each includes TOKEN_READ. */
enum token_right {
	TOKEN_READ = 1,
	TOKEN_DNS = 2,    /* records */
	TOKEN_LB = 4,     /* load balancers, pools, monitors, monitor groups; nodes leave the roster */
	TOKEN_EXEC = 8,   /* monitors that run a program on this host */
	TOKEN_TOKENS = 16 /* the tokens that have no more than this one */
};

struct token_prefix {
	struct address address;
	uint8_t length;
};

struct token {
	char *name;
	char *email; /* "" if it has none: then any is accepted */
	unsigned rights;
	char **zones;  /* names in lower case, no final dot */
	size_t nzones; /* 0: all */
	struct token_prefix *from;
	size_t nfrom;    /* 0: from everywhere */
	int64_t expires; /* wall clock, milliseconds since 1970; 0: never */
	bool disabled;
	int64_t created;
	uint8_t hash[TOKEN_HASH];
};

/* All tokens of the store. Free them with tokens_free. */
struct tokens {
	struct token *items; /* by name */
	size_t count;
};
struct tokens tokens_read(struct store_txn *txn);
void tokens_free(struct tokens *tokens);

/*
 * The token that a client sent; NULL if there is none. All hashes are compared, each in constant time. The
 * result may be disabled or expired (token_valid), or not be for this client (token_from).
 */
const struct token *tokens_find(const struct tokens *tokens, const char *secret);
/* Neither disabled nor expired. */
bool token_valid(const struct token *token, int64_t now);
bool token_from(const struct token *token, const struct address *client);
/* May it see a zone? name in lower case, no final dot. */
bool token_has_zone(const struct token *token, const char *name);

/* "read,dns" to bits of token_right; 0 if the text is invalid. And back; malloc. */
unsigned token_rights(const char *text);
char *token_rights_text(unsigned rights);

/*
 * Add a zone or a prefix to a token, or set its end from a duration such as 90d or a time in the future.
 * False if the text is invalid. token_clear frees the zones and prefixes that were added.
 */
bool token_add_zone(struct token *token, const char *text);
bool token_add_from(struct token *token, const char *text);
bool token_set_expires(struct token *token, const char *text);
void token_clear(struct token *token);

/*
 * The first property of a token that goes beyond another one: "the right dns", "the zone example.net";
 * malloc. NULL if it has no more rights, zones and prefixes and no later end.
 */
char *token_excess(const struct token *token, const struct token *of);

enum token_fault {
	TOKEN_DONE,
	TOKEN_INVALID, /* the name, or there are TOKENS_MAX */
	TOKEN_TAKEN,   /* there is a token of that name */
	TOKEN_ABSENT,  /* there is none */
	TOKEN_EXCESS,  /* it has more than the token that asks for it */
	TOKEN_FAILED   /* the store cannot be written */
};

/* A change of one token. */
struct token_change {
	struct store *store;
	const char
	    *by; /* the name of the token that asks, which must have all that the token has; NULL: none */
	bool dry_run; /* check everything, and write nothing */
};

/*
 * Write a new token with these properties, and put its secret into secret. Any other result than TOKEN_DONE
 * has the reason in problems.
 */
enum token_fault token_create(const struct token_change *change, const struct token *token,
    char secret[TOKEN_SECRET + 1], struct problems *problems);
/* Disable or enable a token, or delete it. */
enum token_fault token_enable(
    const struct token_change *change, const char *name, bool enable, struct problems *problems);
enum token_fault token_delete(const struct token_change *change, const char *name, struct problems *problems);

/* For people and programs: never the secret or the hash. */
struct json *token_json(const struct token *token);

#endif
