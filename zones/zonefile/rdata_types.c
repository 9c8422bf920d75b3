/* The table of the types that this program reads and writes itself; it calls no other file. */
#include "zones/zonefile/rdata.h"

#include <strings.h>

/*
 * Letters of the fields, in the order of the data:
 *
 *     1 2 4   a whole number with that size in octets         p  seconds, or 1h30m (four octets)
 *     n        a domain name                            t  a record type (two octets)
 *     s        a string (one length octet)              S  one string or more
 *     T        text to the end, one token               g  a tag of letters and digits (CAA)
 *     b B      base64 to the end; B: not empty          X  hex to the end
 *     d        base64 to the end, or "-" for none       m  a bitmap of types to the end
 *     c        a scheme of DSYNC (one octet)            q  a number of CBHE: N or HIGH.LOW (eight octets)
 */
static const struct rdata_type types[] = {
    /* ldns up to 1.8.4: times over 4,294,967,295 wrap around. */
    {.type = TYPE_SOA, .name = "SOA", .fields = "nn4pppp"},
    /* ldns up to 1.8.4: a protocol over 255 wraps around, names depend on the machine's files. */
    {.type = 11, .name = "WKS", .family = RDATA_WKS},
    /* ldns up to 1.8.4: reads a string (RFC 1706 6: a name). */
    {.type = 23, .name = "NSAP-PTR", .fields = "n"},
    /* ldns up to 1.8.4: no range is checked; a longitude takes the latitude's minutes and seconds. */
    {.type = 29, .name = "LOC", .family = RDATA_LOC},
    /* ldns up to 1.8.4: reads only one of the four fields. */
    {.type = 40, .name = "SINK", .fields = "111b"},
    /* ldns up to 1.8.4: accepts prefixes of any length; refuses an empty list. */
    {.type = 42, .name = "APL", .family = RDATA_APL},
    /* ldns up to 1.8.4: names are not completed, numbers wrap around, the key is one word. */
    {.type = 45, .name = "IPSECKEY", .family = RDATA_IPSECKEY},
    /* ldns up to 1.8.4: an algorithm over 255 wraps around. */
    {.type = 55, .name = "HIP", .family = RDATA_HIP},
    {.type = 56, .name = "NINFO", .fields = "S"},
    {.type = 57, .name = "RKEY", .fields = "211B"},
    /* ldns up to 1.8.4: refuses a list without types. */
    {.type = 62, .name = "CSYNC", .fields = "42m"},
    /* ldns up to 1.8.4: does not check RFC 9460 2.1, 2.2 and 8, and reads escapes in lists wrong. */
    {.type = TYPE_SVCB, .name = "SVCB", .family = RDATA_SVCB},
    {.type = TYPE_HTTPS, .name = "HTTPS", .family = RDATA_SVCB},
    {.type = 66, .name = "DSYNC", .fields = "tc2n"},
    {.type = 67, .name = "HHIT", .fields = "B"},
    {.type = 68, .name = "BRID", .fields = "B"},
    {.type = 100, .unnamed = true, .name = "UINFO", .fields = ""},
    {.type = 101, .unnamed = true, .name = "UID", .fields = ""},
    {.type = 102, .unnamed = true, .name = "GID", .fields = ""},
    {.type = 103, .unnamed = true, .name = "UNSPEC", .fields = ""},
    /* ldns up to 1.8.4: accepts only quoted text (RFC 8659 4.1.1). */
    {.type = 257, .name = "CAA", .fields = "1gT"},
    {.type = 258, .name = "AVC", .fields = "S"},
    {.type = 259, .name = "DOA", .fields = "441sd"},
    {.type = 260, .name = "AMTRELAY", .family = RDATA_AMTRELAY},
    /* ldns 1.8.4 knows RESINFO, and reads WALLET like TXT. */
    {.type = 261, .name = "RESINFO", .fields = "S"},
    {.type = 262, .name = "WALLET", .fields = "S"},
    {.type = 263, .unnamed = true, .name = "CLA", .fields = "S"},
    {.type = 264, .unnamed = true, .name = "IPN", .fields = "q"},
    {.type = 32768, .name = "TA", .fields = "211X"},
};

const struct rdata_type *
rdata_type_by_number(uint16_t type)
{
	for (size_t i = 0; i < NITEMS(types); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

const struct rdata_type *
rdata_type_by_name(const char *name)
{
	for (size_t i = 0; i < NITEMS(types); i++)
		if (strcasecmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}
