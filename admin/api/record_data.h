/*
 * record_data.h -- the member "data" of records in Cloudflare's API, for the types that have one: their
 * presentation form, cut into named members, and back.
 */
#ifndef API_RECORD_DATA_H
#define API_RECORD_DATA_H

#include "zones/document/json.h"

/* Has the type a member data? */
bool record_data_has(uint16_t type);
/* The members of a presentation form. NULL if the type has none, or the text is not of that form. */
struct json *record_data_show(uint16_t type, const char *text);
/*
 * The presentation form that members mean; the caller frees it. NULL with the name of a missing or invalid
 * member. Numbers may be texts, names are whole without a final dot.
 */
char *record_data_take(uint16_t type, const struct json *data, const char **missing);
/*
 * The texts of given members that differ from the shown ones though they mean the same (upper case, a name
 * without final dot): clients compare with what they sent. NULL if there are none.
 */
struct json *record_data_forms(uint16_t type, const struct json *given, const struct json *shown);

/* The words of a presentation form: the next one, without its quotes and escapes; NULL at the end. */
char *record_data_word(const char **at);
/* A text in quotes, with escapes; the caller frees it. */
char *record_data_quoted(const char *text, size_t len);

#endif
