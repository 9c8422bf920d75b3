/*
 * value.h -- read-only JSON, for loading stored documents.
 *
 * json.h builds and changes values, with one allocation for each value. That took most of the start of a
 * nameserver with 100,000 load balancers. Here a whole document takes one allocation and one pass. The search
 * for a member begins at the member that was found last, because a reader asks for members in about the order
 * of the document.
 *
 * The input is text that json_write() wrote: it has no duplicate members. Any other input is read safely; of
 * duplicate members the first counts. One thread at a time may read a document, because a search changes it.
 */
#ifndef VALUE_H
#define VALUE_H

#include "zones/base/util.h"

struct value;

enum value_kind { VALUE_NULL, VALUE_BOOL, VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_LIST, VALUE_OBJECT };

/*
 * Read one whole value. The text is copied. Returns NULL if the text is invalid JSON, contains U+0000 or
 * nests deeper than 64 levels. Free it with value_free(), which also frees everything that the functions
 * below return.
 */
struct value *value_read(struct bytes text);
void value_free(struct value *value); /* accepts NULL */

/* NULL has the kind VALUE_NULL. For a value of another kind the functions return NULL, 0, 0, false and 0. */
enum value_kind value_kind(const struct value *value);
const char *value_text(const struct value *value);
long long value_integer(const struct value *value);
double value_number(const struct value *value); /* also of an integer */
bool value_truth(const struct value *value);
size_t value_count(const struct value *value); /* members of an object, items of a list */

/* The member of an object. Returns NULL if there is no such member or the value is not an object. */
const struct value *value_member(const struct value *object, const char *key);
/* The text of a member, or "" if there is none. */
const char *value_text_of(const struct value *object, const char *key);

/* Visit members or items: for (each = value_first(list); each != NULL; each = value_next(each)). */
const struct value *value_first(const struct value *value);
const struct value *value_next(const struct value *value);
/* The name of a member; "" for an item. */
const char *value_key(const struct value *value);

#endif
