/*
 * What strangers answer to the doctor: never a crash, and facts that hold together.  The input is a message;
 * it is read as it came, and then as an answer to the question for example.com.
 */
#include "zones/ask/referral.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
inspect_ds(void *arg, struct bytes data)
{
	const struct bytes *message = arg;
	const uint8_t *first = data.data, *octets = message->data;

	assert(first >= octets && first + data.len <= octets + message->len);
}

static void
read_all(const uint8_t *octets, size_t len)
{
	static const uint8_t zone[] = "\7example\3com";
	struct nameservers referral = {0}, found = {0};
	struct nameserver one = {0};
	struct nameservers ones = {0};
	struct bytes message = {octets, len};
	struct soa_answer answer;
	enum delegation_kind kind = delegation_read(octets, len, zone, &referral);

	assert(kind != DELEGATION_REFERRAL || referral.count > 0);
	for (size_t i = 0; i < referral.count; i++) {
		assert(name_valid(referral.list[i].name, NAME_MAX_LEN) > 0);
		assert(nameservers_find(&referral, referral.list[i].name) == &referral.list[i]);
	}
	assert(ns_read(octets, len, zone, &found) == (found.count > 0));
	ds_read(octets, len, zone, inspect_ds, &message);
	addresses_read(octets, len, &one);
	for (size_t i = 0; i < one.naddresses; i++)
		nameserver_add_address(nameservers_add(&ones, zone), &one.addresses[i]);
	assert(one.naddresses == (ones.count > 0 ? ones.list[0].naddresses : 0));
	soa_read(octets, len, zone, &answer);
	assert(answer.rcode < 16);
	nameservers_free(&referral);
	nameservers_free(&found);
	nameservers_free(&ones);
	free(one.addresses);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t question[] = "\7example\3com\0\0\2\0\1";
	uint8_t message[65535];

	read_all(data, len);
	if (len < 12)
		return 0;
	/* The header of the input, the question, and the rest of the input as records. */
	memcpy(message, data, 12);
	message[2] |= 0x80;
	message[4] = 0;
	message[5] = 1;
	memcpy(message + 12, question, sizeof question - 1);
	len = len - 12 < sizeof message - 64 ? len - 12 : sizeof message - 64;
	memcpy(message + 12 + sizeof question - 1, data + 12, len);
	read_all(message, 12 + sizeof question - 1 + len);
	return 0;
}
