#include "zones/expression/expression_token.h"

#include "zones/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Report a fault; only the first one is kept. */
bool
token_fail(struct reader *reader, const char *at, const char *format, ...)
{
	char *why;
	va_list args;

	if (reader->error != NULL)
		return false;
	va_start(args, format);
	why = xvasprintf(format, args);
	va_end(args);
	reader->error = xasprintf("at column %zu: %s", (size_t)(at - reader->text) + 1, why);
	for (char *c = reader->error; *c != '\0'; c++)
		if ((uint8_t)*c < ' ')
			*c = ' ';
	free(why);
	return false;
}

/* The number of octets to show of a text: at most the limit, and no broken last character (UTF-8). */
static int
whole_characters(const char *text, size_t len, size_t most)
{
	if (len <= most)
		return (int)len;
	while (most > 0 && ((uint8_t)text[most] & 0xc0) == 0x80)
		most--;
	return (int)most;
}

bool
token_expected(struct reader *reader, const char *what)
{
	if (reader->kind == TOKEN_END)
		return token_fail(reader, reader->start, "expected %s, found the end", what);
	return token_fail(reader, reader->start, "expected %s, found %.*s", what,
	    whole_characters(reader->start, reader->len, 60), reader->start);
}

/* ---- tokens ---- */

/* "...": \" \\ and \xHH are one octet each. */
static bool
read_quoted(struct reader *reader, const char *at)
{
	while (*at != '"') {
		char octet = *at++;

		if (octet == '\0')
			return token_fail(
			    reader, reader->start, "the text that begins here does not end with \"");
		if (octet == '\\') {
			octet = *at++;
			if (octet == 'x' && hex_digit(at[0]) >= 0 && hex_digit(at[1]) >= 0) {
				octet = (char)(hex_digit(at[0]) << 4 | hex_digit(at[1]));
				at += 2;
			} else if (octet != '"' && octet != '\\') {
				return token_fail(reader, at - 2, "expected \\\", \\\\ or \\xHH");
			}
		}
		reader->literal[reader->literal_len++] = octet;
	}
	reader->next = at + 1;
	return true;
}

/* r"..." and r#"..."#, with any number of #: it has no escapes. */
static bool
read_raw(struct reader *reader, const char *at)
{
	size_t hashes = strspn(at, "#");
	const char *end = at += hashes + 1;

	while ((end = strchr(end, '"')) != NULL && strspn(end + 1, "#") < hashes)
		end++;
	if (end == NULL)
		return token_fail(reader, reader->start, "the text that begins here has no end");
	reader->literal_len = (size_t)(end - at);
	memcpy(reader->literal, at, reader->literal_len);
	reader->next = end + 1 + hashes;
	return true;
}

/* A run ends before "..", which makes a range. */
static size_t
run_len(const char *at)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/";
	size_t len = strspn(at, letters);
	const char *dots = memmem(at, len, "..", 2);

	return dots != NULL ? (size_t)(dots - at) : len;
}

/* The number of octets of the character (UTF-8). */
static int
character_len(const char *at)
{
	int len = 1;

	while (len < 4 && ((uint8_t)at[len] & 0xc0) == 0x80)
		len++;
	return len;
}

bool
token_advance(struct reader *reader)
{
	static const char *const signs[] = {
	    "..", "&&", "||", "^^", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "{", "}", ",", "~"};
	const char *at = reader->next + strspn(reader->next, " \t\r\n");

	reader->start = at;
	reader->len = run_len(at);
	reader->literal_len = 0;
	if (*at == '\0') {
		reader->kind = TOKEN_END;
		reader->next = at;
		return true;
	}
	if (*at == '"' || (*at == 'r' && at[1 + strspn(at + 1, "#")] == '"')) {
		bool good = *at == '"' ? read_quoted(reader, at + 1) : read_raw(reader, at + 1);

		reader->kind = TOKEN_TEXT;
		reader->len = (size_t)(reader->next - at);
		return good;
	}
	reader->kind = reader->len > 0 ? TOKEN_RUN : TOKEN_SIGN;
	for (size_t i = 0; i < NITEMS(signs) && reader->len == 0; i++)
		if (strncmp(at, signs[i], strlen(signs[i])) == 0)
			reader->len = strlen(signs[i]);
	if (*at == '$')
		return token_fail(reader, at, "named lists are not supported: write their values in {...}");
	if (reader->len == 0)
		return token_fail(reader, at, "expected a field, a value or an operator, found %.*s",
		    character_len(at), at);
	reader->next = at + reader->len;
	return true;
}

bool
token_is(const struct reader *reader, const char *text)
{
	return (reader->kind == TOKEN_RUN || reader->kind == TOKEN_SIGN) && reader->len == strlen(text) &&
	    memcmp(reader->start, text, reader->len) == 0;
}

bool
token_skip(struct reader *reader, const char *text)
{
	if (token_is(reader, text))
		return token_advance(reader);
	return token_expected(reader, text);
}
