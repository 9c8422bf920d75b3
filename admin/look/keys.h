/*
 * keys.h -- octets from a terminal, as keys.
 */
#ifndef KEYS_H
#define KEYS_H

#include <stddef.h>

enum key {
	KEY_NONE = 0, /* the sequence is not complete: read more */
	/* Printable characters are themselves: octets of 32 to 255, but 127. */
	KEY_UP = 256,
	KEY_DOWN,
	KEY_LEFT,
	KEY_RIGHT,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_HOME,
	KEY_END,
	KEY_ENTER,
	KEY_ESCAPE,
	KEY_BACKSPACE,
	KEY_OTHER /* to be ignored */
};

/*
 * The first key of len octets; *used: how many it took.  KEY_NONE if they only begin a sequence; with
 * complete, nothing follows, and a lone ESC is KEY_ESCAPE.
 */
int key_read(const char *octets, size_t len, int complete, size_t *used);

#endif
