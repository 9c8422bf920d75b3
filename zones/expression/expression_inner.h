/*
 * expression_inner.h -- an expression as codes: written by expression_read.c, walked by expression.c.
 */
#ifndef EXPRESSION_INNER_H
#define EXPRESSION_INNER_H

#include "zones/expression/expression.h"

enum {
	EXPRESSION_NESTED_MAX = 32,
	EXPRESSION_STACK = 3 * (EXPRESSION_NESTED_MAX + 1) + 1 /* "or", "xor" and "and" wait at each level */
};

enum field {
	FIELD_LB_NAME,
	FIELD_LB_REGION,
	FIELD_LB_COUNTRY,
	FIELD_LB_SITE,
	FIELD_SOURCE,
	FIELD_SOURCE_COUNTRY,
	FIELD_SOURCE_NETWORK,
	FIELD_QUERY_NAME,
	FIELD_QUERY_NAME_LEN,
	FIELD_QUERY_IS_QUESTION,
	FIELD_QUERY_TYPE,
	FIELD_ECS,
	FIELD_ECS_ADDRESS
};

/* Operators take their operands from the top of the stack; tests push one result. */
enum op {
	OP_NOT,
	OP_AND,
	OP_OR,
	OP_XOR,
	OP_SKIP,     /* go to the code at `at` if the top is `truth` for every client: the next codes cannot
			change it */
	OP_CONSTANT, /* truth */
	OP_BOOL,     /* a field */
	OP_NUMBER,   /* in one of count ranges (struct number_range) at `at` */
	OP_ADDRESS,  /* in one of count ranges of IPv4, then more of IPv6 (struct address_range) at `at` */
	OP_TEXT,     /* one of count texts (struct text_place, sorted) at `at` */
	OP_BELOW,    /* text below that at `at` ... */
	OP_ABOVE,
	OP_CONTAINS,
	OP_STARTS,
	OP_ENDS
};

struct code {
	uint8_t op;
	uint8_t field;
	bool lower;  /* of a text: convert it to lower case */
	bool length; /* of a text: use its length, a number */
	bool truth;  /* the result of a test that matches */
	uint32_t at; /* in the data; of OP_SKIP: a code */
	uint32_t count, more;
};

struct number_range {
	uint64_t first, last;
};

struct address_range {
	uint8_t first[16], last[16]; /* IPv4: the first four */
};

struct text_place {
	uint32_t at, len;
};

/* Followed by the codes, and behind those by the data. */
struct expression {
	uint32_t size;
	uint32_t ncodes;
	uint32_t data; /* where it begins */
	uint32_t needs;
	struct code codes[];
};

int expression_compare_texts(const void *a, size_t alen, const void *b, size_t blen);

#endif
