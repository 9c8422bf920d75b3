#include "admin/look/keys.h"

#include <string.h>

/* The ends of CSI and SS3 sequences: of VT100, xterm and the Linux console. */
static const struct {
	const char *end;
	enum key key;
} sequences[] = {{"A", KEY_UP}, {"B", KEY_DOWN}, {"C", KEY_RIGHT}, {"D", KEY_LEFT}, {"H", KEY_HOME},
    {"F", KEY_END}, {"1~", KEY_HOME}, {"7~", KEY_HOME}, {"4~", KEY_END}, {"8~", KEY_END}, {"5~", KEY_PAGE_UP},
    {"6~", KEY_PAGE_DOWN}};

static enum key
key_of(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
		if (len == strlen(sequences[i].end) && memcmp(text, sequences[i].end, len) == 0)
			return sequences[i].key;
	return KEY_OTHER;
}

static int
read_escape(const char *octets, size_t len, int complete, size_t *used)
{
	if (len == 1 && !complete)
		return KEY_NONE;
	*used = 1;
	if (len == 1 || (octets[1] != '[' && octets[1] != 'O'))
		return KEY_ESCAPE;
	for (size_t i = 2; i < len; i++)
		if (octets[i] >= 0x40 && octets[i] <= 0x7e) { /* ECMA-48 5.4: the final octet */
			*used = i + 1;
			return key_of(octets + 2, i - 1);
		}
	*used = complete ? len : 0;
	return complete ? KEY_OTHER : KEY_NONE;
}

int
key_read(const char *octets, size_t len, int complete, size_t *used)
{
	unsigned char first;

	*used = 0;
	if (len == 0)
		return KEY_NONE;
	first = (unsigned char)octets[0];
	if (first == 033)
		return read_escape(octets, len, complete, used);
	*used = 1;
	if (first == '\r' || first == '\n')
		return KEY_ENTER;
	if (first == 0x7f || first == '\b')
		return KEY_BACKSPACE;
	return first < ' ' ? KEY_OTHER : first;
}
