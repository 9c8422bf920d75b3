/*
 * json.h -- JSON values: reading, building, writing.  The only user of jansson.
 *
 * A value belongs to who made it until it is put into another, which then owns it.  Objects keep the
 * order in which their members were put.  Memory exhausted exits: for commands, and for loading.
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

/* Read one whole value.  where (a file, "standard input") begins the sentence when it is none; members twice
 * are refused. */
struct json *json_read(const char *text, size_t len, const char *where, struct problems *problems);
/* The same where nobody is to be told. */
struct json *json_read_quietly(struct bytes text);
/* As text, on one line or indented by two; freed by the caller. */
char *json_write(const struct json *value, bool indented);
/* NULL is accepted. */
void json_drop(struct json *value);
struct json *json_clone(const struct json *value);
bool json_same(const struct json *a, const struct json *b);

struct json *json_new_object(void);
struct json *json_new_list(void);
struct json *json_new_text(const char *text);
struct json *json_new_integer(long long number);
/* A whole number becomes an integer, so that 1 and 1.0 are written alike. */
struct json *json_new_number(double number);
struct json *json_new_bool(bool truth);
struct json *json_new_null(void);

/* Put value under key (replacing what is there, in its place); takes value over. */
void json_put(struct json *object, const char *key, struct json *value);
void json_put_text(struct json *object, const char *key, const char *text); /* NULL gives null */
void json_put_integer(struct json *object, const char *key, long long number);
void json_put_number(struct json *object, const char *key, double number);
void json_put_bool(struct json *object, const char *key, bool truth);
void json_remove(struct json *object, const char *key);
/* Append; takes value over. */
void json_add(struct json *list, struct json *value);
void json_add_text(struct json *list, const char *text);
void json_remove_item(struct json *list, size_t index);

enum json_kind json_kind(const struct json *value); /* NULL is JSON_KIND_NULL */
bool json_numeric(const struct json *value);
/* Of another kind, or NULL: the value that stands for nothing (NULL, 0, false). */
const char *json_text(const struct json *value);
long long json_integer_of(const struct json *value);
double json_number_of(const struct json *value);
bool json_truth(const struct json *value);

/* Members and items; NULL where there is none or the value is of another kind.  Owned by the object or list.
 */
struct json *json_member(const struct json *object, const char *key);
const char *json_text_of(const struct json *object, const char *key); /* "" where it has no such text */
size_t json_count(const struct json *value);                          /* of members or items */
struct json *json_item(const struct json *list, size_t index);
/* Members in order: the first with before NULL; NULL at the end. */
const char *json_next_key(const struct json *object, const char *before);

/* The version of jansson. */
const char *json_library(void);

#endif
