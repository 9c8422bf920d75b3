/*
 * HIP (RFC 8005 6): algorithm, host identity tag in hex, public key in base64, names of rendezvous servers.
 */
#include "zones/zonefile/rdata.h"

/* Read only the next token, as if it were the whole data, and append its octets. */
static bool
read_one(struct rdata_input *in, bool (*read)(struct rdata_input *in))
{
	size_t count = in->line->count;
	bool good;

	in->line->count = MIN(in->next + 1, count);
	good = read(in);
	in->line->count = count;
	return good;
}

static bool
read_key(struct rdata_input *in)
{
	return rdata_read_base64(in, false);
}

bool
rdata_read_hip(struct rdata_input *in)
{
	uint64_t algorithm;
	size_t head = in->len, tag, key;

	if (!rdata_number(in, 255, &algorithm) || !rdata_put_number(in, 0, 1) ||
	    !rdata_put_number(in, algorithm, 1) || !rdata_put_number(in, 0, 2))
		return false;
	if (!read_one(in, rdata_read_hex))
		return false;
	tag = in->len - head - 4;
	if (!read_one(in, read_key))
		return false;
	key = in->len - head - 4 - tag;
	if (tag == 0 || tag > 255 || key == 0)
		return rdata_refuse(in, "the tag must have 1 to 255 octets, and the key at least one");
	in->out[head] = (uint8_t)tag;
	put16(in->out + head + 2, (uint16_t)key);
	while (rdata_more(in))
		if (!rdata_read_name(in))
			return false;
	return true;
}

bool
rdata_write_hip(FILE *out, struct reader *in)
{
	unsigned tag_len = read8(in), algorithm = read8(in), key_len = read16(in);
	const uint8_t *tag = read_bytes(in, tag_len), *key = read_bytes(in, key_len);

	if (in->bad)
		return false;
	fprintf(out, "%u ", algorithm);
	for (unsigned i = 0; i < tag_len; i++)
		fprintf(out, "%02x", tag[i]);
	fputc(' ', out);
	rdata_write_base64(out, key, key_len);
	while (in->at < in->end && !in->bad) {
		fputc(' ', out);
		rdata_write_name(out, in);
	}
	return !in->bad;
}
