#include "zones/ask/referral.h"

#include "zones/base/array.h"
#include "zones/dns/message.h"
#include "zones/dns/rrset.h"
#include "zones/dns/wire.h"

#include <stdlib.h>

enum { FLAG_AA = 0x0400, RCODE_MASK = 15, RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3 };

/* --- nameservers --- */

struct nameserver *
nameservers_find(const struct nameservers *all, const uint8_t *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (name_equal(all->list[i].name, name))
			return &all->list[i];
	return NULL;
}

struct nameserver *
nameservers_add(struct nameservers *all, const uint8_t *name)
{
	struct nameserver *found = nameservers_find(all, name);

	if (found != NULL)
		return found;
	all->list = array_grow(all->list, all->count, sizeof *all->list);
	found = &all->list[all->count++];
	*found = (struct nameserver){0};
	name_lower(found->name, name);
	return found;
}

bool
nameserver_has(const struct nameserver *nameserver, const struct address *address)
{
	for (size_t i = 0; i < nameserver->naddresses; i++)
		if (memcmp(&nameserver->addresses[i], address, sizeof *address) == 0)
			return true;
	return false;
}

void
nameserver_add_address(struct nameserver *nameserver, const struct address *address)
{
	if (nameserver_has(nameserver, address))
		return;
	nameserver->addresses =
	    array_grow(nameserver->addresses, nameserver->naddresses, sizeof *nameserver->addresses);
	nameserver->addresses[nameserver->naddresses++] = *address;
}

bool
nameservers_add_ns(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	const uint8_t *at = rrset->records;

	(void)owner_key;
	for (unsigned i = 0; rrset->type == TYPE_NS && i < rrset->count; i++) {
		uint16_t len;
		const uint8_t *target = rrset_next(&at, &len);

		if (name_valid(target, len) == len)
			nameservers_add(arg, target);
	}
	return true;
}

bool
nameserver_add_data(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	const uint8_t *at = rrset->records;

	(void)owner_key;
	for (unsigned i = 0; (rrset->type == TYPE_A || rrset->type == TYPE_AAAA) && i < rrset->count; i++) {
		struct address address = {.family = rrset->type == TYPE_A ? FAMILY_V4 : FAMILY_V6};
		uint16_t len;
		const uint8_t *data = rrset_next(&at, &len);

		if (len != address_len(&address))
			continue;
		memcpy(address.bytes, data, len);
		nameserver_add_address(arg, &address);
	}
	return true;
}

void
nameservers_free(struct nameservers *all)
{
	for (size_t i = 0; i < all->count; i++)
		free(all->list[i].addresses);
	free(all->list);
	*all = (struct nameservers){0};
}

/* --- messages --- */

enum section { ANSWER, AUTHORITY, ADDITIONAL };

struct answer {
	struct message message; /* positioned at the next record */
	unsigned flags;
	unsigned left[3]; /* records of each section */
};

/* False if it is no response, or its question cannot be read. */
static bool
begin(struct answer *answer, const uint8_t *octets, size_t len)
{
	uint8_t name[NAME_MAX_LEN];
	unsigned questions;

	*answer = (struct answer){.message = {.octets = octets, .len = len}};
	if (octets == NULL || len < WIRE_HEADER || !(octets[2] & 0x80))
		return false;
	answer->flags = get16(octets + 2);
	questions = get16(octets + 4);
	for (int i = 0; i < 3; i++)
		answer->left[i] = get16(octets + 6 + 2 * i);
	answer->message.at = WIRE_HEADER;
	for (; questions > 0 && !answer->message.wrong; questions--) {
		message_read_name(&answer->message, name);
		message_read32(&answer->message);
	}
	return !answer->message.wrong;
}

static unsigned
rcode(const struct answer *answer)
{
	return answer->flags & RCODE_MASK;
}

/* The next record and its section; false at the end, and if the message is malformed. */
static bool
next(struct answer *answer, struct message_record *record, enum section *section)
{
	int at = ANSWER;

	while (at <= ADDITIONAL && answer->left[at] == 0)
		at++;
	if (at > ADDITIONAL)
		return false;
	answer->left[at]--;
	*section = (enum section)at;
	message_read_record(&answer->message, record);
	return !answer->message.wrong;
}

static bool
is(const struct message_record *record, uint16_t type, const uint8_t *owner)
{
	return record->type == type && record->class == CLASS_IN && name_equal(record->owner, owner);
}

/* An A or AAAA record. */
static bool
read_address(const struct answer *answer, const struct message_record *record, struct address *address)
{
	size_t len = record->end - record->at;

	*address = (struct address){0};
	if (record->class != CLASS_IN ||
	    !((record->type == TYPE_A && len == 4) || (record->type == TYPE_AAAA && len == 16)))
		return false;
	address->family = len == 4 ? FAMILY_V4 : FAMILY_V6;
	memcpy(address->bytes, answer->message.octets + record->at, len);
	return true;
}

static void
add_target(struct nameservers *all, const struct answer *answer, const struct message_record *record)
{
	uint8_t data[2 * NAME_MAX_LEN];

	if (message_record_data(&answer->message, record, data, sizeof data) > 0)
		nameservers_add(all, data);
}

enum delegation_kind
delegation_read(const uint8_t *octets, size_t len, const uint8_t *zone, struct nameservers *referral)
{
	struct message_record record;
	struct nameserver *glued;
	struct answer answer;
	struct address address;
	enum section section;
	bool own = false;

	if (!begin(&answer, octets, len))
		return DELEGATION_UNKNOWN;
	if (rcode(&answer) == RCODE_NXDOMAIN)
		return answer.flags & FLAG_AA ? DELEGATION_ABSENT : DELEGATION_UNKNOWN;
	if (rcode(&answer) != RCODE_NOERROR)
		return DELEGATION_UNKNOWN;
	while (next(&answer, &record, &section)) {
		own |= section == ANSWER && is(&record, TYPE_NS, zone);
		if (section == AUTHORITY && is(&record, TYPE_NS, zone)) {
			add_target(referral, &answer, &record);
			referral->ttl = MAX(referral->ttl, record.ttl);
		} else if (section == ADDITIONAL && read_address(&answer, &record, &address) &&
		    (glued = nameservers_find(referral, record.owner)) != NULL)
			nameserver_add_address(glued, &address);
	}
	if (answer.message.wrong)
		return DELEGATION_UNKNOWN;
	if (own)
		return DELEGATION_HIDDEN;
	if (referral->count > 0)
		return DELEGATION_REFERRAL;
	return answer.flags & FLAG_AA ? DELEGATION_ABSENT : DELEGATION_UNKNOWN;
}

bool
ds_read(const uint8_t *octets, size_t len, const uint8_t *zone, ds_fn *fn, void *arg)
{
	struct message_record record;
	struct answer answer;
	enum section section;

	if (!begin(&answer, octets, len) ||
	    (rcode(&answer) != RCODE_NOERROR && rcode(&answer) != RCODE_NXDOMAIN))
		return false;
	while (next(&answer, &record, &section))
		if (section == ANSWER && is(&record, TYPE_DS, zone))
			fn(arg, (struct bytes){octets + record.at, record.end - record.at});
	return true;
}

bool
ns_read(const uint8_t *octets, size_t len, const uint8_t *name, struct nameservers *found)
{
	struct message_record record;
	struct answer answer;
	enum section section;

	if (!begin(&answer, octets, len) || rcode(&answer) != RCODE_NOERROR)
		return false;
	while (next(&answer, &record, &section))
		if (section == ANSWER && is(&record, TYPE_NS, name))
			add_target(found, &answer, &record);
	return found->count > 0;
}

void
addresses_read(const uint8_t *octets, size_t len, struct nameserver *nameserver)
{
	struct message_record record;
	struct answer answer;
	struct address address;
	enum section section;

	if (!begin(&answer, octets, len))
		return;
	while (next(&answer, &record, &section))
		if (section == ANSWER && read_address(&answer, &record, &address))
			nameserver_add_address(nameserver, &address);
}

void
soa_read(const uint8_t *octets, size_t len, const uint8_t *zone, struct soa_answer *out)
{
	uint8_t data[2 * NAME_MAX_LEN + 20];
	struct message_record record;
	struct answer answer;
	enum section section;

	*out = (struct soa_answer){0};
	if (!begin(&answer, octets, len))
		return;
	out->authoritative = answer.flags & FLAG_AA;
	out->rcode = rcode(&answer);
	while (next(&answer, &record, &section)) {
		out->opt |= section == ADDITIONAL && record.type == TYPE_OPT;
		if (section == ANSWER && is(&record, TYPE_SOA, zone)) {
			size_t data_len = message_record_data(&answer.message, &record, data, sizeof data);

			out->soa = data_len >= 22;
			if (out->soa)
				out->serial = get32(data + data_len - 20);
		}
	}
	out->readable = !answer.message.wrong;
}

int
serial_compare(uint32_t a, uint32_t b)
{
	return a == b ? 0 : a - b < UINT32_C(0x80000000) ? 1 : -1;
}
