#include "zones/dns/name.h"

#include <stdio.h>
#include <string.h>

/* Read one octet of presentation form at *text.  Returns -1 if the escape is invalid. */
static int
octet_from_text(const char **text)
{
	const char *at = *text;
	unsigned value = 0;

	if (*at != '\\') {
		*text = at + 1;
		return (uint8_t)*at;
	}
	at++;
	if (*at < '0' || *at > '9') {
		*text = at + 1;
		return *at == '\0' ? -1 : (uint8_t)*at;
	}
	for (int i = 0; i < 3; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		value = value * 10 + (unsigned)(at[i] - '0');
	}
	*text = at + 3;
	return value > 255 ? -1 : (int)value;
}

static size_t
append_origin(uint8_t *out, size_t used, const uint8_t *origin)
{
	static const uint8_t root[1] = {0};
	size_t len = name_len(origin ? origin : root);

	if (used + len > NAME_MAX_LEN)
		return 0;
	memcpy(out + used, origin ? origin : root, len);
	return used + len;
}

size_t
name_from_text(uint8_t out[NAME_MAX_LEN], const char *text, const uint8_t *origin)
{
	size_t label = 0, used = 1;

	if (*text == '\0')
		return 0;
	if (strcmp(text, "@") == 0)
		return append_origin(out, 0, origin);
	if (strcmp(text, ".") == 0)
		return append_origin(out, 0, NULL);
	while (*text != '\0') {
		if (*text == '.') {
			if (used == label + 1)
				return 0;
			out[label] = (uint8_t)(used - label - 1);
			label = used++;
			if (used > NAME_MAX_LEN)
				return 0;
			text++;
			continue;
		}
		int octet = octet_from_text(&text);

		if (octet < 0 || used >= NAME_MAX_LEN || used - label - 1 >= 63)
			return 0;
		out[used++] = (uint8_t)octet;
	}
	if (used == label + 1) { /* ended in a dot: absolute */
		out[label] = 0;
		return label + 1;
	}
	out[label] = (uint8_t)(used - label - 1);
	return append_origin(out, used, origin);
}

char *
name_to_host(const uint8_t *name, char out[NAME_MAX_TEXT])
{
	size_t len;

	name_to_text(name, out);
	len = strlen(out);
	if (len > 1)
		out[len - 1] = '\0';
	return out;
}

char *
name_to_text(const uint8_t *name, char out[NAME_MAX_TEXT])
{
	char *at = out;

	if (*name == 0)
		*at++ = '.';
	for (; *name != 0; name += *name + 1) {
		for (unsigned i = 1; i <= *name; i++) {
			uint8_t octet = name[i];

			if (octet <= ' ' || octet > '~')
				at += sprintf(at, "\\%03u", octet);
			else {
				if (strchr(".\\\"();@$", octet) != NULL)
					*at++ = '\\';
				*at++ = (char)octet;
			}
		}
		*at++ = '.';
	}
	*at = '\0';
	return out;
}

size_t
name_valid(const uint8_t *data, size_t len)
{
	size_t used = 0;

	while (used < len && used < NAME_MAX_LEN) {
		uint8_t label = data[used];

		if (label == 0)
			return used + 1;
		if (label > 63)
			return 0;
		used += label + 1u;
	}
	return 0;
}

size_t
name_len(const uint8_t *name)
{
	const uint8_t *at = name;

	while (*at != 0)
		at += *at + 1;
	return (size_t)(at - name) + 1;
}

unsigned
name_labels(const uint8_t *name)
{
	unsigned labels = 0;

	for (; *name != 0; name += *name + 1)
		labels++;
	return labels;
}

bool
name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = name_len(a);

	/* A length octet is at most 63, below 'A', so lower-casing does not change it. */
	for (size_t i = 0; i < len; i++)
		if (name_lower_octet(a[i]) != name_lower_octet(b[i]))
			return false;
	return true;
}

bool
name_within(const uint8_t *name, const uint8_t *ancestor)
{
	unsigned have = name_labels(name), want = name_labels(ancestor);

	return have >= want && name_equal(name_skip(name, have - want), ancestor);
}

/* Eight octets at once: bit 7 of an octet of upper is set if it is one of A to Z. */
static uint64_t
lower_word(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), low = word & 127 * ones;
	uint64_t upper = (low + (128 - 'A') * ones) & ~(low + (127 - 'Z') * ones) & ~word & 128 * ones;

	return word | upper >> 2;
}

size_t
name_lower(uint8_t *out, const uint8_t *name)
{
	size_t len = name_len(name), i = 0;

	for (; i + sizeof(uint64_t) <= len; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, name + i, sizeof word);
		word = lower_word(word);
		memcpy(out + i, &word, sizeof word);
	}
	for (; i < len; i++)
		out[i] = name_lower_octet(name[i]);
	return len;
}

const uint8_t *
name_skip(const uint8_t *name, unsigned count)
{
	while (count-- > 0 && *name != 0)
		name += *name + 1;
	return name;
}

bool
name_is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

size_t
name_to_key(uint8_t out[NAME_MAX_KEY], const uint8_t *owner, const uint8_t *apex)
{
	enum { ROOM = NAME_MAX_KEY - 6 };
	const uint8_t *labels[NAME_MAX_LABELS];
	unsigned count = 0, relative = name_labels(owner) - name_labels(apex);
	size_t used = 0;

	for (; count < relative; owner += *owner + 1)
		labels[count++] = owner;
	while (count-- > 0) {
		const uint8_t *label = labels[count];

		for (unsigned i = 1; i <= *label; i++) {
			uint8_t octet = name_lower_octet(label[i]);

			if (used + 4 > ROOM)
				return 0;
			if (octet <= 1)
				out[used++] = 1;
			out[used++] = octet <= 1 ? (uint8_t)(octet + 1) : octet;
		}
		out[used++] = 0;
	}
	out[used++] = 0;
	return used;
}

int
name_from_key(uint8_t out[NAME_MAX_LEN], const uint8_t *key, size_t len)
{
	uint8_t reversed[NAME_MAX_LEN];
	const uint8_t *end = key + len;
	size_t at = NAME_MAX_LEN;

	/* The key has the labels in reverse order: fill the buffer from its end. */
	while (key < end && *key != 0) {
		size_t n = 0;
		uint8_t label[63];

		while (key < end && *key != 0) {
			uint8_t octet = *key++;

			if (octet == 1) {
				if (key == end || *key < 1 || *key > 2)
					return -1;
				octet = (uint8_t)(*key++ - 1);
			}
			if (n == sizeof label)
				return -1;
			label[n++] = octet;
		}
		if (key == end || at < n + 1)
			return -1;
		key++;
		at -= n + 1;
		reversed[at] = (uint8_t)n;
		memcpy(reversed + at + 1, label, n);
	}
	if (key + 1 != end)
		return -1;
	memcpy(out, reversed + at, NAME_MAX_LEN - at);
	return (int)(NAME_MAX_LEN - at);
}
