#include "dnsd/response.h"

enum {
	FLAG_RESPONSE = 0x8000,
	FLAG_AUTHORITATIVE = 0x0400,
	FLAG_TRUNCATED = 0x0200,
	FLAG_RECURSION_DESIRED = 0x0100,
	FLAG_CHECKING_DISABLED = 0x0010,
	RR_HEAD = 12,
	POINTER_LEN = 2
};

struct response {
	struct writer writer;
	const struct query *query;
	const struct answer *answer;
	uint16_t positions[ANSWER_ITEMS_MAX]; /* offset of each item in the message */
	uint8_t owners[ANSWER_ITEMS_MAX];     /* length of the owner in each of its records */
	uint16_t counts[3];
	bool truncated;
};

/* The offset of a name in its written item: owners that are not pointers shift the data after them. */
static size_t
offset_written(const struct response *response, const struct answer_name *name)
{
	const uint8_t *wire = response->answer->items[name->item].wire;
	uint8_t owner = response->owners[name->item];
	size_t offset = name->offset;

	if (owner != POINTER_LEN)
		for (size_t at = 0; at < name->offset; at += RR_HEAD + get16(wire + at + 10))
			offset = offset + owner - POINTER_LEN;
	return offset;
}

/* The offset of an item's owner in the message. */
static size_t
owner_position(const struct response *response, const struct answer_item *item)
{
	const struct answer_name *name = &response->answer->names[item->name];

	if (name->item == UINT8_MAX)
		return WIRE_HEADER + item->skip;
	return response->positions[name->item] + offset_written(response, name) + item->skip;
}

/*
 * The common case: every record's owner is a pointer of two octets (RFC 1035 4.1.4), as in the fragment,
 * which is copied.
 */
static void
write_with_pointer(struct writer *writer, const struct answer_item *item, uint16_t pointer)
{
	uint8_t *at = write_room(writer, item->len);

	if (at == NULL)
		return;
	memcpy(at, item->wire, item->len);
	for (unsigned i = 0; i < item->count + item->signatures; i++) {
		put16(at, pointer);
		put32(at + 6, item->ttl);
		at += RR_HEAD + get16(at + 10);
	}
}

/*
 * The root needs no pointer, and pointers reach only 16 KiB: write the whole owner. The wire of a steered
 * CNAME does not contain its signature.
 */
static void
write_records(struct writer *writer, const struct answer_item *item, const uint8_t *owner, size_t owner_len)
{
	unsigned count = item->count + (item->steered ? 0u : item->signatures);
	const uint8_t *at = item->wire;

	for (unsigned i = 0; i < count; i++) {
		uint16_t rdlen = get16(at + 10);

		write_bytes(writer, owner, owner_len);
		write_bytes(writer, at + 2, 4);
		write32(writer, item->ttl);
		write_bytes(writer, at + 10, 2u + rdlen);
		at += RR_HEAD + rdlen;
	}
}

/* Write the addresses that steering chose (S15: all in rotated order, or those of its list). */
static void
write_steered(struct writer *writer, const struct answer_item *item, const struct steer_choice *choice,
    const uint8_t *owner, size_t owner_len)
{
	unsigned address_len = choice->family == TABLE_V4 ? 4 : 16;

	for (unsigned i = 0; i < item->count; i++) {
		uint8_t *at = write_room(writer, owner_len + 10 + address_len);

		if (at == NULL)
			return;
		memcpy(at, owner, owner_len);
		at += owner_len;
		put16(at, choice->family == TABLE_V4 ? TYPE_A : TYPE_AAAA);
		put16(at + 2, CLASS_IN);
		put32(at + 4, item->ttl);
		put16(at + 8, (uint16_t)address_len);
		memcpy(at + 10, steer_address(choice, i)->bytes, address_len);
	}
}

/* A signature of a steered RRset, put together from the table's entry (S100). */
static void
write_signature(struct writer *writer, const struct answer_signature *steered, unsigned number, uint32_t ttl,
    const uint8_t *owner, size_t owner_len)
{
	size_t len = rrsig_octets(steered->zone->apex_len) - POINTER_LEN;
	uint8_t *at = write_room(writer, owner_len + len);
	struct rrsig_covers covers = {.apex = steered->zone->apex,
	    .apex_len = steered->zone->apex_len,
	    .type = steered->type,
	    .labels = steered->labels,
	    .ttl = steered->ttl};

	if (at == NULL)
		return;
	memcpy(at, owner, owner_len);
	rrsig_write_after_owner(at + owner_len, &covers, ttl, &steered->signatures[number]);
}

/* Does the question's name end with the apex of this zone? */
static bool
asked_within(const struct question *question, const struct zone *zone)
{
	return question->path.labels >= zone->labels && question->path.hash[zone->labels] == zone->apex_hash;
}

/*
 * An NSEC and its signatures. Its owner stands nowhere else in the message: it is written once, with a
 * pointer to the apex in the question if that is there, and the signatures point to it.
 */
static void
write_nsec(struct response *response, const struct answer_item *item)
{
	struct writer *writer = &response->writer;
	const struct question *question = &response->query->question;
	const struct zone *zone = item->zone;
	size_t start = (size_t)(writer->at - writer->start);
	const uint8_t *at = item->wire;
	bool by_apex = asked_within(question, zone) && zone->labels > 0;
	/* The owner is the pointer to the apex alone: no pointer points to it. */
	bool alone = by_apex && item->owner->name_len == 0;

	for (unsigned i = 0; i < item->count + item->signatures; i++) {
		uint16_t rdlen = get16(at + 10);

		if (i > 0 && start <= WIRE_POINTER_MAX && !alone) {
			write16(writer, (uint16_t)(0xC000 | start));
		} else {
			write_bytes(writer, node_name(item->owner), item->owner->name_len);
			if (by_apex)
				write16(writer,
				    (uint16_t)(0xC000 | (WIRE_HEADER + question->path.at[zone->labels])));
			else
				write_bytes(writer, zone->apex, zone->apex_len);
		}
		write_bytes(writer, at + 2, 4);
		write32(writer, item->ttl);
		write_bytes(writer, at + 10, 2u + rdlen);
		at += RR_HEAD + rdlen;
	}
}

/* Write an item whose owner is a name of the message, at this offset. */
static void
write_owned(struct response *response, unsigned position, size_t owner)
{
	const struct answer *answer = response->answer;
	const struct answer_item *item = &answer->items[position];
	struct writer *writer = &response->writer;
	const uint8_t *name = writer->start + owner;
	uint8_t pointer[POINTER_LEN];
	bool by_pointer = owner <= WIRE_POINTER_MAX && *name != 0;
	const uint8_t *written = by_pointer ? pointer : name;

	put16(pointer, (uint16_t)(0xC000 | owner));
	response->owners[position] = by_pointer ? POINTER_LEN : (uint8_t)name_len(name);
	if (item->steered) {
		if (item->cname)
			write_records(writer, item, written, response->owners[position]);
		else
			write_steered(writer, item, &answer->choice, written, response->owners[position]);
		for (unsigned i = 0; i < item->signatures; i++)
			write_signature(
			    writer, &answer->steered, i, item->ttl, written, response->owners[position]);
	} else if (by_pointer) {
		write_with_pointer(writer, item, get16(pointer));
	} else {
		write_records(writer, item, name, response->owners[position]);
	}
}

static void
write_item(struct response *response, unsigned position)
{
	const struct answer_item *item = &response->answer->items[position];
	struct writer *writer = &response->writer;
	uint8_t *before = writer->at;

	response->positions[position] = (uint16_t)(before - writer->start);
	if (item->owner != NULL)
		write_nsec(response, item);
	else
		write_owned(response, position, owner_position(response, item));
	if (writer->bad) {
		/* RFC 2181 9: never a part of an RRset. */
		writer->bad = false;
		writer->at = before;
		response->truncated = !item->optional;
		return;
	}
	response->counts[item->section] += item->count + item->signatures;
}

size_t
response_write(const struct query *query, const struct answer *answer, const struct edns_reply *reply,
    uint8_t *out, size_t outlen)
{
	size_t limit = MIN(outlen, query->limit), opt = edns_len(&query->edns, reply);
	struct response response;
	struct writer *writer = &response.writer;
	uint16_t flags = FLAG_RESPONSE;

	if (limit < WIRE_HEADER + query->question_len + opt)
		return 0; /* impossible: 512 octets are enough */
	response.query = query;
	response.answer = answer;
	response.truncated = answer->truncated;
	memset(response.counts, 0, sizeof response.counts);
	*writer = (struct writer){.start = out, .at = out + WIRE_HEADER, .end = out + limit - opt};
	/* Copy the question: keep the client's case (0x20). */
	write_bytes(writer, query->question_wire, query->question_len);
	for (unsigned i = 0; i < answer->nitems && !response.truncated; i++)
		write_item(&response, i);
	response.truncated |= answer->lacks_glue;
	writer->end = out + limit;
	edns_write(writer, &query->edns, reply, answer->rcode, answer->scope);

	flags |= (uint16_t)(query->opcode << 11);
	flags |= answer->authoritative ? FLAG_AUTHORITATIVE : 0;
	flags |= response.truncated ? FLAG_TRUNCATED : 0;
	flags |= query->recursion_desired ? FLAG_RECURSION_DESIRED : 0;
	flags |= query->checking_disabled ? FLAG_CHECKING_DISABLED : 0;
	flags |= answer->rcode & 15;
	put16(out, query->id);
	put16(out + 2, flags);
	put16(out + 4, query->question_len > 0);
	put16(out + 6, response.counts[SECTION_ANSWER]);
	put16(out + 8, response.counts[SECTION_AUTHORITY]);
	put16(out + 10, (uint16_t)(response.counts[SECTION_ADDITIONAL] + query->edns.present));
	return (size_t)(writer->at - out);
}
