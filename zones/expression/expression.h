/*
 * expression.h -- the conditions of rules, in Cloudflare's language ([CF] 2.5, S35): read once, then
 * evaluated for each query.
 *
 * An expression is one block of memory from malloc without pointers: free() releases it, and it may be
 * copied. Evaluation is pure: a walk over its codes with a stack of fixed size.  The result is whether the
 * condition is true, and the prefix of the client's address within which the result is the same (S4).
 */
#ifndef EXPRESSION_H
#define EXPRESSION_H

#include "zones/geo/geo.h"

enum { EXPRESSION_TEXT_MAX = 4096 }; /* the limit in [CF] */

/* The inputs that cost a lookup and that an expression uses.  Fill them in before the evaluation. */
enum {
	EXPRESSION_LOCATION = 1, /* country, region, location_scope */
	EXPRESSION_COUNTRY = 2,  /* source_country, source_country_prefix */
	EXPRESSION_NETWORK = 4   /* source_network, source_network_prefix */
};

struct expression_input {
	const uint8_t *lb_name, *query_name; /* wire, lower case */
	uint16_t query_type;
	const char *site;             /* "" if not set */
	const struct address *source; /* ip.src */
	bool source_is_client; /* source is the client's address (ECS) and not its resolver's: a result that
			  depends on it then has a scope */
	const struct address *ecs; /* as it was sent; family 0: none */
	const char *country;       /* S1 */
	uint8_t region;
	uint8_t location_scope;
	char source_country[3];
	uint8_t source_country_prefix;
	uint8_t source_network_prefix;
	uint32_t source_network; /* number of the autonomous system; 0: unknown */
};

struct expression;

/*
 * Read a text; an empty or blank one is true.  Returns NULL with *error (malloc: "at column 17: expected
 * ...") if it is invalid.  Exits if memory is exhausted.
 */
struct expression *expression_new(const char *text, char **error);

size_t expression_size(const struct expression *expression);
unsigned expression_needs(const struct expression *expression);

/* Evaluate.  Any thread; never blocks.  *scope: the result is the same within this prefix of the client's
 * address; 0: everywhere. */
bool expression_true(
    const struct expression *expression, const struct expression_input *input, uint8_t *scope);

/* Read "192.0.2.0/24" or an address as a range.  Returns NULL, or the reason why it is invalid. */
const char *expression_prefix(const char *text, struct address *first, struct address *last);

#endif
