/*
 * json.h -- JSON values: read, build, write. The only user of jansson.
 *
 * The code that creates a value owns it, until the value is put into another value, which then owns it.
 * Objects keep the order in which their members were put. Exhausted memory ends the program. This module is
 * for commands and for loading, not for answering queries. One thread at a time may use a value.
 */
#ifndef JSON_H
#define JSON_H

#include "zones/base/problem.h"
#include "zones/base/util.h"

struct json;

enum json_kind {
	JSON_KIND_NULL,
	JSON_KIND_BOOL,
	JSON_KIND_INTEGER,
	JSON_KIND_REAL,
	JSON_KIND_TEXT,
	JSON_KIND_LIST,
	JSON_KIND_OBJECT
};

/*
 * Read one whole value. Returns NULL with problems filled if the text is invalid; where (a file name,
 * "standard input") begins the sentence. A member that occurs twice is an error.
 */
struct json *json_read(const char *text, size_t len, const char *where, struct problems *problems);
/* The same without a message. */
struct json *json_read_quietly(struct bytes text);
/* Write as text, on one line or indented by two columns. The caller frees the text. */
char *json_write(const struct json *value, bool indented);
/* Write octets as a part of a text, without its quotes: for texts that are too large for a value. */
void json_write_part(FILE *out, const char *octets, size_t len);

/* Accepts NULL. */
void json_drop(struct json *value);
struct json *json_clone(const struct json *value);
bool json_same(const struct json *a, const struct json *b);

struct json *json_new_object(void);
struct json *json_new_list(void);
struct json *json_new_text(const char *text);
struct json *json_new_integer(long long number);
/* A whole number becomes an integer, so that 1 and 1.0 are written in the same way. */
struct json *json_new_number(double number);
struct json *json_new_bool(bool truth);
struct json *json_new_null(void);

/* Put value under key; an existing value is replaced and keeps its position. object then owns value. */
void json_put(struct json *object, const char *key, struct json *value);
void json_put_text(struct json *object, const char *key, const char *text); /* NULL puts null */
void json_put_integer(struct json *object, const char *key, long long number);
void json_put_number(struct json *object, const char *key, double number);
void json_put_bool(struct json *object, const char *key, bool truth);
void json_remove(struct json *object, const char *key);
/* Append value to the list, which then owns it. */
void json_add(struct json *list, struct json *value);
void json_add_text(struct json *list, const char *text);
void json_remove_item(struct json *list, size_t index);

enum json_kind json_kind(const struct json *value); /* NULL is JSON_KIND_NULL */
bool json_numeric(const struct json *value);
/* Read a value. If it is of another kind or NULL, the result is NULL, 0 or false. */
const char *json_text(const struct json *value);
long long json_integer_of(const struct json *value);
double json_number_of(const struct json *value);
bool json_truth(const struct json *value);

/*
 * Members and items, owned by the object or list. Each function returns NULL if there is none or the value is
 * of another kind.
 */
struct json *json_member(const struct json *object, const char *key);
const char *json_text_of(const struct json *object, const char *key); /* "" if there is no such text */
size_t json_count(const struct json *value);                          /* number of members or items */
struct json *json_item(const struct json *list, size_t index);
/* Visit the members in order: pass NULL for the first; NULL is returned at the end. */
const char *json_next_key(const struct json *object, const char *before);

/* Null, an empty text or list, or an object in which every member is empty. */
bool json_is_empty(const struct json *value);

/* The version of jansson, as a text. */
const char *json_library(void);

#endif
