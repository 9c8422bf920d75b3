/* shown_answers.h -- answers of servers, octet by octet, for the tests of looks. */
#ifndef SHOWN_ANSWERS_H
#define SHOWN_ANSWERS_H

#include "signer/look/shown.h"

#include "zones/dns/wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NOW = 1000000, AA = 0x8400, ROOM = 2048 };

static uint8_t apex[NAME_MAX_LEN];
static struct signing_key keys[3];
static uint8_t answer[ROOM];
static struct writer writer;

static inline int
set_up(void **state)
{
	(void)state;
	name_from_text(apex, "roll.example.", NULL);
	for (unsigned i = 0; i < NITEMS(keys); i++) {
		struct signing_key *key = &keys[i];

		*key = (struct signing_key){.algorithm = 13};
		memset(key->dnskey, (int)i + 1, sizeof key->dnskey);
		key->dnskey[0] = 1, key->dnskey[1] = 1, key->dnskey[2] = 3, key->dnskey[3] = 13;
		key->key_tag = dnskey_tag(key->dnskey, sizeof key->dnskey);
		put16(key->ds, key->key_tag);
		key->ds[2] = 13, key->ds[3] = 2;
		memset(key->ds + 4, (int)i + 1, 32);
	}
	return 0;
}

/* ---- answers ---- */

static inline void
begin(unsigned flags)
{
	writer = (struct writer){answer, answer, answer + sizeof answer, false};
	write16(&writer, 1);
	write16(&writer, (uint16_t)flags);
	write32(&writer, 0);
	write32(&writer, 0);
}

static inline void
add(uint16_t type, uint32_t ttl, const void *data, size_t len)
{
	write_bytes(&writer, apex, name_len(apex));
	write16(&writer, type);
	write16(&writer, CLASS_IN);
	write32(&writer, ttl);
	write16(&writer, (uint16_t)len);
	write_bytes(&writer, data, len);
	put16(answer + 6, (uint16_t)(get16(answer + 6) + 1));
}

static inline void
add_dnskey(unsigned key)
{
	add(TYPE_DNSKEY, 60, keys[key].dnskey, DNSKEY_MAX);
}

static inline void
add_ds(unsigned key)
{
	add(TYPE_DS, 3600, keys[key].ds, DS_OCTETS);
}

static inline void
add_rrsig(uint16_t type, unsigned key, uint32_t expiration)
{
	uint8_t data[RRSIG_FIXED + NAME_MAX_LEN + SIGNATURE_OCTETS] = {0};

	put16(data, type);
	data[2] = 13;
	put32(data + 8, expiration);
	put16(data + 16, keys[key].key_tag);
	memcpy(data + RRSIG_FIXED, apex, name_len(apex));
	add(TYPE_RRSIG, 60, data, RRSIG_FIXED + name_len(apex) + SIGNATURE_OCTETS);
}

/* Key 0 has all marks, key 1 comes: it is in DNSKEY and signs it. Key 2 is not of the zone. */
static inline struct shown
wanted(void)
{
	struct shown shown;

	memset(keys[0].marks, MARK_EVERYWHERE, sizeof keys[0].marks);
	memset(keys[1].marks, MARK_HIDDEN, sizeof keys[1].marks);
	keys[1].marks[MARK_DNSKEY] = keys[1].marks[MARK_SIGNS] = MARK_COMING;
	shown_fill(&shown, apex, keys, 2, false);
	return shown;
}

static inline size_t
written(void)
{
	return (size_t)(writer.at - answer);
}

static char why[SHOWN_WHY];

/* Key 0 is the zone's own; providers has the marks of key 2. */
static inline struct shown
wanted_with(const char *marks)
{
	struct shown shown;

	memset(keys[0].marks, MARK_EVERYWHERE, sizeof keys[0].marks);
	for (unsigned i = 0; i < KEY_MARKS; i++)
		keys[2].marks[i] = marks[i] == '1' ? MARK_COMING : MARK_HIDDEN;
	shown_fill(&shown, apex, keys, 1, false);
	shown_add_providers(&shown, &keys[2], 1);
	return shown;
}

#endif
