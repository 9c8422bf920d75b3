#include "zones/document/json.h"

#include <jansson.h>
#include <stdlib.h>

/* struct json is jansson's json_t under another name, so that no other file needs the header of jansson. */
static json_t *
in(const struct json *value)
{
	return (json_t *)(uintptr_t)value;
}

/* jansson reports exhausted memory like a fault of the text. So its allocator never fails: exhausted memory
 * ends the program. */
__attribute__((constructor)) static void
begin(void)
{
	json_set_alloc_funcs(xmalloc, free);
}

static struct json *
out(json_t *value)
{
	if (value == NULL)
		memory_exhausted(0);
	return (struct json *)value;
}

static void
must(int rc)
{
	if (rc != 0)
		memory_exhausted(0);
}

struct json *
json_read(const char *text, size_t len, const char *where, struct problems *problems)
{
	json_error_t error;
	json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (value == NULL)
		problems_error(problems, "%s:%d: this is not JSON: %s", where, error.line, error.text);
	return (struct json *)value;
}

struct json *
json_read_quietly(struct bytes text)
{
	json_error_t error;
	json_t *value = json_loadb(text.data, text.len, JSON_DECODE_ANY, &error);

	return (struct json *)value;
}

char *
json_write(const struct json *value, bool indented)
{
	char *text = json_dumps(in(value),
	    JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) | (indented ? JSON_INDENT(2) : JSON_COMPACT));

	if (text == NULL)
		memory_exhausted(0);
	return text;
}

void
json_write_part(FILE *out, const char *octets, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)octets[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n' || c == '\t')
			fputs(c == '\n' ? "\\n" : "\\t", out);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
}

void
json_drop(struct json *value)
{
	json_decref(in(value));
}

struct json *
json_clone(const struct json *value)
{
	return out(json_deep_copy(in(value)));
}

bool
json_same(const struct json *a, const struct json *b)
{
	return json_equal(in(a), in(b)) == 1;
}

struct json *
json_new_object(void)
{
	return out(json_object());
}

struct json *
json_new_list(void)
{
	return out(json_array());
}

struct json *
json_new_text(const char *text)
{
	json_t *value = json_string(text);

	/* JSON must be UTF-8; replace a text from a command line that is not. */
	return out(value ? value : json_string("\xef\xbf\xbd"));
}

struct json *
json_new_integer(long long number)
{
	return out(json_integer(number));
}

struct json *
json_new_number(double number)
{
	if (number > -1e15 && number < 1e15 && number == (double)(long long)number)
		return out(json_integer((long long)number));
	return out(json_real(number));
}

struct json *
json_new_bool(bool truth)
{
	return out(json_boolean(truth));
}

struct json *
json_new_null(void)
{
	return out(json_null());
}

void
json_put(struct json *object, const char *key, struct json *value)
{
	must(json_object_set_new(in(object), key, in(value)));
}

void
json_put_text(struct json *object, const char *key, const char *text)
{
	json_put(object, key, text ? json_new_text(text) : json_new_null());
}

void
json_put_integer(struct json *object, const char *key, long long number)
{
	json_put(object, key, json_new_integer(number));
}

void
json_put_number(struct json *object, const char *key, double number)
{
	json_put(object, key, json_new_number(number));
}

void
json_put_bool(struct json *object, const char *key, bool truth)
{
	json_put(object, key, json_new_bool(truth));
}

void
json_remove(struct json *object, const char *key)
{
	json_object_del(in(object), key);
}

void
json_add(struct json *list, struct json *value)
{
	must(json_array_append_new(in(list), in(value)));
}

void
json_add_text(struct json *list, const char *text)
{
	json_add(list, json_new_text(text));
}

void
json_remove_item(struct json *list, size_t index)
{
	json_array_remove(in(list), index);
}

enum json_kind
json_kind(const struct json *value)
{
	static const enum json_kind kinds[] = {[JSON_OBJECT] = JSON_KIND_OBJECT,
	    [JSON_ARRAY] = JSON_KIND_LIST,
	    [JSON_STRING] = JSON_KIND_TEXT,
	    [JSON_INTEGER] = JSON_KIND_INTEGER,
	    [JSON_REAL] = JSON_KIND_REAL,
	    [JSON_TRUE] = JSON_KIND_BOOL,
	    [JSON_FALSE] = JSON_KIND_BOOL,
	    [JSON_NULL] = JSON_KIND_NULL};

	return value ? kinds[json_typeof(in(value))] : JSON_KIND_NULL;
}

bool
json_numeric(const struct json *value)
{
	return value != NULL && (json_is_integer(in(value)) || json_is_real(in(value)));
}

const char *
json_text(const struct json *value)
{
	return value ? json_string_value(in(value)) : NULL;
}

long long
json_integer_of(const struct json *value)
{
	return value ? json_integer_value(in(value)) : 0;
}

double
json_number_of(const struct json *value)
{
	return value ? json_number_value(in(value)) : 0;
}

bool
json_truth(const struct json *value)
{
	return value != NULL && json_is_true(in(value));
}

struct json *
json_member(const struct json *object, const char *key)
{
	return (struct json *)json_object_get(in(object), key);
}

const char *
json_text_of(const struct json *object, const char *key)
{
	const char *text = json_text(json_member(object, key));

	return text != NULL ? text : "";
}

size_t
json_count(const struct json *value)
{
	switch (json_kind(value)) {
	case JSON_KIND_OBJECT:
		return json_object_size(in(value));
	case JSON_KIND_LIST:
		return json_array_size(in(value));
	default:
		return 0;
	}
}

struct json *
json_item(const struct json *list, size_t index)
{
	return (struct json *)json_array_get(in(list), index);
}

const char *
json_next_key(const struct json *object, const char *before)
{
	if (json_kind(object) != JSON_KIND_OBJECT)
		return NULL;

	void *at = before ? json_object_iter_next(in(object), json_object_key_to_iter(before))
			  : json_object_iter(in(object));

	return at ? json_object_iter_key(at) : NULL;
}

bool
json_is_empty(const struct json *value)
{
	switch (json_kind(value)) {
	case JSON_KIND_NULL:
		return true;
	case JSON_KIND_TEXT:
		return *json_text(value) == '\0';
	case JSON_KIND_LIST:
		return json_count(value) == 0;
	case JSON_KIND_OBJECT:
		for (const char *key = json_next_key(value, NULL); key != NULL;
		     key = json_next_key(value, key))
			if (!json_is_empty(json_member(value, key)))
				return false;
		return true;
	default:
		return false;
	}
}

const char *
json_library(void)
{
	return jansson_version_str();
}
