/*
 * $GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA, as in BIND: "$" is the number,
 * "${OFFSET,WIDTH,BASE}" formats it, "\$" and "$$" are a dollar sign.
 */
#include "zones/zonefile/zonefile_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_MAX = 2147483647, WIDTH_MAX = 255 };

/* Read a whole number and move past it. */
static bool
take_number(const char **at, long long *value)
{
	bool negative = **at == '-';
	const char *digit = *at + (negative || **at == '+');

	if (*digit < '0' || *digit > '9')
		return false;
	for (*value = 0; *digit >= '0' && *digit <= '9' && *value <= NUMBER_MAX; digit++)
		*value = *value * 10 + (*digit - '0');
	if (*value > NUMBER_MAX)
		return false;
	if (negative)
		*value = -*value;
	*at = digit;
	return true;
}

bool
generate_range(const char *text, struct generate_range *range)
{
	range->step = 1;
	if (*text == '-' || !take_number(&text, &range->start) || *text++ != '-' || *text == '-' ||
	    !take_number(&text, &range->stop))
		return false;
	if (*text == '/') {
		text++;
		if (!take_number(&text, &range->step))
			return false;
	}
	return *text == '\0' && range->step > 0 && range->stop >= range->start;
}

/* Hex digits in reverse order, with dots between them, at least width characters (for reverse zones of IPv6).
 */
static void
put_nibbles(FILE *out, unsigned value, unsigned width, bool upper)
{
	unsigned used = 0;

	do {
		fprintf(out, upper ? "%X" : "%x", value & 15);
		value >>= 4;
		used++;
		if (used < width || value > 0) {
			fputc('.', out);
			used++;
		}
	} while (used < width || value > 0);
}

static void
put_value(FILE *out, long long value, unsigned width, char base)
{
	int columns = (int)width;

	if (base == 'n' || base == 'N')
		put_nibbles(out, (unsigned)value, width, base == 'N');
	else if (base == 'd')
		fprintf(out, "%0*lld", columns, value);
	else if (base == 'o')
		fprintf(out, "%0*o", columns, (unsigned)value);
	else
		fprintf(out, base == 'X' ? "%0*X" : "%0*x", columns, (unsigned)value);
}

/* {OFFSET[,WIDTH[,BASE]]} after a dollar sign.  Returns false if it is invalid. */
static bool
put_form(FILE *out, const char **at, long long number)
{
	long long offset, width = 0;
	char base = 'd';

	(*at)++;
	if (!take_number(at, &offset))
		return false;
	if (**at == ',') {
		(*at)++;
		if (!take_number(at, &width) || width < 0 || width > WIDTH_MAX)
			return false;
	}
	if (**at == ',') {
		base = *++*at;
		if (base == '\0' || strchr("doxXnN", base) == NULL)
			return false;
		(*at)++;
	}
	if (*(*at)++ != '}')
		return false;
	put_value(out, number + offset, (unsigned)width, base);
	return true;
}

bool
generate_word(FILE *out, const char *word, long long number)
{
	while (*word != '\0') {
		if (*word != '$') {
			fputc(*word++, out);
			continue;
		}
		word++;
		if (*word == '$') {
			fputs("\\036", out);
			word++;
		} else if (*word != '{')
			fprintf(out, "%lld", number);
		else if (!put_form(out, &word, number))
			return false;
	}
	return true;
}
