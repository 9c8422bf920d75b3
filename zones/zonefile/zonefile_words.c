/* Read and write the words of master files for types and times. */
#include "zones/zonefile/rdata.h"

#include <ldns/ldns.h>
#include <strings.h>

void
zonefile_type_text(uint16_t type, char out[16])
{
	const ldns_rr_descriptor *descriptor = ldns_rr_descript(type);
	const struct rdata_type *own = rdata_type_by_number(type);

	if (own != NULL)
		snprintf(out, 16, "%s", own->name);
	else if (descriptor != NULL && descriptor->_type == type && descriptor->_name != NULL)
		snprintf(out, 16, "%s", descriptor->_name);
	else
		snprintf(out, 16, "TYPE%u", type);
}

uint16_t
zonefile_type(const char *text)
{
	const struct rdata_type *own;

	if (strncasecmp(text, "TYPE", 4) == 0 && text[4] != '\0') { /* RFC 3597 5 */
		uint64_t number;

		return whole_from_text(text + 4, UINT16_MAX, &number) ? (uint16_t)number : 0;
	}
	own = rdata_type_by_name(text);
	return own != NULL ? own->type : (uint16_t)ldns_get_rr_type_by_name(text);
}

bool
zonefile_is_data(uint16_t type)
{
	return type != 0 && type != TYPE_OPT && (type < 128 || type > 255);
}

bool
zonefile_is_dnssec(uint16_t type)
{
	return type == TYPE_DNSKEY || type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 ||
	    type == TYPE_NSEC3PARAM;
}

bool
zonefile_ttl(const char *text, uint64_t *ttl)
{
	static const char units[] = "smhdw";
	static const unsigned seconds[] = {1, 60, 3600, 86400, 604800};

	*ttl = 0;
	if (*text == '\0')
		return false;
	while (*text != '\0') {
		uint64_t value = 0;
		const char *unit;

		if (*text < '0' || *text > '9')
			return false;
		for (; *text >= '0' && *text <= '9'; text++)
			value = MIN(value * 10 + (uint64_t)(*text - '0'), UINT64_C(1) << 40);
		unit = *text ? strchr(units, *text | 0x20) : units;
		if (unit == NULL)
			return false;
		*ttl = MIN(*ttl + value * seconds[unit - units], UINT64_MAX / 4);
		text += *text != '\0';
	}
	return true;
}
