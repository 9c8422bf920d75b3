#include "zones/dns/idn.h"

#include "zones/base/util.h"

#include <idn2.h>
#include <stdlib.h>

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((uint8_t)*text > 127)
			return false;
	return true;
}

/* Convert one label.  Returns NULL and sets *why if it cannot be converted. */
static char *
label_to_ascii(const char *label, const char **why)
{
	char *ascii = NULL, *copy;
	int rc;

	if (is_ascii(label))
		return xstrdup(label);
	rc = idn2_to_ascii_8z(label, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK) {
		*why = idn2_strerror(rc);
		return NULL;
	}
	copy = xstrdup(ascii);
	idn2_free(ascii);
	return copy;
}

char *
idn_to_ascii(const char *text, const char **why)
{
	char *copy = xstrdup(text), *out = xstrdup("");
	const char *rest = copy;

	*why = NULL;
	for (char *dot; *why == NULL && rest != NULL; rest = dot != NULL ? dot + 1 : NULL) {
		char *label, *longer;

		dot = strchr(rest, '.');
		if (dot != NULL)
			*dot = '\0';
		label = label_to_ascii(rest, why);
		if (label == NULL)
			break;
		longer = xasprintf("%s%s%s", out, label, dot != NULL ? "." : "");
		free(label);
		free(out);
		out = longer;
	}
	free(copy);
	if (*why == NULL)
		return out;
	free(out);
	return NULL;
}

size_t
idn_name_from_text(uint8_t out[255], const char *text, const uint8_t *origin)
{
	const char *why;
	char *ascii;
	size_t len;

	if (is_ascii(text))
		return name_from_text(out, text, origin);
	ascii = idn_to_ascii(text, &why);
	len = ascii != NULL ? name_from_text(out, ascii, origin) : 0;
	free(ascii);
	return len;
}

const char *
idn_library(void)
{
	return idn2_check_version(NULL);
}

#define HOST_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*"

char *
host_name_clean(const char *text)
{
	uint8_t name[NAME_MAX_LEN];
	char host[NAME_MAX_TEXT], *ascii = NULL;
	const char *why;
	bool good;

	if (strspn(text, HOST_LETTERS) !=
	    strlen(text)) /* names in other scripts are stored as A-labels (S49) */
		text = ascii = idn_to_ascii(text, &why);
	good = text != NULL && strspn(text, HOST_LETTERS) == strlen(text) &&
	    name_from_text(name, text, NULL) > 0 && *name != 0;
	free(ascii);
	if (!good)
		return NULL;
	for (const uint8_t *label = name; *label != 0; label += *label + 1)
		if (memchr(label + 1, '*', *label) != NULL && (label != name || *label != 1))
			return NULL;
	name_lower(name, name);
	return xstrdup(name_to_host(name, host));
}
