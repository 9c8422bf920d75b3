/*
 * base64.h -- base64 with padding (RFC 4648 4), in which the JSON gateway of etcd carries octets.
 *
 * Pure functions; any thread.
 */
#ifndef BASE64_H
#define BASE64_H

#include "zones/base/util.h"

#include <stdio.h>

/* Write octets as base64. */
void base64_write(FILE *out, struct bytes octets);

/*
 * Read base64 into out, which has room for base64_room() octets. Returns false if the text is invalid: other
 * characters, a length that is no multiple of four, padding inside.
 */
bool base64_read(const char *text, uint8_t *out, size_t *len);

/* The maximum number of octets of a text of this length. */
static inline size_t
base64_room(size_t text_len)
{
	return text_len / 4 * 3;
}

#endif
