#include "zones/zonefile/rdata.h"

#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

/*
 * Letters of the fields, in the order of the data:
 *
 *     1 2 4   a whole number of so many octets           p  seconds, or 1h30m (four octets)
 *     n        a domain name                            t  a record type (two octets)
 *     s        a string (one length octet)              S  one string or more
 *     T        text to the end, one token               g  a tag of letters and digits (CAA)
 *     b B      base64 to the end; B: not empty          X  hex to the end
 *     d        base64 to the end, or "-" for none       m  a bitmap of types to the end
 *     c        a scheme of DSYNC (one octet)            q  a number of CBHE: N or HIGH.LOW (eight octets)
 */
static const struct rdata_type types[] = {
    /* ldns up to 1.8.4: times over 4,294,967,295 wrap around. */
    {.type = TYPE_SOA, .name = "SOA", .fields = "nn4pppp"},
    /* ldns up to 1.8.4: a protocol over 255 wraps around, names depend on the machine's files. */
    {.type = 11, .name = "WKS", .read = rdata_read_wks, .write = rdata_write_wks},
    /* ldns up to 1.8.4: reads a string (RFC 1706 6: a name). */
    {.type = 23, .name = "NSAP-PTR", .fields = "n"},
    /* ldns up to 1.8.4: no range is checked; a longitude takes the latitude's minutes and seconds. */
    {.type = 29, .name = "LOC", .read = rdata_read_loc, .write = rdata_write_loc},
    /* ldns up to 1.8.4: only one of the four fields. */
    {.type = 40, .name = "SINK", .fields = "111b"},
    /* ldns up to 1.8.4: prefixes of any length; no empty list. */
    {.type = 42, .name = "APL", .read = rdata_read_apl, .write = rdata_write_apl},
    /* ldns up to 1.8.4: names are not completed, numbers wrap around, the key is one word. */
    {.type = 45, .name = "IPSECKEY", .read = rdata_read_ipseckey, .write = rdata_write_ipseckey},
    /* ldns up to 1.8.4: an algorithm over 255 wraps around. */
    {.type = 55, .name = "HIP", .read = rdata_read_hip, .write = rdata_write_hip},
    {.type = 56, .name = "NINFO", .fields = "S"},
    {.type = 57, .name = "RKEY", .fields = "211B"},
    /* ldns up to 1.8.4: no list without types. */
    {.type = 62, .name = "CSYNC", .fields = "42m"},
    /* ldns up to 1.8.4: nothing of RFC 9460 2.1, 2.2, 8 is checked, escapes in lists are read wrong. */
    {.type = TYPE_SVCB, .name = "SVCB", .read = rdata_read_svcb, .write = rdata_write_svcb},
    {.type = TYPE_HTTPS, .name = "HTTPS", .read = rdata_read_svcb, .write = rdata_write_svcb},
    {.type = 66, .name = "DSYNC", .fields = "tc2n"},
    {.type = 67, .name = "HHIT", .fields = "B"},
    {.type = 68, .name = "BRID", .fields = "B"},
    {.type = 100, .unnamed = true, .name = "UINFO", .fields = ""},
    {.type = 101, .unnamed = true, .name = "UID", .fields = ""},
    {.type = 102, .unnamed = true, .name = "GID", .fields = ""},
    {.type = 103, .unnamed = true, .name = "UNSPEC", .fields = ""},
    /* ldns up to 1.8.4: only with quotes (RFC 8659 4.1.1). */
    {.type = 257, .name = "CAA", .fields = "1gT"},
    {.type = 258, .name = "AVC", .fields = "S"},
    {.type = 259, .name = "DOA", .fields = "441sd"},
    {.type = 260, .name = "AMTRELAY", .read = rdata_read_amtrelay, .write = rdata_write_amtrelay},
    /* ldns 1.8.4 knows RESINFO, and WALLET as a second TXT. */
    {.type = 261, .name = "RESINFO", .fields = "S"},
    {.type = 262, .name = "WALLET", .fields = "S"},
    {.type = 263, .unnamed = true, .name = "CLA", .fields = "S"},
    {.type = 264, .unnamed = true, .name = "IPN", .fields = "q"},
    {.type = 32768, .name = "TA", .fields = "211X"},
};

const struct rdata_type *
rdata_type_by_number(uint16_t type)
{
	for (size_t i = 0; i < NITEMS(types); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

const struct rdata_type *
rdata_type_by_name(const char *name)
{
	for (size_t i = 0; i < NITEMS(types); i++)
		if (strcasecmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

/* ---- reading ---- */

bool
rdata_refuse(struct rdata_input *in, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (in->why[0] == '\0')
		vsnprintf(in->why, sizeof in->why, format, args);
	va_end(args);
	return false;
}

bool
rdata_more(const struct rdata_input *in)
{
	return in->next < in->line->count;
}

const char *
rdata_token(struct rdata_input *in)
{
	if (rdata_more(in))
		return line_token(in->line, in->next++);
	rdata_refuse(in, "the data has too few fields");
	return NULL;
}

bool
rdata_put(struct rdata_input *in, const void *octets, size_t len)
{
	if (len > 65535 - in->len)
		return rdata_refuse(in, "the data is over 65,535 octets");
	if (len > 0)
		memcpy(in->out + in->len, octets, len);
	in->len += len;
	return true;
}

bool
rdata_put_number(struct rdata_input *in, uint64_t value, size_t octets)
{
	uint8_t number[8];

	put64(number, value);
	return rdata_put(in, number + 8 - octets, octets);
}

bool
rdata_number(struct rdata_input *in, uint64_t most, uint64_t *value)
{
	const char *token = rdata_token(in);

	if (token == NULL)
		return false;
	if (!whole_from_text(token, most, value))
		return rdata_refuse(
		    in, "%.40s is not a whole number from 0 to %llu", token, (unsigned long long)most);
	return true;
}

bool
rdata_read_number(struct rdata_input *in, size_t octets, uint64_t most)
{
	uint64_t value;

	return rdata_number(in, most, &value) && rdata_put_number(in, value, octets);
}

bool
rdata_read_name(struct rdata_input *in)
{
	const char *token = rdata_token(in);
	uint8_t name[NAME_MAX_LEN];
	size_t len;

	if (token == NULL)
		return false;
	len = name_from_text(name, token, in->origin);
	if (len == 0)
		return rdata_refuse(in, "\"%.60s\" is not a domain name", token);
	return rdata_put(in, name, len);
}

size_t
rdata_token_octets(const char *token, uint8_t *out)
{
	uint8_t *to = out;

	while (*token != '\0') {
		size_t step = line_step(token);

		if (step == 4)
			*to++ = (uint8_t)((token[1] - '0') * 100 + (token[2] - '0') * 10 + token[3] - '0');
		else if (step == 2)
			*to++ = '#';
		else if (*token != '"')
			*to++ = (uint8_t)*token;
		token += step;
	}
	return (size_t)(to - out);
}

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

/* RFC 8659 4.1: letters and digits, at least one. */
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
	    rdata_refuse(in, "the tag has only letters and digits, and at least one (RFC 8659 4.1)");
}

static bool
read_period(struct rdata_input *in)
{
	const char *token = rdata_token(in);
	uint64_t seconds;

	if (token == NULL)
		return false;
	if (!zonefile_ttl(token, &seconds) || seconds > UINT32_MAX)
		return rdata_refuse(in, "%.40s is not a time of at most 4294967295 seconds", token);
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
		return rdata_refuse(in, "\"%.40s\" is not a type of record", token);
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

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
rdata_read_hex(struct rdata_input *in)
{
	int half = -1;
	const char *token;

	do {
		if ((token = rdata_token(in)) == NULL)
			return false;
		for (; *token != '\0'; token++) {
			int digit = hex_value(*token);

			if (digit < 0)
				return rdata_refuse(in, "the data has something else than hex digits");
			if (half >= 0 && !rdata_put_number(in, (uint64_t)(half << 4 | digit), 1))
				return false;
			half = half >= 0 ? -1 : digit;
		}
	} while (rdata_more(in));
	return half < 0 || rdata_refuse(in, "the number of hex digits is odd");
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 4: groups of four, the last one filled with "=", no bits left over. */
bool
rdata_base64(struct rdata_input *in, const char *text, size_t len)
{
	size_t digits = len;

	while (digits > 0 && text[digits - 1] == '=')
		digits--;
	if (len % 4 != 0 || len - digits > 2)
		return rdata_refuse(in, "the base64 is cut short");
	for (size_t i = 0; i < digits; i += 4) {
		size_t have = MIN(digits - i, 4u);
		uint32_t group = 0;

		for (size_t j = 0; j < 4; j++) {
			int value = j < have ? base64_value(text[i + j]) : 0;

			if (value < 0)
				return rdata_refuse(in, "the data has something else than base64");
			group = group << 6 | (uint32_t)value;
		}
		if ((group & (have == 2 ? 0xffff : have == 3 ? 0xff : 0)) != 0)
			return rdata_refuse(in, "the base64 is damaged at its end");
		if (!rdata_put(in, (uint8_t[]){(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group},
			have - 1))
			return false;
	}
	return true;
}

bool
rdata_read_base64(struct rdata_input *in, bool may_be_empty)
{
	char *text = line_scratch(in->line, in->line->len + 1), *to = text;

	if (!rdata_more(in) && !may_be_empty)
		return rdata_token(in) != NULL;
	while (rdata_more(in))
		to = stpcpy(to, rdata_token(in));
	return rdata_base64(in, text, (size_t)(to - text));
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

/* RFC 4034 4.1.2, with no types at all (RFC 7477 2.1.1.2). */
static bool
read_bitmap(struct rdata_input *in)
{
	uint8_t *bits = xcalloc(256, 32);
	bool good = true;

	while (good && rdata_more(in)) {
		const char *token = rdata_token(in);
		uint16_t type = zonefile_type(token);

		if (type == 0)
			good = rdata_refuse(in, "\"%.40s\" is not a type of record", token);
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
	if (type->read != NULL) {
		if (!type->read(in))
			return false;
	} else if (type->fields[0] == '\0')
		return rdata_refuse(in,
		    "nobody has written down how the data is told: write it as \\# LENGTH HEX (RFC 3597)");
	else
		for (const char *field = type->fields; *field != '\0'; field++)
			if (!read_field(in, *field))
				return false;
	return !rdata_more(in) || rdata_refuse(in, "the data has too many fields");
}
