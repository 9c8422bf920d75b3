/* The building blocks of the readers of data. */
#include "zones/zonefile/rdata.h"

#include <stdarg.h>
#include <stdlib.h>

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
		return rdata_refuse(in, "the data has more than 65,535 octets");
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
			*to++ = line_octet(token);
		else if (step == 2)
			*to++ = '#';
		else if (*token != '"')
			*to++ = (uint8_t)*token;
		token += step;
	}
	return (size_t)(to - out);
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
			int digit = hex_digit(*token);

			if (digit < 0)
				return rdata_refuse(in, "the data has characters that are not hex digits");
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

/* RFC 4648 4: groups of four, the last one padded with "=", without left-over bits. */
bool
rdata_base64(struct rdata_input *in, const char *text, size_t len)
{
	size_t digits = len;

	while (digits > 0 && text[digits - 1] == '=')
		digits--;
	if (len % 4 != 0 || len - digits > 2)
		return rdata_refuse(in, "the base64 is incomplete");
	for (size_t i = 0; i < digits; i += 4) {
		size_t have = MIN(digits - i, 4u);
		uint32_t group = 0;

		for (size_t j = 0; j < 4; j++) {
			int value = j < have ? base64_value(text[i + j]) : 0;

			if (value < 0)
				return rdata_refuse(in, "the data has characters that are not base64");
			group = group << 6 | (uint32_t)value;
		}
		if ((group & (have == 2 ? 0xffff : have == 3 ? 0xff : 0)) != 0)
			return rdata_refuse(in, "the end of the base64 is invalid");
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
