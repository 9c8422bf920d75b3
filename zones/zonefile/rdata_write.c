/* The building blocks of the writers of data. */
#include "zones/zonefile/rdata.h"

void
rdata_write_quoted(FILE *out, const uint8_t *octets, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		uint8_t octet = octets[i];

		if (octet < ' ' || octet > '~')
			fprintf(out, "\\%03u", octet);
		else
			fprintf(out, "%s%c", octet == '"' || octet == '\\' ? "\\" : "", octet);
	}
	fputc('"', out);
}

void
rdata_write_base64(FILE *out, const uint8_t *octets, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t have = MIN(len - i, 3u);
		uint32_t group = (uint32_t)octets[i] << 16;

		if (have > 1)
			group |= (uint32_t)octets[i + 1] << 8;
		if (have > 2)
			group |= octets[i + 2];
		for (size_t j = 0; j < 4; j++)
			fputc(j <= have ? digits[group >> (18 - 6 * j) & 63] : '=', out);
	}
}

bool
rdata_write_name(FILE *out, struct reader *in)
{
	size_t len = name_valid(in->at, (size_t)(in->end - in->at));
	char text[NAME_MAX_TEXT];

	if (len == 0) {
		in->bad = true;
		return false;
	}
	fputs(name_to_text(in->at, text), out);
	in->at += len;
	return true;
}
