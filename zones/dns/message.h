/*
 * message.h -- read a DNS message record by record, with a sticky error.
 *
 * The messages come from strangers: every length and pointer is checked.  Pure; no allocation.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "zones/base/util.h"
#include "zones/dns/name.h"

/* Starts as {.octets, .len}.  Past its end it reads zeros; wrong tells so. */
struct message {
	const uint8_t *octets;
	size_t len, at;
	bool wrong;
};

struct message_record {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type, class;
	uint32_t ttl;
	size_t at, end; /* of its data in the message */
};

uint16_t message_read16(struct message *message);
uint32_t message_read32(struct message *message);

/* RFC 1035 4.1.4: every pointer goes back, and a name needs no more of them than it may have labels.  Returns
 * the length; if it is wrong, out is the root. */
size_t message_read_name(struct message *message, uint8_t out[NAME_MAX_LEN]);

/* Read a record, and go on behind it. */
void message_read_record(struct message *message, struct message_record *record);

/* The data of a record, with its names uncompressed (RFC 3597 4); 0 if it is none.  room: at least that of
 * two names and their type's other octets. */
size_t message_record_data(
    const struct message *message, const struct message_record *record, uint8_t *out, size_t room);

#endif
