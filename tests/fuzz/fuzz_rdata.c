/*
 * Data of records from strangers.  Two octets choose a type, the third a reading: as text (accepted data is
 * written as text that reads back the same), or as octets of the store (any may be written; a text of them
 * reads back the same).
 */
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
write_and_read_again(uint16_t type, const uint8_t *rdata, size_t len, bool valid)
{
	static uint8_t again[65535];
	struct problems problems = {0};
	char *text;
	size_t text_len, again_len = 0;
	FILE *out = open_memstream(&text, &text_len);

	zonefile_write_rdata(out, type, rdata, len);
	fclose(out);
	if (valid || strncmp(text, "\\#", 2) != 0) {
		assert(zonefile_rdata(type, text, NULL, again, &again_len, &problems));
		assert(again_len == len && memcmp(again, rdata, len) == 0);
	}
	problems_free(&problems);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t origin[] = "\7example\3com";
	/* Most inputs are of the types that graycloud reads itself. */
	static const uint16_t ours[] = {
	    6, 11, 23, 29, 40, 42, 45, 56, 57, 62, 64, 65, 66, 67, 257, 258, 259, 260, 261, 264, 32768};
	static uint8_t rdata[65535];
	struct problems problems = {0};
	uint16_t type;
	size_t rdata_len;
	char *text;

	if (len < 3 || len > 60000)
		return 0;
	type = data[2] & 2 ? get16(data) : ours[get16(data) % NITEMS(ours)];
	if (data[2] & 1) {
		write_and_read_again(type, data + 3, len - 3, false);
		return 0;
	}
	text = xmalloc(len - 2);
	memcpy(text, data + 3, len - 3);
	text[len - 3] = '\0';
	if (zonefile_rdata(type, text, origin, rdata, &rdata_len, &problems))
		write_and_read_again(type, rdata, rdata_len, true);
	problems_free(&problems);
	free(text);
	return 0;
}
