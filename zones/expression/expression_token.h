/*
 * expression_token.h -- the words of an expression, and the column of what is wrong with them (between
 * expression_*.c).
 */
#ifndef EXPRESSION_TOKEN_H
#define EXPRESSION_TOKEN_H

#include "zones/expression/expression_inner.h"

/* TOKEN_RUN: letters, digits, . _ : and /, which are names, numbers, addresses and operators alike. */
enum token_kind { TOKEN_END, TOKEN_RUN, TOKEN_TEXT, TOKEN_SIGN };

struct reader {
	const char *text, *next;
	/* the token that was read last */
	enum token_kind kind;
	const char *start;
	size_t len;
	char *literal; /* of TOKEN_TEXT: what it stands for */
	size_t literal_len;
	/* what it becomes */
	struct code *codes;
	uint8_t *data;
	uint32_t ncodes, data_len, needs;
	unsigned nested;
	char *error;
};

/* Say what is wrong, once: the first fault.  False, for the caller to return. */
bool token_fail(struct reader *reader, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "expected WHAT, found" the token. */
bool token_expected(struct reader *reader, const char *what);

/* Read the next token; false where there is none that means anything. */
bool token_advance(struct reader *reader);
/* Is the token this name, operator or sign? */
bool token_is(const struct reader *reader, const char *text);
/* Go past it; false where it is another. */
bool token_skip(struct reader *reader, const char *text);

#endif
