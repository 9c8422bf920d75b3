/*
 * zonefile_parts.h -- shared by the files of zonefile; no other file includes it.
 *
 *     zonefile_line.c    octets of a file -> lines of tokens
 *     zonefile.c         tokens <-> rdata, through ldns or the readers in rdata*.c
 *     rdata*.c           readers and writers of rdata (rdata.h has the table)
 *     zonefile_read.c    lines -> records: directives, owners, TTLs
 *     zonefile_generate.c    $GENERATE
 *     zonefile_target.c  warnings about the names that records point to
 *     zonefile_records.c records while they are read: memory, problems grouped by kind
 *     zonefile_words.c   the words for types and times
 *     zonefile_check.c   records -> rows of the store, and the errors and warnings about a whole zone
 */
#ifndef ZONEFILE_PARTS_H
#define ZONEFILE_PARTS_H

#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <stdarg.h>
#include <stdio.h>

/* The position of the next line. */
struct cursor {
	const char *at, *end;
	unsigned line; /* number of the line at at */
};

struct token {
	size_t at;    /* offset into the line's text */
	bool touches; /* no blank before it: a quoted string within a word, or a word after one */
	bool raw;     /* has octets over 127 that are not written as \DDD: a name in another script */
};

/*
 * A logical line without parentheses, comments and line ends.  text holds the tokens one after another, each
 * ended by NUL.  Quotes stay; every escape is \DDD (except \#), so that later readers handle only one form.
 * A quoted string is always a separate token.
 */
struct line {
	char *text;
	size_t len, room;
	struct token *tokens;
	size_t count, tokens_room;
	unsigned number;   /* of its first line in the file */
	bool starts_blank; /* the owner is that of the previous line (RFC 1035 5.1) */
	char fault[80];    /* "" or the fault */
	char *scratch;     /* for callers that copy the text */
	size_t scratch_room;
};

/* Read the next logical line that is not empty.  False at the end.  line starts as {0}. */
bool line_next(struct cursor *cursor, struct line *line);
void line_free(struct line *line);
/* Make room for len octets in scratch and return it. */
char *line_scratch(struct line *line, size_t len);

static inline const char *
line_token(const struct line *line, size_t index)
{
	return line->text + line->tokens[index].at;
}

/* Does the token follow the previous one without a blank, as "abc" does in key="abc"? */
static inline bool
line_touches(const struct line *line, size_t index)
{
	return line->tokens[index].touches;
}

/* The octet of \DDD; line_next has checked the digits. */
static inline uint8_t
line_octet(const char *at)
{
	return (uint8_t)((at[1] - '0') * 100 + (at[2] - '0') * 10 + at[3] - '0');
}

/* The number of characters of a token that represent the octet at `at`: \DDD, \# or the octet itself. */
static inline size_t
line_step(const char *at)
{
	return *at != '\\' ? 1 : at[1] == '#' ? 2 : 4;
}

/*
 * Convert the tokens from first on to rdata.  Relative names are completed with origin; if that is NULL, a
 * relative name is a fault.  Returns the length and ok true, or ok false with the reason.
 */
struct rdata_result {
	bool ok;
	size_t len;
	char why[160];
};
struct rdata_result rdata_from_line(
    uint16_t type, struct line *line, size_t first, const uint8_t *origin, uint8_t out[65535]);

/*
 * If the token is a name in another script, replace it by its A-labels.  Returns false with the reason if
 * that fails.
 */
bool line_to_ascii(struct line *line, size_t index, char why[160]);

/* $GENERATE: its range; one of its words with the number put in.  False if the text is invalid. */
struct generate_range {
	long long start, stop, step;
};
bool generate_range(const char *text, struct generate_range *range);
bool generate_word(FILE *out, const char *word, long long number);

/* One record while its zone is built. */
struct record {
	const uint8_t *owner; /* lower case; neighbours in the file share it */
	const uint8_t *key;   /* name_to_key of the owner */
	const uint8_t *rdata;
	uint32_t ttl;
	uint32_t line;
	uint16_t type, rdlen, key_len, file;
};

struct kind;

struct records {
	struct record *items;
	size_t count;
	char **files; /* names for messages */
	size_t nfiles;
	struct arena arena; /* owners, keys and rdata */
	uint8_t apex[NAME_MAX_LEN];
	bool apex_known;
	bool soa_named;     /* the file has a SOA, perhaps a faulty one */
	struct kind *kinds; /* the kinds of problems, with their counts */
	size_t nkinds;
};

/* A problem at a line; the first twenty of a kind (a format) are reported, the rest is counted for
 * records_say_rest. */
void records_say(struct records *records, struct problems *problems, enum severity severity, const char *file,
    unsigned line, const char *format, va_list args);
void records_say_rest(struct records *records, struct problems *problems, const char *file);

/* Warn of names that records point to and that are addresses or aliases, or lack a final dot.  Needs sorted
 * records. */
void targets_warn(struct records *records, struct problems *problems);

/* Allocate memory that is freed with the records. */
uint8_t *records_keep(struct records *records, const void *data, size_t len);

/* Sort and check the records and convert them to rows.  Returns false with errors in problems. */
bool records_to_rows(struct records *records, struct zone_data *data, struct problems *problems);

#endif
