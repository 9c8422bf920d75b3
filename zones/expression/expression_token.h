/*
 * expression_token.h -- the tokens of an expression, and the column of a fault (shared by
 * expression_*.c).
 */
#ifndef EXPRESSION_TOKEN_H
#define EXPRESSION_TOKEN_H

#include "zones/expression/expression_inner.h"

/* TOKEN_RUN: letters, digits, . _ : and /; this covers names, numbers, addresses and operators. */
enum token_kind { TOKEN_END, TOKEN_RUN, TOKEN_TEXT, TOKEN_SIGN };

struct reader {
	const char *text, *next;
	/* the last token */
	enum token_kind kind;
	const char *start;
	size_t len;
	char *literal; /* of TOKEN_TEXT: its value */
	size_t literal_len;
	/* the output */
	struct code *codes;
	uint8_t *data;
	uint32_t ncodes, data_len, needs;
	unsigned nested;
	char *error;
};

/* Report a fault; only the first one is kept.  Returns false, for the caller to return. */
bool token_fail(struct reader *reader, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Report "expected WHAT, found" and the token. */
bool token_expected(struct reader *reader, const char *what);

/* Read the next token.  Returns false if it is invalid. */
bool token_advance(struct reader *reader);
/* Is the token this name, operator or sign? */
bool token_is(const struct reader *reader, const char *text);
/* Move past this token.  Returns false if the token is another one. */
bool token_skip(struct reader *reader, const char *text);

#endif
