/*
 * secrets.h -- which values of an object are secrets, and how output hides them (S63).
 *
 * The headers of a monitor may carry credentials.  Their values are hidden unless the header is one that
 * carries none (Host, Accept, Content-Type ...): a header that is unknown here is hidden.  The store, export
 * and backup keep the values.
 */
#ifndef SECRETS_H
#define SECRETS_H

#include "zones/document/json.h"
#include "zones/model/model.h"

/* The text in the place of a secret; no value of a header may be this text. */
#define SECRET_HIDDEN "(hidden)"

/* Is the value of a header with this name a secret? */
bool secrets_header(const char *name);

/* Hide the secrets of an object that is shown, in place. */
void secrets_hide(enum kind kind, struct json *shown);

/* A word of a command line as the log keeps it: "header.Authorization=(hidden)".  Freed by the caller. */
char *secrets_word(const char *word);

#endif
