/*
 * expression.h -- the conditions of rules, in Cloudflare's language ([CF] 2.5, S35): read once, then asked
 * for each query.
 *
 * An expression is one block of memory without pointers, aligned as malloc's: free() ends it, and a copy is
 * as good.  Asking one is pure: a walk over its codes with a stack of fixed size.  Beside whether it is true,
 * it tells within which prefix of the client's address that cannot change (S4).
 */
#ifndef EXPRESSION_H
#define EXPRESSION_H

#include "zones/geo/geo.h"

enum { EXPRESSION_TEXT_MAX = 4096 }; /* what [CF] lets a person write */

/* What an expression looks at and what costs a lookup: to be put into the input before it is asked. */
enum {
	EXPRESSION_LOCATION = 1, /* country, region, location_scope */
	EXPRESSION_COUNTRY = 2,  /* source_country, source_country_prefix */
	EXPRESSION_NETWORK = 4   /* source_network, source_network_prefix */
};

struct expression_input {
	const uint8_t *lb_name, *query_name; /* wire, lower case */
	uint16_t query_type;
	const char *site;             /* "" where it is not told */
	const struct address *source; /* ip.src */
	bool source_is_client; /* ... is the client's (ECS), not its resolver's: then what it decides has a
				  scope */
	const struct address *ecs; /* as it was sent; family 0: none was */
	const char *country;       /* S1 */
	uint8_t region;
	uint8_t location_scope;
	char source_country[3];
	uint8_t source_country_prefix;
	uint8_t source_network_prefix;
	uint32_t source_network; /* number of the autonomous system, 0: not known */
};

struct expression;

/*
 * Read a text; nothing but blanks is true.  NULL with *error (malloc: "at column 17: expected ...") where it
 * is none.  Memory exhausted exits.
 */
struct expression *expression_new(const char *text, char **error);

size_t expression_size(const struct expression *expression);
unsigned expression_needs(const struct expression *expression);

/* Any thread; never blocks.  *scope: within this prefix of the client's address the outcome is the same, 0:
 * everywhere. */
bool expression_true(
    const struct expression *expression, const struct expression_input *input, uint8_t *scope);

/* Read "192.0.2.0/24" or an address as the whole range of it.  NULL, or what is wrong with it. */
const char *expression_prefix(const char *text, struct address *first, struct address *last);

#endif
