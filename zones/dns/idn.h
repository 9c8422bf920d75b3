/*
 * idn.h -- domain names in any script, as people write them (S49).
 *
 * The only user of libidn2: U-labels become A-labels (RFC 5891), and octets over 127 are never stored.
 */
#ifndef IDN_H
#define IDN_H

#include "zones/dns/name.h"

/* Convert text to A-labels; the caller frees the result.  Returns NULL and sets *why if a label cannot be
 * converted. */
char *idn_to_ascii(const char *text, const char **why);

/* Like name_from_text(), for a name in any script.  Returns 0 if the text is invalid. */
size_t idn_name_from_text(uint8_t out[NAME_MAX_LEN], const char *text, const uint8_t *origin);

/*
 * Convert a host name to the form of the store: A-labels, lower case, no final dot; only its first label may
 * be "*". Returns NULL if the text is invalid.  The caller frees the result.
 */
char *host_name_clean(const char *text);

/* The version of libidn2. */
const char *idn_library(void);

#endif
