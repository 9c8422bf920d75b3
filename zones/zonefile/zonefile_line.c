/* Split a master file into lines of tokens. */
#include "zones/base/array.h"
#include "zones/zonefile/zonefile_parts.h"

#include "zones/dns/idn.h"
#include <stdio.h>
#include <stdlib.h>

static void
put_octet(struct line *line, char octet)
{
	/* The next line uses the same memory, from its beginning. */
	if (line->len == line->room) {
		line->text = array_grow_by(line->text, line->room, MAX(line->room, 512u), 1);
		line->room += MAX(line->room, 512u);
	}
	line->text[line->len++] = octet;
}

static void
put_escaped(struct line *line, uint8_t octet)
{
	put_octet(line, '\\');
	put_octet(line, (char)('0' + octet / 100));
	put_octet(line, (char)('0' + octet / 10 % 10));
	put_octet(line, (char)('0' + octet % 10));
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A backslash and the characters after it.  ldns takes \DDD everywhere, but not every \X. */
static void
put_escape(struct cursor *cursor, struct line *line)
{
	cursor->at++;
	if (cursor->at == cursor->end || *cursor->at == '\n')
		snprintf(line->fault, sizeof line->fault, "nothing follows a backslash");
	else if (is_digit(*cursor->at)) {
		const char *digit = cursor->at;

		if (cursor->end - digit < 3 || !is_digit(digit[1]) || !is_digit(digit[2]) ||
		    memcmp(digit, "255", 3) > 0) {
			snprintf(line->fault, sizeof line->fault,
			    "an escape \\DDD needs three digits from 000 to 255");
			cursor->at++;
			return;
		}
		put_escaped(line, (uint8_t)((digit[0] - '0') * 100 + (digit[1] - '0') * 10 + digit[2] - '0'));
		cursor->at += 3;
	} else if (*cursor->at == '#') { /* RFC 3597 5 */
		put_octet(line, '\\');
		put_octet(line, *cursor->at++);
	} else if ((*cursor->at | 0x20) >= 'a' && (*cursor->at | 0x20) <= 'z') {
		/* By RFC 1035 5.1, C:\dir means "C:dir", which is never intended. */
		snprintf(line->fault, sizeof line->fault,
		    "\"\\%c\" would be only \"%c\": write \"\\\\\" for a backslash", *cursor->at,
		    *cursor->at);
		cursor->at++;
	} else
		put_escaped(line, (uint8_t)*cursor->at++);
}

/* A word, or a quoted string: a string ends a word and begins one, also without a blank (as in BIND and
 * NSD). */
static void
put_token(struct cursor *cursor, struct line *line, bool touches)
{
	bool quoted = false, whole = *cursor->at == '"';

	if (line->count == line->tokens_room) {
		line->tokens_room += MAX(line->tokens_room, 16u);
		line->tokens = array_grow_by(
		    line->tokens, line->count, line->tokens_room - line->count, sizeof *line->tokens);
	}
	line->tokens[line->count++] = (struct token){.at = line->len, .touches = touches};
	while (cursor->at < cursor->end && *cursor->at != '\n') {
		char c = *cursor->at;

		if (!quoted && (strchr(" \t\r;()", c) != NULL || (c == '"' && !whole)))
			break;
		if (c == '\\')
			put_escape(cursor, line);
		else if (c == '"') {
			put_octet(line, *cursor->at++);
			quoted = !quoted;
			if (!quoted)
				break; /* "a""b" are two strings */
		} else if (c < ' ' || c > '~') {
			line->tokens[line->count - 1].raw |= (uint8_t)c > 127;
			put_escaped(line, (uint8_t)c);
			cursor->at++;
		} else
			put_octet(line, *cursor->at++);
	}
	if (quoted)
		snprintf(line->fault, sizeof line->fault,
		    "a quoted string does not end on the line where it begins");
	put_octet(line, '\0');
}

/* One logical line, perhaps without tokens. */
static void
read_line(struct cursor *cursor, struct line *line)
{
	unsigned depth = 0, opened = 0;
	const char *end = NULL; /* of the previous token */

	line->len = line->count = 0;
	line->fault[0] = '\0';
	line->number = cursor->line;
	line->starts_blank = *cursor->at == ' ' || *cursor->at == '\t';
	while (cursor->at < cursor->end) {
		char c = *cursor->at;

		if (c == '\n') {
			cursor->at++;
			cursor->line++;
			if (depth == 0)
				return;
		} else if (c == ';') {
			const char *newline = memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));

			cursor->at = newline ? newline : cursor->end;
		} else if (c == ' ' || c == '\t' || c == '\r')
			cursor->at++;
		else if (c == '(') {
			if (depth++ == 0)
				opened = cursor->line;
			cursor->at++;
		} else if (c == ')') {
			if (depth == 0)
				snprintf(line->fault, sizeof line->fault, "\")\" without \"(\"");
			else
				depth--;
			cursor->at++;
		} else {
			put_token(cursor, line, cursor->at == end);
			end = cursor->at;
		}
	}
	if (depth > 0) {
		line->number = opened;
		snprintf(line->fault, sizeof line->fault, "\"(\" without \")\"");
	}
}

bool
line_next(struct cursor *cursor, struct line *line)
{
	while (cursor->at < cursor->end) {
		read_line(cursor, line);
		if (line->count > 0 || line->fault[0] != '\0')
			return true;
	}
	return false;
}

bool
line_to_ascii(struct line *line, size_t index, char why[160])
{
	const char *from = line_token(line, index), *fault;
	char *text, *to, *ascii;

	if (!line->tokens[index].raw || *from == '"')
		return true;
	to = text = xmalloc(strlen(from) + 1);
	while (*from != '\0') {
		unsigned octet = line_step(from) == 4 ? line_octet(from) : 0;

		if (octet > 127) {
			*to++ = (char)octet;
			from += 4;
		} else
			*to++ = *from++; /* an escape of ASCII stays as it is */
	}
	*to = '\0';
	ascii = idn_to_ascii(text, &fault);
	if (ascii != NULL) {
		line->tokens[index] = (struct token){.at = line->len, .touches = line->tokens[index].touches};
		for (const char *at = ascii; *at != '\0'; at++)
			put_octet(line, *at);
		put_octet(line, '\0');
	} else
		snprintf(why, 160, "cannot convert \"%.80s\" to ASCII (%s): write its A-labels (xn--...)",
		    line_token(line, index), fault);
	free(ascii);
	free(text);
	return ascii != NULL;
}

char *
line_scratch(struct line *line, size_t len)
{
	if (line->scratch_room < len) {
		line->scratch_room = len + len / 2;
		free(line->scratch);
		line->scratch = xmalloc(line->scratch_room);
	}
	return line->scratch;
}

void
line_free(struct line *line)
{
	free(line->text);
	free(line->tokens);
	free(line->scratch);
	*line = (struct line){0};
}
