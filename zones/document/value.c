#include "zones/document/value.h"

#include <stdlib.h>

enum { DEPTH_MAX = 64 };

/*
 * A document is an array of values in the order of the text, followed by a copy of the text. The children of
 * a list or object come directly after it; "next" skips over them.
 *
 *   {"name": "eu", "origins": [1, 2]}   ->   object, "eu", list, 1, 2
 */
struct value {
	const char *key; /* "" for an item */
	union {
		const char *text;
		long long integer;
		double real;
		struct {
			uint32_t count;
			uint32_t
			    last; /* distance from the object to the member that value_member() found last */
		} children;
	};
	uint32_t key_len;
	uint32_t next; /* distance to the next member or item; 0: there is none */
	uint8_t kind;
	bool truth;
};

struct parser {
	char *at; /* texts are decoded in place: a decoded text is never longer */
	struct value *free;
	unsigned depth;
};

/* Count an upper bound of values: each value except the first follows a comma or opens a list or object. */
static size_t
count_values(struct bytes text)
{
	const char *at = text.data;
	size_t count = 1;

	for (size_t i = 0; i < text.len; i++)
		count += (at[i] == ',') | (at[i] == '[') | (at[i] == '{');
	return count;
}

static char
skip_blanks(struct parser *parser)
{
	while (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\t' || *parser->at == '\r')
		parser->at++;
	return *parser->at;
}

static bool
skip_word(struct parser *parser, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(parser->at, word, len) != 0)
		return false;
	parser->at += len;
	return true;
}

/* ---- texts ---- */

static bool
read_hex(const char *at, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef", *digit;

		if (at[i] == '\0' || (digit = strchr(digits, at[i] | 0x20)) == NULL || at[i] < '0')
			return false;
		*code = *code << 4 | (uint32_t)(digit - digits);
	}
	return true;
}

static char *
put_utf8(char *out, uint32_t code)
{
	unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};

	*out++ = (char)(first[more] | code >> 6 * more);
	while (more-- > 0)
		*out++ = (char)(0x80 | (code >> 6 * more & 0x3f));
	return out;
}

/* Decode \uXXXX, or two of them for a surrogate pair (RFC 8259 7). */
static bool
read_unicode(char **at, char **out)
{
	uint32_t code, low;

	if (!read_hex(*at, &code) || code == 0 || (code >= 0xdc00 && code < 0xe000))
		return false;
	*at += 4;
	if (code >= 0xd800 && code < 0xdc00) {
		if ((*at)[0] != '\\' || (*at)[1] != 'u' || !read_hex(*at + 2, &low) || low < 0xdc00 ||
		    low >= 0xe000)
			return false;
		*at += 6;
		code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
	}
	*out = put_utf8(*out, code);
	return true;
}

static bool
read_escape(char **at, char **out)
{
	static const char names[] = "\"\\/bfnrt", octets[] = "\"\\/\b\f\n\r\t";
	const char *name;
	char escaped = *(*at)++;

	if (escaped == 'u')
		return read_unicode(at, out);
	if (escaped == '\0' || (name = strchr(names, escaped)) == NULL)
		return false;
	*(*out)++ = octets[name - names];
	return true;
}

/* The parser is after the opening quote. Returns NULL if the text is invalid. */
static const char *
read_text(struct parser *parser, uint32_t *len)
{
	char *start = parser->at, *at = start, *out = start;

	while (*at != '"') {
		if ((uint8_t)*at < 0x20)
			return NULL;
		if (*at != '\\') {
			*out++ = *at++;
			continue;
		}
		at++;
		if (!read_escape(&at, &out))
			return NULL;
	}
	*out = '\0';
	parser->at = at + 1;
	*len = (uint32_t)(out - start);
	return start;
}

/* ---- values ---- */

/* RFC 8259 6. Returns the number of digits, or -1 if there are none. */
static int
skip_digits(const char **at)
{
	int count = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		count++;
	return count > 0 ? count : -1;
}

static bool
read_number(struct parser *parser, struct value *value)
{
	const char *at = parser->at, *digits;
	int count;

	value->kind = VALUE_INTEGER;
	at += *at == '-';
	digits = at;
	if ((count = skip_digits(&at)) < 0 || (*digits == '0' && count > 1))
		return false;
	if (*at == '.') {
		at++;
		value->kind = VALUE_REAL;
		if (skip_digits(&at) < 0)
			return false;
	}
	if (*at == 'e' || *at == 'E') {
		at += 1 + (at[1] == '+' || at[1] == '-');
		value->kind = VALUE_REAL;
		if (skip_digits(&at) < 0)
			return false;
	}
	if (value->kind == VALUE_INTEGER)
		value->integer = strtoll(parser->at, NULL, 10);
	else
		value->real = strtod(parser->at, NULL);
	parser->at += at - parser->at;
	return true;
}

static bool read_value(struct parser *parser, const char *key, uint32_t key_len);

static bool
read_member(struct parser *parser, bool named)
{
	const char *key = "";
	uint32_t len = 0;

	if (!named)
		return read_value(parser, key, len);
	if (skip_blanks(parser) != '"')
		return false;
	parser->at++;
	if ((key = read_text(parser, &len)) == NULL || skip_blanks(parser) != ':')
		return false;
	parser->at++;
	return read_value(parser, key, len);
}

/* The parser is after the opening bracket. */
static bool
read_children(struct parser *parser, struct value *value, char end)
{
	struct value *last = NULL;

	value->children.count = 0;
	value->children.last = 1;
	if (parser->depth++ >= DEPTH_MAX)
		return false;
	if (skip_blanks(parser) != end)
		for (parser->at--; last == NULL || *parser->at == ',';) {
			struct value *child = parser->free;

			parser->at++;
			if (!read_member(parser, end == '}'))
				return false;
			if (last != NULL)
				last->next = (uint32_t)(child - last);
			last = child;
			value->children.count++;
			skip_blanks(parser);
		}
	parser->depth--;
	return *parser->at++ == end;
}

static bool
read_value(struct parser *parser, const char *key, uint32_t key_len)
{
	struct value *value = parser->free++;

	*value = (struct value){.key = key, .key_len = key_len};
	switch (skip_blanks(parser)) {
	case '{':
		parser->at++;
		value->kind = VALUE_OBJECT;
		return read_children(parser, value, '}');
	case '[':
		parser->at++;
		value->kind = VALUE_LIST;
		return read_children(parser, value, ']');
	case '"':
		parser->at++;
		value->kind = VALUE_TEXT;
		return (value->text = read_text(parser, &key_len)) != NULL;
	case 't':
	case 'f':
		value->kind = VALUE_BOOL;
		value->truth = *parser->at == 't';
		return skip_word(parser, value->truth ? "true" : "false");
	case 'n':
		return skip_word(parser, "null");
	default:
		return read_number(parser, value);
	}
}

struct value *
value_read(struct bytes text)
{
	size_t head = count_values(text) * sizeof(struct value);
	struct value *values = xmalloc(head + text.len + 1);
	char *copy = (char *)values + head;
	struct parser parser = {.at = copy, .free = values};

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (text.len < UINT32_MAX && read_value(&parser, "", 0) && skip_blanks(&parser) == '\0' &&
	    parser.at == copy + text.len)
		return values;
	free(values);
	return NULL;
}

void
value_free(struct value *value)
{
	free(value);
}

/* ---- reading ---- */

enum value_kind
value_kind(const struct value *value)
{
	return value != NULL ? (enum value_kind)value->kind : VALUE_NULL;
}

const char *
value_text(const struct value *value)
{
	return value_kind(value) == VALUE_TEXT ? value->text : NULL;
}

long long
value_integer(const struct value *value)
{
	return value_kind(value) == VALUE_INTEGER ? value->integer : 0;
}

double
value_number(const struct value *value)
{
	return value_kind(value) == VALUE_REAL ? value->real : (double)value_integer(value);
}

bool
value_truth(const struct value *value)
{
	return value != NULL && value->truth;
}

size_t
value_count(const struct value *value)
{
	return value_kind(value) >= VALUE_LIST ? value->children.count : 0;
}

const struct value *
value_first(const struct value *value)
{
	return value_count(value) > 0 ? value + 1 : NULL;
}

const struct value *
value_next(const struct value *value)
{
	return value->next > 0 ? value + value->next : NULL;
}

const char *
value_key(const struct value *value)
{
	return value->key;
}

const struct value *
value_member(const struct value *object, const char *key)
{
	struct value *from = (struct value *)(uintptr_t)object;
	const struct value *member;
	size_t len = strlen(key);

	if (value_kind(object) != VALUE_OBJECT)
		return NULL;
	/* Search from the last member that was found to the end, then from the start. */
	member = object + object->children.last;
	for (uint32_t i = 0; i < object->children.count; i++) {
		if (member->key_len == len && memcmp(member->key, key, len) == 0) {
			from->children.last = (uint32_t)(member - object);
			return member;
		}
		member = member->next > 0 ? member + member->next : object + 1;
	}
	return NULL;
}

const char *
value_text_of(const struct value *object, const char *key)
{
	const char *text = value_text(value_member(object, key));

	return text != NULL ? text : "";
}
