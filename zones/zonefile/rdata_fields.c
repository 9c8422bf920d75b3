/* Read and write data by the letters of its type's fields (rdata_types.c), or by its family. */
#include "zones/zonefile/rdata.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

/* The families with their own syntax. */
static const struct {
	bool (*read)(struct rdata_input *in);        /* false with the reason */
	bool (*write)(FILE *out, struct reader *in); /* false if the data has another format */
} families[] = {
    [RDATA_LOC] = {rdata_read_loc, rdata_write_loc},
    [RDATA_SVCB] = {rdata_read_svcb, rdata_write_svcb},
    [RDATA_IPSECKEY] = {rdata_read_ipseckey, rdata_write_ipseckey},
    [RDATA_AMTRELAY] = {rdata_read_amtrelay, rdata_write_amtrelay},
    [RDATA_HIP] = {rdata_read_hip, rdata_write_hip},
    [RDATA_APL] = {rdata_read_apl, rdata_write_apl},
    [RDATA_WKS] = {rdata_read_wks, rdata_write_wks},
};

/* ---- reading ---- */

/* The octets of the next token, in the line's scratch. */
static const uint8_t *
token_octets(struct rdata_input *in, size_t *len)
{
	const char *token = rdata_token(in);
	uint8_t *octets;

	if (token == NULL)
		return NULL;
	octets = (uint8_t *)line_scratch(in->line, strlen(token) + 1);
	*len = rdata_token_octets(token, octets);
	return octets;
}

static bool
read_string(struct rdata_input *in)
{
	size_t len;
	const uint8_t *octets = token_octets(in, &len);

	if (octets == NULL)
		return false;
	if (len > 255)
		return rdata_refuse(in, "a string is over 255 octets: split it into several quoted strings");
	return rdata_put_number(in, len, 1) && rdata_put(in, octets, len);
}

static bool
read_strings(struct rdata_input *in)
{
	do {
		if (!read_string(in))
			return false;
	} while (rdata_more(in));
	return true;
}

static bool
read_text(struct rdata_input *in)
{
	size_t len;
	const uint8_t *octets = token_octets(in, &len);

	return octets != NULL && rdata_put(in, octets, len);
}

static bool
is_tag_octet(uint8_t octet)
{
	octet = name_lower_octet(octet);
	return (octet >= '0' && octet <= '9') || (octet >= 'a' && octet <= 'z');
}

/* RFC 8659 4.1: only letters and digits, at least one. */
static bool
read_tag(struct rdata_input *in)
{
	size_t before = in->len;
	bool good;

	if (!read_string(in))
		return false;
	good = in->len > before + 1;
	for (size_t i = before + 1; i < in->len; i++)
		good = good && is_tag_octet(in->out[i]);
	return good ||
	    rdata_refuse(in, "the tag must consist of letters and digits, at least one (RFC 8659 4.1)");
}

static bool
read_period(struct rdata_input *in)
{
	const char *token = rdata_token(in);
	uint64_t seconds;

	if (token == NULL)
		return false;
	if (!zonefile_ttl(token, &seconds) || seconds > UINT32_MAX)
		return rdata_refuse(in, "%.40s is not a time from 0 to 4294967295 seconds", token);
	return rdata_put_number(in, seconds, 4);
}

static bool
read_type(struct rdata_input *in)
{
	const char *token = rdata_token(in);
	uint64_t number = 0;

	if (token == NULL)
		return false;
	if (!whole_from_text(token, 65535, &number) && (number = zonefile_type(token)) == 0 &&
	    strcasecmp(token, "TYPE0") != 0)
		return rdata_refuse(in, "\"%.40s\" is not a record type", token);
	return rdata_put_number(in, number, 2);
}

/* RFC 9859 2.1: scheme 1 is NOTIFY. */
static bool
read_scheme(struct rdata_input *in)
{
	if (rdata_more(in) && strcasecmp(line_token(in->line, in->next), "NOTIFY") == 0) {
		in->next++;
		return rdata_put_number(in, 1, 1);
	}
	return rdata_read_number(in, 1, 255);
}

/* One 64-bit number, or its two halves with a dot between them. */
static bool
read_halves(struct rdata_input *in)
{
	const char *token = rdata_token(in), *dot = token ? strchr(token, '.') : NULL;
	uint64_t high = 0, low;
	char first[24];

	if (token == NULL)
		return false;
	snprintf(first, sizeof first, "%.*s", dot != NULL ? (int)MIN(dot - token, 23) : 0, token);
	if (!whole_from_text(dot ? dot + 1 : token, dot ? UINT32_MAX : UINT64_MAX, &low) ||
	    (dot != NULL && !whole_from_text(first, UINT32_MAX, &high)))
		return rdata_refuse(in,
		    "%.40s is not a 64-bit number, nor two 32-bit numbers with a dot between them", token);
	return rdata_put_number(in, high << 32 | low, 8);
}

static bool
read_base64_or_dash(struct rdata_input *in)
{
	if (in->next + 1 == in->line->count && strcmp(line_token(in->line, in->next), "-") == 0) {
		in->next++;
		return true;
	}
	return rdata_read_base64(in, false);
}

/* RFC 4034 4.1.2, or without types (RFC 7477 2.1.1.2). */
static bool
read_bitmap(struct rdata_input *in)
{
	uint8_t *bits = xcalloc(256, 32);
	bool good = true;

	while (good && rdata_more(in)) {
		const char *token = rdata_token(in);
		uint16_t type = zonefile_type(token);

		if (type == 0)
			good = rdata_refuse(in, "\"%.40s\" is not a record type", token);
		else
			bits[type / 8] |= (uint8_t)(0x80 >> type % 8);
	}
	for (unsigned window = 0; good && window < 256; window++) {
		const uint8_t *part = bits + 32 * window;
		size_t len = 32;

		while (len > 0 && part[len - 1] == 0)
			len--;
		if (len > 0)
			good = rdata_put_number(in, window, 1) && rdata_put_number(in, len, 1) &&
			    rdata_put(in, part, len);
	}
	free(bits);
	return good;
}

static bool
read_field(struct rdata_input *in, char field)
{
	switch (field) {
	case '1':
	case '2':
	case '4':
		return rdata_read_number(in, (size_t)(field - '0'), (UINT64_C(1) << 8 * (field - '0')) - 1);
	case 'n':
		return rdata_read_name(in);
	case 'p':
		return read_period(in);
	case 't':
		return read_type(in);
	case 's':
		return read_string(in);
	case 'S':
		return read_strings(in);
	case 'T':
		return read_text(in);
	case 'g':
		return read_tag(in);
	case 'b':
	case 'B':
		return rdata_read_base64(in, field == 'b');
	case 'd':
		return read_base64_or_dash(in);
	case 'X':
		return rdata_read_hex(in);
	case 'm':
		return read_bitmap(in);
	case 'c':
		return read_scheme(in);
	default:
		return read_halves(in);
	}
}

bool
rdata_type_read(const struct rdata_type *type, struct rdata_input *in)
{
	if (type->family != RDATA_FIELDS) {
		if (!families[type->family].read(in))
			return false;
	} else if (type->fields[0] == '\0')
		return rdata_refuse(in,
		    "no text form is defined for the data of this type: write it as \\# LENGTH HEX (RFC "
		    "3597)");
	else
		for (const char *field = type->fields; *field != '\0'; field++)
			if (!read_field(in, *field))
				return false;
	return !rdata_more(in) || rdata_refuse(in, "the data has too many fields");
}

/* ---- writing ---- */

/* Write all remaining octets. */
static const uint8_t *
rest(struct reader *in, size_t *len)
{
	*len = (size_t)(in->end - in->at);
	return read_bytes(in, *len);
}

static void
write_string(FILE *out, struct reader *in, bool quoted)
{
	size_t len = read8(in);
	const uint8_t *octets = read_bytes(in, len);

	if (octets != NULL && quoted)
		rdata_write_quoted(out, octets, len);
	else if (octets != NULL)
		fwrite(octets, 1, len, out);
}

static void
write_bitmap(FILE *out, struct reader *in)
{
	while (in->at < in->end && !in->bad) {
		unsigned window = read8(in), len = read8(in);
		const uint8_t *part = read_bytes(in, len);

		for (unsigned bit = 0; part != NULL && bit < 8 * len; bit++)
			if (part[bit / 8] & 0x80 >> bit % 8) {
				char type[16];

				zonefile_type_text((uint16_t)(256 * window + bit), type);
				fprintf(out, " %s", type);
			}
	}
}

static void
write_blob(FILE *out, struct reader *in, char field)
{
	size_t len;
	const uint8_t *octets = rest(in, &len);

	if (field == 'T')
		rdata_write_quoted(out, octets, len);
	else if (field == 'X')
		for (size_t i = 0; i < len; i++)
			fprintf(out, "%02x", octets[i]);
	else if (field == 'd' && len == 0)
		fputc('-', out);
	else
		rdata_write_base64(out, octets, len);
}

static void
write_scheme(FILE *out, unsigned scheme)
{
	if (scheme == 1) /* RFC 9859 2.1 */
		fputs("NOTIFY", out);
	else
		fprintf(out, "%u", scheme);
}

static void
write_field(FILE *out, struct reader *in, char field)
{
	char type[16];

	switch (field) {
	case '1':
		fprintf(out, "%u", read8(in));
		break;
	case 'c':
		write_scheme(out, read8(in));
		break;
	case '2':
		fprintf(out, "%u", read16(in));
		break;
	case '4':
	case 'p':
		fprintf(out, "%" PRIu32, read32(in));
		break;
	case 'q': {
		uint64_t high = read32(in);

		fprintf(out, "%" PRIu64, high << 32 | read32(in));
		break;
	}
	case 't':
		zonefile_type_text(read16(in), type);
		fputs(type, out);
		break;
	case 'n':
		rdata_write_name(out, in);
		break;
	case 's':
	case 'g':
		write_string(out, in, field == 's');
		break;
	case 'S':
		do {
			write_string(out, in, true);
			if (in->at < in->end)
				fputc(' ', out);
		} while (in->at < in->end && !in->bad);
		break;
	default:
		write_blob(out, in, field);
	}
}

bool
rdata_type_write(const struct rdata_type *type, FILE *out, struct reader *in)
{
	if (type->family != RDATA_FIELDS)
		return families[type->family].write(out, in) && !in->bad && in->at == in->end;
	if (type->fields[0] == '\0')
		return false;
	for (const char *field = type->fields; *field != '\0' && !in->bad; field++) {
		if (*field == 'm') {
			write_bitmap(out, in); /* each type with a blank before it */
			continue;
		}
		if (field > type->fields && (strchr("bB", *field) == NULL || in->at < in->end))
			fputc(' ', out);
		write_field(out, in, *field);
	}
	return !in->bad && in->at == in->end;
}
