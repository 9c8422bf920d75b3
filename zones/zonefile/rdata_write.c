#include "zones/zonefile/rdata.h"

#include <inttypes.h>

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

/* All octets that are left. */
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
	if (type->write != NULL)
		return type->write(out, in) && !in->bad && in->at == in->end;
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
