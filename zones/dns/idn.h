/*
 * idn.h -- names as a person writes them, in any script (S49).
 *
 * The only user of libidn2: U-labels become A-labels (RFC 5891), and octets over 127 are never stored.
 */
#ifndef IDN_H
#define IDN_H

#include "zones/dns/name.h"

/* The text with A-labels, freed by the caller; NULL and why if a label cannot be converted. */
char *idn_to_ascii(const char *text, const char **why);

/* name_from_text() for a name in any script.  0 if the text is invalid. */
size_t idn_name_from_text(uint8_t out[NAME_MAX_LEN], const char *text, const uint8_t *origin);

/*
 * A host name as the store keeps it: A-labels, lower case, no final dot; only its first label may be "*".
 * NULL if the text is invalid; freed by the caller.
 */
char *host_name_clean(const char *text);

/* The version of libidn2. */
const char *idn_library(void);

#endif
