#include "admin/edit/assign.h"

#include "admin/edit/object.h"
#include "zones/base/array.h"
#include "zones/base/nearest.h"

#include "zones/base/input.h"
#include "zones/zonefile/zonefile.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum operation { SET, ADD, REMOVE };

bool
assign_is(const char *word)
{
	return word[strcspn(word, "=")] == '=' && word[0] != '=';
}

const struct property *
assign_origin_table(void)
{
	return schema_find(schema_of(KIND_POOL), "origins")->inner->inner;
}

char *
assign_read_file(const char *path, size_t *len, struct problems *problems)
{
	enum { AT_ONCE = 65535 };
	FILE *file = strcmp(path, "-") == 0 ? stdin : input_open(path);
	char *text = NULL;

	*len = 0;
	if (file == NULL) {
		problems_error(problems, "%s cannot be read: %s%s", path, strerror(errno), input_hint(errno));
		return NULL;
	}
	do {
		text = array_grow_by(text, *len, AT_ONCE + 1, 1);
		*len += fread(text + *len, 1, AT_ONCE, file);
	} while (!feof(file) && !ferror(file));
	text[*len] = '\0';
	if (ferror(file)) {
		problems_error(problems, "%s cannot be read: %s", path, strerror(errno));
		free(text);
		text = NULL;
	}
	if (file != stdin)
		fclose(file);
	return text;
}

/* The path of "name=@PATH"; NULL if the word is of another kind. */
static const char *
path_of(const char *word)
{
	const char *text = word + strcspn(word, "=");

	return text[0] == '=' && text[1] == '@' ? text + 2 : NULL;
}

static const struct json *
find_file(const struct assign_files *files, const char *path)
{
	for (size_t i = 0; files != NULL && i < files->count; i++)
		if (strcmp(files->items[i].path, path) == 0)
			return files->items[i].value;
	return NULL;
}

bool
assign_read_files(struct assign_files *files, char *const *words, size_t count, struct problems *problems)
{
	size_t errors = problems->errors;

	for (size_t i = 0; i < count; i++) {
		const char *path = path_of(words[i]);
		struct json *value = NULL;
		size_t len;
		char *text;

		if (path == NULL || find_file(files, path) != NULL ||
		    (text = assign_read_file(path, &len, problems)) == NULL)
			continue;
		value = json_read(text, len, strcmp(path, "-") == 0 ? "standard input" : path, problems);
		free(text);
		if (value == NULL)
			continue;
		files->items = array_grow(files->items, files->count, sizeof *files->items);
		files->items[files->count++] = (struct assign_file){path, value};
	}
	return problems->errors == errors;
}

void
assign_free_files(struct assign_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		json_drop(files->items[i].value);
	free(files->items);
}

/* Refuse a number that a double would print differently. */
static bool
read_number(const char *text, double *number)
{
	return number_from_text(text, number) && fabs(*number) < 1e15;
}

/* "1h30m" for a property that is a TTL. */
static bool
read_ttl(const struct property *property, const char *text, double *number)
{
	size_t len = strlen(property->name);
	uint64_t seconds;

	/* read_number reads plain digits, and refuses too large numbers. */
	if (len < 3 || strcmp(property->name + len - 3, "ttl") != 0 ||
	    strspn(text, "0123456789") == strlen(text) || !zonefile_ttl(text, &seconds))
		return false;
	*number = (double)seconds;
	return true;
}

/* A text as the value of a property.  A text that cannot be read stays a text, which the check then refuses.
 */
static struct json *
convert(const struct property *property, const char *text)
{
	struct json *value;
	double number;

	switch (property->type) {
	case PROPERTY_BOOL:
		if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
			return json_new_bool(*text == 't');
		break;
	case PROPERTY_INTEGER:
	case PROPERTY_NUMBER:
		if (read_number(text, &number) || read_ttl(property, text, &number))
			return json_new_number(number);
		break;
	case PROPERTY_ANY:
	case PROPERTY_OBJECT:
	case PROPERTY_MAP:
	case PROPERTY_LIST:
		value = json_read_quietly((struct bytes){text, strlen(text)});
		if (value != NULL)
			return value;
		break;
	default:
		break;
	}
	return json_new_text(text);
}

/* "a,b" as a list of values. */
static struct json *
convert_list(const struct property *inner, const char *text)
{
	struct json *list = json_new_list();

	if (*text == '[') {
		struct json *whole = json_read_quietly((struct bytes){text, strlen(text)});

		if (whole != NULL) {
			json_drop(list);
			return whole;
		}
	}
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		char *part = xasprintf("%.*s", (int)len, text);

		json_add(list, convert(inner, part));
		free(part);
		text += len + (text[len] == ',');
	}
	return list;
}

static bool
same_item(
    const struct assign *assign, const struct property *inner, const struct json *a, const struct json *b)
{
	struct id x, y;

	if (json_same(a, b))
		return true;
	return inner->type == PROPERTY_REFERENCE && assign->scope->txn != NULL && json_text(a) != NULL &&
	    json_text(b) != NULL && document_find(assign->scope, inner->refers, json_text(a), &x) &&
	    document_find(assign->scope, inner->refers, json_text(b), &y) && strcmp(x.text, y.text) == 0;
}

static size_t
find_item(const struct assign *assign, const struct property *inner, const struct json *list,
    const struct json *item)
{
	size_t i = 0;

	while (i < json_count(list) && !same_item(assign, inner, json_item(list, i), item))
		i++;
	return i;
}

static bool
change_list(struct assign *assign, struct json *object, const char *key, const struct property *property,
    enum operation operation, const char *text)
{
	static const struct property any = {.type = PROPERTY_ANY};
	const struct property *inner = property->inner ? property->inner : &any;
	struct json *items = convert_list(inner, text), *list = json_member(object, key);
	size_t errors = assign->problems->errors;

	if (json_kind(list) != JSON_KIND_LIST) {
		json_put(object, key, json_new_list());
		list = json_member(object, key);
	}
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json *item = json_item(items, i);
		size_t at = find_item(assign, inner, list, item);
		char *shown = json_write(item, false);

		if (operation == ADD && at < json_count(list))
			problems_error(assign->problems, "%s has %s already", key, shown);
		else if (operation == ADD)
			json_add(list, json_clone(item));
		else if (at == json_count(list))
			problems_error(assign->problems, "%s has no %s", key, shown);
		else
			json_remove_item(list, at);
		free(shown);
	}
	json_drop(items);
	return assign->problems->errors == errors;
}

/* ---- origin=ADDRESS[,P=V ...], member=MONITOR[,P=V ...] ---- */

/* Lists whose elements are written each with a word of its own. */
static const struct element {
	const char *word, *list;
	const char *key; /* the property that identifies an element */
} elements[] = {{"origin", "origins", "address"}, {"member", "members", "monitor_id"}};

static const struct property *
element_table(const struct property *table, const struct element *element)
{
	return schema_find(table, element->list)->inner->inner;
}

/* WORD[,P=V ...], as far as it is good: the rest is in problems. */
static struct json *
assign_element(struct assign *assign, const struct element *element, const char *text, bool *good)
{
	struct json *made = json_new_object();
	struct assign inner = *assign;
	size_t len = strcspn(text, ",");
	char *part = xasprintf("%.*s", (int)len, text);

	*good = true;
	inner.table = element_table(assign->table, element);
	json_put_text(made, element->key, part);
	free(part);
	for (text += len; *text != '\0'; text += len) {
		text++;
		len = strcspn(text, ",");
		part = xasprintf("%.*s", (int)len, text);
		if (!assign_is(part)) {
			problems_error(assign->problems, "%s %s: \"%s\" is not a property: write name=value",
			    element->word, json_text(json_member(made, element->key)), part);
			*good = false;
		} else
			*good = assign_word(&inner, made, part) && *good;
		free(part);
	}
	return made;
}

/* Does the text name this one? */
static bool
is_meant(
    const struct assign *assign, const struct element *element, const struct json *item, const char *text)
{
	const struct property *key = schema_find(element_table(assign->table, element), element->key);
	const char *known = json_text(json_member(item, element->key));
	struct id a, b;

	if (known == NULL)
		return false;
	if (key->type != PROPERTY_REFERENCE)
		return object_same_address(known, text);
	return strcmp(known, text) == 0 ||
	    (document_find(assign->scope, key->refers, known, &a) &&
		document_find(assign->scope, key->refers, text, &b) && strcmp(a.text, b.text) == 0);
}

static bool
change_elements(struct assign *assign, const struct element *element, struct json *document,
    enum operation operation, const char *text)
{
	struct json *list = json_member(document, element->list);
	bool good;

	if (json_kind(list) != JSON_KIND_LIST || (operation == SET && !assign->elements_named)) {
		json_put(document, element->list, json_new_list());
		list = json_member(document, element->list);
	}
	if (operation == SET)
		assign->elements_named = true;
	if (operation != REMOVE) {
		json_add(list, assign_element(assign, element, text, &good));
		return good;
	}
	for (size_t i = 0; i < json_count(list); i++)
		if (is_meant(assign, element, json_item(list, i), text)) {
			json_remove_item(list, i);
			return true;
		}
	problems_error(assign->problems, "there is no %s %s", element->word, text);
	return false;
}

/* ---- paths ---- */

/* The object that contains the last step of a path; creates missing ones. */
static struct json *
descend(struct json *object, const char *key)
{
	if (json_kind(json_member(object, key)) != JSON_KIND_OBJECT)
		json_put(object, key, json_new_object());
	return json_member(object, key);
}

static bool
change_value(struct assign *assign, struct json *object, const char *key, const struct property *property,
    enum operation operation, const char *text)
{
	struct json *value;

	if (operation != SET) {
		if (property->type == PROPERTY_LIST || property->type == PROPERTY_ANY)
			return change_list(assign, object, key, property, operation, text);
		problems_error(assign->problems, "%s is not a list: += and -= need a list", key);
		return false;
	}
	if (*text == '\0') {
		json_remove(object, key);
		return true;
	}
	if (*text == '@') {
		const struct json *read = find_file(assign->files, text + 1);

		/* Inside of origin=... there are none. */
		if (read == NULL) {
			problems_error(assign->problems, "%s: @FILE is invalid here", key);
			return false;
		}
		value = json_clone(read);
	} else
		value = property->type == PROPERTY_LIST ? convert_list(property->inner, text)
							: convert(property, text);
	json_put(object, key, value);
	return true;
}

/* An error; it names the property of the table that was probably meant. */
static void
refuse_name(struct assign *assign, const struct property *table, const char *key, const char *whole)
{
	struct nearest nearest = {.word = key};
	char hint[96];

	for (; table->name != NULL; table++)
		if (table->fate != FATE_READ_ONLY)
			nearest_offer(&nearest, table->name, strlen(table->name));
	problems_error(assign->problems, "unknown property %s%s", whole, nearest_text(&nearest, hint));
}

/* Follow the dots.  Below a map, the rest of the path is one key. */
static bool
walk_path(struct assign *assign, struct json *object, const struct property *table, const char *path,
    const char *whole, enum operation operation, const char *text)
{
	size_t len = strcspn(path, ".");
	char *key = xasprintf("%.*s", (int)len, path);
	const struct property *property = schema_find(table, key);
	const char *rest = path[len] == '.' ? path + len + 1 : NULL;
	bool good = false;

	if (property == NULL)
		refuse_name(assign, table, key, whole);
	else if (property->fate == FATE_READ_ONLY)
		problems_error(assign->problems, "%s cannot be set", whole);
	else if (rest == NULL)
		good = change_value(assign, object, key, property, operation, text);
	else if (property->type == PROPERTY_OBJECT)
		good = walk_path(assign, descend(object, key), property->inner, rest, whole, operation, text);
	else if (property->type == PROPERTY_MAP || property->type == PROPERTY_ANY) {
		static const struct property any = {.type = PROPERTY_ANY};

		good = change_value(assign, descend(object, key), rest,
		    property->inner ? property->inner : &any, operation, text);
	} else
		problems_error(assign->problems, "unknown property %s: %s has no parts", whole, key);
	free(key);
	return good;
}

bool
assign_word(struct assign *assign, struct json *document, const char *word)
{
	size_t len = strcspn(word, "=");
	const char *text = word + len + 1;
	enum operation operation = SET;
	const struct element *element = NULL;
	char *path;
	bool good;

	if (len > 1 && (word[len - 1] == '+' || word[len - 1] == '-')) {
		operation = word[len - 1] == '+' ? ADD : REMOVE;
		len--;
	}
	path = xasprintf("%.*s", (int)len, word);
	for (size_t i = 0; i < NITEMS(elements); i++)
		if (strcmp(path, elements[i].word) == 0 &&
		    schema_find(assign->table, elements[i].list) != NULL)
			element = &elements[i];
	if (element != NULL)
		good = change_elements(assign, element, document, operation, text);
	else
		good = walk_path(assign, document, assign->table, path, path, operation, text);
	free(path);
	return good;
}
