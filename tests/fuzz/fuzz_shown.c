/*
 * What nameservers and servers of the parent answer to the looks of the signer: never a crash, a reason that
 * is a text, and an answer that shows nothing is refused. The input is a message; it is read as it came, and
 * as an answer for example.com.
 */
#include "signer/look/shown.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t zone[] = "\7example\3com";

static void
read_all(const uint8_t *octets, size_t len)
{
	struct signing_key keys[2] = {{.algorithm = 13, .key_tag = 1, .dnskey = {1, 1, 3, 13}},
	    {.algorithm = 15, .key_tag = 2, .dnskey = {1, 0, 3, 15}}};
	struct parent_time time = {0}, again;
	struct shown shown;
	char why[SHOWN_WHY];
	uint32_t ttl;

	for (unsigned i = 0; i < KEY_MARKS; i++)
		keys[0].marks[i] = MARK_EVERYWHERE;
	keys[1].marks[MARK_DNSKEY] = MARK_COMING;
	shown_fill(&shown, zone, keys, 2, len % 2 == 0);
	memset(why, 'x', sizeof why);
	if (!shown_dnskey(&shown, octets, len, 0, &ttl, why))
		assert(memchr(why, '\0', sizeof why) != NULL);
	memset(why, 'x', sizeof why);
	if (!shown_data(&shown, octets, len, 0, why))
		assert(memchr(why, '\0', sizeof why) != NULL);
	memset(why, 'x', sizeof why);
	if (!shown_ds(&shown, octets, len, 0, &ttl, why))
		assert(memchr(why, '\0', sizeof why) != NULL);
	else
		assert(len >= 12);
	memset(why, 'x', sizeof why);
	if (!shown_resolved_ds(&shown, octets, len, why))
		assert(memchr(why, '\0', sizeof why) != NULL);
	shown_time(&shown, octets, len, 0, &time);
	again = time;
	shown_time(&shown, octets, len, 0, &again); /* a second server with the same answer */
	assert(again.says == time.says && again.from == time.from && again.until == time.until);
	assert(time.says == PARENT_SILENT || len >= 12);
	assert(!shown_validated(octets, len) || !shown_failed(octets, len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t question[] = "\7example\3com\0\0\60\0\1";
	uint8_t message[65535];

	read_all(data, len);
	if (len < 12)
		return 0;
	/* The header of the input as that of an authoritative answer, the question, and the rest as records.
	 */
	memcpy(message, data, 12);
	message[2] = 0x84;
	message[3] = 0;
	message[4] = 0;
	message[5] = 1;
	memcpy(message + 12, question, sizeof question - 1);
	len = len - 12 < sizeof message - 64 ? len - 12 : sizeof message - 64;
	memcpy(message + 12 + sizeof question - 1, data + 12, len);
	read_all(message, 12 + sizeof question - 1 + len);
	return 0;
}
