/*
 * nearest.h -- "did you mean": find the word that the user probably meant to type.
 */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/*
 * Offer candidates one after another; nearest_text gives the best of them, or "" if none is near: at most one
 * edit in words of up to four characters, two in longer ones, three from ten on.  An edit adds, removes or
 * replaces one character, or swaps two neighbours.  Starts as {.word = WORD}.
 */
struct nearest {
	const char *word;
	char best[64];
	unsigned distance; /* of best */
};
void nearest_offer(struct nearest *nearest, const char *candidate, size_t len);

/* The sentence to append: "; did you mean \"list\"?", or "" if no candidate is near.  Valid as long as
 * nearest. */
const char *nearest_text(struct nearest *nearest, char out[96]);

#endif
