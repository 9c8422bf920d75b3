#include "zones/base/nearest.h"

#include "zones/base/util.h"

#include <stdio.h>

enum { LONGEST = 63 };

/* Optimal string alignment: three rows of the table are enough. */
static unsigned
distance(const char *a, size_t len_a, const char *b, size_t len_b)
{
	unsigned rows[3][LONGEST + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= len_b; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= len_a; i++) {
		unsigned *oldest = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= len_b; j++) {
			unsigned least = last[j - 1] + (a[i - 1] != b[j - 1]);

			least = MIN(least, last[j] + 1);
			least = MIN(least, row[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				least = MIN(least, before[j - 2] + 1);
			row[j] = least;
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[len_b];
}

void
nearest_offer(struct nearest *nearest, const char *candidate, size_t len)
{
	size_t mine = strlen(nearest->word);
	unsigned most = mine < 5 ? 1 : mine < 10 ? 2 : 3, edits;

	if (mine == 0 || mine > LONGEST || len == 0 || len > LONGEST)
		return;
	edits = distance(nearest->word, mine, candidate, len);
	if (edits > most || edits >= MIN(mine, len) ||
	    (nearest->best[0] != '\0' && edits >= nearest->distance))
		return;
	nearest->distance = edits;
	snprintf(nearest->best, sizeof nearest->best, "%.*s", (int)len, candidate);
}

const char *
nearest_text(struct nearest *nearest, char out[96])
{
	out[0] = '\0';
	if (nearest->best[0] != '\0')
		snprintf(out, 96, "; did you mean \"%s\"?", nearest->best);
	return out;
}
