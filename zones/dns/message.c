#include "zones/dns/message.h"

#include "zones/dns/rrset.h"

uint16_t
message_read16(struct message *message)
{
	message->wrong = message->wrong || message->len - message->at < 2;
	if (message->wrong)
		return 0;
	message->at += 2;
	return get16(message->octets + message->at - 2);
}

uint32_t
message_read32(struct message *message)
{
	uint32_t high = message_read16(message);

	return high << 16 | message_read16(message);
}

size_t
message_read_name(struct message *message, uint8_t out[NAME_MAX_LEN])
{
	size_t at = message->at, len = 0, end = 0, before = at;
	unsigned pointers = 0;

	while (at < message->len) {
		uint8_t octet = message->octets[at];

		if (octet >= 0xc0 && at + 1 < message->len) {
			size_t to = get16(message->octets + at) & 0x3fffu;

			if (end == 0)
				end = at + 2;
			if (to >= before || ++pointers > NAME_MAX_LABELS)
				break;
			at = before = to;
		} else if (octet > 63 || at + 1 + octet > message->len ||
		    len + 1 + octet + (octet != 0) > NAME_MAX_LEN)
			break;
		else {
			memcpy(out + len, message->octets + at, 1u + octet);
			len += 1u + octet;
			at += 1u + octet;
			if (octet != 0)
				continue;
			message->at = end == 0 ? at : end;
			return len;
		}
	}
	message->wrong = true;
	out[0] = 0;
	return 1;
}

void
message_read_record(struct message *message, struct message_record *record)
{
	size_t len;

	message_read_name(message, record->owner);
	record->type = message_read16(message);
	record->class = message_read16(message);
	record->ttl = message_read32(message);
	len = message_read16(message);
	if (message->wrong || len > message->len - message->at) {
		message->wrong = true;
		return;
	}
	record->at = message->at;
	record->end = message->at += len;
}

/* RFC 3597 4: the types whose names may be compressed, with the octets before the names and the number of
 * names. */
static const struct {
	uint16_t type;
	uint8_t before, names;
} compressible[] = {{TYPE_NS, 0, 1}, {TYPE_CNAME, 0, 1}, {TYPE_PTR, 0, 1}, {TYPE_DNAME, 0, 1},
    {TYPE_SOA, 0, 2}, {TYPE_MX, 2, 1}, {14 /* MINFO */, 0, 2}, {17 /* RP */, 0, 2}, {18 /* AFSDB */, 2, 1},
    {21 /* RT */, 2, 1}, {26 /* PX */, 2, 2}, {TYPE_SRV, 6, 1}, {36 /* KX */, 2, 1}};

size_t
message_record_data(
    const struct message *message, const struct message_record *record, uint8_t *out, size_t room)
{
	struct message data = {.octets = message->octets, .len = record->end, .at = record->at};
	size_t len = 0, rest, before = 0, names = 0;

	for (size_t i = 0; i < NITEMS(compressible); i++)
		if (compressible[i].type == record->type) {
			before = compressible[i].before;
			names = compressible[i].names;
		}
	if (record->end - record->at < before)
		return 0;
	memcpy(out, data.octets + data.at, before);
	data.at += before;
	len = before;
	for (; names > 0; names--)
		len += message_read_name(&data, out + len);
	rest = record->end - MIN(data.at, record->end);
	if (data.wrong || rest > room - len)
		return 0;
	memcpy(out + len, data.octets + data.at, rest);
	return len + rest;
}
