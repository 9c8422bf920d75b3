/*
 * name.h -- domain names in uncompressed wire form (RFC 1035 3.1).
 *
 * A name is a list of length-prefixed labels that ends with the zero label: at most 255 octets and 127
 * labels.  All functions except name_from_text and name_valid require a complete name.  No I/O, no
 * allocation.
 */
#ifndef NAME_H
#define NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_MAX_LEN = 255,    /* octets, with the root label */
	NAME_MAX_LABELS = 127, /* without the root label */
	NAME_MAX_TEXT = 1024,  /* presentation form with every octet as \DDD, dots and NUL */
	NAME_MAX_KEY = 511     /* LMDB's largest key */
};

/* Lower-case ASCII letters only (RFC 4343). */
static inline uint8_t
name_lower_octet(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
}

/*
 * Read presentation form (RFC 1035 5.1: \X and \DDD escapes).  A text without a final dot is
 * completed with origin, or with the root if origin is NULL; "@" is the origin.  Returns the length
 * in octets, or 0 if the text is invalid.
 */
size_t name_from_text(uint8_t out[NAME_MAX_LEN], const char *text, const uint8_t *origin);

/* Write presentation form with the final dot.  Returns out. */
char *name_to_text(const uint8_t *name, char out[NAME_MAX_TEXT]);

/* The same without the final dot, as people and the API write host names; the root is ".". */
char *name_to_host(const uint8_t *name, char out[NAME_MAX_TEXT]);

/* Return the length of the complete uncompressed name that data begins with, or 0 if there is none. */
size_t name_valid(const uint8_t *data, size_t len);

size_t name_len(const uint8_t *name);

/* The number of labels, without the root. */
unsigned name_labels(const uint8_t *name);

/* RFC 4343: equal, except for ASCII case. */
bool name_equal(const uint8_t *a, const uint8_t *b);

/* Is name equal to ancestor or below it? */
bool name_within(const uint8_t *name, const uint8_t *ancestor);

/* Copy in lower case; out may be name.  Returns the length. */
size_t name_lower(uint8_t *out, const uint8_t *name);

/* The name without its first count labels; points into name. */
const uint8_t *name_skip(const uint8_t *name, unsigned count);

/* Is the first label "*" (RFC 4592)? */
bool name_is_wildcard(const uint8_t *name);

/*
 * The owner part of a zones key: labels of owner relative to apex, reversed, lower case, each
 * ended by 00, with 00 written 01 01 and 01 written 01 02; then one more 00.  An owner's keys are
 * adjacent and come before its children's.  Returns the length, or 0 if it would exceed 505
 * octets (511 minus zone number and type).
 */
size_t name_to_key(uint8_t out[NAME_MAX_KEY], const uint8_t *owner, const uint8_t *apex);

/*
 * The reverse: the owner relative to its apex (labels without the root label's zero octet), in lower
 * case.  Returns the octets written to out (0 for the apex) or -1 if the key is damaged.
 */
int name_from_key(uint8_t out[NAME_MAX_LEN], const uint8_t *key, size_t len);

#endif
