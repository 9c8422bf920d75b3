/*
 * message.h -- read a DNS message record by record, with a sticky error.
 *
 * The messages come from strangers: every length and pointer is checked.  Pure; no allocation.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "zones/base/util.h"
#include "zones/dns/name.h"

/* A cursor; begin with {.octets, .len}.  Beyond the end it reads zeros and sets wrong. */
struct message {
	const uint8_t *octets;
	size_t len, at;
	bool wrong;
};

struct message_record {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type, class;
	uint32_t ttl;
	size_t at, end; /* offsets of its data in the message */
};

uint16_t message_read16(struct message *message);
uint32_t message_read32(struct message *message);

/* Read a name.  RFC 1035 4.1.4: every pointer must point backwards, and a name has at most as many pointers
 * as labels.  Returns the length; if the name is invalid, out is the root. */
size_t message_read_name(struct message *message, uint8_t out[NAME_MAX_LEN]);

/* Read a record and move behind it. */
void message_read_record(struct message *message, struct message_record *record);

/* Copy the data of a record with its names uncompressed (RFC 3597 4).  Returns 0 if the data is invalid. room
 * must hold at least two names and the other octets of the type. */
size_t message_record_data(
    const struct message *message, const struct message_record *record, uint8_t *out, size_t room);

#endif
