#include "zones/document/public_key.h"

#include "zones/base/text.h"
#include "zones/dns/wire.h"
#include "zones/zonefile/zonefile.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { PROTOCOL = 3, FIXED = 4, SHOWN = 60 };

/* The data behind the type of a whole record; all of it if there is no type. */
static const char *
data_of(const char *text)
{
	const char *type = strcasestr(text, "DNSKEY");

	/* Base64 may have these letters, but no blank on both sides. */
	return type != NULL && type != text && strchr(" \t", type[-1]) != NULL && type[6] != '\0' &&
		strchr(" \t", type[6]) != NULL
	    ? type + 6
	    : text;
}

static size_t
length_of(uint8_t algorithm)
{
	return algorithm == ALGORITHM_ECDSAP256 ? DNSKEY_MAX
	    : algorithm == ALGORITHM_ED25519    ? FIXED + 32
						: 0;
}

bool
public_key_read(struct public_key *out, const char *text, struct problems *problems)
{
	uint8_t *rdata = xmalloc(65535);
	struct problems found = {0};
	size_t len;

	if (!zonefile_rdata(TYPE_DNSKEY, data_of(text), NULL, rdata, &len, &found) || len <= FIXED)
		problems_error(problems, "\"%.*s\" is not a DNSKEY record, as 257 3 13 KEY", SHOWN, text);
	else if (!(get16(rdata) & DNSKEY_ZONE) || rdata[2] != PROTOCOL)
		problems_error(problems,
		    "DNSKEY %u is not the key of a zone: its flags are 256 or 257, its protocol is 3",
		    dnskey_tag(rdata, len));
	else if (get16(rdata) & DNSKEY_REVOKE)
		problems_error(problems, "DNSKEY %u is revoked (RFC 5011)", dnskey_tag(rdata, len));
	else if (length_of(rdata[3]) == 0)
		problems_error(problems,
		    "DNSKEY %u has algorithm %u: all providers of a zone sign with the same one (RFC 8901 "
		    "3), 13 or 15",
		    dnskey_tag(rdata, len), rdata[3]);
	else if (length_of(rdata[3]) != len)
		problems_error(problems, "DNSKEY %u has %zu octets of key, not %zu", dnskey_tag(rdata, len),
		    len - FIXED, length_of(rdata[3]) - FIXED);
	else {
		*out = (struct public_key){.len = (uint16_t)len};
		memcpy(out->dnskey, rdata, len);
		free(rdata);
		problems_free(&found);
		return true;
	}
	free(rdata);
	problems_free(&found);
	return false;
}

char *
public_key_text(const struct public_key *key)
{
	char *text = NULL;
	size_t size;
	FILE *out = text_stream(&text, &size);

	zonefile_write_rdata(out, TYPE_DNSKEY, key->dnskey, key->len);
	fclose(out);
	return text;
}
