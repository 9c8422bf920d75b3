/*
 * rdata.h -- the types whose data this program reads and writes itself.
 *
 * ldns reads all others.  A type is here if ldns 1.8.3 does not know it, or reads or writes it wrong.
 *
 *     rdata_types.c            the table: one line for each type, with the fault of ldns
 *     rdata.c, rdata_write.c   the building blocks of readers and writers
 *     rdata_loc.c, rdata_svcb.c, rdata_gateway.c (IPSECKEY, AMTRELAY), rdata_hip.c, rdata_list.c (APL, WKS)
 *                              the families with a syntax of their own
 *     rdata_fields.c           a whole type: its fields, or its family
 *
 * A reader takes the tokens of a line and appends octets; a writer takes octets and prints text that the
 * reader accepts. Data is valid if and only if its text reads back as the same octets (zonefile.c), so that
 * no type needs a third description.
 */
#ifndef RDATA_H
#define RDATA_H

#include "zones/dns/wire.h"
#include "zones/zonefile/zonefile_parts.h"

#include <stdio.h>

/* The tokens of one record while they are converted to rdata. */
struct rdata_input {
	struct line *line;
	size_t next; /* the next token */
	const uint8_t *origin;
	uint8_t *out; /* 65,535 octets */
	size_t len;   /* octets so far */
	char why[160];
};

/* How the data of a type is read and written: by its fields, or by its own two functions. */
enum rdata_family {
	RDATA_FIELDS,
	RDATA_LOC,
	RDATA_SVCB,
	RDATA_IPSECKEY,
	RDATA_AMTRELAY,
	RDATA_HIP,
	RDATA_APL,
	RDATA_WKS
};

struct rdata_type {
	uint16_t type;
	bool unnamed; /* other nameservers do not know the name, so it is written as TYPEnnn \# ... (RFC 3597)
		       */
	const char *name;
	enum rdata_family family;
	const char *fields; /* letters of rdata_types.c; "" if only \# writes the data; NULL with a family */
};

/* Returns NULL if ldns reads this type, or if the type is unknown. */
const struct rdata_type *rdata_type_by_number(uint16_t type);
const struct rdata_type *rdata_type_by_name(const char *name);

bool rdata_type_read(const struct rdata_type *type, struct rdata_input *in);
bool rdata_type_write(const struct rdata_type *type, FILE *out, struct reader *in);

/* ---- building blocks of readers; all return false with the reason in `in` ---- */

bool rdata_refuse(struct rdata_input *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The next token; NULL with the reason if there is none. */
const char *rdata_token(struct rdata_input *in);
bool rdata_more(const struct rdata_input *in);
/* Append octets, or a number with the given size in octets. */
bool rdata_put(struct rdata_input *in, const void *octets, size_t len);
bool rdata_put_number(struct rdata_input *in, uint64_t value, size_t octets);
/* Read the next token as a whole number, at most `most`. */
bool rdata_number(struct rdata_input *in, uint64_t most, uint64_t *value);
/* Read a whole number and append it with the given size in octets. */
bool rdata_read_number(struct rdata_input *in, size_t octets, uint64_t most);
bool rdata_read_name(struct rdata_input *in);
bool rdata_read_hex(struct rdata_input *in);
bool rdata_read_base64(struct rdata_input *in, bool may_be_empty);
/* Decode base64, appended to the data. */
bool rdata_base64(struct rdata_input *in, const char *text, size_t len);

/* Convert a token to its octets, without quotes and escapes; out needs room for the token.  Returns their
 * number. */
size_t rdata_token_octets(const char *token, uint8_t *out);

/* ---- building blocks of writers ---- */

void rdata_write_quoted(FILE *out, const uint8_t *octets, size_t len);
void rdata_write_base64(FILE *out, const uint8_t *octets, size_t len);
/* A name; false if there is none. */
bool rdata_write_name(FILE *out, struct reader *in);

/* ---- the families ---- */

bool rdata_read_loc(struct rdata_input *in);
bool rdata_write_loc(FILE *out, struct reader *in);
bool rdata_read_svcb(struct rdata_input *in);
bool rdata_write_svcb(FILE *out, struct reader *in);
bool rdata_read_ipseckey(struct rdata_input *in);
bool rdata_write_ipseckey(FILE *out, struct reader *in);
bool rdata_read_amtrelay(struct rdata_input *in);
bool rdata_write_amtrelay(FILE *out, struct reader *in);
bool rdata_read_hip(struct rdata_input *in);
bool rdata_write_hip(FILE *out, struct reader *in);
bool rdata_read_apl(struct rdata_input *in);
bool rdata_write_apl(FILE *out, struct reader *in);
bool rdata_read_wks(struct rdata_input *in);
bool rdata_write_wks(FILE *out, struct reader *in);

#endif
