/*
 * LOC (RFC 1876): the location of a host.
 *
 *     d1 [m1 [s1]] N|S  d2 [m2 [s2]] E|W  altitude[m] [size[m] [horizontal[m] [vertical[m]]]]
 */
#include "zones/zonefile/rdata.h"

enum {
	EQUATOR = 1u << 31,   /* thousandths of a second of arc: the equator, the prime meridian */
	ALTITUDE_0 = 10000000 /* centimetres above the lowest altitude */
};

/* A number with at most `places` decimals, times 10^places; a final "m" if unit.  Returns false if invalid.
 */
static bool
decimal(const char *text, unsigned places, bool unit, uint64_t *value)
{
	unsigned decimals = 0, digits = 0;
	bool point = false;

	for (*value = 0; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		if (*value > UINT64_MAX / 100 || (decimals += point) > places)
			return false;
		*value = *value * 10 + (uint64_t)(*text - '0');
		digits++;
	}
	for (; decimals < places; decimals++)
		*value *= 10;
	if (unit && *text == 'm')
		text++;
	return digits > 0 && *text == '\0';
}

/* Is the next token one of the two directions?  Steps over it. */
static bool
direction(struct rdata_input *in, const char two[3], bool *first)
{
	const char *token = rdata_more(in) ? line_token(in->line, in->next) : "";

	if (token[0] == '\0' || token[1] != '\0' || (token[0] != two[0] && token[0] != two[1]))
		return false;
	*first = token[0] == two[0];
	in->next++;
	return true;
}

/* Degrees, optional minutes and seconds (default 0), and a direction. */
static bool
read_angle(struct rdata_input *in, unsigned degrees_max, const char directions[3])
{
	uint64_t degrees = 0, minutes = 0, seconds = 0;
	const char *token;
	bool first, found;
	uint64_t angle;

	if (!rdata_number(in, degrees_max, &degrees))
		return false;
	found = direction(in, directions, &first);
	if (!found && !rdata_number(in, 59, &minutes))
		return false;
	found = found || direction(in, directions, &first);
	if (!found) {
		if ((token = rdata_token(in)) == NULL)
			return false;
		if (!decimal(token, 3, false, &seconds) || seconds > 59999)
			return rdata_refuse(in, "%.40s is not a number of seconds from 0 to 59.999", token);
		if (!direction(in, directions, &first))
			return rdata_refuse(in, "%c or %c is missing after degrees, minutes and seconds",
			    directions[0], directions[1]);
	}
	angle = (degrees * 3600 + minutes * 60) * 1000 + seconds;
	if (angle > degrees_max * UINT64_C(3600000))
		return rdata_refuse(in, "an angle has more than %u degrees", degrees_max);
	return rdata_put_number(in, first ? EQUATOR + angle : EQUATOR - angle, 4);
}

static bool
read_altitude(struct rdata_input *in)
{
	const char *token = rdata_token(in);
	bool below = token != NULL && *token == '-';
	uint64_t cm;

	if (token == NULL)
		return false;
	if (!decimal(token + below, 2, true, &cm) || cm > (below ? ALTITUDE_0 : UINT32_MAX - ALTITUDE_0))
		return rdata_refuse(in, "%.40s is not an altitude from -100000.00m to 42849672.95m", token);
	return rdata_put_number(in, below ? ALTITUDE_0 - cm : ALTITUDE_0 + cm, 4);
}

/* A size as one digit and a power of ten of centimetres, or the default. */
static bool
read_size(struct rdata_input *in, uint8_t *size)
{
	unsigned power = 0;
	const char *token;
	uint64_t cm;

	if (!rdata_more(in))
		return true;
	token = rdata_token(in);
	if (!decimal(token, 2, true, &cm) || cm > UINT64_C(9000000000))
		return rdata_refuse(in, "%.40s is not a size from 0m to 90000000.00m", token);
	for (; cm > 9; cm /= 10)
		power++;
	*size = (uint8_t)(cm << 4 | power);
	return true;
}

bool
rdata_read_loc(struct rdata_input *in)
{
	uint8_t head[4] = {0, 0x12, 0x16, 0x13}; /* version, and the defaults: 1 m, 10 km, 10 m */
	size_t start = in->len;

	if (!rdata_put(in, head, 4) || !read_angle(in, 90, "NS") || !read_angle(in, 180, "EW") ||
	    !read_altitude(in))
		return false;
	for (size_t i = 1; i < 4; i++)
		if (!read_size(in, &in->out[start + i]))
			return false;
	return true;
}

static void
write_angle(FILE *out, uint32_t angle, const char directions[3])
{
	uint32_t size = angle >= EQUATOR ? angle - EQUATOR : EQUATOR - angle;

	fprintf(out, "%u %u %u.%03u %c ", size / 3600000, size / 60000 % 60, size / 1000 % 60, size % 1000,
	    directions[angle >= EQUATOR ? 0 : 1]);
}

static void
write_size(FILE *out, uint8_t size)
{
	uint64_t cm = size >> 4;

	for (unsigned power = size & 15; power > 0; power--)
		cm *= 10;
	fprintf(out, " %llu", (unsigned long long)cm / 100);
	if (cm % 100 != 0)
		fprintf(out, ".%02u", (unsigned)(cm % 100));
	fputc('m', out);
}

bool
rdata_write_loc(FILE *out, struct reader *in)
{
	const uint8_t *head = read_bytes(in, 4);
	uint32_t latitude = read32(in), longitude = read32(in);
	int64_t altitude = (int64_t)read32(in) - ALTITUDE_0;
	uint64_t height = (uint64_t)(altitude < 0 ? -altitude : altitude);

	if (in->bad)
		return false;
	write_angle(out, latitude, "NS");
	write_angle(out, longitude, "EW");
	fprintf(out, "%s%llu.%02llum", altitude < 0 ? "-" : "", (unsigned long long)height / 100,
	    (unsigned long long)height % 100);
	for (size_t i = 1; i < 4; i++)
		write_size(out, head[i]);
	return head[0] == 0;
}
