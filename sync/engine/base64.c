#include "sync/engine/base64.h"

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { CHUNK = 3 * 256 };

/* Write at most three octets as four digits. */
static void
write_group(char out[4], const uint8_t *at, size_t len)
{
	uint32_t bits = (uint32_t)at[0] << 16;

	if (len > 1)
		bits |= (uint32_t)at[1] << 8;
	if (len > 2)
		bits |= at[2];
	out[0] = digits[bits >> 18];
	out[1] = digits[bits >> 12 & 63];
	out[2] = len > 1 ? digits[bits >> 6 & 63] : '=';
	out[3] = len > 2 ? digits[bits & 63] : '=';
}

void
base64_write(FILE *out, struct bytes octets)
{
	const uint8_t *at = octets.data;
	char text[CHUNK / 3 * 4];

	for (size_t done = 0; done < octets.len;) {
		size_t chunk = MIN(octets.len - done, (size_t)CHUNK), used = 0;

		for (size_t i = 0; i < chunk; i += 3, used += 4)
			write_group(text + used, at + done + i, MIN(chunk - i, (size_t)3));
		fwrite(text, 1, used, out);
		done += chunk;
	}
}

/* The value of a digit; -1 if it is none. */
static int
digit_value(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

bool
base64_read(const char *text, uint8_t *out, size_t *len)
{
	size_t text_len = strlen(text), padding = 0;
	uint8_t *at = out;

	while (padding < 2 && padding < text_len && text[text_len - 1 - padding] == '=')
		padding++;
	if (text_len % 4 != 0)
		return false;
	for (size_t i = 0; i < text_len; i += 4) {
		size_t missing = i + 4 == text_len ? padding : 0;
		uint32_t bits = 0;

		for (size_t j = 0; j < 4; j++) {
			int value = j < 4 - missing ? digit_value(text[i + j]) : 0;

			if (value < 0)
				return false;
			bits = bits << 6 | (uint32_t)value;
		}
		*at++ = (uint8_t)(bits >> 16);
		if (missing < 2)
			*at++ = (uint8_t)(bits >> 8);
		if (missing < 1)
			*at++ = (uint8_t)bits;
	}
	*len = (size_t)(at - out);
	return true;
}
