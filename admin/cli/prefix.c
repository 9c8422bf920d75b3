#include "admin/cli/prefix.h"

bool
prefix_read(const char *text, struct address *address, uint8_t *source)
{
	char copy[64], *slash;
	uint64_t length;

	if (strlen(text) >= sizeof copy)
		return false;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	if (!address_from_text(address, copy))
		return false;
	*source = (uint8_t)(address_len(address) * 8);
	if (slash == NULL)
		return true;
	if (!whole_from_text(slash + 1, *source, &length))
		return false;
	*source = (uint8_t)length;
	for (unsigned i = 0; i < 16; i++) { /* the bits beyond the prefix must be 0 (RFC 7871 6) */
		unsigned keep = length > i * 8 ? (unsigned)MIN(length - i * 8, 8) : 0;

		address->bytes[i] &= (uint8_t)(0xff00 >> keep);
	}
	return true;
}
