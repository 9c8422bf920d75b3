#include "admin/api/record_data.h"

#include "zones/base/text.h"
#include "zones/dns/rrset.h"

#include <ctype.h>
#include <stdlib.h>

enum { TYPE_LOC = 29, TYPE_NAPTR = 35, TYPE_CERT = 37, TYPE_SSHFP = 44, TYPE_TLSA = 52, TYPE_SMIMEA = 53 };
enum { TYPE_URI = 256, TYPE_CAA = 257, MEMBERS_MAX = 13 };

enum form {
	FORM_NUMBER,
	FORM_WORD,
	FORM_NAME,   /* whole; a final dot is added */
	FORM_HOST,   /* the same, shown without its final dot */
	FORM_STRING, /* in quotes */
	FORM_REST    /* all words to the end */
};

struct member {
	const char *name;
	enum form form;
};

static const struct shape {
	uint16_t type;
	struct member members[MEMBERS_MAX + 1];
} shapes[] = {
    {TYPE_SRV,
	{{"priority", FORM_NUMBER}, {"weight", FORM_NUMBER}, {"port", FORM_NUMBER}, {"target", FORM_HOST}}},
    {TYPE_CAA, {{"flags", FORM_NUMBER}, {"tag", FORM_WORD}, {"value", FORM_STRING}}},
    {TYPE_TLSA,
	{{"usage", FORM_NUMBER}, {"selector", FORM_NUMBER}, {"matching_type", FORM_NUMBER},
	    {"certificate", FORM_REST}}},
    {TYPE_SMIMEA,
	{{"usage", FORM_NUMBER}, {"selector", FORM_NUMBER}, {"matching_type", FORM_NUMBER},
	    {"certificate", FORM_REST}}},
    {TYPE_SSHFP, {{"algorithm", FORM_NUMBER}, {"type", FORM_NUMBER}, {"fingerprint", FORM_REST}}},
    {TYPE_DS,
	{{"key_tag", FORM_NUMBER}, {"algorithm", FORM_NUMBER}, {"digest_type", FORM_NUMBER},
	    {"digest", FORM_REST}}},
    {TYPE_CERT,
	{{"type", FORM_NUMBER}, {"key_tag", FORM_NUMBER}, {"algorithm", FORM_NUMBER},
	    {"certificate", FORM_REST}}},
    {TYPE_SVCB, {{"priority", FORM_NUMBER}, {"target", FORM_NAME}, {"value", FORM_REST}}},
    {TYPE_HTTPS, {{"priority", FORM_NUMBER}, {"target", FORM_NAME}, {"value", FORM_REST}}},
    {TYPE_NAPTR,
	{{"order", FORM_NUMBER}, {"preference", FORM_NUMBER}, {"flags", FORM_STRING},
	    {"service", FORM_STRING}, {"regex", FORM_STRING}, {"replacement", FORM_NAME}}},
    {TYPE_URI, {{"priority", FORM_NUMBER}, {"weight", FORM_NUMBER}, {"target", FORM_STRING}}},
    {TYPE_LOC,
	{{"lat_degrees", FORM_NUMBER}, {"lat_minutes", FORM_NUMBER}, {"lat_seconds", FORM_NUMBER},
	    {"lat_direction", FORM_WORD}, {"long_degrees", FORM_NUMBER}, {"long_minutes", FORM_NUMBER},
	    {"long_seconds", FORM_NUMBER}, {"long_direction", FORM_WORD}, {"altitude", FORM_NUMBER},
	    {"size", FORM_NUMBER}, {"precision_horz", FORM_NUMBER}, {"precision_vert", FORM_NUMBER}}},
};

static const struct shape *
shape_of(uint16_t type)
{
	for (size_t i = 0; i < NITEMS(shapes); i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
}

bool
record_data_has(uint16_t type)
{
	return shape_of(type) != NULL;
}

/* ---- words ---- */

static const char *
skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

char *
record_data_word(const char **at)
{
	const char *from = skip_blanks(*at);
	bool quoted = *from == '"';
	char *word, *to;

	if (*from == '\0')
		return NULL;
	word = to = xmalloc(strlen(from) + 1);
	from += quoted;
	while (*from != '\0' && (quoted ? *from != '"' : *from != ' ' && *from != '\t')) {
		if (from[0] == '\\' && isdigit((unsigned char)from[1]) && isdigit((unsigned char)from[2]) &&
		    isdigit((unsigned char)from[3])) {
			*to++ = (char)((from[1] - '0') * 100 + (from[2] - '0') * 10 + (from[3] - '0'));
			from += 4;
		} else {
			from += from[0] == '\\' && from[1] != '\0';
			*to++ = *from++;
		}
	}
	*to = '\0';
	*at = from + (quoted && *from == '"');
	return word;
}

char *
record_data_quoted(const char *text, size_t len)
{
	char *out;
	size_t out_len;
	FILE *stream = text_stream(&out, &out_len);

	fputc('"', stream);
	for (size_t i = 0; i < len; i++) {
		uint8_t octet = (uint8_t)text[i];

		if (octet == '"' || octet == '\\')
			fprintf(stream, "\\%c", octet);
		else if (octet < ' ' || octet > '~')
			fprintf(stream, "\\%03u", octet);
		else
			fputc(octet, stream);
	}
	fputc('"', stream);
	fclose(stream);
	return out;
}

/* ---- show ---- */

/* A number, if the word is one; LOC ends its lengths with m. */
static struct json *
number_of(char *word)
{
	size_t len = strlen(word);
	double number;

	if (len > 1 && word[len - 1] == 'm')
		word[len - 1] = '\0';
	return number_from_text(word, &number) ? json_new_number(number) : json_new_text(word);
}

static struct json *
show_member(enum form form, const char **at)
{
	struct json *json;
	const char *rest;
	char *word;

	if (form == FORM_REST) {
		rest = skip_blanks(*at);
		*at = rest + strlen(rest);
		return json_new_text(rest);
	}
	if ((word = record_data_word(at)) == NULL)
		return NULL;
	if (form == FORM_HOST && strlen(word) > 1 && word[strlen(word) - 1] == '.')
		word[strlen(word) - 1] = '\0';
	json = form == FORM_NUMBER ? number_of(word) : json_new_text(word);
	free(word);
	return json;
}

struct json *
record_data_show(uint16_t type, const char *text)
{
	const struct shape *shape = shape_of(type);
	struct json *data, *value;

	if (shape == NULL || strncmp(text, "\\#", 2) == 0)
		return NULL;
	data = json_new_object();
	for (const struct member *member = shape->members; member->name != NULL; member++) {
		if ((value = show_member(member->form, &text)) == NULL) {
			json_drop(data);
			return NULL;
		}
		/* That of a URI is beside its data. */
		if (type == TYPE_URI && strcmp(member->name, "priority") == 0)
			json_drop(value);
		else
			json_put(data, member->name, value);
	}
	return data;
}

/* ---- take ---- */

/* A member as text: numbers are written as such. NULL if it is not given. */
static char *
text_of_member(const struct json *data, const char *name)
{
	const struct json *value = json_member(data, name);
	const char *text = json_text(value), *end;
	double number;

	if (text != NULL) {
		text = skip_blanks(text);
		for (end = text + strlen(text); end > text && (end[-1] == ' ' || end[-1] == '\t'); end--)
			;
		return xasprintf("%.*s", (int)(end - text), text);
	}
	if (!json_numeric(value))
		return NULL;
	number = json_number_of(value);
	return json_kind(value) == JSON_KIND_INTEGER ? xasprintf("%lld", json_integer_of(value))
						     : xasprintf("%.10g", number);
}

/* LOC has lengths with an m, and defaults of its own (RFC 1876 3). */
static char *
default_of(uint16_t type, const char *name)
{
	static const struct {
		const char *name, *value;
	} rows[] = {{"lat_minutes", "0"}, {"lat_seconds", "0"}, {"long_minutes", "0"}, {"long_seconds", "0"},
	    {"size", "1"}, {"precision_horz", "10000"}, {"precision_vert", "10"}};

	for (size_t i = 0; type == TYPE_LOC && i < NITEMS(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return xstrdup(rows[i].value);
	if ((type == TYPE_SVCB || type == TYPE_HTTPS) && strcmp(name, "value") == 0)
		return xstrdup("");
	return NULL;
}

static bool
is_length(uint16_t type, const char *name)
{
	return type == TYPE_LOC &&
	    (strcmp(name, "altitude") == 0 || strcmp(name, "size") == 0 ||
		strncmp(name, "precision_", 10) == 0);
}

/* Write a member as a word. False if it cannot be one word. */
static bool
put_member(FILE *out, uint16_t type, const struct member *member, const char *text)
{
	char *quoted;

	if (member->form != FORM_STRING && member->form != FORM_REST &&
	    (*text == '\0' || strpbrk(text, " \t\r\n\"();") != NULL))
		return false;
	if (member->form == FORM_REST && strpbrk(text, "\r\n") != NULL)
		return false;
	switch (member->form) {
	case FORM_STRING:
		quoted = record_data_quoted(text, strlen(text));
		fputs(quoted, out);
		free(quoted);
		break;
	case FORM_NAME:
	case FORM_HOST:
		fprintf(out, "%s%s", text, text[strlen(text) - 1] == '.' ? "" : ".");
		break;
	default:
		fprintf(out, "%s%s", text, is_length(type, member->name) ? "m" : "");
		break;
	}
	return true;
}

char *
record_data_take(uint16_t type, const struct json *data, const char **missing)
{
	const struct shape *shape = shape_of(type);
	size_t len;
	char *text;
	FILE *out = text_stream(&text, &len);

	*missing = NULL;
	for (const struct member *member = shape->members; member->name != NULL && *missing == NULL;
	     member++) {
		char *word = text_of_member(data, member->name);

		if (word == NULL)
			word = default_of(type, member->name);
		if (member != shape->members)
			fputc(' ', out);
		if (word == NULL || !put_member(out, type, member, word))
			*missing = member->name;
		free(word);
	}
	fclose(out);
	if (*missing == NULL)
		return text;
	free(text);
	return NULL;
}

struct json *
record_data_forms(uint16_t type, const struct json *given, const struct json *shown)
{
	const struct shape *shape = shape_of(type);
	struct json *forms = NULL;

	for (const struct member *member = shape->members; member->name != NULL; member++) {
		char *text = member->form != FORM_NUMBER ? text_of_member(given, member->name) : NULL;

		if (text != NULL && strcmp(text, json_text_of(shown, member->name)) != 0) {
			if (forms == NULL)
				forms = json_new_object();
			json_put_text(forms, member->name, text);
		}
		free(text);
	}
	return forms;
}
