/*
 * wire.h -- read and write DNS messages octet by octet, with a sticky error.
 *
 * A cursor that reaches its end reads zeros and writes nothing from then on.  Test .bad once, after all reads
 * and writes.
 */
#ifndef WIRE_H
#define WIRE_H

#include "zones/base/util.h"

enum { WIRE_HEADER = 12, WIRE_POINTER_MAX = 0x3fff };

struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static inline bool
reader_has(struct reader *reader, size_t len)
{
	if ((size_t)(reader->end - reader->at) < len)
		reader->bad = true;
	return !reader->bad;
}

/* The next len octets, or NULL. */
static inline const uint8_t *
read_bytes(struct reader *reader, size_t len)
{
	const uint8_t *at = reader->at;

	if (!reader_has(reader, len))
		return NULL;
	reader->at += len;
	return at;
}

static inline uint16_t
read16(struct reader *reader)
{
	const uint8_t *at = read_bytes(reader, 2);

	return at != NULL ? get16(at) : 0;
}

static inline uint32_t
read32(struct reader *reader)
{
	const uint8_t *at = read_bytes(reader, 4);

	return at != NULL ? get32(at) : 0;
}

static inline uint8_t
read8(struct reader *reader)
{
	const uint8_t *at = read_bytes(reader, 1);

	return at != NULL ? *at : 0;
}

struct writer {
	uint8_t *start, *at, *end;
	bool bad;
};

static inline uint8_t *
write_room(struct writer *writer, size_t len)
{
	uint8_t *at = writer->at;

	if (writer->bad || (size_t)(writer->end - at) < len) {
		writer->bad = true;
		return NULL;
	}
	writer->at += len;
	return at;
}

static inline void
write_bytes(struct writer *writer, const void *from, size_t len)
{
	uint8_t *at = write_room(writer, len);

	if (at != NULL && len > 0)
		memcpy(at, from, len);
}

static inline void
write8(struct writer *writer, uint8_t value)
{
	write_bytes(writer, &value, 1);
}

static inline void
write16(struct writer *writer, uint16_t value)
{
	uint8_t *at = write_room(writer, 2);

	if (at != NULL)
		put16(at, value);
}

static inline void
write32(struct writer *writer, uint32_t value)
{
	uint8_t *at = write_room(writer, 4);

	if (at != NULL)
		put32(at, value);
}

#endif
